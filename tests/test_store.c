/* What storage/store.h promises, of either implementation. */
#include "tests/store_fixture.h"

static void expect_scan(struct store *s, const char *from, int result, const char *expected)
{
    char out[4096] = "";
    assert_int_equal(store_scan(s, LOG, text(from), write_visit, out), result);
    assert_string_equal(out, expected);
}

static void a_transaction_sees_its_own_writes_in_order(void **state)
{
    (void)state;
    struct store *s = open_store(MIB);
    struct slice value;
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(put(s, LOG, "b", text("2")), 0);
    assert_int_equal(put(s, LOG, "ab", text("1")), 0);
    assert_int_equal(put(s, LOG, "a", text("")), 0);
    assert_int_equal(put(s, LOG, "\xff", text("4")), 0);
    assert_int_equal(put(s, CHUNK, "a", text("other table")), 0);
    struct slice parts[] = {text("x"), {NULL, 0}, text("yz")};
    assert_int_equal(store_put(s, LOG, text("c"), parts, 3), 0);
    assert_int_equal(store_put(s, LOG, text("d"), NULL, 0), 0);
    expect_scan(s, "", 0, "a= ab=1 b=2 c=xyz d= \xff=4 ");
    expect_scan(s, "aa", 0, "ab=1 b=2 c=xyz d= \xff=4 ");
    expect_scan(s, "\xff\xff", 0, "");
    assert_int_equal(put(s, LOG, "z", text("stop")), 0);
    assert_int_equal(put(s, LOG, "b", text("replaced")), 0);
    assert_int_equal(store_delete(s, LOG, text("ab")), 0);
    assert_int_equal(store_delete(s, LOG, text("ab")), STORE_MISSING);
    assert_int_equal(store_get(s, LOG, text("ab"), &value), STORE_MISSING);
    assert_int_equal(store_get(s, LOG, text("b"), &value), 0);
    assert_int_equal(value.size, 8);
    expect_scan(s, "", 1, "a= b=replaced c=xyz d= z=stop ");
    assert_int_equal(store_commit(s), 0);
    s = reopen(s, MIB);
    assert_int_equal(store_begin(s), 0);
    expect_scan(s, "b", 1, "b=replaced c=xyz d= z=stop ");
    store_close(s);
}

static void an_abort_forgets_and_a_commit_is_found_again(void **state)
{
    (void)state;
    struct store *s = open_store(MIB);
    put_committed(s, "a", "1");
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(put(s, LOG, "a", text("2")), 0);
    assert_int_equal(put(s, LOG, "b", text("2")), 0);
    store_abort(s);
    store_abort(s);
    expect_committed(s, "a=1 ");
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_delete(s, LOG, text("a")), 0);
    s = reopen(s, MIB);
    expect_committed(s, "a=1 ");
    store_close(s);
}

static void a_hundred_thousand_ascending_records_are_quick(void **state)
{
    (void)state;
    struct store *s = open_store(32 * MIB);
    struct slice last = text("last"), key, value;
    assert_int_equal(store_begin(s), 0);
    for (uint32_t i = 0; i < 100000; i++) {
        uint8_t number[3] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        assert_int_equal(store_put(s, LOG, slice_of(number, 3), &last, 1), 0);
    }
    assert_int_equal(store_commit(s), 0);
    struct store_view *v;
    assert_int_equal(store_view_open(s, &v), 0);
    assert_int_equal(store_view_last(v, LOG, &key, &value), 0);
    assert_memory_equal(key.data, "\x01\x86\x9f", 3);
    store_view_close(v);
    store_close(s);
}

static void a_value_of_8_mib_and_a_key_of_the_longest_size_come_back(void **state)
{
    (void)state;
    struct store *s = open_store(32 * MIB);
    uint8_t *block = malloc(8 * MIB);
    for (size_t i = 0; i < 8 * MIB; i++)
        block[i] = (uint8_t)(i * 31 + (i >> 12));
    uint8_t key[STORE_KEY_SIZE_MAX] = {7};
    struct slice k = slice_of(key, sizeof key), last, value;
    struct slice parts[] = {slice_of(block, 5), slice_of(block + 5, 8 * MIB - 5)};
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_put(s, BLOCK, k, parts, 2), 0);
    assert_int_equal(store_commit(s), 0);
    assert_true(store_used(s) > 8 * MIB && store_used(s) < 9 * MIB);
    s = reopen(s, 32 * MIB);
    assert_true(store_used(s) > 8 * MIB && store_used(s) < 9 * MIB);
    struct store_view *v;
    assert_int_equal(store_view_open(s, &v), 0);
    assert_int_equal(store_view_last(v, BLOCK, &last, &value), 0);
    assert_memory_equal(last.data, key, sizeof key);
    assert_int_equal(value.size, 8 * MIB);
    assert_memory_equal(value.data, block, 8 * MIB);
    store_view_close(v);
    store_close(s);
    free(block);
}

