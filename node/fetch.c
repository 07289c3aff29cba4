/* Whom the chunks of one dispersal are asked of: as many as it takes, and others in place of those that
 * are late, or silent while delivery waits. */
#include "node/core.h"

enum { AGAIN_MAX = 8 }; /* Late ones are asked again at most so many times the normal apart. */

/* A REQUEST or a CANCEL: what a message has beside is not written, it would cost more than this. */
static void say(const struct fetch *f, node_id peer, enum message_kind kind, struct effects *out)
{
    struct effect *e = effects_add(out, EFFECT_SEND, f->epoch, f->proposer);
    e->to = peer;
    e->message.kind = kind;
    e->message.epoch = f->epoch;
    e->message.proposer = f->proposer;
    e->message.request.root = f->root;
    e->message.request.offset = f->received[peer];
}

/* A piece of `f` came. A peer serves the oldest epoch first: whatever is younger had to wait for
 * this one, and never the other way round. One piece makes up for so much time and no more: who sends
 * the next when patience is about to end would else be waited for as often as there are pieces. */
void fetch_brought_on(struct node *n, const struct fetch *f, node_id from)
{
    const uint32_t most_ms = pace_worth(n);
    pace_piece(n, from);
    for (unsigned s = 0; s < FETCH_SLOTS; s++) {
        struct fetch *other = &n->retrieval.slots[s];
        if (other->epoch < f->epoch || !nodeset_has(&other->asked, from))
            continue;
        uint64_t *heard_ms = &other->heard_ms[from];
        *heard_ms = n->now_ms - *heard_ms > most_ms ? *heard_ms + most_ms : n->now_ms;
    }
}

/* A piece of `f` came. What that peer was asked for before, of the same epoch or an older one, would
 * have come before it: it was lost, with a connection that broke. The patience with it goes on. */
void fetch_overtook(struct node *n, const struct fetch *f, node_id from, struct effects *out)
{
    for (unsigned s = 0; s < FETCH_SLOTS; s++) {
        struct fetch *other = &n->retrieval.slots[s];
        if (other->epoch == 0 || other->epoch > f->epoch || other->decoding ||
            !nodeset_has(&other->asked, from) || other->asked_ms[from] >= f->asked_ms[from] ||
            n->now_ms < other->asked_ms[from] + n->options.retry_ms)
            continue;
        other->asked_ms[from] = n->now_ms;
        say(other, from, MESSAGE_REQUEST, out);
    }
}

static void request(struct node *n, struct fetch *f, node_id peer, struct effects *out)
{
    nodeset_add(&f->asked, peer);
    f->heard_ms[peer] = n->now_ms;
    f->asked_ms[peer] = n->now_ms;
    if (n->retrieval.outstanding[peer]++ == 0)
        pace_begin(n, peer);
    say(f, peer, MESSAGE_REQUEST, out);
}

/* Chunks here or on their way, without those that are late. */
static unsigned expected(const struct fetch *f)
{
    const struct nodeset in_time = nodeset_without(&f->asked, &f->late);
    return nodeset_count(&f->have) + nodeset_count(&in_time);
}

/* The rank of a peer among those to ask: how much is out with it; late ones come last. */
enum { RANKS = 2 * (FETCH_SLOTS + 1) };

static unsigned rank(const struct node *n, unsigned p)
{
    assert(n->retrieval.outstanding[p] <= FETCH_SLOTS);
    return n->retrieval.outstanding[p] + (nodeset_has(&n->retrieval.slow, p) ? FETCH_SLOTS + 1 : 0);
}

/* Asks until enough are expected, or no one is left; all at once if so told. The least rank first;
 * ties fall differently for each dispersal, so that load spreads. */
void fetch_ask(struct node *n, struct fetch *f, struct effects *out)
{
    const unsigned here = expected(f) - nodeset_count(&f->hedged), size = n->quorum.n;
    const unsigned needed = n->options.fetch_all ? size : quorum_data(n->quorum);
    assert(size > 0);
    if (here >= needed)
        return;
    unsigned missing = needed - here;
    struct nodeset ranked[RANKS] = {0};
    for (unsigned p = 0; p < size; p++)
        if (p != n->self && !nodeset_has(&f->asked, p) && !nodeset_has(&f->refused, p) &&
            !nodeset_has(&f->bad, p) && !nodeset_has(&f->have, p))
            nodeset_add(&ranked[rank(n, p)], p);
    const unsigned first = (unsigned)((f->epoch + f->proposer + n->self) % size);
    for (unsigned r = 0; r < RANKS; r++) {
        unsigned left = nodeset_count(&ranked[r]);
        for (unsigned p = first; left > 0 && missing > 0; p++) {
            p = nodeset_next(&ranked[r], p);
            if (p == NODES_MAX)
                p = nodeset_next(&ranked[r], 0);
            request(n, f, (node_id)p, out);
            left--;
            missing--;
        }
    }
}

