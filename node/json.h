/* JSON as programs read it here, from ledger-cli --json and over HTTP alike. */
#ifndef NODE_JSON_H
#define NODE_JSON_H

#include <jansson.h>

#include "net/client.h"

json_t *json_hex(struct slice bytes); /* At most 64. */
json_t *json_hash(const struct hash *h);
/* A number; text when it is more than 2^63 - 1, which JSON's readers do not hold. */
json_t *json_count(uint64_t value);
char *json_text(json_t *value); /* On one line, to be freed. Takes the value. */

/* One word for what became of a transaction, and why if that is worth saying: its size is 0 if not. */
const char *json_outcome_word(const struct client_result *result);
struct slice json_outcome_reason(const struct client_result *result);
/* {"id","outcome","height","index","reason","retry_ms"}: those that mean something. `id` may be NULL. */
json_t *json_outcome(const struct hash *id, const struct client_result *result);
/* {"position","epoch","proposer","with_epoch","commitment","bad","count","bytes","root"} */
json_t *json_block(const struct client_block *block);
/* {"account","balance","sequence"} */
json_t *json_account(const uint8_t key[CLIENT_KEY_SIZE], const struct client_account *account);

#endif
