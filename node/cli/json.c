#include "node/cli/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

json_t *json_hash(const struct hash *h)
{
    char text[2 * HASH_SIZE + 1];
    hex_encode(hash_slice(h), text);
    return json_string(text);
}

json_t *json_count(uint64_t value)
{
    return value <= INT64_MAX ? json_integer((json_int_t)value) : json_sprintf("%" PRIu64, value);
}

/* The only way that jansson fails here is for want of memory. */
void json_print(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!text)
        abort();
    puts(text);
    free(text);
    json_decref(value);
}
