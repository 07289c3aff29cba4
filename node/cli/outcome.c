#include "node/cli/outcome.h"

#include <inttypes.h>
#include <stdio.h>

#include "node/client/outcome.h"

void outcome_describe(const struct client_result *r, char text[OUTCOME_TEXT_MAX])
{
    char place[64] = "";
    if (r->status == CLIENT_EXECUTED)
        snprintf(place, sizeof place, " at height %" PRIu64 ", index %" PRIu32, r->height,
                 r->index);
    const struct slice reason = json_outcome_reason(r);
    snprintf(text, OUTCOME_TEXT_MAX, "%s%s%s%.*s", json_outcome_word(r), place,
             reason.size ? ": " : "", (int)reason.size, (const char *)reason.data);
}

void outcome_print(const struct target *t, const struct hash *id, const struct client_result *r)
{
    char hex[2 * HASH_SIZE + 1];
    char text[OUTCOME_TEXT_MAX];
    if (t->json) {
        json_print(json_outcome(id, r));
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
    char message[CONFIG_MESSAGE_MAX];
    const unsigned timeout_ms = (unsigned)t->timeout_s * 1000;
    if (client_find(t->connection, id, timeout_ms, result, message, sizeof message))
        return say_failed(t->command, "%s", message);
    return EXIT_DONE;
}

int outcome_wait(struct target *t, const struct hash *id, unsigned limit_s,
                 struct client_result *result)
{
    char message[CONFIG_MESSAGE_MAX];
    const unsigned timeout_ms = (unsigned)t->timeout_s * 1000;
    if (client_wait(t->connection, id, limit_s * 1000, timeout_ms, result, message, sizeof message))
        return say_failed(t->command, "%s", message);
    return EXIT_DONE;
}

int outcome_submit(struct target *t, struct slice transaction, struct client_result *result)
{
    char message[CONFIG_MESSAGE_MAX];
    const unsigned timeout_ms = (unsigned)t->timeout_s * 1000;
    if (client_submit(t->connection, transaction, timeout_ms, result, message, sizeof message))
        return say_failed(t->command, "%s", message);
    return EXIT_DONE;
}
