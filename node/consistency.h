/* Proof that the ledger was only ever added to: that the log of some height, which one has seen, is how
 * the log of a checkpoint begins (RFC 9162, 2.1.4). */
#ifndef NODE_CONSISTENCY_H
#define NODE_CONSISTENCY_H

#include "crypto/merkle.h"
#include "node/proof.h"

enum { CONSISTENCY_VERSION = 1, CONSISTENCY_LENGTH_MAX = MERKLE_LOG_DEPTH_MAX + 1 };

struct consistency {
    struct hash chain;
    uint64_t height; /* Of the log that is continued; at least 1. */
    unsigned length;
    struct hash proof[CONSISTENCY_LENGTH_MAX];
    struct proof_checkpoint under; /* Of that height, or more. */
};

/* Under the newest signed checkpoint. 0; PROOF_NOT_YET; STORE_MISSING: a part of it is not here, or
 * there is no such height; or another store error. From any thread. */
int consistency_make(const struct proof_source *source, uint64_t height, struct consistency *c);

char *consistency_text(const struct consistency *c); /* As receipt_text. */
bool consistency_parse(struct slice text, struct consistency *c);
/* Whether it holds in this cluster for the log of that height under this root. False with why. */
bool consistency_verify(const struct consistency *c, const struct hash *root,
                        const struct cluster *cluster, char reason[PROOF_REASON_MAX]);

#endif
