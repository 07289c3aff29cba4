/* How long a peer that was asked for chunks may send nothing; and who is asked last, for having
 * sent nothing for longer.
 *
 * When our own link is slow, so are all: each is measured by how its pieces usually come. What a
 * peer alone can win by being slow is bounded: GAP_MAX * PATIENCE_GAPS times retry_ms, or times
 * the gap of the median peer, which f liars do not move beyond what the others have, once; and
 * PATIENCE_GAPS times that gap for each piece that it sends meanwhile. And nothing
 * is late before what our dispersals take: links that are full of them are slow for all. Nor
 * before four times what the median peer's first pieces take: where our own link is slow, all
 * that is out comes late, and to ask another only puts one more into the same line. What
 * an outage took is counted nowhere: it says nothing of how long to wait when it is over.
 *
 * Long before it is late a peer may be silent: for two seconds, and for longer than four gaps of
 * the median peer. That proves nothing, for its link may be slow just now, and it is not asked
 * last. But what is out with it does not count for how much is asked of the others (window.c), and
 * where it holds up execution another is asked in its place (fetch.c).
 *
 * Who is late is asked last until something comes of it: the first time whenever it comes, and each
 * time after that not before twice as long as the last time. Else a peer that says anything at all
 * would be waited for in each dispersal. Each chunk that it serves makes that shorter. And something
 * can come of it: where others are enough it would be asked for nothing, and what it was late with
 * was taken back. So it is tried now and then, ever more rarely until it answers, with a chunk that
 * nobody waits for. */
#include "node/core.h"

enum {
    PACE_GAPS = 8,     /* A new gap counts as one of so many for the smoothed one, ... */
    GAP_MAX = 2,       /* ... and as at most so many times retry_ms, or the median gap. */
    PATIENCE_GAPS = 4, /* So many gaps without a piece, and what a dispersal takes: late. */
    USUAL_MS_MAX = 60000,
    DELAYS = 4,       /* Times the median delay of first pieces. */
    HEDGE_DELAYS = 2, /* The same, before another is asked for what holds up execution. */
    SILENCE_MS = 2000,
    WORTH_LEAST = 20, /* The median gap counts as this part of retry_ms at the least. */
    SLOW_CHUNKS = 16, /* A chunk makes up for one of so many parts of having been late. */
};

static uint32_t max_u32(uint32_t a, uint32_t b) { return a > b ? a : b; }

void pace_init(struct node *n)
{
    for (unsigned p = 0; p < n->quorum.n; p++)
        n->retrieval.paces[p].gaps_ms = PACE_GAPS * n->options.retry_ms;
}

uint32_t pace_patience(const struct node *n, unsigned peer)
{
    return max_u32(n->retrieval.paces[peer].gaps_ms / PACE_GAPS * PATIENCE_GAPS,
                   max_u32(propose_normal_ms(n), DELAYS * n->retrieval.delay_ms));
}

uint32_t pace_worth(const struct node *n)
{
    return PATIENCE_GAPS * max_u32(n->retrieval.usual_ms, n->options.retry_ms / WORTH_LEAST);
}

static uint32_t silence(const struct node *n) { return max_u32(pace_worth(n), SILENCE_MS); }

uint32_t pace_hedge(const struct node *n)
{
    return max_u32(silence(n), HEDGE_DELAYS * n->retrieval.delay_ms);
}

bool pace_silent(const struct node *n, unsigned peer)
{
    return n->now_ms >= n->retrieval.paces[peer].heard_ms + silence(n);
}

void pace_begin(struct node *n, node_id peer) { n->retrieval.paces[peer].heard_ms = n->now_ms; }

void pace_piece(struct node *n, node_id from)
{
    struct pace *pace = &n->retrieval.paces[from];
    const uint64_t gap_ms = n->now_ms - pace->heard_ms;
    const uint32_t most_ms = GAP_MAX * max_u32(n->retrieval.usual_ms, n->options.retry_ms);
    pace->heard_ms = n->now_ms;
    pace->gaps_ms += gap_ms < most_ms ? (uint32_t)gap_ms : most_ms;
    pace->gaps_ms -= pace->gaps_ms / PACE_GAPS;
}

void pace_first_piece(struct node *n, node_id from, uint64_t asked_ms)
{
    uint32_t *delays_ms = &n->retrieval.paces[from].delays_ms;
    const uint64_t back_ms = n->peers[from].back_ms;
    const uint64_t delay_ms = n->now_ms - (asked_ms > back_ms ? asked_ms : back_ms);
    *delays_ms += delay_ms < USUAL_MS_MAX ? (uint32_t)delay_ms : (uint32_t)USUAL_MS_MAX;
    *delays_ms -= *delays_ms / PACE_GAPS;
}

