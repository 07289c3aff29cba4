/* A ledger that begins with a snapshot, and what a snapshot takes from a ledger. */
#ifndef NODE_EXECUTOR_SNAPSHOT_H
#define NODE_EXECUTOR_SNAPSHOT_H

#include "node/executor.h"
#include "node/snapshot.h"

/* Puts what a snapshot has in place of a ledger, in one transaction: it goes on with the epoch after
 * it. Entries and transactions that the ledger had stay, with their sums; there are none between. The
 * store holds no ledger, or one of the same chain that is not as far; nobody has it open as an
 * executor. `piece` gives each piece, which has been verified (snapshots_finish). */
struct executor_snapshot {
    struct hash chain;
    struct quorum quorum;
    const char *application; /* Its name. */
    const struct snapshot_head *head;
    int (*piece)(void *context, uint32_t index, struct slice *piece);
    void *context;
};
int executor_install(struct store *ledger, const struct executor_snapshot *snapshot);

/* The head of the snapshot that the ledger began with; STORE_MISSING: with the genesis. */
int executor_installed(struct store_view *v, struct quorum q, struct snapshot_head *head);
/* The log as it is beyond a gap that begins at a position; STORE_MISSING when none does. */
int executor_gap(struct store_view *v, uint64_t from, struct merkle_frontier *beyond);
/* The position from which on there are entries without a gap. */
int executor_base(struct store_view *v, uint64_t *position);
/* Calls visit for each dispersal delivered with an epoch >= from, and for those delivered before
 * that a snapshot names. */
int executor_delivered(struct store_view *v, epoch_id from,
                       void (*visit)(void *context, epoch_id epoch, node_id proposer),
                       void *context);

#endif
