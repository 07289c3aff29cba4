#include "node/consistency.h"

#include <stdio.h>

#include "node/log_tree.h"
#include "node/proof_text.h"

int consistency_make(const struct proof_source *source, uint64_t height, struct consistency *c)
{
    *c = (struct consistency){.chain = source->chain, .height = height};
    if (height == 0)
        return STORE_MISSING;
    const int error = proof_find(source, 0, &c->under);
    if (error)
        return error;
    if (c->under.checkpoint.height < height)
        return PROOF_NOT_YET;
    return log_tree_consistency(source->ledger, height, c->under.checkpoint.height, c->proof,
                                &c->length);
}

char *consistency_text(const struct consistency *c)
{
    return proof_write(json_pack("{s:i, s:o, s:o, s:o, s:o}", "consistency", CONSISTENCY_VERSION,
                                 "chain", json_hash(&c->chain), "height", json_count(c->height),
                                 "proof", proof_path(c->proof, c->length), "checkpoint",
                                 proof_checkpoint_json(&c->under)));
}

bool consistency_parse(struct slice text, struct consistency *c)
{
    *c = (struct consistency){.height = 0};
    if (text.size > PROOF_TEXT_MAX)
        return false;
    json_t *o = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    c->height = proof_read_number(o, "height");
    const bool read = proof_read_hash(o, "chain", &c->chain) &&
                      proof_read_path(o, "proof", c->proof, CONSISTENCY_LENGTH_MAX, &c->length) &&
                      proof_read_checkpoint(json_object_get(o, "checkpoint"), &c->under);
    json_decref(o);
    return read && proof_same(consistency_text(c), text);
}

bool consistency_verify(const struct consistency *c, const struct hash *root,
                        const struct cluster *cluster, char reason[PROOF_REASON_MAX])
{
    const struct checkpoint *under = &c->under.checkpoint;
    const char *wrong = NULL;
    if (!hash_equal(&c->chain, &cluster->chain))
        wrong = "it is of another cluster";
    else if (!merkle_consistent(c->height, root, under->height, &under->log_root, c->proof,
                                c->length))
        wrong = "what is signed does not begin with it";
    if (wrong)
        snprintf(reason, PROOF_REASON_MAX, "%s", wrong);
    return !wrong && proof_signed(&c->under, cluster, reason);
}
