/* Executes delivered blocks, in order, into the ledger store.
 *
 * One store commit an epoch: what its blocks did to the application's state, their entries in the
 * log, the index of transactions, the sums. So the store holds the ledger as it was at the end of
 * some epoch, always, and after a crash the executor goes on with the epoch after that one, which
 * has to be delivered again from its first block. Two executors that are given the same
 * blocks hold the same roots, however often either was stopped.
 *
 * The *log* is an RFC 9162 tree with one leaf for each delivered block:
 *
 *   position u64 | epoch u64 | proposer u16 | commitment (32) | status u8 | count u32 | root (32)
 *
 * with status 1, or 2 for a bad block, which is empty. The root is over the block's transactions,
 * such a tree itself: leaf i is id (32) | outcome u8. If the application does not look inside a
 * block, the tree has one leaf, that of the block's transactions as they stand in it, in parts
 * (hash_parts); an empty block's has none.
 *
 * One thread calls the executor; any thread may read through a view. Functions return 0 or a
 * store_error, and after one the executor is only good for executor_close; store_message says
 * more. A block out of order, or of an epoch that was executed before, is a bug of the caller. */
#ifndef NODE_EXECUTOR_H
#define NODE_EXECUTOR_H

#include "crypto/merkle.h"
#include "node/application.h"
#include "node/event.h" /* struct delivery */

struct executor_options {
    struct hash chain;
    struct quorum quorum;
    struct application_port application; /* On the same store. The executor closes it. */
    /* What became of each copy, in order; a promise only once its epoch has ended. Bad signature
     * and sequence above are said of this copy alone: another with this id may be good. NULL:
     * nobody asks. Not called for an application that does not look inside a block. */
    void (*outcome)(void *context, uint64_t position, uint32_t index, const struct result *result);
    void *context;
};

/* What is executed, in sum, since the genesis; what a snapshot stands for is not counted. */
struct executor_state {
    epoch_id epoch;  /* The last one executed; 0: none. */
    uint64_t height; /* Blocks delivered. */
    struct hash log_root;
    struct hash state_root;
    uint64_t outcomes[OUTCOME_COUNT]; /* Copies of transactions, by what became of them. */
    uint64_t bytes;                   /* Of all of them. */
    uint64_t confirmed_bytes;         /* Of those executed. */
    uint64_t bad_blocks;
};

static inline uint64_t executor_failed(const struct executor_state *s)
{
    return s->outcomes[OUTCOME_FAILED_FUNDS] + s->outcomes[OUTCOME_FAILED];
}

/* One delivered block. */
struct executor_entry {
    struct delivery delivery;
    uint32_t count;     /* Transactions in it. */
    struct hash root;   /* Over them. */
    uint64_t bytes;     /* Of them. */
    uint32_t confirmed; /* Of them, executed, */
    uint64_t confirmed_bytes;
};

struct executor; /* Opaque. */

/* Writes the genesis into an empty store, or goes on where it is. On failure, which includes a
 * store of another chain or application, -1 with `message`; the application is closed all the
 * same. */
int executor_open(const struct executor_options *options, struct store *ledger,
                  struct executor **executor, char *message, size_t message_size);
/* Forgets an epoch that has not ended. NULL is fine. */
void executor_close(struct executor *x);

/* The next block: of position `height`, delivered with the epoch after the last one executed.
 * Without bytes if it is bad. */
int executor_block(struct executor *x, const struct delivery *d, struct slice bytes);
/* All of the epoch was delivered: commits it. */
int executor_end_epoch(struct executor *x, epoch_id epoch, struct executor_state *state);

/* What is committed, for any thread. STORE_MISSING when there is none such. */
int executor_state(struct store_view *v, struct executor_state *state);
int executor_entry(struct store_view *v, uint64_t position, struct executor_entry *entry);
/* Visits the entries from a position on, until `visit` returns nonzero; returns that, or 0. */
typedef int (*executor_visit)(void *context, const struct executor_entry *entry);
int executor_entries(struct store_view *v, uint64_t from, executor_visit visit, void *context);
/* The position of the first block delivered with `epoch` or a later one; the height if none. Of a
 * ledger that began with a snapshot: of those after it. */
int executor_position(struct store_view *v, epoch_id epoch, uint64_t *position);

struct executor_place {
    uint64_t position;
    uint32_t index;
    enum outcome outcome; /* Final. */
};
int executor_transaction(struct store_view *v, const struct hash *id, struct executor_place *place);
/* What became of the copy at a place, ignored ones too. */
int executor_outcome(struct store_view *v, uint64_t position, uint32_t index,
                     struct result *result);
/* The log's leaf of an entry. */
struct hash executor_leaf(const struct executor_entry *entry);
/* The leaf of a transaction in the tree of its block. */
struct hash executor_result_leaf(const struct result *result);

#endif
