/* A receipt: what became of a transaction, provable to whoever knows the cluster and asks nobody.
 *
 * The transaction's leaf (id | outcome) is in the tree of its block, the block's leaf is in the log,
 * and the log's root is in a checkpoint that nodes have signed. f+1 signatures: one of them at least
 * is that of a correct node, which signs only what it has executed. Trees are RFC 9162's. */
#ifndef NODE_RECEIPT_H
#define NODE_RECEIPT_H

#include "node/checkpoint.h"
#include "node/config.h"
#include "node/executor.h"

enum {
    RECEIPT_VERSION = 1,
    RECEIPT_TEXT_MAX = 64 << 10, /* Of any cluster. */
    RECEIPT_REASON_MAX = 160,
};

struct receipt {
    struct hash chain;
    struct result result;
    uint32_t index;              /* In the block. */
    struct executor_entry block; /* What is in the log's leaf; the rest is zero. */
    unsigned block_path_length, log_path_length;
    struct hash block_path[MERKLE_LOG_DEPTH_MAX], log_path[MERKLE_LOG_DEPTH_MAX];
    struct checkpoint checkpoint;
    struct nodeset signers;
    struct identity_signature signatures[NODES_MAX]; /* Of those alone. */
};

/* Where a node takes it from. */
struct receipt_source {
    struct store_view *ledger, *consensus;
    struct hash chain;
    struct quorum quorum;
    uint64_t checkpoint_epochs;
};
/* Under the newest checkpoint that is here and that f+1 have signed. 0; STORE_MISSING: no such
 * transaction here, or not all of its proof; RECEIPT_NOT_YET: it is executed, and no such checkpoint
 * stands for it; or another store error. From any thread. */
enum { RECEIPT_NOT_YET = 1 };
int receipt_make(const struct receipt_source *source, const struct hash *id, struct receipt *r);

/* One line of JSON, to be freed; NULL when there is no memory. */
char *receipt_text(const struct receipt *r);
/* Takes that and nothing else, to the last bit: what is said in another way is no receipt. Any bytes
 * may be given. */
bool receipt_parse(struct slice text, struct receipt *r);
/* Whether it holds in this cluster: each signature on it is good, f+1 or more, and both paths lead
 * where they should. False with why. */
bool receipt_verify(const struct receipt *r, const struct cluster *cluster,
                    char reason[RECEIPT_REASON_MAX]);

#endif