static void a_view_is_the_last_commit_and_stays_it(void **state)
{
    (void)state;
    struct store *s = open_store(MIB);
    struct store_view *old, *new;
    struct slice key, value, later;
    assert_int_equal(store_view_open(s, &old), 0);
    assert_int_equal(store_view_last(old, LOG, &key, &value), STORE_MISSING);
    store_view_close(old);
    put_committed(s, "a", "1");
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(put(s, LOG, "b", text("2")), 0);
    assert_int_equal(store_view_open(s, &old), 0);
    assert_int_equal(store_view_get(old, LOG, text("a"), &value), 0);
    assert_int_equal(store_delete(s, LOG, text("a")), 0);
    assert_int_equal(store_commit(s), 0);
    for (unsigned i = 0; i < 20; i++) /* Enough for freed pages to be used again. */
        put_committed(s, "c", "3");
    expect_view(old, LOG, "a=1 ");
    assert_memory_equal(value.data, "1", 1);
    assert_int_equal(store_view_get(old, LOG, text("b"), &later), STORE_MISSING);
    assert_int_equal(store_view_open(s, &new), 0);
    expect_view(new, LOG, "b=2 c=3 ");
    assert_int_equal(store_view_last(new, LOG, &key, &value), 0);
    assert_memory_equal(key.data, "c", 1);
    store_view_close(old);
    store_view_close(new);
    store_view_close(NULL);
    store_close(s);
}

static void a_second_writer_is_refused_and_told_of_the_first(void **state)
{
    (void)state;
    struct store *s = open_store(MIB);
    struct store_options o = options(MIB, false);
    char pid[32];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    expect_refused(&o, STORE_BUSY, on_disk() ? pid : "open");
    put_committed(s, "a", "1");
    store_close(s);
    store_close(open_store(MIB));
}

static void other_tables_or_no_store_are_refused(void **state)
{
    (void)state;
    struct store_options o = options(MIB, true);
    expect_refused(&o, STORE_IO, "no store");
    store_close(open_store(MIB));
    const char *const others[] = {"log", "block", "chunk"};
    o.tables = others;
    expect_refused(&o, STORE_CORRUPT, "log block chunk");
    o.read_only = false;
    expect_refused(&o, STORE_CORRUPT, "log chunk block");
    o.tables = tables;
    o.table_count = 2;
    expect_refused(&o, STORE_CORRUPT, "log chunk");
    store_close(open_store(MIB));
}

/* Commits batches of `batch` records from number `*next` on until one does not fit. */
static void fill(struct store *s, unsigned *next, unsigned batch, size_t value_size)
{
    for (int rc = 0; rc == 0;) {
        assert_int_equal(store_begin(s), 0);
        for (unsigned i = 0; i < batch && rc == 0; i++) {
            char key[16];
            snprintf(key, sizeof key, "%08u", (*next + i) * 7919u % 100000);
            rc = put(s, CHUNK, key, slice_of(big, value_size));
        }
        assert_int_equal(store_commit(s), rc); /* What failed cannot be committed. */
        assert_true(store_used(s) <= 8 * MIB && *next < 10000);
        *next += rc == 0 ? batch : 0;
    }
    assert_non_null(strstr(store_message(s), "size limit"));
}

static void empty(struct store *s, unsigned from, unsigned to, unsigned batch)
{
    while (from < to) {
        assert_int_equal(store_begin(s), 0);
        for (unsigned end = from + batch; from < end && from < to; from++) {
            char key[16];
            snprintf(key, sizeof key, "%08u", from * 7919u % 100000);
            assert_int_equal(store_delete(s, CHUNK, text(key)), 0);
        }
        assert_int_equal(store_commit(s), 0);
    }
}

static void a_full_store_says_so_and_can_be_emptied_again(void **state)
{
    (void)state;
    struct store *s = open_store(4 * MIB);
    unsigned next = 0, first = 0;
    put_committed(s, "a", "1");
    for (unsigned cycle = 0; cycle < 12; cycle++) {
        fill(s, &next, 4, sizeof big);
        assert_true(next - first >= 48);
        assert_true(store_used(s) > 3 * MIB && store_used(s) <= 4 * MIB);
        if (cycle % 4 == 3)
            s = reopen(s, 4 * MIB);
        expect_committed(s, "a=1 ");
        empty(s, first, next, 1000);
        assert_true(store_used(s) < MIB / 2);
        first = next;
    }
    fill(s, &next, 4, sizeof big);
    s = reopen(s, 8 * MIB);
    fill(s, &next, 4, sizeof big);
    assert_true(next - first >= 96);
    store_close(s);
}

static void a_store_full_of_small_records_can_be_emptied_too(void **state)
{
    (void)state;
    struct store *s = open_store(MIB);
    for (unsigned cycle = 0, next = 0, first = 0; cycle < 2; cycle++, first = next) {
        fill(s, &next, 20, 600);
        assert_true(next - first >= 700);
        empty(s, first, next, 5);
        assert_int_equal(store_used(s) / 8192, 0);
    }
    store_close(s);
}

int main(int count, char **arguments)
{
    (void)count;
    build_directory = dirname(arguments[0]);
    const struct CMUnitTest tests[] = {
        TEST(a_transaction_sees_its_own_writes_in_order),
        TEST(an_abort_forgets_and_a_commit_is_found_again),
        TEST(a_hundred_thousand_ascending_records_are_quick),
        TEST(a_value_of_8_mib_and_a_key_of_the_longest_size_come_back),
        TEST(a_view_is_the_last_commit_and_stays_it),
        TEST(a_second_writer_is_refused_and_told_of_the_first),
        TEST(other_tables_or_no_store_are_refused),
        TEST(a_full_store_says_so_and_can_be_emptied_again),
        TEST(a_store_full_of_small_records_can_be_emptied_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
