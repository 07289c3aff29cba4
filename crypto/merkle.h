/* Merkle trees of RFC 9162, section 2.1: the shape follows from the number of leaves
 * alone, so that a proof for one position never verifies at another.
 *
 * Leaves are given as their hashes (hash_leaf). Three uses, three forms:
 *  - merkle_tree: all inner nodes kept, for the chunks of one block (at most NODES_MAX);
 *  - merkle_root, merkle_path: one pass over an array of any size;
 *  - merkle_frontier: an append-only log, O(log n) memory whatever its size. */
#ifndef CRYPTO_MERKLE_H
#define CRYPTO_MERKLE_H

#include "crypto/hash.h"
#include "crypto/quorum.h"

enum {
    MERKLE_DEPTH_MAX = 7,      /* Of a tree over the nodes. */
    MERKLE_LOG_DEPTH_MAX = 64, /* Of any tree with a 64-bit count. */
};
static_assert(1 << MERKLE_DEPTH_MAX >= NODES_MAX, "a tree holds a leaf per node");

/* The root over `count` leaf hashes; of none: SHA256 of the empty string. */
struct hash merkle_root(const struct hash leaves[], size_t count);
/* The inclusion proof of leaf `index`: siblings from the leaf up, into
 * path[MERKLE_LOG_DEPTH_MAX]. Returns how many. */
unsigned merkle_path(const struct hash leaves[], size_t count, size_t index, struct hash path[]);
/* How long the inclusion proof of `index` among `count` is. */
unsigned merkle_path_length(uint64_t count, uint64_t index);
/* Whether `path` proves that `leaf` is number `index` of `count` under `root`. */
bool merkle_verify(const struct hash *root, uint64_t count, uint64_t index, const struct hash *leaf,
                   const struct hash path[], unsigned path_length);

/* Whether `proof` (2.1.4) shows that the first `first` of `second` leaves under `second_root` are those
 * under `first_root`. Of no leaves nothing is shown. */
bool merkle_consistent(uint64_t first, const struct hash *first_root, uint64_t second,
                       const struct hash *second_root, const struct hash proof[], unsigned length);

struct merkle_tree {
    unsigned leaf_count;
    struct hash nodes[2 * NODES_MAX + MERKLE_DEPTH_MAX]; /* Level by level, the leaves first. */
};

/* 1 to NODES_MAX leaves. */
void merkle_tree_build(struct merkle_tree *t, const struct hash leaves[], unsigned leaf_count);
struct hash merkle_tree_root(const struct merkle_tree *t);
/* As merkle_path, into path[MERKLE_DEPTH_MAX]. */
unsigned merkle_tree_path(const struct merkle_tree *t, unsigned index, struct hash path[]);

struct merkle_frontier {
    uint64_t count;
    struct hash peaks[MERKLE_LOG_DEPTH_MAX]; /* Roots of the full subtrees, the largest first. */
};

void merkle_frontier_append(struct merkle_frontier *m, const struct hash *leaf);
struct hash merkle_frontier_root(const struct merkle_frontier *m);
/* Bytes that merkle_frontier_decode takes back: the count, then the peaks. */
void merkle_frontier_encode(const struct merkle_frontier *m, struct writer *w);
bool merkle_frontier_decode(struct reader *r, struct merkle_frontier *m);

#endif
