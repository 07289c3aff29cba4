#include "node/execution.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/clock.h"
#include "node/snapshots.h"

enum { MESSAGE_MAX = 1024, IDLE_NS = 300000000 };

/* What was delivered: a block, or an epoch's end. */
struct delivered {
    bool end;
    epoch_id epoch; /* Of an end. */
    struct delivery delivery;
    struct delivered *next;
};

struct execution {
    struct executor *executor;
    struct application_port application; /* The executor's. */
    struct store *ledger;
    struct store *consensus;
    int fd;
    bool started;
    pthread_t thread;
    struct execution_report *current;      /* The thread's: of the epoch that is open. */
    struct execution_snapshots *snapshots; /* NULL: none are made. */
    struct wanted *wanted;                 /* NULL: nothing is proven. */
    uint64_t prove_every;                  /* Epochs. */

    pthread_mutex_t mutex; /* Guards what follows. */
    pthread_cond_t waiting;
    struct delivered *first;
    struct delivered **end;
    struct execution_report *done;
    struct execution_report **done_end;
    bool stopping;
    bool failed;
    char message[MESSAGE_MAX];
};

static void *memory(void *given)
{
    if (!given)
        abort();
    return given;
}

void execution_report_free(struct execution_report *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->count; i++)
        free(r->blocks[i].results);
    free(r->blocks);
    free(r);
}

static struct execution_block *add_block(struct execution_report *r)
{
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 16;
        r->blocks = memory(realloc(r->blocks, r->capacity * sizeof(*r->blocks)));
    }
    r->blocks[r->count] = (struct execution_block){0};
    return &r->blocks[r->count++];
}

/* The executor's word on one transaction of the last block added. */
static void note_outcome(void *context, uint64_t position, uint32_t index,
                         const struct result *result)
{
    struct execution *x = context;
    struct execution_block *b = &x->current->blocks[x->current->count - 1];
    assert(position == b->delivery.position);
    assert(index == b->count);
    if (b->count == b->capacity) {
        b->capacity = b->capacity ? 2 * b->capacity : 256;
        b->results = memory(realloc(b->results, b->capacity * sizeof(*b->results)));
    }
    b->results[b->count++] = *result;
}

static const char *problem_of(const struct execution *x, int status)
{
    const struct application_port *application = &x->application;
    const char *problem = application->problem ? application->problem(application->state) : "";
    return *problem ? problem : driver_reason(x->ledger, status);
}

static int execute_block(struct execution *x, const struct delivery *delivery)
{
    struct slice bytes = {0};
    struct store_view *view = NULL;
    int status = delivery->valid ? store_view_open(x->consensus, &view) : 0;
    if (status == 0 && delivery->valid)
        status = driver_block(view, delivery->epoch, delivery->proposer, &bytes);
    if (status != 0) {
        snprintf(x->message, sizeof(x->message), "a block cannot be read: %s",
                 driver_reason(x->consensus, status));
        store_view_close(view);
        return status;
    }
    if (!x->current)
        x->current = memory(calloc(1, sizeof(*x->current)));
    add_block(x->current)->delivery = *delivery;
    if (x->application.idle) { /* It may take long: what a view sees is kept on the disk so long. */
        uint8_t *copy = memory(malloc(bytes.size + 1));
        if (bytes.size > 0)
            memcpy(copy, bytes.data, bytes.size);
        store_view_close(view);
        view = NULL;
        status = executor_block(x->executor, delivery, slice_of(copy, bytes.size));
        free(copy);
    } else {
        status = executor_block(x->executor, delivery, bytes);
    }
    store_view_close(view);
    if (status != 0)
        snprintf(x->message, sizeof(x->message), "a block cannot be executed: %s",
                 problem_of(x, status));
    return status;
}

static void give_report(struct execution *x, struct execution_report *report)
{
    pthread_mutex_lock(&x->mutex);
    *x->done_end = report;
    x->done_end = &report->next;
    pthread_mutex_unlock(&x->mutex);
    eventfd_write(x->fd, 1);
}

