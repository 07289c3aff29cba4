#include "node/snapshot.h"

enum { FORMAT = 1, FORMAT_OPAQUE = 2 };
/* So many that no sum here wraps, and more than any disk holds. */
#define ENTRIES_MAX (UINT64_C(1) << 40)

void snapshot_head_encode(struct writer *w, const struct snapshot_head *h)
{
    write_u8(w, h->opaque ? FORMAT_OPAQUE : FORMAT);
    checkpoint_encode(w, &h->checkpoint);
    write_u64(w, h->accounts);
    write_u64(w, h->runs);
    merkle_frontier_encode(&h->log, w);
    if (h->opaque) {
        write_u64(w, h->ids);
        write_u32(w, h->state_pieces);
        write_slice(w, hash_slice(&h->pieces_root));
    }
    write_u8(w, (uint8_t)nodeset_count(&h->signers));
    for (unsigned p = nodeset_next(&h->signers, 0); p < NODES_MAX;
         p = nodeset_next(&h->signers, p + 1)) {
        write_u8(w, (uint8_t)p);
        write_bytes(w, h->signatures[p].bytes, IDENTITY_SIGNATURE_SIZE);
    }
}

static void read_signers(struct reader *r, struct quorum q, struct snapshot_head *h)
{
    const unsigned count = read_u8(r);
    int last = -1;
    for (unsigned i = 0; i < count && r->ok; i++) {
        const int signer = read_u8(r);
        if (signer >= q.n || signer <= last) {
            r->ok = false;
            return;
        }
        last = signer;
        nodeset_add(&h->signers, (unsigned)signer);
        read_into(r, h->signatures[signer].bytes, IDENTITY_SIGNATURE_SIZE);
    }
}

bool snapshot_head_decode(struct slice bytes, struct quorum q, struct snapshot_head *h)
{
    struct reader r = reader_of(bytes);
    *h = (struct snapshot_head){.accounts = 0};
    const uint8_t format = read_u8(&r);
    checkpoint_decode(&r, &h->checkpoint);
    h->accounts = read_u64(&r);
    h->runs = read_u64(&r);
    h->opaque = format == FORMAT_OPAQUE;
    if ((format != FORMAT && !h->opaque) || !r.ok || !merkle_frontier_decode(&r, &h->log))
        return false;
    if (h->opaque) {
        h->ids = read_u64(&r);
        h->state_pieces = read_u32(&r);
        read_into(&r, h->pieces_root.bytes, HASH_SIZE);
    }
    read_signers(&r, q, h);
    return reader_finished(&r) && h->accounts < ENTRIES_MAX && h->runs < ENTRIES_MAX &&
           h->ids < ENTRIES_MAX && h->state_pieces < ENTRIES_MAX / SNAPSHOT_PIECE_ENTRIES &&
           !(h->opaque && h->accounts > 0);
}

bool snapshot_head_verify(struct snapshot_head *h, const struct snapshot_rules *rules)
{
    const struct quorum q = rules->quorum;
    const struct hash digest = checkpoint_digest(&rules->chain, &h->checkpoint);
    const struct hash log_root = merkle_frontier_root(&h->log);
    struct nodeset good = {0};
    if (h->opaque != rules->opaque || h->log.count != h->checkpoint.height ||
        !hash_equal(&log_root, &h->checkpoint.log_root) ||
        h->runs > q.n * (rules->link_horizon / 2 + 1))
        return false;
    for (unsigned p = nodeset_next(&h->signers, 0);
         p < q.n && nodeset_count(&good) < quorum_some(q); p = nodeset_next(&h->signers, p + 1)) {
        if (!identity_verify(&rules->identities[p], hash_slice(&digest), &h->signatures[p]))
            return false; /* Who is correct passes none of these on. */
        nodeset_add(&good, p);
    }
    h->signers = good;
    return nodeset_count(&good) >= quorum_some(q);
}

static uint64_t pieces_of(uint64_t entries)
{
    return (entries + SNAPSHOT_PIECE_ENTRIES - 1) / SNAPSHOT_PIECE_ENTRIES;
}

uint32_t snapshot_run_pieces(const struct snapshot_head *h) { return (uint32_t)pieces_of(h->runs); }

uint32_t snapshot_id_pieces(const struct snapshot_head *h) { return (uint32_t)pieces_of(h->ids); }

uint32_t snapshot_pieces(const struct snapshot_head *h)
{
    return (uint32_t)(pieces_of(h->runs) + pieces_of(h->accounts) + pieces_of(h->ids)) +
           h->state_pieces;
}

/* Entries of piece `index` of so many. */
static size_t entries_of(uint64_t entries, uint32_t index)
{
    const uint64_t left = entries - (uint64_t)index * SNAPSHOT_PIECE_ENTRIES;
    return left < SNAPSHOT_PIECE_ENTRIES ? (size_t)left : SNAPSHOT_PIECE_ENTRIES;
}

size_t snapshot_piece_size(const struct snapshot_head *h, uint32_t index)
{
    const uint32_t runs = snapshot_run_pieces(h);
    if (index < runs)
        return entries_of(h->runs, index) * CHECKPOINT_RUN_SIZE;
    if (!h->opaque)
        return entries_of(h->accounts, index - runs) * SNAPSHOT_ACCOUNT_SIZE;
    return index < runs + snapshot_id_pieces(h) ? entries_of(h->ids, index - runs) * HASH_SIZE
                                                : SNAPSHOT_PIECE_SIZE_MAX;
}

bool snapshot_piece_fits(const struct snapshot_head *h, uint32_t index, size_t size)
{
    const size_t most = snapshot_piece_size(h, index);
    return h->opaque && index >= snapshot_run_pieces(h) + snapshot_id_pieces(h)
               ? size > 0 && size <= most
               : size == most;
}

const struct hash *snapshot_root(const struct snapshot_head *h)
{
    return h->opaque ? &h->pieces_root : &h->checkpoint.state_root;
}

struct hash snapshot_piece_root(const struct snapshot_head *h, struct slice piece)
{
    if (h->opaque)
        return hash_leaf(piece);
    const size_t count = piece.size / SNAPSHOT_ACCOUNT_SIZE;
    struct hash leaves[SNAPSHOT_PIECE_ENTRIES];
    assert(count <= SNAPSHOT_PIECE_ENTRIES);
    for (size_t i = 0; i < count; i++)
        leaves[i] =
            hash_leaf(slice_of(piece.data + i * SNAPSHOT_ACCOUNT_SIZE, SNAPSHOT_ACCOUNT_SIZE));
    return merkle_root(leaves, count);
}

bool snapshot_piece_valid(const struct snapshot_head *h, uint32_t index, struct slice piece,
                          const struct hash path[], unsigned path_length)
{
    const uint32_t runs = snapshot_run_pieces(h);
    if (index >= snapshot_pieces(h) || !snapshot_piece_fits(h, index, piece.size))
        return false;
    if (index < runs)
        return true;
    const struct hash root = snapshot_piece_root(h, piece);
    return merkle_verify(snapshot_root(h), snapshot_pieces(h) - runs, index - runs, &root, path,
                         path_length);
}
