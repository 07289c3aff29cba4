#include "node/message.h"

#include <string.h>

enum { ROOT_ENTRY_SIZE = 1 + HASH_SIZE };

static bool names_proposer(enum message_kind kind)
{
    return kind == MESSAGE_SHARE || kind == MESSAGE_WANT_ROOTS || kind == MESSAGE_REQUEST ||
           kind == MESSAGE_CANCEL || kind == MESSAGE_NONE || kind == MESSAGE_PIECE;
}

static bool names_epoch(enum message_kind kind)
{
    return kind != MESSAGE_WANT_ROOTS && kind != MESSAGE_PING && kind != MESSAGE_PONG;
}

void message_header_encode(struct writer *w, const struct hash *chain, const struct word *word)
{
    write_u8(w, MESSAGE_VERSION);
    write_bytes(w, chain->bytes, 8);
    write_u64(w, word->first_unsealed);
    write_u64(w, word->agreed);
    write_u64(w, word->executed);
}

bool message_header_decode(struct reader *r, const struct hash *chain, struct word *word)
{
    const uint8_t version = read_u8(r);
    const struct slice prefix = read_slice(r, 8);
    word->first_unsealed = read_u64(r);
    word->agreed = read_u64(r);
    word->executed = read_u64(r);
    return r->ok && version == MESSAGE_VERSION && memcmp(prefix.data, chain->bytes, 8) == 0;
}

static void write_set(struct writer *w, struct quorum q, const struct nodeset *s)
{
    for (unsigned byte = 0; byte < (q.n + 7u) / 8; byte++)
        write_u8(w, (uint8_t)(s->words[byte / 8] >> (byte % 8 * 8)));
}

/* A set of nodes that exist, not empty. */
static void read_set(struct reader *r, struct quorum q, struct nodeset *s)
{
    *s = (struct nodeset){0};
    for (unsigned byte = 0; byte < (q.n + 7u) / 8; byte++)
        s->words[byte / 8] |= (uint64_t)read_u8(r) << (byte % 8 * 8);
    if (nodeset_next(s, q.n) != NODES_MAX || nodeset_empty(s))
        r->ok = false;
}

static void write_chunk(struct writer *w, struct quorum q, unsigned index, const struct message *m)
{
    write_u32(w, m->chunk.header.chunk_size);
    write_slice(w, hash_slice(&m->chunk.header.tree_root));
    write_bytes(w, m->chunk.proof.path, merkle_path_length(q.n, index) * HASH_SIZE);
    if (m->kind == MESSAGE_PIECE)
        write_u32(w, m->chunk.offset);
    write_u32(w, (uint32_t)m->chunk.data.size);
    write_slice(w, m->chunk.data);
}

/* A CHUNK is whole; a PIECE is what remains from its offset, up to the size of a piece. */
static void read_chunk(struct reader *r, struct quorum q, unsigned index, struct message *m)
{
    m->chunk.header.chunk_size = read_u32(r);
    read_into(r, m->chunk.header.tree_root.bytes, HASH_SIZE);
    m->chunk.proof = (struct vid_proof){0};
    read_into(r, m->chunk.proof.path, merkle_path_length(q.n, index) * HASH_SIZE);
    m->chunk.offset = m->kind == MESSAGE_PIECE ? read_u32(r) : 0;
    m->chunk.data = read_slice(r, read_u32(r));
    const uint32_t whole = m->chunk.header.chunk_size;
    if (whole == 0 || whole > CODE_BLOCK_SIZE_MAX + CODE_CHUNK_ALIGN ||
        whole % CODE_CHUNK_ALIGN != 0 || m->chunk.offset >= whole) {
        r->ok = false;
        return;
    }
    uint32_t expected = whole - m->chunk.offset;
    if (m->kind == MESSAGE_PIECE) {
        if (m->chunk.offset % MESSAGE_PIECE_SIZE != 0)
            r->ok = false;
        if (expected > MESSAGE_PIECE_SIZE)
            expected = MESSAGE_PIECE_SIZE;
    }
    if (m->chunk.data.size != expected)
        r->ok = false;
}

static void write_sized(struct writer *w, struct slice bytes)
{
    write_u32(w, (uint32_t)bytes.size);
    write_slice(w, bytes);
}

