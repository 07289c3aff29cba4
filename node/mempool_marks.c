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

uint32_t mempool_take(struct mempool *m, epoch_id epoch, uint64_t enough, struct writer *w)
{
    assert(epoch > 0);
    struct mark *mark = NULL;
    struct entry *e;
    uint32_t count = 0;
    const uint8_t *const start = w->at;
    while (w->ok && (uint64_t)(w->at - start) < enough && (e = m->waiting.first) &&
           (size_t)(w->end - w->at) >= sizeof(uint32_t) + e->size &&
           block_may_hold(count + 1, (uint64_t)(w->at - start) + sizeof(uint32_t) + e->size)) {
        mark = mark ? mark : mark_get(m, epoch);
        mark_entry(m, mark, e, count++);
        write_u32(w, e->size);
        write_bytes(w, e->bytes, e->size);
    }
    return count;
}

uint64_t mempool_waiting(const struct mempool *m) { return m->waiting.bytes; }

uint64_t mempool_after(const struct mempool *m, epoch_id epoch)
{
    uint64_t bytes = m->waiting.bytes;
    for (size_t i = mark_place(m, epoch + 1); i < m->marks.count; i++)
        bytes += ((struct mark *const *)m->marks.items)[i]->list.bytes;
    return bytes;
}

void mempool_mark(struct mempool *m, epoch_id epoch, uint32_t index, const struct hash *id)
{
    struct entry *e = mempool_find(m, id);
    if (e)
        mark_entry(m, mark_get(m, epoch), e, index);
}

void mempool_release(struct mempool *m, epoch_id epoch)
{
    struct mark *mark = mark_find(m, epoch);
    if (!mark)
        return;
    struct entry *e;
    while ((e = mark->list.last)) {
        mempool_list_remove(e);
        mempool_list_prepend(&m->waiting, e);
        e->epoch = 0;
        m->view.marked--;
    }
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
    visit_list(&m->waiting, visit, context);
}
