#include "net/client.h"

#include <assert.h>
#include <string.h>

enum { RESULT_SIZE_MAX = 1 + HASH_SIZE + 8 + 4 + 1 + 1 + CLIENT_REASON_MAX };
static_assert(CLIENT_HEADER_SIZE + 1 + 4 + CLIENT_COUNT_MAX * RESULT_SIZE_MAX <=
                  CLIENT_FRAME_SIZE_MAX,
              "the answer to the longest list fits");
enum { BLOCK_SIZE = 8 + 8 + 2 + 8 + HASH_SIZE + 1 + 4 + 8 + HASH_SIZE };
static_assert(CLIENT_HEADER_SIZE + 1 + 8 + 4 + 4 + CLIENT_EVENTS_MAX * (BLOCK_SIZE + 8) +
                      CLIENT_LEAVES_MAX * CLIENT_LEAF_SIZE <=
                  CLIENT_FRAME_SIZE_MAX,
              "and to the most events");
static_assert(CLIENT_STATUSES <= 32, "a set of statuses is a word");

#define STATUS(name) (1u << (name))

/* What an answer of each kind may say. */
static const uint32_t answer_statuses[CLIENT_KINDS] = {
    [CLIENT_NONE] = STATUS(CLIENT_MALFORMED) | STATUS(CLIENT_OVERLOADED),
    [CLIENT_SUBMIT] = STATUS(CLIENT_OK) | STATUS(CLIENT_OVERLOADED),
    [CLIENT_TX] = STATUS(CLIENT_OK) | STATUS(CLIENT_OVERLOADED),
    [CLIENT_ACCOUNT] = STATUS(CLIENT_OK) | STATUS(CLIENT_OVERLOADED) | STATUS(CLIENT_UNKNOWN) |
                       STATUS(CLIENT_INVALID),
    [CLIENT_BLOCK] = STATUS(CLIENT_OK) | STATUS(CLIENT_OVERLOADED) | STATUS(CLIENT_UNKNOWN),
    [CLIENT_STATUS] = STATUS(CLIENT_OK) | STATUS(CLIENT_OVERLOADED),
    [CLIENT_STATS] = STATUS(CLIENT_OK) | STATUS(CLIENT_OVERLOADED),
    [CLIENT_RECEIPT] = STATUS(CLIENT_OK) | STATUS(CLIENT_OVERLOADED) | STATUS(CLIENT_UNKNOWN) |
                       STATUS(CLIENT_PENDING),
    [CLIENT_HOLDING] = STATUS(CLIENT_OK) | STATUS(CLIENT_OVERLOADED) | STATUS(CLIENT_UNKNOWN) |
                       STATUS(CLIENT_PENDING) | STATUS(CLIENT_INVALID),
    [CLIENT_CONSISTENCY] = STATUS(CLIENT_OK) | STATUS(CLIENT_OVERLOADED) | STATUS(CLIENT_UNKNOWN) |
                           STATUS(CLIENT_PENDING),
    [CLIENT_EVENTS] = STATUS(CLIENT_OK) | STATUS(CLIENT_OVERLOADED) | STATUS(CLIENT_INVALID),
    [CLIENT_QUERY] = STATUS(CLIENT_OK) | STATUS(CLIENT_OVERLOADED) | STATUS(CLIENT_INVALID),
};

const char *client_status_name(enum client_status status)
{
    static const char *const names[CLIENT_STATUSES] = {
        "OK", "PENDING", "EXECUTED", "DROPPED", "OVERLOADED", "MALFORMED", "INVALID", "UNKNOWN",
    };
    assert(status < CLIENT_STATUSES);
    return names[status];
}

static struct slice rest_of(struct reader *r) { return read_slice(r, reader_left(r)); }

/* A bool has one encoding of each value. */
static bool read_bool(struct reader *r)
{
    uint8_t value = read_u8(r);
    if (value > 1)
        r->ok = false;
    return value == 1;
}

static void write_reason(struct writer *w, struct slice reason)
{
    assert(reason.size >= 1 && reason.size <= CLIENT_REASON_MAX);
    write_u8(w, (uint8_t)reason.size);
    write_slice(w, reason);
}

static struct slice read_reason(struct reader *r)
{
    struct slice reason = read_slice(r, read_u8(r));
    bool printable = reason.size >= 1 && reason.size <= CLIENT_REASON_MAX;
    for (size_t i = 0; i < reason.size && printable; i++)
        printable = reason.data[i] >= ' ' && reason.data[i] <= '~';
    if (!printable)
        r->ok = false;
    return reason;
}

