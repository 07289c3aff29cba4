#include "vid/code.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct code code;
static uint64_t seed;

static uint64_t random_u64(void) /* splitmix64 */
{
    uint64_t x = seed += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

static void fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)random_u64();
}

static int start(void **state)
{
    (void)state;
    seed = 1;
    return 0;
}

/* One coded block, and a second place to spoil and to repair it in. */
struct coded {
    size_t chunk_size, size;
    struct slice block;
    uint8_t *content, *whole, *work;
};

static struct coded coded_make(size_t block_size)
{
    struct coded x = {.chunk_size = code_chunk_size(&code, block_size)};
    x.size = x.chunk_size * code.chunk_count;
    x.content = malloc(block_size + 1);
    x.whole = aligned_alloc(64, x.size);
    x.work = aligned_alloc(64, x.size);
    assert_true(x.content && x.whole && x.work);
    fill(x.content, block_size);
    x.block = slice_of(x.content, block_size);
    code_encode(&code, x.block, x.whole);
    return x;
}

static void coded_free(struct coded *x)
{
    free(x->content);
    free(x->whole);
    free(x->work);
}

static void assert_repaired_from(struct coded *x, const struct nodeset *present)
{
    memcpy(x->work, x->whole, x->size);
    for (unsigned i = 0; i < code.chunk_count; i++)
        if (!nodeset_has(present, i))
            memset(x->work + i * x->chunk_size, 0xa5, x->chunk_size);
    code_repair(&code, present, x->work, x->chunk_size);
    assert_memory_equal(x->work, x->whole, x->size);
    struct slice block;
    assert_true(code_extract(&code, x->work, x->chunk_size, &block));
    assert_true(slice_equal(block, x->block));
}

static void assert_repaired_from_every_subset(size_t block_size)
{
    struct coded x = coded_make(block_size);
    for (uint64_t mask = 0; mask < 1u << code.chunk_count; mask++) {
        struct nodeset present = {{mask}};
        if (nodeset_count(&present) == code.data_count)
            assert_repaired_from(&x, &present);
    }
    coded_free(&x);
}

static void every_k_chunks_make_all(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 7; n++) {
        code_init(&code, quorum_of(n));
        size_t sizes[] = {0, 1, 55, 56, 57, 64u * code.data_count - 8, 100000};
        for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
            assert_repaired_from_every_subset(sizes[i]);
    }
    code_init(&code, quorum_of(16));
    assert_repaired_from_every_subset(57);
}

static void random_k_chunks_make_all_of_128(void **state)
{
    (void)state;
    code_init(&code, quorum_of(128));
    struct coded x = coded_make(100000);
    for (unsigned run = 0; run < 300; run++) {
        struct nodeset present = {0};
        while (nodeset_count(&present) < code.data_count)
            nodeset_add(&present, (unsigned)(random_u64() % 128));
        assert_repaired_from(&x, &present);
    }
    coded_free(&x);
}

static void the_largest_block_fits(void **state)
{
    (void)state;
    code_init(&code, quorum_of(4));
    struct coded x = coded_make(CODE_BLOCK_SIZE_MAX);
    assert_repaired_from(&x, &(struct nodeset){{1 << 1 | 1 << 3}});
    coded_free(&x);
}

static void chunks_beyond_the_first_k_are_overwritten(void **state)
{
    (void)state;
    code_init(&code, quorum_of(7));
    struct coded x = coded_make(1000);
    memcpy(x.work, x.whole, x.size);
    fill(x.work + 4 * x.chunk_size, 3 * x.chunk_size);
    fill(x.work + 2 * x.chunk_size, x.chunk_size);
    code_repair(&code, &(struct nodeset){{0x7b}}, x.work, x.chunk_size);
    assert_memory_equal(x.work, x.whole, x.size);
    coded_free(&x);
}

static void the_first_k_chunks_are_never_written(void **state)
{
    (void)state;
    code_init(&code, quorum_of(7));
    struct coded x = coded_make(1000);
    for (uint64_t mask = 0; mask < 1u << 7; mask++) {
        struct nodeset present = {{mask}};
        if (nodeset_count(&present) != code.data_count)
            continue;
        fill(x.whole, x.size); /* No encoding of anything. */
        memcpy(x.work, x.whole, x.size);
        code_repair(&code, &present, x.work, x.chunk_size);
        for (unsigned i = 0; i < 7; i++)
            if (nodeset_has(&present, i))
                assert_memory_equal(x.work + i * x.chunk_size, x.whole + i * x.chunk_size,
                                    x.chunk_size);
    }
    coded_free(&x);
}

/* GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1, the slow way. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
    unsigned product = 0;
    for (unsigned bit = 0; bit < 8; bit++)
        if (b >> bit & 1)
            product ^= (unsigned)a << bit;
    for (unsigned bit = 15; bit >= 8; bit--)
        if (product >> bit & 1)
            product ^= 0x11du << (bit - 8);
    return (uint8_t)product;
}

static uint8_t inverse_of(uint8_t a)
{
    uint8_t b = 1;
    while (multiply(a, b) != 1)
        b++;
    return b;
}

static void parity_is_the_cauchy_sum_of_the_data(void **state)
{
    (void)state;
    static const unsigned counts[] = {4, 5, 7, 16, 128};
    for (unsigned c = 0; c < 5; c++) {
        code_init(&code, quorum_of(counts[c]));
        struct coded x = coded_make(64u * code.data_count - 8);
        for (unsigned i = code.data_count; i < code.chunk_count; i++) {
            uint8_t sums[64] = {0};
            for (unsigned j = 0; j < code.data_count; j++)
                for (unsigned at = 0; at < 64; at++)
                    sums[at] ^= multiply(inverse_of((uint8_t)(i ^ j)), x.whole[j * 64 + at]);
            assert_memory_equal(sums, x.whole + i * 64, 64);
        }
        coded_free(&x);
    }
}

static void data_is_length_block_and_zeroes(void **state)
{
    (void)state;
    code_init(&code, quorum_of(4));
    alignas(64) uint8_t chunks[4 * 64];
    const uint8_t expected[2 * 64] = {0, 0, 0, 0, 0, 0, 0, 3, 'a', 'b', 'c'};
    memset(chunks, 0xff, sizeof chunks);
    code_encode(&code, slice_of("abc", 3), chunks);
    assert_memory_equal(chunks, expected, sizeof expected);
}

static void chunks_are_the_smallest_that_hold_the_block(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 128; n++) {
        code_init(&code, quorum_of(n));
        size_t k = code.data_count;
        assert_int_equal(code_chunk_size(&code, 0), 64);
        assert_int_equal(code_chunk_size(&code, 64 * k - 8), 64);
        assert_int_equal(code_chunk_size(&code, 64 * k - 7), 128);
        assert_int_equal(code_chunk_size(&code, 128 * k - 8), 128);
    }
}

static void valid_chunk_sizes_are_those_of_some_block(void **state)
{
    (void)state;
    code_init(&code, quorum_of(4));
    size_t largest = code_chunk_size(&code, CODE_BLOCK_SIZE_MAX);
    assert_int_equal(largest, (CODE_BLOCK_SIZE_MAX + 128) / 2);
    assert_true(code_chunk_size_valid(&code, 64));
    assert_true(code_chunk_size_valid(&code, 128));
    assert_true(code_chunk_size_valid(&code, largest));
    assert_false(code_chunk_size_valid(&code, 0));
    assert_false(code_chunk_size_valid(&code, 63));
    assert_false(code_chunk_size_valid(&code, 65));
    assert_false(code_chunk_size_valid(&code, largest + 64));
    assert_false(code_chunk_size_valid(&code, SIZE_MAX - 63));
}

static bool extracts(const uint8_t *chunks, size_t chunk_size, uint64_t length)
{
    static uint8_t copy[2048];
    assert_true(chunk_size * code.data_count <= sizeof copy);
    memcpy(copy, chunks, chunk_size * code.data_count);
    struct writer w = writer_of(copy, 8);
    write_u64(&w, length);
    struct slice block;
    return code_extract(&code, copy, chunk_size, &block);
}

static void a_length_must_fit_its_chunks_exactly(void **state)
{
    (void)state;
    code_init(&code, quorum_of(7));
    uint8_t zeroes[3 * 128] = {0};
    for (uint64_t length = 0; length < 1000; length++) {
        assert_int_equal(extracts(zeroes, 64, length), length <= 3 * 64 - 8);
        assert_int_equal(extracts(zeroes, 128, length),
                         length > 3 * 64 - 8 && length <= 3 * 128 - 8);
    }
    for (unsigned bit = 10; bit < 64; bit++)
        assert_false(extracts(zeroes, 64, 1ull << bit));
    assert_false(extracts(zeroes, 64, UINT64_MAX - 7));
    assert_false(extracts(zeroes, 64, UINT64_MAX));
}

static void padding_must_be_zero(void **state)
{
    (void)state;
    code_init(&code, quorum_of(5));
    uint8_t data[3 * 64] = {0};
    for (size_t at = 8; at < sizeof data; at++) {
        data[at] = 1;
        for (uint64_t length = 0; length <= sizeof data - 8; length++)
            assert_int_equal(extracts(data, 64, length), at < 8 + length);
        data[at] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_k_chunks_make_all, start),
        cmocka_unit_test_setup(random_k_chunks_make_all_of_128, start),
        cmocka_unit_test_setup(the_largest_block_fits, start),
        cmocka_unit_test_setup(chunks_beyond_the_first_k_are_overwritten, start),
        cmocka_unit_test_setup(the_first_k_chunks_are_never_written, start),
        cmocka_unit_test_setup(parity_is_the_cauchy_sum_of_the_data, start),
        cmocka_unit_test(data_is_length_block_and_zeroes),
        cmocka_unit_test(chunks_are_the_smallest_that_hold_the_block),
        cmocka_unit_test(valid_chunk_sizes_are_those_of_some_block),
        cmocka_unit_test(a_length_must_fit_its_chunks_exactly),
        cmocka_unit_test(padding_must_be_zero),
    };
    return cmocka_run_group_tests_name("code", tests, NULL, NULL);
}
