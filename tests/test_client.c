#include "net/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t frame[CLIENT_FRAME_SIZE_MAX + 16];
static uint8_t items[CLIENT_FRAME_SIZE_MAX];
static uint8_t again[CLIENT_FRAME_SIZE_MAX + 16];

static struct slice text(const char *t) { return slice_of(t, strlen(t)); }

static struct slice encode_request(const struct client_request *request)
{
    struct writer w = writer_of(frame, sizeof(frame));
    client_request_encode(&w, request);
    assert_true(w.ok);
    return writer_result(&w);
}

static struct slice encode_answer(const struct client_answer *answer)
{
    struct writer w = writer_of(frame, sizeof(frame));
    client_answer_encode(&w, answer);
    assert_true(w.ok);
    return writer_result(&w);
}

/* What decodes encodes to itself; anything may be given. Returns whether it decoded. */
static bool request_is_canonical(struct slice bytes)
{
    struct client_request request;
    if (!client_request_decode(bytes, &request))
        return false;
    struct writer w = writer_of(again, sizeof(again));
    client_request_encode(&w, &request);
    assert_true(slice_equal(writer_result(&w), bytes));
    return true;
}

static bool answer_is_canonical(struct slice bytes)
{
    struct client_answer answer;
    if (!client_answer_decode(bytes, &answer))
        return false;
    struct writer w = writer_of(again, sizeof(again));
    client_answer_encode(&w, &answer);
    assert_true(slice_equal(writer_result(&w), bytes));
    return true;
}

/* Every shorter frame and every longer one is malformed. The copy is exact, so that a reader
 * that goes too far is seen by a sanitizer. */
static void expect_exact(struct slice bytes, bool (*canonical)(struct slice))
{
    assert_true(canonical(bytes));
    for (size_t size = 0; size < bytes.size; size++) {
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, bytes.data, size);
        assert_false(canonical(slice_of(copy, size)));
        free(copy);
    }
    uint8_t *longer = calloc(1, bytes.size + 1);
    memcpy(longer, bytes.data, bytes.size);
    assert_false(canonical(slice_of(longer, bytes.size + 1)));
    free(longer);
}

static struct slice three_transactions(void)
{
    struct writer w = writer_of(items, sizeof(items));
    client_transaction_add(&w, text("first"));
    client_transaction_add(&w, text("2"));
    client_transaction_add(&w, text("the third"));
    return writer_result(&w);
}

static void a_submission_comes_back_transaction_by_transaction(void **state)
{
    (void)state;
    struct client_request request = {.id = 0x0123456789abcdef, .kind = CLIENT_SUBMIT};
    request.list.count = 3;
    request.list.items = three_transactions();
    struct slice bytes = encode_request(&request);
    expect_exact(bytes, request_is_canonical);

    struct client_request decoded;
    assert_true(client_request_decode(bytes, &decoded));
    assert_int_equal(decoded.id, request.id);
    assert_int_equal(decoded.kind, CLIENT_SUBMIT);
    assert_int_equal(decoded.list.count, 3);
    struct slice rest = decoded.list.items;
    struct slice transaction;
    static const char *const expected[] = {"first", "2", "the third"};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(client_transaction_next(&rest, &transaction));
        assert_true(slice_equal(transaction, text(expected[i])));
    }
    assert_false(client_transaction_next(&rest, &transaction));
}

