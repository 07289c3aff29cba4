/* A node that is no driver: what it says, a test says for it. */
#ifndef TESTS_CORE_LIAR_H
#define TESTS_CORE_LIAR_H

#include "tests/core_checks.h"

enum { LIAR_BLOCK_BYTES = 200 };

enum lie {
    NO_LIE,
    NO_BLOCK, /* Other bytes, well encoded. */
    NO_ENCODING,
    NOT_SEEN, /* It names all earlier dispersals of the last node, which there never were. */
};

struct dispersal {
    epoch_id epoch;
    struct vid_encoding encoding;
    _Alignas(64) uint8_t chunks[MEMBERS_MAX * 256];
};

static struct word liar_word = {1, 0, 0}; /* Where it says it is. */

static inline void speak(node_id from, node_id to, enum driver_lane lane, const struct message *m)
{
    static uint8_t frame[8 << 10];
    struct writer w = writer_of(frame, sizeof frame);
    message_header_encode(&w, &cluster.chain, &liar_word);
    message_encode(&w, cluster.quorum, from, to, m);
    assert_true(w.ok);
    post_frame(from, to, lane, writer_result(&w));
}

/* A block of one transaction, whose bytes begin with `id`. */
static inline void dispersal_make(struct dispersal *d, epoch_id epoch, uint64_t id, enum lie lie)
{
    const struct quorum q = cluster.quorum;
    uint8_t block[LIAR_BLOCK_BYTES] = {lie == NO_BLOCK ? 2 : 1};
    struct writer w = writer_of(block + q.n, sizeof block - q.n); /* None seen of the others. */
    write_u8(&w, lie == NOT_SEEN);
    write_u64(&w, 1);
    write_u64(&w, epoch - 1);
    w.at -= lie == NOT_SEEN ? 0 : 16;
    write_u32(&w, 1);
    write_u32(&w, (uint32_t)(w.end - w.at) - 4);
    write_u64(&w, id);
    assert_true(code_chunk_size(&cluster.code, sizeof block) * q.n <= sizeof d->chunks);
    d->epoch = epoch;
    vid_encode(q, &cluster.code, slice_of(block, sizeof block), d->chunks, &d->encoding);
    if (lie != NO_ENCODING)
        return;
    const size_t size = d->encoding.header.chunk_size;
    struct hash leaves[MEMBERS_MAX];
    d->chunks[(q.n - 1u) * size] ^= 1;
    hash_parts(d->chunks, size, q.n, leaves);
    merkle_tree_build(&d->encoding.tree, leaves, q.n);
    d->encoding.header.tree_root = merkle_tree_root(&d->encoding.tree);
    d->encoding.commitment = vid_commitment(q, &d->encoding.header);
}

static inline void dispersal_send(const struct dispersal *d, node_id from, node_id to)
{
    const size_t size = d->encoding.header.chunk_size;
    struct message m = {.kind = MESSAGE_CHUNK, .epoch = d->epoch, .proposer = from};
    m.chunk.header = d->encoding.header;
    vid_encoding_proof(&d->encoding, to, &m.chunk.proof);
    m.chunk.data = slice_of(d->chunks + to * size, size);
    speak(from, to, DRIVER_DISPERSAL, &m);
}

/* The proposer's own vote for it. */
static inline void dispersal_got(const struct dispersal *d, node_id from, node_id to)
{
    uint8_t entry[1 + HASH_SIZE] = {(uint8_t)from};
    memcpy(entry + 1, d->encoding.commitment.bytes, HASH_SIZE);
    const struct message m = {.kind = MESSAGE_ROOTS,
                              .epoch = d->epoch,
                              .roots = {VID_GOT, 1, slice_of(entry, sizeof entry)}};
    speak(from, to, DRIVER_VOTES, &m);
}

#endif
