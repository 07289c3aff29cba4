/* libledger: what a program needs to use a ledger of accounts.
 *   cc program.c $(pkg-config --cflags --libs libledger)
 *
 * Nothing happens twice. A transaction has one outcome, however often and to whichever nodes it is
 * submitted, and its number, of its sender's, can be used once. So who has not heard how one ended
 * submits it again; the calls here do that by themselves, at the next node when one falls silent.
 * After a crash nothing is needed but the key: a transfer of the same sender, number, recipient and
 * amount is the same transaction.
 *
 * What a node says is believed, but that a transaction is refused, which f+1 have to say. Who trusts no
 * node asks for receipts, and verifies them (ledger-cli receipt, verify).
 *
 * Calls that can fail return 0, or -1; then ledger_message says why. One thread a struct ledger. */
#ifndef LEDGER_H
#define LEDGER_H

#include <stddef.h>
#include <stdint.h>

enum {
    LEDGER_ID_SIZE = 32,
    LEDGER_KEY_SIZE = 32, /* An account is its public key. */
    LEDGER_TRANSFER_SIZE = 178,
    LEDGER_REASON_SIZE = 121,
    LEDGER_WINDOW = 64, /* Numbers from the lowest unused one on that may be under way. */
};

struct ledger; /* Opaque. */

/* Reads the cluster.conf, or that of a directory. Waits for no node. NULL only for want of memory;
 * whatever else is wrong is told by all calls. */
struct ledger *ledger_open(const char *cluster);
void ledger_close(struct ledger *l);
const char *ledger_message(const struct ledger *l); /* One line; of the last call that failed. */
/* The node that is asked first, from now on; else 0, or the last one that has answered. */
void ledger_prefer(struct ledger *l, unsigned node);

/* In hex, or from a key's file. */
int ledger_key(struct ledger *l, const char *text, uint8_t key[LEDGER_KEY_SIZE]);
/* Makes and signs a transfer, of the account whose secret is in the file. */
int ledger_transfer(struct ledger *l, const char *key_file, uint64_t sequence,
                    const uint8_t to[LEDGER_KEY_SIZE], uint64_t amount,
                    uint8_t transfer[LEDGER_TRANSFER_SIZE]);

enum ledger_outcome {
    LEDGER_UNKNOWN,  /* To the node that was asked, and not executed there. */
    LEDGER_PENDING,  /* Durable at a node; it will be executed. */
    LEDGER_EXECUTED, /* The rest is final. */
    LEDGER_FAILED,   /* Its number is used, and nothing else has happened. */
    LEDGER_REFUSED,  /* It cannot be executed: nothing of it has happened. */
};
struct ledger_result {
    enum ledger_outcome outcome;
    uint8_t id[LEDGER_ID_SIZE];      /* Of all but REFUSED. */
    uint64_t height;                 /* EXECUTED, FAILED: the position of its block ... */
    uint32_t index;                  /* ... and its place in the block. */
    char reason[LEDGER_REASON_SIZE]; /* FAILED, REFUSED. */
};

/* Until it has its outcome, or for so long; then it is PENDING, or, if no node has said that it has
 * it, the call has failed. */
int ledger_submit(struct ledger *l, const void *transaction, size_t size, unsigned limit_ms,
                  struct ledger_result *result);
/* What is known of one. While it is PENDING or UNKNOWN, waits for so long. */
int ledger_find(struct ledger *l, const uint8_t id[LEDGER_ID_SIZE], unsigned limit_ms,
                struct ledger_result *result);

struct ledger_account {
    uint64_t balance;
    uint64_t sequence; /* The lowest number that is not used. */
};
/* As executed at the node that is asked. One that has never been used has 0. */
int ledger_account(struct ledger *l, const uint8_t key[LEDGER_KEY_SIZE],
                   struct ledger_account *account);

/* What is executed, from a place in the log on: each transaction once, in order. */
struct ledger_cursor {
    uint64_t position; /* Of a block; 0, 0 is the beginning. */
    uint32_t index;
};
#define LEDGER_FROM_NOW ((struct ledger_cursor){UINT64_MAX, 0})
typedef void (*ledger_visit)(void *context, const struct ledger_result *result);
/* Visits some, EXECUTED and FAILED ones, and moves the cursor, which can be kept for ever; if there are
 * none yet, waits for some seconds. */
int ledger_events(struct ledger *l, struct ledger_cursor *cursor, ledger_visit visit,
                  void *context);

#endif
