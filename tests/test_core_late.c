/* A chunk that comes when its dispersal has completed without it. */
#include "node/driver_private.h"
#include "tests/core_liar.h"

enum { N = 4, HORIZON = 1000, LIAR = 2, LAST = 3 };

static struct dispersal honest, other;
static epoch_id at;

static struct instance_record stored(void)
{
    struct instance_record r;
    struct store *s = cluster.members[LAST].store;
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(records_get_instance(s, at, LIAR, &r), 0);
    store_abort(s);
    return r;
}

static uint64_t wasted(void)
{
    struct node_view v;
    node_view(node_of(LAST), &v);
    return v.wasted_chunks;
}

static void order_epochs(unsigned count)
{
    const epoch_id until = word_of(0).first_unsealed + count;
    for (unsigned round = 0; word_of(0).first_unsealed < until; round++) {
        assert_true(round < 4000);
        if (cluster.submitted < cluster.members[0].executed_ids + 4)
            submit(cluster.submitted % 2);
        cluster_round();
    }
}

/* The others' chunks suffice; LAST executes nothing meanwhile, and lets go of what it knows. */
static void complete_without_last(void)
{
    cluster_open(N, HORIZON);
    member_crash(&cluster.members[LIAR]);
    nodeset_add(&cluster.lagging, LAST);
    order_epochs(3 * DELIVERY_WINDOW);
    at = word_of(0).first_unsealed + 1;
    liar_word.first_unsealed = at;
    dispersal_make(&honest, at, 1 << 20, NO_LIE);
    dispersal_make(&other, at, 2 << 20, NO_LIE);
    for (node_id to = 0; to < N; to++) {
        if (to != LIAR)
            dispersal_got(&honest, LIAR, to);
        if (to < LIAR)
            dispersal_send(&honest, LIAR, to);
    }
    order_epochs(2 * WINDOW);
    assert_true(history_has(&node_of(LAST)->completed, at, LIAR));
    assert_null(instance_find(node_of(LAST), at, LIAR));
    assert_true(stored().complete);
    assert_false(stored().chunk);
    assert_int_equal(wasted(), 0);
}

static void shut(void)
{
    cluster.lagging = (struct nodeset){0};
    order_epochs(WINDOW);
    for (unsigned round = 0; word_of(LAST).executed < at; round++) {
        assert_true(round < 4000);
        cluster_round();
    }
    assert_true(cluster.members[LAST].height > 0);
    for (unsigned k = 0; k < cluster.members[LAST].height; k++)
        assert_true(same_delivery(&cluster.members[LAST].ledger[k], &cluster.members[0].ledger[k]));
}

static void it_is_kept_and_counts_as_one_that_need_not_be_fetched(void **state)
{
    (void)state;
    complete_without_last();
    dispersal_send(&honest, LIAR, LAST);
    cluster_run(4);
    assert_true(stored().chunk);
    assert_int_equal(wasted(), 0);
    assert_null(instance_find(node_of(LAST), at, LIAR)); /* And is let go again. */
    dispersal_send(&honest, LIAR, LAST);
    cluster_run(4);
    assert_true(wasted() > 0); /* Once is enough. */
    expect_no_faults();
    shut();
}

static void one_of_another_block_is_not(void **state)
{
    (void)state;
    complete_without_last();
    dispersal_send(&other, LIAR, LAST);
    cluster_run(4);
    assert_false(stored().chunk);
    assert_null(instance_find(node_of(LAST), at, LIAR));
    dispersal_send(&honest, LIAR, LAST); /* It does not stand in the right one's way. */
    cluster_run(4);
    assert_true(stored().chunk);
    shut();
}

/* More than one at a time is not looked at, so that nobody can take all places. */
static void one_of_each_proposer_is_looked_at_at_a_time(void **state)
{
    (void)state;
    complete_without_last();
    nodeset_add(&cluster.members[LAST].driver->node->instances.late, LIAR);
    dispersal_send(&honest, LIAR, LAST);
    cluster_run(4);
    assert_false(stored().chunk);
    assert_true(wasted() > 0);
    nodeset_remove(&cluster.members[LAST].driver->node->instances.late, LIAR);
    dispersal_send(&honest, LIAR, LAST);
    cluster_run(4);
    assert_true(stored().chunk);
    assert_true(nodeset_empty(&node_of(LAST)->instances.late));
    shut();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(it_is_kept_and_counts_as_one_that_need_not_be_fetched),
        CORE_TEST(one_of_another_block_is_not),
        CORE_TEST(one_of_each_proposer_is_looked_at_at_a_time),
    };
    return cmocka_run_group_tests_name("core late", tests, NULL, NULL);
}
