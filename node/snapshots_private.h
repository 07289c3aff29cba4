/* Inside of the snapshots: what snapshots.c and those that make one share. */
#ifndef NODE_SNAPSHOTS_PRIVATE_H
#define NODE_SNAPSHOTS_PRIVATE_H

#include "node/snapshots.h"

/* In a transaction. */
int snapshots_put_piece(struct store *s, epoch_id epoch, uint32_t index, struct slice piece);
/* All its pieces are there, with these roots: it takes the place of the oldest. */
int snapshots_complete(struct store *s, const struct snapshot_head *head, struct quorum q,
                       const struct hash roots[]);

/* The pieces of a snapshot of an application elsewhere that come after its runs: puts them, and sets
 * what the head says of them. *roots: the caller's. */
int snapshots_make_opaque(struct store *s, struct store_view *ledger,
                          const struct application_port *application, struct snapshot_head *head,
                          struct hash **roots);

#endif
