/* Whether our dispersals complete with those of the others. */
#include "tests/core_peers.h"

enum { HALF_MS = 50, EPOCH = 5 }; /* Of block_delay_ms. */

static void compare(unsigned times, epoch_id epoch, uint64_t after_ms)
{
    for (unsigned k = 0; k < times; k++)
        propose_compared(node, epoch, now_ms - after_ms);
}

static unsigned late_ones(void) { return node->proposing.late; }

static void who_takes_half_a_tick_longer_is_late(void **state)
{
    (void)state;
    compare(1, EPOCH, HALF_MS - 1);
    assert_int_equal(late_ones(), 0);
    compare(3, EPOCH, HALF_MS);
    assert_int_equal(late_ones(), 3);
}

static void once_in_time_and_it_begins_again(void **state)
{
    (void)state;
    compare(7, EPOCH, HALF_MS);
    compare(1, EPOCH, 0);
    assert_int_equal(late_ones(), 0);
    compare(7, EPOCH, HALF_MS);
    propose_compared(node, EPOCH, 0); /* Before the others. */
    assert_int_equal(late_ones(), 0);
}

/* Those that were begun before what made up for it are all late. */
static void what_was_begun_before_is_not_counted(void **state)
{
    (void)state;
    node->proposing.caught_up = EPOCH;
    compare(3, EPOCH - 1, HALF_MS);
    assert_int_equal(late_ones(), 0);
    compare(3, EPOCH, HALF_MS);
    assert_int_equal(late_ones(), 3);
}

/* f of the others may be liars. */
static void it_is_compared_with_f_and_one_of_the_others(void **state)
{
    (void)state;
    complete(1, F);
    assert_int_equal(node_epoch(node, 1)->some_ms, 0);
    pass(HALF_MS);
    complete(1, F + 1);
    const uint64_t some_ms = now_ms;
    pass(HALF_MS);
    complete(1, PEERS);
    assert_int_equal(node_epoch(node, 1)->some_ms, some_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEERS_TEST(who_takes_half_a_tick_longer_is_late),
        PEERS_TEST(once_in_time_and_it_begins_again),
        PEERS_TEST(what_was_begun_before_is_not_counted),
        PEERS_TEST(it_is_compared_with_f_and_one_of_the_others),
    };
    if (!hash_init())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