static void write_fields(struct writer *w, const struct client_result *result)
{
    write_bytes(w, result->id.bytes, HASH_SIZE);
    if (result->status == CLIENT_EXECUTED) {
        write_u64(w, result->height);
        write_u32(w, result->index);
        write_u8(w, result->failed);
    }
    if (result->status == CLIENT_DROPPED || result->failed)
        write_reason(w, result->reason);
}

/* The answer to a list has no id of its own: `listed` says whether OK has one. */
static void write_result(struct writer *w, const struct client_result *result, bool listed)
{
    assert(!result->failed || result->status == CLIENT_EXECUTED);
    write_u8(w, (uint8_t)result->status);
    switch (result->status) {
    case CLIENT_OK:
        if (listed)
            write_fields(w, result);
        break;
    case CLIENT_PENDING:
    case CLIENT_EXECUTED:
    case CLIENT_DROPPED: write_fields(w, result); break;
    case CLIENT_OVERLOADED: write_u32(w, result->retry_ms); break;
    case CLIENT_INVALID: write_reason(w, result->reason); break;
    case CLIENT_MALFORMED:
    case CLIENT_UNKNOWN:
    case CLIENT_STATUSES: break;
    }
}

static void read_fields(struct reader *r, struct client_result *result)
{
    read_into(r, result->id.bytes, HASH_SIZE);
    if (result->status == CLIENT_EXECUTED) {
        result->height = read_u64(r);
        result->index = read_u32(r);
        result->failed = read_bool(r);
    }
    if (result->status == CLIENT_DROPPED || result->failed)
        result->reason = read_reason(r);
}

static void read_result(struct reader *r, struct client_result *result, uint32_t allowed,
                        bool listed)
{
    *result = (struct client_result){0};
    uint8_t status = read_u8(r);
    if (status >= CLIENT_STATUSES || !(allowed & STATUS(status))) {
        r->ok = false;
        return;
    }
    result->status = (enum client_status)status;
    switch (result->status) {
    case CLIENT_OK:
        if (listed)
            read_fields(r, result);
        break;
    case CLIENT_PENDING:
    case CLIENT_EXECUTED:
    case CLIENT_DROPPED: read_fields(r, result); break;
    case CLIENT_OVERLOADED: result->retry_ms = read_u32(r); break;
    case CLIENT_INVALID: result->reason = read_reason(r); break;
    case CLIENT_MALFORMED:
    case CLIENT_UNKNOWN:
    case CLIENT_STATUSES: break;
    }
}

static bool next_result(struct reader *r, struct client_result *result)
{
    read_result(r, result, ~0u, true);
    return r->ok;
}

static bool next_transaction(struct reader *r, struct slice *transaction)
{
    uint32_t size = read_u32(r);
    *transaction = read_slice(r, size);
    if (size < 1 || size > CLIENT_TRANSACTION_SIZE_MAX)
        r->ok = false;
    return r->ok;
}

void client_transaction_add(struct writer *w, struct slice transaction)
{
    assert(transaction.size >= 1 && transaction.size <= CLIENT_TRANSACTION_SIZE_MAX);
    write_u32(w, (uint32_t)transaction.size);
    write_slice(w, transaction);
}

bool client_transaction_next(struct slice *rest, struct slice *transaction)
{
    struct reader r = reader_of(*rest);
    if (reader_left(&r) == 0 || !next_transaction(&r, transaction))
        return false;
    *rest = rest_of(&r);
    return true;
}

void client_result_add(struct writer *w, const struct client_result *result)
{
    write_result(w, result, true);
}

bool client_result_next(struct slice *rest, struct client_result *result)
{
    struct reader r = reader_of(*rest);
    if (reader_left(&r) == 0 || !next_result(&r, result))
        return false;
    *rest = rest_of(&r);
    return true;
}

static void write_header(struct writer *w, uint64_t id, enum client_kind kind)
{
    assert(kind < CLIENT_KINDS);
    write_u8(w, CLIENT_VERSION);
    write_u64(w, id);
    write_u8(w, (uint8_t)kind);
}

/* The id is 0 when it could not be read. */
static enum client_kind read_header(struct reader *r, uint64_t *id)
{
    uint8_t version = read_u8(r);
    *id = read_u64(r);
    uint8_t kind = read_u8(r);
    if (version != CLIENT_VERSION || kind >= CLIENT_KINDS)
        r->ok = false;
    return r->ok ? (enum client_kind)kind : CLIENT_NONE;
}

