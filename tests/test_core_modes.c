/* What each mode takes away from dl, and that its ledger is one all the same. Node LAST is the one
 * that is late; four nodes, so that two chunks make a block. */
#include "tests/core_checks.h"

enum { N = 4, LAST = 3, HORIZON = 1000 };

static struct {
    bool no_chunks; /* CHUNKs of LAST in epoch 1 are lost, or but for node 0's, */
    bool chunk_for_one;
    bool no_pieces; /* and pieces for all, or for LAST alone. */
    bool none_for_last;
    bool none_of_the_first; /* To node 0, of the block of LAST in epoch 1. */
    unsigned requests;      /* For that block. */
    unsigned wants;         /* Votes on it asked for again. */
    enum work_kind held;    /* Results of such work on it are late, until `released`. */
    bool holds, released;
    unsigned held_back; /* How often one was. */
} watched;

static bool watch(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (section_next(&r, p, &m)) {
        const bool first = m.epoch == 1 && m.proposer == LAST;
        if (m.kind == MESSAGE_CHUNK && first &&
            (watched.no_chunks || (p->to != 0 && watched.chunk_for_one)))
            return false;
        if (m.kind == MESSAGE_PIECE &&
            (watched.no_pieces || (p->to == LAST && watched.none_for_last) ||
             (p->to == 0 && first && watched.none_of_the_first)))
            return false;
        watched.wants +=
            m.kind == MESSAGE_WANT_ROOTS && m.proposer == LAST && m.want_roots.runs[0].first == 1;
        watched.requests += m.kind == MESSAGE_REQUEST && first;
    }
    return true;
}

static bool hold(const struct member *m, const struct job *job)
{
    const struct work_result *r = &job->result;
    const bool held = watched.holds && !watched.released && r->kind == watched.held &&
                      r->epoch == 1 && r->proposer == LAST && (m->id == 0 || m->id == LAST);
    watched.held_back += held;
    return !held;
}

static void open_cluster(enum node_mode mode, bool fetch_all)
{
    cluster_open_mode(N, HORIZON, mode, fetch_all);
    memset(&watched, 0, sizeof watched);
    cluster.passes = watch;
    cluster.job_comes = hold;
}

static struct node_view view_of(unsigned k)
{
    struct node_view v;
    node_view(node_of(k), &v);
    return v;
}

static bool all_agreed_on_the_first(void)
{
    for (unsigned k = 0; k < N; k++)
        if (word_of(k).agreed < 1)
            return false;
    return true;
}

/* What a node has stored of LAST's first dispersal. */
static unsigned stored_of_the_first(const struct member *m)
{
    static const unsigned tables[] = {TABLE_INSTANCES, TABLE_CHUNKS, TABLE_BLOCKS};
    uint8_t key[RECORD_KEY_SIZE];
    struct store_view *view;
    struct slice value;
    unsigned count = 0;
    driver_instance_key(key, 1, LAST);
    assert_int_equal(store_view_open(m->store, &view), 0);
    for (unsigned t = 0; t < 3; t++)
        count += store_view_get(view, tables[t], slice_of(key, sizeof key), &value) == 0;
    store_view_close(view);
    return count;
}

/* Everything is executed, once, by all; nothing of LAST's first block, nor anything linked. It is
 * forgotten, and nobody waits for it or asks about it. */
static void expect_the_first_never_delivered(void)
{
    cluster_until(all_executed, 4000);
    cluster_run(100);
    expect_one_ledger();
    expect_no_faults();
    const struct member *m = &cluster.members[0];
    assert_int_equal(m->id_count, cluster.submitted);
    for (unsigned k = 0; k < m->height; k++) {
        assert_int_equal(m->ledger[k].epoch, m->ledger[k].with_epoch);
        assert_false(m->ledger[k].epoch == 1 && m->ledger[k].proposer == LAST);
    }
    for (unsigned k = 0; k < N; k++) {
        assert_true(view_of(k).quiet);
        assert_int_equal(node_of(k)->instances.got_open[LAST], 0);
        assert_null(instance_find(node_of(k), 1, LAST));
        assert_int_equal(stored_of_the_first(&cluster.members[k]), 0);
    }
    watched.wants = 0;
    cluster.away = nodeset_full(2); /* The others wait for them, and ask again. */
    submit(LAST);
    cluster_run(200);
    assert_int_equal(watched.wants, 0);
}

static void in_hb_a_rejected_block_is_proposed_again(void **state)
{
    (void)state;
    open_cluster(MODE_HB, false);
    watched.no_chunks = true;
    submit(0);
    submit(LAST);
    expect_the_first_never_delivered();
    assert_int_equal(watched.requests, 0);
    assert_true(view_of(0).given_up > 0);
}

