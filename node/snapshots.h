/* The snapshots that a node holds, in a store of their own: made of its ledger, or gathered from
 * others piece by piece. One writer at a time. Functions return 0 or a store error. */
#ifndef NODE_SNAPSHOTS_H
#define NODE_SNAPSHOTS_H

#include "node/application.h"
#include "node/snapshot.h"
#include "storage/store.h"

enum snapshot_table {
    SNAPSHOT_HEADS,  /* epoch u64 -> complete u8 | head */
    SNAPSHOT_ROOTS,  /* epoch u64 -> the roots of its pieces of accounts */
    SNAPSHOT_PIECES, /* epoch u64, index u32 -> piece */
    SNAPSHOT_TABLES
};
extern const char *const snapshot_tables[SNAPSHOT_TABLES];

enum { SNAPSHOTS_KEPT = 2 }; /* Signed ones: who gathers the one before may end it. */

/* Makes one of what the view of a ledger holds, at the end of a checkpoint's epoch; nobody has signed
 * it there. The application is one that keeps its state elsewhere, and has committed that epoch; or
 * NULL. Memory: 60 MB, however many accounts there are. */
int snapshots_make(struct store *s, struct store_view *ledger, struct quorum q,
                   uint64_t link_horizon, const struct application_port *application);
/* Puts a head in place of that of the same epoch: with signatures. */
int snapshots_sign(struct store *s, struct quorum q, const struct snapshot_head *head);

/* One that is gathered. The head is put, then pieces, each of which fits by itself. */
int snapshots_begin(struct store *s, const struct snapshot_head *head);
int snapshots_put(struct store *s, const struct snapshot_head *head, uint32_t index,
                  struct slice piece);
/* All pieces are there. *fits: they are what the checkpoint says; then it is complete, else gone. */
int snapshots_finish(struct store *s, struct quorum q, const struct snapshot_head *head,
                     uint64_t link_horizon, bool *fits);
/* One that is gathered and not complete; nothing if there is none. */
int snapshots_abandon(struct store *s, epoch_id epoch);
/* Pieces of what was begun before a crash and has no head. */
int snapshots_clean(struct store *s);

/* The newest that is complete and signed by f+1, is complete and not signed yet, or is gathered;
 * STORE_MISSING when there is none. */
enum snapshot_state { SNAPSHOT_SIGNED, SNAPSHOT_UNSIGNED, SNAPSHOT_GATHERED };
int snapshots_last(struct store_view *v, struct quorum q, enum snapshot_state state,
                   struct snapshot_head *head);
int snapshots_head(struct store_view *v, struct quorum q, epoch_id epoch,
                   struct snapshot_head *head);
/* STORE_MISSING when it is not there. */
int snapshots_piece(struct store_view *v, epoch_id epoch, uint32_t index, struct slice *piece);
/* Of a complete one: the path of a piece of accounts. */
int snapshots_path(struct store_view *v, const struct snapshot_head *head, uint32_t index,
                   struct hash path[MERKLE_LOG_DEPTH_MAX], unsigned *length);

#endif
