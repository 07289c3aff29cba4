/* Frames that wait for the socket of one peer and lane.
 *
 * The lowest `order` leaves first, and among equals the one that came first. The queue holds at
 * most `bytes_max` bytes, and says no to what does not fit. A frame with a tag can be taken back,
 * and the same tag is never in twice. Sending and taking back cost the logarithm of the length. */
#ifndef NET_QUEUE_H
#define NET_QUEUE_H

#include <stdbool.h>

#include "net/frame.h"

/* A frame counts as at least this much, so that tiny ones are bounded too. */
enum { QUEUE_CHARGE_MIN = 64 };

struct queue_item {
    uint64_t order;
    uint64_t arrival;
    uint64_t tag; /* 0: none. */
    struct frame *frame;
    uint32_t bucket; /* Where the tag's place in the heap is written down. */
};

struct queue {
    size_t bytes_max;
    size_t bytes;   /* Of the frames queued. */
    size_t charged; /* The same, the small ones counted as more. */
    uint64_t arrivals;
    struct queue_item *heap; /* The first to leave is heap[0]. */
    uint32_t count;
    uint32_t capacity;
    uint32_t *buckets; /* A hash table by tag: places in the heap. */
    uint32_t bucket_count;
};

void queue_init(struct queue *q, size_t bytes_max); /* Allocates nothing before the first frame. */
void queue_free(struct queue *q);

/* Takes a reference of its own. True as well when the tag is queued already: the frame that is
 * there stays, in its place. False when there is no room. */
bool queue_push(struct queue *q, uint64_t order, uint64_t tag, struct frame *frame);
/* Whether it would be put there: the tag is not queued, and there is room for so many bytes. */
bool queue_takes(const struct queue *q, uint64_t tag, size_t size);
/* The next to leave, lent; NULL when there is none. */
struct frame *queue_first(const struct queue *q);
void queue_pop(struct queue *q);
/* Takes back the frame with this tag; false when there is none. */
bool queue_drop(struct queue *q, uint64_t tag);

#endif
