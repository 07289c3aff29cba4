#include "node/records.h"

#include <string.h>

const char *const consensus_tables[CONSENSUS_TABLES] = {
    [TABLE_META] = "meta",
    [TABLE_INSTANCES] = "instances",
    [TABLE_CHUNKS] = "chunks",
    [TABLE_BLOCKS] = "blocks",
    [TABLE_VOTES] = "votes",
    [TABLE_OUTCOMES] = "outcomes",
    [TABLE_DELIVERED] = "delivered",
    [TABLE_POOL] = "pool",
    [TABLE_CHECKPOINTS] = "checkpoints",
};

void driver_instance_key(uint8_t key[9], epoch_id epoch, node_id proposer)
{
    struct writer w = writer_of(key, RECORD_KEY_SIZE);
    write_u64(&w, epoch);
    write_u8(&w, (uint8_t)proposer);
}

static struct slice epoch_key(uint8_t key[8], epoch_id epoch)
{
    struct writer w = writer_of(key, 8);
    write_u64(&w, epoch);
    return writer_result(&w);
}

void records_decode_key(struct slice key, epoch_id *epoch, node_id *proposer)
{
    struct reader r = reader_of(key);
    *epoch = read_u64(&r);
    *proposer = read_u8(&r);
}

int records_put_instance(struct store *s, epoch_id epoch, node_id proposer,
                         const struct instance_record *r)
{
    uint8_t key[RECORD_KEY_SIZE], value[RECORD_INSTANCE_SIZE];
    driver_instance_key(key, epoch, proposer);
    struct writer w = writer_of(value, sizeof value);
    write_u8(&w, (uint8_t)(r->got | r->ready << 1 | r->complete << 2 | r->chunk << 3));
    write_u8(&w, r->block);
    write_u32(&w, r->count);
    write_slice(&w, hash_slice(&r->got_root));
    write_slice(&w, hash_slice(&r->ready_root));
    write_slice(&w, hash_slice(&r->root));
    write_slice(&w, hash_slice(&r->chunk_root));
    const struct slice part = writer_result(&w);
    return store_put(s, TABLE_INSTANCES, slice_of(key, sizeof key), &part, 1);
}

bool records_decode_instance(struct slice value, struct instance_record *r)
{
    struct reader in = reader_of(value);
    const uint8_t flags = read_u8(&in);
    *r = (struct instance_record){.got = flags & 1,
                                  .ready = flags >> 1 & 1,
                                  .complete = flags >> 2 & 1,
                                  .chunk = flags >> 3 & 1};
    r->block = read_u8(&in);
    r->count = read_u32(&in);
    read_into(&in, r->got_root.bytes, HASH_SIZE);
    read_into(&in, r->ready_root.bytes, HASH_SIZE);
    read_into(&in, r->root.bytes, HASH_SIZE);
    read_into(&in, r->chunk_root.bytes, HASH_SIZE);
    return reader_finished(&in) && flags < 16 && r->block <= BLOCK_BAD;
}

int records_get_instance(struct store *s, epoch_id epoch, node_id proposer,
                         struct instance_record *r)
{
    uint8_t key[RECORD_KEY_SIZE];
    driver_instance_key(key, epoch, proposer);
    *r = (struct instance_record){0};
    struct slice value;
    const int error = store_get(s, TABLE_INSTANCES, slice_of(key, sizeof key), &value);
    if (error)
        return error == STORE_MISSING ? 0 : error;
    return records_decode_instance(value, r) ? 0 : STORE_CORRUPT;
}

int records_put_chunk(struct store *s, epoch_id epoch, node_id proposer,
                      const struct stored_chunk *c)
{
    uint8_t key[RECORD_KEY_SIZE], head[HASH_SIZE + 4 + HASH_SIZE + sizeof c->proof.path];
    driver_instance_key(key, epoch, proposer);
    struct writer w = writer_of(head, sizeof head);
    write_slice(&w, hash_slice(&c->root));
    write_u32(&w, c->header.chunk_size);
    write_slice(&w, hash_slice(&c->header.tree_root));
    write_bytes(&w, c->proof.path, sizeof c->proof.path);
    const struct slice parts[2] = {writer_result(&w), c->data};
    return store_put(s, TABLE_CHUNKS, slice_of(key, sizeof key), parts, 2);
}

