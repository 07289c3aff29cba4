#include "node/retention.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct retention r;

static int setup(void **state)
{
    (void)state;
    r = (struct retention){.full = true, .executed = 1234, .by_all = 200, .every = 100};
    return 0;
}

static void what_is_not_too_much_is_kept(void **state)
{
    (void)state;
    r.full = false;
    r.last = 1000;
    assert_int_equal(retention_hold(&r), 0);
    assert_false(retention_wants(&r));
    r.held = 400;
    assert_int_equal(retention_hold(&r), 400);
}

static void without_a_snapshot_one_is_made_and_nothing_dropped(void **state)
{
    (void)state;
    assert_int_equal(retention_hold(&r), 0);
    assert_true(retention_wants(&r));
}

/* In the end all that it stands for, and no step is more than a part. */
static void the_oldest_goes_first_a_part_at_a_time(void **state)
{
    (void)state;
    unsigned steps = 0;
    r.last = 1000;
    for (epoch_id hold; (hold = retention_hold(&r)) != r.held; r.held = hold, steps++) {
        const epoch_id from = r.held > r.by_all ? r.held : r.by_all;
        assert_false(retention_wants(&r));
        assert_true(hold > from);
        assert_true(hold - from <= 1 + (1000 - 200) / RETENTION_PARTS);
    }
    assert_int_equal(r.held, 1000);
    assert_true(steps >= RETENTION_PARTS);
    assert_true(retention_wants(&r));
}

/* All have executed what it stands for, and somebody lacks what came after: another is needed. */
static void a_snapshot_that_all_are_beyond_is_used_up(void **state)
{
    (void)state;
    r.last = 1000;
    r.by_all = 1100;
    assert_int_equal(retention_hold(&r), 0);
    assert_true(retention_wants(&r));
    r.by_all = r.executed; /* Nobody is behind: no snapshot would help. */
    assert_false(retention_wants(&r));
}

static void one_that_is_not_signed_is_waited_for(void **state)
{
    (void)state;
    r.made = 1100;
    assert_false(retention_wants(&r));
    r.executed = 1499;
    assert_false(retention_wants(&r));
    r.executed = 1500;
    assert_true(retention_wants(&r));
    r.executed = 1234;
    r.last = r.made = 1000; /* It is signed by now. */
    r.held = 1000;
    assert_true(retention_wants(&r));
}

/* Also when nobody is behind, and not again before what that stands for is gone. */
static void too_much_was_given_to_an_application(void **state)
{
    (void)state;
    r = (struct retention){.executed = 1234, .by_all = 1234, .every = 100};
    assert_false(retention_wants(&r));
    r.given_full = true;
    assert_true(retention_wants(&r));
    r.made = 1200; /* It is not signed yet. */
    assert_false(retention_wants(&r));
    r.last = r.made;
    assert_false(retention_wants(&r));
    r.executed = r.by_all = 1299;
    assert_false(retention_wants(&r));
    r.executed = r.by_all = 1300;
    assert_true(retention_wants(&r));
    assert_int_equal(retention_hold(&r), 0); /* That is another matter. */
}

/* Of the epoch that is asked for or later, and once. */
static void who_asks_gets_one_that_is_late_enough(void **state)
{
    (void)state;
    r.full = false;
    r.asked = 1301;
    assert_false(retention_wants(&r));
    r.executed = 1299;
    assert_false(retention_wants(&r));
    r.executed = 1300;
    assert_true(retention_wants(&r));
    r.last = 1400;
    assert_false(retention_wants(&r));
}

enum { HELD = 100, BEGUN = 300, AT_MS = 5000 };

static void who_lacks_what_was_dropped_is_offered_a_snapshot(void **state)
{
    (void)state;
    struct retention_peer p = {0};
    assert_true(retention_offers(&p, HELD - 1, HELD, 0, AT_MS));
    assert_false(retention_offers(&p, HELD, HELD, 0, AT_MS));
    assert_false(retention_offers(&p, HELD, HELD, 0, AT_MS + 2 * RETENTION_STUCK_MS));
}

/* Not to one that is only slow: it would lose what it is about to fetch, and part of its log. */
static void who_stands_still_before_what_this_node_began_with_is_too(void **state)
{
    (void)state;
    struct retention_peer p = {0}, at = {0};
    const uint64_t end_ms = AT_MS + RETENTION_STUCK_MS;
    for (uint64_t now_ms = AT_MS; now_ms < 3 * end_ms; now_ms += RETENTION_STUCK_MS / 2)
        assert_false(retention_offers(&p, HELD + now_ms / 60000, HELD, BEGUN, now_ms));
    p = (struct retention_peer){0};
    assert_false(retention_offers(&p, BEGUN - 1, HELD, BEGUN, AT_MS));
    assert_false(retention_offers(&p, BEGUN - 1, HELD, BEGUN, end_ms - 1));
    assert_true(retention_offers(&p, BEGUN - 1, HELD, BEGUN, end_ms));
    assert_false(retention_offers(&at, BEGUN, HELD, BEGUN, AT_MS));
    assert_false(retention_offers(&at, BEGUN, HELD, BEGUN, end_ms));
    assert_false(retention_offers(&p, BEGUN + 1, HELD, BEGUN, end_ms + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_not_too_much_is_kept, setup),
        cmocka_unit_test_setup(without_a_snapshot_one_is_made_and_nothing_dropped, setup),
        cmocka_unit_test_setup(the_oldest_goes_first_a_part_at_a_time, setup),
        cmocka_unit_test_setup(a_snapshot_that_all_are_beyond_is_used_up, setup),
        cmocka_unit_test_setup(one_that_is_not_signed_is_waited_for, setup),
        cmocka_unit_test_setup(too_much_was_given_to_an_application, setup),
        cmocka_unit_test_setup(who_asks_gets_one_that_is_late_enough, setup),
        cmocka_unit_test(who_lacks_what_was_dropped_is_offered_a_snapshot),
        cmocka_unit_test(who_stands_still_before_what_this_node_began_with_is_too),
    };
    return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
