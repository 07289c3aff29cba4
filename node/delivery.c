/* The one order: which dispersals each epoch delivers, and when they are here. */
#include "node/core.h"

enum {
    GIVE_UP_STEP = 16, /* Epochs from one sweep of the instances to the next. */
    COVER_COST = 256,  /* Of a proposer whose links are found, beside one a run; and of all that */
    COVER_COST_MAX = 4096, /* are looked at in one step. */
};

bool delivery_holds(const struct node *n, epoch_id epoch)
{
    return epoch >= n->delivery.epoch && epoch < n->delivery.epoch + DELIVERY_WINDOW;
}

epoch_id delivery_horizon(const struct node *n)
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

bool delivery_fetches(const struct node *n, const struct instance *i)
{
    if (i->wanted)
        return true;
    if (!n->rules.in_step)
        return delivery_holds(n, i->epoch) ||
               (i->epoch < n->delivery.epoch && n->retrieval.pending_count < LATE_PENDING_MAX);
    const struct window_epoch *w = &n->delivery.window[i->epoch % DELIVERY_WINDOW];
    const bool rejected_too = n->options.fetch_all && !n->rules.links;
    return w->epoch == i->epoch && w->known && delivery_holds(n, i->epoch) &&
           (nodeset_has(&w->accepted, i->proposer) || rejected_too);
}

static void learn(struct node *n, struct window_epoch *w, const struct nodeset *accepted)
{
    w->known = true;
    w->accepted = *accepted;
    for (unsigned p = 0; n->rules.in_step && p < n->quorum.n; p++) {
        struct instance *i = instance_find(n, w->epoch, (node_id)p);
        if (i && delivery_fetches(n, i))
            retrieval_want(n, i);
    }
}