static void every_kind_of_request_comes_back(void **state)
{
    (void)state;
    struct client_request request = {.id = 7, .kind = CLIENT_TX};
    memset(items, 0xab, sizeof(items));
    request.list.count = 2;
    request.list.items = slice_of(items, 2 * HASH_SIZE);
    expect_exact(encode_request(&request), request_is_canonical);

    request = (struct client_request){.id = 8, .kind = CLIENT_ACCOUNT};
    memset(request.key, 0xcd, sizeof(request.key));
    expect_exact(encode_request(&request), request_is_canonical);
    request.kind = CLIENT_HOLDING;
    expect_exact(encode_request(&request), request_is_canonical);

    request = (struct client_request){.id = 9, .kind = CLIENT_BLOCK, .position = 1ull << 40};
    expect_exact(encode_request(&request), request_is_canonical);
    request = (struct client_request){.id = 10, .kind = CLIENT_STATUS};
    expect_exact(encode_request(&request), request_is_canonical);
    request = (struct client_request){.id = UINT64_MAX, .kind = CLIENT_STATS};
    expect_exact(encode_request(&request), request_is_canonical);
    request = (struct client_request){.id = 11, .kind = CLIENT_RECEIPT};
    memset(&request.transaction, 0xef, sizeof(request.transaction));
    expect_exact(encode_request(&request), request_is_canonical);
    request = (struct client_request){.id = 9, .kind = CLIENT_CONSISTENCY, .position = 1000};
    expect_exact(encode_request(&request), request_is_canonical);
    request = (struct client_request){
        .id = 12, .kind = CLIENT_EVENTS, .cursor = {CLIENT_FROM_END, 70000}};
    expect_exact(encode_request(&request), request_is_canonical);
}

static void a_query_is_some_bytes(void **state)
{
    (void)state;
    static const uint8_t bytes[CLIENT_QUERY_MAX];
    const struct client_request request = {
        .id = 12, .kind = CLIENT_QUERY, .query = slice_of(bytes, sizeof bytes)};
    struct slice encoded = encode_request(&request);
    assert_true(request_is_canonical(encoded));
    for (size_t size = CLIENT_HEADER_SIZE + 1; size < encoded.size; size += 100)
        assert_true(request_is_canonical(slice_of(encoded.data, size)));
    assert_false(request_is_canonical(slice_of(encoded.data, CLIENT_HEADER_SIZE)));
    assert_false(request_is_canonical(slice_of(encoded.data, encoded.size + 1)));
    struct client_answer answer = {.id = 12, .kind = CLIENT_QUERY, .bytes = slice_of(bytes, 9)};
    encoded = encode_answer(&answer);
    assert_true(answer_is_canonical(encoded));
    answer.result = (struct client_result){.status = CLIENT_INVALID, .reason = text("no such key")};
    expect_exact(encode_answer(&answer), answer_is_canonical);
    answer.result = (struct client_result){.status = CLIENT_OVERLOADED, .retry_ms = 100};
    expect_exact(encode_answer(&answer), answer_is_canonical);
}

static void a_malformed_request_still_has_its_id(void **state)
{
    (void)state;
    struct client_request request = {.id = 0x1122334455667788, .kind = CLIENT_STATUS};
    struct slice bytes = encode_request(&request);
    frame[9] = CLIENT_KINDS;
    struct client_request decoded;
    assert_false(client_request_decode(bytes, &decoded));
    assert_int_equal(decoded.id, request.id);
    frame[9] = CLIENT_NONE;
    assert_false(client_request_decode(bytes, &decoded));
    frame[9] = CLIENT_STATUS;
    frame[0] = CLIENT_VERSION + 1;
    assert_false(client_request_decode(bytes, &decoded));
    assert_int_equal(decoded.id, request.id);
    assert_false(client_request_decode(slice_of(frame, 5), &decoded));
    assert_int_equal(decoded.id, 0);
}

/* A SUBMIT of `count` transactions of which the last is `size` bytes long. */
static struct slice submission(uint32_t claimed, uint32_t count, uint32_t size)
{
    struct writer w = writer_of(frame, sizeof(frame));
    write_u8(&w, CLIENT_VERSION);
    write_u64(&w, 1);
    write_u8(&w, CLIENT_SUBMIT);
    write_u32(&w, claimed);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = i + 1 < count ? 1 : size;
        write_u32(&w, length);
        write_bytes(&w, items, length);
    }
    assert_true(w.ok);
    return writer_result(&w);
}

