#include "node/mempool_entries.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/driver.h"

void *mempool_memory(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

void *mempool_array_add(struct array *a, size_t size)
{
    if (a->count == a->capacity) {
        a->capacity = a->capacity ? 2 * a->capacity : 64;
        a->items = mempool_memory(realloc(a->items, a->capacity * size));
    }
    return (uint8_t *)a->items + a->count++ * size;
}

void mempool_list_append(struct list *l, struct entry *e)
{
    e->list = l;
    e->next = NULL;
    e->previous = l->last;
    if (l->last)
        l->last->next = e;
    else
        l->first = e;
    l->last = e;
    l->bytes += e->size;
}

void mempool_list_prepend(struct list *l, struct entry *e)
{
    e->list = l;
    e->previous = NULL;
    e->next = l->first;
    if (l->first)
        l->first->previous = e;
    else
        l->last = e;
    l->first = e;
    l->bytes += e->size;
}

void mempool_list_remove(struct entry *e)
{
    struct list *l = e->list;
    if (e->previous)
        e->previous->next = e->next;
    else
        l->first = e->next;
    if (e->next)
        e->next->previous = e->previous;
    else
        l->last = e->previous;
    assert(l->bytes >= e->size);
    l->bytes -= e->size;
}

static struct entry **bucket_of(const struct mempool *m, const struct hash *id)
{
    uint64_t word;
    memcpy(&word, id->bytes, sizeof(word));
    return &m->buckets[(word * (m->options.seed | 1)) >> m->shift];
}

struct entry *mempool_find(const struct mempool *m, const struct hash *id)
{
    struct entry *e = *bucket_of(m, id);
    while (e && !hash_equal(&e->id, id))
        e = e->chain;
    return e;
}

static struct entry *insert(struct mempool *m, const struct mempool_item *item, uint64_t arrival)
{
    assert(item->bytes.size >= 1 && item->bytes.size <= TRANSACTION_SIZE_MAX);
    struct entry *e = mempool_memory(calloc(1, sizeof(*e) + item->bytes.size));
    e->id = item->id;
    e->arrival = arrival;
    e->size = (uint32_t)item->bytes.size;
    memcpy(e->bytes, item->bytes.data, item->bytes.size);
    struct entry **bucket = bucket_of(m, &e->id);
    e->chain = *bucket;
    *bucket = e;
    mempool_list_append(&m->waiting, e);
    m->view.count++;
    m->view.bytes += e->size;
    m->view.charged += sizeof(*e) + e->size;
    return e;
}

static void drop(struct mempool *m, struct entry *e)
{
    struct entry **link = bucket_of(m, &e->id);
    while (*link != e)
        link = &(*link)->chain;
    *link = e->chain;
    mempool_list_remove(e);
    if (e->fresh)
        ((struct entry **)m->fresh.items)[e->fresh - 1] = NULL;
    else
        *(uint64_t *)mempool_array_add(&m->removed, sizeof(uint64_t)) = e->arrival;
    m->view.count--;
    m->view.bytes -= e->size;
    m->view.charged -= sizeof(*e) + e->size;
    m->view.marked -= e->epoch != 0;
    free(e);
}

static struct slice settled_key(void)
{
    static const char key[] = "settled";
    return slice_of(key, sizeof key - 1);
}

static int load(void *context, struct slice key, struct slice value)
{
    struct mempool *m = context;
    struct reader r = reader_of(key);
    uint64_t arrival = read_u64(&r);
    if (!reader_finished(&r))
        return STORE_CORRUPT;
    m->arrivals = arrival + 1;
    struct mempool_item item = {0};
    bool known = value.size >= 1 && value.size <= TRANSACTION_SIZE_MAX &&
                 m->options.describe(m->options.context, value, &item);
    item.bytes = value;
    if (known && !mempool_find(m, &item.id))
        insert(m, &item, arrival);
    else
        *(uint64_t *)mempool_array_add(&m->removed, sizeof(uint64_t)) = arrival;
    return 0;
}

static int load_settled(struct mempool *m, struct store_view *view)
{
    struct slice value;
    const int status = store_view_get(view, TABLE_META, settled_key(), &value);
    if (status != 0)
        return status == STORE_MISSING ? 0 : status;
    struct reader r = reader_of(value);
    m->settled = m->settled_stored = read_u64(&r);
    return reader_finished(&r) ? 0 : STORE_CORRUPT;
}

struct mempool *mempool_open(const struct mempool_options *options, struct store *store,
                             char *message, size_t message_size)
{
    struct mempool *m = mempool_memory(calloc(1, sizeof(*m)));
    m->options = *options;
    unsigned bits = 4;
    while (bits < 40 && (options->bytes_max >> bits) > 2 * sizeof(struct entry))
        bits++;
    m->shift = 64 - bits;
    m->buckets = mempool_memory(calloc((size_t)1 << bits, sizeof(struct entry *)));
    struct store_view *view = NULL;
    int status = store_view_open(store, &view);
    if (status == 0)
        status = store_view_scan(view, TABLE_POOL, (struct slice){0}, load, m);
    if (status == 0)
        status = load_settled(m, view);
    store_view_close(view);
    if (status == 0)
        return m;
    snprintf(message, message_size, "cannot read the waiting transactions: %s",
             status == STORE_CORRUPT ? "a record has a wrong key" : store_message(store));
    mempool_close(m);
    return NULL;
}

void mempool_close(struct mempool *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < (size_t)1 << (64 - m->shift); i++) {
        while (m->buckets[i]) {
            struct entry *e = m->buckets[i];
            m->buckets[i] = e->chain;
            free(e);
        }
    }
    for (size_t i = 0; i < m->marks.count; i++)
        free(((struct mark **)m->marks.items)[i]);
    free(m->marks.items);
    free(m->fresh.items);
    free(m->removed.items);
    free(m->buckets);
    free(m);
}