/* More rejected ones than a proposer may have open: each frees its place. */
static void in_hb_a_proposer_is_rejected_as_often_as_it_likes(void **state)
{
    (void)state;
    open_cluster(MODE_HB, false);
    for (unsigned k = 0; k < 3 * OPEN_DISPERSALS; k++) {
        nodeset_add(&cluster.away, LAST); /* Meets nobody with its chunks, ... */
        submit(LAST);
        submit(0);
        cluster_run(20);
        nodeset_remove(&cluster.away, LAST); /* ... and finds its epoch agreed. */
        cluster_until(all_executed, 4000);
    }
    assert_true(view_of(LAST).given_up > 2 * OPEN_DISPERSALS);
    assert_int_equal(cluster.members[LAST].id_count, cluster.submitted);
    expect_one_ledger();
    expect_no_faults();
}

static void in_hb_a_rejected_block_is_proposed_again_after_a_restart(void **state)
{
    (void)state;
    for (unsigned rounds = 1; rounds < 60; rounds++) {
        open_cluster(MODE_HB, false);
        watched.no_chunks = true;
        submit(0);
        submit(LAST);
        cluster_run(rounds);
        member_crash(&cluster.members[LAST]);
        cluster_run(5);
        member_open(&cluster.members[LAST]);
        expect_the_first_never_delivered();
    }
}

static bool executed_at_last(void)
{
    return cluster.members[LAST].executed_ids == cluster.submitted;
}

static void in_hb_what_was_rejected_is_not_open_again_after_a_restart(void **state)
{
    (void)state;
    open_cluster(MODE_HB, false);
    watched.no_chunks = true;
    nodeset_add(&cluster.lagging, 1); /* So that nothing is pruned. */
    submit(0);
    submit(LAST);
    cluster_until(executed_at_last, 400);
    assert_true(stored_of_the_first(&cluster.members[LAST]) > 0);
    member_crash(&cluster.members[LAST]);
    member_open(&cluster.members[LAST]);
    assert_int_equal(node_of(LAST)->proposing.own_open, 0);
    assert_int_equal(node_of(LAST)->instances.got_open[LAST], 0);
    nodeset_remove(&cluster.lagging, 1);
    expect_the_first_never_delivered();
}

/* The first block of LAST completes after it was rejected, before anything is delivered. */
static void complete_the_rejected(void)
{
    watched.no_chunks = watched.no_pieces = true;
    submit(0);
    submit(LAST);
    cluster_until(all_agreed_on_the_first, 400);
    watched.no_chunks = false;
    cluster_run(100);
    struct hash root;
    assert_true(node_completed(node_of(0), 1, LAST, &root));
    assert_int_equal(view_of(0).height, 0);
    watched.no_pieces = false;
}

static void in_hb_what_was_rejected_is_not_fetched(void **state)
{
    (void)state;
    open_cluster(MODE_HB, false);
    complete_the_rejected();
    expect_the_first_never_delivered();
    assert_int_equal(watched.requests, 0);
}

static void but_it_is_if_all_is_to_be_fetched(void **state)
{
    (void)state;
    open_cluster(MODE_HB, true);
    complete_the_rejected();
    expect_the_first_never_delivered();
    assert_true(watched.requests >= (N - 1) * (N - 1));
}

static void nor_is_it_when_all_have_dropped_it(void **state)
{
    (void)state;
    open_cluster(MODE_HB, true);
    watched.none_of_the_first = true;
    complete_the_rejected();
    expect_the_first_never_delivered();
}

/* Our own block is coded, a chunk checked, a block decoded, when its epoch is over everywhere. */
static void in_hb_what_is_worked_on_too_late_comes_to_nothing(void **state)
{
    (void)state;
    static const enum work_kind kinds[] = {WORK_ENCODE, WORK_CHECK, WORK_DECODE};
    for (unsigned k = 0; k < 3; k++) {
        open_cluster(MODE_HB, true);
        watched.holds = true;
        watched.held = kinds[k];
        if (kinds[k] == WORK_DECODE) {
            nodeset_add(&cluster.lagging, 1); /* Nothing is dropped before it is decoded. */
            complete_the_rejected();
            cluster_run(100);
            nodeset_remove(&cluster.lagging, 1);
        } else {
            watched.chunk_for_one = true;
            submit(0);
            submit(LAST);
        }
        cluster_run(200);
        assert_true(watched.held_back >= 100);
        watched.released = true;
        expect_the_first_never_delivered();
    }
}

