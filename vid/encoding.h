/* Verifiable information dispersal, AVID-M (DispersedLedger, section 3.2, after AVID-FP): what a
 * block becomes before it is sent, and how chunks become a block again.
 *
 * The proposer codes its block into one chunk per node. The chunks' Merkle tree (RFC 9162; a
 * chunk's leaf is made of its parts, hash_parts) proves each chunk's place, and the *commitment*
 * names it all: n, k, the chunk size and the tree's root. Nodes agree on the commitment alone
 * (server.h). Nobody checks the coding until a block is retrieved: a retriever codes what it
 * decoded again, and when the commitment differs, the proposer lied and every retriever finds it
 * out.
 *
 * All functions are pure; buffers are the caller's. */
#ifndef VID_ENCODING_H
#define VID_ENCODING_H

#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "vid/code.h"

/* What a commitment commits to, beside n and k. */
struct vid_header {
    uint32_t chunk_size;
    struct hash tree_root;
};

struct hash vid_commitment(struct quorum q, const struct vid_header *header);

/* The path of one chunk; its length follows from n and the index. */
struct vid_proof {
    struct hash path[MERKLE_DEPTH_MAX];
};

/* Whether `chunk` is number `index` under `header`: size and path. That the header belongs to
 * a commitment is for the caller to check, once. */
bool vid_chunk_verify(struct quorum q, const struct vid_header *header, unsigned index,
                      struct slice chunk, const struct vid_proof *proof);

struct vid_encoding {
    struct vid_header header;
    struct hash commitment;
    struct merkle_tree tree;
};

/* Fills n * chunk_size bytes of `chunks` (aligned to 64) and `e`. */
void vid_encode(struct quorum q, const struct code *c, struct slice block, uint8_t *chunks,
                struct vid_encoding *e);
void vid_encoding_proof(const struct vid_encoding *e, unsigned index, struct vid_proof *proof);

enum vid_result {
    VID_RETRIEVED,    /* `block` points into the chunks, all n of which are now there. */
    VID_BAD_PROPOSER, /* There is no block, for any retriever. */
    VID_BAD_CHUNKS,   /* Some chunks were not under the header: `liars` sent them. */
};

/* Decodes the first k of the chunks that `present` names (it has k at least) in `chunks` (room
 * for all n, aligned to 64), each in its place, with `proofs[i]` what came with chunk i. Codes
 * again and compares the tree's root with the header's: equal proves all chunks at once, so that
 * their proofs need not be looked at. Not equal: the k proofs are checked; VID_BAD_CHUNKS if one
 * fails. Only k chunks whose proofs hold can make the proposer bad: one lying server must not
 * make one node call a block empty. On VID_RETRIEVED `e` is the encoding, from which the
 * retriever serves its own chunk.
 *
 * The first k present are never written. All other places are, also those of chunks present
 * beyond the first k: after VID_BAD_CHUNKS what is left is the first k without the liars. */
enum vid_result vid_decode(struct quorum q, const struct code *c, const struct vid_header *header,
                           const struct nodeset *present, uint8_t *chunks,
                           const struct vid_proof proofs[], struct vid_encoding *e,
                           struct slice *block, struct nodeset *liars);

#endif
