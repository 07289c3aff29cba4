/* What proofs stand on: a checkpoint that nodes have signed.
 *
 * f+1 signatures: one of them at least is that of a correct node, which signs only what it has
 * executed. Who knows the cluster's keys need trust nobody else, and ask nobody. */
#ifndef NODE_PROOF_H
#define NODE_PROOF_H

#include "node/checkpoint.h"
#include "node/config.h"
#include "storage/store.h"

enum { PROOF_REASON_MAX = 160 };

struct proof_checkpoint {
    struct checkpoint checkpoint;
    struct nodeset signers;
    struct identity_signature signatures[NODES_MAX]; /* Of those alone. */
};

/* Where a node takes proofs from. */
struct proof_source {
    struct store_view *ledger, *consensus;
    struct hash chain;
    struct quorum quorum;
    uint64_t checkpoint_epochs;
};
/* What making one says beside 0 and store errors: no such checkpoint stands for it yet. */
enum { PROOF_NOT_YET = 1 };

/* That of an epoch, if it is here and f+1 have signed it; else PROOF_NOT_YET. From any thread. */
int proof_at(const struct proof_source *s, epoch_id epoch, struct proof_checkpoint *p);
/* The newest such, of this epoch or a later one. */
int proof_find(const struct proof_source *s, epoch_id at_least, struct proof_checkpoint *p);
/* Whether each signature on it is good, and f+1 are there. False with why. */
bool proof_signed(const struct proof_checkpoint *p, const struct cluster *cluster,
                  char reason[PROOF_REASON_MAX]);

#endif
