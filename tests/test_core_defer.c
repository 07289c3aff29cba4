/* A node that is behind is sent chunks of the share of blocks that it executes, as long as others
 * suffice. */
#include "node/driver_private.h"
#include "tests/core_liar.h"

enum { N = 4, HORIZON = 1000, LAST = 3, AHEAD = 40 };

static unsigned chunks, to_last; /* Of others' dispersals; those for the node that is behind. */

static bool count(struct post *p)
{
    chunks += p->lane == DRIVER_DISPERSAL && p->from != LAST;
    to_last += p->lane == DRIVER_DISPERSAL && p->to == LAST;
    return true;
}

static bool no_roots(const struct post *p, struct message *m)
{
    return (m->kind != MESSAGE_ROOTS && m->kind != MESSAGE_READY) || p->from != 2;
}

/* Node 2 is heard, and says nothing of dispersals. */
static bool two_says_nothing(struct post *p)
{
    if (p->from == 2 && p->lane == DRIVER_VOTES)
        keep_sections(p, no_roots);
    return count(p);
}

static epoch_id goal;

static bool first_two_are_there(void)
{
    return cluster.members[0].executed >= goal && cluster.members[1].executed >= goal;
}

static unsigned waited; /* Dispersals of node 0 that had to wait for who is behind. */

static void order_epochs(unsigned epochs, unsigned rounds)
{
    goal = cluster.members[0].executed + epochs;
    waited = 0;
    for (; !first_two_are_there() && rounds > 0; rounds--) {
        if (cluster.submitted < cluster.members[0].executed_ids + 4)
            submit(cluster.submitted % 2);
        const unsigned before = node_of(0)->proposing.defer_pause;
        cluster_round();
        waited += node_of(0)->proposing.defer_pause > before;
    }
    assert_true(first_two_are_there());
}

static void fall_behind(void)
{
    cluster_open(N, HORIZON);
    nodeset_add(&cluster.lagging, LAST);
    order_epochs(2 * WINDOW + 4, 4000);
    cluster.passes = count;
    chunks = to_last = 0;
}

static void catch_up(void)
{
    cluster.passes = NULL;
    cluster.away = cluster.lagging = (struct nodeset){0};
    cluster_until(all_executed, 8000);
    expect_one_ledger();
    expect_no_faults();
}

static void who_executes_nothing_is_sent_none(void **state)
{
    (void)state;
    fall_behind();
    order_epochs(AHEAD, 4000);
    assert_true(chunks >= AHEAD * (N - 2));
    assert_int_equal(to_last, 0);
    catch_up();
    cluster.passes = count;
    chunks = to_last = 0;
    for (unsigned k = 0; k < 20; k++) {
        submit(0);
        cluster_until(all_executed, 400);
    }
    assert_true(to_last >= 20); /* Not behind any more. */
}

/* One that executes half of what is ordered. */
static void keep_half(void)
{
    nodeset_remove(&cluster.lagging, LAST);
    if (2 * word_of(LAST).executed > word_of(0).agreed)
        nodeset_add(&cluster.lagging, LAST);
}

static void who_executes_half_is_sent_half(void **state)
{
    (void)state;
    fall_behind();
    for (unsigned k = 0; k < 4 * AHEAD; k++) {
        if (k == 2 * AHEAD)
            chunks = to_last = 0;
        keep_half();
        order_epochs(1, 4000);
    }
    const unsigned blocks = (chunks - to_last) / (N - 2);
    assert_true(blocks > 2 * AHEAD);
    assert_in_range(to_last, blocks * 2 / 5, blocks * 3 / 5);
    catch_up();
}

/* Of the next 16 dispersals, how many are sent to who had executed `before`, 16 epochs ago, and has
 * executed `now`. */
static unsigned sent_of_16(epoch_id before, epoch_id now)
{
    fall_behind();
    struct node *n = cluster.members[0].driver->node;
    unsigned sent = 0;
    n->proposing.paced = n->agreed - 16;
    n->peers[LAST].paced = before;
    n->peers[LAST].word.executed = now;
    for (unsigned k = 0; k < 16; k++) {
        const struct nodeset deferred = defer_choose(n);
        sent += !nodeset_has(&deferred, LAST);
    }
    return sent;
}

static void the_share_is_what_was_executed_if_that_is_known_and_enough(void **state)
{
    (void)state;
    assert_int_equal(sent_of_16(1, 5), 4);
    assert_int_equal(sent_of_16(1, 3), 2);
    assert_int_equal(sent_of_16(1, 2), 0);
    assert_int_equal(sent_of_16(0, 5), 0); /* Nobody knows since when. */
}

static void who_is_needed_is_sent_them(void **state)
{
    (void)state;
    fall_behind();
    nodeset_add(&cluster.away, 2);
    order_epochs(AHEAD, 8000);
    assert_true(to_last >= AHEAD);
    order_epochs(64, 8000); /* What was begun as it went was too few; now that is known before. */
    chunks = to_last = 0;
    order_epochs(AHEAD, 8000);
    assert_true(to_last >= AHEAD);
    assert_int_equal(node_of(0)->proposing.defer_pause, 0);
    nodeset_remove(&cluster.away, 2);
    catch_up();
}

/* A liar that makes dispersals wait does it to one of many. */
static void once_needed_is_needed_for_long(void **state)
{
    (void)state;
    fall_behind();
    cluster.passes = two_says_nothing;
    order_epochs(70, 8000); /* It takes some to find out. */
    assert_true(to_last > 0);
    order_epochs(2 * 64, 8000);
    assert_in_range(waited, 1, 3);
    cluster.passes = NULL;
    order_epochs(64, 8000); /* Those that are sent to all. */
    cluster.passes = count;
    chunks = to_last = 0;
    order_epochs(AHEAD, 4000);
    assert_int_equal(to_last, 0);
    catch_up();
}

/* One that says GOT for every other one of those that could wait for it. */
static void nor_does_it_help_to_be_of_use_now_and_then(void **state)
{
    (void)state;
    fall_behind();
    struct node *n = cluster.members[0].driver->node;
    unsigned slow = 0, turn = 0;
    for (unsigned k = 0; k < 640; k++) {
        const bool paused = n->proposing.defer_pause > 0;
        defer_choose(n);
        if (paused)
            continue;
        if (turn++ % 2 == 0) {
            defer_enough(n);
            continue;
        }
        defer_needed(n);
        slow++;
    }
    assert_in_range(slow, 2, 20);
    for (unsigned k = 0; k < 64 + 32; k++) { /* And who was needed by chance is forgiven. */
        if (n->proposing.defer_pause == 0)
            defer_enough(n);
        defer_choose(n);
    }
    slow = 0;
    for (defer_needed(n); n->proposing.defer_pause > 0; slow++)
        defer_choose(n);
    assert_in_range(slow, 4, 8);
    catch_up();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(who_executes_nothing_is_sent_none),
        CORE_TEST(who_executes_half_is_sent_half),
        CORE_TEST(the_share_is_what_was_executed_if_that_is_known_and_enough),
        CORE_TEST(who_is_needed_is_sent_them),
        CORE_TEST(once_needed_is_needed_for_long),
        CORE_TEST(nor_does_it_help_to_be_of_use_now_and_then),
    };
    return cmocka_run_group_tests_name("core defer", tests, NULL, NULL);
}
