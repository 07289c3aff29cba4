/* How busy cores are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "testnet/cores.h"

/* The line of all cores has the same fields as a core's and is not one. */
static void idle_is_read_of_each_core_alone(void **state)
{
    (void)state;
    static char text[] = "cpu  1000 20 300 5000 60 7 8 9 0 0\n"
                         "cpu0 600 10 200 2000 20 3 4 5 0 0\n"
                         "cpu1 400 10 100 3000 40 4 4 4 0 0\n"
                         "intr 12345 0 9\n";
    uint64_t idle_us[CORES_MAX] = {0};
    const uint64_t tick_us = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
    FILE *file = fmemopen(text, sizeof text - 1, "r");
    assert_non_null(file);
    assert_int_equal(cores_read(file, idle_us), 2);
    fclose(file);
    assert_int_equal(idle_us[0], 2020 * tick_us);
    assert_int_equal(idle_us[1], 3040 * tick_us);
}

static void look_after(struct cores *c, unsigned seconds, uint64_t idle_us)
{
    /* As cores_look would, a second after the one before: the real ones are moved back. */
    for (unsigned k = 0; k <= CORES_WINDOW_S; k++) {
        c->looks[k].at_us -= seconds * 1000000u;
        c->looks[k].idle_us[0] -= idle_us;
    }
    cores_look(c);
}

static void nothing_is_said_before_a_window_has_passed(void **state)
{
    (void)state;
    static struct cores c;
    for (unsigned k = 0; k < CORES_WINDOW_S; k++) {
        look_after(&c, 1, 0);
        assert_true(c.busy_max == 0);
    }
    look_after(&c, 1, 0); /* No core can have idled: seconds passed only here. */
    assert_true(c.busy_max > 0.99 && c.busy_max <= 1);
    assert_true(c.busy_mean > 0.99 && c.busy_mean <= 1);
    for (unsigned k = 0; k <= CORES_WINDOW_S; k++)
        look_after(&c, 1, 500000); /* Core 0 idled half of each. */
    const double mean = 1 - 0.5 / c.count;
    assert_true(c.busy_mean > mean - 0.02 && c.busy_mean < mean + 0.02);
}

static void this_process_has_used_some_and_none_has_used_none(void **state)
{
    (void)state;
    for (volatile unsigned k = 0; k < 10000000; k = k + 1)
        ;
    assert_true(cores_used_s(getpid()) > 0);
    assert_true(cores_used_s(0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_is_read_of_each_core_alone),
        cmocka_unit_test(nothing_is_said_before_a_window_has_passed),
        cmocka_unit_test(this_process_has_used_some_and_none_has_used_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
