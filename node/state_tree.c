#include "node/state_tree.h"

#include <assert.h>
#include <string.h>

enum { NODE_KEY_SIZE = 1 + 8, WIDTH = STATE_TREE_WIDTH };
static_assert((WIDTH & (WIDTH - 1)) == 0, "a record is a subtree of the binary tree");

struct record {
    unsigned count;
    struct hash hashes[WIDTH];
};

static struct slice node_key(uint8_t key[NODE_KEY_SIZE], unsigned level, uint64_t index)
{
    struct writer w = writer_of(key, NODE_KEY_SIZE);
    write_u8(&w, (uint8_t)level);
    write_u64(&w, index);
    return writer_result(&w);
}

static uint64_t records_for(uint64_t hashes) { return hashes / WIDTH + (hashes % WIDTH != 0); }

static int record_decode(struct slice value, struct record *record)
{
    if (value.size % HASH_SIZE || value.size > sizeof record->hashes)
        return STORE_CORRUPT;
    record->count = (unsigned)(value.size / HASH_SIZE);
    memcpy(record->hashes, value.data, value.size);
    return 0;
}

static int record_get(struct store *s, unsigned table, unsigned level, uint64_t index,
                      struct record *record)
{
    uint8_t key[NODE_KEY_SIZE];
    struct slice value;

    record->count = 0;
    int error = store_get(s, table, node_key(key, level, index), &value);
    return error ? error : record_decode(value, record);
}

static int record_put(struct store *s, unsigned table, unsigned level, uint64_t index,
                      const struct record *record)
{
    uint8_t key[NODE_KEY_SIZE];
    struct slice value = slice_of(record->hashes, record->count * HASH_SIZE);
    return store_put(s, table, node_key(key, level, index), &value, 1);
}

/* Writes the hashes of one level and turns the array into the roots of the records touched,
 * which are the hashes of the next level. */
static int level_update(struct store *s, unsigned table, unsigned level, struct state_leaf hashes[],
                        size_t *changed)
{
    size_t roots = 0;

    for (size_t i = 0; i < *changed;) {
        struct record record;
        uint64_t index = hashes[i].index / WIDTH;
        int error = record_get(s, table, level, index, &record);
        if (error && error != STORE_MISSING)
            return error;
        for (; i < *changed && hashes[i].index / WIDTH == index; i++) {
            unsigned place = (unsigned)(hashes[i].index % WIDTH);
            if (place > record.count)
                return STORE_CORRUPT;
            record.hashes[place] = hashes[i].hash;
            record.count += place == record.count;
        }
        if ((error = record_put(s, table, level, index, &record)))
            return error;
        hashes[roots++] = (struct state_leaf){index, merkle_root(record.hashes, record.count)};
    }
    *changed = roots;
    return 0;
}

int state_tree_update(struct store *s, unsigned table, uint64_t count, struct state_leaf leaves[],
                      size_t changed)
{
    assert(changed >= 1);
    assert(leaves[changed - 1].index < count);
    for (unsigned level = 0;; level++, count = records_for(count)) {
        int error = level_update(s, table, level, leaves, &changed);
        if (error || count == 1)
            return error;
    }
}

int state_tree_root(struct store *s, unsigned table, uint64_t count, struct hash *root)
{
    struct record record;
    unsigned level = 0;

    if (count == 0) {
        *root = merkle_root(NULL, 0);
        return 0;
    }
    for (; count > 1; count = records_for(count))
        level++;
    int error = record_get(s, table, level, 0, &record);
    if (error || record.count != 1)
        return error && error != STORE_MISSING ? error : STORE_CORRUPT;
    *root = record.hashes[0];
    return 0;
}

int state_tree_path(struct store_view *v, unsigned table, uint64_t count, uint64_t index,
                    struct hash path[MERKLE_LOG_DEPTH_MAX], unsigned *length)
{
    assert(index < count);
    *length = 0;
    for (unsigned level = 0; count > 1; level++, count = records_for(count), index /= WIDTH) {
        uint8_t key[NODE_KEY_SIZE];
        struct slice value;
        struct record record;
        int error = store_view_get(v, table, node_key(key, level, index / WIDTH), &value);
        if (error)
            return error == STORE_MISSING ? STORE_CORRUPT : error;
        if ((error = record_decode(value, &record)))
            return error;
        uint64_t above = count - (index - index % WIDTH); /* From the record's first on. */
        if (record.count != (above < WIDTH ? above : WIDTH))
            return STORE_CORRUPT;
        *length += merkle_path(record.hashes, record.count, index % WIDTH, &path[*length]);
    }
    return 0;
}
