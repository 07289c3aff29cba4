#include "node/workers.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct list {
    struct task *first;
    struct task **end; /* Where the next one goes. */
};

struct workers {
    pthread_mutex_t mutex; /* Guards the lists, `long_running` and `stopping`. */
    pthread_cond_t waiting;
    struct list queues[WORKERS_PRIORITIES];
    struct list done;
    unsigned long_running;
    unsigned long_most; /* From the start on. */
    bool stopping;
    int fd;
    unsigned count;
    pthread_t threads[];
};

static void list_clear(struct list *l)
{
    l->first = NULL;
    l->end = &l->first;
}

static void list_add(struct list *l, struct task *task)
{
    task->next = NULL;
    *l->end = task;
    l->end = &task->next;
}

static struct task *list_take(struct list *l)
{
    struct task *task = l->first;
    if (task) {
        l->first = task->next;
        if (!l->first)
            l->end = &l->first;
    }
    return task;
}

/* Who has run a long one takes the next: none is left for want of a thread. */
static struct task *take(struct workers *w, enum workers_priority *priority)
{
    const bool no_long = w->long_running >= w->long_most;
    for (unsigned i = 0; i < WORKERS_PRIORITIES; i++) {
        struct task *task = i == WORKERS_LONG && no_long ? NULL : list_take(&w->queues[i]);
        if (task) {
            *priority = (enum workers_priority)i;
            w->long_running += i == WORKERS_LONG;
            return task;
        }
    }
    return NULL;
}

/* An eventfd is readable until it is read, however often it was written. */
static void give_back(struct workers *w, struct task *task)
{
    pthread_mutex_lock(&w->mutex);
    bool first = !w->done.first;
    list_add(&w->done, task);
    pthread_mutex_unlock(&w->mutex);
    if (first && eventfd_write(w->fd, 1) != 0)
        assert(errno == EAGAIN);
}

static void *work(void *context)
{
    struct workers *w = context;
    enum workers_priority priority = WORKERS_VOTES;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        struct task *task = take(w, &priority);
        if (!task && w->stopping)
            break;
        if (!task) {
            pthread_cond_wait(&w->waiting, &w->mutex);
            continue;
        }
        pthread_mutex_unlock(&w->mutex);
        bool back = task->finish; /* Read first: without it the task may be gone after run. */
        task->run(task);
        if (back)
            give_back(w, task);
        pthread_mutex_lock(&w->mutex);
        w->long_running -= priority == WORKERS_LONG;
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

int workers_start(unsigned threads, struct workers **workers, char *message, size_t message_size)
{
    if (threads == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        threads = cores > 0 ? (unsigned)cores : 1;
    }
    struct workers *w = calloc(1, sizeof(*w) + threads * sizeof(w->threads[0]));
    *workers = NULL;
    if (!w) {
        snprintf(message, message_size, "no memory for %u workers", threads);
        return -1;
    }
    w->long_most = threads > 1 ? threads - 1 : 1;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->waiting, NULL);
    for (unsigned i = 0; i < WORKERS_PRIORITIES; i++)
        list_clear(&w->queues[i]);
    list_clear(&w->done);
    w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = w->fd < 0 ? errno : 0;
    while (!error && w->count < threads) {
        error = pthread_create(&w->threads[w->count], NULL, work, w);
        w->count += !error;
    }
    if (error) {
        snprintf(message, message_size, "cannot start %u workers: %s", threads, strerror(error));
        workers_stop(w);
        return -1;
    }
    *workers = w;
    return 0;
}

void workers_stop(struct workers *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    pthread_cond_broadcast(&w->waiting);
    pthread_mutex_unlock(&w->mutex);
    for (unsigned i = 0; i < w->count; i++)
        pthread_join(w->threads[i], NULL);
    if (w->fd >= 0) {
        workers_finished(w);
        close(w->fd);
    }
    pthread_cond_destroy(&w->waiting);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

unsigned workers_threads(const struct workers *w) { return w->count; }

void workers_submit(struct workers *w, enum workers_priority priority, struct task *task)
{
    assert(priority < WORKERS_PRIORITIES);
    assert(task->run);
    pthread_mutex_lock(&w->mutex);
    list_add(&w->queues[priority], task);
    pthread_cond_signal(&w->waiting);
    pthread_mutex_unlock(&w->mutex);
}

int workers_fd(const struct workers *w) { return w->fd; }

unsigned workers_finished(struct workers *w)
{
    eventfd_t ignored;
    (void)eventfd_read(w->fd, &ignored); /* Before the list is taken, so that none is missed. */
    pthread_mutex_lock(&w->mutex);
    struct task *task = w->done.first;
    list_clear(&w->done);
    pthread_mutex_unlock(&w->mutex);

    unsigned count = 0;
    while (task) {
        struct task *next = task->next; /* `finish` may free it. */
        task->finish(task);
        task = next;
        count++;
    }
    return count;
}
