/* The executor on a thread of its own.
 *
 * Deliveries go in, in order; each epoch's blocks are read from the consensus store, executed and
 * committed to the ledger in one go; what became of them comes back as a report. The core
 * delivers only a few epochs beyond what it was told is executed, which bounds what waits here. */
#ifndef NODE_EXECUTION_H
#define NODE_EXECUTION_H

#include <pthread.h>
#include <stdatomic.h>

#include "node/driver.h"
#include "node/executor.h"
#include "node/wanted.h"

/* A block as it was executed. */
struct execution_block {
    struct delivery delivery;
    uint32_t count;    /* Of transactions that have results, in order; none if the */
    uint32_t capacity; /* application does not look inside. */
    struct result *results;
};

/* An epoch that is executed and committed. */
struct execution_report {
    epoch_id epoch;
    struct executor_state state; /* Of the ledger after it. */
    unsigned count;
    unsigned capacity;
    struct execution_block *blocks;
    struct execution_report *next;
};
void execution_report_free(struct execution_report *r);

struct execution; /* Opaque. */

/* Opens the executor (`outcome` and `context` of its options are set here) and starts its
 * thread. `state` is where the ledger is. 0, or -1 with `message`; the application is closed
 * all the same. */
int execution_open(const struct executor_options *options, struct store *ledger,
                   struct store *consensus, struct execution **execution,
                   struct executor_state *state, char *message, size_t message_size);
/* Ends the thread, at the end of an epoch if there is one in sight: what is not committed then is
 * delivered again after the next start. NULL is fine. */
void execution_stop(struct execution *x);
/* After execution_stop; closes the application too. NULL is fine. */
void execution_close(struct execution *x);

/* Snapshots, made by the thread at the end of a checkpoint's epoch, before the next is executed. Who
 * else writes to the store has the mutex. */
struct execution_snapshots {
    struct store *store;
    pthread_mutex_t mutex;
    struct quorum quorum;
    uint64_t link_horizon;
    uint64_t every;                /* Epochs from one checkpoint to the next. */
    atomic_bool wanted;            /* Of the next checkpoint, */
    atomic_uint_least64_t due;     /* or of this one; 0: of none. */
    atomic_uint_least64_t made;    /* The last one, by its epoch; 0: none since the start. */
    atomic_int error;              /* Of the last try, */
    atomic_uint_least64_t took_ms; /* which took so long. */
};
/* Before the first delivery. They stay the caller's, beyond execution_stop. */
void execution_make_snapshots(struct execution *x, struct execution_snapshots *snapshots);

/* Proofs of accounts that are wanted, at the same point; before the first delivery, and as long. */
void execution_prove(struct execution *x, struct wanted *wanted, uint64_t every);

void execution_deliver(struct execution *x, const struct delivery *delivery);
void execution_end_epoch(struct execution *x, epoch_id epoch);

/* Readable when there is a report, or the thread could not go on. */
int execution_fd(const struct execution *x);
struct execution_report *execution_next(struct execution *x); /* The caller's; NULL: none now. */
/* Whether the thread could not go on; then why, and what to do. */
bool execution_failed(struct execution *x, char *message, size_t message_size);

#endif
