/* What is kept, and when a snapshot is made: when this node keeps too much, or others ask.
 *
 * Too much is kept for nodes that are behind, or, of what was given to an application elsewhere, for that.
 * Of the ledger each makes one at the checkpoint that comes next. Of an application elsewhere one is
 * good that f+1 have alike: who needs one asks all, itself too, for that of one epoch (node/asked.h),
 * and who has executed that epoch already makes none. */
#include "node/daemon_state.h"
#include "node/retention.h"

enum { WANT_MS = 5000 };

static bool alike_only(const struct daemon *d) { return d->snapshots.gathering.rules.opaque; }

void daemon_open_asked(struct daemon *d)
{
    d->snapshots.asked =
        (struct asked){.alike = alike_only(d), .every = d->snapshots.making.every, .self = d->self};
}

/* That of which all are told. */
static epoch_id alike(struct daemon *d, epoch_id least, bool waits)
{
    const epoch_id executed = d->executed.epoch, agreed = daemon_credible(d);
    d->snapshots.alike =
        asked_choose(&d->snapshots.asked, d->snapshots.alike, waits ? daemon_settled(d) : executed,
                     agreed > executed ? agreed : executed, least);
    asked_hear(&d->snapshots.asked, d->self, d->snapshots.alike);
    return d->snapshots.alike;
}

void daemon_say_all(struct daemon *d, const struct message *m)
{
    for (unsigned p = 0; p < d->quorum.n; p++)
        if (p != d->self && transport_reaches(d->transport, (node_id)p))
            driver_say(d->driver, (node_id)p, DRIVER_VOTES, m);
}

void daemon_want_snapshot(struct daemon *d, epoch_id least, bool waits)
{
    const struct message m = {.kind = MESSAGE_WANT_SNAPSHOT,
                              .epoch = alike_only(d) ? alike(d, least, waits) : least,
                              .snapshot = {.index = SNAPSHOT_ANY}};
    if (d->now_ms < d->snapshots.wanted_ms + WANT_MS)
        return;
    d->snapshots.wanted_ms = d->now_ms;
    daemon_say_all(d, &m);
}

void daemon_hear_want(struct daemon *d, node_id from, epoch_id epoch)
{
    if (asked_hear(&d->snapshots.asked, from, epoch))
        nodeset_add(&d->snapshots.askers, from);
}

static epoch_id executed_by_all(const struct daemon *d)
{
    epoch_id all = d->executed.epoch;
    for (unsigned p = 0; p < d->quorum.n; p++)
        if (p != d->self && d->words[p].executed < all)
            all = d->words[p].executed;
    return all;
}

/* The least that is asked for after an epoch, if one can be made now. */
static epoch_id asked_for(const struct daemon *d, epoch_id epoch)
{
    const uint64_t took_ms = atomic_load(&d->snapshots.making.took_ms);
    return d->snapshots.gathering.gathering
               ? 0
               : asked_after(&d->snapshots.asked, epoch, took_ms, d->now_ms);
}

void daemon_retain(struct daemon *d)
{
    struct execution_snapshots *s = &d->snapshots.making;
    const struct application_port *a = &d->application;
    const epoch_id last = d->snapshots.known ? d->snapshots.last.checkpoint.epoch : 0;
    const struct retention r = {
        .full = store_used(d->consensus) > d->config.node.retain_bytes,
        .given_full = a->kept && a->kept(a->state) > d->config.node.retain_bytes,
        .executed = d->executed.epoch,
        .by_all = executed_by_all(d),
        .held = driver_held(d->driver),
        .last = last,
        .made = d->snapshots.made ? d->snapshots.unsigned_one.checkpoint.epoch : 0,
        .asked = alike_only(d) ? 0 : asked_for(d, last),
        .every = s->every,
    };
    const bool wants = retention_wants(&r);
    driver_hold(d->driver, retention_hold(&r));
    if (wants && alike_only(d))
        daemon_want_snapshot(d, 0, false);
    atomic_store(&s->wanted, wants && !alike_only(d) && !d->snapshots.gathering.gathering);
    atomic_store(&s->due, alike_only(d) ? asked_for(d, d->executed.epoch) : 0);
    if (atomic_load(&s->error) != 0)
        log_limited(LOG_LEVEL_ERROR, "snapshot", 1,
                    "no snapshot can be made: what is kept for those who are behind cannot be "
                    "dropped");
}
