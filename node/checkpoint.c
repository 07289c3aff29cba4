#include "node/checkpoint.h"

enum { RUN_SIZE = 1 + 8 + 8, RUNS_AT_A_TIME = 64 };

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

struct chain {
    struct hash hash;
    uint8_t bytes[RUNS_AT_A_TIME * RUN_SIZE];
    struct writer w;
};

static void take_in(struct chain *c)
{
    const struct slice parts[] = {hash_slice(&c->hash), writer_result(&c->w)};
    c->hash = hash_tagged("DispersedLedger/delivered", parts, 2);
    c->w = writer_of(c->bytes, sizeof c->bytes);
}

struct hash checkpoint_delivered(const struct history *delivered, epoch_id epoch, uint64_t horizon)
{
    const epoch_id oldest = epoch > horizon ? epoch - horizon + 1 : 1;
    struct chain c = {0};
    c.w = writer_of(c.bytes, sizeof c.bytes);
    write_u64(&c.w, epoch);
    write_u64(&c.w, horizon);
    take_in(&c);
    for (unsigned p = 0; p < delivered->n; p++) {
        epoch_id first = history_next(delivered, true, (node_id)p, oldest, epoch);
        while (first != 0) {
            const epoch_id end = history_next(delivered, false, (node_id)p, first, epoch);
            const epoch_id last = end == 0 ? epoch : end - 1;
            write_u8(&c.w, (uint8_t)p);
            write_u64(&c.w, first);
            write_u64(&c.w, last);
            if (c.w.at == c.w.end)
                take_in(&c);
            first = last < epoch ? history_next(delivered, true, (node_id)p, last + 1, epoch) : 0;
        }
    }
    take_in(&c);
    return c.hash;
}
