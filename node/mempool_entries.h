/* Inside of the mempool: what mempool.c and mempool_marks.c share. */
#ifndef NODE_MEMPOOL_ENTRIES_H
#define NODE_MEMPOOL_ENTRIES_H

#include "node/mempool.h"

struct entry {
    struct hash id;
    uint64_t arrival; /* Its key in the store. */
    struct entry *chain;
    struct entry *previous;
    struct entry *next;
    struct list *list;
    epoch_id epoch;      /* Of the block that it is in; 0: it waits. */
    uint64_t arrived_ms; /* 0: before the start. */
    size_t fresh;        /* 1 + its place among those not stored yet; 0: it is stored. */
    uint32_t index;      /* In the block. */
    uint32_t size;
    uint8_t bytes[];
};

struct list {
    struct entry *first;
    struct entry *last;
    uint64_t bytes;
};

struct mark {
    epoch_id epoch;
    struct list list;
};

/* Grows by doubling. */
struct array {
    void *items;
    size_t count;
    size_t capacity;
};

struct mempool {
    struct mempool_options options;
    struct list waiting;
    struct array marks;   /* struct mark *, by epoch, ascending. */
    struct array fresh;   /* struct entry *, NULL where it has gone again. */
    struct array removed; /* uint64_t, arrivals. */
    uint64_t arrivals;
    epoch_id settled, settled_stored;
    uint64_t now_ms;
    struct mempool_view view;
    unsigned shift;
    struct entry **buckets;
};

/* A place for one more, of `size` bytes. */
void *mempool_array_add(struct array *a, size_t size);
/* The memory, or the end: a pool that is bounded does not run out. */
void *mempool_memory(void *memory);
void mempool_list_append(struct list *l, struct entry *e);
void mempool_list_prepend(struct list *l, struct entry *e);
void mempool_list_remove(struct entry *e);
struct entry *mempool_find(const struct mempool *m, const struct hash *id);

#endif
