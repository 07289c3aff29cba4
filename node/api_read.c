/* What is asked for by address. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/api_private.h"

enum {
    WAIT_S_MAX = SERVICE_WAIT_MS_MAX / 1000,
    BLOCKS = 20, /* If nobody says how many. */
};

static const char prefix[] = "/v1/";

static bool read_number(const char *text, uint64_t max, uint64_t *value)
{
    *value = 0;
    for (const char *c = text; *c; c++) {
        const uint64_t digit = (uint64_t)(*c - '0');
        if (*c < '0' || *c > '9' || *value > (max - digit) / 10 || digit > max)
            return false;
        *value = *value * 10 + digit;
    }
    return *text != '\0';
}

bool api_number(const struct http_request *request, const char *name, uint64_t max, uint64_t *value)
{
    const char *text = http_argument(request, name);
    return !text || read_number(text, max, value);
}

bool api_wait(const struct http_request *request, uint32_t *wait_ms, struct http_answer *answer)
{
    uint64_t wait_s = 0;
    if (!api_number(request, "wait", WAIT_S_MAX, &wait_s)) {
        char sentence[64];
        snprintf(sentence, sizeof(sentence), "wait is a number of seconds, at most %d", WAIT_S_MAX);
        api_refuse(answer, 400, sentence);
        return false;
    }
    *wait_ms = (uint32_t)wait_s * 1000;
    return true;
}

/* transactions/ID, transactions/ID/receipt */
static void read_transactions(struct api *a, const char *rest, const struct http_request *request,
                              struct http_answer *answer)
{
    static const char receipt[] = "/receipt";
    char hex[2 * HASH_SIZE + 1];
    struct hash id;
    uint32_t wait_ms;
    snprintf(hex, sizeof(hex), "%s", rest);
    const char *more = rest + strlen(hex);
    if (!hex_decode(hex, id.bytes, HASH_SIZE) || (*more && strcmp(more, receipt) != 0)) {
        api_refuse(answer, 404, "an id has 64 hex digits; after it may be /receipt");
        return;
    }
    if (!api_wait(request, &wait_ms, answer))
        return;
    struct call *call = api_call(a, *more ? CLIENT_RECEIPT : CLIENT_TX, HASH_SIZE);
    struct client_request *q = &call->question.request;
    memcpy(call->items, id.bytes, HASH_SIZE);
    if (*more) {
        q->transaction = id;
    } else {
        q->list.count = 1;
        q->list.items = slice_of(call->items, HASH_SIZE);
    }
    call->question.wait_ms = wait_ms;
    api_ask(call, request, answer);
}

/* accounts/KEY, accounts/KEY/proof */
static void read_account(struct api *a, const char *rest, const struct http_request *request,
                         struct http_answer *answer)
{
    char hex[2 * CLIENT_KEY_SIZE + 1];
    uint8_t key[CLIENT_KEY_SIZE];
    uint32_t wait_ms = 0;
    snprintf(hex, sizeof(hex), "%s", rest);
    const char *more = rest + strlen(hex);
    if (!hex_decode(hex, key, sizeof(key)) || (*more && strcmp(more, "/proof") != 0)) {
        api_refuse(answer, 404,
                   "an account is its public key, 64 hex digits; after it may be "
                   "/proof");
        return;
    }
    if (*more && !api_wait(request, &wait_ms, answer))
        return;
    struct call *call = api_call(a, *more ? CLIENT_HOLDING : CLIENT_ACCOUNT, 0);
    memcpy(call->question.request.key, key, sizeof(key));
    call->question.wait_ms = wait_ms;
    api_ask(call, request, answer);
}

static void read_blocks(struct api *a, const struct http_request *request,
                        struct http_answer *answer)
{
    uint64_t from = CLIENT_FROM_END, count = BLOCKS;
    if (!api_number(request, "from", INT64_MAX, &from) ||
        !api_number(request, "count", API_BLOCKS_MAX, &count)) {
        char sentence[80];
        snprintf(sentence, sizeof(sentence), "from is a position, count a number, at most %d",
                 API_BLOCKS_MAX);
        api_refuse(answer, 400, sentence);
        return;
    }
    struct call *call = api_call(a, CLIENT_BLOCK, 0);
    call->question.request.position = from;
    call->question.form = REQUEST_ARRAY;
    call->question.count = (uint32_t)count;
    api_ask(call, request, answer);
}

