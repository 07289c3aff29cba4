/* A node that is behind is sent chunks of the share of blocks that it executes, as long as others
 * suffice; while it keeps up with what is ordered it asks for those that it has not got. */
#include "node/driver_private.h"
#include "tests/core_liar.h"

enum { N = 4, HORIZON = 1000, LAST = 3, AHEAD = 40, BEHIND_EPOCHS = 1000 };

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

static uint8_t asked[N][BEHIND_EPOCHS]; /* How often the last asked for its chunk of that block. */
static epoch_id asked_least, asked_most;

static bool no_pieces_for_last(const struct post *p)
{
    return p->lane == DRIVER_RETRIEVAL && p->to == LAST;
}

static bool no_chunks_for_last(const struct post *p)
{
    return p->lane != DRIVER_VOTES && p->to == LAST;
}

static bool count_asked(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (p->lane == DRIVER_VOTES && section_next(&r, p, &m))
        if (m.kind == MESSAGE_WANT_CHUNK && p->from == LAST) {
            assert_true(m.epoch < BEHIND_EPOCHS);
            asked[p->to][m.epoch]++;
            asked_least = m.epoch < asked_least ? m.epoch : asked_least;
            asked_most = m.epoch > asked_most ? m.epoch : asked_most;
        }
    return count(p);
}

/* The last believes that it executes about what is ordered, or not, and may ask for so many. Returns
 * for how many it has asked. */
static unsigned asked_of(unsigned chunks_allowed, bool gains)
{
    struct node *n = cluster.members[LAST].driver->node;
    cluster.passes = count_asked;
    memset(asked, 0, sizeof asked);
    asked_least = UINT64_MAX;
    to_last = 0;
    asked_most = 0;
    n->pull.gains = gains;
    n->pull.look_ms = cluster.now_ms;
    n->pull.bytes = chunks_allowed * (uint64_t)n->retrieval.chunk_size;
    cluster_run(8);
    unsigned sum = 0;
    for (unsigned p = 0; p < N; p++)
        for (epoch_id e = 0; e < BEHIND_EPOCHS; e++) {
            assert_in_range(asked[p][e], 0, 1);
            sum += asked[p][e];
        }
    return sum;
}

static void who_is_behind_and_keeps_up_asks_for_its_own_chunks(void **state)
{
    (void)state;
    fall_behind();
    order_epochs(AHEAD, 4000);
    struct node *n = cluster.members[LAST].driver->node;
    n->retrieval.recent_bytes = 0; /* Little is asked for at a time. */
    cluster.waits = no_pieces_for_last;
    cluster.lagging = (struct nodeset){0}; /* What was fetched until then is executed. */
    cluster_run(20);
    assert_true(n->agreed > n->delivery.executed + AHEAD / 2);
    assert_true(n->retrieval.pending_count > 30);
    assert_int_equal(asked_of(8, false), 0);
    assert_int_equal(asked_of(8, true), 8);
    const struct instance *items = n->instances.items;
    unsigned kept = 0;
    for (uint32_t at = n->retrieval.pending_tail; at != NONE; at = items[at].fetch_prev) {
        assert_int_equal(asked[items[at].proposer][items[at].epoch], items[at].pulled);
        kept += items[at].has_chunk;
    }
    assert_int_equal(to_last, N - 1); /* Each makes one at a time, and drops what is asked then. */
    assert_int_equal(kept, N - 1);
    assert_int_equal(asked_most, n->delivery.epoch + DELIVERY_WINDOW - 1);
    assert_in_range(asked_least, asked_most - 3, asked_most); /* The newest first, ... */
    assert_true(asked_of(1000, true) > 16);
    assert_in_range(asked_least, n->delivery.epoch + DELIVERY_AHEAD + 1, asked_most);
    assert_int_equal(asked_of(1000, true), 0); /* ... each once. */
    n->retrieval.recent_bytes = 4000;
    n->pull.bytes = 0;
    n->pull.gains = true;
    cluster_run(20); /* 100 ms */
    assert_in_range(n->pull.bytes, 300, 400);
    cluster.waits = NULL;
    catch_up();
}

static void who_is_not_behind_asks_for_none(void **state)
{
    (void)state;
    fall_behind();
    catch_up();
    struct node *n = cluster.members[LAST].driver->node;
    n->retrieval.recent_bytes = 0;
    cluster.waits = no_chunks_for_last;
    order_epochs(WINDOW - 2, 4000);
    assert_in_range(n->agreed - n->delivery.executed, DELIVERY_AHEAD + 2, WINDOW);
    assert_true(n->retrieval.pending_count > 3);
    assert_int_equal(asked_of(8, true), 0);
    cluster.waits = NULL;
    catch_up();
}

/* What the last finds when it has executed so many of so many epochs ordered. */
static bool gains(unsigned executed, unsigned agreed)
{
    struct node *n = cluster.members[LAST].driver->node;
    n->pull.looks[1].executed = n->delivery.executed - executed;
    n->pull.looks[1].agreed = n->agreed - agreed;
    n->pull.look_ms = 0;
    cluster_run(3);
    assert_true(n->pull.look_ms > 0);
    return n->pull.gains;
}

static void to_keep_up_is_to_execute_four_fifths_of_what_is_ordered(void **state)
{
    (void)state;
    fall_behind();
    catch_up();
    assert_true(gains(8, 10));
    assert_false(gains(7, 10));
    assert_true(gains(1, 0));
    assert_false(gains(0, 0));
}

static void who_asks_always_is_sent_a_few(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    submit(0);
    cluster_until(all_executed, 500);
    member_crash(&cluster.members[LAST]);
    cluster.passes = count;
    chunks = to_last = 0;
    for (unsigned round = 0; round < 100; round++) {
        const struct message m = {.kind = MESSAGE_WANT_CHUNK, .epoch = 1};
        for (unsigned k = 0; k < 20; k++)
            speak(LAST, 0, DRIVER_VOTES, &m);
        cluster_round();
    }
    assert_in_range(to_last, 40, 100 * ROUND_MS / (RETRY_MS / 2) * 4 + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(who_executes_nothing_is_sent_none),
        CORE_TEST(who_executes_half_is_sent_half),
        CORE_TEST(the_share_is_what_was_executed_if_that_is_known_and_enough),
        CORE_TEST(who_is_needed_is_sent_them),
        CORE_TEST(once_needed_is_needed_for_long),
        CORE_TEST(who_is_behind_and_keeps_up_asks_for_its_own_chunks),
        CORE_TEST(who_is_not_behind_asks_for_none),
        CORE_TEST(to_keep_up_is_to_execute_four_fifths_of_what_is_ordered),
        CORE_TEST(who_asks_always_is_sent_a_few),
    };
    return cmocka_run_group_tests_name("core defer", tests, NULL, NULL);
}
