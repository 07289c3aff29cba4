#include "node/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { PEER = 2, START_MS = 1000, RETRY_MS = 100 };

static struct peers peers;

static int setup(void **state)
{
    (void)state;
    peers = (struct peers){.start_ms = START_MS, .retry_ms = RETRY_MS};
    return 0;
}

static void expect(unsigned retries, bool reached, enum peer_change change)
{
    assert_int_equal(peers_look(&peers, PEER, reached, START_MS + retries * RETRY_MS), change);
}

static void hear(unsigned retries) { peers.of[PEER].heard_ms = START_MS + retries * RETRY_MS; }

static void who_is_heard_and_reached_is_connected(void **state)
{
    (void)state;
    expect(0, true, PEER_SAME); /* Not heard of yet. */
    assert_int_equal(peers_connected(&peers), 0);
    hear(1);
    expect(1, true, PEER_CAME);
    expect(2, true, PEER_SAME);
    expect(20, true, PEER_SAME); /* It says nothing while nothing happens. */
    assert_int_equal(peers_connected(&peers), 1);
}

static void who_cannot_be_reached_is_gone_soon(void **state)
{
    (void)state;
    hear(1);
    expect(1, true, PEER_CAME);
    expect(4, false, PEER_SAME); /* Its connection is full, perhaps. */
    expect(6, false, PEER_WENT);
    assert_int_equal(peers_connected(&peers), 0);
    expect(20, false, PEER_SAME); /* And that it is gone is said once. */
    expect(21, true, PEER_CAME);
}

static void who_says_nothing_is_gone(void **state)
{
    (void)state;
    hear(1);
    expect(1, true, PEER_CAME);
    expect(26, true, PEER_SAME);
    expect(27, true, PEER_WENT);
    hear(28);
    expect(28, true, PEER_CAME);
}

static void who_never_came_is_told_once(void **state)
{
    (void)state;
    expect(9, false, PEER_SAME);
    expect(10, false, PEER_ABSENT);
    expect(11, false, PEER_SAME);
    hear(12);
    expect(12, true, PEER_CAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_is_heard_and_reached_is_connected, setup),
        cmocka_unit_test_setup(who_cannot_be_reached_is_gone_soon, setup),
        cmocka_unit_test_setup(who_says_nothing_is_gone, setup),
        cmocka_unit_test_setup(who_never_came_is_told_once, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
