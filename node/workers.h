/* Threads for heavy work, so that the main loop never computes for long.
 *
 * A task waits in the queue of its priority; a free thread takes the first one of the highest
 * priority that has any. What votes wait for stands before bulk work, and bulk work before
 * signatures, since a task is short and a vote that is late delays everyone. What clients ask for and
 * may take long (proofs, an application's answers) has all threads but one at the most, if there is
 * more than one.
 *
 * A task is a struct that its owner embeds and keeps until it is done. With `finish`, it comes
 * back: workers_finished calls that on the thread that drives the loop, which a readable
 * workers_fd tells about. Without, `run` itself tells whoever waits, and the workers touch the
 * task no more once `run` is called. */
#ifndef NODE_WORKERS_H
#define NODE_WORKERS_H

#include <stddef.h>

enum workers_priority {
    WORKERS_VOTES,
    WORKERS_BULK,
    WORKERS_SIGNATURES,
    WORKERS_LONG,
    WORKERS_PRIORITIES
};

struct task {
    void (*run)(struct task *task);    /* On one of the threads. */
    void (*finish)(struct task *task); /* On the loop's; or NULL. */
    struct task *next;                 /* The workers' own. */
};

struct workers; /* Opaque. */

/* As many threads as asked for, or, if 0, as there are cores. 0, or -1 with `message`. */
int workers_start(unsigned threads, struct workers **workers, char *message, size_t message_size);
/* Runs what waits, ends the threads, and finishes what is left. NULL is fine. */
void workers_stop(struct workers *w);
unsigned workers_threads(const struct workers *w);

/* From any thread. */
void workers_submit(struct workers *w, enum workers_priority priority, struct task *task);

/* Readable when there is something for workers_finished. */
int workers_fd(const struct workers *w);
/* Calls finish of the tasks that have run; returns how many. `finish` may submit again. */
unsigned workers_finished(struct workers *w);

#endif