void delivery_agreed(struct node *n, const struct epoch *e)
{
    if (delivery_holds(n, e->id))
        learn(n, window_of(n, e->id), &e->ones);
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
        for (epoch_id e = history_next_without(&n->payload, &n->delivered, (node_id)p,
                                               delivery_horizon(n), d->epoch - 1);
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
    if (epoch < n->delivery.epoch && epoch >= delivery_horizon(n) &&
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
    if (event->loaded.sealed && !w->known)
        learn(n, w, &event->loaded.accepted);
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
        if (delivery_fetches(n, i))
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

/* What is not here has an instance of its own: agreement may be so far ahead that nothing else says
 * that it is not complete. */
static bool accepted_are_here(struct node *n, const struct window_epoch *w)
{
    bool all = true;
    for (unsigned j = nodeset_next(&w->accepted, 0); j < NODES_MAX;
         j = nodeset_next(&w->accepted, j + 1)) {
        if (retrieved(n, w->epoch, (node_id)j))
            continue;
        struct instance *i = instance_make(n, w->epoch, (node_id)j);
        assert(i); /* The window has room of its own. */
        if (i->wanted)
            return false; /* So are all others. */
        i->wanted = true;
        all = false;
    }
    return all;
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
    assert(d->stage == DELIVERY_SEE && event->seen.epoch == d->epoch); /* It waits for all. */
    struct reader r = reader_of(event->seen.seen);
    for (unsigned p = 0; p < n->quorum.n; p++) {
        const size_t row = (size_t)p * n->quorum.n + j;
        const bool ok = block_seen_next(&r, d->epoch, d->runs[row], &d->run_counts[row]);
        assert(ok); /* Our own store: it was checked when the block was. */
    }
    nodeset_add(&d->seen, j);
}

/* Moves to the least epoch >= from that is covered and undelivered. */
static void cover_move(const struct node *n, node_id p, epoch_id from)
{
    struct cover *c = &n->delivery.covers[p];
    for (; c->at < c->count; c->at++) {
        const struct epoch_run run = c->runs[c->at];
        if (run.last < from)
            continue;
        const epoch_id begin = run.first > from ? run.first : from;
        c->next = history_next(&n->delivered, false, p, begin, run.last);
        if (c->next != 0)
            return;
    }
    c->next = 0;
}

/* What f+1 of the accepted blocks have seen of one proposer, from the first one that is not
 * delivered on. Returns how many runs were looked at. */
static unsigned cover_one(struct node *n, node_id p)
{
    struct delivery_state *d = &n->delivery;
    struct cover *c = &d->covers[p];
    c->count = c->at = 0;
    c->next = 0;
    const epoch_id low = history_next(&n->delivered, false, p, delivery_horizon(n), d->epoch - 1);
    if (low == 0)
        return 0;
    const struct epoch_run *lists[NODES_MAX];
    uint8_t counts[NODES_MAX];
    unsigned count = 0, runs = 0;
    for (unsigned j = nodeset_next(&d->seen, 0); j < NODES_MAX; j = nodeset_next(&d->seen, j + 1)) {
        const size_t row = (size_t)p * n->quorum.n + j;
        lists[count] = d->runs[row];
        counts[count] = d->run_counts[row];
        runs += counts[count++];
    }
    c->count = link_cover(lists, counts, count, quorum_some(n->quorum), low, d->epoch - 1, c->runs);
    cover_move(n, p, low);
    return runs;
}

/* Some proposers a step: liars name many runs. True when all are done. */
static bool find_covered(struct node *n, struct effects *out)
{
    struct delivery_state *d = &n->delivery;
    for (unsigned cost = 0; d->cover_next < n->quorum.n; d->cover_next++) {
        if (cost >= COVER_COST_MAX) {
            effects_add(out, EFFECT_GO_ON, d->epoch, 0);
            return false;
        }
        cost += COVER_COST + cover_one(n, (node_id)d->cover_next);
    }
    d->stage = DELIVERY_LINK;
    d->linked_head = d->linked_count = 0;
    return true;
}

/* Puts the next one of a proposer at the end of the list, and has it looked up. */
static void link_next(struct node *n, node_id p, struct effects *out)
{
    struct delivery_state *d = &n->delivery;
    const epoch_id e = d->covers[p].next;
    const unsigned at = (d->linked_head + d->linked_count++) % LINKED_AHEAD;
    d->linked[at].epoch = e;
    d->linked[at].proposer = p;
    cover_move(n, p, e + 1);
    struct instance *i = instance_find(n, e, p);
    if (i) {
        i->wanted = true;
        retrieval_want(n, i);
    } else {
        effects_add(out, EFFECT_LOOK, e, p);
    }
}

/* Fills the list of linked dispersals to come, in order: by epoch, then as this one's proposers. */
static void find_linked(struct node *n, struct effects *out)
{
    struct delivery_state *d = &n->delivery;
    const unsigned size = n->quorum.n;
    while (d->linked_count < LINKED_AHEAD) {
        epoch_id least = 0;
        for (unsigned p = 0; p < size; p++)
            if (d->covers[p].next != 0 && (least == 0 || d->covers[p].next < least))
                least = d->covers[p].next;
        if (least == 0)
            return;
        for (unsigned turn = 0; turn < size && d->linked_count < LINKED_AHEAD; turn++) {
            const unsigned p = (unsigned)((d->epoch + turn) % size);
            if (d->covers[p].next == least)
                link_next(n, (node_id)p, out);
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
    if (i->count > 0)
        d->busy = d->epoch;
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

/* What is of this epoch and was not delivered with `with` or before will never be. */
static void give_up(struct node *n, epoch_id epoch, epoch_id with, struct effects *out)
{
    for (unsigned p = 0; p < n->quorum.n; p++) {
        if (history_has(&n->delivered, epoch, (node_id)p))
            continue;
        if (history_has(&n->payload, epoch, (node_id)p))
            n->proposing.stale--; /* No reason to propose. */
        effects_add(out, EFFECT_GIVE_UP, epoch, (node_id)p)->given_up_with = with;
        n->view.given_up++;
    }
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
    stages_delivered(n, done);
    checkpoints_delivered(n, done);
    d->epoch++;
    for (unsigned p = 0; p < n->quorum.n; p++) {
        if (history_has(&n->payload, done, (node_id)p) &&
            !history_has(&n->delivered, done, (node_id)p))
            n->proposing.stale++;
        struct instance *i = instance_find(n, done, (node_id)p);
        if (i)
            instance_retire(n, i);
    }
    if (done > n->options.link_horizon)
        give_up(n, done - n->options.link_horizon, done, out);
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
            d->stage = DELIVERY_COVER;
            d->cover_next = 0;
        }
        if (d->stage == DELIVERY_COVER && !find_covered(n, out))
            return;
        if (!deliver_linked(n, out))
            return;
        deliver_accepted(n, w, out);
    }
}

void delivery_executed(struct node *n, epoch_id epoch)
{
    const epoch_id before = n->delivery.executed;
    if (epoch <= before)
        return;
    for (epoch_id e = before + 1; e <= epoch; e++)
        stages_executed(n, e);
    n->delivery.executed = epoch;
    n->progress++;
    if (epoch / GIVE_UP_STEP > before / GIVE_UP_STEP || n->options.link_horizon < GIVE_UP_STEP)
        dispersal_give_up(n);
}