void fetch_probe(struct node *n, struct fetch *f, struct effects *out)
{
    const struct nodeset slow = nodeset_without(&n->retrieval.slow, &n->retrieval.came);
    for (unsigned p = nodeset_next(&slow, 0); p < NODES_MAX; p = nodeset_next(&slow, p + 1))
        if (!nodeset_has(&f->asked, p) && pace_probe(n, p)) {
            request(n, f, (node_id)p, out);
            nodeset_add(&f->late, p); /* It is not counted on. */
            return;
        }
}

void fetch_answered(struct node *n, struct fetch *f, node_id from)
{
    nodeset_remove(&f->asked, from);
    nodeset_remove(&f->late, from);
    nodeset_remove(&f->hedged, from);
    n->retrieval.outstanding[from]--;
}

/* All were asked: begins again, the late ones from where they stopped. Exactly the right N-2f may
 * be the only ones to answer. */
static void begin_again(struct node *n, struct fetch *f, struct effects *out)
{
    if (n->now_ms < f->again_ms)
        return;
    const uint32_t normal_ms = propose_normal_ms(n);
    const uint32_t most_ms = BACKOFF_MAX * n->options.retry_ms;
    /* To ask once more costs little; what comes twice, because it was only late, does not. */
    if (f->again_wait_ms == 0 || nodeset_empty(&f->late))
        f->again_wait_ms = normal_ms;
    else if (f->again_wait_ms < AGAIN_MAX * normal_ms)
        f->again_wait_ms = 2 * f->again_wait_ms < most_ms ? 2 * f->again_wait_ms : most_ms;
    f->again_ms = n->now_ms + f->again_wait_ms;
    f->refused = (struct nodeset){0};
    if (nodeset_count(&f->bad) > n->quorum.f)
        f->bad = (struct nodeset){0}; /* More than can lie: it was done to them on the way. */
    for (unsigned p = nodeset_next(&f->late, 0); p < NODES_MAX; p = nodeset_next(&f->late, p + 1)) {
        fetch_answered(n, f, (node_id)p);
        request(n, f, (node_id)p, out);
    }
    fetch_ask(n, f, out);
}

/* Whether delivery waits for it. Who is behind by more epochs than are in flight does not wait for
 * one block, but for its link; unless it could ask for more, and there is nothing more. */
static bool holds_up(const struct node *n, const struct fetch *f)
{
    const struct instance *i = instance_find(n, f->epoch, f->proposer);
    const bool near = n->agreed <= n->delivery.executed + n->options.epoch_window;
    const struct retrieval *r = &n->retrieval;
    const bool all = r->pending_count == 0 || r->active == FETCH_SLOTS;
    return i && i->wanted && (near || (all && window_open(n)));
}

/* Where all that came since waits for one block, another is asked in place of a peer that is only
 * silent: some of it comes twice, but else all were as far behind as the slowest link just then. */
static void hedge(struct node *n, struct fetch *f)
{
    for (unsigned p = nodeset_next(&f->asked, 0); p < NODES_MAX; p = nodeset_next(&f->asked, p + 1))
        if (pace_silent(n, p) && n->now_ms >= f->heard_ms[p] + pace_hedge(n) &&
            !nodeset_has(&f->late, p) && nodeset_add(&f->hedged, p))
            n->view.fetch_retries++;
}

void fetch_tick(struct node *n, struct fetch *f, struct effects *out)
{
    for (unsigned p = nodeset_next(&f->asked, 0); p < NODES_MAX; p = nodeset_next(&f->asked, p + 1))
        if (n->now_ms >= f->heard_ms[p] + pace_patience(n, p) && nodeset_add(&f->late, p)) {
            pace_late(n, (node_id)p);
            n->view.fetch_retries += !nodeset_has(&f->hedged, p);
            nodeset_remove(&f->hedged, p);
        }
    if (holds_up(n, f))
        hedge(n, f);
    fetch_ask(n, f, out);
    if (expected(f) < quorum_data(n->quorum))
        begin_again(n, f, out);
}

void fetch_cancel(struct fetch *f, struct effects *out)
{
    for (unsigned p = nodeset_next(&f->asked, 0); p < NODES_MAX; p = nodeset_next(&f->asked, p + 1))
        say(f, (node_id)p, MESSAGE_CANCEL, out);
}
