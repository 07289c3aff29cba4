/* JSON as --json prints it. */
#ifndef NODE_CLI_JSON_H
#define NODE_CLI_JSON_H

#include <jansson.h>

#include "crypto/hash.h"

json_t *json_hash(const struct hash *h); /* In hex. */
/* A number; text when it is more than 2^63 - 1, which JSON's readers do not hold. */
json_t *json_count(uint64_t value);
void json_print(json_t *value); /* On one line. Takes the value. */

#endif
