#include "node/executor_record.h"
#include "node/executor_snapshot.h"

static int meta_read(struct store_view *v, struct meta *m)
{
    struct slice value;
    int error = store_view_get(v, LEDGER_META, meta_key(), &value);
    return error ? error : meta_decode(value, m);
}

int executor_state(struct store_view *v, struct executor_state *state)
{
    struct meta meta;
    int error = meta_read(v, &meta);
    if (!error)
        *state = meta.state;
    return error;
}

int executor_entry(struct store_view *v, uint64_t position, struct executor_entry *entry)
{
    uint8_t key[8];
    struct slice value;
    int error = store_view_get(v, LEDGER_ENTRIES, position_key(key, position), &value);
    return error ? error : entry_decode(value, entry);
}

struct entries_visit {
    executor_visit visit;
    void *context;
};

static int visit_entry(void *context, struct slice key, struct slice value)
{
    const struct entries_visit *outer = context;
    struct executor_entry entry;
    (void)key;
    int error = entry_decode(value, &entry);
    return error ? error : outer->visit(outer->context, &entry);
}

int executor_entries(struct store_view *v, uint64_t from, executor_visit visit, void *context)
{
    uint8_t key[8];
    struct entries_visit outer = {visit, context};
    return store_view_scan(v, LEDGER_ENTRIES, position_key(key, from), visit_entry, &outer);
}

/* The epochs that deliver ascend with the position. */
int executor_position(struct store_view *v, epoch_id epoch, uint64_t *position)
{
    struct executor_state state;
    int error = executor_state(v, &state);
    if (error)
        return error;

    uint64_t low = 0, high = state.height;
    if ((error = executor_base(v, &low)))
        return error;
    while (low < high) {
        struct executor_entry entry;
        uint64_t middle = low + (high - low) / 2;
        if ((error = executor_entry(v, middle, &entry)))
            return error == STORE_MISSING ? STORE_CORRUPT : error;
        if (entry.delivery.with_epoch < epoch)
            low = middle + 1;
        else
            high = middle;
    }
    *position = low;
    return 0;
}

int executor_transaction(struct store_view *v, const struct hash *id, struct executor_place *place)
{
    struct slice value;
    int error = store_view_get(v, LEDGER_TRANSACTIONS, hash_slice(id), &value);
    if (!error && value.size == 0)
        return STORE_MISSING; /* Before the snapshot that the ledger began with. */
    return error ? error : place_decode(value, place);
}

int executor_outcome(struct store_view *v, uint64_t position, uint32_t index, struct result *result)
{
    uint8_t key[12];
    struct slice row;
    uint32_t column = index % APPLICATION_BATCH;
    int error =
        store_view_get(v, LEDGER_OUTCOMES, outcomes_key(key, position, index - column), &row);
    if (error)
        return error;
    if (column >= row.size / RESULT_SIZE)
        return STORE_MISSING;
    return result_decode(slice_of(row.data + column * RESULT_SIZE, RESULT_SIZE), result);
}
