#include "node/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/executor_record.h"
#include "node/log_tree.h"

/* The path of a transaction in the tree of its block. */
static int block_path(struct store_view *v, struct receipt *r)
{
    const uint32_t count = r->block.count;
    const uint64_t position = r->block.delivery.position;
    struct hash *leaves = calloc(count, sizeof *leaves);
    int error = 0;
    if (!leaves)
        abort();
    for (uint32_t first = 0; first < count && !error; first += APPLICATION_BATCH) {
        uint8_t key[12];
        struct slice row;
        error = store_view_get(v, LEDGER_OUTCOMES, outcomes_key(key, position, first), &row);
        const uint32_t rest = count - first;
        const uint32_t columns = rest < APPLICATION_BATCH ? rest : APPLICATION_BATCH;
        if (!error && row.size != (size_t)columns * RESULT_SIZE)
            error = STORE_CORRUPT;
        for (uint32_t k = 0; k < columns && !error; k++)
            leaves[first + k] = hash_leaf(slice_of(row.data + k * RESULT_SIZE, RESULT_SIZE));
    }
    if (!error)
        r->block_path_length = merkle_path(leaves, count, r->index, r->block_path);
    free(leaves);
    return error;
}

int receipt_make(const struct proof_source *s, const struct hash *id, struct receipt *r)
{
    struct executor_place place;
    *r = (struct receipt){.chain = s->chain};
    int error = executor_transaction(s->ledger, id, &place);
    if (error || (error = executor_entry(s->ledger, place.position, &r->block)))
        return error;
    r->result = (struct result){.id = *id, .outcome = place.outcome};
    r->index = place.index;
    if (place.index >= r->block.count)
        return STORE_CORRUPT;
    if ((error = proof_find(s, r->block.delivery.with_epoch, &r->under)) ||
        (error = block_path(s->ledger, r)))
        return error;
    r->block.delivery.with_epoch = r->block.bytes = r->block.confirmed_bytes = 0;
    r->block.confirmed = 0;
    return log_tree_path(s->ledger, r->under.checkpoint.height, place.position, r->log_path,
                         &r->log_path_length);
}

bool receipt_verify(const struct receipt *r, const struct cluster *cluster,
                    char reason[PROOF_REASON_MAX])
{
    const struct hash leaf = executor_result_leaf(&r->result);
    const struct hash block = executor_leaf(&r->block);
    const char *wrong = NULL;
    if (!hash_equal(&r->chain, &cluster->chain))
        wrong = "it is of another cluster";
    else if (!outcome_final(r->result.outcome))
        wrong = "what it says became of the transaction is not final";
    else if (!merkle_verify(&r->block.root, r->block.count, r->index, &leaf, r->block_path,
                            r->block_path_length))
        wrong = "the transaction is not in the block";
    else if (!merkle_verify(&r->under.checkpoint.log_root, r->under.checkpoint.height,
                            r->block.delivery.position, &block, r->log_path, r->log_path_length))
        wrong = "the block is not in the log";
    if (wrong)
        snprintf(reason, PROOF_REASON_MAX, "%s", wrong);
    return !wrong && proof_signed(&r->under, cluster, reason);
}
