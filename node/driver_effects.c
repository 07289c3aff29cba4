/* What each effect does: records into the transaction, work on its way, the rest kept for later. */
#include "node/driver_private.h"

#include <stdlib.h>
#include <string.h>

/* A transaction for reading or writing, begun when it is first needed; false after an error. */
bool driver_begin(struct driver *d)
{
    if (!d->begun && !d->error) {
        d->error = store_begin(d->store);
        d->begun = !d->error;
    }
    return !d->error;
}

void driver_written(struct driver *d, int error)
{
    d->dirty = true;
    if (error && !d->error)
        d->error = error;
}

static void record_vote(struct driver *d, const struct effect *e)
{
    struct votes_out *v = NULL;
    for (size_t k = 0; k < d->votes_count; k++)
        if (d->votes[k].epoch == e->epoch)
            v = &d->votes[k];
    if (!v) {
        const size_t before = d->votes_capacity;
        d->votes = array_grow(d->votes, &d->votes_capacity, d->votes_count + 1, sizeof *d->votes);
        for (size_t k = before; k < d->votes_capacity; k++)
            d->votes[k] = (struct votes_out){0};
        v = &d->votes[d->votes_count++];
        v->epoch = e->epoch;
        v->size = 0;
    }
    v->bytes = array_grow(v->bytes, &v->capacity, v->size + RECORD_VOTE_SIZE, 1);
    uint8_t *at = v->bytes + v->size;
    at[0] = (uint8_t)e->proposer;
    at[1] = e->vote.type;
    at[2] = e->vote.round;
    at[3] = e->vote.values;
    v->size += RECORD_VOTE_SIZE;
}

static void record_outcome(struct driver *d, const struct effect *e)
{
    struct store *s = d->store;
    for (size_t k = 0; k < d->votes_count; k++)
        if (d->votes[k].epoch == e->epoch)
            d->votes[k].size = 0;
    driver_written(d, records_put_outcome(s, e->epoch, &e->outcome.accepted));
    if (e->outcome.first_unsealed > 0)
        driver_written(d, records_put_number(s, "first_unsealed", e->outcome.first_unsealed));
    if (!d->error)
        driver_written(d, records_drop_votes(s, e->epoch));
}

static void store_chunk(struct driver *d, const struct effect *e)
{
    const struct job *j = d->job;
    const node_id self = d->keys.self;
    assert(j);
    struct stored_chunk c;
    if (j->result.kind == WORK_CHECK) {
        c = (struct stored_chunk){j->result.root, j->header, j->proof,
                                  slice_of(j->block, j->block_size)};
    } else { /* ENCODE, DECODE: ours among the encoding's. */
        const size_t size = j->encoding.header.chunk_size;
        c = (struct stored_chunk){.root = j->encoding.commitment,
                                  .header = j->encoding.header,
                                  .data = slice_of(j->chunks + self * size, size)};
        vid_encoding_proof(&j->encoding, self, &c.proof);
    }
    driver_written(d, records_put_chunk(d->store, e->epoch, e->proposer, &c));
}

static void store_block(struct driver *d, const struct effect *e)
{
    const struct job *j = d->job;
    assert(j);
    uint8_t key[RECORD_KEY_SIZE];
    driver_instance_key(key, e->epoch, e->proposer);
    const bool own = j->result.kind == WORK_ENCODE;
    const struct slice block = own ? slice_of(j->block, j->block_size) : j->out;
    struct store *s = d->store;
    driver_written(d, store_put(s, TABLE_BLOCKS, slice_of(key, sizeof key), &block, 1));
    if (!own)
        return;
    driver_written(d, records_put_number(s, "proposed", e->epoch));
    d->keep_job = true; /* Its chunks are to be sent. */
}

static void give_up(struct driver *d, const struct effect *e)
{
    driver_written(d, records_put_delivered(d->store, e->given_up_with, e->epoch, e->proposer));
    if (e->proposer == d->keys.self)
        d->ports.given_up(d->ports.context, e->epoch);
}