bool records_decode_chunk(struct slice value, struct stored_chunk *c)
{
    struct reader r = reader_of(value);
    read_into(&r, c->root.bytes, HASH_SIZE);
    c->header.chunk_size = read_u32(&r);
    read_into(&r, c->header.tree_root.bytes, HASH_SIZE);
    read_into(&r, c->proof.path, sizeof c->proof.path);
    c->data = read_slice(&r, c->header.chunk_size);
    return reader_finished(&r);
}

int records_put_outcome(struct store *s, epoch_id epoch, const struct nodeset *accepted)
{
    uint8_t key[8], value[NODES_MAX / 8];
    struct writer w = writer_of(value, sizeof value);
    for (unsigned k = 0; k < NODES_MAX / 64; k++)
        write_u64(&w, accepted->words[k]);
    const struct slice part = writer_result(&w);
    return store_put(s, TABLE_OUTCOMES, epoch_key(key, epoch), &part, 1);
}

bool records_decode_outcome(struct slice value, struct nodeset *accepted)
{
    struct reader r = reader_of(value);
    for (unsigned k = 0; k < NODES_MAX / 64; k++)
        accepted->words[k] = read_u64(&r);
    return reader_finished(&r);
}

int records_put_votes(struct store *s, epoch_id epoch, uint64_t sequence, struct slice votes)
{
    uint8_t key[16];
    struct writer w = writer_of(key, sizeof key);
    write_u64(&w, epoch);
    write_u64(&w, sequence);
    return store_put(s, TABLE_VOTES, writer_result(&w), &votes, 1);
}

enum { COLLECTED_MAX = 64 };

struct collected { /* Keys to delete: a visit must not write. */
    epoch_id through;
    unsigned count, limit;
    uint8_t keys[COLLECTED_MAX][24];
    size_t sizes[COLLECTED_MAX];
};

static int collect(void *context, struct slice key, struct slice value)
{
    (void)value;
    struct collected *c = context;
    struct reader r = reader_of(key);
    if (read_u64(&r) > c->through || c->count == c->limit)
        return 1;
    memcpy(c->keys[c->count], key.data, key.size);
    c->sizes[c->count++] = key.size;
    return 0;
}

/* Collects the keys of a table from epoch `from` on, as far as epoch c->through. */
static int collect_from(struct store *s, unsigned table, epoch_id from, struct collected *c)
{
    uint8_t key[8];
    c->count = 0;
    const int error = store_scan(s, table, epoch_key(key, from), collect, c);
    return error < 0 ? error : 0;
}

int records_drop_votes(struct store *s, epoch_id epoch)
{
    struct collected c = {.through = epoch, .limit = COLLECTED_MAX};
    do {
        int error = collect_from(s, TABLE_VOTES, epoch, &c);
        for (unsigned k = 0; k < c.count && !error; k++)
            error = store_delete(s, TABLE_VOTES, slice_of(c.keys[k], c.sizes[k]));
        if (error)
            return error;
    } while (c.count == c.limit);
    return 0;
}

int records_put_number(struct store *s, const char *name, uint64_t value)
{
    uint8_t bytes[8];
    struct writer w = writer_of(bytes, sizeof bytes);
    write_u64(&w, value);
    const struct slice part = writer_result(&w);
    return store_put(s, TABLE_META, slice_of(name, strlen(name)), &part, 1);
}

int records_get_number(struct store *s, const char *name, uint64_t otherwise, uint64_t *value)
{
    struct slice bytes;
    const int error = store_get(s, TABLE_META, slice_of(name, strlen(name)), &bytes);
    *value = otherwise;
    if (error)
        return error == STORE_MISSING ? 0 : error;
    struct reader r = reader_of(bytes);
    *value = read_u64(&r);
    return reader_finished(&r) ? 0 : STORE_CORRUPT;
}

int records_put_delivered(struct store *s, epoch_id with_epoch, epoch_id epoch, node_id proposer)
{
    uint8_t key[8 + RECORD_KEY_SIZE];
    struct writer w = writer_of(key, sizeof key);
    write_u64(&w, with_epoch);
    write_u64(&w, epoch);
    write_u8(&w, (uint8_t)proposer);
    return store_put(s, TABLE_DELIVERED, writer_result(&w), NULL, 0);
}

static int delete_if_there(struct store *s, unsigned table, struct slice key)
{
    const int error = store_delete(s, table, key);
    return error == STORE_MISSING ? 0 : error;
}

