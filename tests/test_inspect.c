#include "tests/ledger_fixture.h"

#include "node/accounts.h"
#include "node/cli/inspect.h"

#include <ftw.h>
#include <sys/stat.h>

enum { EPOCHS = 6, NODES = 4, TRANSFERS = 5, SUPPLY = 1000 * KEYS };

/* A node's directory in that of the test. */
static const char *place(char node, const char *rest)
{
    static char paths[4][600];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%c%s", directory, node, rest);
    return path;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static int remove_all(void **state)
{
    (void)state;
    return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct store *open_ledger(char node)
{
    const struct store_options options = {.path = place(node, "/data/ledger"),
                                          .size_max = 64 << 20,
                                          .tables = ledger_tables,
                                          .table_count = LEDGER_TABLE_COUNT};
    struct store *s;
    if (store_open(&options, &s, message, sizeof message))
        fail_msg("%s", message);
    return s;
}

/* A block of transfers: the sender of the second cannot pay, and the last is the first again. */
static struct slice make_block(epoch_id epoch, unsigned proposer)
{
    static uint8_t bytes[4096];
    struct writer w = writer_of(bytes, sizeof bytes);
    write_u8(&w, 1);
    for (unsigned i = 0; i < NODES; i++)
        write_u8(&w, 0);
    write_u32(&w, TRANSFERS);
    for (unsigned i = 0; i < TRANSFERS; i++) {
        unsigned from = proposer * TRANSFERS + i % (TRANSFERS - 1);
        uint64_t amount = i == 1 ? SUPPLY : 1;
        struct transaction t = transfer_signed(from, epoch - 1, from + 1, amount);
        uint8_t encoded[TRANSACTION_SIZE];
        transaction_encode(&t, encoded);
        write_u32(&w, TRANSACTION_SIZE);
        write_bytes(&w, encoded, sizeof encoded);
    }
    assert_true(w.ok);
    return writer_result(&w);
}

/* Executes `epochs` epochs of four blocks, the last of them bad. */
static void make_ledger(char node, unsigned epochs)
{
    static struct ledger_balance balances[KEYS];
    mkdir(place(node, ""), 0700);
    mkdir(place(node, "/data"), 0700);
    struct store *s = open_ledger(node);
    for (unsigned i = 0; i < KEYS; i++)
        balances[i] = (struct ledger_balance){keys[i], SUPPLY / KEYS};
    const struct ledger_options options = {
        .chain = chain, .balances = balances, .balance_count = KEYS};
    struct executor_options x = {.chain = chain, .quorum = quorum_of(NODES)};
    struct executor *executor;
    if (ledger_open(&options, s, &x.application, message, sizeof message) ||
        executor_open(&x, s, &executor, message, sizeof message))
        fail_msg("%s", message);
    uint64_t position = 0;
    for (epoch_id epoch = 1; epoch <= epochs; epoch++) {
        struct executor_state state;
        for (node_id proposer = 0; proposer < NODES; proposer++) {
            bool valid = proposer < NODES - 1;
            struct delivery d = {.position = position++,
                                 .epoch = epoch,
                                 .with_epoch = epoch,
                                 .proposer = proposer,
                                 .valid = valid};
            struct slice bytes = valid ? make_block(epoch, proposer) : (struct slice){0};
            d.commitment = hash_bytes(bytes);
            assert_int_equal(executor_block(executor, &d, bytes), 0);
        }
        assert_int_equal(executor_end_epoch(executor, epoch, &state), 0);
    }
    executor_close(executor);
    store_close(s);
}

static void copy_ledger(char from, char to)
{
    static uint8_t buffer[1 << 16];
    mkdir(place(to, ""), 0700);
    mkdir(place(to, "/data"), 0700);
    mkdir(place(to, "/data/ledger"), 0700);
    FILE *in = fopen(place(from, "/data/ledger/data.mdb"), "r");
    FILE *out = fopen(place(to, "/data/ledger/data.mdb"), "w");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t size; (size = fread(buffer, 1, sizeof buffer, in)) > 0;)
        assert_int_equal(fwrite(buffer, 1, size, out), size);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void inspect(struct inspection *i, char node)
{
    static char paths[4][600];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s", place(node, ""));
    if (inspection_open(i, path, message, sizeof message))
        fail_msg("%s", message);
    inspection_verify(i);
}

static void expect_problem(char node, const char *words)
{
    struct inspection i;
    inspect(&i, node);
    if (!strstr(i.problem, words))
        fail_msg("problem \"%s\" and not \"%s\"", i.problem, words);
    inspection_close(&i);
}

static void expect_comparison(char left, char right, enum comparison expected, const char *words)
{
    struct inspection a, b;
    char text[INSPECT_TEXT_MAX];
    inspect(&a, left);
    inspect(&b, right);
    assert_int_equal(inspection_compare(&a, &b, text), expected);
    if (!strstr(text, words))
        fail_msg("\"%s\" and not \"%s\"", text, words);
    inspection_close(&a);
    inspection_close(&b);
}

/* Changes one record of a ledger in one way. */
static void edit(char node, enum ledger_table table, struct slice key,
                 void (*change)(uint8_t *value, size_t size))
{
    uint8_t copy[4096];
    struct slice value;
    struct store *s = open_ledger(node);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_get(s, table, key, &value), 0);
    assert_true(value.size <= sizeof copy);
    memcpy(copy, value.data, value.size);
    struct slice changed = slice_of(copy, value.size);
    if (change) {
        change(copy, value.size);
        assert_int_equal(store_put(s, table, key, &changed, 1), 0);
    } else {
        assert_int_equal(store_delete(s, table, key), 0);
    }
    assert_int_equal(store_commit(s), 0);
    store_close(s);
}

static struct slice account_key_of(unsigned i) { return slice_of(keys[i].bytes, sizeof keys[i]); }

static void add_one_coin(uint8_t *value, size_t size)
{
    assert_true(size >= 16);
    value[15]++; /* The last byte of the balance, after the index. */
}

static void flip_last_byte(uint8_t *value, size_t size) { value[size - 1] ^= 1; }
static void flip_first_byte(uint8_t *value, size_t size)
{
    assert_true(size > 0);
    value[0] ^= 1;
}

static void a_sound_ledger_is_counted(void **state)
{
    (void)state;
    struct inspection i;
    make_ledger('a', EPOCHS);
    inspect(&i, 'a');
    assert_string_equal(i.problem, "");
    assert_int_equal(i.meta.state.height, EPOCHS * NODES);
    assert_int_equal(i.meta.state.outcomes[OUTCOME_EXECUTED], EPOCHS * 3 * 3);
    assert_int_equal(i.meta.state.outcomes[OUTCOME_FAILED_FUNDS], EPOCHS * 3);
    assert_int_equal(i.transactions, EPOCHS * 3 * 4);
    assert_int_equal(i.repeated, EPOCHS * 3);
    assert_int_equal(i.dropped, 0);
    assert_int_equal(i.accounts, KEYS);
    assert_int_equal(i.balances, SUPPLY);
    inspection_close(&i);
}

static void the_genesis_alone_is_sound(void **state)
{
    (void)state;
    struct inspection i;
    make_ledger('a', 0);
    inspect(&i, 'a');
    assert_string_equal(i.problem, "");
    inspection_close(&i);
    expect_comparison('a', 'a', COMPARISON_SAME, "identical");
}

static void copies_are_identical(void **state)
{
    (void)state;
    make_ledger('a', EPOCHS);
    copy_ledger('a', 'b');
    expect_comparison('a', 'b', COMPARISON_SAME, "identical");
    make_ledger('c', EPOCHS);
    expect_comparison('a', 'c', COMPARISON_SAME, "identical");
}

static void a_shorter_ledger_is_a_prefix(void **state)
{
    (void)state;
    make_ledger('a', EPOCHS);
    make_ledger('b', EPOCHS - 2);
    expect_comparison('a', 'b', COMPARISON_PREFIX, "equal up to height 16");
    expect_comparison('b', 'a', COMPARISON_PREFIX, "equal up to height 16");
}

static void one_coin_more_is_seen(void **state)
{
    (void)state;
    char name[2 * IDENTITY_PUBLIC_SIZE + 1];
    make_ledger('a', EPOCHS);
    copy_ledger('a', 'b');
    edit('b', LEDGER_ACCOUNTS, account_key_of(7), add_one_coin);
    hex_encode(account_key_of(7), name);
    expect_problem('b', name);
    expect_comparison('a', 'b', COMPARISON_DIFFERENT, name);
}

static void a_missing_account_is_seen(void **state)
{
    (void)state;
    make_ledger('a', EPOCHS);
    copy_ledger('a', 'b');
    edit('b', LEDGER_ACCOUNTS, account_key_of(7), NULL);
    expect_problem('b', "only 39 accounts");
    expect_comparison('a', 'b', COMPARISON_DIFFERENT, "only one has it");
    expect_comparison('b', 'a', COMPARISON_DIFFERENT, "only one has it");
}

static void a_missing_block_is_seen(void **state)
{
    (void)state;
    uint8_t key[8];
    make_ledger('a', EPOCHS);
    copy_ledger('a', 'b');
    edit('b', LEDGER_ENTRIES, position_key(key, 9), NULL);
    expect_problem('b', "position 9: there is no entry");
    expect_comparison('a', 'b', COMPARISON_DIFFERENT, "position 9");
    copy_ledger('a', 'c');
    edit('c', LEDGER_ENTRIES, position_key(key, EPOCHS * NODES - 1), NULL);
    expect_problem('c', "has 23 entries and not 24");
    expect_comparison('a', 'c', COMPARISON_DIFFERENT, "position 23");
}

/* Every byte of an entry, of a row of outcomes and of the sums matters. */
static void a_changed_record_is_seen(void **state)
{
    (void)state;
    uint8_t key[12];
    make_ledger('a', EPOCHS);
    copy_ledger('a', 'b');
    edit('b', LEDGER_ENTRIES, position_key(key, 5), flip_last_byte);
    expect_problem('b', "sums");
    expect_comparison('a', 'b', COMPARISON_DIFFERENT, "position 5: what is counted of it");
    copy_ledger('a', 'c');
    edit('c', LEDGER_OUTCOMES, outcomes_key(key, 5, 0), flip_first_byte);
    expect_problem('c', "position 5");
    copy_ledger('a', 'd');
    edit('d', LEDGER_OUTCOMES, outcomes_key(key, 5, 0), NULL);
    expect_problem('d', "position 5: no outcomes");
}

/* 256 blocks have one. */
static void an_inner_node_of_the_log_is_checked(void **state)
{
    (void)state;
    static const uint8_t bytes[9] = {8};
    const struct slice key = slice_of(bytes, sizeof bytes);
    struct inspection i;
    make_ledger('a', 256 / NODES + 1);
    inspect(&i, 'a');
    assert_string_equal(i.problem, "");
    inspection_close(&i);
    copy_ledger('a', 'b');
    edit('b', LEDGER_LOG, key, flip_last_byte);
    expect_problem('b', "position 255: an inner node of the log is wrong");
    copy_ledger('a', 'c');
    edit('c', LEDGER_LOG, key, NULL);
    expect_problem('c', "position 255: an inner node of the log is wrong");
}

static void a_transaction_out_of_the_index_is_seen(void **state)
{
    (void)state;
    struct transaction t = transfer_signed(0, 2, 1, 1);
    make_ledger('a', EPOCHS);
    copy_ledger('a', 'b');
    edit('b', LEDGER_TRANSACTIONS, hash_slice(&t.id), NULL);
    expect_problem('b', "not in the index");
    copy_ledger('a', 'c');
    edit('c', LEDGER_TRANSACTIONS, hash_slice(&t.id), flip_first_byte);
    expect_problem('c', "the index has its id at");
}

static void what_is_no_ledger_is_refused(void **state)
{
    (void)state;
    struct inspection i;
    assert_int_equal(inspection_open(&i, directory, message, sizeof message), -1);
    assert_non_null(strstr(message, "no ledger here"));
}

#define INSPECT(name) cmocka_unit_test_setup_teardown(name, setup, remove_all)

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        INSPECT(a_sound_ledger_is_counted),
        INSPECT(the_genesis_alone_is_sound),
        INSPECT(copies_are_identical),
        INSPECT(a_shorter_ledger_is_a_prefix),
        INSPECT(one_coin_more_is_seen),
        INSPECT(a_missing_account_is_seen),
        INSPECT(a_missing_block_is_seen),
        INSPECT(a_changed_record_is_seen),
        INSPECT(an_inner_node_of_the_log_is_checked),
        INSPECT(a_transaction_out_of_the_index_is_seen),
        INSPECT(what_is_no_ledger_is_refused),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
