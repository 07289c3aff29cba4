/* What one core, alone with what others say, takes of them and makes itself. */
#include "node/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "vid/code.h"

enum { N = 4, F = 1, SELF = 0, BEFORE = 3200, WINDOW = 8, OPEN = 16, LARGEST = 8 << 20 };

static const struct node_options options = {.quorum = {N, F},
                                            .self = SELF,
                                            .epoch_window = WINDOW,
                                            .open_dispersals = OPEN,
                                            .link_horizon = 10000,
                                            .block_bytes_max = LARGEST,
                                            .block_bytes_min = 150000,
                                            .retry_ms = 500};
static struct node *node;
static struct effects effects;

static void open_at(epoch_id first_unsealed, epoch_id executed)
{
    const size_t size = node_memory_size(&options);
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    const unsigned count = node_effects_max(&options);
    effects = (struct effects){0, count, calloc(count, sizeof *effects.items)};
    assert_true(memory && effects.items);
    memset(memory, 0, size);
    node = node_init(memory, size, &options);
    node_restore_height(node, first_unsealed, executed, executed);
}

static int shut(void **state)
{
    (void)state;
    free(effects.items);
    free(node);
    return 0;
}

static void step(struct event e)
{
    e.now_ms = 1000;
    node_step(node, &e, &effects);
}

static const struct effect *effect_of(enum effect_type type)
{
    for (unsigned k = 0; k < effects.count; k++)
        if (effects.items[k].type == type)
            return &effects.items[k];
    return NULL;
}

/* All others say it. */
static void say_root(epoch_id epoch, node_id proposer, enum vid_vote vote)
{
    uint8_t entry[1 + HASH_SIZE] = {(uint8_t)proposer, 1, 2, 3};
    const struct message m = {
        .kind = MESSAGE_ROOTS, .epoch = epoch, .roots = {vote, 1, slice_of(entry, sizeof entry)}};
    for (node_id from = 1; from < N; from++)
        step((struct event){.type = EVENT_MESSAGE, .from = from, .message = &m});
}

/* A snapshot stands for epochs that agreement here has not come to. */
static void what_a_snapshot_stands_for_is_complete(void **state)
{
    (void)state;
    enum { FIRST = 10300, EXECUTED = FIRST + 200 }; /* Beyond what the ring holds at first. */
    open_at(FIRST, EXECUTED);
    for (epoch_id e = 1; e <= EXECUTED; e++)
        node_restore_delivered(node, e, 1);
    assert_true(history_has(&node->completed, EXECUTED, 1));
    assert_false(history_has(&node->completed, EXECUTED, 2));
    assert_true(history_base(&node->completed) <= FIRST);
}

static void nor_does_the_ring_leave_what_is_in_flight(void **state)
{
    (void)state;
    enum { FIRST = 10300, EXECUTED = FIRST + 100000 };
    open_at(FIRST, EXECUTED);
    assert_true(history_base(&node->completed) <= FIRST);
    assert_true(node->completed.top >= FIRST + WINDOW);
}

/* However often it is said; a sender's room for open ones is for those that are. */
static void what_is_said_of_what_is_delivered_takes_no_room(void **state)
{
    (void)state;
    enum { TIMES = 20, EACH = 10 };
    open_at(BEFORE + 1, BEFORE);
    step((struct event){.type = EVENT_TICK});
    for (unsigned k = 0; k < TIMES; k++)
        for (epoch_id e = BEFORE - EACH + 1; e <= BEFORE; e++) {
            history_set(&node->delivered, e, 1);
            say_root(e, 1, VID_READY);
        }
    say_root(BEFORE + 2, 1, VID_READY);
    assert_true(history_has(&node->completed, BEFORE + 2, 1));
}

/* With what it has seen. */
static void a_block_is_no_larger_than_any_may_be(void **state)
{
    (void)state;
    open_at(BEFORE + 1, BEFORE);
    step((struct event){.type = EVENT_TICK});
    step((struct event){.type = EVENT_POOL, .pool_bytes = 10 * LARGEST});
    const struct effect *take = effect_of(EFFECT_TAKE);
    assert_non_null(take);
    assert_int_equal(take->take.bytes_max + block_overhead(take->take.seen.size), LARGEST);
}

static bool refuses(epoch_id epoch, size_t block_size)
{
    static const uint8_t bytes[CODE_CHUNK_ALIGN];
    const struct message m = {
        .kind = MESSAGE_CHUNK, .epoch = epoch, .chunk = {.data = slice_of(bytes, sizeof bytes)}};
    step((struct event){.type = EVENT_MESSAGE, .from = 1, .message = &m});
    assert_non_null(effect_of(EFFECT_WORK));
    const struct work_result checked = {
        .kind = WORK_CHECK,
        .epoch = epoch,
        .proposer = 1,
        .valid = true,
        .chunk_size = (uint32_t)code_chunk_size_of(quorum_data(options.quorum), block_size)};
    step((struct event){.type = EVENT_WORKED, .worked = &checked});
    const bool refused = effect_of(EFFECT_FAULT);
    assert_int_equal(refused, !effect_of(EFFECT_STORE_CHUNK));
    return refused;
}

static void another_s_block_neither(void **state)
{
    (void)state;
    const size_t most = LARGEST + block_overhead(link_seen_size_max(options.quorum));
    open_at(BEFORE + 1, BEFORE);
    step((struct event){.type = EVENT_TICK});
    assert_false(refuses(BEFORE + 1, LARGEST));
    assert_false(refuses(BEFORE + 2, most));
    for (epoch_id e = BEFORE + 3; e <= BEFORE + WINDOW; e++) /* And none of it is left open. */
        for (unsigned k = 0; k < OPEN; k++)
            assert_true(refuses(e, most + (size_t)CODE_CHUNK_ALIGN * quorum_data(options.quorum)));
    assert_false(refuses(BEFORE + 3, LARGEST));
}

int main(void)
{
#define LIMITS_TEST(name) cmocka_unit_test_teardown(name, shut)
    const struct CMUnitTest tests[] = {
        LIMITS_TEST(what_a_snapshot_stands_for_is_complete),
        LIMITS_TEST(nor_does_the_ring_leave_what_is_in_flight),
        LIMITS_TEST(what_is_said_of_what_is_delivered_takes_no_room),
        LIMITS_TEST(a_block_is_no_larger_than_any_may_be),
        LIMITS_TEST(another_s_block_neither),
    };
    return cmocka_run_group_tests_name("core_limits", tests, NULL, NULL);
}
