/* How long a peer that was asked for chunks may send nothing.
 *
 * When our own link is slow, so are all: each is measured by how its pieces usually come. What a
 * peer alone can win by being slow is bounded: GAP_MAX * PATIENCE_GAPS times retry_ms, or times the
 * gap of the median peer, which f liars do not move beyond what the others have. And nothing is late
 * before what our dispersals take: links that are full of them are slow for all. Nor before all that
 * is out should have come (window.c): where our own link is slow, to ask another only puts one more
 * into the same line. */
#include "node/core.h"

enum {
    PACE_GAPS = 8,     /* A new gap counts as one of so many for the smoothed one, ... */
    GAP_MAX = 2,       /* ... and as at most so many times retry_ms, or the median gap. */
    PATIENCE_GAPS = 4, /* So many gaps without a piece, and what a dispersal takes: late. */
    USUAL_MS_MAX = 60000,
    EXPECTED = 4, /* Times what all that is out takes at the best pace: pieces come in bunches. */
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
                   max_u32(propose_normal_ms(n), n->retrieval.expected_ms));
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

void pace_tick(struct node *n)
{
    uint32_t sorted[NODES_MAX];
    unsigned count = 0;
    for (unsigned p = 0; p < n->quorum.n; p++) {
        const uint32_t gap_ms = n->retrieval.paces[p].gaps_ms / PACE_GAPS;
        if (p == n->self)
            continue;
        unsigned at = count++;
        for (; at > 0 && sorted[at - 1] > gap_ms; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = gap_ms;
    }
    const uint32_t takes_ms = window_takes_ms(n);
    n->retrieval.expected_ms =
        takes_ms < USUAL_MS_MAX / EXPECTED ? EXPECTED * takes_ms : USUAL_MS_MAX;
    const uint32_t usual_ms = count > 0 ? sorted[(count - 1) / 2] : 0;
    n->retrieval.usual_ms = usual_ms < USUAL_MS_MAX ? usual_ms : USUAL_MS_MAX;
}