static uint32_t read_count(struct reader *r)
{
    uint32_t count = read_u32(r);
    if (count < 1 || count > CLIENT_COUNT_MAX)
        r->ok = false;
    return r->ok ? count : 0;
}

static void write_cursor(struct writer *w, const struct client_cursor *cursor)
{
    write_u64(w, cursor->position);
    write_u32(w, cursor->index);
}

static void read_cursor(struct reader *r, struct client_cursor *cursor)
{
    cursor->position = read_u64(r);
    cursor->index = read_u32(r);
}

void client_request_encode(struct writer *w, const struct client_request *request)
{
    write_header(w, request->id, request->kind);
    switch (request->kind) {
    case CLIENT_SUBMIT:
    case CLIENT_TX:
        assert(request->list.count >= 1 && request->list.count <= CLIENT_COUNT_MAX);
        write_u32(w, request->list.count);
        write_slice(w, request->list.items);
        break;
    case CLIENT_ACCOUNT:
    case CLIENT_HOLDING: write_bytes(w, request->key, CLIENT_KEY_SIZE); break;
    case CLIENT_BLOCK:
    case CLIENT_CONSISTENCY: write_u64(w, request->position); break;
    case CLIENT_RECEIPT: write_bytes(w, request->transaction.bytes, HASH_SIZE); break;
    case CLIENT_EVENTS: write_cursor(w, &request->cursor); break;
    case CLIENT_QUERY:
        assert(request->query.size >= 1 && request->query.size <= CLIENT_QUERY_MAX);
        write_slice(w, request->query);
        break;
    case CLIENT_STATUS:
    case CLIENT_STATS: break;
    case CLIENT_NONE:
    case CLIENT_KINDS: assert(false);
    }
}

static void read_transactions(struct reader *r, struct client_request *request)
{
    request->list.count = read_count(r);
    struct reader items = *r;
    struct slice transaction;
    for (uint32_t i = 0; i < request->list.count && r->ok; i++)
        next_transaction(r, &transaction);
    request->list.items = read_slice(&items, (size_t)(r->at - items.at));
}

bool client_request_decode(struct slice frame, struct client_request *request)
{
    struct reader r = reader_of(frame);
    *request = (struct client_request){0};
    request->kind = read_header(&r, &request->id);
    switch (request->kind) {
    case CLIENT_SUBMIT: read_transactions(&r, request); break;
    case CLIENT_TX:
        request->list.count = read_count(&r);
        request->list.items = read_slice(&r, (size_t)request->list.count * HASH_SIZE);
        break;
    case CLIENT_ACCOUNT:
    case CLIENT_HOLDING: read_into(&r, request->key, CLIENT_KEY_SIZE); break;
    case CLIENT_BLOCK:
    case CLIENT_CONSISTENCY: request->position = read_u64(&r); break;
    case CLIENT_RECEIPT: read_into(&r, request->transaction.bytes, HASH_SIZE); break;
    case CLIENT_EVENTS: read_cursor(&r, &request->cursor); break;
    case CLIENT_QUERY:
        request->query = rest_of(&r);
        r.ok = r.ok && request->query.size >= 1 && request->query.size <= CLIENT_QUERY_MAX;
        break;
    case CLIENT_STATUS:
    case CLIENT_STATS: break;
    case CLIENT_NONE:
    case CLIENT_KINDS: return false;
    }
    return reader_finished(&r) && frame.size <= CLIENT_FRAME_SIZE_MAX;
}

static void write_block(struct writer *w, const struct client_block *block)
{
    write_u64(w, block->position);
    write_u64(w, block->epoch);
    write_u16(w, block->proposer);
    write_u64(w, block->with_epoch);
    write_bytes(w, block->commitment.bytes, HASH_SIZE);
    write_u8(w, block->bad);
    write_u32(w, block->count);
    write_u64(w, block->bytes);
    write_bytes(w, block->root.bytes, HASH_SIZE);
}

static void read_block(struct reader *r, struct client_block *block)
{
    block->position = read_u64(r);
    block->epoch = read_u64(r);
    block->proposer = read_u16(r);
    block->with_epoch = read_u64(r);
    read_into(r, block->commitment.bytes, HASH_SIZE);
    block->bad = read_bool(r);
    block->count = read_u32(r);
    block->bytes = read_u64(r);
    read_into(r, block->root.bytes, HASH_SIZE);
}

