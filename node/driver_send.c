/* What leaves, once the commit is done. */
#include "node/driver_private.h"

#include <stdlib.h>
#include <string.h>

enum {
    WHOLE_CHUNK = 0xff,    /* In place of a piece. */
    WORD_TAG = 1,          /* Of votes' lane. */
    HELD_SHARE = 60,       /* What is said is held for a part of what a dispersal takes, ... */
    HELD_MS_MAX = 500,     /* ... and no longer. */
    SMALL_CHUNK = 4 << 10, /* Bytes. */
    AGAIN_QUEUED_MAX = 64 << 10,
    LIGHT_MS = 1000, /* Where dispersals take longer, something waits in line. */
};
static_assert((int)SERVED_PIECES_MAX <= (int)WHOLE_CHUNK, "no piece is taken for a chunk");

static uint64_t piece_tag(epoch_id epoch, node_id proposer, unsigned piece)
{
    return epoch << 16 | (uint64_t)proposer << 8 | piece;
}

static void send_bulk(struct driver *d, node_id to, enum driver_lane lane, uint64_t tag,
                      const struct message *m)
{
    struct writer w = writer_of(d->frame, MESSAGE_FRAME_SIZE_MAX);
    const struct word word = node_word(d->node);
    message_header_encode(&w, &d->options.chain, &word);
    message_encode(&w, d->keys.quorum, d->keys.self, to, m);
    assert(w.ok);
    d->ports.send(d->ports.context, to, lane, m->epoch, tag, writer_result(&w));
}

void driver_say(struct driver *d, node_id to, enum driver_lane lane, const struct message *m)
{
    send_bulk(d, to, lane, 0, m);
}

/* At light load a chunk is hardly more than the votes that go to the same peer at the time, and a
 * frame of its own costs both ends more than its bytes. What the votes carry cannot be taken back
 * nor overtaken: to a peer that something waits for, or that does not keep up, nothing is. */
static bool carry(struct driver *d, node_id to, const struct message *m, size_t chunk_size)
{
    return chunk_size <= SMALL_CHUNK && propose_takes_ms(d->node) < LIGHT_MS &&
           !defer_behind(d->node, to) &&
           !(d->ports.queued && d->ports.queued(d->ports.context, to, DRIVER_LANES) > 0) &&
           outbox_carry(d->outbox, to, m, d->options.carried_bytes);
}

void driver_send_chunk(struct driver *d, const struct job *j, node_id to)
{
    const size_t size = j->encoding.header.chunk_size;
    struct message m = {.kind = MESSAGE_CHUNK, .epoch = j->result.epoch, .proposer = d->keys.self};
    m.chunk.header = j->encoding.header;
    vid_encoding_proof(&j->encoding, to, &m.chunk.proof);
    m.chunk.data = slice_of(j->chunks + to * size, size);
    if (!carry(d, to, &m, size))
        send_bulk(d, to, DRIVER_DISPERSAL, piece_tag(m.epoch, d->keys.self, WHOLE_CHUNK), &m);
}

static struct recoded *recoded_of(struct driver *d, epoch_id epoch)
{
    for (unsigned k = 0; k < RECODED_MAX; k++)
        if (d->recoded[k].epoch == epoch)
            return &d->recoded[k];
    return NULL;
}

/* To all who wait for it; then the next one is coded. */
void driver_recoded(struct driver *d, const struct job *encoded)
{
    struct recoded *r = recoded_of(d, encoded->result.epoch);
    for (unsigned to = r ? nodeset_next(&r->to, 0) : NODES_MAX; to < NODES_MAX;
         to = nodeset_next(&r->to, to + 1))
        driver_send_chunk(d, encoded, (node_id)to);
    if (r)
        *r = (struct recoded){0};
    d->recoding = 0;
    for (unsigned k = 0; k < RECODED_MAX; k++)
        if (d->recoded[k].epoch != 0) {
            const struct effect next = {.type = EFFECT_SEND_CHUNK,
                                        .epoch = d->recoded[k].epoch,
                                        .proposer = d->keys.self,
                                        .to = (node_id)nodeset_next(&d->recoded[k].to, 0)};
            driver_defer(d, &next);
            return;
        }
}

/* From an encoding that is here, or from the stored block coded again: after a restart, of all that
 * are open. If these are too many, who is not served is sent to again. */
