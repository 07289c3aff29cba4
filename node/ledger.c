#include "node/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPIES = 4 * APPLICATION_BATCH }; /* Places to find copies: a power of two. */
static_assert((COPIES & (COPIES - 1)) == 0, "a mask of an id is a place");

enum { CHECK_NONE = -1 }; /* Known to be good, or of no matter. */

struct ledger {
    struct ledger_options options;
    struct accounts *accounts;
    struct transaction transactions[APPLICATION_BATCH];
    int check_of[APPLICATION_BATCH]; /* Index in checks, or CHECK_NONE. */
    struct signature_check checks[APPLICATION_BATCH];
    unsigned check_count;
    uint16_t copies[COPIES]; /* 1 + index in checks, or 0: the one before to have these bytes. */
};
static_assert(APPLICATION_BATCH < UINT16_MAX, "copies holds an index");

static void verify_here(void *context, struct signature_check checks[], unsigned count)
{
    (void)context;
    for (unsigned i = 0; i < count; i++)
        checks[i].valid = transaction_verify(checks[i].transaction);
}

static bool known_never(void *context, const struct hash *id, struct slice bytes)
{
    (void)context;
    (void)id;
    (void)bytes;
    return false;
}

/* What the bytes alone say. */
static enum outcome decode(const struct ledger *l, struct slice bytes, struct transaction *t)
{
    if (!transaction_decode(bytes, t))
        return OUTCOME_MALFORMED;
    return hash_equal(&t->chain, &l->options.chain) ? OUTCOME_NONE : OUTCOME_OTHER_CHAIN;
}

static bool ledger_describe(void *state, struct slice bytes, struct mempool_item *item)
{
    struct transaction t;
    if (decode(state, bytes, &t) != OUTCOME_NONE)
        return false;
    *item = (struct mempool_item){.id = t.id, .sequence = t.sequence, .bytes = bytes};
    static_assert(sizeof item->sender == sizeof t.from, "a sender is its key");
    memcpy(item->sender, &t.from, sizeof t.from);
    return true;
}

static enum outcome ledger_check(void *state, struct slice bytes)
{
    struct transaction t;
    enum outcome outcome = decode(state, bytes, &t);
    if (outcome == OUTCOME_NONE && !transaction_verify(&t))
        return OUTCOME_BAD_SIGNATURE;
    return outcome;
}

static int ledger_genesis(void *state)
{
    struct ledger *l = state;
    for (size_t i = 0; i < l->options.balance_count; i++) {
        const struct ledger_balance *balance = &l->options.balances[i];
        struct account *account;
        int error = accounts_reserve(l->accounts, 1);
        if (error || (error = accounts_find(l->accounts, &balance->key, &account)))
            return error;
        account->balance += balance->amount;
        accounts_changed(l->accounts, account);
    }
    return 0;
}

/* Whether the two have the same bytes: the id stands for all but the signature. */
static bool same_bytes(const struct transaction *a, const struct transaction *b)
{
    return hash_equal(&a->id, &b->id) &&
           memcmp(&a->signature, &b->signature, sizeof a->signature) == 0;
}

/* The check of these bytes: that of an earlier copy in the batch, or a new one. */
static int check_add(struct ledger *l, const struct transaction *t)
{
    struct reader r = reader_of(hash_slice(&t->id));
    uint32_t place = read_u32(&r) & (COPIES - 1);

    for (; l->copies[place]; place = (place + 1) & (COPIES - 1)) {
        unsigned check = l->copies[place] - 1u;
        if (same_bytes(l->checks[check].transaction, t))
            return (int)check;
    }
    l->checks[l->check_count] = (struct signature_check){.transaction = t};
    l->copies[place] = (uint16_t)(l->check_count + 1);
    return (int)l->check_count++;
}

/* Reads the batch and collects the signatures that can matter. */
static int prepare(struct ledger *l, const struct slice transactions[], unsigned count,
                   struct result results[])
{
    const struct ledger_ports *ports = &l->options.ports;