enum mempool_answer mempool_add(struct mempool *m, const struct mempool_item *item)
{
    if (mempool_find(m, &item->id))
        return MEMPOOL_PENDING;
    if (m->view.charged + sizeof(struct entry) + item->bytes.size > m->options.bytes_max)
        return MEMPOOL_FULL;
    struct entry *e = insert(m, item, m->arrivals++);
    e->arrived_ms = m->now_ms;
    *(struct entry **)mempool_array_add(&m->fresh, sizeof(struct entry *)) = e;
    e->fresh = m->fresh.count;
    return MEMPOOL_ADDED;
}

void mempool_time(struct mempool *m, uint64_t now_ms) { m->now_ms = now_ms; }

bool mempool_has(const struct mempool *m, const struct hash *id) { return mempool_find(m, id); }

bool mempool_remove(struct mempool *m, const struct hash *id)
{
    struct entry *e = mempool_find(m, id);
    if (!e)
        return false;
    if (e->arrived_ms != 0)
        times_add(&m->view.stays, (m->now_ms - e->arrived_ms) * 1000);
    drop(m, e);
    return true;
}

static struct slice bytes_of(uint64_t number, uint8_t bytes[sizeof(uint64_t)])
{
    struct writer w = writer_of(bytes, sizeof(uint64_t));
    write_u64(&w, number);
    return writer_result(&w);
}

int mempool_commit(struct mempool *m, struct store *store)
{
    uint8_t key[sizeof(uint64_t)];
    bool wrote = m->removed.count > 0;
    struct entry **fresh = m->fresh.items;
    for (size_t i = 0; i < m->fresh.count; i++) {
        struct entry *e = fresh[i];
        if (!e)
            continue;
        struct slice bytes = slice_of(e->bytes, e->size);
        int status = store_put(store, TABLE_POOL, bytes_of(e->arrival, key), &bytes, 1);
        if (status != 0)
            return status;
        e->fresh = 0;
        wrote = true;
    }
    const uint64_t *removed = m->removed.items;
    for (size_t i = 0; i < m->removed.count; i++) {
        int status = store_delete(store, TABLE_POOL, bytes_of(removed[i], key));
        if (status != 0 && status != STORE_MISSING)
            return status;
    }
    if (wrote && m->settled != m->settled_stored) {
        const struct slice value = bytes_of(m->settled, key);
        const int status = store_put(store, TABLE_META, settled_key(), &value, 1);
        if (status != 0)
            return status;
        m->settled_stored = m->settled;
    }
    m->fresh.count = 0;
    m->removed.count = 0;
    return wrote;
}

void mempool_settled(struct mempool *m, epoch_id epoch) { m->settled = epoch; }

epoch_id mempool_settled_through(const struct mempool *m) { return m->settled_stored; }

void mempool_view(const struct mempool *m, struct mempool_view *view) { *view = m->view; }