static void lists_and_transactions_are_bounded(void **state)
{
    (void)state;
    assert_true(request_is_canonical(submission(1, 1, 1)));
    assert_false(request_is_canonical(submission(0, 0, 0)));
    assert_false(request_is_canonical(submission(2, 1, 1)));
    assert_false(request_is_canonical(submission(1, 2, 1)));
    assert_false(request_is_canonical(submission(1, 1, 0)));
    assert_true(request_is_canonical(submission(1, 1, CLIENT_TRANSACTION_SIZE_MAX)));
    assert_false(request_is_canonical(submission(1, 1, CLIENT_TRANSACTION_SIZE_MAX + 1)));
    assert_true(request_is_canonical(submission(CLIENT_COUNT_MAX, CLIENT_COUNT_MAX, 1)));
    assert_false(request_is_canonical(submission(CLIENT_COUNT_MAX + 1, CLIENT_COUNT_MAX + 1, 1)));
    assert_false(request_is_canonical(submission(UINT32_MAX, 1, 1)));
}

static void a_frame_over_the_limit_is_malformed(void **state)
{
    (void)state;
    static const uint8_t zeros[CLIENT_TRANSACTION_SIZE_MAX];
    const uint32_t fixed = CLIENT_HEADER_SIZE + 4;
    struct client_request request = {.id = 1, .kind = CLIENT_SUBMIT};
    struct writer w = writer_of(items, sizeof(items));
    for (; request.list.count < 15; request.list.count++)
        client_transaction_add(&w, slice_of(zeros, sizeof(zeros)));
    size_t left = CLIENT_FRAME_SIZE_MAX - fixed - (size_t)(w.at - w.start);
    client_transaction_add(&w, slice_of(zeros, left - 4));
    request.list.count++;
    request.list.items = writer_result(&w);
    struct slice bytes = encode_request(&request);
    assert_int_equal(bytes.size, CLIENT_FRAME_SIZE_MAX);
    assert_true(request_is_canonical(bytes));

    w.at -= left;
    client_transaction_add(&w, slice_of(zeros, left - 3));
    request.list.items = writer_result(&w);
    assert_false(request_is_canonical(encode_request(&request)));
}

static struct slice every_result(uint32_t *count)
{
    struct writer w = writer_of(items, sizeof(items));
    const struct hash id = {{1, 2, 3}};
    const struct client_result results[] = {
        {.status = CLIENT_OK, .id = id},
        {.status = CLIENT_PENDING, .id = id},
        {.status = CLIENT_EXECUTED, .id = id, .height = 1ull << 33, .index = 70000},
        {.status = CLIENT_EXECUTED, .id = id, .height = 5, .failed = true, .reason = text("funds")},
        {.status = CLIENT_DROPPED, .id = id, .reason = text("number used")},
        {.status = CLIENT_OVERLOADED, .retry_ms = 250},
        {.status = CLIENT_MALFORMED},
        {.status = CLIENT_INVALID, .reason = text("x")},
        {.status = CLIENT_UNKNOWN},
    };
    *count = sizeof(results) / sizeof(results[0]);
    for (uint32_t i = 0; i < *count; i++)
        client_result_add(&w, &results[i]);
    return writer_result(&w);
}

