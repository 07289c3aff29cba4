#include "tests/sim/liar.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER_SIZE = 4 << 20 };

const char *const lie_names[LIES] = {
#define X(name) #name,
    LIE_MAP(X)
#undef X
};

void liar_init(struct liar *l, struct prng *prng, struct quorum q, node_id self,
               const struct hash *chain, const struct code *code,
               const struct identity_secret *identity)
{
    *l = (struct liar){.prng = prng,
                       .quorum = q,
                       .self = self,
                       .chain = chain,
                       .code = code,
                       .identity = identity};
    l->buffer = malloc(BUFFER_SIZE);
    if (!l->buffer)
        abort();
    const unsigned count = 1 + (unsigned)prng_below(prng, 5);
    for (unsigned k = 0; k < count; k++)
        l->lies[prng_below(prng, LIES_DRAWN)] = true;
}

void liar_free(struct liar *l)
{
    for (unsigned k = 0; k < 16; k++) {
        free(l->forged[k].chunks);
        free(l->old[k].bytes);
    }
    free(l->buffer);
}

static bool tells(struct liar *l, enum lie lie, unsigned numerator, unsigned denominator)
{
    if (!l->lies[lie] || !prng_chance(l->prng, numerator, denominator))
        return false;
    l->told[lie]++;
    return true;
}

/* A block with no transactions, and with a lie in it. */
static struct slice forge_block(struct liar *l, epoch_id epoch, enum lie lie, uint8_t *bytes)
{
    struct writer w = writer_of(bytes, 8192);
    if (lie == LIE_no_block) {
        prng_fill(l->prng, bytes, 200);
        return slice_of(bytes, 200);
    }
    write_u8(&w, 1);
    for (unsigned p = 0; p < l->quorum.n; p++) {
        const bool all = lie == LIE_lying_seen && epoch > 1;
        write_u8(&w, all);
        if (all) {
            write_u64(&w, 1);
            write_u64(&w, epoch - 1);
        }
    }
    write_u32(&w, 0);
    return writer_result(&w);
}

static struct forged *forge(struct liar *l, epoch_id epoch, enum lie lie)
{
    struct forged *f = &l->forged[epoch % 16];
    if (f->epoch == epoch)
        return f;
    uint8_t bytes[8192];
    const struct slice block = forge_block(l, epoch, lie, bytes);
    const size_t size = code_chunk_size(l->code, block.size);
    free(f->chunks);
    *f = (struct forged){.epoch = epoch, .lie = lie, .chunks = chunks_new(l->quorum, size)};
    vid_encode(l->quorum, l->code, block, f->chunks, &f->encoding);
    if (lie != LIE_no_encoding)
        return f;
    f->chunks[(l->quorum.n - 1) * size] ^= 1; /* All proofs are right, the coding is not. */
    struct hash leaves[NODES_MAX];
    hash_parts(f->chunks, size, l->quorum.n, leaves);
    merkle_tree_build(&f->encoding.tree, leaves, l->quorum.n);
    f->encoding.header.tree_root = merkle_tree_root(&f->encoding.tree);
    f->encoding.commitment = vid_commitment(l->quorum, &f->encoding.header);
    return f;
}

/* Which block of an epoch `to` gets: the lie of that epoch, or LIES for the true one. */
static enum lie block_lie(struct liar *l, epoch_id epoch, node_id to)
{
    static const enum lie kinds[] = {LIE_no_encoding, LIE_no_block, LIE_lying_seen, LIE_two_blocks};
    for (unsigned k = 0; k < 4; k++) {
        const enum lie lie = kinds[(k + epoch) % 4];
        if (!l->lies[lie])
            continue;
        if (lie == LIE_two_blocks && to % 2 == 0)
            return LIES;
        return lie;
    }
    return LIES;
}

static bool edit_chunk(struct liar *l, node_id to, struct message *m)
{
    if (l->lies[LIE_withhold] && (to + m->epoch) % 3 != 0) {
        l->told[LIE_withhold]++;
        return false;
    }
    if (l->lies[LIE_gaps] && m->epoch % 2 == 0) { /* Every other one never completes. */
        l->told[LIE_gaps]++;
        return false;
    }
    const enum lie lie = block_lie(l, m->epoch, to);
    if (lie != LIES) {
        struct forged *f = forge(l, m->epoch, lie);
        f->original = vid_commitment(l->quorum, &m->chunk.header);
        l->told[lie]++;
        m->chunk.header = f->encoding.header;
        vid_encoding_proof(&f->encoding, to, &m->chunk.proof);
        const size_t size = f->encoding.header.chunk_size;
        m->chunk.data = slice_of(f->chunks + to * size, size);
    }
    if (tells(l, LIE_bad_chunk, 1, 2))
        m->chunk.proof.path[0].bytes[prng_below(l->prng, 32)] ^= 4;
    return true;
}

static uint8_t entries_buffer[NODES_MAX * (1 + HASH_SIZE)];

