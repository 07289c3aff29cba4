#include "tests/ledger_application.h"

enum { ALICE, BOB, CAROL, DAVE };

static enum outcome execute_bytes(struct slice bytes)
{
    struct result result;
    assert_int_equal(port.execute(port.state, &bytes, 1, &result), 0);
    return result.outcome;
}

static enum outcome execute(const struct transaction *t)
{
    uint8_t bytes[TRANSACTION_SIZE];
    transaction_encode(t, bytes);
    return execute_bytes(slice_of(bytes, sizeof bytes));
}

static void expect_account(unsigned key, uint64_t balance, uint64_t lowest, uint64_t used)
{
    struct store_view *view;
    struct account a;
    assert_int_equal(store_view_open(store, &view), 0);
    assert_int_equal(accounts_read(view, &keys[key], &a), 0);
    store_view_close(view);
    assert_int_equal(a.balance, balance);
    assert_int_equal(a.sequence.lowest, lowest);
    assert_int_equal(a.sequence.used, used);
}

/* In this order, on a genesis of 100 for Alice and 5 for Bob. */
static const struct {
    const char *what;
    unsigned from, to;
    uint64_t sequence, amount;
    enum { GOOD, BROKEN, FOREIGN } how;
    enum outcome outcome;
} rules[] = {
    {"a transfer", ALICE, BOB, 0, 10, GOOD, OUTCOME_EXECUTED},
    {"the same again", ALICE, BOB, 0, 10, GOOD, OUTCOME_SEQUENCE_USED},
    {"another with its number", ALICE, CAROL, 0, 1, GOOD, OUTCOME_SEQUENCE_USED},
    {"a used number hides a broken signature", ALICE, BOB, 0, 10, BROKEN, OUTCOME_SEQUENCE_USED},
    {"the chain comes first", ALICE, BOB, 0, 10, FOREIGN, OUTCOME_OTHER_CHAIN},
    {"the last of the window", ALICE, BOB, 64, 10, GOOD, OUTCOME_EXECUTED},
    {"above the window", ALICE, BOB, 65, 10, GOOD, OUTCOME_SEQUENCE_ABOVE},
    {"far above", ALICE, BOB, UINT64_MAX, 10, GOOD, OUTCOME_SEQUENCE_ABOVE},
    {"broken and above", ALICE, BOB, 65, 10, BROKEN, OUTCOME_BAD_SIGNATURE},
    {"out of order", ALICE, BOB, 2, 10, GOOD, OUTCOME_EXECUTED},
    {"broken", ALICE, BOB, 1, 10, BROKEN, OUTCOME_BAD_SIGNATURE},
    {"the gap, which a broken copy left", ALICE, BOB, 1, 10, GOOD, OUTCOME_EXECUTED},
    {"below the window", ALICE, BOB, 2, 10, GOOD, OUTCOME_SEQUENCE_USED},
    {"what was above is inside now", ALICE, BOB, 65, 10, GOOD, OUTCOME_EXECUTED},
    {"one too much", BOB, ALICE, 0, 56, GOOD, OUTCOME_FAILED_FUNDS},
    {"a failed number is used up", BOB, ALICE, 0, 1, GOOD, OUTCOME_SEQUENCE_USED},
    {"everything", BOB, CAROL, 1, 55, GOOD, OUTCOME_EXECUTED},
    {"nothing is left", BOB, CAROL, 2, 1, GOOD, OUTCOME_FAILED_FUNDS},
    {"nothing can be sent", BOB, CAROL, 3, 0, GOOD, OUTCOME_EXECUTED},
    {"to oneself", CAROL, CAROL, 0, 55, GOOD, OUTCOME_EXECUTED},
    {"to oneself, too much", CAROL, CAROL, 1, 56, GOOD, OUTCOME_FAILED_FUNDS},
    {"more than there is", CAROL, ALICE, 2, UINT64_MAX, GOOD, OUTCOME_FAILED_FUNDS},
    {"a stranger has nothing", DAVE, ALICE, 0, 1, GOOD, OUTCOME_FAILED_FUNDS},
    {"a stranger's number is used up", DAVE, ALICE, 0, 0, GOOD, OUTCOME_SEQUENCE_USED},
};

