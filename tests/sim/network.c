#include "tests/sim/network.h"

#include <stdlib.h>

static bool before(const struct happening *a, const struct happening *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->sequence < b->sequence;
}

static void sift_up(struct network *n, size_t at)
{
    while (at > 0 && before(&n->heap[at], &n->heap[(at - 1) / 2])) {
        const struct happening h = n->heap[at];
        n->heap[at] = n->heap[(at - 1) / 2];
        n->heap[(at - 1) / 2] = h;
        at = (at - 1) / 2;
    }
}

static void sift_down(struct network *n, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < n->count; child++)
            if (before(&n->heap[child], &n->heap[least]))
                least = child;
        if (least == at)
            return;
        const struct happening h = n->heap[at];
        n->heap[at] = n->heap[least];
        n->heap[least] = h;
        at = least;
    }
}

void network_schedule(struct network *n, struct happening h)
{
    if (n->count == n->capacity) {
        n->capacity = n->capacity * 2 + 256;
        n->heap = realloc(n->heap, n->capacity * sizeof *n->heap);
        if (!n->heap)
            abort();
    }
    h.sequence = n->sequence++;
    n->heap[n->count++] = h;
    sift_up(n, n->count - 1);
}

bool network_next(struct network *n, struct happening *h)
{
    if (n->count == 0)
        return false;
    *h = n->heap[0];
    n->heap[0] = n->heap[--n->count];
    sift_down(n, 0);
    n->now_us = h->at_us;
    return true;
}

void network_drop_work(struct network *n, node_id node)
{
    size_t kept = 0;
    for (size_t k = 0; k < n->count; k++) {
        if (n->heap[k].type == HAPPEN_WORK && n->heap[k].node == node)
            job_free(n->heap[k].job);
        else
            n->heap[kept++] = n->heap[k];
    }
    n->count = kept;
    for (size_t k = kept / 2; k-- > 0;)
        sift_down(n, k);
}

void network_free(struct network *n)
{
    for (size_t k = 0; k < n->count; k++) {
        free(n->heap[k].bytes);
        job_free(n->heap[k].job);
    }
    free(n->heap);
    *n = (struct network){0};
}
