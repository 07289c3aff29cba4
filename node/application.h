/* What gives meaning to transactions: one interface, three applications.
 *
 * An application is a deterministic machine. It is given the transactions of delivered blocks,
 * in the one order, and says what became of each; at the end of an epoch it says the root of its
 * state. What it says follows from the transactions alone: not from time, threads, how blocks
 * are cut into calls, or what this node knew before. It keeps its state in tables of the ledger
 * store, in the transaction that its caller has open; the caller commits.
 *
 *   ledger   accounts and transfers: node/ledger.h
 *   log      opaque payloads, each executed by being there: application_log
 *   external whatever a process beside the node makes of them: node/external.h */
#ifndef NODE_APPLICATION_H
#define NODE_APPLICATION_H

#include "node/mempool.h"

/* What became of one copy of a transaction. Executed and failed are final: the id has no other
 * outcome, ever. Any other is an ignored copy, which leaves no trace in the state. */
#define OUTCOME_MAP(X)                                                                      \
    X(OUTCOME_NONE, "none", "nothing is known against it")                                  \
    X(OUTCOME_EXECUTED, "executed", "executed")                                             \
    X(OUTCOME_FAILED_FUNDS, "failed_funds", "failed: the sender did not have the amount")   \
    X(OUTCOME_MALFORMED, "malformed", "ignored: no transaction")                            \
    X(OUTCOME_OTHER_CHAIN, "other_chain", "ignored: for another chain")                     \
    X(OUTCOME_SEQUENCE_USED, "sequence_used", "ignored: its sequence number was used")      \
    X(OUTCOME_BAD_SIGNATURE, "bad_signature", "ignored: its signature is not the sender's") \
    X(OUTCOME_SEQUENCE_ABOVE, "sequence_above",                                             \
      "ignored: its sequence number is above the window")                                   \
    X(OUTCOME_FAILED, "failed", "failed: the application could not do it")                  \
    X(OUTCOME_REFUSED, "refused", "ignored: the application refuses it")

enum outcome {
#define X(value, name, text) value,
    OUTCOME_MAP(X)
#undef X
        OUTCOME_COUNT
};

const char *outcome_name(enum outcome o); /* One word, as in STATS. */
const char *outcome_text(enum outcome o); /* A phrase for people. */
static inline bool outcome_final(enum outcome o)
{
    return o == OUTCOME_EXECUTED || o == OUTCOME_FAILED_FUNDS || o == OUTCOME_FAILED;
}

/* The tables of the ledger store: what store_open needs. */
enum ledger_table {
    LEDGER_META,         /* What is executed, in sum; the application's own sums. */
    LEDGER_ENTRIES,      /* position u64 -> a delivered block */
    LEDGER_OUTCOMES,     /* position u64, first index u32 -> ids and outcomes, in a row */
    LEDGER_TRANSACTIONS, /* id -> place and final outcome; or nothing: before a snapshot */
    LEDGER_ACCOUNTS,     /* key -> account */
    LEDGER_STATE_TREE,
    LEDGER_LOG,    /* log_tree.h */
    LEDGER_INPUTS, /* epoch, part u32 -> what an external application was given and answered */
    LEDGER_TABLE_COUNT
};
extern const char *const ledger_tables[LEDGER_TABLE_COUNT];

/* Transactions in one call of `execute`. What an external application is given depends on it: another
 * number is another format of the ledger. */
enum { APPLICATION_BATCH = 4096 };

struct result {
    struct hash id; /* Zero if the bytes have none: malformed. */
    enum outcome outcome;
};

struct application_port {
    const char *name;
    void *state;

    /* For clients; from any thread. `describe` is for the mempool: false when the bytes are no
     * transaction of this chain. `check` says all that can be said without the state, signature
     * included: OUTCOME_NONE or why it would be ignored. */
    bool ordered; /* Transactions have senders and sequence numbers. */
    bool (*describe)(void *state, struct slice bytes, struct mempool_item *item);
    enum outcome (*check)(void *state, struct slice bytes);
    /* What it makes of a question; NULL: it has no answers. 0, with `size` from the room to what it
     * took; 1: no, with a reason, so long; -1: not now. */
    int (*query)(void *state, struct slice bytes, uint8_t answer[], size_t *size);

    /* In a transaction of the store; 0 or a store_error, after which the state is void. */
    int (*genesis)(void *state); /* In an empty store. */
    /* At most APPLICATION_BATCH transactions, in order. NULL: the application does not look
     * inside a block; its transactions have no ids and are executed by being there. */
    int (*execute)(void *state, const struct slice transactions[], unsigned count,
                   struct result results[]);
    int (*commit)(void *state, struct hash *root);
    /* The next record of the state, of the application's making, between two epochs: the first, or
     * the one after that of the last call. Empty: there are no more. The same on all nodes. NULL: the
     * state is in the ledger store. */
    int (*record)(void *state, bool first, struct slice *record);
    uint64_t (*kept)(void *state); /* Bytes that a snapshot would free; from any thread. */

    /* May be NULL. The store has committed; nothing has been executed for a while: 0 or a store_error;
     * what waits is not to wait any more, from any thread; why there was an error, if it is not the
     * store's: "" if it is. */
    void (*committed)(void *state);
    int (*idle)(void *state);
    void (*stop)(void *state);
    const char *(*problem)(void *state);

    void (*close)(void *state);
};

/* The id of a payload; false: its size is none. */
bool application_payload_id(struct slice bytes, struct hash *id);
/* The application `log`. */
struct application_port application_log(void);

#endif
