/* What becomes of a transaction, asked at one node. Functions return 0, or -1 with one line in
 * `message`, as connection_ask. What a reason borrows from stays until the connection's next answer. */
#ifndef NODE_CLIENT_OUTCOME_H
#define NODE_CLIENT_OUTCOME_H

#include "node/client/connection.h"

/* What the node says of a transaction. */
int client_find(struct connection *c, const struct hash *id, unsigned timeout_ms,
                struct client_result *result, char *message, size_t message_size);
/* The same as soon as it is not pending any more, or after `limit_ms`. */
int client_wait(struct connection *c, const struct hash *id, unsigned limit_ms, unsigned timeout_ms,
                struct client_result *result, char *message, size_t message_size);
/* Submits one transaction, 1 to CLIENT_TRANSACTION_SIZE_MAX bytes. OVERLOADED is tried again for as
 * long as a timeout. */
int client_submit(struct connection *c, struct slice transaction, unsigned timeout_ms,
                  struct client_result *result, char *message, size_t message_size);

#endif
