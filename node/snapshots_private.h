/* Inside of the snapshots: what snapshots.c and snapshots_make.c share. */
#ifndef NODE_SNAPSHOTS_PRIVATE_H
#define NODE_SNAPSHOTS_PRIVATE_H

#include "node/snapshots.h"

/* In a transaction. */
int snapshots_put_piece(struct store *s, epoch_id epoch, uint32_t index, struct slice piece);
/* All its pieces are there, with these roots: it takes the place of the oldest. */
int snapshots_complete(struct store *s, const struct snapshot_head *head, struct quorum q,
                       const struct hash roots[]);

#endif