static void the_rules_hold(void **state)
{
    (void)state;
    struct ledger_balance genesis[] = {{keys[ALICE], 100}, {keys[BOB], 5}};
    open_ledger(genesis, 2, 0, false);
    begin_genesis();
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct transaction t =
            transfer_of(rules[i].from, rules[i].sequence, rules[i].to, rules[i].amount);
        if (rules[i].how == FOREIGN)
            t.chain.bytes[0] ^= 1;
        assert_true(transaction_sign(&t, &secrets[rules[i].from]));
        if (rules[i].how == BROKEN)
            t.signature.bytes[63] ^= 1;
        enum outcome outcome = execute(&t);
        if (outcome != rules[i].outcome)
            fail_msg("%s: %s", rules[i].what, outcome_text(outcome));
    }
    commit();
    expect_account(ALICE, 50, 3, 3ull << 61);
    expect_account(BOB, 0, 4, 0);
    expect_account(CAROL, 55, 3, 0);
    expect_account(DAVE, 0, 1, 0);
    close_ledger();
}

static void what_is_no_transaction_is_ignored(void **state)
{
    (void)state;
    struct ledger_balance genesis[] = {{keys[ALICE], 100}};
    uint8_t bytes[TRANSACTION_SIZE + 1] = {0};
    open_ledger(genesis, 1, 0, false);
    begin_genesis();
    struct transaction t = transfer_signed(ALICE, 0, BOB, 1);
    transaction_encode(&t, bytes);
    assert_int_equal(execute_bytes(slice_of(bytes, 1)), OUTCOME_MALFORMED);
    assert_int_equal(execute_bytes(slice_of(bytes, sizeof bytes - 2)), OUTCOME_MALFORMED);
    assert_int_equal(execute_bytes(slice_of(bytes, sizeof bytes)), OUTCOME_MALFORMED);
    bytes[0] = 2;
    assert_int_equal(execute_bytes(slice_of(bytes, TRANSACTION_SIZE)), OUTCOME_MALFORMED);
    bytes[0] = 1;
    assert_int_equal(execute_bytes(slice_of(bytes, TRANSACTION_SIZE)), OUTCOME_EXECUTED);
    commit();
    close_ledger();
}

static void the_window_takes_any_order_and_each_number_once(void **state)
{
    (void)state;
    struct ledger_balance genesis[] = {{keys[ALICE], 1000}};
    uint64_t seed = 3;
    open_ledger(genesis, 1, 0, true);
    begin_genesis();
    for (uint64_t base = 0; base < 10 * SEQUENCE_WINDOW; base += SEQUENCE_WINDOW) {
        uint64_t order[SEQUENCE_WINDOW];
        for (unsigned i = 0; i < SEQUENCE_WINDOW; i++) {
            uint64_t j = random_below(&seed, i + 1);
            order[i] = order[j];
            order[j] = base + i;
        }
        for (unsigned i = 0; i < SEQUENCE_WINDOW; i++) {
            struct transaction t = transfer_of(ALICE, order[i], BOB, 1);
            assert_int_equal(execute(&t), OUTCOME_EXECUTED);
            assert_int_equal(execute(&t), OUTCOME_SEQUENCE_USED);
        }
    }
    commit();
    expect_account(ALICE, 360, 640, 0);
    close_ledger();
}

static void the_genesis_fits_and_adds_up(void **state)
{
    (void)state;
    struct ledger_balance genesis[] = {
        {keys[ALICE], UINT64_MAX - 7}, {keys[BOB], 3}, {keys[ALICE], 4}, {keys[CAROL], 1}};
    struct ledger_options options = {.chain = chain, .balances = genesis, .balance_count = 4};
    store = store_at('a');
    assert_int_equal(ledger_open(&options, store, &port, message, sizeof message), -1);
    assert_non_null(strstr(message, "add up"));
    open_ledger(genesis, 3, 0, true);
    begin_genesis();
    commit();
    expect_account(ALICE, UINT64_MAX - 3, 0, 0);
    expect_account(BOB, 3, 0, 0);
    assert_int_equal(store_begin(store), 0);
    struct transaction t = transfer_of(BOB, 0, ALICE, 3);
    assert_int_equal(execute(&t), OUTCOME_EXECUTED);
    commit();
    expect_account(ALICE, UINT64_MAX, 0, 0);
    close_ledger();
}