/* Without it nothing is lost: an error is told, and the next checkpoint is another try. */
static void make_snapshot(struct execution *x, epoch_id epoch)
{
    struct execution_snapshots *s = x->snapshots;
    struct store_view *view;
    if (!s || epoch % s->every != 0 ||
        !(atomic_exchange(&s->wanted, false) || atomic_load(&s->due) == epoch))
        return;
    const uint64_t begun_ms = clock_ms();
    pthread_mutex_lock(&s->mutex);
    int error = store_view_open(x->ledger, &view);
    if (error == 0) {
        error = snapshots_make(s->store, view, s->quorum, s->link_horizon,
                               x->application.record ? &x->application : NULL);
        store_view_close(view);
    }
    if (error)
        (void)snapshots_clean(s->store);
    atomic_store(&s->error, error);
    if (error == 0)
        atomic_store(&s->made, epoch); /* Before others can take the one before for the last. */
    atomic_store(&s->took_ms, clock_ms() - begun_ms);
    pthread_mutex_unlock(&s->mutex);
}

/* Without them nothing is lost either: they are asked for again. */
static void make_proofs(struct execution *x, epoch_id epoch)
{
    struct store_view *view;
    if (!x->wanted || epoch % x->prove_every != 0 || store_view_open(x->ledger, &view) != 0)
        return;
    (void)wanted_make(x->wanted, view, epoch);
    store_view_close(view);
}

static int end_epoch(struct execution *x, epoch_id epoch)
{
    struct execution_report *report = x->current ? x->current : memory(calloc(1, sizeof(*report)));
    x->current = NULL;
    report->epoch = epoch;
    int status = executor_end_epoch(x->executor, epoch, &report->state);
    if (status == 0) {
        give_report(x, report);
        make_snapshot(x, epoch);
        make_proofs(x, epoch);
        return 0;
    }
    execution_report_free(report);
    snprintf(x->message, sizeof(x->message), "the ledger cannot be written: %s",
             problem_of(x, status));
    return status;
}

/* With the mutex. Between epochs the application is looked after when there is nothing else to do. */
static void rest(struct execution *x, int *status)
{
    const struct application_port *application = &x->application;
    struct timespec until;
    if (!application->idle) {
        pthread_cond_wait(&x->waiting, &x->mutex);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += IDLE_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&x->waiting, &x->mutex, &until);
    if (x->first || x->stopping || x->current)
        return;
    pthread_mutex_unlock(&x->mutex);
    if ((*status = application->idle(application->state)) != 0)
        snprintf(x->message, sizeof(x->message), "the application is left: %s",
                 problem_of(x, *status));
    pthread_mutex_lock(&x->mutex);
}

/* The next one; NULL when the thread is to end: between epochs, or when nothing more comes. */
static struct delivered *next_delivered(struct execution *x, int *status)
{
    pthread_mutex_lock(&x->mutex);
    while (!x->first && !x->stopping && *status == 0)
        rest(x, status);
    const bool ends = *status != 0 || (x->stopping && !x->current);
    struct delivered *item = ends ? NULL : x->first;
    if (item) {
        x->first = item->next;
        if (!x->first)
            x->end = &x->first;
    }
    pthread_mutex_unlock(&x->mutex);
    return item;
}

static void *run(void *context)
{
    struct execution *x = context;
    struct delivered *item;
    int status = 0;
    while (status == 0 && (item = next_delivered(x, &status))) {
        status = item->end ? end_epoch(x, item->epoch) : execute_block(x, &item->delivery);
        free(item);
    }
    if (status != 0) {
        pthread_mutex_lock(&x->mutex);
        x->failed = true;
        pthread_mutex_unlock(&x->mutex);
        eventfd_write(x->fd, 1);
    }
    return NULL;
}

