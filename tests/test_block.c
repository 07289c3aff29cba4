#include "node/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4, CAPACITY = 256 << 10 };

static uint8_t buffer[CAPACITY];
static struct writer w;

static void begin(void) { w = writer_of(buffer, sizeof buffer); }

static void run(uint64_t first, uint64_t last)
{
    write_u64(&w, first);
    write_u64(&w, last);
}

/* Nothing seen of `nodes` nodes. */
static void unseen(unsigned nodes)
{
    while (nodes--)
        write_u8(&w, 0);
}

static void transaction(uint32_t size)
{
    static const uint8_t bytes[TRANSACTION_SIZE_MAX + 1] = {7};
    write_u32(&w, size);
    write_bytes(&w, bytes, size);
}

/* From memory of exactly this size, so that a sanitizer sees every read past it. */
static bool decodes(struct slice bytes, epoch_id epoch, struct block *b)
{
    uint8_t *copy = malloc(bytes.size ? bytes.size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.size);
    bool result = block_decode(slice_of(copy, bytes.size), quorum_of(N), epoch, b);
    if (result) {
        struct slice rest = b->transactions, one;
        size_t size = block_overhead(b->seen.size);
        uint32_t count = 0;
        for (; block_next(&rest, &one); count++)
            size += 4 + one.size;
        assert_int_equal(count, b->count);
        assert_int_equal(size, bytes.size);
        assert_int_equal(rest.size, 0);
        assert_ptr_equal(b->seen.data, copy + 1);
    }
    free(copy);
    return result;
}

static bool result_decodes(epoch_id epoch)
{
    struct block b;
    assert_true(w.ok);
    return decodes(writer_result(&w), epoch, &b);
}

/* One block with everything in it, of epoch 10. */
static void whole(void)
{
    begin();
    write_u8(&w, 1);
    write_u8(&w, 3);
    run(1, 1);
    run(3, 5);
    run(7, 9);
    unseen(2);
    write_u8(&w, 1);
    run(9, 9);
    write_u32(&w, 3);
    transaction(1);
    transaction(300);
    transaction(2);
}

static void a_block_yields_what_is_in_it(void **state)
{
    (void)state;
    struct block b;
    struct slice one;
    whole();
    assert_true(block_decode(writer_result(&w), quorum_of(N), 10, &b));
    assert_int_equal(b.count, 3);
    assert_int_equal(b.seen.size, 4 + 4 * 16);
    struct slice rest = b.transactions;
    const size_t sizes[] = {1, 300, 2};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(block_next(&rest, &one));
        assert_int_equal(one.size, sizes[i]);
        assert_int_equal(one.data[0], 7);
    }
    assert_false(block_next(&rest, &one));
    assert_false(block_next(&rest, &one));
}

/* Of the smallest, as many as a liar would like. */
static void many_small_transactions_are_no_block(void **state)
{
    (void)state;
    static uint8_t bytes[8192];
    for (uint32_t count = 270; count <= 290; count++) {
        struct block b;
        struct writer many = writer_of(bytes, sizeof bytes);
        write_u8(&many, 1);
        for (unsigned node = 0; node < N; node++)
            write_u8(&many, 0);
        write_u32(&many, count);
        for (uint32_t k = 0; k < count; k++) {
            write_u32(&many, 1);
            write_u8(&many, 7);
        }
        assert_true(many.ok);
        assert_int_equal(block_decode(writer_result(&many), quorum_of(N), 1, &b), count <= 277);
    }
}

static void every_prefix_and_every_longer_one_is_bad(void **state)
{
    (void)state;
    struct block b;
    whole();
    struct slice bytes = writer_result(&w);
    assert_true(decodes(bytes, 10, &b));
    for (size_t size = 0; size < bytes.size; size++)
        assert_false(decodes(slice_of(bytes.data, size), 10, &b));
    write_u8(&w, 0);
    assert_false(result_decodes(10));
}

static void versions_other_than_1_are_bad(void **state)
{
    (void)state;
    whole();
    for (unsigned version = 0; version < 256; version++) {
        buffer[0] = (uint8_t)version;
        assert_int_equal(result_decodes(10), version == 1);
    }
}

