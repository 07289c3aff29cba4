#include "node/client/outcome.h"

#include <stdio.h>

enum { WAIT_POLL_MS = 20 };

/* The one result of an answer. */
static int take(const struct client_answer *answer, struct client_result *result, char *message,
                size_t message_size)
{
    struct slice rest = answer->list.items;
    if (client_result_next(&rest, result))
        return 0;
    snprintf(message, message_size, "the node answered without a result");
    return -1;
}

int client_find(struct connection *c, const struct hash *id, unsigned timeout_ms,
                struct client_result *result, char *message, size_t message_size)
{
    struct client_request request = {.kind = CLIENT_TX,
                                     .list = {.count = 1, .items = hash_slice(id)}};
    struct client_answer answer;
    if (connection_ask(c, &request, &answer, timeout_ms, message, message_size))
        return -1;
    return take(&answer, result, message, message_size);
}

int client_wait(struct connection *c, const struct hash *id, unsigned limit_ms, unsigned timeout_ms,
                struct client_result *result, char *message, size_t message_size)
{
    const uint64_t deadline_ms = clock_ms() + limit_ms;
    for (;;) {
        const int error = client_find(c, id, timeout_ms, result, message, message_size);
        if (error || result->status != CLIENT_PENDING || clock_ms() >= deadline_ms)
            return error;
        clock_sleep_ms(WAIT_POLL_MS);
    }
}

int client_submit(struct connection *c, struct slice transaction, unsigned timeout_ms,
                  struct client_result *result, char *message, size_t message_size)
{
    static _Thread_local uint8_t items[4 + CLIENT_TRANSACTION_SIZE_MAX];
    struct writer w = writer_of(items, sizeof items);
    client_transaction_add(&w, transaction);
    const uint64_t deadline_ms = clock_ms() + timeout_ms;
    for (;;) {
        struct client_request request = {.kind = CLIENT_SUBMIT,
                                         .list = {.count = 1, .items = writer_result(&w)}};
        struct client_answer answer;
        if (connection_ask(c, &request, &answer, timeout_ms, message, message_size) ||
            take(&answer, result, message, message_size))
            return -1;
        if (result->status != CLIENT_OVERLOADED || clock_ms() + result->retry_ms >= deadline_ms)
            return 0;
        clock_sleep_ms(result->retry_ms);
    }
}
