/* The one order: which dispersals each epoch delivers, and when they are here. */
#include "node/core.h"

enum { GIVE_UP_STEP = 16 }; /* Epochs from one sweep of the instances to the next. */

bool delivery_holds(const struct node *n, epoch_id epoch)
{
    return epoch >= n->delivery.epoch && epoch < n->delivery.epoch + DELIVERY_WINDOW;
}

/* The least epoch whose dispersals the one being delivered may link. */
static epoch_id horizon(const struct node *n)
{
    const epoch_id e = n->delivery.epoch;
    return e > n->options.link_horizon ? e - n->options.link_horizon : 1;
}

static struct window_epoch *window_of(struct node *n, epoch_id epoch)
{
    struct window_epoch *w = &n->delivery.window[epoch % DELIVERY_WINDOW];
    if (w->epoch != epoch)
        *w = (struct window_epoch){.epoch = epoch};
    return w;
}

void delivery_agreed(struct node *n, const struct epoch *e)
{
    if (!delivery_holds(n, e->id))
        return;
    struct window_epoch *w = window_of(n, e->id);
    w->known = true;
    w->accepted = e->ones;
}

/* An epoch comes into the window: what is known of it? */
static void enter(struct node *n, epoch_id epoch, struct effects *out)
{
    struct window_epoch *w = window_of(n, epoch);
    history_advance(&n->delivered, epoch);
    history_advance(&n->payload, epoch);
    if (node_in_flight(n, epoch) && node_epoch(n, epoch)->id == epoch &&
        node_epoch(n, epoch)->agreed)
        delivery_agreed(n, node_epoch(n, epoch));
    /* Dispersals that completed while it was above the window are in the store alone. */
    w->loading = true;
    effects_add(out, EFFECT_LOAD, epoch, 0);
}

void delivery_start(struct node *n, struct effects *out)
{
    struct delivery_state *d = &n->delivery;
    for (epoch_id e = d->epoch; e < d->epoch + DELIVERY_WINDOW; e++)
        enter(n, e, out);
    for (unsigned p = 0; p < n->quorum.n; p++)
        for (epoch_id e = history_next_without(&n->payload, &n->delivered, (node_id)p, horizon(n),
                                               d->epoch - 1);
             e != 0;
             e = history_next_without(&n->payload, &n->delivered, (node_id)p, e + 1, d->epoch - 1))
            n->proposing.stale++;
}

void delivery_payload(struct node *n, epoch_id epoch, node_id proposer)
{
    if (epoch >= n->delivery.epoch + DELIVERY_WINDOW)
        return; /* Comes up when the window does. */
    if (history_has(&n->payload, epoch, proposer) || epoch < history_base(&n->payload))
        return;
    history_set(&n->payload, epoch, proposer);
    if (epoch < n->delivery.epoch && epoch >= horizon(n) &&
        !history_has(&n->delivered, epoch, proposer))
        n->proposing.stale++;
}

void delivery_loaded(struct node *n, const struct event *event, struct effects *out)
{
    (void)out;
    const epoch_id epoch = event->loaded.epoch;
    if (!delivery_holds(n, epoch))
        return;
    struct window_epoch *w = window_of(n, epoch);
    w->loading = false;
    if (event->loaded.sealed && !w->known) {
        w->known = true;
        w->accepted = event->loaded.accepted;
    }
    for (unsigned p = 0; p < n->quorum.n; p++) {
        const struct instance_record *r = &event->loaded.records[p];
        if (!r->complete || history_has(&n->delivered, epoch, (node_id)p))
            continue;
        struct instance *i = instance_find(n, epoch, (node_id)p);
        if (!i)
            i = instance_restore(n, epoch, (node_id)p, r);
        assert(i); /* The window has room of its own. */
        if (i->block == BLOCK_GOOD && i->count > 0)
            delivery_payload(n, epoch, (node_id)p);
        retrieval_want(n, i);
    }
}

/* A linked dispersal: what the store said of it. */
void delivery_looked(struct node *n, const struct event *event, struct effects *out)
{
    (void)out;
    const epoch_id epoch = event->instance.epoch;
    const node_id p = event->instance.proposer;
    if (history_has(&n->delivered, epoch, p))
        return;
    struct instance *i = instance_restore(n, epoch, p, &event->instance.record);
    assert(i);
    i->wanted = true;
    retrieval_want(n, i);
}