static const struct {
    const char *what;
    unsigned count;
    uint64_t runs[3][2];
    epoch_id epoch;
    bool good;
} run_table[] = {
    {"nothing, in the first epoch", 0, {{0}}, 1, true},
    {"all before it", 1, {{1, 9}}, 10, true},
    {"apart by one", 2, {{1, 3}, {5, 9}}, 10, true},
    {"epoch 0", 1, {{0, 3}}, 10, false},
    {"its own epoch", 1, {{10, 10}}, 10, false},
    {"up to its own epoch", 1, {{3, 10}}, 10, false},
    {"a later epoch", 1, {{11, 12}}, 10, false},
    {"backwards", 1, {{5, 4}}, 10, false},
    {"touching", 2, {{1, 3}, {4, 5}}, 10, false},
    {"overlapping", 2, {{1, 3}, {3, 5}}, 10, false},
    {"twice", 2, {{1, 3}, {1, 3}}, 10, false},
    {"descending", 2, {{5, 6}, {1, 3}}, 10, false},
    {"after the last", 2, {{1, 9}, {9, 9}}, 10, false},
    {"the last one touches", 3, {{1, 1}, {3, 3}, {4, 4}}, 10, false},
    {"in epoch 1 there is none", 1, {{1, 1}}, 1, false},
    {"up to the end of numbers", 1, {{1, UINT64_MAX - 1}}, UINT64_MAX, true},
    {"wrapping around", 2, {{1, UINT64_MAX - 1}, {1, 1}}, UINT64_MAX, false},
    {"past all numbers", 1, {{1, UINT64_MAX}}, UINT64_MAX, false},
};

static void runs_are_maximal_ascending_and_before_the_epoch(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof run_table / sizeof run_table[0]; i++) {
        for (unsigned node = 0; node < N; node++) {
            begin();
            write_u8(&w, 1);
            unseen(node);
            write_u8(&w, (uint8_t)run_table[i].count);
            for (unsigned j = 0; j < run_table[i].count; j++)
                run(run_table[i].runs[j][0], run_table[i].runs[j][1]);
            unseen(N - 1 - node);
            write_u32(&w, 0);
            if (result_decodes(run_table[i].epoch) != run_table[i].good)
                fail_msg("%s", run_table[i].what);
        }
    }
}

static void a_node_has_at_most_32_runs(void **state)
{
    (void)state;
    for (unsigned runs = 31; runs <= 33; runs++) {
        begin();
        write_u8(&w, 1);
        write_u8(&w, (uint8_t)runs);
        for (unsigned i = 0; i < runs; i++)
            run(2 * i + 1, 2 * i + 1);
        unseen(N - 1);
        write_u32(&w, 0);
        assert_int_equal(result_decodes(1000), runs <= 32);
    }
}

static void transactions_are_counted_and_1_to_64_kib(void **state)
{
    (void)state;
    const struct {
        uint32_t count; /* As stated. */
        uint32_t sizes[2];
        bool good;
    } table[] = {
        {2, {1, 1}, true},           {2, {65536, 65536}, true}, {2, {65537, 1}, false},
        {2, {1, 65537}, false},      {2, {0, 1}, false},        {2, {1, 0}, false},
        {0, {1, 1}, false},          {1, {1, 1}, false},        {3, {1, 1}, false},
        {UINT32_MAX, {1, 1}, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        begin();
        write_u8(&w, 1);
        unseen(N);
        write_u32(&w, table[i].count);
        transaction(table[i].sizes[0]);
        transaction(table[i].sizes[1]);
        assert_int_equal(result_decodes(1), table[i].good);
    }
}

static void random_changes_never_mislead(void **state)
{
    (void)state;
    uint32_t seed = 1, good = 0;
    struct block b;
    whole();
    uint8_t original[512];
    struct slice bytes = writer_result(&w);
    assert_in_range(bytes.size, 1, sizeof original);
    memcpy(original, bytes.data, bytes.size);
    for (unsigned i = 0; i < 200000; i++) {
        memcpy(buffer, original, bytes.size);
        for (unsigned change = 0; change <= i % 4; change++) {
            seed = seed * 1664525 + 1013904223;
            buffer[(seed >> 8) % 100] ^= (uint8_t)(1u << (seed >> 28 & 7)); /* Before the bulk. */
        }
        good += decodes(slice_of(buffer, bytes.size - i % 3 / 2), 10, &b);
    }
    assert_in_range(good, 1, 199999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_yields_what_is_in_it),
        cmocka_unit_test(many_small_transactions_are_no_block),
        cmocka_unit_test(every_prefix_and_every_longer_one_is_bad),
        cmocka_unit_test(versions_other_than_1_are_bad),
        cmocka_unit_test(runs_are_maximal_ascending_and_before_the_epoch),
        cmocka_unit_test(a_node_has_at_most_32_runs),
        cmocka_unit_test(transactions_are_counted_and_1_to_64_kib),
        cmocka_unit_test(random_changes_never_mislead),
    };
    return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
