#include "crypto/bytes.h"
#include "crypto/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t counting[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                   0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f};

static void slices_are_equal_by_content(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"", "", true},    {"a", "a", true},    {"a", "", false},
        {"a", "b", false}, {"ab", "ac", false}, {"ab", "abc", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(slice_equal(slice_of(cases[i].a, strlen(cases[i].a)),
                                     slice_of(cases[i].b, strlen(cases[i].b))),
                         cases[i].equal);
    assert_true(slice_equal(slice_of(NULL, 0), slice_of("", 0)));
}

static void integers_are_big_endian(void **state)
{
    (void)state;
    struct reader r = reader_of(slice_of(counting, sizeof counting));
    assert_int_equal(read_u8(&r), 0x01);
    assert_int_equal(read_u16(&r), 0x0203);
    assert_int_equal(read_u32(&r), 0x04050607);
    assert_int_equal(read_u64(&r), 0x08090a0b0c0d0e0f);
    assert_true(reader_finished(&r));

    uint8_t written[sizeof counting];
    struct writer w = writer_of(written, sizeof written);
    write_u8(&w, 0x01);
    write_u16(&w, 0x0203);
    write_u32(&w, 0x04050607);
    write_u64(&w, 0x08090a0b0c0d0e0f);
    assert_true(slice_equal(writer_result(&w), slice_of(counting, sizeof counting)));
}

/* One read of each kind, numbered; what it yielded, and whether that was all zeros. */
enum { READS = 6 };
static const size_t read_sizes[READS] = {1, 2, 4, 8, 3, 3};

static bool read_yields_zero(struct reader *r, unsigned kind)
{
    static const uint8_t zeros[3];
    uint8_t target[3] = {0xff, 0xff, 0xff};
    struct slice s;
    switch (kind) {
    case 0: return read_u8(r) == 0;
    case 1: return read_u16(r) == 0;
    case 2: return read_u32(r) == 0;
    case 3: return read_u64(r) == 0;
    case 4: read_into(r, target, sizeof target); return memcmp(target, zeros, 3) == 0;
    default: s = read_slice(r, 3); return s.size == 0;
    }
}

static void a_read_past_the_end_fails_and_so_do_all_after_it(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < READS; kind++) {
        for (size_t size = 0; size <= read_sizes[kind]; size++) {
            struct reader r = reader_of(slice_of(counting, size));
            bool fits = size == read_sizes[kind];
            assert_int_equal(reader_left(&r), size);
            assert_int_equal(read_yields_zero(&r, kind), !fits);
            assert_int_equal(r.ok, fits);
            assert_int_equal(reader_finished(&r), fits);
            assert_int_equal(reader_left(&r), 0);
            if (fits)
                continue;
            for (unsigned later = 0; later < READS; later++)
                assert_true(read_yields_zero(&r, later));
            assert_true(read_slice(&r, 0).size == 0);
            assert_false(r.ok);
            assert_false(reader_finished(&r));
        }
    }
}

static void a_reader_is_finished_only_when_nothing_is_left(void **state)
{
    (void)state;
    struct reader r = reader_of(slice_of(counting, 3));
    assert_int_equal(read_u16(&r), 0x0102);
    assert_true(r.ok);
    assert_int_equal(reader_left(&r), 1);
    assert_false(reader_finished(&r));
    struct slice s = read_slice(&r, 1);
    assert_ptr_equal(s.data, counting + 2);
    assert_int_equal(s.size, 1);
    assert_true(reader_finished(&r));
}

static void an_enormous_size_does_not_wrap_around(void **state)
{
    (void)state;
    struct reader r = reader_of(slice_of(counting, 4));
    assert_int_equal(read_u8(&r), 1);
    assert_int_equal(read_slice(&r, SIZE_MAX).size, 0);
    assert_false(r.ok);

    uint8_t target[4];
    struct writer w = writer_of(target, sizeof target);
    write_u8(&w, 1);
    write_bytes(&w, counting, SIZE_MAX);
    assert_false(w.ok);
}