/* LAST can fetch nothing, while the others order. Returns how far it went on proposing. */
static epoch_id proposed_without_fetching(enum node_mode mode)
{
    open_cluster(mode, false);
    watched.none_for_last = true;
    for (unsigned k = 0; k < 20; k++) {
        submit(k % N);
        cluster_run(20);
    }
    const struct node_view v = view_of(LAST);
    assert_true(v.word.agreed > 5);
    assert_int_equal(v.delivering, 1);
    watched.none_for_last = false;
    cluster_until(all_executed, 4000);
    cluster_run(200);
    expect_one_ledger();
    expect_no_faults();
    submit(LAST); /* It proposes again. */
    cluster_until(all_executed, 400);
    assert_true(view_of(LAST).proposed > v.word.agreed);
    return v.proposed;
}

static void in_step_a_node_proposes_only_when_all_before_is_here(void **state)
{
    (void)state;
    assert_int_equal(proposed_without_fetching(MODE_HB_LINK), 1);
    assert_int_equal(proposed_without_fetching(MODE_HB), 1);
    assert_true(proposed_without_fetching(MODE_DL) > 5);
    assert_true(proposed_without_fetching(MODE_DL_COUPLED) > 5);
}

/* Fetched when the epoch is agreed, not when the dispersal completes. */
static void in_step_nothing_is_fetched_before_the_decision(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < MODES; mode++) {
        open_cluster((enum node_mode)mode, false);
        submit(LAST);
        struct hash root;
        for (unsigned rounds = 0; !node_completed(node_of(0), 1, LAST, &root); rounds++) {
            assert_true(rounds < 100);
            cluster_round();
        }
        assert_int_equal(word_of(0).agreed, 0);
        cluster_round(); /* What it sent is looked at as it is sent. */
        assert_int_equal(watched.requests > 0, mode == MODE_DL || mode == MODE_DL_COUPLED);
        cluster_until(all_executed, 400);
        assert_true(watched.requests > 0);
    }
}

static unsigned waiting_at(unsigned k)
{
    const struct member *m = &cluster.members[k];
    unsigned count = 0;
    for (unsigned t = 0; t < m->pool_count; t++)
        count += m->pool[t].marked == 0;
    return count;
}

/* LAST executes nothing, and has one transaction more each time that all have ordered one. */
static unsigned left_while_behind(enum node_mode mode)
{
    open_cluster(mode, false);
    nodeset_add(&cluster.lagging, LAST);
    for (unsigned k = 0; k < 20; k++) {
        submit(0);
        submit(LAST);
        cluster_run(20);
    }
    const unsigned waiting = waiting_at(LAST);
    const epoch_id proposed = view_of(LAST).proposed;
    assert_true(word_of(LAST).agreed > 10);
    assert_true(proposed + 1 >= word_of(LAST).agreed); /* It takes part. */
    assert_int_equal(waiting_at(0), 0);
    nodeset_remove(&cluster.lagging, LAST);
    cluster_until(all_executed, 4000);
    assert_int_equal(waiting_at(LAST), 0);
    cluster_run(100);
    expect_one_ledger();
    return waiting;
}

static void coupled_blocks_are_empty_while_their_proposer_is_behind(void **state)
{
    (void)state;
    assert_int_equal(left_while_behind(MODE_DL), 0);
    assert_true(left_while_behind(MODE_DL_COUPLED) >= 15);
}

/* All are behind: the cluster falls silent, executes, and goes on. */
static void coupled_nodes_that_are_all_behind_go_on(void **state)
{
    (void)state;
    open_cluster(MODE_DL_COUPLED, false);
    cluster.lagging = nodeset_full(N);
    for (unsigned k = 0; k < 20; k++) {
        submit(k % N);
        cluster_run(20);
    }
    const epoch_id agreed = word_of(0).agreed;
    assert_in_range(agreed, COUPLED_LAG + 1, COUPLED_LAG + 2);
    cluster.lagging = (struct nodeset){0};
    cluster_until(all_executed, 400);
    expect_one_ledger();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(in_hb_a_rejected_block_is_proposed_again),
        CORE_TEST(in_hb_a_proposer_is_rejected_as_often_as_it_likes),
        CORE_TEST(in_hb_a_rejected_block_is_proposed_again_after_a_restart),
        CORE_TEST(in_hb_what_was_rejected_is_not_open_again_after_a_restart),
        CORE_TEST(in_hb_what_was_rejected_is_not_fetched),
        CORE_TEST(but_it_is_if_all_is_to_be_fetched),
        CORE_TEST(nor_is_it_when_all_have_dropped_it),
        CORE_TEST(in_hb_what_is_worked_on_too_late_comes_to_nothing),
        CORE_TEST(in_step_a_node_proposes_only_when_all_before_is_here),
        CORE_TEST(in_step_nothing_is_fetched_before_the_decision),
        CORE_TEST(coupled_blocks_are_empty_while_their_proposer_is_behind),
        CORE_TEST(coupled_nodes_that_are_all_behind_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