static void every_result_comes_back(void **state)
{
    (void)state;
    struct client_answer answer = {.id = 3, .kind = CLIENT_SUBMIT};
    answer.list.items = every_result(&answer.list.count);
    struct slice bytes = encode_answer(&answer);
    expect_exact(bytes, answer_is_canonical);

    struct client_answer decoded;
    assert_true(client_answer_decode(bytes, &decoded));
    assert_int_equal(decoded.id, 3);
    assert_int_equal(decoded.result.status, CLIENT_OK);
    struct slice rest = decoded.list.items;
    struct client_result r[9];
    for (unsigned i = 0; i < 9; i++)
        assert_true(client_result_next(&rest, &r[i]));
    assert_int_equal(rest.size, 0);
    assert_int_equal(r[0].id.bytes[2], 3);
    assert_int_equal(r[2].height, 1ull << 33);
    assert_int_equal(r[2].index, 70000);
    assert_false(r[2].failed);
    assert_true(r[3].failed);
    assert_true(slice_equal(r[3].reason, text("funds")));
    assert_true(slice_equal(r[4].reason, text("number used")));
    assert_int_equal(r[5].retry_ms, 250);
    assert_true(slice_equal(r[7].reason, text("x")));
    assert_int_equal(r[8].status, CLIENT_UNKNOWN);
}

static void every_kind_of_answer_comes_back(void **state)
{
    (void)state;
    struct client_answer answer = {.id = 1, .kind = CLIENT_ACCOUNT};
    answer.account = (struct client_account){5, 6, 2};
    expect_exact(encode_answer(&answer), answer_is_canonical);

    answer = (struct client_answer){.id = 2, .kind = CLIENT_BLOCK};
    answer.block = (struct client_block){.position = 1,
                                         .epoch = 2,
                                         .proposer = 3,
                                         .with_epoch = 4,
                                         .bad = true,
                                         .count = 5,
                                         .bytes = 6};
    struct slice bytes = encode_answer(&answer);
    expect_exact(bytes, answer_is_canonical);
    struct client_answer decoded;
    assert_true(client_answer_decode(bytes, &decoded));
    assert_int_equal(decoded.block.proposer, 3);
    assert_int_equal(decoded.block.with_epoch, 4);
    assert_int_equal(decoded.block.bytes, 6);

    answer = (struct client_answer){.id = 3, .kind = CLIENT_STATS};
    answer.json = text("{\"height\":12}");
    bytes = encode_answer(&answer);
    assert_true(answer_is_canonical(bytes));
    assert_true(client_answer_decode(bytes, &decoded));
    assert_true(slice_equal(decoded.json, answer.json));

    answer = (struct client_answer){.id = 4, .kind = CLIENT_RECEIPT, .json = text("{}")};
    assert_true(answer_is_canonical(encode_answer(&answer)));
    answer.result = (struct client_result){.status = CLIENT_PENDING};
    memset(&answer.result.id, 0x31, sizeof(answer.result.id));
    expect_exact(encode_answer(&answer), answer_is_canonical);
    answer.kind = CLIENT_CONSISTENCY;
    expect_exact(encode_answer(&answer), answer_is_canonical);
    answer.kind = CLIENT_HOLDING;
    expect_exact(encode_answer(&answer), answer_is_canonical);

    answer = (struct client_answer){.id = 4, .kind = CLIENT_BLOCK};
    answer.result.status = CLIENT_UNKNOWN;
    expect_exact(encode_answer(&answer), answer_is_canonical);
    answer.kind = CLIENT_SUBMIT;
    answer.result = (struct client_result){.status = CLIENT_OVERLOADED, .retry_ms = 100};
    expect_exact(encode_answer(&answer), answer_is_canonical);
    answer = (struct client_answer){.id = 0, .kind = CLIENT_NONE};
    answer.result.status = CLIENT_MALFORMED;
    expect_exact(encode_answer(&answer), answer_is_canonical);
}