static int read_state(struct store *ledger, struct executor_state *state)
{
    struct store_view *view;
    int status = store_view_open(ledger, &view);
    if (status != 0)
        return status;
    status = executor_state(view, state);
    store_view_close(view);
    return status;
}

int execution_open(const struct executor_options *options, struct store *ledger,
                   struct store *consensus, struct execution **execution,
                   struct executor_state *state, char *message, size_t message_size)
{
    struct execution *x = memory(calloc(1, sizeof(*x)));
    struct executor_options own = *options;
    own.outcome = note_outcome;
    own.context = x;
    *execution = NULL;
    x->application = options->application;
    x->ledger = ledger;
    x->consensus = consensus;
    x->end = &x->first;
    x->done_end = &x->done;
    pthread_mutex_init(&x->mutex, NULL);
    pthread_cond_init(&x->waiting, NULL);
    x->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (executor_open(&own, ledger, &x->executor, message, message_size) != 0)
        goto fail;
    if (x->fd < 0 || read_state(ledger, state) != 0 ||
        pthread_create(&x->thread, NULL, run, x) != 0) {
        snprintf(message, message_size, "the executor cannot be started");
        goto fail;
    }
    x->started = true;
    *execution = x;
    return 0;
fail:
    execution_close(x);
    return -1;
}

void execution_stop(struct execution *x)
{
    if (!x || !x->started)
        return;
    pthread_mutex_lock(&x->mutex);
    x->stopping = true;
    if (x->application.stop)
        x->application.stop(x->application.state);
    pthread_cond_signal(&x->waiting);
    pthread_mutex_unlock(&x->mutex);
    pthread_join(x->thread, NULL);
    x->started = false;
}

void execution_close(struct execution *x)
{
    if (!x)
        return;
    assert(!x->started);
    executor_close(x->executor);
    execution_report_free(x->current);
    for (struct delivered *item = x->first, *next; item; item = next) {
        next = item->next;
        free(item);
    }
    for (struct execution_report *r = x->done, *next; r; r = next) {
        next = r->next;
        execution_report_free(r);
    }
    if (x->fd >= 0)
        close(x->fd);
    pthread_cond_destroy(&x->waiting);
    pthread_mutex_destroy(&x->mutex);
    free(x);
}

static void add(struct execution *x, const struct delivered *given)
{
    struct delivered *item = memory(malloc(sizeof(*item)));
    *item = *given;
    item->next = NULL;
    pthread_mutex_lock(&x->mutex);
    *x->end = item;
    x->end = &item->next;
    pthread_cond_signal(&x->waiting);
    pthread_mutex_unlock(&x->mutex);
}

void execution_make_snapshots(struct execution *x, struct execution_snapshots *snapshots)
{
    x->snapshots = snapshots;
}

void execution_prove(struct execution *x, struct wanted *wanted, uint64_t every)
{
    x->wanted = wanted;
    x->prove_every = every;
}

void execution_deliver(struct execution *x, const struct delivery *delivery)
{
    add(x, &(struct delivered){.delivery = *delivery});
}

void execution_end_epoch(struct execution *x, epoch_id epoch)
{
    add(x, &(struct delivered){.end = true, .epoch = epoch});
}

int execution_fd(const struct execution *x) { return x->fd; }

struct execution_report *execution_next(struct execution *x)
{
    eventfd_t ignored;
    (void)eventfd_read(x->fd, &ignored);
    pthread_mutex_lock(&x->mutex);
    struct execution_report *report = x->done;
    if (report) {
        x->done = report->next;
        if (!x->done)
            x->done_end = &x->done;
    }
    pthread_mutex_unlock(&x->mutex);
    return report;
}

bool execution_failed(struct execution *x, char *message, size_t message_size)
{
    pthread_mutex_lock(&x->mutex);
    bool failed = x->failed;
    if (failed)
        snprintf(message, message_size, "%s", x->message);
    pthread_mutex_unlock(&x->mutex);
    return failed;
}