static void signatures_are_verified_once_and_only_where_they_matter(void **state)
{
    (void)state;
    struct ledger_balance genesis[] = {{keys[ALICE], 100}};
    uint8_t bytes[5][TRANSACTION_SIZE];
    struct slice slices[5];
    struct result results[5];
    struct transaction t[5];
    open_ledger(genesis, 1, 0, true);
    begin_genesis();
    t[0] = t[1] = t[2] = transfer_of(ALICE, 0, BOB, 1);
    t[1].signature.bytes[0] = 1; /* The same id, broken; t[2] is the same as t[0]. */
    t[3] = transfer_of(ALICE, 0, BOB, 2);
    t[4] = transfer_of(ALICE, 99, BOB, 2);
    for (unsigned i = 0; i < 5; i++) {
        transaction_encode(&t[i], bytes[i]);
        slices[i] = slice_of(bytes[i], sizeof bytes[i]);
    }
    assert_int_equal(port.execute(port.state, slices + 1, 4, results + 1), 0);
    assert_int_equal(verified, 4); /* Whichever comes first may matter. */
    assert_int_equal(results[1].outcome, OUTCOME_BAD_SIGNATURE);
    assert_int_equal(results[2].outcome, OUTCOME_EXECUTED);
    assert_int_equal(results[3].outcome, OUTCOME_SEQUENCE_USED);
    assert_int_equal(results[4].outcome, OUTCOME_SEQUENCE_ABOVE);
    assert_int_equal(port.execute(port.state, slices, 4, results), 0);
    assert_int_equal(verified, 4); /* All are used. */

    for (unsigned i = 0; i < 5; i++) { /* Copies: one check. */
        t[i] = transfer_of(ALICE, 1, BOB, 1);
        transaction_encode(&t[i], bytes[i]);
    }
    assert_int_equal(port.execute(port.state, slices, 5, results), 0);
    assert_int_equal(verified, 5);
    assert_int_equal(results[0].outcome, OUTCOME_EXECUTED);
    for (unsigned i = 1; i < 5; i++)
        assert_int_equal(results[i].outcome, OUTCOME_SEQUENCE_USED);

    known_answer = true;
    struct transaction known = transfer_of(ALICE, 2, BOB, 1);
    assert_int_equal(execute(&known), OUTCOME_EXECUTED);
    assert_int_equal(verified, 5);
    commit();
    close_ledger();
}

static void clients_hear_what_the_bytes_say(void **state)
{
    (void)state;
    uint8_t bytes[TRANSACTION_SIZE];
    struct slice slice = slice_of(bytes, sizeof bytes);
    struct mempool_item item;
    open_ledger(NULL, 0, 0, false);
    struct transaction t = transfer_signed(ALICE, 7, BOB, 1);
    transaction_encode(&t, bytes);
    assert_true(port.ordered);
    assert_int_equal(port.check(port.state, slice), OUTCOME_NONE);
    assert_true(port.describe(port.state, slice, &item));
    assert_memory_equal(&item.id, &t.id, sizeof t.id);
    assert_memory_equal(item.sender, &keys[ALICE], sizeof keys[ALICE]);
    assert_int_equal(item.sequence, 7);
    assert_ptr_equal(item.bytes.data, bytes);
    bytes[sizeof bytes - 1] ^= 1;
    assert_int_equal(port.check(port.state, slice), OUTCOME_BAD_SIGNATURE);
    bytes[5] ^= 1;
    assert_int_equal(port.check(port.state, slice), OUTCOME_OTHER_CHAIN);
    assert_false(port.describe(port.state, slice, &item));
    bytes[0] ^= 1;
    assert_int_equal(port.check(port.state, slice), OUTCOME_MALFORMED);
    close_ledger();
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        TEST(the_rules_hold),
        TEST(what_is_no_transaction_is_ignored),
        TEST(the_window_takes_any_order_and_each_number_once),
        TEST(the_genesis_fits_and_adds_up),
        TEST(signatures_are_verified_once_and_only_where_they_matter),
        TEST(clients_hear_what_the_bytes_say),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
