/* Inter-node linking: which dispersals outside an epoch's accepted set it delivers
 * (after the paper's section 4.4; there a block names a prefix of each node's epochs, which one
 * missed epoch stops for ever).
 *
 * Every block of epoch e names, for each node, the epochs < e whose dispersal by it completed at
 * the block's proposer, as runs. What f+1 accepted blocks of e have seen is delivered with e, if
 * it was not before and is younger than the horizon. One of the f+1 is correct: so it completed,
 * and everyone can retrieve it. Once it completed everywhere, every correct block of a later
 * epoch has seen it, and f+1 correct blocks are in every accepted set: so every completed
 * dispersal is delivered, and no one can be censored. A bad block has seen nothing. */
#ifndef NODE_LINK_H
#define NODE_LINK_H

#include "node/history.h"

enum {
    LINK_NEWEST = LINK_RUNS_MAX / 2, /* Runs a block names of each node: the newest ... */
    LINK_OLDEST = LINK_RUNS_MAX / 2, /* ... and the oldest that hold one undelivered. */
};

/* Bytes of the largest `seen`. */
size_t link_seen_size_max(struct quorum q);
/* What a block of `epoch` has seen, from what completed and was delivered here. */
void link_seen_encode(const struct history *completed, const struct history *delivered,
                      struct quorum q, epoch_id epoch, struct writer *w);
/* The runs that at least `needed` of the given lists of runs cover, clipped to [low, high], as
 * maximal runs. lists[b] are the runs of block b, ascending. Returns how many: each begins
 * where some list's run does, so that there is room for LINK_RUNS_MAX * list_count. */
unsigned link_cover(const struct epoch_run *const lists[], const uint8_t counts[],
                    unsigned list_count, unsigned needed, epoch_id low, epoch_id high,
                    struct epoch_run covered[]);

#endif
