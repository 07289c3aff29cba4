#include "node/verify.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { STRIDE = 16 }; /* Signatures taken at a time: 0.6 ms. */

struct batch;

struct helper {
    struct task task;
    struct batch *batch;
};

/* Lives until the last helper has looked, which may be long after all is done: then it finds
 * nothing left and does not touch the checks. */
struct batch {
    struct signature_check *checks;
    unsigned count;
    atomic_uint next;
    atomic_uint references;
    pthread_mutex_t mutex; /* Guards `done`. */
    pthread_cond_t all_done;
    unsigned done;
    struct helper helpers[];
};

static void release(struct batch *b)
{
    if (atomic_fetch_sub(&b->references, 1) > 1)
        return;
    pthread_cond_destroy(&b->all_done);
    pthread_mutex_destroy(&b->mutex);
    free(b);
}

static void take_part(struct batch *b)
{
    for (;;) {
        unsigned first = atomic_fetch_add(&b->next, STRIDE);
        if (first >= b->count)
            return;
        unsigned end = b->count - first < STRIDE ? b->count : first + STRIDE;
        for (unsigned i = first; i < end; i++)
            b->checks[i].valid = transaction_verify(b->checks[i].transaction);
        pthread_mutex_lock(&b->mutex);
        b->done += end - first;
        if (b->done == b->count)
            pthread_cond_signal(&b->all_done);
        pthread_mutex_unlock(&b->mutex);
    }
}

static void run_helper(struct task *task)
{
    struct batch *b = ((struct helper *)task)->batch;
    take_part(b);
    release(b);
}

void verify_all(struct workers *w, struct signature_check checks[], unsigned count)
{
    unsigned strides = (count + STRIDE - 1) / STRIDE;
    if (strides == 0)
        return;
    /* One stride is this thread's own. */
    unsigned helpers = strides - 1 < workers_threads(w) ? strides - 1 : workers_threads(w);
    struct batch *b = calloc(1, sizeof(*b) + helpers * sizeof(b->helpers[0]));
    if (!b)
        abort();
    b->checks = checks;
    b->count = count;
    atomic_init(&b->next, 0);
    atomic_init(&b->references, helpers + 1);
    pthread_mutex_init(&b->mutex, NULL);
    pthread_cond_init(&b->all_done, NULL);
    for (unsigned i = 0; i < helpers; i++) {
        b->helpers[i] = (struct helper){.task = {.run = run_helper}, .batch = b};
        workers_submit(w, WORKERS_SIGNATURES, &b->helpers[i].task);
    }
    take_part(b);
    pthread_mutex_lock(&b->mutex);
    while (b->done < b->count)
        pthread_cond_wait(&b->all_done, &b->mutex);
    pthread_mutex_unlock(&b->mutex);
    release(b);
}
