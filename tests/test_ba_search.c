/* Every schedule of the binary agreement of three correct nodes and a Byzantine one, for all
 * inputs, given at any time, with restarts at any time: agreement, validity, no deadlock. */
#include "tests/ba_search.h"

static void rounds_0_and_1(void **state)
{
    (void)state;
    run((struct limits){0, 2}, true, 18, true);
}

static void rounds_1_and_2_with_any_estimates(void **state)
{
    (void)state;
    run((struct limits){1, 3}, false, 24, true);
}

/* Too much for a build with sanitizers. */
static void rounds_0_to_2(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    run((struct limits){0, 3}, false, 24, true);
}

static void rounds_0_to_2_with_late_inputs(void **state)
{
    (void)state;
    run((struct limits){0, 3}, true, 26, true);
}

static void rounds_0_to_3(void **state)
{
    (void)state;
    run((struct limits){0, 4}, false, 28, true);
}

/* With an argument the longest searches whose name matches it instead: rounds_0_to_3 takes two
 * minutes and 2.8 GB. */
int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_0_and_1),
        cmocka_unit_test(rounds_1_and_2_with_any_estimates),
        cmocka_unit_test(rounds_0_to_2),
    };
    const struct CMUnitTest longest[] = {
        cmocka_unit_test(rounds_0_to_2_with_late_inputs),
        cmocka_unit_test(rounds_0_to_3),
    };
    if (argc == 1)
        return cmocka_run_group_tests(tests, NULL, NULL);
    cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(longest, NULL, NULL);
}