static int send_chunk(struct driver *d, struct store_view *view, const struct effect *e)
{
    for (unsigned k = 0; k < ENCODINGS_KEPT; k++)
        if (d->encodings[k] && d->encodings[k]->result.epoch == e->epoch) {
            driver_send_chunk(d, d->encodings[k], e->to);
            return 0;
        }
    struct recoded *r = recoded_of(d, e->epoch);
    if (!r)
        r = recoded_of(d, 0);
    if (!r)
        return 0;
    r->epoch = e->epoch;
    nodeset_add(&r->to, e->to);
    if (d->recoding != 0)
        return 0;
    struct slice block;
    const int error = driver_block(view, e->epoch, d->keys.self, &block);
    if (error) {
        *r = (struct recoded){0};
        return error == STORE_MISSING ? 0 : error;
    }
    d->recoding = e->epoch;
    struct job *j = job_new(&d->keys, WORK_ENCODE, e->epoch, d->keys.self);
    j->only_resend = true;
    j->block_size = block.size;
    j->block = malloc(block.size);
    if (!j->block)
        abort();
    memcpy(j->block, block.data, block.size);
    driver_start_job(d, j);
    return 0;
}

static void withdraw(struct driver *d, epoch_id epoch)
{
    struct recoded *r = recoded_of(d, epoch);
    if (r)
        *r = (struct recoded){0};
    for (node_id to = 0; to < d->keys.quorum.n; to++)
        if (to != d->keys.self)
            d->ports.drop(d->ports.context, to, DRIVER_DISPERSAL,
                          piece_tag(epoch, d->keys.self, WHOLE_CHUNK));
}

/* Who asks again for what it is being sent costs no more than to see that it is. */
static bool takes(const struct driver *d, node_id to, enum driver_lane lane, uint64_t tag,
                  size_t size)
{
    return !d->ports.takes || d->ports.takes(d->ports.context, to, lane, tag, size);
}

static int serve(struct driver *d, struct store_view *view, const struct effect *e)
{
    uint8_t key[RECORD_KEY_SIZE];
    driver_instance_key(key, e->epoch, e->proposer);
    struct slice value;
    const int error = store_view_get(view, TABLE_CHUNKS, slice_of(key, sizeof key), &value);
    struct stored_chunk c;
    if (error && error != STORE_MISSING)
        return error;
    if (!error && !records_decode_chunk(value, &c))
        return STORE_CORRUPT;
    if (error || !hash_equal(&c.root, &e->serve.root)) {
        const struct message none = {.kind = MESSAGE_NONE,
                                     .epoch = e->epoch,
                                     .proposer = e->proposer,
                                     .request = {.root = e->serve.root}};
        outbox_message(d->outbox, e->to, &none);
        return 0;
    }
    for (size_t offset = e->serve.offset; offset < c.data.size; offset += MESSAGE_PIECE_SIZE) {
        struct message m = {.kind = MESSAGE_PIECE, .epoch = e->epoch, .proposer = e->proposer};
        size_t size = c.data.size - offset;
        if (size > MESSAGE_PIECE_SIZE)
            size = MESSAGE_PIECE_SIZE;
        const uint64_t tag =
            piece_tag(e->epoch, e->proposer, (unsigned)(offset / MESSAGE_PIECE_SIZE));
        m.chunk.header = c.header;
        m.chunk.proof = c.proof;
        m.chunk.offset = (uint32_t)offset;
        m.chunk.data = slice_of(c.data.data + offset, size);
        if (!carry(d, e->to, &m, c.data.size) && takes(d, e->to, DRIVER_RETRIEVAL, tag, size))
            send_bulk(d, e->to, DRIVER_RETRIEVAL, tag, &m);
    }
    return 0;
}

static void unserve(struct driver *d, const struct effect *e)
{
    for (unsigned piece = 0; piece < SERVED_PIECES_MAX; piece++)
        d->ports.drop(d->ports.context, e->to, DRIVER_RETRIEVAL,
                      piece_tag(e->epoch, e->proposer, piece));
}

/* One of a passed round is made again: once for all who ask meanwhile. */
static void remake_share(struct driver *d, epoch_id epoch, node_id proposer, uint8_t round,
                         node_id to)
{
    struct resend *unused = NULL;
    for (unsigned k = 0; k < RESENDS_MAX; k++) {
        struct resend *r = &d->resends[k];
        if (r->epoch == 0) {
            unused = r;
        } else if (r->epoch == epoch && r->proposer == proposer && r->round == round) {
            nodeset_add(&r->to, to);
            return;
        }
    }
    if (!unused)
        return; /* It has to ask again. */
    *unused = (struct resend){.epoch = epoch, .proposer = proposer, .round = round};
    nodeset_add(&unused->to, to);
    struct job *j = job_new(&d->keys, WORK_SHARE, epoch, proposer);
    j->result.round = round;
    j->only_resend = true;
    driver_start_job(d, j);
}