/* Byte 10 is the status, byte 11 the length of the reason. */
static void what_an_answer_cannot_say_is_malformed(void **state)
{
    (void)state;
    struct client_answer answer = {.id = 1, .kind = CLIENT_ACCOUNT};
    answer.result = (struct client_result){.status = CLIENT_INVALID, .reason = text("word")};
    struct slice bytes = encode_answer(&answer);
    assert_true(answer_is_canonical(bytes));
    frame[12] = '\n';
    assert_false(answer_is_canonical(bytes));
    frame[12] = 0x80;
    assert_false(answer_is_canonical(bytes));
    frame[11] = 0;
    assert_false(answer_is_canonical(slice_of(bytes.data, 12)));

    answer.result = (struct client_result){.status = CLIENT_UNKNOWN};
    bytes = encode_answer(&answer);
    frame[10] = CLIENT_STATUSES;
    assert_false(answer_is_canonical(bytes));
    frame[10] = CLIENT_MALFORMED; /* Of kind NONE alone. */
    assert_false(answer_is_canonical(bytes));
    frame[10] = CLIENT_UNKNOWN;
    frame[9] = CLIENT_STATS; /* Which is never unknown. */
    assert_false(answer_is_canonical(bytes));

    static const uint8_t no_status[] = {CLIENT_STATUSES};
    struct slice rest = slice_of(no_status, 1);
    assert_false(client_result_next(&rest, &answer.result));

    answer = (struct client_answer){.id = 2, .kind = CLIENT_BLOCK};
    bytes = encode_answer(&answer);
    frame[11 + 8 + 8 + 2 + 8 + 32] = 2; /* A bool is 0 or 1. */
    assert_false(answer_is_canonical(bytes));
}

static struct slice events_of(uint32_t count, uint32_t leaves)
{
    static const uint8_t zeros[(CLIENT_LEAVES_MAX + 1) * CLIENT_LEAF_SIZE];
    struct writer w = writer_of(items, sizeof(items));
    for (uint32_t i = 0; i < count; i++) {
        const struct client_event event = {.block = {.position = 7 + i, .count = 9},
                                           .first = i,
                                           .count = leaves,
                                           .leaves =
                                               slice_of(zeros, (size_t)leaves * CLIENT_LEAF_SIZE)};
        client_event_add(&w, &event);
    }
    return writer_result(&w);
}

static void events_come_back_one_by_one(void **state)
{
    (void)state;
    struct client_answer answer = {.id = 5, .kind = CLIENT_EVENTS}, decoded;
    struct client_event event;
    expect_exact(encode_answer(&answer), answer_is_canonical); /* None, after some seconds. */
    answer.events.next = (struct client_cursor){9, 70000};
    answer.events.count = 3;
    answer.events.items = events_of(3, 2);
    struct slice bytes = encode_answer(&answer);
    expect_exact(bytes, answer_is_canonical);
    assert_true(client_answer_decode(bytes, &decoded));
    assert_int_equal(decoded.events.next.position, 9);
    assert_int_equal(decoded.events.next.index, 70000);
    struct slice rest = decoded.events.items;
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(client_event_next(&rest, &event));
        assert_int_equal(event.block.position, 7 + i);
        assert_int_equal(event.first, i);
        assert_int_equal(event.count, 2);
        assert_int_equal(event.leaves.size, 2 * CLIENT_LEAF_SIZE);
    }
    assert_false(client_event_next(&rest, &event));

    answer.result = (struct client_result){.status = CLIENT_INVALID, .reason = text("gone")};
    expect_exact(encode_answer(&answer), answer_is_canonical);
}

static void events_are_bounded(void **state)
{
    (void)state;
    struct client_answer answer = {.id = 5, .kind = CLIENT_EVENTS};
    answer.events.count = CLIENT_EVENTS_MAX;
    answer.events.items = events_of(CLIENT_EVENTS_MAX, CLIENT_LEAVES_MAX / CLIENT_EVENTS_MAX);
    struct slice bytes = encode_answer(&answer);
    assert_true(answer_is_canonical(bytes));
    enum { COUNT_AT = CLIENT_HEADER_SIZE + 1 + 8 + 4, LEAVES_AT = COUNT_AT + 4 + 103 + 4 };
    answer.events.count = 1;
    answer.events.items = events_of(1, 1);
    bytes = encode_answer(&answer);
    assert_true(answer_is_canonical(bytes));
    frame[LEAVES_AT + 3] = 0; /* Big-endian: the lowest byte is last. */
    assert_false(answer_is_canonical(bytes));
    frame[LEAVES_AT + 3] = 1;
    frame[COUNT_AT + 3] = 2;
    assert_false(answer_is_canonical(bytes));
    answer.events.items = events_of(1, CLIENT_LEAVES_MAX);
    assert_true(answer_is_canonical(encode_answer(&answer)));
    answer.events.items = events_of(1, CLIENT_LEAVES_MAX + 1);
    assert_false(answer_is_canonical(encode_answer(&answer)));
    answer.events.items = events_of(CLIENT_EVENTS_MAX + 1, 1);
    answer.events.count = CLIENT_EVENTS_MAX;
    bytes = encode_answer(&answer);
    frame[COUNT_AT + 3]++;
    assert_false(answer_is_canonical(bytes));
}

