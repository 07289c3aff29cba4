/* The application `ledger`: accounts, and transfers between them.
 *
 * The rules, for each copy of a transaction in delivered order; the first that applies:
 *
 *   not one transaction exactly            ignored: malformed
 *   for another chain                      ignored: other chain
 *   its number is used, or below           ignored: sequence used
 *   the signature is not the sender's      ignored: bad signature
 *   its number is above the window         ignored: sequence above
 *   else the number is used up, and        failed: the sender has less than the amount
 *                                          executed: the amount has moved
 *
 * A key that has never received and never used a number has balance 0 and the window 0 to 63: it
 * can fail, or send 0. What is ignored changes nothing, and what fails changes no balance. No
 * transfer makes or destroys money; the supply of the genesis fits a u64, so no balance overflows.
 *
 * Signatures are verified all of a batch together, before any is executed, and only those that can
 * still matter: a used number stays used. A verdict holds for the very bytes, signature included;
 * copies in one batch share it. */
#ifndef NODE_LEDGER_H
#define NODE_LEDGER_H

#include "node/accounts.h"
#include "node/application.h"
#include "node/transaction.h"

struct ledger_balance {
    struct identity_public key;
    uint64_t amount;
};

struct signature_check {
    const struct transaction *transaction;
    bool valid; /* To be set, to what transaction_verify says. */
};

struct ledger_ports {
    void *context;
    /* Verifies all, on as many threads as it likes, before it returns. NULL: one by one. */
    void (*verify)(void *context, struct signature_check checks[], unsigned count);
    /* Whether this node has verified exactly these bytes before. The id alone is not enough: a
     * copy with a broken signature has the same one, and a node that took it for good would
     * execute what others ignore. NULL: never. */
    bool (*known)(void *context, const struct hash *id, struct slice bytes);
};

struct ledger_options {
    struct hash chain;
    const struct ledger_balance *balances; /* The genesis. Borrowed until it is written. */
    size_t balance_count;
    unsigned cached; /* Accounts in memory; 0: as many as usual. */
    struct ledger_ports ports;
};

/* On a store with ledger_tables. -1 with `message`: no memory, the store cannot be read, or the
 * balances add up to more than a u64 holds. Two balances of one key add up. */
int ledger_open(const struct ledger_options *options, struct store *store,
                struct application_port *port, char *message, size_t message_size);

#endif
