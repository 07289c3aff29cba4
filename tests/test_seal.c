#include "net/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { NODES = 3, LANE = 1 };

static uint8_t publics[NODES][CURVE_KEY_SIZE], secrets[NODES][CURVE_KEY_SIZE];
static struct seals *nodes[NODES];
static char message[100];
static uint8_t frame[70000], seal[SEAL_SIZE];

static const uint8_t (*keys(void))[CURVE_KEY_SIZE]
{
    return (const uint8_t(*)[CURVE_KEY_SIZE])publics;
}

static struct seals *new_seals(node_id self)
{
    struct seals *s = seals_new(self, NODES, secrets[self], keys(), message, sizeof message);
    assert_non_null(s);
    return s;
}

static int setup(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(curve_generate(publics[i], secrets[i]), 0);
    for (node_id i = 0; i < NODES; i++)
        nodes[i] = new_seals(i);
    for (size_t i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)(i * 7);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODES; i++)
        seals_free(nodes[i]);
    return 0;
}

static unsigned sender(node_id at, size_t size)
{
    return seal_sender(nodes[at], LANE, slice_of(frame, size), slice_of(seal, SEAL_SIZE));
}

static void says_who_sent_it(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, sizeof frame};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (node_id from = 0; from < NODES; from++)
            for (node_id to = 0; to < NODES; to++) {
                if (from == to)
                    continue;
                seal_make(nodes[from], to, LANE, slice_of(frame, sizes[i]), seal);
                assert_int_equal(sender(to, sizes[i]), from);
            }
}

static void of_another_frame_lane_size_or_seal_it_is_no_ones(void **state)
{
    (void)state;
    enum { SIZE = 100 };
    seal_make(nodes[1], 0, LANE, slice_of(frame, SIZE), seal);
    for (unsigned bit = 0; bit < 8 * SIZE; bit++) {
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(sender(0, SIZE), NODES);
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (unsigned bit = 0; bit < 8 * SEAL_SIZE; bit++) {
        seal[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(sender(0, SIZE), NODES);
        seal[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(sender(0, SIZE - 1), NODES);
    assert_int_equal(sender(0, SIZE + 1), NODES);
    const struct slice bytes = slice_of(frame, SIZE);
    assert_int_equal(seal_sender(nodes[0], LANE + 1, bytes, slice_of(seal, SEAL_SIZE)), NODES);
    assert_int_equal(seal_sender(nodes[0], LANE, bytes, slice_of(seal, SEAL_SIZE - 1)), NODES);
    assert_int_equal(seal_sender(nodes[0], LANE, bytes, slice_of(seal, 0)), NODES);
    assert_int_equal(sender(0, SIZE), 1);
}

/* Neither at a third node nor sent back, though two nodes have one key between them. */
static void is_for_one_node_and_one_direction(void **state)
{
    (void)state;
    seal_make(nodes[1], 0, LANE, slice_of(frame, 100), seal);
    assert_int_equal(sender(2, 100), NODES);
    assert_int_equal(sender(1, 100), NODES);
    seal[0] = 0;
    assert_int_equal(sender(1, 100), NODES);
    seal[0] = 2;
    assert_int_equal(sender(0, 100), NODES);
}

static void no_two_are_the_same(void **state)
{
    (void)state;
    uint8_t before[SEAL_SIZE];
    seal_make(nodes[1], 0, LANE, slice_of(frame, 100), before);
    seal_make(nodes[1], 0, LANE, slice_of(frame, 100), seal);
    assert_memory_not_equal(before + 1, seal + 1, SEAL_NONCE_SIZE);
    seals_free(nodes[1]);
    nodes[1] = new_seals(1); /* A restart begins with other nonces. */
    seal_make(nodes[1], 0, LANE, slice_of(frame, 100), seal);
    assert_memory_not_equal(before + 1, seal + 1, SEAL_NONCE_SIZE);
    assert_int_equal(sender(0, 100), 1);
}

static void a_password_is_for_one_node_and_one_direction(void **state)
{
    (void)state;
    char shown[SEAL_PASSWORD_SIZE], expected[NODES][NODES][SEAL_PASSWORD_SIZE] = {{""}};
    for (node_id to = 0; to < NODES; to++)
        for (node_id from = 0; from < NODES; from++) {
            if (from == to)
                continue;
            seal_expected(nodes[to], from, expected[to][from]);
            seal_password(nodes[from], to, shown);
            assert_string_equal(shown, expected[to][from]);
            assert_int_equal(strlen(shown), SEAL_PASSWORD_SIZE - 1);
        }
    for (unsigned i = 0; i < NODES * NODES; i++)
        for (unsigned k = 0; k < i; k++)
            if (*expected[i / NODES][i % NODES] && *expected[k / NODES][k % NODES])
                assert_string_not_equal(expected[i / NODES][i % NODES],
                                        expected[k / NODES][k % NODES]);
}

static void a_key_that_is_none_is_named(void **state)
{
    (void)state;
    memset(publics[2], 0, CURVE_KEY_SIZE);
    assert_null(seals_new(0, NODES, secrets[0], keys(), message, sizeof message));
    assert_string_equal(message, "what node 2 has as its CURVE key is none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_who_sent_it, setup, teardown),
        cmocka_unit_test_setup_teardown(of_another_frame_lane_size_or_seal_it_is_no_ones, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(is_for_one_node_and_one_direction, setup, teardown),
        cmocka_unit_test_setup_teardown(no_two_are_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(a_password_is_for_one_node_and_one_direction, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_key_that_is_none_is_named, setup, teardown),
    };
    return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
