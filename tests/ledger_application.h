/* The application `ledger`, called as the executor calls it, on a store of its own. */
#ifndef TESTS_LEDGER_APPLICATION_H
#define TESTS_LEDGER_APPLICATION_H

#include "tests/ledger_fixture.h"

static struct store *store;
static struct application_port port;
static unsigned verified;
static bool known_answer;

/* Stands for BIP 340 where only the rules matter: good is what begins with 0. */
static inline void verify_mock(void *context, struct signature_check checks[], unsigned count)
{
    (void)context;
    verified += count;
    for (unsigned i = count; i-- > 0;)
        checks[i].valid = checks[i].transaction->signature.bytes[0] == 0;
}

static inline bool known_mock(void *context, const struct hash *id, struct slice bytes)
{
    struct transaction t;
    (void)context;
    assert_true(transaction_decode(bytes, &t));
    assert_memory_equal(&t.id, id, sizeof *id);
    return known_answer;
}

static inline void open_ledger(const struct ledger_balance *genesis, size_t count, unsigned cached,
                               bool mock)
{
    struct ledger_options options = {
        .chain = chain, .balances = genesis, .balance_count = count, .cached = cached};
    if (mock)
        options.ports = (struct ledger_ports){.verify = verify_mock, .known = known_mock};
    if (!store)
        store = store_at('a');
    if (ledger_open(&options, store, &port, message, sizeof message))
        fail_msg("%s", message);
    verified = 0;
    known_answer = false;
}

static inline void begin_genesis(void)
{
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(port.genesis(port.state), 0);
}

static inline struct hash commit(void)
{
    struct hash root;
    assert_int_equal(port.commit(port.state, &root), 0);
    assert_int_equal(store_commit(store), 0);
    return root;
}

static inline void close_ledger(void)
{
    port.close(port.state);
    store_close(store);
    store = NULL;
}

#endif
