/* The batch: step, record, commit; then driver_release. */
#include "node/driver_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 5 };

void *driver_grow(void *items, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return items;
    *capacity = needed * 2 + 16;
    items = realloc(items, *capacity * size);
    if (!items)
        abort();
    return items;
}

void driver_frame(struct driver *d, node_id from, struct slice bytes)
{
    d->frames = driver_grow(d->frames, &d->frame_capacity, d->frame_count + 1, sizeof *d->frames);
    d->frames[d->frame_count++] = (struct frame_in){from, bytes};
}

void driver_worked(struct driver *d, struct job *job)
{
    job->next = NULL;
    *d->worked_end = job;
    d->worked_end = &job->next;
    assert(d->jobs_out > 0);
    d->jobs_out--;
}

void driver_pool(struct driver *d, uint64_t bytes_waiting)
{
    d->pool_changed = true;
    d->pool_bytes = bytes_waiting;
}

void driver_executed(struct driver *d, epoch_id epoch)
{
    if (epoch > d->executed)
        d->executed = epoch;
}

void driver_start_job(struct driver *d, struct job *j)
{
    d->jobs_out++;
    d->ports.work(d->ports.context, j);
}

/* A transaction for reading or writing, begun when it is first needed; false after an error. */
static bool begin(struct driver *d)
{
    if (!d->begun && !d->error) {
        d->error = store_begin(d->store);
        d->begun = !d->error;
    }
    return !d->error;
}

static void written(struct driver *d, int error)
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
        d->votes = driver_grow(d->votes, &d->votes_capacity, d->votes_count + 1, sizeof *d->votes);
        for (size_t k = before; k < d->votes_capacity; k++)
            d->votes[k] = (struct votes_out){0};
        v = &d->votes[d->votes_count++];
        v->epoch = e->epoch;
        v->size = 0;
    }
    v->bytes = driver_grow(v->bytes, &v->capacity, v->size + RECORD_VOTE_SIZE, 1);
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
    written(d, records_put_outcome(s, e->epoch, &e->outcome.accepted));
    if (e->outcome.first_unsealed > 0)
        written(d, records_put_number(s, "first_unsealed", e->outcome.first_unsealed));
    if (!d->error)
        written(d, records_drop_votes(s, e->epoch));
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
    written(d, records_put_chunk(d->store, e->epoch, e->proposer, &c));
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
    written(d, store_put(s, TABLE_BLOCKS, slice_of(key, sizeof key), &block, 1));
    if (!own)
        return;
    written(d, records_put_number(s, "proposed", e->epoch));
    d->keep_job = true; /* Its chunks are to be sent. */
}

