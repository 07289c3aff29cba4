#include "node/progress.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct progress p;
static struct progress_rates rates;

static int setup(void **state)
{
    (void)state;
    p = (struct progress){0};
    return 0;
}

/* So many seconds, from what is done and what is to be reached, at so much of each a second. */
static void run(unsigned seconds, uint64_t done, uint64_t done_s, uint64_t goal, uint64_t goal_s)
{
    for (unsigned i = 0; i < seconds; i++)
        progress_note(&p, 5000 + i * 1000, done + i * done_s, goal + i * goal_s);
}

static bool near(double a, double b) { return fabs(a - b) < 1e-9; }

static void says_when_it_is_there(void **state)
{
    (void)state;
    run(5, 100, 30, 1000, 10); /* Now 220 of 1040. */
    assert_true(progress_rates(&p, &rates));
    assert_true(near(rates.done_s, 30) && near(rates.goal_s, 10));
    assert_true(rates.gains && near(rates.left_s, 41));
}

static void who_is_slower_never_is(void **state)
{
    (void)state;
    run(5, 100, 10, 1000, 10);
    assert_true(progress_rates(&p, &rates));
    assert_false(rates.gains);
}

static void too_little_says_nothing(void **state)
{
    (void)state;
    assert_false(progress_rates(&p, &rates));
    run(2, 100, 30, 1000, 10);
    assert_false(progress_rates(&p, &rates));
    progress_note(&p, 6999, 190, 1030); /* Not a step yet. */
    assert_false(progress_rates(&p, &rates));
    progress_note(&p, 7000, 160, 1020);
    assert_true(progress_rates(&p, &rates));
}

/* What was long ago does not count: it was faster then. */
static void the_last_seconds_count(void **state)
{
    (void)state;
    run(20, 0, 1000, 100000, 0);
    for (unsigned i = 0; i < PROGRESS_SAMPLES; i++)
        progress_note(&p, 60000 + i * 1000, 19000 + i, 100000);
    assert_true(progress_rates(&p, &rates));
    assert_true(near(rates.done_s, 1) && near(rates.left_s, 100000 - 19015));
}

static void what_goes_back_is_something_else(void **state)
{
    (void)state;
    run(5, 100, 30, 1000, 10);
    progress_note(&p, 11000, 3, 2000);
    assert_false(progress_rates(&p, &rates));
    progress_note(&p, 12000, 4, 10);
    assert_false(progress_rates(&p, &rates));
    assert_int_equal(p.count, 1);
}

static void who_is_there_has_nothing_left(void **state)
{
    (void)state;
    run(5, 100, 30, 220, 0);
    assert_true(progress_rates(&p, &rates));
    assert_true(rates.gains && rates.left_s == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(says_when_it_is_there, setup),
        cmocka_unit_test_setup(who_is_slower_never_is, setup),
        cmocka_unit_test_setup(too_little_says_nothing, setup),
        cmocka_unit_test_setup(the_last_seconds_count, setup),
        cmocka_unit_test_setup(what_goes_back_is_something_else, setup),
        cmocka_unit_test_setup(who_is_there_has_nothing_left, setup),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
