/* The erasure code: k chunks of data make n chunks, any k of which suffice (ISA-L,
 * Reed-Solomon over GF(2^8)).
 *
 * The matrix is Cauchy, since ISA-L's Vandermonde one is singular for some choices of k
 * rows. A block of L bytes is coded as L (u64) || block || zeroes, cut into k chunks of
 * equal size, a multiple of 64: one block has one encoding. */
#ifndef VID_CODE_H
#define VID_CODE_H

#include "crypto/bytes.h"
#include "crypto/quorum.h"

enum {
    CODE_BLOCK_SIZE_MAX = 8 << 20, /* Bytes of a block. */
    CODE_CHUNK_ALIGN = 64,
    /* Of a quorum: k = n - 2f <= f + 3, and 2f more. */
    CODE_DATA_MAX = (NODES_MAX - 1) / 3 + 3,
    CODE_PARITY_MAX = (NODES_MAX - 1) / 3 * 2,
    CODE_TABLE_SIZE = 32, /* ISA-L's, for one coefficient. */
};

struct code {
    unsigned data_count;                       /* k */
    unsigned chunk_count;                      /* n */
    uint8_t matrix[NODES_MAX * CODE_DATA_MAX]; /* n rows of k; the first k are the identity. */
    uint8_t tables[CODE_PARITY_MAX * CODE_DATA_MAX * CODE_TABLE_SIZE]; /* For encoding. */
};

/* k = quorum_data(q), n = q.n. */
void code_init(struct code *c, struct quorum q);
/* Bytes of each chunk of a block of `block_size` bytes; the same where k alone is known. */
size_t code_chunk_size(const struct code *c, size_t block_size);
size_t code_chunk_size_of(unsigned data_count, size_t block_size);
/* Whether some block of at most CODE_BLOCK_SIZE_MAX has chunks of this size. */
bool code_chunk_size_valid(const struct code *c, size_t chunk_size);

/* Codes `block` into n chunks laid one after another in `chunks`, which holds
 * n * chunk_size bytes, aligned to 64, chunk_size = code_chunk_size(c, block.size). */
void code_encode(const struct code *c, struct slice block, uint8_t *chunks);
/* Recovers all n chunks in place from the first k chunks that `present` names (it has k at
 * least). What the other places held is overwritten, those present beyond the first k too. */
void code_repair(const struct code *c, const struct nodeset *present, uint8_t *chunks,
                 size_t chunk_size);
/* Finds the block in the first k chunks; false when they hold no well-formed one (length
 * too large for the chunks, chunks larger than the length needs, padding that is not zero). */
bool code_extract(const struct code *c, const uint8_t *chunks, size_t chunk_size,
                  struct slice *block);

#endif