void message_encode(struct writer *w, struct quorum q, node_id from, node_id to,
                    const struct message *m)
{
    write_u8(w, (uint8_t)m->kind);
    if (names_epoch(m->kind))
        write_u64(w, m->epoch);
    if (names_proposer(m->kind))
        write_u8(w, (uint8_t)m->proposer);
    switch (m->kind) {
    case MESSAGE_VOTES:
        write_u8(w, m->votes.vote.type);
        write_u8(w, m->votes.vote.round);
        write_u8(w, m->votes.vote.values);
        write_set(w, q, &m->votes.proposers);
        break;
    case MESSAGE_ROOTS:
        write_u8(w, (uint8_t)m->roots.vote);
        write_u8(w, (uint8_t)m->roots.count);
        write_slice(w, m->roots.entries);
        break;
    case MESSAGE_SHARE:
        write_u8(w, m->share.round);
        coin_share_encode(w, &m->share.share);
        break;
    case MESSAGE_WANT_VOTES:
    case MESSAGE_READY: write_set(w, q, &m->ready.proposers); break;
    case MESSAGE_WANT_ROOTS:
        write_u8(w, (uint8_t)m->want_roots.count);
        for (unsigned i = 0; i < m->want_roots.count; i++) {
            write_u64(w, m->want_roots.runs[i].first);
            write_u64(w, m->want_roots.runs[i].last);
        }
        break;
    case MESSAGE_REQUEST:
        write_slice(w, hash_slice(&m->request.root));
        write_u32(w, m->request.offset);
        break;
    case MESSAGE_CANCEL:
    case MESSAGE_NONE: write_slice(w, hash_slice(&m->request.root)); break;
    case MESSAGE_CHECKPOINT:
        write_slice(w, hash_slice(&m->checkpoint.digest));
        write_bytes(w, m->checkpoint.signature.bytes, IDENTITY_SIGNATURE_SIZE);
        break;
    case MESSAGE_WANT_CHECKPOINT: break;
    case MESSAGE_PING:
    case MESSAGE_PONG: write_u64(w, m->ping.asked_ms); break;
    case MESSAGE_CHUNK: write_chunk(w, q, to, m); break;
    case MESSAGE_PIECE: write_chunk(w, q, from, m); break;
    case MESSAGE_OFFER: write_sized(w, m->offer.head); break;
    case MESSAGE_WANT_SNAPSHOT: write_u32(w, m->snapshot.index); break;
    case MESSAGE_SNAPSHOT:
        write_u32(w, m->snapshot.index);
        write_u8(w, (uint8_t)(m->snapshot.path.size / HASH_SIZE));
        write_slice(w, m->snapshot.path);
        write_sized(w, m->snapshot.data);
        break;
    }
}

static void read_roots(struct reader *r, struct quorum q, struct message *m)
{
    const uint8_t vote = read_u8(r);
    m->roots.vote = (enum vid_vote)vote;
    m->roots.count = read_u8(r);
    m->roots.entries = read_slice(r, m->roots.count * (size_t)ROOT_ENTRY_SIZE);
    if (!r->ok || vote < VID_GOT || vote > VID_COMPLETE || m->roots.count == 0) {
        r->ok = false;
        return;
    }
    int last = -1;
    for (unsigned i = 0; i < m->roots.count; i++) {
        const int proposer = m->roots.entries.data[i * ROOT_ENTRY_SIZE];
        if (proposer <= last || proposer >= q.n)
            r->ok = false;
        last = proposer;
    }
}

static void read_runs(struct reader *r, struct message *m)
{
    m->want_roots.count = read_u8(r);
    if (m->want_roots.count == 0 || m->want_roots.count > MESSAGE_RUNS_MAX) {
        r->ok = false;
        return;
    }
    epoch_id below = 0; /* The least epoch that the next run may begin with is 2 above. */
    for (unsigned i = 0; i < m->want_roots.count; i++) {
        struct epoch_run *run = &m->want_roots.runs[i];
        run->first = read_u64(r);
        run->last = read_u64(r);
        if (run->first == 0 || run->first > run->last || run->last >= UINT64_MAX - 1 ||
            (i > 0 && run->first < below + 2))
            r->ok = false;
        below = run->last;
    }
}

