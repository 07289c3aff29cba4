#include "node/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/executor_record.h"
#include "node/log_tree.h"
#include "node/records.h"

/* The newest that f+1 have signed and that has delivered what `with_epoch` did. */
static int find_checkpoint(const struct receipt_source *s, epoch_id with_epoch, struct receipt *r)
{
    struct executor_state state;
    struct checkpoint_record record;
    const uint64_t every = s->checkpoint_epochs;
    int error = executor_state(s->ledger, &state);
    if (error)
        return error;
    epoch_id epoch = every > 0 ? state.epoch / every * every : 0;
    for (unsigned k = 0; k < RECORD_CHECKPOINTS_KEPT && epoch >= with_epoch && epoch > 0;
         k++, epoch -= every) {
        error = records_view_checkpoint(s->consensus, epoch, s->quorum, &record, r->signatures);
        if (error && error != STORE_MISSING)
            return error;
        if (error || nodeset_count(&record.signers) < quorum_some(s->quorum))
            continue;
        r->checkpoint = record.checkpoint;
        r->signers = record.signers;
        return 0;
    }
    return RECEIPT_NOT_YET;
}

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

int receipt_make(const struct receipt_source *s, const struct hash *id, struct receipt *r)
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
    if ((error = find_checkpoint(s, r->block.delivery.with_epoch, r)) ||
        (error = block_path(s->ledger, r)))
        return error;
    r->block.delivery.with_epoch = r->block.bytes = r->block.confirmed_bytes = 0;
    r->block.confirmed = 0;
    return log_tree_path(s->ledger, r->checkpoint.height, place.position, r->log_path,
                         &r->log_path_length);
}

static bool signed_by_enough(const struct receipt *r, const struct cluster *c,
                             char reason[RECEIPT_REASON_MAX])
{
    const struct quorum q = quorum_of((unsigned)c->node_count);
    const struct hash digest = checkpoint_digest(&c->chain, &r->checkpoint);
    for (unsigned i = nodeset_next(&r->signers, 0); i < NODES_MAX;
         i = nodeset_next(&r->signers, i + 1)) {
        struct identity_key key;
        if (i < q.n && identity_parse(&c->nodes[i].identity, &key) &&
            identity_verify(&key, hash_slice(&digest), &r->signatures[i]))
            continue;
        snprintf(reason, RECEIPT_REASON_MAX, "the signature of node %u is not its own", i);
        return false;
    }
    if (nodeset_count(&r->signers) >= quorum_some(q))
        return true;
    snprintf(reason, RECEIPT_REASON_MAX,
             "%u nodes have signed the checkpoint: they may all be liars, it takes %u",
             nodeset_count(&r->signers), quorum_some(q));
    return false;
}

bool receipt_verify(const struct receipt *r, const struct cluster *cluster,
                    char reason[RECEIPT_REASON_MAX])
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
    else if (!merkle_verify(&r->checkpoint.log_root, r->checkpoint.height,
                            r->block.delivery.position, &block, r->log_path, r->log_path_length))
        wrong = "the block is not in the log";
    if (wrong)
        snprintf(reason, RECEIPT_REASON_MAX, "%s", wrong);
    return !wrong && signed_by_enough(r, cluster, reason);
}