/* The liar's word for its own dispersals follows what it dealt; others' roots are bent. */
static void edit_roots(struct liar *l, node_id to, struct message *m)
{
    memcpy(entries_buffer, m->roots.entries.data, m->roots.entries.size);
    m->roots.entries.data = entries_buffer;
    if (tells(l, LIE_complete, 1, 4))
        m->roots.vote = VID_COMPLETE;
    if (tells(l, LIE_far_future, 1, 4)) /* For many dispersals that are not there yet. */
        m->epoch += prng_below(l->prng, 200);
    for (unsigned k = 0; k < m->roots.count; k++) {
        uint8_t *entry = entries_buffer + k * (1 + HASH_SIZE);
        const unsigned at = (unsigned)prng_below(l->prng, 16);
        l->known[at].epoch = m->epoch;
        message_root_entry(m, k, &l->known[at].proposer, &l->known[at].root);
        const struct forged *f = &l->forged[m->epoch % 16];
        if (entry[0] == l->self && f->epoch == m->epoch && block_lie(l, m->epoch, to) != LIES)
            memcpy(entry + 1, f->encoding.commitment.bytes, HASH_SIZE);
        else if (tells(l, LIE_two_roots, 1, 3))
            entry[1 + prng_below(l->prng, 2)] ^= (uint8_t)(1 + prng_below(l->prng, 3));
    }
}

static void edit_votes(struct liar *l, node_id to, struct message *m)
{
    struct ba_message *v = &m->votes.vote;
    const bool other = (to + m->epoch) % 2 == 0;
    if (v->type == BA_TERM) {
        if (other && tells(l, LIE_two_terms, 1, 1))
            v->values ^= BA_BOTH;
    } else if (v->type == BA_CONF) {
        if (other && tells(l, LIE_two_confs, 1, 1))
            v->values = (uint8_t)(1 + prng_below(l->prng, 3));
    } else if (other && tells(l, LIE_two_bits, 1, 1)) {
        v->values ^= BA_BOTH;
    }
    if ((v->type == BA_BVAL || v->type == BA_AUX) && tells(l, LIE_early_term, 1, 4)) {
        const bool one = prng_chance(l->prng, 1, 2);
        *v = (struct ba_message){BA_TERM, 0, one ? BA_ONE : BA_ZERO};
    }
    if (tells(l, LIE_far_future, 1, 4)) {
        if (prng_chance(l->prng, 1, 2))
            m->epoch += 1000;
        else if (v->type != BA_TERM && v->type != BA_CONF && v->round < BA_ROUNDS_MAX - 9)
            v->round = (uint8_t)(v->round + 6);
    }
}

/* Where it says to be: ahead of itself, or behind, in one respect or another. */
static void bend_word(struct liar *l, struct word *word)
{
    if (!tells(l, LIE_lying_word, 1, 3))
        return;
    epoch_id *numbers[] = {&word->first_unsealed, &word->agreed, &word->executed};
    epoch_id *number = numbers[prng_below(l->prng, 3)];
    const uint64_t off = prng_below(l->prng, 200);
    if (prng_chance(l->prng, 1, 2))
        *number += off;
    else
        *number -= *number < off ? *number : off;
}

/* False: the section is not sent. */
static bool edit_section(struct liar *l, node_id to, struct message *m, uint8_t *piece)
{
    switch (m->kind) {
    case MESSAGE_CHUNK: return edit_chunk(l, to, m);
    case MESSAGE_ROOTS: edit_roots(l, to, m); break;
    case MESSAGE_VOTES: edit_votes(l, to, m); break;
    case MESSAGE_SHARE:
        if (tells(l, LIE_bad_share, 1, 2))
            m->share.share.response[prng_below(l->prng, 32)] ^= 16;
        break;
    case MESSAGE_PIECE:
        if (tells(l, LIE_no_pieces, 1, 1))
            return false;
        if (tells(l, LIE_wrong_piece, 1, 1)) {
            memcpy(piece, m->chunk.data.data, m->chunk.data.size);
            piece[prng_below(l->prng, m->chunk.data.size)] ^= 1;
            m->chunk.data.data = piece;
        }
        break;
    case MESSAGE_CHECKPOINT:
        if (l->lies[LIE_bad_signature]) {
            m->checkpoint.signature.bytes[to] ^= 1;
            l->told[LIE_bad_signature]++;
        }
        if (l->lies[LIE_other_ledger]) { /* Another one to each, and well signed. */
            m->checkpoint.digest.bytes[to % 2] ^= 1;
            identity_sign(l->identity, hash_slice(&m->checkpoint.digest), NULL,
                          &m->checkpoint.signature);
            l->told[LIE_other_ledger]++;
        }
        break;
    case MESSAGE_PONG: /* Its answers take for ever. */
        if (tells(l, LIE_lying_word, 1, 3))
            m->pong.asked_ms = 0;
        break;
    case MESSAGE_OFFER:
    case MESSAGE_WANT_SNAPSHOT:
    case MESSAGE_SNAPSHOT:
    case MESSAGE_WANT_CHECKPOINT:
    case MESSAGE_PING:
    case MESSAGE_REQUEST:
    case MESSAGE_CANCEL:
    case MESSAGE_NONE:
    case MESSAGE_WANT_VOTES:
    case MESSAGE_WANT_ROOTS:
    case MESSAGE_READY: break;
    }
    return true;
}

