/* Of which epoch a snapshot is made for those who ask. */
#include "node/asked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { EVERY = 100, SELF = 0, NOW = 1000000 };

static struct asked asked(bool alike)
{
    return (struct asked){.alike = alike, .every = EVERY, .self = SELF};
}

static void what_is_chosen_is_of_the_grid_and_ahead(void **state)
{
    (void)state;
    struct asked a = asked(true);
    for (epoch_id now = 1; now < 3000; now++) {
        const epoch_id chosen = asked_choose(&a, 0, now, now, 0);
        assert_int_equal(chosen % (ASKED_GRID * EVERY), 0);
        assert_in_range(chosen, now + ASKED_AHEAD * EVERY,
                        now + (ASKED_AHEAD + ASKED_GRID) * EVERY - 1);
    }
    assert_int_equal(asked_choose(&a, 0, 1, 1, 4001), 4400);
    assert_int_equal(asked_choose(&a, 0, 1, 1, 4000), 4000);
    assert_int_equal(asked_choose(&a, 0, 1, 1001, 0), 1600); /* Ahead of others too. */
    a.every = 1; /* Epochs that are short are no time. */
    assert_in_range(asked_choose(&a, 0, 1, 1, 0), 1 + ASKED_AHEAD_EPOCHS,
                    ASKED_AHEAD_EPOCHS + ASKED_GRID);
}

/* Others may have agreed on more, or executed more: who is behind would else never make the one that
 * it asked all for. */
static void what_is_chosen_stays_until_it_has_passed(void **state)
{
    (void)state;
    struct asked a = asked(true);
    assert_int_equal(asked_choose(&a, 1200, 700, 1199, 0), 1200);
    assert_int_equal(asked_choose(&a, 1200, 1199, 1300, 0), 1200);
    assert_int_equal(asked_choose(&a, 1200, 1200, 1300, 0), 1600);
    assert_int_equal(asked_choose(&a, 1200, 800, 1300, 1201), 1600); /* It is too early now. */
}

/* Else the epoch before the one that all were told of would hide it. */
static void what_nobody_would_choose_is_not_heard(void **state)
{
    (void)state;
    struct asked a = asked(true);
    assert_true(asked_hear(&a, 1, 800));
    assert_false(asked_hear(&a, 2, 799));
    assert_false(asked_hear(&a, 2, 700));
    assert_int_equal(asked_after(&a, 500, 0, NOW), 800);
    struct asked own = asked(false);
    assert_true(asked_hear(&own, 2, 799));
    assert_int_equal(asked_after(&own, 500, 0, NOW), 799);
}

static void the_least_that_lies_ahead_is_made(void **state)
{
    (void)state;
    struct asked a = asked(true);
    assert_int_equal(asked_after(&a, 0, 0, NOW), 0);
    asked_hear(&a, 1, 1200);
    asked_hear(&a, 2, 800);
    asked_hear(&a, 3, UINT64_MAX - UINT64_MAX % (ASKED_GRID * EVERY)); /* It hides nothing. */
    assert_int_equal(asked_after(&a, 799, 0, NOW), 800);
    assert_int_equal(asked_after(&a, 800, 0, NOW), 1200);
    asked_hear(&a, 1, 1600); /* The last word counts. */
    assert_int_equal(asked_after(&a, 800, 0, NOW), 1600);
}

/* Each by itself; who has not been served is not kept waiting by others. */
static void who_was_served_rests(void **state)
{
    (void)state;
    struct asked a = asked(true);
    asked_hear(&a, SELF, 800);
    asked_hear(&a, 1, 800);
    asked_made(&a, 800, NOW);
    assert_int_equal(asked_after(&a, 0, 0, NOW), 0);
    asked_hear(&a, 1, 1200);
    assert_int_equal(asked_after(&a, 800, 0, NOW + ASKED_REST_MS - 1), 0);
    assert_int_equal(asked_after(&a, 800, 0, NOW + ASKED_REST_MS), 1200);
    assert_int_equal(asked_after(&a, 800, 10000, NOW + ASKED_REST_MS), 0);
    assert_int_equal(asked_after(&a, 800, 10000, NOW + ASKED_REST_TIMES * 10000), 1200);
    asked_hear(&a, 2, 1600);
    assert_int_equal(asked_after(&a, 800, 0, NOW), 1600);
    asked_hear(&a, SELF, 1200);
    assert_int_equal(asked_after(&a, 800, 0, NOW), 1200);
    asked_made(&a, 1200, NOW + 1); /* Not 2's. */
    assert_int_equal(asked_after(&a, 1200, 0, NOW + 1), 1600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_chosen_is_of_the_grid_and_ahead),
        cmocka_unit_test(what_is_chosen_stays_until_it_has_passed),
        cmocka_unit_test(what_nobody_would_choose_is_not_heard),
        cmocka_unit_test(the_least_that_lies_ahead_is_made),
        cmocka_unit_test(who_was_served_rests),
    };
    return cmocka_run_group_tests_name("asked", tests, NULL, NULL);
}
