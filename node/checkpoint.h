/* A checkpoint: what the ledger is at the end of an epoch, in one digest.
 *
 * At the end of the execution of every epoch that checkpoint_epochs divides, each node signs the
 * digest (BIP 340, under a tag that nothing else uses), and the others gather the signatures. f+1
 * of them: at least one correct node has executed to here, and this is the ledger. 2f+1: besides,
 * f+1 correct nodes have it, though all others lie. */
#ifndef NODE_CHECKPOINT_H
#define NODE_CHECKPOINT_H

#include "crypto/identity.h"
#include "node/history.h"

struct checkpoint {
    epoch_id epoch;  /* The last one executed. */
    uint64_t height; /* Blocks delivered. */
    struct hash log_root;
    struct hash state_root;
    struct hash delivered_root; /* Of what delivery has to know: below. */
};

enum { CHECKPOINT_SIZE = 8 + 8 + 3 * HASH_SIZE };
/* In the order above. */
void checkpoint_encode(struct writer *w, const struct checkpoint *c);
void checkpoint_decode(struct reader *r, struct checkpoint *c);

/* What is signed: the tagged hash of the chain id and the encoding. */
struct hash checkpoint_digest(const struct hash *chain, const struct checkpoint *c);

/* The root of which dispersals of the epochs (epoch - horizon, epoch] are delivered. Maximal runs of
 * them, each proposer u8 | first u64 | last u64, stand by proposer and then by epoch. The root is a
 * chain of tagged hashes, each of the one before (of zeros, for the first) and: epoch u64 |
 * horizon u64; then 64 runs at a time, while there are 64; at last those that are left, or nothing.
 * Takes 0.1 ms of 16 nodes and 100,000 epochs, and 13 ms if f of them leave out every other one. */
struct hash checkpoint_delivered(const struct history *delivered, epoch_id epoch, uint64_t horizon);

/* The same in two halves: the runs as they stand there, bytes and all; and the root of given ones. */
enum { CHECKPOINT_RUN_SIZE = 1 + 8 + 8 };
void checkpoint_runs(const struct history *delivered, epoch_id epoch, uint64_t horizon,
                     void (*run)(void *context, const uint8_t bytes[CHECKPOINT_RUN_SIZE]),
                     void *context);
struct checkpoint_runs_root {
    struct hash hash;
    unsigned size;
    uint8_t bytes[64 * CHECKPOINT_RUN_SIZE];
};
void checkpoint_runs_begin(struct checkpoint_runs_root *r, epoch_id epoch, uint64_t horizon);
void checkpoint_runs_add(struct checkpoint_runs_root *r, const uint8_t run[CHECKPOINT_RUN_SIZE]);
struct hash checkpoint_runs_end(struct checkpoint_runs_root *r);

/* What a node remembers of one: its own signature before anyone hears it. */
struct checkpoint_record {
    struct checkpoint checkpoint;
    struct nodeset signers;
    const struct identity_signature *signatures; /* Of those alone, by node. */
};

#endif
