/* A Merkle tree of RFC 9162 kept in a table of a store: leaves are replaced and appended, and
 * what changes is written, O(changed leaves * log n).
 *
 * A record (level u8, index u64) holds up to STATE_TREE_WIDTH hashes: on level 0 of leaves, above
 * of the roots of the records below. The width is a power of two, so that these are subtrees of
 * the binary tree: a record's root is the merkle_root of its hashes, and a leaf's proof is the
 * merkle_path of each record on the way up, one after the other. The tree ends with the level
 * that has one hash: its root. */
#ifndef NODE_STATE_TREE_H
#define NODE_STATE_TREE_H

#include "crypto/merkle.h"
#include "storage/store.h"

enum { STATE_TREE_WIDTH = 16 };

struct state_leaf {
    uint64_t index;
    struct hash hash;
};

/* In a transaction: replaces or appends `changed` leaves, at least one, in ascending order of
 * index, none skipped when appending; `count` is how many leaves there are then. The array is
 * used up as scratch. */
int state_tree_update(struct store *s, unsigned table, uint64_t count, struct state_leaf leaves[],
                      size_t changed);
/* In a transaction: the root over all `count` leaves. */
int state_tree_root(struct store *s, unsigned table, uint64_t count, struct hash *root);
/* The inclusion proof of leaf `index` of `count`, for merkle_verify. */
int state_tree_path(struct store_view *v, unsigned table, uint64_t count, uint64_t index,
                    struct hash path[MERKLE_LOG_DEPTH_MAX], unsigned *length);

#endif
