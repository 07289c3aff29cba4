/* Bytes that several queues and sockets may hold at once, freed when the last lets go.
 *
 * Whoever makes a frame writes its bytes before the first transport_send and never after. The
 * count is atomic because ZeroMQ lets go of a sent frame in a thread of its own; the rest of a
 * frame needs no lock. */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
    atomic_size_t references;
    size_t size;
    uint8_t bytes[];
};

struct frame *frame_new(size_t size); /* One reference. Aborts when there is no memory. */
struct frame *frame_keep(struct frame *f);
void frame_release(struct frame *f);

#endif