static bool needs_store(const struct effect *e)
{
    switch ((int)e->type) {
    case EFFECT_RECORD_VOTE: /* Written at the commit. */
    case EFFECT_RECORD_INSTANCE:
    case EFFECT_RECORD_OUTCOME:
    case EFFECT_STORE_CHUNK:
    case EFFECT_STORE_BLOCK:
    case EFFECT_RECORD_CHECKPOINT:
    case EFFECT_GIVE_UP:
    case EFFECT_DELIVER: return true;
    case EFFECT_FETCH: return e->fetch.own;
    default: return false;
    }
}

/* Before the core forgets what was said, or says it. */
static bool record(struct driver *d, const struct effect *e)
{
    switch ((int)e->type) {
    case EFFECT_RECORD_VOTE: record_vote(d, e); return true;
    case EFFECT_RECORD_INSTANCE:
        driver_written(d, records_put_instance(d->store, e->epoch, e->proposer, &e->instance));
        return true;
    case EFFECT_RECORD_OUTCOME: record_outcome(d, e); return true;
    case EFFECT_STORE_CHUNK: store_chunk(d, e); return true;
    case EFFECT_STORE_BLOCK: store_block(d, e); return true;
    case EFFECT_RECORD_CHECKPOINT:
        driver_written(
            d, records_put_checkpoint(d->store, &e->checkpoint, d->options.node.checkpoint_epochs));
        return true;
    case EFFECT_GIVE_UP: give_up(d, e); return true;
    case EFFECT_PRUNE:
        d->prune_through = e->epoch;
        d->prune_sealed = e->sealed;
        d->prune_more = true;
        return true;
    default: return false;
    }
}

static void work(struct driver *d, const struct effect *e)
{
    struct job *j = job_new(&d->keys, e->work.kind, e->epoch, e->proposer);
    if (e->work.kind == WORK_SHARE || e->work.kind == WORK_TOSS)
        j->result.round = e->work.round;
    if (e->work.kind == WORK_CHECK) {
        const struct message *m = d->message;
        assert(m && m->kind == MESSAGE_CHUNK);
        j->header = m->chunk.header;
        j->proof = m->chunk.proof;
        j->block_size = m->chunk.data.size;
        j->block = malloc(j->block_size);
        if (!j->block)
            abort();
        memcpy(j->block, m->chunk.data.data, j->block_size);
    } else if (e->work.kind == WORK_DECODE) {
        const struct gather *g = &d->gathers[e->work.slot];
        assert(g->open && g->generation == e->work.generation && g->chunks);
        j->result.slot = e->work.slot;
        j->result.generation = e->work.generation;
        j->header = g->header;
        j->present = e->work.present;
        j->chunks = g->chunks;
        j->proofs = g->proofs;
    } else if (e->work.kind == WORK_SIGN) {
        j->result.root = e->work.root;
    } else if (e->work.kind == WORK_VERIFY) {
        j->result.root = e->work.root;
        j->result.signature = *e->work.signature;
    } else if (e->work.kind == WORK_TOSS) {
        j->toss = malloc(sizeof *j->toss);
        if (!j->toss)
            abort();
        toss_job_fill(e->work.toss, e->work.round, j->toss);
    }
    driver_start_job(d, j);
}

static void gather_open(struct driver *d, struct gather *g, const struct vid_header *header)
{
    g->header = *header;
    g->chunks = chunks_new(d->keys.quorum, header->chunk_size);
}

static void fetch(struct driver *d, const struct effect *e)
{
    struct gather *g = &d->gathers[e->fetch.slot];
    assert(!g->open || g->generation == e->fetch.generation);
    g->open = true;
    g->generation = e->fetch.generation;
    if (!e->fetch.own)
        return;
    uint8_t key[RECORD_KEY_SIZE];
    driver_instance_key(key, e->epoch, e->proposer);
    struct slice value;
    struct stored_chunk c;
    struct store *s = d->store;
    const int error = store_get(s, TABLE_CHUNKS, slice_of(key, sizeof key), &value);
    if (error || !records_decode_chunk(value, &c) || !hash_equal(&c.root, &e->fetch.root)) {
        if (!d->error)
            d->error = error ? error : STORE_CORRUPT; /* It was promised to be there. */
        return;
    }
    if (!g->chunks)
        gather_open(d, g, &c.header);
    memcpy(g->chunks + d->keys.self * c.data.size, c.data.data, c.data.size);
    g->proofs[d->keys.self] = c.proof;
}