    l->check_count = 0;
    memset(l->copies, 0, sizeof l->copies);
    for (unsigned i = 0; i < count; i++) {
        struct transaction *t = &l->transactions[i];
        struct account *from;
        results[i] = (struct result){.outcome = decode(l, transactions[i], t)};
        l->check_of[i] = CHECK_NONE;
        if (results[i].outcome != OUTCOME_MALFORMED)
            results[i].id = t->id;
        if (results[i].outcome != OUTCOME_NONE)
            continue;
        int error = accounts_reserve(l->accounts, 1);
        if (error || (error = accounts_find(l->accounts, &t->from, &from)))
            return error;
        if (sequence_place(&from->sequence, t->sequence) == SEQUENCE_USED)
            results[i].outcome = OUTCOME_SEQUENCE_USED;
        else if (!ports->known(ports->context, &t->id, transactions[i]))
            l->check_of[i] = check_add(l, t);
    }
    return 0;
}

static int transfer(struct ledger *l, const struct transaction *t, bool valid,
                    enum outcome *outcome)
{
    struct account *from, *to;
    int error = accounts_reserve(l->accounts, 2);
    if (error || (error = accounts_find(l->accounts, &t->from, &from)) ||
        (error = accounts_find(l->accounts, &t->to, &to)))
        return error;

    enum sequence_place place = sequence_place(&from->sequence, t->sequence);
    if (place == SEQUENCE_USED)
        *outcome = OUTCOME_SEQUENCE_USED;
    else if (!valid)
        *outcome = OUTCOME_BAD_SIGNATURE;
    else if (place == SEQUENCE_ABOVE)
        *outcome = OUTCOME_SEQUENCE_ABOVE;
    if (*outcome != OUTCOME_NONE)
        return 0;

    sequence_use(&from->sequence, t->sequence);
    accounts_changed(l->accounts, from);
    *outcome = OUTCOME_FAILED_FUNDS;
    if (from->balance < t->amount)
        return 0;
    from->balance -= t->amount; /* `to` may be the same account. */
    to->balance += t->amount;
    accounts_changed(l->accounts, to);
    *outcome = OUTCOME_EXECUTED;
    return 0;
}

static int ledger_execute(void *state, const struct slice transactions[], unsigned count,
                          struct result results[])
{
    struct ledger *l = state;

    assert(count <= APPLICATION_BATCH);
    int error = prepare(l, transactions, count, results);
    if (error)
        return error;
    if (l->check_count)
        l->options.ports.verify(l->options.ports.context, l->checks, l->check_count);
    for (unsigned i = 0; i < count; i++) {
        if (results[i].outcome != OUTCOME_NONE)
            continue;
        bool valid = l->check_of[i] == CHECK_NONE || l->checks[l->check_of[i]].valid;
        if ((error = transfer(l, &l->transactions[i], valid, &results[i].outcome)))
            return error;
    }
    return 0;
}

static int ledger_commit(void *state, struct hash *root)
{
    struct ledger *l = state;
    int error = accounts_flush(l->accounts);
    return error ? error : accounts_root(l->accounts, root);
}

static void ledger_close(void *state)
{
    struct ledger *l = state;
    accounts_close(l->accounts);
    free(l);
}

static bool supply_fits(const struct ledger_options *o)
{
    uint64_t supply = 0;
    for (size_t i = 0; i < o->balance_count; i++)
        if (__builtin_add_overflow(supply, o->balances[i].amount, &supply))
            return false;
    return true;
}

int ledger_open(const struct ledger_options *options, struct store *store,
                struct application_port *port, char *message, size_t message_size)
{
    if (!supply_fits(options)) {
        snprintf(message, message_size, "the balances add up to more than 2^64 - 1");
        return -1;
    }
    struct ledger *l = calloc(1, sizeof *l);
    if (!l || !(l->accounts = accounts_open(store, options->cached))) {
        snprintf(message, message_size, "the accounts cannot be opened: %s",
                 l ? store_message(store) : "no memory");
        free(l);
        return -1;
    }
    l->options = *options;
    if (!l->options.ports.verify)
        l->options.ports.verify = verify_here;
    if (!l->options.ports.known)
        l->options.ports.known = known_never;
    *port = (struct application_port){
        .name = "ledger",
        .state = l,
        .ordered = true,
        .describe = ledger_describe,
        .check = ledger_check,
        .genesis = ledger_genesis,
        .execute = ledger_execute,
        .commit = ledger_commit,
        .close = ledger_close,
    };
    return 0;
}
