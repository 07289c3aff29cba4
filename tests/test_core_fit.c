/* How large our blocks are, by what their dispersals take. */
#include "tests/core_peers.h"

enum { MOST = 1 << 20, LONG_MS = 10000 };

/* Dispersals of blocks of so many bytes, one after the other, each of which takes so long. Returns
 * how large the next may be. */
static uint32_t after(unsigned times, uint32_t bytes, uint64_t ms)
{
    static epoch_id epoch;
    for (unsigned k = 0; k < times; k++) {
        propose_own(node, ++epoch, bytes);
        node->now_ms += ms;
        propose_completed(node, epoch);
    }
    return node->proposing.block_bytes;
}

static void what_takes_too_long_becomes_smaller(void **state)
{
    (void)state;
    assert_int_equal(node->proposing.block_bytes, MOST);
    assert_int_equal(after(1, MOST, LONG_MS), MOST);
    assert_int_equal(after(1, MOST, 2 * LONG_MS), MOST / 2);
    assert_int_equal(after(1, MOST / 2, 4 * LONG_MS), MOST / 8);
    const uint32_t least = after(1, MOST / 8, 1000 * LONG_MS);
    assert_int_equal(after(1, least, 2 * LONG_MS), least);
}

static void and_larger_again_by_and_by(void **state)
{
    (void)state;
    after(1, MOST, 8 * LONG_MS);
    assert_int_equal(after(1, MOST / 8, LONG_MS / 2), MOST / 8 * 9 / 8);
    uint32_t bytes = MOST / 8 * 9 / 8;
    for (unsigned k = 0; k < 20; k++)
        bytes = after(1, bytes, LONG_MS - 1);
    assert_int_equal(bytes, MOST);
}

static void at_once_when_it_takes_little(void **state)
{
    (void)state;
    after(1, MOST, 8 * LONG_MS);
    assert_int_equal(after(1, MOST / 8, LONG_MS / 5), MOST / 4);
    assert_int_equal(after(1, MOST / 4, LONG_MS / 5), MOST / 2);
}

static void small_ones_say_nothing(void **state)
{
    (void)state;
    after(1, MOST, 4 * LONG_MS);
    assert_int_equal(after(10, MOST / 8 - 1, 1), MOST / 4);
    assert_int_equal(after(10, MOST / 8 - 1, LONG_MS), MOST / 4);
    assert_int_equal(after(10, 1000, 10 * LONG_MS), MOST / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEERS_TEST(what_takes_too_long_becomes_smaller),
        PEERS_TEST(and_larger_again_by_and_by),
        PEERS_TEST(at_once_when_it_takes_little),
        PEERS_TEST(small_ones_say_nothing),
    };
    if (!hash_init())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
