/* What each field of a message may be: one change to a good one, good or bad. */
#include "node/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

enum { N = 7, FROM = 6, TO = 1, CAPACITY = 80 << 10 };

static const struct quorum quorum = {N, 2};
static uint8_t buffer[CAPACITY];
static struct writer w;

static void begin(enum message_kind kind, epoch_id epoch)
{
    w = writer_of(buffer, sizeof buffer);
    write_u8(&w, (uint8_t)kind);
    if (kind != MESSAGE_WANT_ROOTS)
        write_u64(&w, epoch);
}

static bool decodes(void)
{
    assert_true(w.ok);
    struct reader r = reader_of(writer_result(&w));
    struct message m;
    const bool ok = message_decode(&r, quorum, FROM, TO, &m);
    assert_int_equal(ok, r.ok);
    return ok && reader_finished(&r);
}

static void zeros(size_t count)
{
    while (count-- > 0)
        write_u8(&w, 0);
}

static void kinds_are_1_to_18(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 256; kind++) {
        begin(MESSAGE_WANT_VOTES, 3);
        write_u8(&w, 1);
        buffer[0] = (uint8_t)kind;
        assert_int_equal(decodes(), kind == MESSAGE_WANT_VOTES || kind == MESSAGE_READY);
        begin(MESSAGE_WANT_CHECKPOINT, 3);
        buffer[0] = (uint8_t)kind;
        assert_int_equal(decodes(), kind == MESSAGE_WANT_CHECKPOINT || kind == MESSAGE_PING ||
                                        kind == MESSAGE_PONG);
        begin(MESSAGE_CHECKPOINT, 3);
        zeros(HASH_SIZE + IDENTITY_SIGNATURE_SIZE);
        buffer[0] = (uint8_t)kind;
        assert_int_equal(decodes(), kind == MESSAGE_CHECKPOINT);
        begin(MESSAGE_WANT_SNAPSHOT, 3);
        write_u32(&w, 7);
        buffer[0] = (uint8_t)kind;
        assert_int_equal(decodes(), kind == MESSAGE_WANT_SNAPSHOT);
    }
}

/* What has a size of its own has at least a byte, and no more than its kind may. */
static void snapshots_have_bounds(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, SNAPSHOT_HEAD_SIZE_MAX, SNAPSHOT_HEAD_SIZE_MAX + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        begin(MESSAGE_OFFER, 3);
        write_u32(&w, sizes[i]);
        zeros(sizes[i]);
        assert_int_equal(decodes(), i == 1 || i == 2);
    }
    for (unsigned length = 0; length < 256; length++) {
        begin(MESSAGE_SNAPSHOT, 3);
        write_u32(&w, 7);
        write_u8(&w, (uint8_t)length);
        zeros((size_t)length * HASH_SIZE);
        write_u32(&w, 1);
        zeros(1);
        assert_int_equal(decodes(), length <= MERKLE_LOG_DEPTH_MAX);
    }
}

static void epochs_are_1_to_half_of_the_numbers(void **state)
{
    (void)state;
    static const struct {
        epoch_id epoch;
        bool good;
    } table[] = {
        {0, false},          {1, true}, {UINT64_MAX / 2, true}, {UINT64_MAX / 2 + 1, false},
        {UINT64_MAX, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (enum message_kind kind = MESSAGE_VOTES; kind <= MESSAGE_NONE; kind++) {
            if (kind != MESSAGE_WANT_VOTES && kind != MESSAGE_CANCEL && kind != MESSAGE_NONE)
                continue;
            begin(kind, table[i].epoch);
            if (kind == MESSAGE_WANT_VOTES)
                write_u8(&w, 1);
            else
                zeros(1 + HASH_SIZE);
            assert_int_equal(decodes(), table[i].good);
        }
}

static void proposers_exist(void **state)
{
    (void)state;
    for (unsigned p = 0; p < 256; p++) {
        begin(MESSAGE_NONE, 3);
        write_u8(&w, (uint8_t)p);
        zeros(HASH_SIZE);
        assert_int_equal(decodes(), p < N);
        begin(MESSAGE_WANT_ROOTS, 1);
        write_u8(&w, (uint8_t)p);
        write_u8(&w, 1);
        write_u64(&w, 4);
        write_u64(&w, 4);
        assert_int_equal(decodes(), p < N);
    }
}

static void sets_name_someone_and_none_that_is_not(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 256; set++) {
        begin(MESSAGE_WANT_VOTES, 3);
        write_u8(&w, (uint8_t)set);
        assert_int_equal(decodes(), set > 0 && set < 1 << N);
        begin(MESSAGE_VOTES, 3);
        write_u8(&w, BA_AUX);
        write_u8(&w, 0);
        write_u8(&w, BA_ONE);
        write_u8(&w, (uint8_t)set);
        assert_int_equal(decodes(), set > 0 && set < 1 << N);
    }
}

/* Written out once more: one value in BVAL, AUX and TERM, TERM without a round, CONF only where
 * the coin is tossed, the release of a share never. */
static bool may_be_said(unsigned type, unsigned round, unsigned values)
{
    const bool one = values == 1 || values == 2;
    switch (type) {
    case BA_BVAL:
    case BA_AUX: return one && round < 200;
    case BA_CONF: return values >= 1 && values <= 3 && round < 200 && round % 3 == 2;
    case BA_TERM: return one && round == 0;
    default: return false;
    }
}

static void votes_are_those_that_the_protocol_has(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 8; type++)
        for (unsigned round = 0; round < 256; round++)
            for (unsigned values = 0; values < 8; values++) {
                begin(MESSAGE_VOTES, 3);
                write_u8(&w, (uint8_t)type);
                write_u8(&w, (uint8_t)round);
                write_u8(&w, (uint8_t)values);
                write_u8(&w, 1);
                if (decodes() != may_be_said(type, round, values))
                    fail_msg("type %u round %u values %u", type, round, values);
            }
}

