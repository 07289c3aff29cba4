/* The same search for seven nodes, two of them Byzantine. Unlike at N=4, two correct nodes that
 * have decided are no certificate yet: the others may still need the votes of both. */
#define BYZANTINE 2
#include "tests/ba_search.h"

static void round_0(void **state)
{
    (void)state;
    run((struct limits){0, 1}, false, 20, true);
}

static void round_0_with_late_inputs(void **state)
{
    (void)state;
    run((struct limits){0, 1}, true, 24, true);
}

/* The first 25 millions of states; there are more than 67 millions. */
static void rounds_0_and_1(void **state)
{
    (void)state;
    run((struct limits){0, 2}, false, 25, false);
}

/* With an argument the longest searches whose name matches it instead: one and two minutes,
 * 1 GB. */
int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_0)};
    const struct CMUnitTest longest[] = {
        cmocka_unit_test(round_0_with_late_inputs),
        cmocka_unit_test(rounds_0_and_1),
    };
    if (argc == 1)
        return cmocka_run_group_tests(tests, NULL, NULL);
    cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(longest, NULL, NULL);
}
