/* What became of a transaction, as a node says it: in words and in JSON. */
#ifndef NODE_CLI_OUTCOME_H
#define NODE_CLI_OUTCOME_H

#include "node/cli/json.h"
#include "node/cli/target.h"

enum { OUTCOME_TEXT_MAX = CLIENT_REASON_MAX + 80 };

/* "executed at height 7, index 3", "dropped: ..." */
void outcome_describe(const struct client_result *result, char text[OUTCOME_TEXT_MAX]);
/* Prints it, as --json says. */
void outcome_print(const struct target *t, const struct hash *id,
                   const struct client_result *result);

/* Says on stderr why it is no success; EXIT_FAILED. */
int outcome_failed(const struct target *t, const struct client_result *result);

/* What the node says of a transaction. The reason borrows from the connection. */
int outcome_ask(struct target *t, const struct hash *id, struct client_result *result);
/* The same as soon as it is not pending any more, or after `limit_s`. */
int outcome_wait(struct target *t, const struct hash *id, unsigned limit_s,
                 struct client_result *result);

/* Submits one transaction, whose bytes are given; OVERLOADED is tried again for as long as
 * --timeout says. */
int outcome_submit(struct target *t, struct slice transaction, struct client_result *result);

#endif