void client_event_add(struct writer *w, const struct client_event *event)
{
    assert(event->leaves.size == (size_t)event->count * CLIENT_LEAF_SIZE);
    write_block(w, &event->block);
    write_u32(w, event->first);
    write_u32(w, event->count);
    write_slice(w, event->leaves);
}

static bool next_event(struct reader *r, struct client_event *event)
{
    read_block(r, &event->block);
    event->first = read_u32(r);
    event->count = read_u32(r);
    if (event->count > CLIENT_LEAVES_MAX)
        r->ok = false;
    event->leaves = read_slice(r, r->ok ? (size_t)event->count * CLIENT_LEAF_SIZE : 0);
    return r->ok;
}

bool client_event_next(struct slice *rest, struct client_event *event)
{
    struct reader r = reader_of(*rest);
    if (reader_left(&r) == 0 || !next_event(&r, event))
        return false;
    *rest = rest_of(&r);
    return true;
}

void client_answer_encode(struct writer *w, const struct client_answer *answer)
{
    write_header(w, answer->id, answer->kind);
    assert(answer_statuses[answer->kind] & STATUS(answer->result.status));
    write_result(w, &answer->result, false);
    if (answer->result.status != CLIENT_OK)
        return;
    switch (answer->kind) {
    case CLIENT_SUBMIT:
    case CLIENT_TX:
        assert(answer->list.count >= 1 && answer->list.count <= CLIENT_COUNT_MAX);
        write_u32(w, answer->list.count);
        write_slice(w, answer->list.items);
        break;
    case CLIENT_ACCOUNT:
        write_u64(w, answer->account.balance);
        write_u64(w, answer->account.sequence);
        write_u64(w, answer->account.used);
        break;
    case CLIENT_BLOCK: write_block(w, &answer->block); break;
    case CLIENT_EVENTS:
        assert(answer->events.count <= CLIENT_EVENTS_MAX);
        write_cursor(w, &answer->events.next);
        write_u32(w, answer->events.count);
        write_slice(w, answer->events.items);
        break;
    case CLIENT_STATUS:
    case CLIENT_STATS:
    case CLIENT_RECEIPT:
    case CLIENT_HOLDING:
    case CLIENT_CONSISTENCY: write_slice(w, answer->json); break;
    case CLIENT_QUERY: write_slice(w, answer->bytes); break;
    case CLIENT_NONE:
    case CLIENT_KINDS: assert(false);
    }
}

static void read_results(struct reader *r, struct client_answer *answer)
{
    answer->list.count = read_count(r);
    struct reader items = *r;
    struct client_result result;
    for (uint32_t i = 0; i < answer->list.count && r->ok; i++)
        next_result(r, &result);
    answer->list.items = read_slice(&items, (size_t)(r->at - items.at));
}

static void read_events(struct reader *r, struct client_answer *answer)
{
    read_cursor(r, &answer->events.next);
    answer->events.count = read_u32(r);
    r->ok = r->ok && answer->events.count <= CLIENT_EVENTS_MAX;
    struct reader items = *r;
    struct client_event event;
    for (uint32_t i = 0; r->ok && i < answer->events.count; i++)
        next_event(r, &event);
    answer->events.items = read_slice(&items, (size_t)(r->at - items.at));
}

static void read_body(struct reader *r, struct client_answer *answer)
{
    switch (answer->kind) {
    case CLIENT_SUBMIT:
    case CLIENT_TX: read_results(r, answer); break;
    case CLIENT_ACCOUNT:
        answer->account.balance = read_u64(r);
        answer->account.sequence = read_u64(r);
        answer->account.used = read_u64(r);
        break;
    case CLIENT_BLOCK: read_block(r, &answer->block); break;
    case CLIENT_EVENTS: read_events(r, answer); break;
    case CLIENT_STATUS:
    case CLIENT_STATS:
    case CLIENT_RECEIPT:
    case CLIENT_HOLDING:
    case CLIENT_CONSISTENCY: answer->json = rest_of(r); break;
    case CLIENT_QUERY: answer->bytes = rest_of(r); break;
    case CLIENT_NONE:
    case CLIENT_KINDS: break;
    }
}

bool client_answer_decode(struct slice frame, struct client_answer *answer)
{
    struct reader r = reader_of(frame);
    *answer = (struct client_answer){0};
    answer->kind = read_header(&r, &answer->id);
    if (!r.ok)
        return false;
    read_result(&r, &answer->result, answer_statuses[answer->kind], false);
    if (answer->result.status == CLIENT_OK)
        read_body(&r, answer);
    return reader_finished(&r) && frame.size <= CLIENT_FRAME_SIZE_MAX;
}
