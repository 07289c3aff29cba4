/* Transactions that this node has taken and that are not executed yet.
 *
 * A transaction is in the consensus store before it is acknowledged and stays, here and there,
 * until it is executed or finally refused. Waiting ones go into blocks of ours in the order of
 * their arrival. One that is in a block of ours is *marked* with its epoch and not taken again,
 * unless the block comes to nothing: then it waits again, before those that came later.
 *
 * Whoever adds one has seen its sequence number inside its sender's window, or used, in a state
 * that this node had executed. A window only moves up and a block of ours executes after that
 * state: so no number that is here is above the window when its turn comes, all may go into one
 * block in any order, and what our block ignores is refused for good. Everything here can go, and
 * a full pool drains.
 *
 * Every transaction is in the pool at most once, by id. The pool holds at most `bytes_max`
 * bytes, its own records included, marked ones too: what is full says so at once. No call
 * depends on how many wait, but for a block's worth in mempool_take. One thread, the driver's.
 *
 * What changes is written by mempool_commit, in the driver's transaction, so that one commit
 * serves peers and clients; what the pool says of its content holds after that commit. */
#ifndef NODE_MEMPOOL_H
#define NODE_MEMPOOL_H

#include "crypto/hash.h"
#include "node/block.h"
#include "node/times.h"
#include "storage/store.h"

enum { MEMPOOL_SENDER_SIZE = 32 };

struct mempool_item {
    struct hash id;
    uint8_t sender[MEMPOOL_SENDER_SIZE]; /* For whoever adds it, if it has one, */
    uint64_t sequence;                   /* and its number. */
    struct slice bytes;                  /* 1 to TRANSACTION_SIZE_MAX. */
};

struct mempool_options {
    size_t bytes_max;
    uint64_t seed; /* Random, so that nobody can choose ids that meet in the index. */
    /* What the bytes of a record are; false when they are no transaction of this chain. */
    bool (*describe)(void *context, struct slice bytes, struct mempool_item *item);
    void *context;
};

struct mempool; /* Opaque. */

/* Reads back what the store holds. NULL with `message` set on failure. */
struct mempool *mempool_open(const struct mempool_options *options, struct store *store,
                             char *message, size_t message_size);
void mempool_close(struct mempool *m); /* NULL is fine. */

/* The time, monotonic, for how long transactions are here. */
void mempool_time(struct mempool *m, uint64_t now_ms);

enum mempool_answer { MEMPOOL_ADDED, MEMPOOL_PENDING, MEMPOOL_FULL };
/* Copies the bytes. ADDED and PENDING hold after the next commit. */
enum mempool_answer mempool_add(struct mempool *m, const struct mempool_item *item);
bool mempool_has(const struct mempool *m, const struct hash *id);

/* Appends the transactions that are next to `w`, each length u32 and bytes, as many as fit but none
 * once they are `enough` bytes, and marks them. Returns how many. */
uint32_t mempool_take(struct mempool *m, epoch_id epoch, uint64_t enough, struct writer *w);
uint64_t mempool_waiting(const struct mempool *m); /* Bytes of transactions not marked. */
/* Of those, and of what is marked with a later epoch. */
uint64_t mempool_after(const struct mempool *m, epoch_id epoch);

/* After a restart, for what a stored block of ours holds that is not executed: marks it again.
 * Blocks in ascending order of epochs, transactions in the order of the block. */
void mempool_mark(struct mempool *m, epoch_id epoch, uint32_t index, const struct hash *id);
/* Executed or finally refused, in whichever block: it leaves. False if it was not there. */
bool mempool_remove(struct mempool *m, const struct hash *id);
/* The block of ours of this epoch is out of the game: what is still marked with it waits again. */
void mempool_release(struct mempool *m, epoch_id epoch);
/* Visits what is marked with an epoch: index in the block, and id. May remove the one visited. */
typedef void (*mempool_visit)(void *context, uint32_t index, const struct hash *id);
void mempool_marked(struct mempool *m, epoch_id epoch, mempool_visit visit, void *context);
/* What the execution of this epoch means for the pool is done. */
void mempool_settled(struct mempool *m, epoch_id epoch);
/* The last such epoch when something was written, as a restart knows it; 0: none. The ledger commits
 * first, so later ones may have been executed too: what is in their blocks has to leave yet. */
epoch_id mempool_settled_through(const struct mempool *m);
/* Visits all. May remove the one visited. */
void mempool_each(struct mempool *m, mempool_visit visit, void *context);

/* In a transaction of the store: writes what has changed. 1 if there was any, 0 if not, or a store
 * error, after which the pool is not to be used any more. */
int mempool_commit(struct mempool *m, struct store *store);

struct mempool_view {
    uint64_t count;
    uint64_t bytes; /* Of transactions; `charged` with the pool's own records. */
    uint64_t charged;
    uint64_t marked;    /* Transactions in blocks of ours. */
    struct times stays; /* Of those that were executed or finally refused, since the start. */
};
void mempool_view(const struct mempool *m, struct mempool_view *view);

#endif
