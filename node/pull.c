/* Our own chunks of what we are behind with.
 *
 * Dispersals complete without a node whose link is slow: it has no chunk of theirs, and when its link
 * is fast again others have nothing to fetch there. Their own uplinks are full, its is idle, and it is
 * these that what it fetches itself has to come through. So while it is behind, and executes about
 * what is ordered, it asks proposers for its own chunks of what it will fetch, the newest first: the
 * oldest it has to fetch now, and the others have them. Each is one of the k that it needs of a block
 * in any case, so that it costs nothing, and once here it can be given to all who are behind as well.
 * Who falls behind further would have more use for the bytes, and asks for none.
 *
 * Each is asked for once. If it does not come, k others do. */
#include "node/core.h"

enum {
    LOOK = 10,       /* Times retry_ms from one look at what is executed to the next. */
    GAINS_PART = 4,  /* So much is executed, ... */
    GAINS_WHOLE = 5, /* ... of so much that is ordered: about as much. */
    SPAN_MS = 1000,  /* As much is asked for as came in that time. */
};

/* Both over the last two looks: an epoch or two more or less are nothing then. */
static void look(struct node *n)
{
    struct pull *p = &n->pull;
    const epoch_id executed = n->delivery.executed, agreed = n->agreed;
    if (n->now_ms < p->look_ms + (uint64_t)LOOK * n->options.retry_ms)
        return;
    const epoch_id before = p->looks[1].executed;
    p->gains = p->looks[1].agreed > 0 && executed > before &&
               GAINS_WHOLE * (executed - before) >= GAINS_PART * (agreed - p->looks[1].agreed);
    p->looks[1] = p->looks[0];
    p->looks[0].executed = executed;
    p->looks[0].agreed = agreed;
    p->look_ms = n->now_ms;
}

static void want_chunk(const struct instance *i, struct effects *out)
{
    struct effect *e = effects_add(out, EFFECT_SEND, i->epoch, i->proposer);
    e->to = i->proposer;
    e->message = (struct message){.kind = MESSAGE_WANT_CHUNK, .epoch = i->epoch};
}

void pull_tick(struct node *n, struct effects *out)
{
    struct pull *p = &n->pull;
    const struct retrieval *r = &n->retrieval;
    uint64_t span_ms = n->now_ms - p->tick_ms;
    if (span_ms > SPAN_MS)
        span_ms = SPAN_MS;
    look(n);
    p->tick_ms = n->now_ms;
    if (!p->gains || r->chunk_size == 0 ||
        n->agreed <= n->delivery.executed + n->options.epoch_window) {
        p->bytes = 0;
        return;
    }
    p->bytes += r->recent_bytes * span_ms / SPAN_MS;
    struct instance *items = n->instances.items;
    for (uint32_t at = r->pending_tail; at != NONE && p->bytes >= r->chunk_size;
         at = items[at].fetch_prev) {
        struct instance *i = &items[at];
        if (i->epoch <= n->delivery.epoch + DELIVERY_AHEAD)
            break; /* Those are fetched now. */
        if (i->pulled || i->has_chunk || i->checking)
            continue;
        i->pulled = true;
        p->bytes -= r->chunk_size;
        want_chunk(i, out);
    }
    if (p->bytes > r->recent_bytes)
        p->bytes = r->recent_bytes;
}