static struct slice read_sized(struct reader *r, size_t most)
{
    const uint32_t size = read_u32(r);
    if (size == 0 || size > most)
        r->ok = false;
    return read_slice(r, size);
}

static void read_snapshot(struct reader *r, struct message *m)
{
    m->snapshot.index = read_u32(r);
    m->snapshot.path = m->snapshot.data = (struct slice){0};
    if (m->kind == MESSAGE_WANT_SNAPSHOT)
        return;
    const unsigned length = read_u8(r);
    if (length > MERKLE_LOG_DEPTH_MAX)
        r->ok = false;
    m->snapshot.path = read_slice(r, length * (size_t)HASH_SIZE);
    m->snapshot.data = read_sized(r, SNAPSHOT_PIECE_SIZE_MAX);
}

static void read_body(struct reader *r, struct quorum q, node_id from, node_id to,
                      struct message *m)
{
    switch (m->kind) {
    case MESSAGE_VOTES:
        m->votes.vote.type = read_u8(r);
        m->votes.vote.round = read_u8(r);
        m->votes.vote.values = read_u8(r);
        read_set(r, q, &m->votes.proposers);
        if (!ba_message_valid(&m->votes.vote))
            r->ok = false;
        break;
    case MESSAGE_ROOTS: read_roots(r, q, m); break;
    case MESSAGE_SHARE:
        m->share.round = read_u8(r);
        coin_share_decode(r, &m->share.share);
        if (m->share.round >= BA_ROUNDS_MAX || !ba_round_tossed(m->share.round))
            r->ok = false;
        break;
    case MESSAGE_WANT_VOTES:
    case MESSAGE_READY: read_set(r, q, &m->ready.proposers); break;
    case MESSAGE_WANT_ROOTS: read_runs(r, m); break;
    case MESSAGE_REQUEST:
    case MESSAGE_CANCEL:
    case MESSAGE_NONE:
        read_into(r, m->request.root.bytes, HASH_SIZE);
        m->request.offset = m->kind == MESSAGE_REQUEST ? read_u32(r) : 0;
        if (m->request.offset % MESSAGE_PIECE_SIZE != 0)
            r->ok = false;
        break;
    case MESSAGE_CHECKPOINT:
        read_into(r, m->checkpoint.digest.bytes, HASH_SIZE);
        read_into(r, m->checkpoint.signature.bytes, IDENTITY_SIGNATURE_SIZE);
        break;
    case MESSAGE_WANT_CHECKPOINT: break;
    case MESSAGE_PING:
    case MESSAGE_PONG: m->ping.asked_ms = read_u64(r); break;
    case MESSAGE_CHUNK: read_chunk(r, q, to, m); break;
    case MESSAGE_PIECE: read_chunk(r, q, from, m); break;
    case MESSAGE_OFFER: m->offer.head = read_sized(r, SNAPSHOT_HEAD_SIZE_MAX); break;
    case MESSAGE_WANT_SNAPSHOT:
    case MESSAGE_SNAPSHOT: read_snapshot(r, m); break;
    }
}

bool message_decode(struct reader *r, struct quorum q, node_id from, node_id to, struct message *m)
{
    if (!r->ok || reader_left(r) == 0)
        return false;
    const uint8_t kind = read_u8(r);
    if (kind < MESSAGE_VOTES || kind > MESSAGE_LAST) {
        r->ok = false;
        return false;
    }
    m->kind = (enum message_kind)kind;
    m->epoch = names_epoch(m->kind) ? read_u64(r) : 1;
    m->proposer = from;
    if (names_proposer(m->kind))
        m->proposer = read_u8(r);
    /* Epochs stay far from the end of their type, so that sums of them do not wrap. */
    if (m->epoch == 0 || m->epoch > UINT64_MAX / 2 || m->proposer >= q.n)
        r->ok = false;
    if (r->ok)
        read_body(r, q, from, to, m);
    return r->ok;
}

void message_root_entry(const struct message *m, unsigned i, node_id *proposer, struct hash *root)
{
    assert(m->kind == MESSAGE_ROOTS);
    assert(i < m->roots.count);
    const uint8_t *entry = m->roots.entries.data + i * ROOT_ENTRY_SIZE;
    *proposer = entry[0];
    memcpy(root->bytes, entry + 1, HASH_SIZE);
}