void driver_share_made(struct driver *d, const struct work_result *r)
{
    struct effect e = {.type = EFFECT_SEND, .epoch = r->epoch, .proposer = r->proposer};
    e.message = (struct message){.kind = MESSAGE_SHARE,
                                 .epoch = r->epoch,
                                 .proposer = r->proposer,
                                 .share = {r->round, r->share}};
    for (unsigned k = 0; k < RESENDS_MAX; k++) {
        struct resend *s = &d->resends[k];
        if (s->epoch != r->epoch || s->proposer != r->proposer || s->round != r->round)
            continue;
        for (unsigned to = nodeset_next(&s->to, 0); to < NODES_MAX;
             to = nodeset_next(&s->to, to + 1)) {
            e.to = (node_id)to;
            driver_defer(d, &e);
        }
        s->epoch = 0;
    }
}

static void resend_share(struct driver *d, const struct effect *e, node_id proposer, uint8_t round)
{
    const struct coin_share *share = node_share(d->node, e->epoch, proposer, round);
    if (share) {
        const struct message m = {.kind = MESSAGE_SHARE,
                                  .epoch = e->epoch,
                                  .proposer = proposer,
                                  .share = {round, *share}};
        outbox_message(d->outbox, e->to, &m);
        return;
    }
    remake_share(d, e->epoch, proposer, round, e->to);
}

static void answer_open(struct driver *d, const struct effect *e, node_id proposer)
{
    struct ba_message messages[32];
    unsigned cursor = 0, count;
    while ((count = node_resend(d->node, e->epoch, proposer, &cursor, messages, 32)) > 0)
        for (unsigned k = 0; k < count; k++) {
            if (messages[k].type == BA_SHARE)
                resend_share(d, e, proposer, messages[k].round);
            else
                outbox_vote(d->outbox, e->to, e->epoch, proposer, &messages[k]);
        }
}

static int answer_votes(struct driver *d, struct store_view *view, const struct effect *e)
{
    uint8_t key[8];
    struct writer w = writer_of(key, sizeof key);
    write_u64(&w, e->epoch);
    struct slice value;
    struct nodeset accepted;
    const int error = store_view_get(view, TABLE_OUTCOMES, writer_result(&w), &value);
    if (error && error != STORE_MISSING)
        return error;
    if (!error && !records_decode_outcome(value, &accepted))
        return STORE_CORRUPT;
    for (unsigned p = nodeset_next(&e->answer.proposers, 0); p < d->keys.quorum.n;
         p = nodeset_next(&e->answer.proposers, p + 1)) {
        if (error) {
            answer_open(d, e, (node_id)p);
            continue;
        }
        const struct ba_message term = {.type = BA_TERM,
                                        .values = nodeset_has(&accepted, p) ? BA_ONE : BA_ZERO};
        outbox_vote(d->outbox, e->to, e->epoch, (node_id)p, &term);
    }
    return 0;
}

static int answer_root(struct driver *d, struct store_view *view, node_id to, epoch_id epoch,
                       node_id p)
{
    uint8_t key[RECORD_KEY_SIZE];
    driver_instance_key(key, epoch, p);
    struct slice value;
    struct instance_record r;
    const int error = store_view_get(view, TABLE_INSTANCES, slice_of(key, sizeof key), &value);
    if (error)
        return error == STORE_MISSING ? 0 : error;
    if (!records_decode_instance(value, &r))
        return STORE_CORRUPT;
    if (r.complete) {
        outbox_root(d->outbox, to, epoch, p, VID_COMPLETE, &r.root);
        return 0;
    }
    if (r.got)
        outbox_root(d->outbox, to, epoch, p, VID_GOT, &r.got_root);
    if (r.ready)
        outbox_root(d->outbox, to, epoch, p, VID_READY, &r.ready_root);
    return 0;
}

static bool in_window(void *context, node_id peer, epoch_id epoch)
{
    const struct driver *d = context;
    return node_takes(d->node, peer, epoch);
}

/* Who is away for days would find all that was said again meanwhile: of bare words only the last
 * waits, and questions only while little does. */
static void send_votes(void *context, node_id to, bool again, struct slice frame)
{
    const struct driver *d = context;
    const uint64_t tag = frame.size == MESSAGE_HEADER_SIZE ? WORD_TAG : 0;
    if (tag)
        d->ports.drop(d->ports.context, to, DRIVER_VOTES, tag);
    else if (again && d->ports.queued &&
             d->ports.queued(d->ports.context, to, DRIVER_VOTES) > AGAIN_QUEUED_MAX)
        return;
    d->ports.send(d->ports.context, to, DRIVER_VOTES, 0, tag, frame);
}

