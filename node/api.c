#include "node/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/api_private.h"

struct api *api_new(const struct api_options *options)
{
    struct api *a = calloc(1, sizeof(*a));
    if (a)
        a->options = *options;
    return a;
}

void api_free(struct api *a) { free(a); }

void api_say(struct http_answer *answer, unsigned status, char *text)
{
    const size_t size = text ? strlen(text) : 0;
    char *line = text ? realloc(text, size + 2) : NULL;
    if (!line)
        abort();
    if (size == 0 || line[size - 1] != '\n')
        memcpy(line + size, "\n", 2);
    *answer = (struct http_answer){
        .status = status, .type = "application/json", .text = line, .size = strlen(line)};
}

void api_refuse(struct http_answer *answer, unsigned status, const char *sentence)
{
    api_say(answer, status, json_text(json_pack("{s:s}", "error", sentence)));
}

void api_overloaded(struct http_answer *answer, unsigned retry_ms)
{
    const struct client_result result = {.status = CLIENT_OVERLOADED, .retry_ms = retry_ms};
    api_say(answer, 503, json_text(json_outcome(NULL, &result)));
    answer->retry_s = (retry_ms + 999) / 1000;
}

static void answer_outcome(const struct call *call, const struct client_result *result,
                           struct http_answer *answer)
{
    static const unsigned statuses[CLIENT_STATUSES] = {
        [CLIENT_OK] = 202,         [CLIENT_PENDING] = 202,   [CLIENT_EXECUTED] = 200,
        [CLIENT_DROPPED] = 200,    [CLIENT_MALFORMED] = 400, [CLIENT_INVALID] = 422,
        [CLIENT_OVERLOADED] = 503, [CLIENT_UNKNOWN] = 404};
    const bool named = result->status != CLIENT_OVERLOADED && result->status != CLIENT_MALFORMED &&
                       result->status != CLIENT_INVALID;
    struct hash id = result->id;
    if (result->status == CLIENT_UNKNOWN)
        memcpy(id.bytes, call->items, HASH_SIZE);
    if (result->status == CLIENT_OVERLOADED) {
        api_overloaded(answer, result->retry_ms);
        return;
    }
    api_say(answer, statuses[result->status], json_text(json_outcome(named ? &id : NULL, result)));
    if (result->status == CLIENT_PENDING && !call->posted)
        answer->status = 200;
}

/* Why there is something that cannot be. */
static void answer_invalid(const struct client_answer *from, struct http_answer *answer)
{
    char reason[CLIENT_REASON_MAX + 1];
    const struct slice why = from->result.reason;
    snprintf(reason, sizeof(reason), "%.*s", (int)why.size, (const char *)why.data);
    api_refuse(answer, 404, reason);
}

static void answer_proof(const struct client_answer *from, struct http_answer *answer)
{
    if (from->result.status == CLIENT_OK)
        api_say(answer, 200, strndup((const char *)from->json.data, from->json.size));
    else if (from->result.status == CLIENT_INVALID)
        answer_invalid(from, answer);
    else if (from->kind == CLIENT_HOLDING && from->result.status == CLIENT_UNKNOWN)
        api_refuse(answer, 404, "no such account here: it has never received or sent anything");
    else if (from->result.status == CLIENT_PENDING)
        api_refuse(answer, 409, "no signed checkpoint stands for it yet: ask again");
    else
        api_refuse(answer, 404,
                   "it is not executed here, or its proof came with a snapshot: ask "
                   "another node");
}

static void answer_account(const struct call *call, const struct client_answer *from,
                           struct http_answer *answer)
{
    if (from->result.status == CLIENT_INVALID)
        answer_invalid(from, answer);
    else
        api_say(answer, 200, json_text(json_account(call->question.request.key, &from->account)));
}

static void answer_blocks(const struct call *call, const struct client_answer *from,
                          struct http_answer *answer)
{
    if (from->result.status != CLIENT_OK)
        api_refuse(answer, 404, "no such block here, or not yet");
    else if (call->question.form == REQUEST_ARRAY)
        api_say(answer, 200, strndup((const char *)from->json.data, from->json.size));
    else
        api_say(answer, 200, json_text(json_block(&from->block)));
}

/* What an application of its own says. */
static void answer_query(const struct client_answer *from, struct http_answer *answer)
{
    if (from->result.status != CLIENT_OK) {
        answer_invalid(from, answer);
        return;
    }
    char *hex = malloc(2 * from->bytes.size + 1);
    if (!hex)
        abort();
    hex_encode(from->bytes, hex);
    api_say(answer, 200, json_text(json_pack("{s:s}", "answer", hex)));
    free(hex);
}