static void gather(struct driver *d, const struct effect *e)
{
    struct gather *g = &d->gathers[e->fetch.slot];
    const struct message *m = d->message;
    assert(g->open && m && m->kind == MESSAGE_PIECE);
    if (!g->chunks)
        gather_open(d, g, &m->chunk.header);
    assert(g->header.chunk_size == m->chunk.header.chunk_size);
    memcpy(g->chunks + e->fetch.from * (size_t)g->header.chunk_size + m->chunk.offset,
           m->chunk.data.data, m->chunk.data.size);
    g->proofs[e->fetch.from] = m->chunk.proof;
}

static void unfetch(struct driver *d, const struct effect *e)
{
    struct gather *g = &d->gathers[e->fetch.slot];
    free(g->chunks);
    g->chunks = NULL;
    g->open = false;
}

/* A block of ours: what we have seen, and transactions. */
static void take(struct driver *d, const struct effect *e)
{
    const size_t capacity = block_overhead(e->take.seen.size) + e->take.bytes_max;
    struct job *j = job_new(&d->keys, WORK_ENCODE, e->epoch, e->proposer);
    j->block = malloc(capacity);
    if (!j->block)
        abort();
    struct writer w = writer_of(j->block, capacity);
    write_u8(&w, 1);
    write_slice(&w, e->take.seen);
    uint8_t *count_at = w.at;
    write_u32(&w, 0);
    const uint32_t count = d->ports.take(d->ports.context, e->epoch, &w);
    struct writer patch = writer_of(count_at, 4);
    write_u32(&patch, count);
    assert(w.ok);
    j->block_size = writer_result(&w).size;
    driver_start_job(d, j);
}

static void ask(struct driver *d, const struct effect *e)
{
    d->questions = array_grow(d->questions, &d->question_capacity, d->question_count + 1,
                              sizeof *d->questions);
    struct question *q = &d->questions[d->question_count++];
    *q = (struct question){.type = e->type, .epoch = e->epoch, .proposer = e->proposer};
    if (e->type == EFFECT_CHECKPOINT)
        q->checkpoint = e->checkpoint.checkpoint;
}

/* A peer fetches FETCH_SLOTS dispersals at a time: of more that it asks for in one batch, or takes
 * back, it has to ask again. */
static bool too_many(struct driver *d, const struct effect *e)
{
    if (e->type != EFFECT_SERVE && e->type != EFFECT_UNSERVE)
        return false;
    uint8_t *count = &d->asked[e->type == EFFECT_SERVE][e->to];
    if (*count == FETCH_SLOTS)
        return true;
    ++*count;
    return false;
}

/* What a frame may make many of is not kept: it comes from anyone. */
void driver_defer(struct driver *d, const struct effect *e)
{
    if (too_many(d, e))
        return;
    if (e->type == EFFECT_DELIVER)
        driver_written(
            d, records_put_delivered(d->store, e->delivery.with_epoch, e->epoch, e->proposer));
    d->deferred =
        array_grow(d->deferred, &d->deferred_capacity, d->deferred_count + 1, sizeof *d->deferred);
    d->deferred[d->deferred_count++] = *e;
}

void driver_perform(struct driver *d, const struct effect *e)
{
    if (d->error || (needs_store(e) && !driver_begin(d)) || record(d, e))
        return;
    switch ((int)e->type) {
    case EFFECT_WORK: work(d, e); break;
    case EFFECT_FETCH: fetch(d, e); break;
    case EFFECT_GATHER: gather(d, e); break;
    case EFFECT_UNFETCH: unfetch(d, e); break;
    case EFFECT_OTHER_STATE: driver_other_state(d, e->epoch); break;
    case EFFECT_TAKE: take(d, e); break;
    case EFFECT_FAULT: d->ports.fault(d->ports.context, e->to, e->fault); break;
    case EFFECT_LOAD:
    case EFFECT_LOOK:
    case EFFECT_SEEN:
    case EFFECT_CHECKPOINT:
    case EFFECT_GO_ON: ask(d, e); break;
    default: driver_defer(d, e); break;
    }
}
