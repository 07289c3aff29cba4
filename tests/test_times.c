#include "node/times.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "node/core.h"

static void a_time_counts_below_its_bound(void **state)
{
    (void)state;
    struct times t = {0};
    uint64_t sum = 0;
    for (unsigned k = 0; k < TIMES_BOUNDS; k++) {
        times_add(&t, times_bounds_us[k]);
        times_add(&t, times_bounds_us[k] + 1); /* One further. */
        sum += 2 * times_bounds_us[k] + 1;
        assert_true(k == 0 || times_bounds_us[k] > times_bounds_us[k - 1]);
    }
    times_add(&t, 0);
    for (unsigned k = 0; k < TIMES_BOUNDS; k++)
        assert_int_equal(t.counts[k], 2);
    assert_int_equal(t.counts[TIMES_BOUNDS], 1);
    assert_int_equal(t.sum_us, sum);
    assert_int_equal(times_count(&t), 2 * TIMES_BOUNDS + 1);
}

static struct node node;
static struct stage_marks marks[STAGE_EPOCHS];

static int setup(void **state)
{
    (void)state;
    node = (struct node){.stages = marks};
    for (unsigned k = 0; k < STAGE_EPOCHS; k++)
        marks[k] = (struct stage_marks){0};
    return 0;
}

static void expect(enum stage stage, uint64_t count, uint64_t sum_ms)
{
    assert_int_equal(times_count(&node.view.stages[stage]), count);
    assert_int_equal(node.view.stages[stage].sum_us, sum_ms * 1000);
}

static void pass(void (*reached)(struct node *n, epoch_id epoch), epoch_id epoch, uint64_t at_ms)
{
    node.now_ms = at_ms;
    reached(&node, epoch);
}

static void the_stages_of_an_epoch_are_all_of_its_time(void **state)
{
    (void)state;
    pass(stages_begun, 7, 1000);
    pass(stages_complete, 7, 1030);
    pass(stages_agreed, 7, 1100);
    pass(stages_delivered, 7, 1500);
    pass(stages_executed, 7, 1501);
    expect(STAGE_DISPERSAL, 1, 30);
    expect(STAGE_AGREEMENT, 1, 70);
    expect(STAGE_RETRIEVAL, 1, 400);
    expect(STAGE_EXECUTION, 1, 1);
}

static void what_is_agreed_without_our_dispersal_counts_from_its_begin(void **state)
{
    (void)state;
    pass(stages_begun, 7, 1000);
    pass(stages_agreed, 7, 1200);
    pass(stages_complete, 7, 1900);
    expect(STAGE_AGREEMENT, 1, 200);
    expect(STAGE_DISPERSAL, 1, 900);
}

static void what_began_before_the_start_does_not_count(void **state)
{
    (void)state;
    pass(stages_complete, 7, 1000);
    pass(stages_agreed, 7, 1100);
    expect(STAGE_DISPERSAL, 0, 0);
    expect(STAGE_AGREEMENT, 1, 100);
    pass(stages_executed, 8, 1200);
    pass(stages_delivered, 9, 1300);
    expect(STAGE_EXECUTION, 0, 0);
    expect(STAGE_RETRIEVAL, 0, 0);
}

static void an_epoch_that_is_too_far_behind_does_not_count(void **state)
{
    (void)state;
    pass(stages_agreed, 7, 1000);
    pass(stages_agreed, 7 + STAGE_EPOCHS, 1100); /* In its place. */
    pass(stages_delivered, 7, 1200);
    expect(STAGE_RETRIEVAL, 0, 0);
    pass(stages_delivered, 7 + STAGE_EPOCHS, 1300);
    expect(STAGE_RETRIEVAL, 1, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_counts_below_its_bound),
        cmocka_unit_test_setup(the_stages_of_an_epoch_are_all_of_its_time, setup),
        cmocka_unit_test_setup(what_is_agreed_without_our_dispersal_counts_from_its_begin, setup),
        cmocka_unit_test_setup(what_began_before_the_start_does_not_count, setup),
        cmocka_unit_test_setup(an_epoch_that_is_too_far_behind_does_not_count, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