/* The instance of (epoch, p) with its block here, good or bad; else NULL. */
static struct instance *retrieved(const struct node *n, epoch_id epoch, node_id p)
{
    struct instance *i = instance_find(n, epoch, p);
    return i && i->block != BLOCK_NONE && i->server.complete ? i : NULL;
}

static bool accepted_are_here(struct node *n, const struct window_epoch *w)
{
    for (unsigned j = nodeset_next(&w->accepted, 0); j < NODES_MAX;
         j = nodeset_next(&w->accepted, j + 1))
        if (!retrieved(n, w->epoch, (node_id)j))
            return false;
    return true;
}

static void ask_seen(struct node *n, const struct window_epoch *w, struct effects *out)
{
    struct delivery_state *d = &n->delivery;
    d->asked_seen = d->seen = (struct nodeset){0};
    for (unsigned j = nodeset_next(&w->accepted, 0); j < NODES_MAX;
         j = nodeset_next(&w->accepted, j + 1)) {
        if (retrieved(n, w->epoch, (node_id)j)->block != BLOCK_GOOD)
            continue; /* A bad block has seen nothing. */
        nodeset_add(&d->asked_seen, j);
        effects_add(out, EFFECT_SEEN, w->epoch, (node_id)j);
    }
    d->stage = DELIVERY_SEE;
}

void delivery_seen(struct node *n, const struct event *event, struct effects *out)
{
    (void)out;
    struct delivery_state *d = &n->delivery;
    const unsigned j = event->seen.proposer;
    if (d->stage != DELIVERY_SEE || event->seen.epoch != d->epoch)
        return;
    struct reader r = reader_of(event->seen.seen);
    const size_t row = (size_t)j * n->quorum.n;
    const bool ok = link_seen_decode(&r, n->quorum, d->epoch, &d->runs[row], &d->run_counts[row]);
    assert(ok); /* Our own store: it was checked when the block was. */
    nodeset_add(&d->seen, j);
}

static size_t covered_max(const struct node *n) { return (size_t)LINK_RUNS_MAX * n->quorum.n; }

/* What f+1 of the accepted blocks have seen, of each proposer. */
static void find_covered(struct node *n)
{
    struct delivery_state *d = &n->delivery;
    const epoch_id low = horizon(n);
    for (unsigned p = 0; p < n->quorum.n; p++) {
        const struct epoch_run *lists[NODES_MAX];
        uint8_t counts[NODES_MAX];
        unsigned count = 0;
        for (unsigned j = nodeset_next(&d->seen, 0); j < NODES_MAX;
             j = nodeset_next(&d->seen, j + 1)) {
            const size_t row = (size_t)j * n->quorum.n + p;
            lists[count] = d->runs[row];
            counts[count++] = d->run_counts[row];
        }
        d->covered_count[p] = link_cover(lists, counts, count, quorum_some(n->quorum), low,
                                         d->epoch - 1, &d->covered[p * covered_max(n)]);
    }
    d->stage = DELIVERY_LINK;
    d->linked_head = d->linked_count = 0;
    d->linked_end = false;
    d->cursor_epoch = low;
    d->cursor_turn = 0;
}

/* The least undelivered covered epoch >= from of one proposer; 0 if none. */
static epoch_id next_covered(const struct node *n, unsigned p, epoch_id from)
{
    const struct delivery_state *d = &n->delivery;
    const struct epoch_run *runs = &d->covered[p * covered_max(n)];
    for (unsigned r = 0; r < d->covered_count[p]; r++) {
        if (runs[r].last < from)
            continue;
        const epoch_id begin = runs[r].first > from ? runs[r].first : from;
        const epoch_id e = history_next(&n->delivered, false, (node_id)p, begin, runs[r].last);
        if (e != 0)
            return e;
    }
    return 0;
}

/* Fills the list of linked dispersals to come, in order, and has them looked up. */
static void find_linked(struct node *n, struct effects *out)
{
    struct delivery_state *d = &n->delivery;
    const unsigned size = n->quorum.n;
    while (!d->linked_end && d->linked_count < LINKED_AHEAD) {
        epoch_id best = 0;
        unsigned best_turn = 0;
        for (unsigned turn = 0; turn < size; turn++) {
            const unsigned p = (unsigned)((d->epoch + turn) % size);
            const epoch_id from = d->cursor_epoch + (turn < d->cursor_turn);
            const epoch_id e = next_covered(n, p, from);
            if (e != 0 && (best == 0 || e < best)) {
                best = e;
                best_turn = turn;
            }
        }
        if (best == 0) {
            d->linked_end = true;
            break;
        }
        const unsigned at = (d->linked_head + d->linked_count++) % LINKED_AHEAD;
        d->linked[at].epoch = best;
        d->linked[at].proposer = (node_id)((d->epoch + best_turn) % size);
        d->cursor_epoch = best;
        d->cursor_turn = best_turn + 1;
        struct instance *i = instance_find(n, best, d->linked[at].proposer);
        if (i) {
            i->wanted = true;
            retrieval_want(n, i);
        } else {
            effects_add(out, EFFECT_LOOK, best, d->linked[at].proposer);
        }
    }
}