static void shares_are_of_tossed_rounds(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 256; round++) {
        begin(MESSAGE_SHARE, 3);
        write_u8(&w, 1);
        write_u8(&w, (uint8_t)round);
        zeros(COIN_SHARE_SIZE);
        assert_int_equal(decodes(), round % 3 == 2 && round < 200);
    }
}

static void roots_are_counted_and_their_proposers_ascend(void **state)
{
    (void)state;
    static const struct {
        uint8_t vote, stated, count, proposers[4];
        bool good;
    } table[] = {
        {VID_GOT, 1, 1, {0}, true},
        {VID_READY, 3, 3, {0, 3, 6}, true},
        {VID_COMPLETE, 1, 1, {6}, true},
        {0, 1, 1, {0}, false},
        {VID_COMPLETE + 1, 1, 1, {0}, false},
        {VID_GOT, 0, 0, {0}, false},
        {VID_GOT, 2, 1, {0}, false},
        {VID_GOT, 1, 2, {0, 1}, false},
        {VID_GOT, 1, 1, {N}, false},
        {VID_GOT, 2, 2, {3, 3}, false},
        {VID_GOT, 2, 2, {3, 1}, false},
        {VID_GOT, 3, 3, {0, 6, 5}, false},
        {VID_GOT, 255, 4, {0, 1, 2, 3}, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        begin(MESSAGE_ROOTS, 3);
        write_u8(&w, table[i].vote);
        write_u8(&w, table[i].stated);
        for (unsigned k = 0; k < table[i].count; k++) {
            write_u8(&w, table[i].proposers[k]);
            zeros(HASH_SIZE);
        }
        if (decodes() != table[i].good)
            fail_msg("row %zu", i);
    }
}

static void wanted_runs_ascend_and_do_not_touch(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        unsigned stated, count;
        uint64_t runs[2][2];
        bool good;
    } table[] = {
        {"one epoch", 1, 1, {{1, 1}}, true},
        {"two, apart by one", 2, 2, {{1, 3}, {5, 9}}, true},
        {"the last that may be", 1, 1, {{1, UINT64_MAX - 2}}, true},
        {"none", 0, 0, {{0}}, false},
        {"fewer than stated", 2, 1, {{1, 3}}, false},
        {"more than stated", 1, 2, {{1, 3}, {5, 9}}, false},
        {"17", 17, 0, {{0}}, false},
        {"epoch 0", 1, 1, {{0, 3}}, false},
        {"backwards", 1, 1, {{3, 2}}, false},
        {"touching", 2, 2, {{1, 3}, {4, 5}}, false},
        {"overlapping", 2, 2, {{1, 3}, {3, 5}}, false},
        {"descending", 2, 2, {{5, 6}, {1, 3}}, false},
        {"the end of numbers", 1, 1, {{1, UINT64_MAX - 1}}, false},
        {"wrapping around", 2, 2, {{1, UINT64_MAX}, {1, 3}}, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        begin(MESSAGE_WANT_ROOTS, 1);
        write_u8(&w, 1);
        write_u8(&w, (uint8_t)table[i].stated);
        for (unsigned r = 0; r < table[i].count; r++) {
            write_u64(&w, table[i].runs[r][0]);
            write_u64(&w, table[i].runs[r][1]);
        }
        if (decodes() != table[i].good)
            fail_msg("%s", table[i].what);
    }
    for (unsigned count = 1; count < 20; count++) {
        begin(MESSAGE_WANT_ROOTS, 1);
        write_u8(&w, 1);
        write_u8(&w, (uint8_t)count);
        for (unsigned r = 0; r < count; r++) {
            write_u64(&w, 2 * r + 1);
            write_u64(&w, 2 * r + 1);
        }
        assert_int_equal(decodes(), count <= 16);
    }
}

static void a_request_begins_with_a_whole_piece(void **state)
{
    (void)state;
    static const uint32_t offsets[] = {0, 1, 65535, 65536, 65537, 131072, UINT32_MAX, 0xffff0000};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        begin(MESSAGE_REQUEST, 3);
        write_u8(&w, 1);
        zeros(HASH_SIZE);
        write_u32(&w, offsets[i]);
        assert_int_equal(decodes(), offsets[i] % 65536 == 0);
    }
}

