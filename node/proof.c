#include "node/proof.h"

#include <stdio.h>

#include "node/executor.h"
#include "node/records.h"

int proof_at(const struct proof_source *s, epoch_id epoch, struct proof_checkpoint *p)
{
    struct checkpoint_record record;
    const int error =
        records_view_checkpoint(s->consensus, epoch, s->quorum, &record, p->signatures);
    if (error)
        return error == STORE_MISSING ? PROOF_NOT_YET : error;
    if (nodeset_count(&record.signers) < quorum_some(s->quorum))
        return PROOF_NOT_YET;
    p->checkpoint = record.checkpoint;
    p->signers = record.signers;
    return 0;
}

int proof_find(const struct proof_source *s, epoch_id at_least, struct proof_checkpoint *p)
{
    struct executor_state state;
    const uint64_t every = s->checkpoint_epochs;
    int error = executor_state(s->ledger, &state);
    if (error)
        return error;
    epoch_id epoch = every > 0 ? state.epoch / every * every : 0;
    for (unsigned k = 0; k < RECORD_CHECKPOINTS_KEPT && epoch >= at_least && epoch > 0;
         k++, epoch -= every)
        if ((error = proof_at(s, epoch, p)) != PROOF_NOT_YET)
            return error;
    return PROOF_NOT_YET;
}

bool proof_signed(const struct proof_checkpoint *p, const struct cluster *c,
                  char reason[PROOF_REASON_MAX])
{
    const struct quorum q = quorum_of((unsigned)c->node_count);
    const struct hash digest = checkpoint_digest(&c->chain, &p->checkpoint);
    for (unsigned i = nodeset_next(&p->signers, 0); i < NODES_MAX;
         i = nodeset_next(&p->signers, i + 1)) {
        struct identity_key key;
        if (i < q.n && identity_parse(&c->nodes[i].identity, &key) &&
            identity_verify(&key, hash_slice(&digest), &p->signatures[i]))
            continue;
        snprintf(reason, PROOF_REASON_MAX, "the signature of node %u is not its own", i);
        return false;
    }
    if (nodeset_count(&p->signers) >= quorum_some(q))
        return true;
    snprintf(reason, PROOF_REASON_MAX,
             "%u nodes have signed the checkpoint: they may all be liars, it takes %u",
             nodeset_count(&p->signers), quorum_some(q));
    return false;
}
