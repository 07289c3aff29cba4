/* Small chunks travel with the votes, where nothing waits in line. */
#include "node/driver_private.h"
#include "tests/core_checks.h"

enum { N = 7, HORIZON = 1000, PLENTY = 1000 };

static unsigned frames[DRIVER_LANES], carried, most_carried, to_last;

static bool count(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    unsigned bytes = 0;
    frames[p->lane]++;
    while (section_next(&r, p, &m))
        if (p->lane == DRIVER_VOTES && (m.kind == MESSAGE_CHUNK || m.kind == MESSAGE_PIECE)) {
            carried++;
            to_last += p->to == N - 1;
            bytes += (unsigned)m.chunk.data.size;
        }
    most_carried = bytes > most_carried ? bytes : most_carried;
    return true;
}

static void open_carrying(size_t bytes)
{
    carried_bytes = bytes;
    cluster_open(N, HORIZON);
    carried_bytes = 0;
    cluster.passes = count;
    memset(frames, 0, sizeof frames);
    carried = most_carried = 0;
}

static void order(unsigned count_of)
{
    for (unsigned k = 0; k < count_of; k++) {
        submit(k % N);
        submit((k + 1) % N);
        cluster_until(all_executed, 4000);
    }
    expect_one_ledger();
    expect_no_faults();
}

static void at_light_load_there_are_no_other_frames(void **state)
{
    (void)state;
    open_carrying(PLENTY);
    order(20);
    assert_true(carried > 20 * 2 * (N - 1));
    assert_int_equal(frames[DRIVER_DISPERSAL] + frames[DRIVER_RETRIEVAL], 0);
}

static void what_is_more_than_a_frame_may_carry_goes_by_itself(void **state)
{
    (void)state;
    enum { ROOM = 400 }; /* For one chunk of 64 bytes. */
    open_carrying(ROOM);
    order(20);
    assert_in_range(most_carried, 1, 100);
    assert_true(frames[DRIVER_DISPERSAL] + frames[DRIVER_RETRIEVAL] > 0);
}

static void large_chunks_go_by_themselves(void **state)
{
    (void)state;
    open_carrying(1 << 20);
    cluster.transaction_size = 30000; /* Chunks of a third. */
    order(5);
    assert_true(frames[DRIVER_DISPERSAL] >= 5 * 2 * (N - 1));
    assert_true(frames[DRIVER_RETRIEVAL] > 0);
    assert_true(most_carried < 200); /* Of blocks without transactions. */
}

static void nothing_is_carried_to_who_is_behind(void **state)
{
    (void)state;
    open_carrying(PLENTY);
    nodeset_add(&cluster.lagging, N - 1);
    for (unsigned round = 0; round < 2000; round++) {
        if (cluster.submitted < cluster.members[0].executed_ids + N)
            submit(round % N);
        for (unsigned k = 0; k < N; k++) /* It is sent all of its chunks. */
            cluster.members[k].driver->node->proposing.defer_pause = 100;
        cluster_round();
        if (round == 1000) {
            assert_true(word_of(0).agreed > word_of(N - 1).executed + 2 * WINDOW);
            to_last = frames[DRIVER_DISPERSAL] = 0;
        }
    }
    assert_int_equal(to_last, 0);
    assert_true(frames[DRIVER_DISPERSAL] > 0);
    nodeset_remove(&cluster.lagging, N - 1);
    cluster_until(all_executed, 8000);
    expect_one_ledger();
}

enum { TURN = 60, WAITING = 30, HELD = 15 }; /* Rounds; what is held leaves in the first of them. */

static unsigned in_turn(void) { return (unsigned)(cluster.now_ms / ROUND_MS % TURN); }

static bool waits_for_last(const struct post *p)
{
    return p->to == N - 1 && p->lane == DRIVER_VOTES && in_turn() < WAITING;
}

static bool none_while_waiting(struct post *p)
{
    const unsigned before = to_last;
    count(p);
    if (in_turn() > HELD && in_turn() < WAITING)
        assert_int_equal(to_last, before);
    return true;
}

static void nothing_is_carried_to_whom_something_waits_for(void **state)
{
    (void)state;
    open_carrying(PLENTY);
    cluster.waits = waits_for_last;
    cluster.passes = none_while_waiting;
    for (unsigned round = 0; round < 2000; round++) {
        if (cluster.submitted < cluster.members[0].executed_ids + N)
            submit(round % N);
        cluster_round();
    }
    assert_true(to_last > 0 && frames[DRIVER_DISPERSAL] > 0);
    cluster.waits = NULL;
    cluster_until(all_executed, 4000);
    expect_one_ledger();
}

static void nothing_is_carried_where_frames_wait_in_line(void **state)
{
    (void)state;
    open_carrying(PLENTY);
    for (unsigned round = 0; round < 2000; round++) {
        for (unsigned k = 0; k < N; k++) {
            struct proposing *own = &cluster.members[k].driver->node->proposing;
            own->usual_ms = 4000;
            own->doubt_ms = 8000;
        }
        if (cluster.submitted < cluster.members[0].executed_ids + N)
            submit(round % N);
        cluster_round();
    }
    assert_true(frames[DRIVER_DISPERSAL] > 0 && frames[DRIVER_RETRIEVAL] > 0);
    assert_int_equal(carried, 0);
    cluster_until(all_executed, 4000);
    expect_one_ledger();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(at_light_load_there_are_no_other_frames),
        CORE_TEST(what_is_more_than_a_frame_may_carry_goes_by_itself),
        CORE_TEST(large_chunks_go_by_themselves),
        CORE_TEST(nothing_is_carried_to_who_is_behind),
        CORE_TEST(nothing_is_carried_to_whom_something_waits_for),
        CORE_TEST(nothing_is_carried_where_frames_wait_in_line),
    };
    return cmocka_run_group_tests_name("core carried", tests, NULL, NULL);
}