/* Drops the first records of a table that are of epochs <= through, up to `limit`. */
static int drop_through(struct store *s, unsigned table, epoch_id through, unsigned limit,
                        bool *more)
{
    struct collected c = {.through = through, .limit = limit};
    int error = collect_from(s, table, 0, &c);
    for (unsigned k = 0; k < c.count && !error; k++)
        error = store_delete(s, table, slice_of(c.keys[k], c.sizes[k]));
    *more = *more || c.count == limit;
    return error;
}

static int drop_delivered(struct store *s, epoch_id with, unsigned limit, bool *more)
{
    struct collected c = {.through = with, .limit = limit};
    int error = collect_from(s, TABLE_DELIVERED, 0, &c);
    for (unsigned k = 0; k < c.count && !error; k++) {
        const struct slice key = slice_of(c.keys[k], c.sizes[k]);
        const struct slice instance = slice_of(c.keys[k] + 8, RECORD_KEY_SIZE);
        if ((error = delete_if_there(s, TABLE_CHUNKS, instance)) ||
            (error = delete_if_there(s, TABLE_BLOCKS, instance)) ||
            (error = delete_if_there(s, TABLE_INSTANCES, instance)))
            break;
        error = store_delete(s, TABLE_DELIVERED, key);
    }
    *more = *more || c.count == limit;
    return error;
}

static int decode_checkpoint(struct slice value, epoch_id epoch, struct quorum q,
                             struct checkpoint_record *r, struct identity_signature signatures[])
{
    struct reader in = reader_of(value);
    *r = (struct checkpoint_record){.signatures = signatures};
    checkpoint_decode(&in, &r->checkpoint);
    while (in.ok && reader_left(&in) > 0) {
        const uint8_t signer = read_u8(&in);
        if (signer >= q.n || !nodeset_add(&r->signers, signer))
            return STORE_CORRUPT;
        read_into(&in, signatures[signer].bytes, IDENTITY_SIGNATURE_SIZE);
    }
    return in.ok && r->checkpoint.epoch == epoch ? 0 : STORE_CORRUPT;
}

int records_put_checkpoint(struct store *s, const struct checkpoint_record *r, uint64_t every)
{
    uint8_t key[8], value[CHECKPOINT_SIZE + NODES_MAX * (1 + IDENTITY_SIGNATURE_SIZE)];
    struct writer w = writer_of(value, sizeof value);
    checkpoint_encode(&w, &r->checkpoint);
    for (unsigned p = nodeset_next(&r->signers, 0); p < NODES_MAX;
         p = nodeset_next(&r->signers, p + 1)) {
        write_u8(&w, (uint8_t)p);
        write_bytes(&w, r->signatures[p].bytes, IDENTITY_SIGNATURE_SIZE);
    }
    const struct slice part = writer_result(&w);
    const epoch_id epoch = r->checkpoint.epoch, old = RECORD_CHECKPOINTS_KEPT * every;
    const int error = store_put(s, TABLE_CHECKPOINTS, epoch_key(key, epoch), &part, 1);
    bool more = false; /* One that was left out leaves one more to drop. */
    if (error || epoch <= old)
        return error;
    return drop_through(s, TABLE_CHECKPOINTS, epoch - old, 2, &more);
}

int records_get_checkpoint(struct store *s, epoch_id epoch, struct quorum q,
                           struct checkpoint_record *r, struct identity_signature signatures[])
{
    uint8_t key[8];
    struct slice value;
    const int error = store_get(s, TABLE_CHECKPOINTS, epoch_key(key, epoch), &value);
    return error ? error : decode_checkpoint(value, epoch, q, r, signatures);
}

int records_view_checkpoint(struct store_view *v, epoch_id epoch, struct quorum q,
                            struct checkpoint_record *r, struct identity_signature signatures[])
{
    uint8_t key[8];
    struct slice value;
    const int error = store_view_get(v, TABLE_CHECKPOINTS, epoch_key(key, epoch), &value);
    return error ? error : decode_checkpoint(value, epoch, q, r, signatures);
}

int records_prune(struct store *s, epoch_id through, epoch_id past, epoch_id sealed, unsigned limit,
                  bool *more)
{
    if (limit > COLLECTED_MAX)
        limit = COLLECTED_MAX;
    *more = false;
    int error = drop_delivered(s, through, limit, more);
    if (!error)
        error = drop_through(s, TABLE_CHUNKS, past, limit, more);
    if (!error)
        error = drop_through(s, TABLE_BLOCKS, past, limit, more);
    if (!error)
        error = drop_through(s, TABLE_INSTANCES, past, limit, more);
    if (!error)
        error = drop_through(s, TABLE_OUTCOMES, sealed, limit, more);
    return error;
}