/* A byte of a section is another one, and it still decodes. */
static void bend(struct liar *l, node_id to, uint8_t *section, size_t size)
{
    for (unsigned tries = 0; tries < 8; tries++) {
        uint8_t *byte = section + prng_below(l->prng, size);
        const uint8_t was = *byte;
        *byte ^= (uint8_t)(1 + prng_below(l->prng, 255));
        struct reader r = reader_of(slice_of(section, size));
        struct message m;
        if (message_decode(&r, l->quorum, l->self, to, &m) && reader_finished(&r)) {
            l->told[LIE_any_field]++;
            return;
        }
        *byte = was;
    }
}

/* Chunks that it has no need of, asked for again and again. */
static void ask(struct liar *l, node_id to, struct writer *w)
{
    for (unsigned k = 0; k < 16; k++) {
        const struct message m = {.kind = MESSAGE_REQUEST,
                                  .epoch = l->known[k].epoch,
                                  .proposer = l->known[k].proposer,
                                  .request = {.root = l->known[k].root}};
        if (m.epoch > 0)
            message_encode(w, l->quorum, l->self, to, &m);
    }
}

/* GOT for what nobody disperses, before and after now, more than anyone may have open. */
static void vote_around(struct liar *l, epoch_id epoch, node_id to, struct writer *w)
{
    for (unsigned k = 0; k < 16; k++) {
        const epoch_id off = prng_below(l->prng, 200);
        const bool back = prng_chance(l->prng, 3, 4);
        uint8_t entry[1 + HASH_SIZE];
        prng_fill(l->prng, entry, sizeof entry);
        entry[0] = (uint8_t)prng_below(l->prng, l->quorum.n);
        const struct message m = {.kind = MESSAGE_ROOTS,
                                  .epoch = epoch > off && back ? epoch - off : epoch + off,
                                  .roots = {VID_GOT, 1, slice_of(entry, sizeof entry)}};
        message_encode(w, l->quorum, l->self, to, &m);
    }
}

uint64_t liar_delay(struct liar *l)
{
    return l->bulk && tells(l, LIE_late, 1, 2) ? prng_below(l->prng, 10000000) : 0;
}

static struct slice old_news(struct liar *l, struct slice frame)
{
    const unsigned k = (unsigned)prng_below(l->prng, 16);
    if (l->old[k].bytes && tells(l, LIE_old_news, 1, 4)) {
        memcpy(l->buffer, l->old[k].bytes, l->old[k].size);
        return slice_of(l->buffer, l->old[k].size);
    }
    if (l->lies[LIE_old_news] && frame.size < BUFFER_SIZE && prng_chance(l->prng, 1, 4)) {
        free(l->old[k].bytes);
        l->old[k].bytes = malloc(frame.size);
        if (!l->old[k].bytes)
            abort();
        memcpy(l->old[k].bytes, frame.data, frame.size);
        l->old[k].size = frame.size;
    }
    return frame;
}

static struct slice noise(struct liar *l, struct slice frame)
{
    if (frame.size > BUFFER_SIZE || !tells(l, LIE_noise, 1, 6))
        return frame;
    memmove(l->buffer, frame.data, frame.size);
    if (prng_chance(l->prng, 1, 2))
        return slice_of(l->buffer, prng_below(l->prng, frame.size) + 1);
    for (unsigned k = 0; k < 4; k++)
        l->buffer[prng_below(l->prng, frame.size)] ^= (uint8_t)(1 + prng_below(l->prng, 255));
    return slice_of(l->buffer, frame.size);
}

struct slice liar_edit(struct liar *l, node_id to, struct slice frame)
{
    if (l->lies[LIE_silent] && (to + l->self) % 2 == 0) {
        l->told[LIE_silent]++;
        return slice_of(NULL, 0);
    }
    struct reader r = reader_of(frame);
    struct word word;
    if (!message_header_decode(&r, l->chain, &word))
        return frame;
    bend_word(l, &word);
    struct writer w = writer_of(l->buffer, BUFFER_SIZE);
    message_header_encode(&w, l->chain, &word);
    static uint8_t piece[MESSAGE_PIECE_SIZE];
    struct message m;
    l->bulk = false;
    while (message_decode(&r, l->quorum, l->self, to, &m)) {
        uint8_t *section = w.at;
        l->bulk = l->bulk || m.kind == MESSAGE_CHUNK || m.kind == MESSAGE_PIECE;
        if (!edit_section(l, to, &m, piece))
            continue;
        message_encode(&w, l->quorum, l->self, to, &m);
        if (w.ok && l->lies[LIE_any_field] && prng_chance(l->prng, 1, 8))
            bend(l, to, section, (size_t)(w.at - section));
    }
    if (tells(l, LIE_requests, 1, 2))
        ask(l, to, &w);
    if (tells(l, LIE_many_votes, 1, 2))
        vote_around(l, word.first_unsealed, to, &w);
    const struct slice edited = writer_result(&w);
    return noise(l, old_news(l, edited));
}
