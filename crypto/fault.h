/* What a peer can be caught at. A faulty peer is expected input, not an error:
 * a step reports it beside its effects and carries on. */
#ifndef CRYPTO_FAULT_H
#define CRYPTO_FAULT_H

#define FAULT_MAP(X)                                                                \
    X(FAULT_NONE, "none", "no fault")                                               \
    X(FAULT_MALFORMED, "malformed", "a message that does not decode")               \
    X(FAULT_OTHER_CHAIN, "other_chain", "a frame of another chain or version")      \
    X(FAULT_EQUIVOCATION, "equivocation", "two messages where one is allowed")      \
    X(FAULT_NOT_ALLOWED, "not_allowed", "a message that the protocol never sends")  \
    X(FAULT_BAD_PROOF, "bad_proof", "a chunk that does not match its commitment")   \
    X(FAULT_BAD_SHARE, "bad_share", "a coin share with a wrong proof")              \
    X(FAULT_BAD_ENCODING, "bad_encoding", "chunks that are no encoding of a block") \
    X(FAULT_BAD_BLOCK, "bad_block", "a block that does not decode")                 \
    X(FAULT_BAD_SIGNATURE, "bad_signature", "a checkpoint that it did not sign")    \
    X(FAULT_OTHER_STATE, "other_state", "a checkpoint of another ledger than ours") \
    X(FAULT_BAD_SNAPSHOT, "bad_snapshot", "a snapshot that is not what was signed")

enum fault {
#define X(value, name, text) value,
    FAULT_MAP(X)
#undef X
        FAULT_COUNT
};

const char *fault_name(enum fault f); /* One word, as in STATS. */
const char *fault_text(enum fault f); /* A phrase for people. */

#endif
