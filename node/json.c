#include "node/json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HEX_MAX = 64 };

json_t *json_hex(struct slice bytes)
{
    char text[2 * HEX_MAX + 1];
    assert(bytes.size <= HEX_MAX);
    hex_encode(bytes, text);
    return json_string(text);
}

json_t *json_hash(const struct hash *h) { return json_hex(hash_slice(h)); }

json_t *json_count(uint64_t value)
{
    return value <= INT64_MAX ? json_integer((json_int_t)value) : json_sprintf("%" PRIu64, value);
}

/* The only way that jansson fails here is for want of memory. */
char *json_text(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!text)
        abort();
    json_decref(value);
    return text;
}

const char *json_outcome_word(const struct client_result *r)
{
    switch (r->status) {
    case CLIENT_OK: return "accepted";
    case CLIENT_PENDING: return "pending";
    case CLIENT_EXECUTED: return r->failed ? "failed" : "executed";
    case CLIENT_DROPPED: return "dropped";
    case CLIENT_OVERLOADED: return "overloaded";
    case CLIENT_MALFORMED: return "malformed";
    case CLIENT_INVALID: return "invalid";
    case CLIENT_UNKNOWN:
    case CLIENT_STATUSES: break;
    }
    return "unknown";
}

/* The node's phrase for people begins with the word that stands before it here. */
struct slice json_outcome_reason(const struct client_result *r)
{
    static const char *const words[] = {"failed: ", "ignored: "};
    if (r->status != CLIENT_DROPPED && r->status != CLIENT_INVALID && !r->failed)
        return slice_of("", 0);
    for (unsigned k = 0; k < 2; k++) {
        size_t size = strlen(words[k]);
        if (r->reason.size > size && memcmp(r->reason.data, words[k], size) == 0)
            return slice_of(r->reason.data + size, r->reason.size - size);
    }
    return r->reason;
}

json_t *json_outcome(const struct hash *id, const struct client_result *r)
{
    const struct slice reason = json_outcome_reason(r);
    json_t *o = json_object();
    if (id)
        json_object_set_new(o, "id", json_hash(id));
    json_object_set_new(o, "outcome", json_string(json_outcome_word(r)));
    if (r->status == CLIENT_EXECUTED) {
        json_object_set_new(o, "height", json_count(r->height));
        json_object_set_new(o, "index", json_integer(r->index));
    }
    if (reason.size > 0)
        json_object_set_new(o, "reason", json_stringn((const char *)reason.data, reason.size));
    if (r->status == CLIENT_OVERLOADED)
        json_object_set_new(o, "retry_ms", json_integer(r->retry_ms));
    return o;
}

json_t *json_block(const struct client_block *b)
{
    return json_pack("{s:o, s:o, s:i, s:o, s:o, s:b, s:o, s:o, s:o}", "position",
                     json_count(b->position), "epoch", json_count(b->epoch), "proposer",
                     (int)b->proposer, "with_epoch", json_count(b->with_epoch), "commitment",
                     json_hash(&b->commitment), "bad", (int)b->bad, "count", json_count(b->count),
                     "bytes", json_count(b->bytes), "root", json_hash(&b->root));
}

json_t *json_account(const uint8_t key[CLIENT_KEY_SIZE], const struct client_account *account)
{
    return json_pack("{s:o, s:o, s:o}", "account", json_hex(slice_of(key, CLIENT_KEY_SIZE)),
                     "balance", json_count(account->balance), "sequence",
                     json_count(account->sequence));
}
