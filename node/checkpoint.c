#include "node/checkpoint.h"

#include <string.h>

void checkpoint_encode(struct writer *w, const struct checkpoint *c)
{
    write_u64(w, c->epoch);
    write_u64(w, c->height);
    write_slice(w, hash_slice(&c->log_root));
    write_slice(w, hash_slice(&c->state_root));
    write_slice(w, hash_slice(&c->delivered_root));
}

void checkpoint_decode(struct reader *r, struct checkpoint *c)
{
    c->epoch = read_u64(r);
    c->height = read_u64(r);
    read_into(r, c->log_root.bytes, HASH_SIZE);
    read_into(r, c->state_root.bytes, HASH_SIZE);
    read_into(r, c->delivered_root.bytes, HASH_SIZE);
}

struct hash checkpoint_digest(const struct hash *chain, const struct checkpoint *c)
{
    uint8_t bytes[CHECKPOINT_SIZE];
    struct writer w = writer_of(bytes, sizeof bytes);
    checkpoint_encode(&w, c);
    const struct slice parts[] = {hash_slice(chain), writer_result(&w)};
    return hash_tagged("DispersedLedger/checkpoint", parts, 2);
}

static void take_in(struct checkpoint_runs_root *r)
{
    const struct slice parts[] = {hash_slice(&r->hash), slice_of(r->bytes, r->size)};
    r->hash = hash_tagged("DispersedLedger/delivered", parts, 2);
    r->size = 0;
}

void checkpoint_runs_begin(struct checkpoint_runs_root *r, epoch_id epoch, uint64_t horizon)
{
    struct writer w = writer_of(r->bytes, sizeof r->bytes);
    r->hash = (struct hash){{0}};
    write_u64(&w, epoch);
    write_u64(&w, horizon);
    r->size = (unsigned)writer_result(&w).size;
    take_in(r);
}

void checkpoint_runs_add(struct checkpoint_runs_root *r, const uint8_t run[CHECKPOINT_RUN_SIZE])
{
    memcpy(r->bytes + r->size, run, CHECKPOINT_RUN_SIZE);
    r->size += CHECKPOINT_RUN_SIZE;
    if (r->size == sizeof r->bytes)
        take_in(r);
}

struct hash checkpoint_runs_end(struct checkpoint_runs_root *r)
{
    take_in(r);
    return r->hash;
}

void checkpoint_runs(const struct history *delivered, epoch_id epoch, uint64_t horizon,
                     void (*run)(void *context, const uint8_t bytes[CHECKPOINT_RUN_SIZE]),
                     void *context)
{
    const epoch_id oldest = epoch > horizon ? epoch - horizon + 1 : 1;
    for (unsigned p = 0; p < delivered->n; p++) {
        epoch_id first = history_next(delivered, true, (node_id)p, oldest, epoch);
        while (first != 0) {
            const epoch_id end = history_next(delivered, false, (node_id)p, first, epoch);
            const epoch_id last = end == 0 ? epoch : end - 1;
            uint8_t bytes[CHECKPOINT_RUN_SIZE];
            struct writer w = writer_of(bytes, sizeof bytes);
            write_u8(&w, (uint8_t)p);
            write_u64(&w, first);
            write_u64(&w, last);
            run(context, bytes);
            first = last < epoch ? history_next(delivered, true, (node_id)p, last + 1, epoch) : 0;
        }
    }
}

static void add_run(void *root, const uint8_t bytes[CHECKPOINT_RUN_SIZE])
{
    checkpoint_runs_add(root, bytes);
}

struct hash checkpoint_delivered(const struct history *delivered, epoch_id epoch, uint64_t horizon)
{
    struct checkpoint_runs_root r;
    checkpoint_runs_begin(&r, epoch, horizon);
    checkpoint_runs(delivered, epoch, horizon, add_run, &r);
    return checkpoint_runs_end(&r);
}
