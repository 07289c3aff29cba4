#include "node/external_inputs.h"

#include <string.h>

#include "node/application.h"

enum { DROP_MAX = 256 };

struct slice input_key(uint8_t key[INPUT_KEY_SIZE], epoch_id epoch, uint32_t part)
{
    struct writer w = writer_of(key, INPUT_KEY_SIZE);
    write_u64(&w, epoch);
    write_u32(&w, part);
    return writer_result(&w);
}

static struct slice base_key(void)
{
    static const char key[] = "inputs_base";
    return slice_of(key, sizeof key - 1);
}

int inputs_base(struct store_view *v, struct inputs_base *base)
{
    struct slice value;
    *base = (struct inputs_base){.epoch = 0};
    const int error = store_view_get(v, LEDGER_META, base_key(), &value);
    if (error)
        return error == STORE_MISSING ? 0 : error;
    struct reader r = reader_of(value);
    base->epoch = read_u64(&r);
    read_into(&r, base->root.bytes, HASH_SIZE);
    base->bytes = read_u64(&r);
    return reader_finished(&r) ? 0 : STORE_CORRUPT;
}

int inputs_rebase(struct store *s, const struct inputs_base *base)
{
    uint8_t bytes[8 + HASH_SIZE + 8];
    struct writer w = writer_of(bytes, sizeof bytes);
    write_u64(&w, base->epoch);
    write_slice(&w, hash_slice(&base->root));
    write_u64(&w, base->bytes);
    const struct slice value = writer_result(&w);
    return store_put(s, LEDGER_META, base_key(), &value, 1);
}

struct dropping {
    epoch_id base;
    unsigned count, most;
    uint8_t keys[DROP_MAX][INPUT_KEY_SIZE];
};

static int note_old(void *context, struct slice key, struct slice value)
{
    struct dropping *d = context;
    struct reader r = reader_of(key);
    (void)value;
    if (key.size != INPUT_KEY_SIZE)
        return STORE_CORRUPT;
    if (read_u64(&r) > d->base || d->count == d->most)
        return 1;
    memcpy(d->keys[d->count++], key.data, INPUT_KEY_SIZE);
    return 0;
}

int inputs_drop(struct store *s, epoch_id base, unsigned most, bool *all)
{
    int error = 0;
    *all = false;
    while (most > 0 && error >= 0 && !*all) {
        struct dropping d = {.base = base, .most = most < DROP_MAX ? most : DROP_MAX};
        error = store_scan(s, LEDGER_INPUTS, (struct slice){0}, note_old, &d);
        for (unsigned k = 0; k < d.count && error >= 0; k++)
            error = store_delete(s, LEDGER_INPUTS, slice_of(d.keys[k], INPUT_KEY_SIZE));
        *all = d.count < d.most;
        most -= d.count;
    }
    return error < 0 ? error : 0;
}

struct finding {
    epoch_id epoch;
    struct hash *root;
};

static int note_root(void *context, struct slice key, struct slice value)
{
    struct finding *f = context;
    struct reader r = reader_of(key);
    if (read_u64(&r) > f->epoch)
        return 1;
    if (read_u32(&r) == INPUT_ROOT && value.size == HASH_SIZE)
        memcpy(f->root->bytes, value.data, HASH_SIZE);
    return 0;
}

/* After an epoch that brought nothing it is that of the last one that did. */
int inputs_root(struct store_view *v, const struct inputs_base *base, epoch_id epoch,
                struct hash *root)
{
    uint8_t key[INPUT_KEY_SIZE];
    struct slice value;
    struct finding f = {epoch, root};
    *root = base->root;
    int error = store_view_get(v, LEDGER_INPUTS, input_key(key, epoch, INPUT_ROOT), &value);
    if (error == 0 && value.size == HASH_SIZE) {
        memcpy(root->bytes, value.data, HASH_SIZE);
        return 0;
    }
    if (error == STORE_MISSING)
        error =
            store_view_scan(v, LEDGER_INPUTS, input_key(key, base->epoch + 1, 0), note_root, &f);
    return error < 0 ? error : 0;
}
