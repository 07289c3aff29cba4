/* The batch: step, record, commit; then driver_release. */
#include "node/driver_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 5 };

void driver_frame(struct driver *d, node_id from, struct slice bytes)
{
    d->frames = array_grow(d->frames, &d->frame_capacity, d->frame_count + 1, sizeof *d->frames);
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

void driver_disk(struct driver *d, bool full) { d->disk_full = full; }

void driver_executed(struct driver *d, const struct executed *x)
{
    d->executed =
        array_grow(d->executed, &d->executed_capacity, d->executed_count + 1, sizeof *d->executed);
    d->executed[d->executed_count++] = *x;
}

bool driver_is_blank(const struct driver *d) { return d->blank; }

void driver_mute(struct driver *d, bool mute) { d->mute = mute; }

epoch_id driver_lost(const struct driver *d) { return d->lost; }

int driver_remember_lost(struct driver *d, epoch_id least)
{
    int error = store_begin(d->store);
    if (error)
        return error;
    error = records_put_number(d->store, "lost", least);
    if (!error)
        error = store_commit(d->store);
    else
        store_abort(d->store);
    if (!error)
        d->lost = least;
    return error;
}

void driver_hold(struct driver *d, epoch_id epoch)
{
    if (epoch > d->held)
        d->held = epoch;
}

epoch_id driver_held(const struct driver *d) { return d->held; }

void driver_start_job(struct driver *d, struct job *j)
{
    d->jobs_out++;
    d->ports.work(d->ports.context, j);
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
        driver_perform(d, e);
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
    if (!d->error && !block_open(value, d->keys.quorum, q->epoch, &b))
        d->error = STORE_CORRUPT;
    if (d->error)
        return;
    struct event event = {.type = EVENT_SEEN, .seen = {q->epoch, q->proposer, b.seen}};
    step(d, &event);
}

void driver_other_state(struct driver *d, epoch_id epoch)
{
    d->error = DRIVER_OTHER_STATE;
    d->other_state = epoch;
}

/* Whoever executes an epoch a second time finds what it was the first time. */
static void answer_checkpoint(struct driver *d, const struct question *q)
{
    struct identity_signature signatures[NODES_MAX];
    struct event event = {.type = EVENT_CHECKPOINT,
                          .checkpoint.digest = checkpoint_digest(&d->options.chain, &q->checkpoint),
                          .checkpoint.record.signatures = signatures};
    struct checkpoint_record *r = &event.checkpoint.record;
    d->error = records_get_checkpoint(d->store, q->epoch, d->keys.quorum, r, signatures);
    if (d->error == STORE_MISSING) {
        d->error = 0;
        r->checkpoint = q->checkpoint;
    }
    const struct hash before = checkpoint_digest(&d->options.chain, &r->checkpoint);
    if (!d->error && !hash_equal(&before, &event.checkpoint.digest))
        driver_other_state(d, q->epoch);
    if (!d->error && d->other_state == q->epoch) { /* It is as it was signed again. */
        driver_written(d, records_put_number(d->store, "other_state", 0));
        d->other_state = 0;
    }
    step(d, &event);
}

static void answer_questions(struct driver *d)
{
    while (d->question_next < d->question_count && driver_begin(d)) {
        const struct question q = d->questions[d->question_next++];
        if (q.type == EFFECT_LOAD) {
            answer_load(d, &q);
        } else if (q.type == EFFECT_SEEN) {
            answer_seen(d, &q);
        } else if (q.type == EFFECT_CHECKPOINT) {
            answer_checkpoint(d, &q);
        } else if (q.type == EFFECT_GO_ON) {
            struct event event = {.type = EVENT_GO_ON};
            step(d, &event);
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
    if (!d->mute)
        step_all(d, &event);
    struct message m;
    while (message_decode(&r, d->keys.quorum, f->from, d->keys.self, &m)) {
        if (m.kind >= MESSAGE_OFFER) {
            if (d->ports.snapshot)
                d->ports.snapshot(d->ports.context, f->from, &m);
        }
        if (m.kind >= MESSAGE_OFFER || d->mute)
            continue;
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
        if (j->result.kind == WORK_ENCODE) {
            driver_recoded(d, j);
            keep_encoding(d, j);
            return;
        }
        driver_share_made(d, &j->result);
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
    for (size_t k = 0; k < d->executed_count; k++) {
        event = (struct event){.type = EVENT_EXECUTED, .executed = d->executed[k]};
        step_all(d, &event);
    }
    d->executed_count = 0;
    if (d->held > d->held_said && driver_begin(d)) {
        d->held_said = d->held;
        driver_written(d, records_put_number(d->store, "held", d->held));
        event = (struct event){.type = EVENT_HELD, .held = d->held};
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
    if (d->disk_full != d->disk_said) {
        d->disk_said = d->disk_full;
        event = (struct event){.type = EVENT_DISK, .disk_full = d->disk_full};
        step_all(d, &event);
    }
    if (d->pool_changed) {
        d->pool_changed = false;
        event = (struct event){.type = EVENT_POOL, .pool_bytes = d->pool_bytes};
        step_all(d, &event);
    }
}

static uint64_t clock_us(const struct driver *d)
{
    return d->ports.clock_us ? d->ports.clock_us(d->ports.context) : 0;
}

static int commit(struct driver *d)
{
    for (size_t k = 0; k < d->votes_count; k++)
        if (d->votes[k].size > 0 && driver_begin(d))
            driver_written(d, records_put_votes(d->store, d->votes[k].epoch, d->vote_sequence++,
                                                slice_of(d->votes[k].bytes, d->votes[k].size)));
    d->votes_count = 0;
    if (d->prune_more && driver_begin(d)) {
        const uint64_t horizon = d->options.node.link_horizon;
        const epoch_id through = d->prune_through;
        driver_written(d,
                       records_prune(d->store, through, through > horizon ? through - horizon : 0,
                                     d->prune_sealed, PRUNE_STEP, &d->prune_more));
    }
    if (d->ports.commit && driver_begin(d)) {
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
    const uint64_t from_us = clock_us(d);
    d->error = store_commit(d->store);
    times_add(&d->commits, clock_us(d) - from_us);
    return d->error;
}

/* For good: later epochs, which may be executed by now, are no better. Nothing else of the batch is
 * kept. */
static int remember_other_state(struct driver *d)
{
    if (d->begun)
        store_abort(d->store);
    d->begun = false;
    if (store_begin(d->store) == 0 &&
        records_put_number(d->store, "other_state", d->other_state) == 0)
        store_commit(d->store);
    else
        store_abort(d->store);
    return d->error;
}

/* As if nothing had come but what snapshots need. */
static int flush_mute(struct driver *d)
{
    for (size_t k = 0; k < d->frame_count; k++)
        step_frame(d, &d->frames[k]);
    d->frame_count = 0;
    return 0;
}

int driver_flush(struct driver *d, uint64_t now_ms)
{
    if (d->error)
        return d->error;
    d->now_ms = now_ms;
    if (d->mute)
        return flush_mute(d);
    step_batch(d);
    if (d->error == DRIVER_OTHER_STATE)
        return remember_other_state(d);
    if (commit(d))
        return d->error; /* A node that may forget must not speak. */
    return driver_release(d);
}

const struct node *driver_node(const struct driver *d) { return d->node; }

unsigned driver_replayed(const struct driver *d) { return d->replayed; }

const struct times *driver_commits(const struct driver *d) { return &d->commits; }

unsigned driver_jobs_out(const struct driver *d) { return d->jobs_out; }
