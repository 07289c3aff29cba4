/* What is kept, and when a snapshot is made: when this node keeps too much, or others ask.
 *
 * Too much is kept for nodes that are behind, or, of what was given to an application elsewhere, for that.
 * Of the ledger each makes one at the checkpoint that comes next. Of an application elsewhere one is
 * good that f+1 have alike, so who needs one asks all, itself too, for that of one epoch, which is far
 * enough ahead that all hear of it before, and of few, so that two who ask ask for the same. Who has
 * executed that epoch already makes none. Each asker is heard by itself, once in a while. */
#include "node/daemon_state.h"
#include "node/retention.h"

enum {
    WANT_MS = 5000,
    ASKED_MS = 60000, /* Between two that are made because one asks, ... */
    ASKED_TIMES = 30, /* ... and so many times what the last one took. */
    AHEAD_CHECKPOINTS = 2,
    AHEAD_EPOCHS = 100,
    GRID_CHECKPOINTS = 4,
};

static bool alike_only(const struct daemon *d) { return d->snapshots.gathering.rules.opaque; }

/* The first of the grid that is not before `least` and that nobody is near. */
static epoch_id choose(const struct daemon *d, epoch_id least)
{
    const uint64_t every = d->snapshots.making.every, grid = GRID_CHECKPOINTS * every;
    const uint64_t margin = AHEAD_CHECKPOINTS * every;
    const epoch_id said = daemon_credible(d);
    epoch_id from = said > d->executed.epoch ? said : d->executed.epoch;
    from += margin > AHEAD_EPOCHS ? margin : AHEAD_EPOCHS;
    return ((from > least ? from : least) + grid - 1) / grid * grid;
}

void daemon_want_snapshot(struct daemon *d, epoch_id least)
{
    struct message m = {
        .kind = MESSAGE_WANT_SNAPSHOT, .epoch = least, .snapshot = {.index = SNAPSHOT_ANY}};
    if (alike_only(d)) {
        const epoch_id said = daemon_credible(d);
        if (d->snapshots.alike <= said || d->snapshots.alike <= d->executed.epoch ||
            d->snapshots.alike < least)
            d->snapshots.alike = choose(d, least);
        m.epoch = d->snapshots.asked[d->self] = d->snapshots.alike;
    }
    if (d->now_ms < d->snapshots.wanted_ms + WANT_MS)
        return;
    d->snapshots.wanted_ms = d->now_ms;
    for (unsigned p = 0; p < d->quorum.n; p++)
        if (p != d->self && transport_reaches(d->transport, (node_id)p))
            driver_say(d->driver, (node_id)p, DRIVER_VOTES, &m);
}

/* Who asks for what nobody would choose asks in vain, and in nobody's way. */
void daemon_hear_want(struct daemon *d, node_id from, epoch_id epoch)
{
    if (alike_only(d) && epoch % (GRID_CHECKPOINTS * d->snapshots.making.every) != 0)
        return;
    d->snapshots.asked[from] = epoch;
    nodeset_add(&d->snapshots.askers, from);
}

void daemon_made_snapshot(struct daemon *d, epoch_id made)
{
    for (unsigned p = 0; p < d->quorum.n; p++)
        if (d->snapshots.asked[p] > 0 && d->snapshots.asked[p] <= made) {
            d->snapshots.asked[p] = 0;
            d->snapshots.asked_ms[p] = d->now_ms;
        }
}

/* The least that somebody asks for and is heard, after some epoch. */
static epoch_id asked_after(const struct daemon *d, epoch_id epoch)
{
    const uint64_t took_ms = atomic_load(&d->snapshots.making.took_ms);
    const uint64_t rest_ms = ASKED_TIMES * took_ms > ASKED_MS ? ASKED_TIMES * took_ms : ASKED_MS;
    epoch_id least = 0;
    for (unsigned p = 0; p < d->quorum.n; p++) {
        const epoch_id asked = d->snapshots.asked[p];
        const uint64_t made_ms = d->snapshots.asked_ms[p];
        if (asked > epoch && (least == 0 || asked < least) &&
            (p == d->self || made_ms == 0 || d->now_ms >= made_ms + rest_ms))
            least = asked;
    }
    return least;
}

static epoch_id executed_by_all(const struct daemon *d)
{
    epoch_id all = d->executed.epoch;
    for (unsigned p = 0; p < d->quorum.n; p++)
        if (p != d->self && d->words[p].executed < all)
            all = d->words[p].executed;
    return all;
}

void daemon_retain(struct daemon *d)
{
    struct execution_snapshots *s = &d->snapshots.making;
    const epoch_id last = d->snapshots.known ? d->snapshots.last.checkpoint.epoch : 0;
    const struct retention r = {
        .full = store_used(d->consensus) > d->config.node.retain_bytes,
        .executed = d->executed.epoch,
        .by_all = executed_by_all(d),
        .held = driver_held(d->driver),
        .last = last,
        .made = d->snapshots.made ? d->snapshots.unsigned_one.checkpoint.epoch : 0,
        .asked = alike_only(d) ? 0 : asked_after(d, last),
        .every = s->every,
    };
    const struct application_port *a = &d->application;
    const bool wants =
        retention_wants(&r) || (a->kept && a->kept(a->state) > d->config.node.retain_bytes);
    driver_hold(d->driver, retention_hold(&r));
    if (wants && alike_only(d))
        daemon_want_snapshot(d, 0);
    const bool now = !d->snapshots.gathering.gathering;
    atomic_store(&s->wanted, wants && now && !alike_only(d));
    atomic_store(&s->due, alike_only(d) && now ? asked_after(d, d->executed.epoch) : 0);
    if (atomic_load(&s->error) != 0)
        log_limited(LOG_LEVEL_ERROR, "snapshot", 1,
                    "no snapshot can be made: what is kept for those who are behind cannot be "
                    "dropped");
}
