/* Receipts as JSON. There is one way to write each: what is read is written again and compared. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "node/receipt.h"

static json_t *hex(const void *bytes, size_t size)
{
    char text[2 * IDENTITY_SIGNATURE_SIZE + 1];
    hex_encode(slice_of(bytes, size), text);
    return json_string(text);
}

static json_t *hash_of(const struct hash *h) { return hex(h->bytes, HASH_SIZE); }
static json_t *number(uint64_t value) { return json_integer((json_int_t)value); }

static json_t *path_of(const struct hash path[], unsigned length)
{
    json_t *o = json_array();
    for (unsigned k = 0; k < length; k++)
        json_array_append_new(o, hash_of(&path[k]));
    return o;
}

static json_t *block_of(const struct receipt *r)
{
    const struct delivery *d = &r->block.delivery;
    return json_pack("{s:o, s:o, s:i, s:o, s:b, s:o, s:o}", "position", number(d->position),
                     "epoch", number(d->epoch), "proposer", (int)d->proposer, "commitment",
                     hash_of(&d->commitment), "valid", (int)d->valid, "count",
                     number(r->block.count), "root", hash_of(&r->block.root));
}

static json_t *checkpoint_of(const struct receipt *r)
{
    const struct checkpoint *c = &r->checkpoint;
    json_t *signatures = json_array();
    for (unsigned i = nodeset_next(&r->signers, 0); i < NODES_MAX;
         i = nodeset_next(&r->signers, i + 1))
        json_array_append_new(signatures,
                              json_pack("{s:i, s:o}", "node", (int)i, "signature",
                                        hex(r->signatures[i].bytes, IDENTITY_SIGNATURE_SIZE)));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "epoch", number(c->epoch), "height",
                     number(c->height), "log_root", hash_of(&c->log_root), "state_root",
                     hash_of(&c->state_root), "delivered_root", hash_of(&c->delivered_root),
                     "signatures", signatures);
}

char *receipt_text(const struct receipt *r)
{
    json_t *o =
        json_pack("{s:i, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "receipt", RECEIPT_VERSION,
                  "chain", hash_of(&r->chain), "transaction", hash_of(&r->result.id), "outcome",
                  outcome_name(r->result.outcome), "index", number(r->index), "block_path",
                  path_of(r->block_path, r->block_path_length), "block", block_of(r), "log_path",
                  path_of(r->log_path, r->log_path_length), "checkpoint", checkpoint_of(r));
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}

static bool read_hex(const json_t *value, void *bytes, size_t size)
{
    const char *text = json_string_value(value);
    return text && hex_decode(text, bytes, size);
}

static bool read_hash(const json_t *o, const char *key, struct hash *h)
{
    return read_hex(json_object_get(o, key), h->bytes, HASH_SIZE);
}

static uint64_t read_number(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

static bool read_path(const json_t *o, const char *key, struct hash path[], unsigned *length)
{
    const json_t *values = json_object_get(o, key);
    const size_t size = json_array_size(values);
    if (size > MERKLE_LOG_DEPTH_MAX)
        return false;
    for (size_t k = 0; k < size; k++)
        if (!read_hex(json_array_get(values, k), path[k].bytes, HASH_SIZE))
            return false;
    *length = (unsigned)size;
    return true;
}

static bool read_outcome(const json_t *o, enum outcome *outcome)
{
    const char *name = json_string_value(json_object_get(o, "outcome"));
    for (unsigned k = OUTCOME_NONE + 1; name && k < OUTCOME_COUNT; k++)
        if (strcmp(name, outcome_name((enum outcome)k)) == 0) {
            *outcome = (enum outcome)k;
            return true;
        }
    return false;
}

static bool read_block(const json_t *o, struct executor_entry *block)
{
    struct delivery *d = &block->delivery;
    d->position = read_number(o, "position");
    d->epoch = read_number(o, "epoch");
    d->proposer = (node_id)read_number(o, "proposer");
    d->valid = json_is_true(json_object_get(o, "valid"));
    block->count = (uint32_t)read_number(o, "count");
    return read_hash(o, "commitment", &d->commitment) && read_hash(o, "root", &block->root);
}

static bool read_checkpoint(const json_t *o, struct receipt *r)
{
    struct checkpoint *c = &r->checkpoint;
    const json_t *signatures = json_object_get(o, "signatures");
    const size_t count = json_array_size(signatures);
    c->epoch = read_number(o, "epoch");
    c->height = read_number(o, "height");
    for (size_t k = 0; k < count; k++) {
        const json_t *one = json_array_get(signatures, k);
        const uint64_t signer = read_number(one, "node");
        if (signer >= NODES_MAX || !nodeset_add(&r->signers, (unsigned)signer) ||
            !read_hex(json_object_get(one, "signature"), r->signatures[signer].bytes,
                      IDENTITY_SIGNATURE_SIZE))
            return false;
    }
    return read_hash(o, "log_root", &c->log_root) && read_hash(o, "state_root", &c->state_root) &&
           read_hash(o, "delivered_root", &c->delivered_root);
}

static bool same(const struct receipt *r, struct slice text)
{
    char *written = receipt_text(r);
    const bool equal =
        written && strlen(written) == text.size && memcmp(written, text.data, text.size) == 0;
    free(written);
    return equal;
}

bool receipt_parse(struct slice text, struct receipt *r)
{
    *r = (struct receipt){.index = 0};
    if (text.size > RECEIPT_TEXT_MAX)
        return false;
    json_t *o = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    r->index = (uint32_t)read_number(o, "index");
    const bool read = read_hash(o, "chain", &r->chain) &&
                      read_hash(o, "transaction", &r->result.id) &&
                      read_outcome(o, &r->result.outcome) &&
                      read_path(o, "block_path", r->block_path, &r->block_path_length) &&
                      read_block(json_object_get(o, "block"), &r->block) &&
                      read_path(o, "log_path", r->log_path, &r->log_path_length) &&
                      read_checkpoint(json_object_get(o, "checkpoint"), r);
    json_decref(o);
    return read && same(r, text);
}