static void chunks_are_whole_and_pieces_end_where_pieces_end(void **state)
{
    (void)state;
    enum { K = 1024, MAX = CODE_BLOCK_SIZE_MAX + CODE_CHUNK_ALIGN };
    static const struct {
        const char *what;
        bool piece;
        uint32_t whole, offset, stated, size;
        bool good;
    } table[] = {
        {"a chunk", false, 64, 0, 64, 64, true},
        {"larger than a piece", false, 65 * K, 0, 65 * K, 65 * K, true},
        {"a chunk of nothing", false, 0, 0, 0, 0, false},
        {"a size that no chunk has", false, 65, 0, 65, 65, false},
        {"less than whole", false, 128, 0, 64, 64, false},
        {"more than whole", false, 64, 0, 128, 128, false},
        {"less than stated", false, 128, 0, 128, 64, false},
        {"more than stated", false, 128, 0, 128, 192, false},
        {"the first piece", true, 65 * K, 0, 64 * K, 64 * K, true},
        {"the last piece", true, 65 * K, 64 * K, K, K, true},
        {"the only piece", true, 64 * K, 0, 64 * K, 64 * K, true},
        {"the first of the largest", true, MAX, 0, 64 * K, 64 * K, true},
        {"of one that is too large", true, MAX + 64, 0, 64 * K, 64 * K, false},
        {"of the largest number", true, UINT32_MAX - 63, 0, 64 * K, 64 * K, false},
        {"a piece of nothing", true, 64 * K, 64 * K, 0, 0, false},
        {"a piece past the end", true, 64 * K, 128 * K, 0, 0, false},
        {"a piece that begins anywhere", true, 65 * K, 64, 64 * K, 64 * K, false},
        {"a short piece", true, 65 * K, 0, 64 * K - 64, 64 * K - 64, false},
        {"a long piece", true, 65 * K, 0, 65 * K, 65 * K, false},
        {"a long last piece", true, 65 * K, 64 * K, 2 * K, 2 * K, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        begin(table[i].piece ? MESSAGE_PIECE : MESSAGE_CHUNK, 3);
        if (table[i].piece)
            write_u8(&w, 1);
        write_u32(&w, table[i].whole);
        zeros(HASH_SIZE);
        zeros(HASH_SIZE * merkle_path_length(N, table[i].piece ? FROM : TO));
        if (table[i].piece)
            write_u32(&w, table[i].offset);
        write_u32(&w, table[i].stated);
        zeros(table[i].size);
        if (decodes() != table[i].good)
            fail_msg("%s", table[i].what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_1_to_18),
        cmocka_unit_test(snapshots_have_bounds),
        cmocka_unit_test(epochs_are_1_to_half_of_the_numbers),
        cmocka_unit_test(proposers_exist),
        cmocka_unit_test(sets_name_someone_and_none_that_is_not),
        cmocka_unit_test(votes_are_those_that_the_protocol_has),
        cmocka_unit_test(shares_are_of_tossed_rounds),
        cmocka_unit_test(roots_are_counted_and_their_proposers_ascend),
        cmocka_unit_test(wanted_runs_ascend_and_do_not_touch),
        cmocka_unit_test(a_request_begins_with_a_whole_piece),
        cmocka_unit_test(chunks_are_whole_and_pieces_end_where_pieces_end),
    };
    return cmocka_run_group_tests_name("message ranges", tests, NULL, NULL);
}