static void a_writer_never_passes_its_end(void **state)
{
    (void)state;
    uint8_t target[5] = {0, 0, 0, 0, 0xee};
    struct writer w = writer_of(target, 4);
    write_u16(&w, 0x0102);
    write_u32(&w, 0x03040506); /* Two bytes too many. */
    assert_false(w.ok);
    write_u8(&w, 0x07); /* Would fit, but comes too late. */
    assert_false(w.ok);
    assert_int_equal(writer_result(&w).size, 0);
    static const uint8_t expected[] = {0x01, 0x02, 0, 0, 0xee};
    assert_memory_equal(target, expected, sizeof expected);
}

static void a_full_writer_has_its_result(void **state)
{
    (void)state;
    uint8_t target[4];
    struct writer w = writer_of(target, sizeof target);
    write_slice(&w, slice_of(counting, 3));
    write_bytes(&w, counting, 1);
    write_slice(&w, slice_of(NULL, 0));
    static const uint8_t expected[] = {1, 2, 3, 1};
    assert_true(slice_equal(writer_result(&w), slice_of(expected, sizeof expected)));
}

static void empty_sources_and_targets_are_fine(void **state)
{
    (void)state;
    struct reader r = reader_of(slice_of(NULL, 0));
    read_into(&r, NULL, 0);
    assert_true(reader_finished(&r));
    assert_int_equal(read_u8(&r), 0);
    assert_false(r.ok);

    struct writer w = writer_of(NULL, 0);
    write_bytes(&w, NULL, 0);
    assert_true(w.ok);
    write_u8(&w, 1);
    assert_false(w.ok);
}

static void hex_goes_there_and_back(void **state)
{
    (void)state;
    uint8_t all[256], back[256];
    char text[2 * sizeof all + 1];
    for (unsigned i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    hex_encode(slice_of(all, sizeof all), text);
    assert_int_equal(strlen(text), 2 * sizeof all);
    assert_memory_equal(text, "000102030405060708090a0b", 24);
    assert_true(hex_decode(text, back, sizeof back));
    assert_memory_equal(all, back, sizeof all);
}

static void hex_is_decoded_only_at_its_exact_length(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"00ff", true},  {"00FF", true},   {"aBcD", true},    {"", false},     {"0", false},
        {"00f", false},  {"00ff0", false}, {"00ff00", false}, {"00fg", false}, {"00 f", false},
        {"/0ff", false}, {":0ff", false},  {"@0ff", false},   {"G0ff", false}, {"`0ff", false},
        {"0x0f", false}, {"-1ff", false},
    };
    uint8_t target[2];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(hex_decode(cases[i].text, target, sizeof target), cases[i].good);
    assert_true(hex_decode("", target, 0));
    assert_true(hex_decode("aBcD", target, 2));
    assert_int_equal(target[0] << 8 | target[1], 0xabcd);
}

static void every_fault_has_a_name_and_a_text_of_its_own(void **state)
{
    (void)state;
    assert_string_equal(fault_name(FAULT_NONE), "none");
    assert_string_equal(fault_name(FAULT_BAD_BLOCK), "bad_block");
    for (unsigned a = 0; a < FAULT_COUNT; a++) {
        for (unsigned b = 0; b < a; b++) {
            assert_string_not_equal(fault_name((enum fault)a), fault_name((enum fault)b));
            assert_string_not_equal(fault_text((enum fault)a), fault_text((enum fault)b));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_equal_by_content),
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(a_read_past_the_end_fails_and_so_do_all_after_it),
        cmocka_unit_test(a_reader_is_finished_only_when_nothing_is_left),
        cmocka_unit_test(an_enormous_size_does_not_wrap_around),
        cmocka_unit_test(a_writer_never_passes_its_end),
        cmocka_unit_test(a_full_writer_has_its_result),
        cmocka_unit_test(empty_sources_and_targets_are_fine),
        cmocka_unit_test(hex_goes_there_and_back),
        cmocka_unit_test(hex_is_decoded_only_at_its_exact_length),
        cmocka_unit_test(every_fault_has_a_name_and_a_text_of_its_own),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
