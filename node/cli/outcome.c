#include "node/cli/outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_POLL_MS = 20 };

static const char *outcome_word(const struct client_result *r)
{
    switch (r->status) {
    case CLIENT_OK: return "accepted";
    case CLIENT_PENDING: return "pending";
    case CLIENT_EXECUTED: return r->failed ? "failed" : "executed";
    case CLIENT_DROPPED: return "dropped";
    case CLIENT_OVERLOADED: return "overloaded";
    case CLIENT_MALFORMED: return "malformed";
    case CLIENT_INVALID: return "invalid";
    case CLIENT_UNKNOWN:
    case CLIENT_STATUSES: break;
    }
    return "unknown";
}

static bool has_reason(const struct client_result *r)
{
    return r->status == CLIENT_DROPPED || r->status == CLIENT_INVALID || r->failed;
}

/* The node's phrase for people begins with the word that stands before it here. */
static struct slice bare_reason(struct slice reason)
{
    static const char *const words[] = {"failed: ", "ignored: "};
    for (unsigned k = 0; k < 2; k++) {
        size_t size = strlen(words[k]);
        if (reason.size > size && memcmp(reason.data, words[k], size) == 0)
            return slice_of(reason.data + size, reason.size - size);
    }
    return reason;
}

void outcome_describe(const struct client_result *r, char text[OUTCOME_TEXT_MAX])
{
    char place[64] = "";
    if (r->status == CLIENT_EXECUTED)
        snprintf(place, sizeof place, " at height %" PRIu64 ", index %" PRIu32, r->height,
                 r->index);
    struct slice reason = has_reason(r) ? bare_reason(r->reason) : slice_of("", 0);
    snprintf(text, OUTCOME_TEXT_MAX, "%s%s%s%.*s", outcome_word(r), place, reason.size ? ": " : "",
             (int)reason.size, (const char *)reason.data);
}

json_t *outcome_json(const struct hash *id, const struct client_result *r)
{
    json_t *o = json_object();
    json_object_set_new(o, "id", json_hash(id));
    json_object_set_new(o, "outcome", json_string(outcome_word(r)));
    if (r->status == CLIENT_EXECUTED) {
        json_object_set_new(o, "height", json_count(r->height));
        json_object_set_new(o, "index", json_integer(r->index));
    }
    if (has_reason(r))
        json_object_set_new(o, "reason",
                            json_stringn((const char *)r->reason.data, r->reason.size));
    return o;
}

void outcome_print(const struct target *t, const struct hash *id, const struct client_result *r)
{
    char hex[2 * HASH_SIZE + 1];
    char text[OUTCOME_TEXT_MAX];
    if (t->json) {
        json_print(outcome_json(id, r));
        return;
    }
    hex_encode(hash_slice(id), hex);
    outcome_describe(r, text);
    printf("%s %s\n", hex, text);
}

int outcome_failed(const struct target *t, const struct client_result *r)
{
    char text[OUTCOME_TEXT_MAX];
    const unsigned node = (unsigned)t->node;
    if (r->status == CLIENT_OVERLOADED)
        return say_failed(t->command,
                          "node %u puts it off: it is overloaded, or the number is too far above "
                          "the lowest unused one; try again in %u ms",
                          node, (unsigned)r->retry_ms);
    if (r->status == CLIENT_UNKNOWN)
        return say_failed(t->command, "node %u does not know it, and it is not in the ledger",
                          node);
    outcome_describe(r, text);
    return say_failed(t->command, "%s", text);
}

int outcome_ask(struct target *t, const struct hash *id, struct client_result *result)
{
    struct client_request request = {.kind = CLIENT_TX,
                                     .list = {.count = 1, .items = hash_slice(id)}};
    struct client_answer answer;
    int status = target_ask(t, &request, &answer);
    if (status != EXIT_DONE)
        return status;
    struct slice rest = answer.list.items;
    if (client_result_next(&rest, result))
        return EXIT_DONE;
    return say_failed(t->command, "node %u answered without a result", (unsigned)t->node);
}

int outcome_wait(struct target *t, const struct hash *id, unsigned limit_s,
                 struct client_result *result)
{
    const uint64_t deadline_ms = clock_ms() + limit_s * 1000ull;
    for (;;) {
        int status = outcome_ask(t, id, result);
        if (status != EXIT_DONE || result->status != CLIENT_PENDING || clock_ms() >= deadline_ms)
            return status;
        clock_sleep_ms(WAIT_POLL_MS);
    }
}

int outcome_submit(struct target *t, struct slice transaction, struct client_result *result)
{
    static uint8_t items[4 + CLIENT_TRANSACTION_SIZE_MAX];
    struct writer w = writer_of(items, sizeof items);
    client_transaction_add(&w, transaction);
    const uint64_t deadline_ms = clock_ms() + t->timeout_s * 1000;
    for (;;) {
        struct client_request request = {.kind = CLIENT_SUBMIT,
                                         .list = {.count = 1, .items = writer_result(&w)}};
        struct client_answer answer;
        int status = target_ask(t, &request, &answer);
        if (status != EXIT_DONE)
            return status;
        struct slice rest = answer.list.items;
        if (!client_result_next(&rest, result))
            return say_failed(t->command, "node %u answered without a result", (unsigned)t->node);
        if (result->status != CLIENT_OVERLOADED || clock_ms() + result->retry_ms >= deadline_ms)
            return EXIT_DONE;
        clock_sleep_ms(result->retry_ms);
    }
}
