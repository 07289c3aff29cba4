#include "node/proof_text.h"
#include "node/receipt.h"

#include <string.h>

static json_t *block_of(const struct receipt *r)
{
    const struct delivery *d = &r->block.delivery;
    return json_pack("{s:o, s:o, s:i, s:o, s:b, s:o, s:o}", "position", json_count(d->position),
                     "epoch", json_count(d->epoch), "proposer", (int)d->proposer, "commitment",
                     json_hash(&d->commitment), "valid", (int)d->valid, "count",
                     json_count(r->block.count), "root", json_hash(&r->block.root));
}

char *receipt_text(const struct receipt *r)
{
    json_t *o =
        json_pack("{s:i, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "receipt", RECEIPT_VERSION,
                  "chain", json_hash(&r->chain), "transaction", json_hash(&r->result.id), "outcome",
                  outcome_name(r->result.outcome), "index", json_count(r->index), "block_path",
                  proof_path(r->block_path, r->block_path_length), "block", block_of(r), "log_path",
                  proof_path(r->log_path, r->log_path_length), "checkpoint",
                  proof_checkpoint_json(&r->under));
    return proof_write(o);
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
    d->position = proof_read_number(o, "position");
    d->epoch = proof_read_number(o, "epoch");
    d->proposer = (node_id)proof_read_number(o, "proposer");
    d->valid = json_is_true(json_object_get(o, "valid"));
    block->count = (uint32_t)proof_read_number(o, "count");
    return proof_read_hash(o, "commitment", &d->commitment) &&
           proof_read_hash(o, "root", &block->root);
}

bool receipt_parse(struct slice text, struct receipt *r)
{
    *r = (struct receipt){.index = 0};
    if (text.size > PROOF_TEXT_MAX)
        return false;
    json_t *o = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    r->index = (uint32_t)proof_read_number(o, "index");
    const bool read =
        proof_read_hash(o, "chain", &r->chain) &&
        proof_read_hash(o, "transaction", &r->result.id) && read_outcome(o, &r->result.outcome) &&
        proof_read_path(o, "block_path", r->block_path, MERKLE_LOG_DEPTH_MAX,
                        &r->block_path_length) &&
        read_block(json_object_get(o, "block"), &r->block) &&
        proof_read_path(o, "log_path", r->log_path, MERKLE_LOG_DEPTH_MAX, &r->log_path_length) &&
        proof_read_checkpoint(json_object_get(o, "checkpoint"), &r->under);
    json_decref(o);
    return read && proof_same(receipt_text(r), text);
}