static void the_answer_to_the_longest_list_fits_its_frame(void **state)
{
    (void)state;
    char reason[CLIENT_REASON_MAX + 1];
    memset(reason, 'r', CLIENT_REASON_MAX);
    reason[CLIENT_REASON_MAX] = 0;
    const struct client_result longest = {
        .status = CLIENT_EXECUTED, .failed = true, .reason = text(reason)};
    struct client_answer answer = {.id = 1, .kind = CLIENT_TX};
    answer.list.count = CLIENT_COUNT_MAX;
    struct writer w = writer_of(items, sizeof(items));
    for (uint32_t i = 0; i < CLIENT_COUNT_MAX; i++)
        client_result_add(&w, &longest);
    answer.list.items = writer_result(&w);
    struct slice bytes = encode_answer(&answer);
    assert_in_range(bytes.size, 1, CLIENT_FRAME_SIZE_MAX);
    assert_true(answer_is_canonical(bytes));
}

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Bytes of which the first look right, and valid frames with one byte changed. */
static void random_bytes_never_crash_a_decoder(void **state)
{
    (void)state;
    uint64_t seed = 42;
    unsigned decoded = 0;
    for (unsigned i = 0; i < 200000; i++) {
        size_t size = random_next(&seed) % 80;
        uint8_t *bytes = malloc(size + 1);
        for (size_t j = 0; j < size; j++)
            bytes[j] = (uint8_t)(random_next(&seed) >> 32) & (random_next(&seed) % 4 ? 7 : 255);
        if (size > 0)
            bytes[0] = CLIENT_VERSION;
        decoded += request_is_canonical(slice_of(bytes, size));
        decoded += answer_is_canonical(slice_of(bytes, size));
        free(bytes);
    }
    assert_in_range(decoded, 100, 399999); /* Some do decode, or nothing was tried. */

    struct client_answer answer = {.id = 3, .kind = CLIENT_TX};
    answer.list.items = every_result(&answer.list.count);
    struct slice valid = encode_answer(&answer);
    for (size_t i = 0; i < valid.size; i++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t before = frame[i];
            frame[i] = (uint8_t)value;
            answer_is_canonical(valid);
            frame[i] = before;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_submission_comes_back_transaction_by_transaction),
        cmocka_unit_test(every_kind_of_request_comes_back),
        cmocka_unit_test(a_query_is_some_bytes),
        cmocka_unit_test(a_malformed_request_still_has_its_id),
        cmocka_unit_test(lists_and_transactions_are_bounded),
        cmocka_unit_test(a_frame_over_the_limit_is_malformed),
        cmocka_unit_test(every_result_comes_back),
        cmocka_unit_test(every_kind_of_answer_comes_back),
        cmocka_unit_test(what_an_answer_cannot_say_is_malformed),
        cmocka_unit_test(events_come_back_one_by_one),
        cmocka_unit_test(events_are_bounded),
        cmocka_unit_test(the_answer_to_the_longest_list_fits_its_frame),
        cmocka_unit_test(random_bytes_never_crash_a_decoder),
    };
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
