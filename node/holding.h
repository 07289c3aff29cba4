/* Proof of what an account holds: the account's leaf is in the state's tree (node/state_tree.h), whose
 * root is in a checkpoint that f+1 nodes have signed. Of the time of that checkpoint, and no other. */
#ifndef NODE_HOLDING_H
#define NODE_HOLDING_H

#include "node/proof.h"
#include "node/wanted.h"

enum { HOLDING_VERSION = 1 };

struct holding {
    struct hash chain;
    struct wanted_proof proof; /* Its count is the least of which the path is the same. */
    struct proof_checkpoint under;
};

/* Of the newest signed checkpoint that there is one of. 0; STORE_MISSING: no such account; or
 * PROOF_NOT_YET: it is made at the next checkpoint. From any thread. */
int holding_make(const struct proof_source *source, struct wanted *wanted,
                 const struct identity_public *key, struct holding *h);

char *holding_text(const struct holding *h); /* As receipt_text. */
bool holding_parse(struct slice text, struct holding *h);
/* Whether it holds in this cluster. False with why. */
bool holding_verify(const struct holding *h, const struct cluster *cluster,
                    char reason[PROOF_REASON_MAX]);

#endif
