#include "vid/encoding.h"

static_assert(CODE_BLOCK_SIZE_MAX + CODE_CHUNK_ALIGN * CODE_DATA_MAX < HASH_PARTS_SIZE_MAX,
              "a chunk can be hashed");

struct hash vid_commitment(struct quorum q, const struct vid_header *header)
{
    uint8_t sizes[8];
    struct writer w = writer_of(sizes, sizeof sizes);
    write_u16(&w, q.n);
    write_u16(&w, (uint16_t)quorum_data(q));
    write_u32(&w, header->chunk_size);
    assert(w.ok);
    struct slice parts[] = {writer_result(&w), hash_slice(&header->tree_root)};
    return hash_tagged("vid/commitment", parts, 2);
}

bool vid_chunk_verify(struct quorum q, const struct vid_header *header, unsigned index,
                      struct slice chunk, const struct vid_proof *proof)
{
    if (index >= q.n || chunk.size != header->chunk_size)
        return false;
    struct hash leaf;
    hash_parts(chunk.data, chunk.size, 1, &leaf);
    return merkle_verify(&header->tree_root, q.n, index, &leaf, proof->path,
                         merkle_path_length(q.n, index));
}

/* What all n chunks in their places commit to. */
static void commit(struct quorum q, const uint8_t *chunks, size_t chunk_size,
                   struct vid_encoding *e)
{
    struct hash leaves[NODES_MAX];
    hash_parts(chunks, chunk_size, q.n, leaves);
    merkle_tree_build(&e->tree, leaves, q.n);
    e->header = (struct vid_header){(uint32_t)chunk_size, merkle_tree_root(&e->tree)};
    e->commitment = vid_commitment(q, &e->header);
}

void vid_encode(struct quorum q, const struct code *c, struct slice block, uint8_t *chunks,
                struct vid_encoding *e)
{
    assert(c->chunk_count == q.n);
    code_encode(c, block, chunks);
    commit(q, chunks, code_chunk_size(c, block.size), e);
}

void vid_encoding_proof(const struct vid_encoding *e, unsigned index, struct vid_proof *proof)
{
    *proof = (struct vid_proof){0};
    merkle_tree_path(&e->tree, index, proof->path);
}

/* Those of the first k chunks present whose proofs fail. */
static struct nodeset unproven(struct quorum q, const struct vid_header *header,
                               const struct nodeset *present, const uint8_t *chunks,
                               const struct vid_proof proofs[])
{
    struct nodeset liars = {0};
    unsigned i = nodeset_next(present, 0);
    for (unsigned used = 0; used < quorum_data(q); used++, i = nodeset_next(present, i + 1)) {
        struct slice chunk = slice_of(chunks + i * (size_t)header->chunk_size, header->chunk_size);
        if (!vid_chunk_verify(q, header, i, chunk, &proofs[i]))
            nodeset_add(&liars, i);
    }
    return liars;
}

enum vid_result vid_decode(struct quorum q, const struct code *c, const struct vid_header *header,
                           const struct nodeset *present, uint8_t *chunks,
                           const struct vid_proof proofs[], struct vid_encoding *e,
                           struct slice *block, struct nodeset *liars)
{
    assert(c->chunk_count == q.n);
    *liars = (struct nodeset){0};
    if (!code_chunk_size_valid(c, header->chunk_size))
        return VID_BAD_PROPOSER;

    /* An equal root says that the n chunks under it are an encoding; another one, although the k
     * chunks used are under it, that they are none. Both depend on the header alone, so that all
     * retrievers find the same. */
    code_repair(c, present, chunks, header->chunk_size);
    commit(q, chunks, header->chunk_size, e);
    if (!hash_equal(&e->header.tree_root, &header->tree_root)) {
        *liars = unproven(q, header, present, chunks, proofs);
        return nodeset_empty(liars) ? VID_BAD_PROPOSER : VID_BAD_CHUNKS;
    }
    return code_extract(c, chunks, header->chunk_size, block) ? VID_RETRIEVED : VID_BAD_PROPOSER;
}
