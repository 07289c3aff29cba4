#include "net/frame.h"

#include <assert.h>
#include <stdlib.h>

struct frame *frame_new(size_t size)
{
    assert(size <= SIZE_MAX - sizeof(struct frame));
    struct frame *f = malloc(sizeof *f + size);
    if (!f)
        abort();
    atomic_init(&f->references, 1);
    f->size = size;
    return f;
}

struct frame *frame_keep(struct frame *f)
{
    /* Who asks holds a reference already: nothing needs to be ordered. */
    size_t before = atomic_fetch_add_explicit(&f->references, 1, memory_order_relaxed);
    assert(before > 0);
    return f;
}

void frame_release(struct frame *f)
{
    /* The last to let go must see every other's use of the bytes as done before it frees them. */
    size_t before = atomic_fetch_sub_explicit(&f->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1)
        free(f);
}
