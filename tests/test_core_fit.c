/* How large our blocks are, by what their dispersals take. */
#include "crypto/hash.h"
#include "node/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20, LONG_MS = 10000 };

static const struct node_options options = {.quorum = {4, 1},
                                            .epoch_window = 8,
                                            .open_dispersals = 16,
                                            .link_horizon = 1000,
                                            .block_bytes_max = MOST,
                                            .retry_ms = 500};
static struct node *node;
static void *memory;

static int setup(void **state)
{
    (void)state;
    const size_t size = node_memory_size(&options);
    memory = aligned_alloc(64, size);
    assert_non_null(memory);
    memset(memory, 0, size);
    node = node_init(memory, size, &options);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

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
#define FIT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        FIT_TEST(what_takes_too_long_becomes_smaller),
        FIT_TEST(and_larger_again_by_and_by),
        FIT_TEST(at_once_when_it_takes_little),
        FIT_TEST(small_ones_say_nothing),
    };
    if (!hash_init())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
