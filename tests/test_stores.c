#include "node/stores.h"

#include "tests/consensus_fixture.h"
#include "tests/snapshot_fixture.h"

static void begin_ledger(char letter)
{
    struct store *s = store_at(letter);
    executor_close(open_on(s, NULL));
    store_close(s);
}

static void put(char letter, unsigned table, const char *key)
{
    struct store *s = consensus_at(letter);
    const struct slice value = slice_of("12345678", 8);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_put(s, table, slice_of(key, strlen(key)), &value, 1), 0);
    assert_int_equal(store_commit(s), 0);
    store_close(s);
}

/* NULL: they belong together; else what the message must say. */
static void expect(const char *says, char consensus, char ledger, const char *chain_name)
{
    struct store *c = consensus_at(consensus);
    struct store *l = store_at(ledger);
    const struct hash id = hash_bytes(slice_of(chain_name, strlen(chain_name)));
    message[0] = '\0';
    assert_int_equal(stores_check(c, l, &id, message, sizeof message), says ? -1 : 0);
    if (says && !strstr(message, says))
        fail_msg("%s", message);
    assert_null(strchr(message, '\n'));
    store_close(c);
    store_close(l);
}

static void a_first_start_names_the_chain(void **state)
{
    (void)state;
    expect(NULL, 'a', 'b', "chain"); /* Then the power failed: */
    expect("of another chain", 'a', 'b', "another");
    expect(NULL, 'a', 'b', "chain"); /* nothing was said, so the genesis may follow. */
    begin_ledger('b');
    expect(NULL, 'a', 'b', "chain");
    put('a', TABLE_VOTES, "vote");
    expect(NULL, 'a', 'b', "chain");
}

static void a_consensus_store_of_another_chain_is_refused(void **state)
{
    (void)state;
    expect(NULL, 'a', 'b', "another");
    put('a', TABLE_INSTANCES, "instance");
    begin_ledger('c');
    expect("of another chain", 'a', 'c', "chain");
    expect("of another chain", 'a', 'd', "chain"); /* Whatever the ledger is. */
}

static void expect_snapshots(bool good, char consensus)
{
    struct store *c = consensus_at(consensus);
    struct store *s = snapshots_at('d');
    message[0] = '\0';
    assert_int_equal(stores_check_snapshots(c, s, message, sizeof message), good ? 0 : -1);
    assert_true(good || strstr(message, "--lost-data"));
    store_close(c);
    store_close(s);
}

/* A node would begin with one, and vote as if it knew what it has voted. */
static void snapshots_alone_are_refused(void **state)
{
    (void)state;
    const struct slice one = slice_of("12345678", 8);
    expect(NULL, 'a', 'b', "chain");
    expect_snapshots(true, 'a');
    struct store *s = snapshots_at('d');
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_put(s, SNAPSHOT_HEADS, one, &one, 1), 0);
    assert_int_equal(store_commit(s), 0);
    store_close(s);
    expect_snapshots(false, 'a');
    put('a', TABLE_META, "lost"); /* It knows that it does not know. */
    expect_snapshots(true, 'a');
}

static void a_half_alone_is_refused(void **state)
{
    (void)state;
    expect(NULL, 'a', 'b', "chain");
    begin_ledger('b');
    expect("the consensus store is missing", 'c', 'b', "chain");
    put('a', TABLE_POOL, "transaction");
    expect("the ledger is missing", 'a', 'd', "chain");
}

static void a_store_without_a_name_is_refused(void **state)
{
    (void)state;
    put('a', TABLE_META, "proposed");
    expect("does not say", 'a', 'b', "chain");
}

int main(int argc, char **argv)
{
    (void)argc;
    if (!fixture_init(argv))
        return 1;
    const struct CMUnitTest tests[] = {
        TEST(a_first_start_names_the_chain),
        TEST(a_consensus_store_of_another_chain_is_refused),
        TEST(snapshots_alone_are_refused),
        TEST(a_half_alone_is_refused),
        TEST(a_store_without_a_name_is_refused),
    };
    return cmocka_run_group_tests_name("stores", tests, NULL, NULL);
}
