/* How much retrieval asks for at a time: about what came in the last two seconds, so that it is here
 * in two seconds whatever the link's rate. More would only wait in the queues of others, before what
 * is asked of them next, and look as if it were late. When it comes sooner, the window grows.
 * Where others' links are full it does not: two seconds are then what all wait, whichever part of
 * those links each has, and a small part would stay small however fast our own link has become. So
 * where pieces take long, a block more is asked for: that is more to who has little than to who has
 * much, and in the end all have as much (as with TCP, whose window grows by a segment). Not before
 * it is known that they do: who is not prepared to wait takes what is on its way for late.
 * What is out with peers that are silent does not count: it waits for their links, not for ours.
 * Where half of the links are slow at a time most of a window is with these, and the others would
 * not be asked for what they could send. */
#include "node/core.h"

enum {
    WINDOW_MS = 1000,   /* What came counts for so long, on average, of the time when ... */
    WINDOW_SPANS = 2,   /* ... anything was out; so many times that is asked for. */
    WINDOW_BLOCKS = 2,  /* At least: a straggler of one does not hold up the next. */
    WINDOW_CHUNKS = 16, /* A chunk's size counts as one of so many for the usual one. */
};

void window_tick(struct node *n)
{
    struct retrieval *r = &n->retrieval;
    uint64_t span_ms = n->now_ms - r->recent_ms;
    r->recent_ms = n->now_ms;
    if (r->active == 0)
        return;
    if (span_ms > WINDOW_MS)
        span_ms = WINDOW_MS;
    r->recent_bytes -= r->recent_bytes * span_ms / WINDOW_MS;
}

void window_came(struct node *n, uint32_t bytes) { n->retrieval.recent_bytes += bytes; }

void window_chunk(struct node *n, uint32_t chunk_size)
{
    struct retrieval *r = &n->retrieval;
    if (r->chunk_size == 0)
        r->chunk_size = chunk_size;
    const uint64_t sum = (uint64_t)r->chunk_size * (WINDOW_CHUNKS - 1) + chunk_size;
    r->chunk_size = (uint32_t)(sum / WINDOW_CHUNKS);
}

/* Where nearly all are, it is our own link that lets nothing through. */
static struct nodeset silent_peers(const struct node *n)
{
    struct nodeset silent = {0};
    unsigned heard = 0;
    for (unsigned p = 0; p < n->quorum.n; p++) {
        if (n->retrieval.outstanding[p] > 0 && pace_silent(n, p))
            nodeset_add(&silent, p);
        else
            heard += p != n->self;
    }
    return heard > n->quorum.f ? silent : (struct nodeset){0};
}

/* Of what will come as fast as our link carries it: not with who is late or silent, nor of what all
 * were asked for already. */
static uint64_t asked_bytes(const struct node *n, uint64_t *requests)
{
    const struct retrieval *r = &n->retrieval;
    const struct nodeset silent = silent_peers(n);
    *requests = 0;
    for (unsigned s = 0; s < FETCH_SLOTS; s++) {
        const struct fetch *f = &r->slots[s];
        if (f->epoch == 0 || f->again_wait_ms != 0)
            continue;
        const struct nodeset in_time = nodeset_without(&f->asked, &f->late);
        const struct nodeset on_their_way = nodeset_without(&in_time, &silent);
        *requests += nodeset_count(&on_their_way);
    }
    return *requests * r->chunk_size;
}

static uint64_t window_bytes(const struct node *n)
{
    const struct retrieval *r = &n->retrieval;
    const uint64_t block = (uint64_t)quorum_data(n->quorum) * r->chunk_size;
    return WINDOW_SPANS * r->recent_bytes + (r->delay_ms >= WINDOW_MS ? block : 0);
}

bool window_open(const struct node *n)
{
    uint64_t requests;
    const uint64_t bytes = asked_bytes(n, &requests);
    return requests < WINDOW_BLOCKS * quorum_data(n->quorum) || bytes < window_bytes(n);
}

void node_retrieval(const struct node *n, struct node_retrieval *view)
{
    const struct retrieval *r = &n->retrieval;
    uint64_t requests;
    const uint64_t least = (uint64_t)WINDOW_BLOCKS * quorum_data(n->quorum) * r->chunk_size;
    const uint64_t window = window_bytes(n);
    *view = (struct node_retrieval){.waiting = r->pending_count,
                                    .fetching = r->active,
                                    .window_bytes = window > least ? window : least,
                                    .asked_bytes = asked_bytes(n, &requests)};
    for (unsigned p = 0; p < n->quorum.n; p++) {
        view->requests += r->outstanding[p];
        view->sources += r->outstanding[p] > 0;
    }
}
