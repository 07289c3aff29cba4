/* The log's inner nodes: what a proof needs and is too much to hash again.
 *
 * Of the log (executor.h), an RFC 9162 tree, the table LEDGER_LOG keeps the root of each full subtree
 * of 2^8, 2^16, 2^24 ... leaves: level u8 | index u64 -> hash. So a path reads at most some hundreds
 * of records, however long the log is; one block in 256 costs a record more. */
#ifndef NODE_LOG_TREE_H
#define NODE_LOG_TREE_H

#include "crypto/merkle.h"
#include "storage/store.h"

enum { LOG_TREE_STEP = 8 };

/* The leaf that is to be appended to `log`: puts the subtrees that it completes. 0 or a store
 * error. */
int log_tree_put(struct store *ledger, const struct merkle_frontier *log, const struct hash *leaf);

/* The same for whoever checks them: visits each, until `visit` returns nonzero; returns that, or 0. */
typedef int (*log_tree_visit)(void *context, struct slice key, const struct hash *node);
int log_tree_completed(const struct merkle_frontier *log, const struct hash *leaf,
                       log_tree_visit visit, void *context);

/* The inclusion proof of the leaf at `position` among the first `height`, which are no more than
 * there are. STORE_MISSING: a part of it is not here, for this ledger went on from a snapshot. */
int log_tree_path(struct store_view *v, uint64_t height, uint64_t position,
                  struct hash path[MERKLE_LOG_DEPTH_MAX], unsigned *length);
/* The consistency proof of the first `first` leaves with the first `second` (merkle_consistent), which
 * are no more than there are. STORE_MISSING as above. */
int log_tree_consistency(struct store_view *v, uint64_t first, uint64_t second,
                         struct hash proof[MERKLE_LOG_DEPTH_MAX + 1], unsigned *length);

#endif
