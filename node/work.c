#include "node/work.h"

#include "vid/encoding.h"

#include <stdlib.h>

struct job *job_new(const struct work_keys *keys, enum work_kind kind, epoch_id epoch,
                    node_id proposer)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        abort();
    j->keys = keys;
    j->result.kind = kind;
    j->result.epoch = epoch;
    j->result.proposer = proposer;
    return j;
}

void job_free(struct job *j)
{
    if (!j)
        return;
    free(j->block);
    if (j->result.kind == WORK_ENCODE)
        free(j->chunks);
    free(j->toss);
    free(j);
}

uint8_t *chunks_new(struct quorum q, size_t chunk_size)
{
    uint8_t *chunks = aligned_alloc(CODE_CHUNK_ALIGN, q.n * chunk_size);
    if (!chunks)
        abort();
    return chunks;
}

void *array_grow(void *items, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return items;
    *capacity = needed * 2 + 16;
    items = realloc(items, *capacity * size);
    if (!items)
        abort();
    return items;
}

static void encode(struct job *j)
{
    const struct quorum q = j->keys->quorum;
    const struct slice bytes = slice_of(j->block, j->block_size);
    struct block b;
    const bool ok = block_open(bytes, q, j->result.epoch, &b);
    assert(ok); /* Ours. */
    j->chunks = chunks_new(q, code_chunk_size(j->keys->code, bytes.size));
    vid_encode(q, j->keys->code, bytes, j->chunks, &j->encoding);
    j->result.root = j->encoding.commitment;
    j->result.count = b.count;
    j->result.chunk_size = j->encoding.header.chunk_size;
}

static void check(struct job *j)
{
    const struct quorum q = j->keys->quorum;
    j->result.valid = code_chunk_size_valid(j->keys->code, j->header.chunk_size) &&
                      vid_chunk_verify(q, &j->header, j->keys->self,
                                       slice_of(j->block, j->block_size), &j->proof);
    j->result.root = vid_commitment(q, &j->header);
    j->result.chunk_size = j->header.chunk_size;
}

static void decode(struct job *j)
{
    const struct quorum q = j->keys->quorum;
    struct work_result *r = &j->result;
    if (!code_chunk_size_valid(j->keys->code, j->header.chunk_size)) {
        r->result = VID_BAD_PROPOSER; /* The commitment names a size that no block has. */
        return;
    }
    r->result = vid_decode(q, j->keys->code, &j->header, &j->present, j->chunks, j->proofs,
                           &j->encoding, &j->out, &r->liars);
    struct block b;
    if (r->result == VID_RETRIEVED && block_decode(j->out, q, r->epoch, &b)) {
        r->well_formed = true;
        r->count = b.count;
    }
}

static void verify(struct job *j)
{
    struct work_result *r = &j->result;
    r->valid =
        identity_verify(&j->keys->identities[r->proposer], hash_slice(&r->root), &r->signature);
}

void job_run(struct job *j)
{
    const struct work_keys *k = j->keys;
    const struct coin_name name = {k->chain, j->result.epoch, j->result.proposer, j->result.round};
    switch (j->result.kind) {
    case WORK_ENCODE: encode(j); break;
    case WORK_CHECK: check(j); break;
    case WORK_DECODE: decode(j); break;
    case WORK_SHARE: coin_share_make(k->coin_secret, &name, &j->result.share); break;
    case WORK_TOSS: toss_job_run(j->toss, k->coin_public, &name, &j->result.toss); break;
    case WORK_SIGN:
        identity_sign(k->identity, hash_slice(&j->result.root), NULL, &j->result.signature);
        break;
    case WORK_VERIFY: verify(j); break;
    }
}
