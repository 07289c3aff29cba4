/* A block: what its proposer has seen completed, and transactions.
 *
 *   version u8 = 1 | seen | count u32 | count times: length u32, bytes
 *   seen: for each of the n nodes: runs u8, then so many times: first u64, last u64
 *
 * `seen` names the epochs, all below the block's own, whose dispersal by that node completed at
 * the proposer, as maximal runs (ascending, not touching), at most LINK_RUNS_MAX a node. A
 * transaction is 1 to TRANSACTION_SIZE_MAX bytes. Whatever differs is no block: bad.
 *
 * Of each transaction every node keeps an outcome for ever, whatever it is, and a liar's have 5 bytes: so
 * a block has no more than BLOCK_COUNT_FREE, and one more for each BLOCK_BYTES_EACH that they take. */
#ifndef NODE_BLOCK_H
#define NODE_BLOCK_H

#include "crypto/bytes.h"
#include "crypto/quorum.h"

typedef uint64_t epoch_id; /* The first epoch is 1. */

enum {
    LINK_RUNS_MAX = 32, /* A node: the 16 newest, and the 16 oldest that hold one undelivered. */
    TRANSACTION_SIZE_MAX = 64 << 10,
    BLOCK_COUNT_FREE = 256,
    BLOCK_BYTES_EACH = 64,
};

struct epoch_run { /* first <= last; runs ascend and do not touch. */
    epoch_id first;
    epoch_id last;
};

struct block {
    struct slice seen;         /* Encoded: for block_seen_next, n times. */
    uint32_t count;            /* Of transactions. */
    struct slice transactions; /* For block_next. */
};

/* Whether `bytes` is a block of epoch `epoch`. Slices in `b` borrow from it. */
bool block_decode(struct slice bytes, struct quorum q, epoch_id epoch, struct block *b);
/* The same of what was found to be a block before: transactions are not stepped through, which
 * costs a miss of the cache for each. */
bool block_open(struct slice bytes, struct quorum q, epoch_id epoch, struct block *b);
/* Reads what the `seen` of a block of `epoch` says of the next node; false if that has no form. */
bool block_seen_next(struct reader *r, epoch_id epoch, struct epoch_run runs[LINK_RUNS_MAX],
                     uint8_t *count);
/* Steps through the transactions of a decoded block; false at the end. */
bool block_next(struct slice *rest, struct slice *transaction);
/* Whether a block may have so many transactions, which take so many bytes with their lengths. */
static inline bool block_may_hold(uint64_t count, uint64_t bytes)
{
    return count <= BLOCK_COUNT_FREE + bytes / BLOCK_BYTES_EACH;
}
/* Bytes in a block beside the transactions and their lengths. */
size_t block_overhead(size_t seen_size);

#endif
