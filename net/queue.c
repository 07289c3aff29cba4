#include "net/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A binary heap of items, and beside it an open-addressed table (linear probing, at most half
 * full) with an entry for each tagged item. Item and entry know each other's place, so that
 * neither is ever searched for when the other one moves. */

enum { CAPACITY_FIRST = 16 };
static const uint32_t EMPTY = UINT32_MAX;

void queue_init(struct queue *q, size_t bytes_max) { *q = (struct queue){.bytes_max = bytes_max}; }

void queue_free(struct queue *q)
{
    for (uint32_t i = 0; i < q->count; i++)
        frame_release(q->heap[i].frame);
    free(q->heap);
    free(q->buckets);
    queue_init(q, q->bytes_max);
}

static size_t charge(size_t size) { return size < QUEUE_CHARGE_MIN ? QUEUE_CHARGE_MIN : size; }

/* The bucket a tag would like. Tags may differ in a few bits only, wherever these are; the upper
 * bits of the product depend on all of them. */
static uint32_t home(const struct queue *q, uint64_t tag)
{
    uint64_t mixed = tag * 0x9e3779b97f4a7c15u >> 32;
    return (uint32_t)(mixed * q->bucket_count >> 32);
}

/* The tag's bucket, or the empty one where it would go. */
static uint32_t find(const struct queue *q, uint64_t tag)
{
    uint32_t b = home(q, tag);
    while (q->buckets[b] != EMPTY && q->heap[q->buckets[b]].tag != tag)
        b = (b + 1) & (q->bucket_count - 1);
    return b;
}

/* Empties a bucket and moves up those behind it that a search would now miss. */
static void forget(struct queue *q, uint32_t hole)
{
    uint32_t mask = q->bucket_count - 1;
    for (uint32_t b = (hole + 1) & mask; q->buckets[b] != EMPTY; b = (b + 1) & mask) {
        uint32_t wanted = home(q, q->heap[q->buckets[b]].tag);
        if (((b - wanted) & mask) < ((b - hole) & mask))
            continue; /* Its home lies behind the hole: it is found as it is. */
        q->buckets[hole] = q->buckets[b];
        q->heap[q->buckets[hole]].bucket = hole;
        hole = b;
    }
    q->buckets[hole] = EMPTY;
}

static void put(struct queue *q, uint32_t place, struct queue_item item)
{
    q->heap[place] = item;
    if (item.tag)
        q->buckets[item.bucket] = place;
}

static bool before(const struct queue_item *a, const struct queue_item *b)
{
    return a->order != b->order ? a->order < b->order : a->arrival < b->arrival;
}

/* Puts the item at `place` or where the heap wants it, above or below. */
static void settle(struct queue *q, uint32_t place, struct queue_item item)
{
    while (place > 0 && before(&item, &q->heap[(place - 1) / 2])) {
        put(q, place, q->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child + 1 < q->count && before(&q->heap[child + 1], &q->heap[child]))
            child++;
        if (child >= q->count || before(&item, &q->heap[child]))
            break;
        put(q, place, q->heap[child]);
        place = child;
    }
    put(q, place, item);
}

static void *resize(void *memory, size_t count, size_t size)
{
    memory = reallocarray(memory, count, size);
    if (!memory)
        abort();
    return memory;
}

static void grow(struct queue *q)
{
    assert(q->capacity < UINT32_MAX / 8);
    q->capacity = q->capacity ? q->capacity * 2 : CAPACITY_FIRST;
    q->heap = resize(q->heap, q->capacity, sizeof *q->heap);
    q->bucket_count = q->capacity * 2;
    q->buckets = resize(q->buckets, q->bucket_count, sizeof *q->buckets);
    memset(q->buckets, 0xff, q->bucket_count * sizeof *q->buckets); /* All EMPTY. */
    for (uint32_t i = 0; i < q->count; i++) {
        if (!q->heap[i].tag)
            continue;
        q->heap[i].bucket = find(q, q->heap[i].tag);
        q->buckets[q->heap[i].bucket] = i;
    }
}

static bool has(const struct queue *q, uint64_t tag)
{
    return tag && q->count && q->buckets[find(q, tag)] != EMPTY;
}

bool queue_takes(const struct queue *q, uint64_t tag, size_t size)
{
    return !has(q, tag) && charge(size) <= q->bytes_max - q->charged;
}

bool queue_push(struct queue *q, uint64_t order, uint64_t tag, struct frame *frame)
{
    if (has(q, tag))
        return true;
    assert(q->charged <= q->bytes_max);
    if (charge(frame->size) > q->bytes_max - q->charged)
        return false;
    if (q->count == q->capacity)
        grow(q);
    struct queue_item item = {order, q->arrivals++, tag, frame_keep(frame), EMPTY};
    if (tag)
        item.bucket = find(q, tag);
    q->bytes += frame->size;
    q->charged += charge(frame->size);
    q->count++;
    settle(q, q->count - 1, item);
    return true;
}

struct frame *queue_first(const struct queue *q) { return q->count ? q->heap[0].frame : NULL; }

static void remove_at(struct queue *q, uint32_t place)
{
    struct queue_item gone = q->heap[place];
    if (gone.tag)
        forget(q, gone.bucket);
    q->count--;
    if (place < q->count)
        settle(q, place, q->heap[q->count]);
    q->bytes -= gone.frame->size;
    q->charged -= charge(gone.frame->size);
    frame_release(gone.frame);
}

void queue_pop(struct queue *q)
{
    assert(q->count > 0);
    remove_at(q, 0);
}

bool queue_drop(struct queue *q, uint64_t tag)
{
    assert(tag != 0);
    uint32_t bucket = q->count ? find(q, tag) : 0;
    if (!q->count || q->buckets[bucket] == EMPTY)
        return false;
    remove_at(q, q->buckets[bucket]);
    return true;
}