static bool needs_store(const struct effect *e)
{
    switch ((int)e->type) {
    case EFFECT_RECORD_VOTE: /* Written at the commit. */
    case EFFECT_RECORD_INSTANCE:
    case EFFECT_RECORD_OUTCOME:
    case EFFECT_STORE_CHUNK:
    case EFFECT_STORE_BLOCK:
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
        written(d, records_put_instance(d->store, e->epoch, e->proposer, &e->instance));
        return true;
    case EFFECT_RECORD_OUTCOME: record_outcome(d, e); return true;
    case EFFECT_STORE_CHUNK: store_chunk(d, e); return true;
    case EFFECT_STORE_BLOCK: store_block(d, e); return true;
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
    const size_t capacity = block_overhead(e->take.seen.size) + d->options.node.block_bytes_max;
    struct job *j = job_new(&d->keys, WORK_ENCODE, e->epoch, e->proposer);
    j->block = malloc(capacity);
    if (!j->block)
        abort();
    struct writer w = writer_of(j->block, capacity);
    write_u8(&w, 1);
    write_slice(&w, e->take.seen);
    uint8_t *count_at = w.at;
    write_u32(&w, 0);
    if (e->take.transactions) {
        const uint32_t count = d->ports.take(d->ports.context, e->epoch, &w);
        struct writer patch = writer_of(count_at, 4);
        write_u32(&patch, count);
    }
    assert(w.ok);
    j->block_size = writer_result(&w).size;
    driver_start_job(d, j);
}

static void ask(struct driver *d, const struct effect *e)
{
    d->questions = driver_grow(d->questions, &d->question_capacity, d->question_count + 1,
                               sizeof *d->questions);
    d->questions[d->question_count++] = (struct question){e->type, e->epoch, e->proposer};
}

static void defer(struct driver *d, const struct effect *e)
{
    if (e->type == EFFECT_DELIVER)
        written(d, records_put_delivered(d->store, e->delivery.with_epoch, e->epoch, e->proposer));
    d->deferred =
        driver_grow(d->deferred, &d->deferred_capacity, d->deferred_count + 1, sizeof *d->deferred);
    d->deferred[d->deferred_count++] = *e;
}

static void trace(struct driver *d, const struct effect *e)
{
    char line[256];
    effect_text(e, line, sizeof line);
    d->ports.trace(d->ports.context, line);
}

static void step(struct driver *d, struct event *event)
{
    if (d->error)
        return;
    event->now_ms = d->now_ms;
    node_step(d->node, event, &d->effects);
    for (unsigned k = 0; k < d->effects.count; k++) {
        const struct effect *e = &d->effects.items[k];
        if (d->ports.trace)
            trace(d, e);
        if (d->error || (needs_store(e) && !begin(d)))
            return;
        if (record(d, e))
            continue;
        switch ((int)e->type) {
        case EFFECT_WORK: work(d, e); break;
        case EFFECT_FETCH: fetch(d, e); break;
        case EFFECT_GATHER: gather(d, e); break;
        case EFFECT_UNFETCH: unfetch(d, e); break;
        case EFFECT_TAKE: take(d, e); break;
        case EFFECT_LOAD:
        case EFFECT_LOOK:
        case EFFECT_SEEN: ask(d, e); break;
        default: defer(d, e); break;
        }
    }
}

static void answer_load(struct driver *d, const struct question *q)
{
    uint8_t key[8];
    struct writer w = writer_of(key, sizeof key);
    write_u64(&w, q->epoch);
    struct store *s = d->store;
    struct event event = {.type = EVENT_LOADED, .loaded = {.epoch = q->epoch}};
    struct slice value;
    int error = store_get(s, TABLE_OUTCOMES, writer_result(&w), &value);
    if (!error) {
        event.loaded.sealed = true;
        error = records_decode_outcome(value, &event.loaded.accepted) ? 0 : STORE_CORRUPT;
    } else if (error == STORE_MISSING) {
        error = 0;
    }
    struct instance_record records[NODES_MAX];
    for (unsigned p = 0; p < d->keys.quorum.n && !error; p++)
        error = records_get_instance(s, q->epoch, (node_id)p, &records[p]);
    d->error = error;
    event.loaded.records = records;
    step(d, &event);
}

static void answer_seen(struct driver *d, const struct question *q)
{
    uint8_t key[RECORD_KEY_SIZE];
    driver_instance_key(key, q->epoch, q->proposer);
    struct slice value;
    struct store *s = d->store;
    d->error = store_get(s, TABLE_BLOCKS, slice_of(key, sizeof key), &value);
    struct block b;
    if (!d->error && !block_decode(value, d->keys.quorum, q->epoch, &b))
        d->error = STORE_CORRUPT;
    if (d->error)
        return;
    struct event event = {.type = EVENT_SEEN, .seen = {q->epoch, q->proposer, b.seen}};
    step(d, &event);
}

static void answer_questions(struct driver *d)
{
    while (d->question_next < d->question_count && begin(d)) {
        const struct question q = d->questions[d->question_next++];
        if (q.type == EFFECT_LOAD) {
            answer_load(d, &q);
        } else if (q.type == EFFECT_SEEN) {
            answer_seen(d, &q);
        } else {
            struct event event = {.type = EVENT_INSTANCE, .instance = {q.epoch, q.proposer, {0}}};
            struct store *s = d->store;
            d->error = records_get_instance(s, q.epoch, q.proposer, &event.instance.record);
            step(d, &event);
        }
    }
    d->question_next = d->question_count = 0;
}

static void step_all(struct driver *d, struct event *event)
{
    step(d, event);
    answer_questions(d);
}

static void step_frame(struct driver *d, const struct frame_in *f)
{
    struct reader r = reader_of(f->bytes);
    struct event event = {.type = EVENT_WORD, .from = f->from};
    if (!message_header_decode(&r, &d->options.chain, &event.word)) {
        d->ports.fault(d->ports.context, f->from, FAULT_OTHER_CHAIN);
        return;
    }
    step_all(d, &event);
    struct message m;
    while (message_decode(&r, d->keys.quorum, f->from, d->keys.self, &m)) {
        event = (struct event){.type = EVENT_MESSAGE, .from = f->from, .message = &m};
        d->message = &m;
        step_all(d, &event);
        d->message = NULL;
    }
    if (!r.ok)
        d->ports.fault(d->ports.context, f->from, FAULT_MALFORMED);
}

static void keep_encoding(struct driver *d, struct job *j)
{
    struct job **slot = &d->encodings[d->encoding_next++ % ENCODINGS_KEPT];
    job_free(*slot);
    *slot = j;
}

static void step_job(struct driver *d, struct job *j)
{
    if (j->only_resend) { /* Made again for peers that had not got it. */
        struct effect e = {
            .type = EFFECT_SEND, .epoch = j->result.epoch, .proposer = j->result.proposer};
        if (j->result.kind == WORK_ENCODE) {
            for (unsigned to = nodeset_next(&d->reencoding_for, 0); to < NODES_MAX;
                 to = nodeset_next(&d->reencoding_for, to + 1))
                driver_send_chunk(d, j, (node_id)to);
            d->reencoding_epoch = 0;
            d->reencoding_for = (struct nodeset){0};
            keep_encoding(d, j);
            return;
        }
        e.message = (struct message){.kind = MESSAGE_SHARE,
                                     .epoch = e.epoch,
                                     .proposer = e.proposer,
                                     .share = {j->result.round, j->result.share}};
        e.to = (node_id)nodeset_next(&j->resend, 0);
        defer(d, &e);
        job_free(j);
        return;
    }
    d->job = j;
    d->keep_job = false;
    struct event event = {.type = EVENT_WORKED, .worked = &j->result};
    step_all(d, &event);
    d->job = NULL;
    if (d->keep_job)
        keep_encoding(d, j);
    else
        job_free(j);
}

static void step_batch(struct driver *d)
{
    struct event event = {.type = EVENT_TICK};
    if (!d->opened || d->now_ms >= d->tick_ms + TICK_MS) {
        d->opened = true;
        d->tick_ms = d->now_ms;
        step_all(d, &event);
    }
    if (d->executed > 0) {
        event = (struct event){.type = EVENT_EXECUTED, .executed = d->executed};
        d->executed = 0;
        step_all(d, &event);
    }
    for (size_t k = 0; k < d->frame_count; k++)
        step_frame(d, &d->frames[k]);
    d->frame_count = 0;
    while (d->worked) {
        struct job *j = d->worked;
        d->worked = j->next;
        if (!d->worked)
            d->worked_end = &d->worked;
        step_job(d, j);
    }
    if (d->pool_changed) {
        d->pool_changed = false;
        event = (struct event){.type = EVENT_POOL, .pool_bytes = d->pool_bytes};
        step_all(d, &event);
    }
}

static int commit(struct driver *d)
{
    for (size_t k = 0; k < d->votes_count; k++)
        if (d->votes[k].size > 0 && begin(d))
            written(d, records_put_votes(d->store, d->votes[k].epoch, d->vote_sequence++,
                                         slice_of(d->votes[k].bytes, d->votes[k].size)));
    d->votes_count = 0;
    if (d->prune_more && begin(d))
        written(d, records_prune(d->store, d->prune_through, d->prune_sealed, PRUNE_STEP,
                                 &d->prune_more));
    if (d->ports.commit && begin(d)) {
        const int said = d->ports.commit(d->ports.context, d->store);
        if (said < 0)
            d->error = said;
        d->dirty = d->dirty || said > 0;
    }
    if (!d->begun)
        return d->error;
    d->begun = false;
    if (d->error || !d->dirty) {
        store_abort(d->store);
        return d->error;
    }
    d->dirty = false;
    d->commits++;
    return d->error = store_commit(d->store);
}

int driver_flush(struct driver *d, uint64_t now_ms)
{
    if (d->error)
        return d->error;
    d->now_ms = now_ms;
    step_batch(d);
    if (commit(d))
        return d->error; /* A node that may forget must not speak. */
    return driver_release(d);
}

const struct node *driver_node(const struct driver *d) { return d->node; }

unsigned driver_replayed(const struct driver *d) { return d->replayed; }

uint64_t driver_commits(const struct driver *d) { return d->commits; }

unsigned driver_jobs_out(const struct driver *d) { return d->jobs_out; }
