/* Transactions that this node has taken and that are not executed yet.
 *
 * A transaction is in the consensus store before it is acknowledged and stays, here and there,
 * until it is executed or finally refused. Waiting ones go into blocks of ours in the order of
 * their arrival; within a block those of one sender are in the order of their numbers. One that
 * is in a block of ours is *marked* with its epoch and not taken again, unless the block comes
 * to nothing or ignores it because its number is too high yet: then it waits again, each time
 * longer, so that a number whose turn never comes costs little.
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
#include "storage/store.h"

enum {
    MEMPOOL_SENDER_SIZE = 32,
    MEMPOOL_RETRIES = 8,        /* Waits get no longer after so many, */
    MEMPOOL_RETRY_MIN_MS = 100, /* the second one is this, and each the double of the last. */
};

struct mempool_item {
    struct hash id;
    uint8_t sender[MEMPOOL_SENDER_SIZE]; /* If `ordered`. */
    uint64_t sequence;                   /* The same. */
    struct slice bytes;                  /* 1 to TRANSACTION_SIZE_MAX. */
};

struct mempool_options {
    size_t bytes_max;
    bool ordered;  /* Whether transactions have senders and numbers. */
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

enum mempool_answer { MEMPOOL_ADDED, MEMPOOL_PENDING, MEMPOOL_FULL };
/* Copies the bytes. ADDED and PENDING hold after the next commit. */
enum mempool_answer mempool_add(struct mempool *m, const struct mempool_item *item);
bool mempool_has(const struct mempool *m, const struct hash *id);

/* Appends the transactions that are next to `w`, each length u32 and bytes, as many as fit, and
 * marks them. Returns how many. */
uint32_t mempool_take(struct mempool *m, epoch_id epoch, uint64_t now_ms, struct writer *w);
/* Bytes that mempool_take would find: of transactions neither marked nor put off. */
uint64_t mempool_waiting(const struct mempool *m, uint64_t now_ms);

/* After a restart, for what a stored block of ours holds that is not executed: marks it again.
 * Blocks in ascending order of epochs, transactions in the order of the block. */
void mempool_mark(struct mempool *m, epoch_id epoch, uint32_t index, const struct hash *id);
/* Executed or finally refused, in whichever block: it leaves. False if it was not there. */
bool mempool_remove(struct mempool *m, const struct hash *id);
/* The block of ours of this epoch ignored it for now: it waits again. */
void mempool_again(struct mempool *m, epoch_id epoch, const struct hash *id, uint64_t now_ms);
/* The block of ours of this epoch is out of the game: what is still marked with it waits again. */
void mempool_release(struct mempool *m, epoch_id epoch);
/* Visits what is marked with an epoch: index in the block, and id. May remove the one visited. */
typedef void (*mempool_visit)(void *context, uint32_t index, const struct hash *id);
void mempool_marked(struct mempool *m, epoch_id epoch, mempool_visit visit, void *context);
/* Visits all. May remove the one visited. */
void mempool_each(struct mempool *m, mempool_visit visit, void *context);

/* In a transaction of the store: writes what has changed. 1 if there was any, 0 if not, or a store
 * error, after which the pool is not to be used any more. */
int mempool_commit(struct mempool *m, struct store *store);

struct mempool_view {
    uint64_t count;
    uint64_t bytes; /* Of transactions; `charged` with the pool's own records. */
    uint64_t charged;
    uint64_t marked; /* Transactions in blocks of ours. */
};
void mempool_view(const struct mempool *m, struct mempool_view *view);

#endif
