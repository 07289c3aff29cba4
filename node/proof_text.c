#include "node/proof_text.h"

#include <stdlib.h>
#include <string.h>

json_t *proof_path(const struct hash path[], unsigned length)
{
    json_t *o = json_array();
    for (unsigned k = 0; k < length; k++)
        json_array_append_new(o, json_hash(&path[k]));
    return o;
}

json_t *proof_checkpoint_json(const struct proof_checkpoint *p)
{
    const struct checkpoint *c = &p->checkpoint;
    json_t *signatures = json_array();
    for (unsigned i = nodeset_next(&p->signers, 0); i < NODES_MAX;
         i = nodeset_next(&p->signers, i + 1))
        json_array_append_new(signatures, json_pack("{s:i, s:o}", "node", (int)i, "signature",
                                                    json_hex(slice_of(p->signatures[i].bytes,
                                                                      IDENTITY_SIGNATURE_SIZE))));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "epoch", json_count(c->epoch), "height",
                     json_count(c->height), "log_root", json_hash(&c->log_root), "state_root",
                     json_hash(&c->state_root), "delivered_root", json_hash(&c->delivered_root),
                     "signatures", signatures);
}

char *proof_write(json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}

static bool read_hex(const json_t *value, void *bytes, size_t size)
{
    const char *text = json_string_value(value);
    return text && hex_decode(text, bytes, size);
}

bool proof_read_hash(const json_t *o, const char *key, struct hash *h)
{
    return read_hex(json_object_get(o, key), h->bytes, HASH_SIZE);
}

uint64_t proof_read_number(const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);
    const char *text = json_string_value(value); /* As json_count writes it. */
    return text ? strtoull(text, NULL, 10) : (uint64_t)json_integer_value(value);
}

bool proof_read_path(const json_t *o, const char *key, struct hash path[], unsigned most,
                     unsigned *length)
{
    const json_t *values = json_object_get(o, key);
    const size_t size = json_array_size(values);
    if (size > most)
        return false;
    for (size_t k = 0; k < size; k++)
        if (!read_hex(json_array_get(values, k), path[k].bytes, HASH_SIZE))
            return false;
    *length = (unsigned)size;
    return true;
}

bool proof_read_checkpoint(const json_t *o, struct proof_checkpoint *p)
{
    struct checkpoint *c = &p->checkpoint;
    const json_t *signatures = json_object_get(o, "signatures");
    const size_t count = json_array_size(signatures);
    c->epoch = proof_read_number(o, "epoch");
    c->height = proof_read_number(o, "height");
    for (size_t k = 0; k < count; k++) {
        const json_t *one = json_array_get(signatures, k);
        const uint64_t signer = proof_read_number(one, "node");
        if (signer >= NODES_MAX || !nodeset_add(&p->signers, (unsigned)signer) ||
            !read_hex(json_object_get(one, "signature"), p->signatures[signer].bytes,
                      IDENTITY_SIGNATURE_SIZE))
            return false;
    }
    return proof_read_hash(o, "log_root", &c->log_root) &&
           proof_read_hash(o, "state_root", &c->state_root) &&
           proof_read_hash(o, "delivered_root", &c->delivered_root);
}

bool proof_same(char *written, struct slice text)
{
    const bool equal =
        written && strlen(written) == text.size && memcmp(written, text.data, text.size) == 0;
    free(written);
    return equal;
}
