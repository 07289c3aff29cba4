#include "node/executor_record.h"

#include <string.h>

enum { STATUS_VALID = 1, STATUS_BAD = 2 };

struct slice meta_key(void)
{
    static const char key[] = "executed";
    return slice_of(key, sizeof key - 1);
}

struct slice meta_encode(const struct meta *m, uint8_t bytes[META_SIZE])
{
    struct writer w = writer_of(bytes, META_SIZE);
    size_t name_size = strlen(m->application);

    write_u8(&w, LEDGER_FORMAT);
    write_u8(&w, (uint8_t)name_size);
    write_bytes(&w, m->application, name_size);
    write_bytes(&w, &m->chain, sizeof m->chain);
    write_u16(&w, m->n);
    write_u64(&w, m->state.epoch);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        write_u64(&w, m->state.outcomes[i]);
    write_u64(&w, m->state.bytes);
    write_u64(&w, m->state.confirmed_bytes);
    write_u64(&w, m->state.bad_blocks);
    write_bytes(&w, &m->state.state_root, sizeof m->state.state_root);
    merkle_frontier_encode(&m->log, &w);
    assert(w.ok);
    return writer_result(&w);
}

int meta_decode(struct slice value, struct meta *m)
{
    struct reader r = reader_of(value);

    *m = (struct meta){.n = 0};
    uint8_t format = read_u8(&r);
    uint8_t name_size = read_u8(&r);
    if (format != LEDGER_FORMAT || name_size > APPLICATION_NAME_MAX)
        return STORE_CORRUPT;
    read_into(&r, m->application, name_size);
    read_into(&r, &m->chain, sizeof m->chain);
    m->n = read_u16(&r);
    m->state.epoch = read_u64(&r);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        m->state.outcomes[i] = read_u64(&r);
    m->state.bytes = read_u64(&r);
    m->state.confirmed_bytes = read_u64(&r);
    m->state.bad_blocks = read_u64(&r);
    read_into(&r, &m->state.state_root, sizeof m->state.state_root);
    if (!merkle_frontier_decode(&r, &m->log) || !reader_finished(&r))
        return STORE_CORRUPT;
    m->state.height = m->log.count;
    m->state.log_root = merkle_frontier_root(&m->log);
    return 0;
}

struct slice position_key(uint8_t key[8], uint64_t position)
{
    struct writer w = writer_of(key, 8);
    write_u64(&w, position);
    return writer_result(&w);
}

static void leaf_write(const struct executor_entry *e, struct writer *w)
{
    write_u64(w, e->delivery.position);
    write_u64(w, e->delivery.epoch);
    write_u16(w, e->delivery.proposer);
    write_bytes(w, &e->delivery.commitment, sizeof e->delivery.commitment);
    write_u8(w, e->delivery.valid ? STATUS_VALID : STATUS_BAD);
    write_u32(w, e->count);
    write_bytes(w, &e->root, sizeof e->root);
}

struct hash executor_leaf(const struct executor_entry *e)
{
    uint8_t bytes[ENTRY_LEAF_SIZE];
    struct writer w = writer_of(bytes, sizeof bytes);
    leaf_write(e, &w);
    return hash_leaf(writer_result(&w));
}

struct slice entry_encode(const struct executor_entry *e, uint8_t bytes[ENTRY_SIZE])
{
    struct writer w = writer_of(bytes, ENTRY_SIZE);

    leaf_write(e, &w);
    write_u64(&w, e->delivery.with_epoch);
    write_u64(&w, e->bytes);
    write_u32(&w, e->confirmed);
    write_u64(&w, e->confirmed_bytes);
    assert(w.ok);
    return writer_result(&w);
}

int entry_decode(struct slice value, struct executor_entry *e)
{
    struct reader r = reader_of(value);

    e->delivery.position = read_u64(&r);
    e->delivery.epoch = read_u64(&r);
    e->delivery.proposer = read_u16(&r);
    read_into(&r, &e->delivery.commitment, sizeof e->delivery.commitment);
    uint8_t status = read_u8(&r);
    e->delivery.valid = status == STATUS_VALID;
    e->count = read_u32(&r);
    read_into(&r, &e->root, sizeof e->root);
    e->delivery.with_epoch = read_u64(&r);
    e->bytes = read_u64(&r);
    e->confirmed = read_u32(&r);
    e->confirmed_bytes = read_u64(&r);
    return reader_finished(&r) && (status == STATUS_VALID || status == STATUS_BAD) ? 0
                                                                                   : STORE_CORRUPT;
}

struct slice outcomes_key(uint8_t key[12], uint64_t position, uint32_t first)
{
    struct writer w = writer_of(key, 12);
    write_u64(&w, position);
    write_u32(&w, first);
    return writer_result(&w);
}

void result_encode(const struct result *result, uint8_t bytes[RESULT_SIZE])
{
    memcpy(bytes, &result->id, HASH_SIZE);
    bytes[HASH_SIZE] = (uint8_t)result->outcome;
}

static int outcome_decode(uint8_t value, enum outcome *outcome)
{
    *outcome = (enum outcome)value;
    return value > OUTCOME_NONE && value < OUTCOME_COUNT ? 0 : STORE_CORRUPT;
}

int result_decode(struct slice value, struct result *result)
{
    struct reader r = reader_of(value);
    read_into(&r, &result->id, sizeof result->id);
    int error = outcome_decode(read_u8(&r), &result->outcome);
    return reader_finished(&r) ? error : STORE_CORRUPT;
}

struct hash executor_result_leaf(const struct result *result)
{
    uint8_t bytes[RESULT_SIZE];
    result_encode(result, bytes);
    return hash_leaf(slice_of(bytes, sizeof bytes));
}

struct slice place_encode(const struct executor_place *p, uint8_t bytes[PLACE_SIZE])
{
    struct writer w = writer_of(bytes, PLACE_SIZE);
    write_u64(&w, p->position);
    write_u32(&w, p->index);
    write_u8(&w, (uint8_t)p->outcome);
    return writer_result(&w);
}

int place_decode(struct slice value, struct executor_place *p)
{
    struct reader r = reader_of(value);
    p->position = read_u64(&r);
    p->index = read_u32(&r);
    int error = outcome_decode(read_u8(&r), &p->outcome);
    return reader_finished(&r) ? error : STORE_CORRUPT;
}
