/* A snapshot: the ledger as it was at a checkpoint, in parts that each can be verified.
 *
 * The *head* has the checkpoint and who has signed it, and what follows from its roots and is small:
 *
 *   format u8 = 1 | checkpoint | accounts u64 | runs u64 | the log's count u64 and peaks
 *   signers: count u8, then so many times: node u8, signature (64); nodes ascend
 *
 * f+1 signatures: at least one correct node has executed to here, and this is the ledger. *Pieces*
 * have the rest: first the runs of what was delivered (node/checkpoint.h), verified all together;
 * then the accounts in the order of the state tree, each as its leaf is hashed:
 *
 *   key (32) | balance u64 | lowest unused number u64 | used u64
 *
 * A piece of accounts is a subtree of the state tree, and comes with its path to the root. Blocks and
 * transactions of before are not in it: who begins with a snapshot cannot say what became of them.
 *
 * Of an application elsewhere (node/external.h) nobody but it knows how its state makes the root. So
 * a head of format 2 has, after the log's peaks:
 *
 *   ids u64 | pieces of the state u32 | root (32)
 *
 * Its pieces are the runs; the ids of all transactions that have had their turn, in order, which are
 * not to have it again; and what the application says, records in a row, each size u32 | bytes, as
 * many as fit. The root is over the latter two, a leaf each, and nobody has signed it: such a snapshot
 * is taken when f+1 offer the same. */
#ifndef NODE_SNAPSHOT_H
#define NODE_SNAPSHOT_H

#include "crypto/merkle.h"
#include "node/checkpoint.h"

enum {
    SNAPSHOT_PIECE_ENTRIES = 4096, /* A power of two: accounts, or runs. */
    SNAPSHOT_ACCOUNT_SIZE = IDENTITY_PUBLIC_SIZE + 3 * 8,
    SNAPSHOT_PIECE_SIZE_MAX = SNAPSHOT_PIECE_ENTRIES * SNAPSHOT_ACCOUNT_SIZE,
    SNAPSHOT_HEAD_SIZE_MAX = 1 + CHECKPOINT_SIZE + 2 * 8 + 8 + MERKLE_LOG_DEPTH_MAX * HASH_SIZE +
                             8 + 4 + HASH_SIZE + 1 + NODES_MAX * (1 + IDENTITY_SIGNATURE_SIZE),
};

struct snapshot_head {
    struct checkpoint checkpoint;
    uint64_t accounts;
    uint64_t runs;
    struct merkle_frontier log;
    bool opaque; /* Format 2: no accounts, but what follows. */
    uint64_t ids;
    uint32_t state_pieces;
    struct hash pieces_root;
    struct nodeset signers;
    struct identity_signature signatures[NODES_MAX]; /* Of those alone. */
};

void snapshot_head_encode(struct writer *w, const struct snapshot_head *h);
bool snapshot_head_decode(struct slice bytes, struct quorum q, struct snapshot_head *h);
/* Whether the checkpoint says all that, as far as a head shows, and f+1 nodes say the checkpoint: those
 * are left as its signers, the others are not looked at. */
struct snapshot_rules {
    struct quorum quorum;
    struct hash chain;
    uint64_t link_horizon;
    const struct identity_key *identities; /* n */
    bool opaque; /* The kind of snapshot that this ledger's application has. */
};
bool snapshot_head_verify(struct snapshot_head *h, const struct snapshot_rules *rules);

/* How many pieces there are: first those of runs, then those of ids. */
uint32_t snapshot_run_pieces(const struct snapshot_head *h);
uint32_t snapshot_id_pieces(const struct snapshot_head *h);
uint32_t snapshot_pieces(const struct snapshot_head *h);
/* How many bytes piece `index` has; at the most, if it is of an application's state. */
size_t snapshot_piece_size(const struct snapshot_head *h, uint32_t index);
bool snapshot_piece_fits(const struct snapshot_head *h, uint32_t index, size_t size);
/* What its path begins with: of accounts, an inner node of the state tree. */
struct hash snapshot_piece_root(const struct snapshot_head *h, struct slice piece);
/* And where it leads. */
const struct hash *snapshot_root(const struct snapshot_head *h);
/* Whether it is piece `index`; runs have no path, and none is looked at. */
bool snapshot_piece_valid(const struct snapshot_head *h, uint32_t index, struct slice piece,
                          const struct hash path[], unsigned path_length);

#endif
