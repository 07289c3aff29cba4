/* What is admitted, against a cluster that is a queue and a pipe: it executes so many bytes a
 * millisecond, each so long after its turn. */
#include "node/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 100, PIPE_MAX = 4096, CLIENTS = 10, DELAY_MS = 100 };

static struct admission admission;
static uint64_t now_ms;
static struct {
    uint64_t rate, pipe_ms; /* Bytes a millisecond. */
    uint64_t queue, in_pipe;
    uint64_t pipe[PIPE_MAX]; /* By when it leaves. */
} cluster;
/* Transactions. */
static uint64_t offered[CLIENTS], admitted[CLIENTS];
static uint64_t executed_bytes, area; /* Bytes in hand times ms. */

static int setup(void **state)
{
    (void)state;
    memset(&cluster, 0, sizeof cluster);
    memset(&admission, 0xff, sizeof admission);
    admission_init(&admission, DELAY_MS);
    now_ms = 1;
    cluster.rate = 1000;
    cluster.pipe_ms = 10;
    return 0;
}

static void look(uint64_t checking)
{
    admission_look(&admission, now_ms, cluster.queue + cluster.in_pipe + checking);
}

static void submit(unsigned client)
{
    struct admission_client *c = admission_client(&admission, 1000 + client);
    offered[client]++;
    if (!admission_admit(&admission, c, SIZE))
        return;
    admitted[client]++;
    cluster.queue += SIZE;
}

static void execute(void)
{
    const uint64_t turn = cluster.queue < cluster.rate ? cluster.queue : cluster.rate;
    uint64_t *arrives = &cluster.pipe[(now_ms + cluster.pipe_ms) % PIPE_MAX];
    cluster.queue -= turn;
    cluster.in_pipe += turn;
    *arrives += turn;
    uint64_t *leaves = &cluster.pipe[now_ms % PIPE_MAX];
    cluster.in_pipe -= *leaves;
    executed_bytes += *leaves;
    *leaves = 0;
    area += cluster.queue + cluster.in_pipe;
}

/* Each of `clients` offers so many transactions a second, a millisecond's together. What became of it
 * is counted from here on. */
static void run(unsigned clients, const double offers[], unsigned seconds)
{
    double due[CLIENTS] = {0};
    memset(offered, 0, sizeof offered);
    memset(admitted, 0, sizeof admitted);
    executed_bytes = area = 0;
    for (unsigned ms = 0; ms < seconds * 1000; ms++) {
        now_ms++;
        look(0);
        for (unsigned c = 0; c < clients; c++)
            for (due[c] += offers[c] / 1000; due[c] >= 1; due[c]--)
                submit(c);
        execute();
    }
}

static double load_of(unsigned seconds) /* Of what it can. */
{
    return (double)executed_bytes / ((double)cluster.rate * 1000 * seconds);
}
static double delay_ms(void) { return (double)area / ((double)executed_bytes / 1000) / 1000; }
static const double half[] = {5000}, twice[] = {20000};

static void what_can_be_executed_is_taken(void **state)
{
    (void)state;
    run(1, half, 30);
    assert_int_equal(admitted[0], offered[0]);
}

static void twice_as_much_neither_idles_nor_waits(void **state)
{
    (void)state;
    run(1, half, 10);
    run(1, twice, 10);
    assert_true(load_of(10) > 0.95);
    run(1, twice, 3600);
    assert_true(load_of(3600) > 0.99);
    assert_true(delay_ms() < 1.3 * (DELAY_MS + ADMISSION_PATIENCE * 10)); /* For an hour. */
}

/* What was not asked for before says nothing of what can be. */
static void a_burst_after_a_calm_is_taken(void **state)
{
    (void)state;
    static const double little[] = {10}, burst[] = {8000};
    run(1, half, 10);
    run(1, little, 100);
    run(0, NULL, 100);
    run(1, burst, 2);
    assert_int_equal(admitted[0], offered[0]);
}

/* Nothing is known of it before, and it is never left alone. */
static void a_cluster_that_takes_its_time_is_kept_busy(void **state)
{
    (void)state;
    cluster.pipe_ms = 600;
    run(1, twice, 30);
    run(1, twice, 30);
    assert_true(load_of(30) > 0.95);
    assert_true(delay_ms() < 2 * (DELAY_MS + ADMISSION_PATIENCE * 600));
}

/* With what may be in hand at first it executes a twentieth of what it can. */
static void one_that_needs_much_in_hand_has_it_in_seconds(void **state)
{
    (void)state;
    static const double much[] = {800000};
    cluster.rate = 64000;
    cluster.pipe_ms = 80;
    run(1, much, 4);
    run(1, much, 3);
    assert_true(load_of(3) > 0.95);
}

/* From two hundred times less, without a pause in which it could be seen: in minutes. */
static void one_that_comes_to_take_it_as_well(void **state)
{
    (void)state;
    run(1, half, 10);
    run(1, twice, 10);
    cluster.pipe_ms = 2000;
    run(1, twice, 400);
    run(1, twice, 30);
    assert_true(load_of(30) > 0.95);
}

