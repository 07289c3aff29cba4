#include "node/mempool_entries.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The place of the first mark with this epoch or a later one. */
static size_t mark_place(const struct mempool *m, epoch_id epoch)
{
    struct mark *const *marks = m->marks.items;
    size_t low = 0;
    size_t high = m->marks.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (marks[middle]->epoch < epoch)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct mark *mark_find(const struct mempool *m, epoch_id epoch)
{
    size_t place = mark_place(m, epoch);
    struct mark *const *marks = m->marks.items;
    return place < m->marks.count && marks[place]->epoch == epoch ? marks[place] : NULL;
}

static struct mark *mark_get(struct mempool *m, epoch_id epoch)
{
    struct mark *mark = mark_find(m, epoch);
    if (mark)
        return mark;
    size_t place = mark_place(m, epoch);
    size_t after = m->marks.count - place;
    mempool_array_add(&m->marks, sizeof(struct mark *));
    struct mark **marks = m->marks.items;
    memmove(&marks[place + 1], &marks[place], after * sizeof(struct mark *));
    mark = mempool_memory(calloc(1, sizeof(*mark)));
    mark->epoch = epoch;
    marks[place] = mark;
    return mark;
}

static void mark_forget(struct mempool *m, struct mark *mark)
{
    assert(!mark->list.first);
    size_t place = mark_place(m, mark->epoch);
    struct mark **marks = m->marks.items;
    m->marks.count--;
    memmove(&marks[place], &marks[place + 1], (m->marks.count - place) * sizeof(struct mark *));
    free(mark);
}

static void mark_entry(struct mempool *m, struct mark *mark, struct entry *e, uint32_t index)
{
    m->view.marked += e->epoch == 0;
    mempool_list_remove(e);
    mempool_list_append(&mark->list, e);
    e->epoch = mark->epoch;
    e->index = index;
}

static void unmark(struct mempool *m, struct entry *e, unsigned level, uint64_t due_ms)
{
    mempool_list_remove(e);
    mempool_list_append(&m->again[level], e);
    e->epoch = 0;
    e->due_ms = due_ms;
    m->view.marked--;
}

/* By sender, then by number. */
static int compare_numbers(const void *left, const void *right)
{
    const struct entry *a = *(struct entry *const *)left;
    const struct entry *b = *(struct entry *const *)right;
    int order = memcmp(a->sender, b->sender, sizeof(a->sender));
    if (order == 0)
        order = (a->sequence > b->sequence) - (a->sequence < b->sequence);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* By sender, then by place in the block. */
static int compare_places(const void *left, const void *right)
{
    const struct entry *a = *(struct entry *const *)left;
    const struct entry *b = *(struct entry *const *)right;
    int order = memcmp(a->sender, b->sender, sizeof(a->sender));
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* Leaves each sender the places it has, and puts its transactions there in order. */
static void order_senders(struct entry **taken, size_t count)
{
    uint32_t *places = mempool_memory(malloc((count + 1) * sizeof(*places)));
    qsort(taken, count, sizeof(struct entry *), compare_places);
    for (size_t i = 0; i < count; i++)
        places[i] = taken[i]->index;
    qsort(taken, count, sizeof(struct entry *), compare_numbers);
    for (size_t i = 0; i < count; i++)
        taken[i]->index = places[i];
    struct entry **ordered = mempool_memory(malloc((count + 1) * sizeof(struct entry *)));
    for (size_t i = 0; i < count; i++)
        ordered[taken[i]->index] = taken[i];
    memcpy(taken, ordered, count * sizeof(struct entry *));
    free(ordered);
    free(places);
}

/* Those of one list that fit into *room bytes; false when one did not. */
static bool choose(struct mempool *m, const struct list *l, uint64_t now_ms, size_t *room)
{
    for (struct entry *e = l->first; e && e->due_ms <= now_ms; e = e->next) {
        if (*room < sizeof(uint32_t) + e->size)
            return false;
        *room -= sizeof(uint32_t) + e->size;
        e->index = (uint32_t)m->taken.count;
        *(struct entry **)mempool_array_add(&m->taken, sizeof(struct entry *)) = e;
    }
    return true;
}

uint32_t mempool_take(struct mempool *m, epoch_id epoch, uint64_t now_ms, struct writer *w)
{
    assert(epoch > 0);
    size_t room = w->ok ? (size_t)(w->end - w->at) : 0;
    m->taken.count = 0;
    bool fits = true;
    for (unsigned i = 0; i < MEMPOOL_RETRIES && fits; i++)
        fits = choose(m, &m->again[i], now_ms, &room);
    if (fits)
        choose(m, &m->waiting, now_ms, &room);
    if (m->taken.count == 0)
        return 0;

    struct entry **taken = m->taken.items;
    if (m->options.ordered)
        order_senders(taken, m->taken.count);
    struct mark *mark = mark_get(m, epoch);
    for (size_t i = 0; i < m->taken.count; i++) {
        mark_entry(m, mark, taken[i], (uint32_t)i);
        write_u32(w, taken[i]->size);
        write_bytes(w, taken[i]->bytes, taken[i]->size);
    }
    assert(w->ok);
    return (uint32_t)m->taken.count;
}

uint64_t mempool_waiting(const struct mempool *m, uint64_t now_ms)
{
    uint64_t bytes = m->waiting.bytes;
    for (unsigned i = 0; i < MEMPOOL_RETRIES; i++)
        if (m->again[i].first && m->again[i].first->due_ms <= now_ms)
            bytes += m->again[i].bytes;
    return bytes;
}

void mempool_mark(struct mempool *m, epoch_id epoch, uint32_t index, const struct hash *id)
{
    struct entry *e = mempool_find(m, id);
    if (e)
        mark_entry(m, mark_get(m, epoch), e, index);
}

void mempool_again(struct mempool *m, epoch_id epoch, const struct hash *id, uint64_t now_ms)
{
    struct entry *e = mempool_find(m, id);
    if (!e || e->epoch != epoch)
        return;
    unsigned level = e->tries < MEMPOOL_RETRIES - 1 ? e->tries : MEMPOOL_RETRIES - 1;
    uint64_t delay_ms = level ? (uint64_t)MEMPOOL_RETRY_MIN_MS << (level - 1) : 0;
    e->tries++;
    unmark(m, e, level, now_ms + delay_ms);
}

void mempool_release(struct mempool *m, epoch_id epoch)
{
    struct mark *mark = mark_find(m, epoch);
    if (!mark)
        return;
    while (mark->list.first)
        unmark(m, mark->list.first, 0, 0);
    mark_forget(m, mark);
}

static void visit_list(const struct list *l, mempool_visit visit, void *context)
{
    struct entry *e = l->first;
    while (e) {
        struct entry *next = e->next;
        struct hash id = e->id; /* Not the entry's, which may go. */
        visit(context, e->index, &id);
        e = next;
    }
}

void mempool_marked(struct mempool *m, epoch_id epoch, mempool_visit visit, void *context)
{
    struct mark *mark = mark_find(m, epoch);
    if (mark)
        visit_list(&mark->list, visit, context);
}

void mempool_each(struct mempool *m, mempool_visit visit, void *context)
{
    for (size_t i = m->marks.count; i-- > 0;)
        visit_list(&((struct mark **)m->marks.items)[i]->list, visit, context);
    for (unsigned i = 0; i < MEMPOOL_RETRIES; i++)
        visit_list(&m->again[i], visit, context);
    visit_list(&m->waiting, visit, context);
}
