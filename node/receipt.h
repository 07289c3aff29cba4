/* A receipt: what became of a transaction, provable to whoever knows the cluster and asks nobody.
 *
 * The transaction's leaf (id | outcome) is in the tree of its block, the block's leaf is in the log,
 * and the log's root is in a checkpoint that f+1 nodes have signed (node/proof.h). Trees are RFC
 * 9162's. */
#ifndef NODE_RECEIPT_H
#define NODE_RECEIPT_H

#include "node/executor.h"
#include "node/proof.h"

enum { RECEIPT_VERSION = 1 };

struct receipt {
    struct hash chain;
    struct result result;
    uint32_t index;              /* In the block. */
    struct executor_entry block; /* What is in the log's leaf; the rest is zero. */
    unsigned block_path_length, log_path_length;
    struct hash block_path[MERKLE_LOG_DEPTH_MAX], log_path[MERKLE_LOG_DEPTH_MAX];
    struct proof_checkpoint under;
};

/* 0; STORE_MISSING: no such transaction here, or not all of its proof; PROOF_NOT_YET; or another
 * store error. From any thread. */
int receipt_make(const struct proof_source *source, const struct hash *id, struct receipt *r);

/* One line of JSON, to be freed; NULL when there is no memory. */
char *receipt_text(const struct receipt *r);
/* Takes that and nothing else, to the last bit: what is said in another way is no receipt. Any bytes
 * may be given. */
bool receipt_parse(struct slice text, struct receipt *r);
/* Whether it holds in this cluster: each signature on it is good, f+1 or more, and both paths lead
 * where they should. False with why. */
bool receipt_verify(const struct receipt *r, const struct cluster *cluster,
                    char reason[PROOF_REASON_MAX]);

#endif