static void deliver(struct node *n, struct instance *i, struct effects *out)
{
    struct delivery_state *d = &n->delivery;
    struct effect *e = effects_add(out, EFFECT_DELIVER, i->epoch, i->proposer);
    e->delivery = (struct delivery){.position = d->height++,
                                    .epoch = i->epoch,
                                    .proposer = i->proposer,
                                    .with_epoch = d->epoch,
                                    .commitment = i->server.root,
                                    .valid = i->block == BLOCK_GOOD};
    history_set(&n->delivered, i->epoch, i->proposer);
    if (i->epoch < d->epoch) {
        n->view.linked++;
        if (history_has(&n->payload, i->epoch, i->proposer))
            n->proposing.stale--;
    }
    i->wanted = false;
    n->progress++;
    instance_retire(n, i);
}

/* True when all linked ones are delivered. */
static bool deliver_linked(struct node *n, struct effects *out)
{
    struct delivery_state *d = &n->delivery;
    for (;;) {
        find_linked(n, out);
        if (d->linked_count == 0)
            return true;
        struct instance *i =
            retrieved(n, d->linked[d->linked_head].epoch, d->linked[d->linked_head].proposer);
        if (!i)
            return false;
        d->linked_head = (d->linked_head + 1) % LINKED_AHEAD;
        d->linked_count--;
        deliver(n, i, out);
    }
}

/* What was not delivered by now and is of this epoch will never be: no reason to propose. */
static void give_up(struct node *n, epoch_id epoch)
{
    if (epoch + n->options.link_horizon > n->delivery.epoch)
        return;
    for (unsigned p = 0; p < n->quorum.n; p++)
        if (history_has(&n->payload, epoch, (node_id)p) &&
            !history_has(&n->delivered, epoch, (node_id)p))
            n->proposing.stale--;
    if (epoch % GIVE_UP_STEP == 0)
        dispersal_give_up(n);
}

static void deliver_accepted(struct node *n, const struct window_epoch *w, struct effects *out)
{
    struct delivery_state *d = &n->delivery;
    for (unsigned turn = 0; turn < n->quorum.n; turn++) {
        const unsigned p = (unsigned)((d->epoch + turn) % n->quorum.n);
        if (nodeset_has(&w->accepted, p))
            deliver(n, retrieved(n, d->epoch, (node_id)p), out);
    }
    effects_add(out, EFFECT_END_EPOCH, d->epoch, 0);
    const epoch_id done = d->epoch;
    give_up(n, horizon(n));
    d->epoch++;
    for (unsigned p = 0; p < n->quorum.n; p++) {
        if (history_has(&n->payload, done, (node_id)p) &&
            !history_has(&n->delivered, done, (node_id)p))
            n->proposing.stale++;
        struct instance *i = instance_find(n, done, (node_id)p);
        if (i)
            instance_retire(n, i);
    }
    d->stage = DELIVERY_RETRIEVE;
    enter(n, d->epoch + DELIVERY_WINDOW - 1, out);
}

void delivery_advance(struct node *n, struct effects *out)
{
    struct delivery_state *d = &n->delivery;
    while (n->started) {
        struct window_epoch *w = window_of(n, d->epoch);
        if (!w->known || w->loading || d->epoch > d->executed + DELIVERY_AHEAD)
            return;
        if (d->stage == DELIVERY_RETRIEVE) {
            if (!accepted_are_here(n, w))
                return;
            ask_seen(n, w, out);
        }
        if (d->stage == DELIVERY_SEE) {
            if (nodeset_count(&d->seen) < nodeset_count(&d->asked_seen))
                return;
            find_covered(n);
        }
        if (!deliver_linked(n, out))
            return;
        deliver_accepted(n, w, out);
    }
}

void delivery_executed(struct node *n, epoch_id epoch)
{
    if (epoch > n->delivery.executed) {
        n->delivery.executed = epoch;
        n->progress++;
    }
}