static bool flush(struct driver *d)
{
    const struct outbox_port port = {d, in_window, send_votes};
    const struct word word = node_word(d->node);
    return outbox_flush(d->outbox, &d->options.chain, &word, &port);
}

static int answer_roots(struct driver *d, struct store_view *view, const struct effect *e)
{
    const struct nodeset *set = &e->answer.proposers;
    for (epoch_id epoch = e->answer.run.first; epoch <= e->answer.run.last; epoch++) {
        if (outbox_full(d->outbox)) /* An answer to one peer, or a few, may be large. */
            flush(d);
        for (unsigned p = nodeset_next(set, 0); p < d->keys.quorum.n;
             p = nodeset_next(set, p + 1)) {
            const int error = answer_root(d, view, e->to, epoch, (node_id)p);
            if (error)
                return error;
        }
    }
    return 0;
}

/* Ours alone: a signature of another is his to give. */
static int answer_checkpoint(struct driver *d, struct store_view *view, const struct effect *e)
{
    struct identity_signature signatures[NODES_MAX];
    struct checkpoint_record r;
    const int error = records_view_checkpoint(view, e->epoch, d->keys.quorum, &r, signatures);
    if (error)
        return error == STORE_MISSING ? 0 : error;
    if (!nodeset_has(&r.signers, d->keys.self))
        return 0;
    const struct message m = {.kind = MESSAGE_CHECKPOINT,
                              .epoch = e->epoch,
                              .checkpoint = {checkpoint_digest(&d->options.chain, &r.checkpoint),
                                             signatures[d->keys.self]}};
    outbox_message(d->outbox, e->to, &m);
    return 0;
}

static int perform(struct driver *d, struct store_view *view, const struct effect *e)
{
    switch ((int)e->type) {
    case EFFECT_SEND_VOTE: outbox_vote(d->outbox, e->to, e->epoch, e->proposer, &e->vote); break;
    case EFFECT_SEND_ROOT:
        if (e->root.vote == VID_READY && e->root.as_got)
            outbox_ready(d->outbox, e->to, e->epoch, e->proposer);
        else
            outbox_root(d->outbox, e->to, e->epoch, e->proposer, e->root.vote, &e->root.root);
        break;
    case EFFECT_SEND: outbox_message(d->outbox, e->to, &e->message); break;
    case EFFECT_SEND_WORD: outbox_word(d->outbox, e->to); break;
    case EFFECT_SEND_CHUNK: return send_chunk(d, view, e);
    case EFFECT_WITHDRAW: withdraw(d, e->epoch); break;
    case EFFECT_SERVE: return serve(d, view, e);
    case EFFECT_UNSERVE: unserve(d, e); break;
    case EFFECT_ANSWER_VOTES: return answer_votes(d, view, e);
    case EFFECT_ANSWER_ROOTS: return answer_roots(d, view, e);
    case EFFECT_ANSWER_CHECKPOINT: return answer_checkpoint(d, view, e);
    case EFFECT_DELIVER: d->ports.deliver(d->ports.context, &e->delivery); break;
    case EFFECT_END_EPOCH: d->ports.end_epoch(d->ports.context, e->epoch); break;
    default: assert(!"an effect that someone performs"); break;
    }
    return 0;
}

static bool reads(const struct effect *e)
{
    return e->type == EFFECT_SEND_CHUNK || e->type == EFFECT_SERVE ||
           e->type == EFFECT_ANSWER_VOTES || e->type == EFFECT_ANSWER_ROOTS ||
           e->type == EFFECT_ANSWER_CHECKPOINT;
}

/* Where messages take long anyway, what is said soon after something was said waits, and leaves
 * with what follows it: else each step of N agreements costs N frames to every peer, and their
 * headers fill the links. */
static bool held(const struct driver *d)
{
    const uint32_t share_ms = propose_takes_ms(d->node) / HELD_SHARE;
    return d->now_ms < d->said_ms + (share_ms < HELD_MS_MAX ? share_ms : HELD_MS_MAX);
}

int driver_release(struct driver *d)
{
    struct store_view *view = NULL;
    for (size_t k = 0; k < d->deferred_count && !d->error; k++) {
        const struct effect *e = &d->deferred[k];
        if (reads(e) && !view)
            d->error = store_view_open(d->store, &view);
        if (!d->error)
            d->error = perform(d, view, e);
    }
    d->deferred_count = 0;
    memset(d->asked, 0, sizeof d->asked);
    store_view_close(view);
    if (d->error)
        return d->error;
    if (!held(d) && flush(d))
        d->said_ms = d->now_ms;
    return 0;
}