static void read_block(struct api *a, const char *text, const struct http_request *request,
                       struct http_answer *answer)
{
    uint64_t position;
    if (!read_number(text, INT64_MAX, &position)) {
        api_refuse(answer, 404, "a block has a position, a number");
        return;
    }
    struct call *call = api_call(a, CLIENT_BLOCK, 0);
    call->question.request.position = position;
    api_ask(call, request, answer);
}

static void read_consistency(struct api *a, const struct http_request *request,
                             struct http_answer *answer)
{
    uint64_t height = 0;
    uint32_t wait_ms;
    if (!api_number(request, "height", INT64_MAX, &height) || height == 0) {
        api_refuse(answer, 400, "height is a number of blocks, at least 1");
        return;
    }
    if (!api_wait(request, &wait_ms, answer))
        return;
    struct call *call = api_call(a, CLIENT_CONSISTENCY, 0);
    call->question.request.position = height;
    call->question.wait_ms = wait_ms;
    api_ask(call, request, answer);
}

/* query/BYTES */
static void read_query(struct api *a, const char *hex, const struct http_request *request,
                       struct http_answer *answer)
{
    const size_t size = strlen(hex) / 2;
    struct call *call = api_call(a, CLIENT_QUERY, size);
    if (size == 0 || size > CLIENT_QUERY_MAX || strlen(hex) != 2 * size ||
        !hex_decode(hex, call->items, size)) {
        char sentence[64];
        snprintf(sentence, sizeof(sentence), "a query is 1 to %d bytes in hex digits",
                 CLIENT_QUERY_MAX);
        api_refuse(answer, 404, sentence);
        free(call);
        return;
    }
    call->question.request.query = slice_of(call->items, size);
    call->question.bytes = sizeof(*call) + size;
    api_ask(call, request, answer);
}

/* What follows `name` in the path, or NULL. */
static const char *after(const char *path, const char *name)
{
    const size_t size = strlen(name);
    return strncmp(path, name, size) == 0 ? path + size : NULL;
}

static void get(struct api *a, const char *path, const struct http_request *request,
                struct http_answer *answer)
{
    const char *rest;
    if ((rest = after(path, "transactions/")))
        read_transactions(a, rest, request, answer);
    else if ((rest = after(path, "accounts/")))
        read_account(a, rest, request, answer);
    else if ((rest = after(path, "blocks/")))
        read_block(a, rest, request, answer);
    else if ((rest = after(path, "query/")))
        read_query(a, rest, request, answer);
    else if (strcmp(path, "blocks") == 0)
        read_blocks(a, request, answer);
    else if (strcmp(path, "status") == 0)
        api_say(answer, 200, a->options.describe(a->options.context, CLIENT_STATUS));
    else if (strcmp(path, "events") == 0)
        api_follow(a, request, answer);
    else if (strcmp(path, "consistency") == 0)
        read_consistency(a, request, answer);
    else if (strcmp(path, "openapi.json") == 0)
        api_say(answer, 200, strdup(api_document));
    else
        api_refuse(answer, 404, "there is no such thing; /v1/openapi.json says what there is");
}

bool api_has(const char *path) { return after(path, prefix) != NULL; }

void api_handle(struct api *a, const struct http_request *request, struct http_answer *answer)
{
    const char *path = after(request->path, prefix);
    const bool submits = strcmp(path, "transactions") == 0;
    if (submits && request->post) {
        api_submit(a, request, answer);
    } else if (!submits && !request->post) {
        get(a, path, request, answer);
    } else {
        api_refuse(answer, 405, submits ? "transactions are submitted with POST" : "this is read");
        answer->allow = submits ? "POST" : "GET, HEAD";
    }
}
