#include "node/workers.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { TASKS = 2000, WAIT_MS = 10000 };

static atomic_uint runs;
static atomic_uint clock_now; /* Counts what has begun. */
static pthread_t loop;
static unsigned finishes;

struct numbered {
    struct task task; /* First, so that one is the other. */
    unsigned ran_at;
    unsigned runs;
    unsigned finishes;
};

static struct numbered *of(struct task *task) { return (struct numbered *)task; }

static void run_counted(struct task *task)
{
    assert_false(pthread_equal(pthread_self(), loop));
    of(task)->ran_at = atomic_fetch_add(&clock_now, 1);
    of(task)->runs++;
    atomic_fetch_add(&runs, 1);
}

static void finish_counted(struct task *task)
{
    assert_true(pthread_equal(pthread_self(), loop));
    assert_int_equal(of(task)->runs, 1);
    of(task)->finishes++;
    finishes++;
}

static struct workers *start(unsigned threads)
{
    char message[200] = "";
    struct workers *w;
    atomic_store(&runs, 0);
    atomic_store(&clock_now, 0);
    finishes = 0;
    loop = pthread_self();
    assert_int_equal(workers_start(threads, &w, message, sizeof(message)), 0);
    return w;
}

static bool readable(const struct workers *w, int timeout_ms)
{
    struct pollfd p = {.fd = workers_fd(w), .events = POLLIN};
    return poll(&p, 1, timeout_ms) == 1;
}

static void every_task_runs_once_elsewhere_and_finishes_once_here(void **state)
{
    (void)state;
    static struct numbered tasks[TASKS];
    struct workers *w = start(4);
    assert_int_equal(workers_threads(w), 4);
    for (unsigned i = 0; i < TASKS; i++) {
        tasks[i] = (struct numbered){.task = {.run = run_counted, .finish = finish_counted}};
        workers_submit(w, i % WORKERS_PRIORITIES, &tasks[i].task);
        if (i % 7 == 0)
            workers_finished(w);
    }
    while (finishes < TASKS) {
        assert_true(readable(w, WAIT_MS)); /* Else a result lies there and nobody is told. */
        workers_finished(w);
    }
    assert_false(readable(w, 0));
    for (unsigned i = 0; i < TASKS; i++)
        assert_int_equal(tasks[i].finishes, 1);
    workers_stop(w);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void run_gate(struct task *task)
{
    (void)task;
    atomic_fetch_add(&runs, 1);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void wait_for_runs(unsigned count)
{
    for (unsigned i = 0; atomic_load(&runs) < count && i < WAIT_MS; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(atomic_load(&runs), count);
}

/* One thread, held up while tasks of all priorities gather. */
static void votes_run_before_bulk_and_bulk_before_signatures(void **state)
{
    (void)state;
    struct workers *w = start(1);
    pthread_mutex_lock(&gate);
    struct task blocker = {.run = run_gate};
    workers_submit(w, WORKERS_SIGNATURES, &blocker);
    wait_for_runs(1);

    enum { EACH = 5 };
    struct numbered tasks[WORKERS_PRIORITIES][EACH];
    for (unsigned i = 0; i < EACH; i++)
        for (unsigned p = WORKERS_PRIORITIES; p-- > 0;) {
            tasks[p][i] = (struct numbered){.task = {.run = run_counted, .finish = finish_counted}};
            workers_submit(w, p, &tasks[p][i].task);
        }
    pthread_mutex_unlock(&gate);
    wait_for_runs(1 + WORKERS_PRIORITIES * EACH);
    workers_stop(w);
    for (unsigned p = 0; p < WORKERS_PRIORITIES; p++)
        for (unsigned i = 0; i < EACH; i++)
            assert_int_equal(tasks[p][i].ran_at, p * EACH + i);
}

/* Two threads, and long tasks that do not end: what comes then runs all the same. */
static void long_tasks_leave_a_thread_to_the_others(void **state)
{
    (void)state;
    enum { LONG = 3 };
    struct workers *w = start(2);
    struct task blockers[LONG];
    struct numbered vote = {.task = {.run = run_counted, .finish = finish_counted}};
    pthread_mutex_lock(&gate);
    for (unsigned i = 0; i < LONG; i++) {
        blockers[i] = (struct task){.run = run_gate};
        workers_submit(w, WORKERS_LONG, &blockers[i]);
    }
    wait_for_runs(1);
    workers_submit(w, WORKERS_VOTES, &vote.task);
    wait_for_runs(2);
    assert_int_equal(vote.runs, 1);
    pthread_mutex_unlock(&gate);
    wait_for_runs(LONG + 1);
    workers_stop(w);
}

static void stopping_runs_and_finishes_what_is_left(void **state)
{
    (void)state;
    static struct numbered tasks[TASKS];
    struct workers *w = start(2);
    for (unsigned i = 0; i < TASKS; i++) {
        tasks[i] = (struct numbered){.task = {.run = run_counted, .finish = finish_counted}};
        workers_submit(w, WORKERS_BULK, &tasks[i].task);
    }
    workers_stop(w);
    assert_int_equal(finishes, TASKS);
    workers_stop(NULL);
}

static void run_and_free(struct task *task)
{
    free(task);
    atomic_fetch_add(&runs, 1);
}

static void a_task_without_finish_is_its_own_once_it_runs(void **state)
{
    (void)state;
    struct workers *w = start(2);
    for (unsigned i = 0; i < 100; i++) {
        struct task *task = calloc(1, sizeof(*task));
        task->run = run_and_free;
        workers_submit(w, WORKERS_SIGNATURES, task);
    }
    wait_for_runs(100);
    assert_false(readable(w, 0));
    workers_stop(w);
}

static void finish_and_free(struct task *task)
{
    finish_counted(task);
    free(task);
}

static void a_task_may_be_freed_when_it_finishes(void **state)
{
    (void)state;
    struct workers *w = start(2);
    for (unsigned i = 0; i < 100; i++) {
        struct numbered *task = calloc(1, sizeof(*task));
        task->task = (struct task){.run = run_counted, .finish = finish_and_free};
        workers_submit(w, WORKERS_VOTES, &task->task);
    }
    wait_for_runs(100); /* So that several finish in one call. */
    workers_stop(w);
    assert_int_equal(finishes, 100);
}

static struct workers *current;

static void finish_and_submit(struct task *task)
{
    finish_counted(task);
    of(task)->runs = 0;
    if (finishes < 10)
        workers_submit(current, WORKERS_VOTES, task);
}

static void a_task_may_be_submitted_again_when_it_finishes(void **state)
{
    (void)state;
    current = start(0); /* As many threads as cores: at least one. */
    assert_in_range(workers_threads(current), 1, 100000);
    struct numbered task = {.task = {.run = run_counted, .finish = finish_and_submit}};
    workers_submit(current, WORKERS_VOTES, &task.task);
    while (finishes < 10) {
        assert_true(readable(current, WAIT_MS));
        workers_finished(current);
    }
    workers_stop(current);
    assert_int_equal(finishes, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once_elsewhere_and_finishes_once_here),
        cmocka_unit_test(votes_run_before_bulk_and_bulk_before_signatures),
        cmocka_unit_test(long_tasks_leave_a_thread_to_the_others),
        cmocka_unit_test(stopping_runs_and_finishes_what_is_left),
        cmocka_unit_test(a_task_without_finish_is_its_own_once_it_runs),
        cmocka_unit_test(a_task_may_be_freed_when_it_finishes),
        cmocka_unit_test(a_task_may_be_submitted_again_when_it_finishes),
    };
    return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
