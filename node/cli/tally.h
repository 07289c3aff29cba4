/* How often each reason was given: a few reasons, in the order in which they came up. */
#ifndef NODE_CLI_TALLY_H
#define NODE_CLI_TALLY_H

#include "net/client.h"
#include "node/cli/json.h"

enum { TALLY_REASONS_MAX = 15 };

/* Zeroed, it is empty. */
struct tally {
    uint64_t total;
    unsigned count; /* Of reasons; the one after the last stands for all further ones. */
    struct {
        char text[CLIENT_REASON_MAX + 1];
        uint64_t times;
    } reasons[TALLY_REASONS_MAX + 1];
};

void tally_add(struct tally *t, struct slice reason);
/* Why a node refused a transaction: its reason, or in short that it is none. */
struct slice tally_refusal(const struct client_result *result);
/* Lines `  TIMES reason`; nothing when it is empty. */
void tally_print(const struct tally *t);
json_t *tally_json(const struct tally *t); /* {reason: times} */

#endif