static void one_that_loses_most_of_its_power_is_not_flooded(void **state)
{
    (void)state;
    run(1, half, 10);
    run(1, twice, 20);
    cluster.rate = 100;
    run(1, twice, 60);
    run(1, twice, 30);
    assert_true(load_of(30) > 0.95);
    assert_true(delay_ms() < 3 * (DELAY_MS + ADMISSION_PATIENCE * 10) + ADMISSION_LEAST / 100);
}

static void a_greedy_client_does_not_starve_the_others(void **state)
{
    (void)state;
    const double offers[] = {200000, 500, 1000};
    run(3, offers, 20);
    run(3, offers, 20);
    assert_int_equal(admitted[1], offered[1]);
    assert_int_equal(admitted[2], offered[2]);
    assert_true(load_of(20) > 0.95);
}

static void greedy_clients_have_equal_parts(void **state)
{
    (void)state;
    const double offers[] = {20000, 20000, 200000, 1000};
    run(4, offers, 20);
    run(4, offers, 20);
    assert_true(admitted[3] * 100 >= offered[3] * 98);
    for (unsigned c = 0; c < 3; c++)
        assert_in_range(admitted[c], 9000 * 20 / 3 * 8 / 10, 9000 * 20 / 3 * 12 / 10);
}

/* What is looked at before it goes into the pool is in hand too. */
static void what_is_being_checked_counts(void **state)
{
    (void)state;
    look(ADMISSION_FIRST);
    assert_false(admission_admit(&admission, admission_client(&admission, 1), SIZE));
    look(ADMISSION_FIRST / 2);
    assert_true(admission_admit(&admission, admission_client(&admission, 1), SIZE));
}

static void one_transaction_however_large_may_always_begin(void **state)
{
    (void)state;
    run(1, twice, 1);
    run(0, NULL, 60);
    look(0);
    assert_true(admission_admit(&admission, admission_client(&admission, 1), 1 << 30));
    assert_false(admission_admit(&admission, admission_client(&admission, 2), 1));
}

static void without_a_limit_all_is_taken(void **state)
{
    (void)state;
    admission_init(&admission, 0);
    run(1, twice, 10);
    assert_int_equal(admitted[0], offered[0]);
}

static void so_many_clients_are_remembered(void **state)
{
    (void)state;
    look(1);
    for (unsigned k = 0; k < 3 * ADMISSION_CLIENTS; k++)
        (void)admission_admit(&admission, admission_client(&admission, k), k == 0 ? SIZE : 1);
    assert_int_equal(admission_client(&admission, 0)->bytes, SIZE);
}

/* Each had much in hand once, and has nothing now. */
static void those_who_are_gone_make_room(void **state)
{
    (void)state;
    look(1);
    for (unsigned k = 0; k < 2 * ADMISSION_CLIENTS; k++)
        admission_client(&admission, 5000 + k)->bytes = 1000000;
    now_ms += 60000;
    look(1);
    for (unsigned k = 0; k < 10; k++)
        (void)admission_admit(&admission, admission_client(&admission, k), SIZE);
    for (unsigned k = 0; k < 10; k++)
        assert_int_equal(admission_client(&admission, k)->bytes, SIZE);
}

/* However little the cluster can execute, and whatever others send. */
static void the_largest_transactions_come_in(void **state)
{
    (void)state;
    look(0);
    admission.limit = ADMISSION_LEAST;
    admission.in_hand = admission.limit * 8 / 10;
    assert_true(admission_admit(&admission, admission_client(&admission, 1), 64 << 10));
}

static void who_comes_again_is_told_when(void **state)
{
    (void)state;
    assert_in_range(admission_retry_ms(&admission), ADMISSION_RETRY_MS_MIN, DELAY_MS);
    cluster.pipe_ms = 4000;
    run(1, half, 180);
    assert_in_range(admission_retry_ms(&admission), 1500, ADMISSION_RETRY_MS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_can_be_executed_is_taken, setup),
        cmocka_unit_test_setup(twice_as_much_neither_idles_nor_waits, setup),
        cmocka_unit_test_setup(a_burst_after_a_calm_is_taken, setup),
        cmocka_unit_test_setup(a_cluster_that_takes_its_time_is_kept_busy, setup),
        cmocka_unit_test_setup(one_that_needs_much_in_hand_has_it_in_seconds, setup),
        cmocka_unit_test_setup(one_that_comes_to_take_it_as_well, setup),
        cmocka_unit_test_setup(one_that_loses_most_of_its_power_is_not_flooded, setup),
        cmocka_unit_test_setup(a_greedy_client_does_not_starve_the_others, setup),
        cmocka_unit_test_setup(greedy_clients_have_equal_parts, setup),
        cmocka_unit_test_setup(what_is_being_checked_counts, setup),
        cmocka_unit_test_setup(one_transaction_however_large_may_always_begin, setup),
        cmocka_unit_test_setup(without_a_limit_all_is_taken, setup),
        cmocka_unit_test_setup(so_many_clients_are_remembered, setup),
        cmocka_unit_test_setup(those_who_are_gone_make_room, setup),
        cmocka_unit_test_setup(the_largest_transactions_come_in, setup),
        cmocka_unit_test_setup(who_comes_again_is_told_when, setup),
    };
    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