static uint32_t gap_of(const struct pace *pace) { return pace->gaps_ms / PACE_GAPS; }
static uint32_t answer_of(const struct pace *pace) { return pace->answer_ms; }
static uint32_t delay_of(const struct pace *pace) { return pace->delays_ms / PACE_GAPS; }

static uint32_t median(const struct node *n, uint32_t (*of)(const struct pace *))
{
    uint32_t sorted[NODES_MAX];
    unsigned count = 0;
    for (unsigned p = 0; p < n->quorum.n; p++) {
        if (p == n->self)
            continue;
        const uint32_t ms = of(&n->retrieval.paces[p]);
        unsigned at = count++;
        for (; at > 0 && sorted[at - 1] > ms; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = ms;
    }
    const uint32_t ms = count > 0 ? sorted[(count - 1) / 2] : 0;
    return ms < USUAL_MS_MAX ? ms : USUAL_MS_MAX;
}

/* What takes longer is believed at once; what takes less, by and by. */
void pace_answered(struct node *n, node_id from, uint64_t asked_ms)
{
    uint32_t *known_ms = &n->retrieval.paces[from].answer_ms;
    if (asked_ms > n->now_ms || asked_ms < n->peers[from].back_ms)
        return;
    const uint64_t took_ms = n->now_ms - asked_ms;
    const uint32_t ms = took_ms < USUAL_MS_MAX ? (uint32_t)took_ms : (uint32_t)USUAL_MS_MAX;
    *known_ms = ms > *known_ms ? ms : (*known_ms + ms) / 2;
    n->retrieval.answer_ms = median(n, answer_of);
}

void pace_dispersed(struct node *n, uint32_t ms)
{
    if (n->retrieval.answer_ms <= ms)
        return;
    for (unsigned p = 0; p < n->quorum.n; p++)
        if (n->retrieval.paces[p].answer_ms > ms)
            n->retrieval.paces[p].answer_ms = ms;
    n->retrieval.answer_ms = median(n, answer_of);
}

void pace_late(struct node *n, node_id peer)
{
    struct pace *pace = &n->retrieval.paces[peer];
    const uint32_t most_ms = BACKOFF_MAX * n->options.retry_ms;
    if (!nodeset_add(&n->retrieval.slow, peer))
        return;
    nodeset_remove(&n->retrieval.came, peer);
    pace->probe_ms = n->now_ms + n->options.retry_ms;
    pace->slow_until_ms = n->now_ms + pace->slow_ms;
    pace->slow_ms = max_u32(2 * pace->slow_ms, n->options.retry_ms);
    pace->slow_ms = pace->slow_ms < most_ms ? pace->slow_ms : most_ms;
}

bool pace_probe(struct node *n, unsigned peer)
{
    struct pace *pace = &n->retrieval.paces[peer];
    const uint32_t most_ms = BACKOFF_MAX * n->options.retry_ms;
    if (n->retrieval.outstanding[peer] > 0 || n->now_ms < pace->probe_ms)
        return false;
    pace->probe_wait_ms = max_u32(2 * pace->probe_wait_ms, n->options.retry_ms);
    pace->probe_wait_ms = pace->probe_wait_ms < most_ms ? pace->probe_wait_ms : most_ms;
    pace->probe_ms = n->now_ms + pace->probe_wait_ms;
    return true;
}

void pace_came(struct node *n, node_id from)
{
    n->retrieval.paces[from].probe_ms = n->retrieval.paces[from].probe_wait_ms = 0;
    if (n->now_ms < n->retrieval.paces[from].slow_until_ms)
        nodeset_add(&n->retrieval.came, from);
    else
        nodeset_remove(&n->retrieval.slow, from);
}

void pace_chunk(struct node *n, node_id from)
{
    uint32_t *slow_ms = &n->retrieval.paces[from].slow_ms;
    *slow_ms -= (*slow_ms + SLOW_CHUNKS - 1) / SLOW_CHUNKS;
}

void pace_forgive(struct node *n)
{
    struct retrieval *r = &n->retrieval;
    for (unsigned p = nodeset_next(&r->came, 0); p < NODES_MAX; p = nodeset_next(&r->came, p + 1))
        if (n->now_ms >= r->paces[p].slow_until_ms) {
            nodeset_remove(&r->came, p);
            nodeset_remove(&r->slow, p);
        }
}

void pace_tick(struct node *n)
{
    n->retrieval.usual_ms = median(n, gap_of);
    n->retrieval.delay_ms = median(n, delay_of);
}
