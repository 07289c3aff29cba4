/* How much is dispersed at a time where links are slow: how many blocks side by side, and how large
 * they are. */
#include "node/driver_private.h"
#include "tests/core_checks.h"

enum { N = 4, HORIZON = 1000 };

static void order_some(unsigned count)
{
    for (unsigned k = 0; k < count; k++) {
        submit(k % N);
        cluster_until(all_executed, 1000);
    }
}

/* Dispersals that take very long follow one another; quick ones go side by side. */
static unsigned slow_rounds;

static bool waits_for_long(const struct post *p)
{
    return p->lane == DRIVER_DISPERSAL && cluster.now_ms / ROUND_MS % slow_rounds != 0;
}

static unsigned most_open_in(unsigned rounds)
{
    unsigned most = 0;
    for (unsigned round = 0; round < rounds; round++) {
        if (cluster.submitted < cluster.members[0].executed_ids + 8 * N)
            submit(round % N);
        cluster_round();
        for (unsigned k = 0; k < N; k++)
            if (node_of(k)->proposing.own_open > most)
                most = node_of(k)->proposing.own_open;
    }
    return most;
}

static void where_links_are_full_dispersals_follow_one_another(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.waits = waits_for_long;
    slow_rounds = 40; /* 0.2 s */
    most_open_in(2000);
    assert_true(most_open_in(400) > 1);
    slow_rounds = 260; /* 1.3 s */
    most_open_in(6000);
    assert_int_equal(most_open_in(1000), 1);
    cluster_until(all_executed, 20 * slow_rounds);
    expect_one_ledger();
}

/* Transactions that are in no block. */
static unsigned waiting_at(unsigned member)
{
    unsigned waiting = 0;
    for (unsigned t = 0; t < cluster.members[member].pool_count; t++)
        waiting += cluster.members[member].pool[t].marked == 0;
    return waiting;
}

/* Each has more to propose than a block holds. */
static unsigned most_open_with_large_ones_in(unsigned rounds)
{
    unsigned most = 0;
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned k = 0; k < N; k++) {
            if (waiting_at(k) < 20)
                submit(k);
            if (node_of(k)->proposing.own_open > most)
                most = node_of(k)->proposing.own_open;
        }
        cluster_round();
    }
    return most;
}

/* ... unless ordering is all that is waited for: by two, of whom one may lie. */
static void where_two_wait_for_ordering_two_go_side_by_side(void **state)
{
    (void)state;
    lag_target_ms = 60000;
    cluster_open(N, HORIZON);
    lag_target_ms = 0;
    cluster.transaction_size = 60000;
    cluster.waits = waits_for_long;
    slow_rounds = 260;
    most_open_with_large_ones_in(4000);
    assert_int_equal(most_open_with_large_ones_in(1000), 2);
    for (unsigned k = 1; k < N; k++)
        nodeset_add(&cluster.lagging, k);
    most_open_with_large_ones_in(1000);
    assert_int_equal(most_open_with_large_ones_in(1000), 1);
    cluster.lagging = (struct nodeset){0};
    cluster_until(all_executed, 100 * slow_rounds);
    expect_one_ledger();
}

/* Nor by who is behind in agreement: it needs its link for that. */
static void who_waits_for_ordering_is_at_its_end(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    struct node *n = cluster.members[0].driver->node;
    n->agreed = 10;
    for (epoch_id rank = 0; rank < 14; rank++) {
        n->ahead.rank = rank;
        assert_int_equal(ahead_hungry(n), rank >= 9 && rank <= 11);
    }
    n->agreed = n->ahead.rank = 0;
    assert_false(ahead_hungry(n));
}

static void begin_some_of(uint32_t size)
{
    cluster.transaction_size = size;
    cluster.waits = waits_for_long;
    slow_rounds = 1000;
    for (unsigned round = 0; round < 16; round += 2) {
        for (unsigned k = 0; k < 8; k++)
            submit(0);
        cluster_run(2);
    }
}

/* ... as long as nobody knows what these take, up to 1.2 MB: here 0.48 MB each. */
static void at_first_few_large_ones_go_side_by_side(void **state)
{
    (void)state;
    for (unsigned small = 0; small <= N; small += N) {
        cluster_open(N, HORIZON);
        order_some(small);
        cluster_run(1);
        begin_some_of(60000);
        assert_in_range(node_of(0)->proposing.own_open, 2, 3);
        cluster_until(all_executed, 20 * slow_rounds);
        expect_one_ledger();
        cluster_close();
    }
}

static void where_all_are_late_none_goes_beside_another(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.members[0].driver->node->proposing.doubt_ms =
        4000; /* So often have they been repeated. */
    begin_some_of(8);
    assert_int_equal(node_of(0)->proposing.own_open, 1);
    cluster_until(all_executed, 20 * slow_rounds);
}

/* Dispersals of one node take long: its blocks become as large as its link carries in 10 s. */
enum { LARGE = 60000, FAR = 20000 / ROUND_MS };

static uint64_t largest_of_3; /* Chunks it sent. */

static bool note_size(struct post *p)
{
    if (p->from == 3 && p->lane == DRIVER_DISPERSAL && p->size > largest_of_3)
        largest_of_3 = p->size;
    return true;
}

static bool is_slow;

static bool waits_at_3(const struct post *p)
{
    return is_slow && p->from == 3 && p->lane == DRIVER_DISPERSAL &&
           cluster.now_ms / ROUND_MS % FAR != 0;
}

static uint64_t largest_in(unsigned rounds)
{
    largest_of_3 = 0;
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned waiting = waiting_at(3); waiting < 8; waiting++)
            submit(3);
        cluster_round();
    }
    return largest_of_3;
}

static void who_sends_slowly_has_small_blocks(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.transaction_size = LARGE;
    cluster.waits = waits_at_3;
    cluster.passes = note_size;
    is_slow = false;
    assert_true(largest_in(40) > 6 * LARGE / 2); /* A chunk is half of a block. */
    is_slow = true;
    largest_in(4 * FAR);
    const uint64_t small = largest_in(2 * FAR);
    assert_in_range(small, 1, 2 * LARGE / 2 + 1000);
    is_slow = false;
    largest_in(100);
    assert_true(largest_in(40) > 6 * LARGE / 2);
    cluster_until(all_executed, 4000);
    expect_one_ledger();
}

/* How long a dispersal took that was under way is not known after a restart. */
static void a_restart_makes_no_block_smaller(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    order_some(N);
    cluster_run(11000 / ROUND_MS);
    nodeset_add(&cluster.away, 1);
    nodeset_add(&cluster.away, 2);
    submit(0);
    cluster_run(20);
    assert_int_equal(node_of(0)->proposing.own_open, 1);
    member_crash(&cluster.members[0]);
    member_open(&cluster.members[0]);
    cluster.away = (struct nodeset){0};
    cluster_until(all_executed, 1000);
    assert_int_equal(node_of(0)->proposing.own_open, 0);
    assert_int_equal(node_of(0)->proposing.block_bytes, 1 << 20);
    expect_one_ledger();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(where_links_are_full_dispersals_follow_one_another),
        CORE_TEST(where_two_wait_for_ordering_two_go_side_by_side),
        CORE_TEST(who_waits_for_ordering_is_at_its_end),
        CORE_TEST(at_first_few_large_ones_go_side_by_side),
        CORE_TEST(where_all_are_late_none_goes_beside_another),
        CORE_TEST(who_sends_slowly_has_small_blocks),
        CORE_TEST(a_restart_makes_no_block_smaller),
    };
    return cmocka_run_group_tests_name("core abreast", tests, NULL, NULL);
}