static void translate(const struct call *call, const struct client_answer *from,
                      struct http_answer *answer)
{
    struct client_result result = {.status = CLIENT_UNKNOWN};
    struct slice rest;
    if (from->result.status == CLIENT_OVERLOADED) {
        api_overloaded(answer, from->result.retry_ms);
        return;
    }
    switch (from->kind) {
    case CLIENT_SUBMIT:
    case CLIENT_TX:
        rest = from->list.items;
        client_result_next(&rest, &result);
        answer_outcome(call, &result, answer);
        break;
    case CLIENT_RECEIPT:
    case CLIENT_HOLDING:
    case CLIENT_CONSISTENCY: answer_proof(from, answer); break;
    case CLIENT_ACCOUNT: answer_account(call, from, answer); break;
    case CLIENT_BLOCK: answer_blocks(call, from, answer); break;
    case CLIENT_QUERY: answer_query(from, answer); break;
    case CLIENT_NONE:
    case CLIENT_STATUS:
    case CLIENT_STATS:
    case CLIENT_EVENTS:
    case CLIENT_KINDS: api_refuse(answer, 500, "there is no such question"); break;
    }
}

/* Who has submitted and wants to hear how it ends: whether the question for that is asked. */
static bool ask_how_it_ends(struct call *call, const struct client_answer *from)
{
    struct service_question *q = &call->question;
    struct client_result result;
    struct slice rest = from->list.items;
    if (from->kind != CLIENT_SUBMIT || call->wait_ms == 0 || !client_result_next(&rest, &result) ||
        (result.status != CLIENT_OK && result.status != CLIENT_PENDING))
        return false;
    memcpy(call->items, result.id.bytes, HASH_SIZE);
    q->request = (struct client_request){
        .kind = CLIENT_TX, .list = {.count = 1, .items = slice_of(call->items, HASH_SIZE)}};
    q->wait_ms = call->wait_ms;
    q->bytes = 0;
    return service_ask(call->api->options.service, q);
}

static void forget(void *context) { ((struct call *)context)->http = NULL; }
static bool gone(const void *asker) { return !((const struct call *)asker)->http; }

static void answered(void *asker, const struct client_answer *from)
{
    struct call *call = asker;
    struct http_answer answer;
    if (from && call->http && ask_how_it_ends(call, from))
        return;
    if (from)
        translate(call, from, &answer);
    else
        api_refuse(&answer, 503, "the node stops");
    if (call->http)
        http_answer_call(call->http, &answer);
    else
        free(answer.text);
    free(call);
}

struct call *api_call(struct api *a, enum client_kind kind, size_t items)
{
    struct call *call = calloc(1, sizeof(*call) + (items > HASH_SIZE ? items : HASH_SIZE));
    if (!call)
        abort();
    call->api = a;
    call->question = (struct service_question){
        .request = {.kind = kind}, .answer = answered, .gone = gone, .asker = call};
    return call;
}

void api_ask(struct call *call, const struct http_request *request, struct http_answer *answer)
{
    call->question.client = http_client(request);
    call->http = http_defer(request, forget, call);
    if (service_ask(call->api->options.service, &call->question))
        return;
    api_overloaded(answer, service_retry_ms(call->api->options.service));
    http_answer_call(call->http, answer);
    free(call);
}

/* {"transaction": hex}: its bytes; 0: it is something else. */
static size_t read_transaction(const struct http_request *request,
                               uint8_t bytes[CLIENT_TRANSACTION_SIZE_MAX])
{
    json_t *o = json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, NULL);
    const char *hex = NULL;
    size_t size = 0;
    if (json_unpack(o, "{s:s!}", "transaction", &hex) == 0 &&
        strlen(hex) <= 2 * CLIENT_TRANSACTION_SIZE_MAX && strlen(hex) % 2 == 0 &&
        hex_decode(hex, bytes, strlen(hex) / 2))
        size = strlen(hex) / 2;
    json_decref(o);
    return size;
}

void api_submit(struct api *a, const struct http_request *request, struct http_answer *answer)
{
    static uint8_t bytes[CLIENT_TRANSACTION_SIZE_MAX];
    const char *type = http_header(request, "Content-Type");
    uint32_t wait_ms;
    if (!type || strncmp(type, "application/json", strlen("application/json")) != 0) {
        api_refuse(answer, 415, "a body is application/json");
        return;
    }
    if (!api_wait(request, &wait_ms, answer))
        return;
    const size_t size = read_transaction(request, bytes);
    if (size == 0) {
        api_refuse(answer, 400, "a body is {\"transaction\": HEX}, 1 to 65536 bytes in hex digits");
        return;
    }
    struct call *call = api_call(a, CLIENT_SUBMIT, 4 + size);
    struct writer w = writer_of(call->items, 4 + size);
    client_transaction_add(&w, slice_of(bytes, size));
    call->posted = true;
    call->wait_ms = wait_ms;
    call->question.request.list.count = 1;
    call->question.request.list.items = writer_result(&w);
    call->question.bytes = sizeof(*call) + 4 + size;
    api_ask(call, request, answer);
}
