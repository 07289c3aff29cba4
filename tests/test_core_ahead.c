/* How far ordering may be ahead of execution. */
#include "tests/core_liar.h"

enum {
    N = 4,
    HORIZON = 1000,
    LAG_MS = 500,
    SETTLED = 20,
    SUBMITTED = 100,
    EPOCH_ROUNDS = 20,
    EPOCHS_TARGET = 40,
    LARGE = 60000,
    LARGE_A_BLOCK = 8,
};

static void open_cluster(void)
{
    lag_target_ms = LAG_MS;
    executes_through = UINT64_MAX;
    cluster_open(N, HORIZON);
}

/* One epoch after the other, with a transaction each. */
static void submit_to(unsigned nodes, unsigned count)
{
    for (unsigned k = 0; k < count; k++) {
        submit(k % nodes);
        cluster_run(EPOCH_ROUNDS);
    }
}

static void submit_some(unsigned count) { submit_to(N, count); }

static uint64_t agreed(void) { return word_of(0).agreed; }

static void lag(unsigned first)
{
    for (unsigned k = first; k < N; k++)
        nodeset_add(&cluster.lagging, k);
}

static void expect_all_is_executed(void)
{
    cluster.lagging = (struct nodeset){0};
    cluster_until(all_executed, 4000);
    cluster_run(100);
    expect_one_ledger();
    expect_no_faults();
}

/* f nodes alone may be lying: they keep up, and nothing more is ordered. */
static void ordering_waits_while_only_f_execute(void **state)
{
    (void)state;
    open_cluster();
    submit_some(SETTLED);
    lag(1);
    const uint64_t before = agreed();
    submit_some(SUBMITTED);
    assert_in_range(agreed() - before, WINDOW, SUBMITTED / 2);
    assert_true(node_of(0)->ahead.far && node_of(1)->ahead.far);
    const uint64_t stopped = agreed();
    submit_some(SETTLED);
    assert_int_equal(agreed(), stopped);
    expect_all_is_executed();
    assert_false(node_of(0)->ahead.far);
}

/* ... nor is anything for the sake of a checkpoint, which would be the more to execute. */
static void ordering_waits_with_checkpoints_too(void **state)
{
    checkpoint_epochs = HORIZON / 2;
    checkpoint_delay_ms = EPOCH_ROUNDS * ROUND_MS;
    ordering_waits_while_only_f_execute(state);
    checkpoint_epochs = 0;
    checkpoint_delay_ms = UINT32_MAX;
}

/* A transaction every `gap` rounds: epochs agreed in so many rounds. */
static unsigned epochs_at(unsigned gap, unsigned rounds)
{
    const uint64_t before = agreed();
    for (unsigned k = 0; k < rounds; k += gap) {
        submit(k / gap % N);
        cluster_run(gap);
    }
    return (unsigned)(agreed() - before);
}

static unsigned epochs_in(unsigned rounds) { return epochs_at(2, rounds); }

/* Each epoch is work for execution beside that of its transactions. */
static void who_cannot_keep_up_makes_fewer_and_larger_blocks(void **state)
{
    enum { ROUNDS = 400, DELAY_ROUNDS = 40 };
    (void)state;
    lag_target_ms = 0;
    block_delay_ms = DELAY_ROUNDS * ROUND_MS;
    cluster_open(N, HORIZON);
    const unsigned fast = epochs_in(ROUNDS);
    assert_true(fast > 3 * ROUNDS / DELAY_ROUNDS);
    lag(0);
    cluster_run(4 * DELAY_ROUNDS);
    (void)epochs_in(2 * DELAY_ROUNDS); /* In which they come to be behind. */
    assert_in_range(epochs_in(4 * DELAY_ROUNDS), 3, 5);
    while (agreed() < word_of(0).executed + 8 * PROPOSE_STRETCH_MAX)
        (void)epochs_at(DELAY_ROUNDS / 4, DELAY_ROUNDS); /* Far behind: the delay is the longest. */
    assert_in_range(epochs_at(DELAY_ROUNDS / 4, 4 * PROPOSE_STRETCH_MAX * DELAY_ROUNDS), 3, 5);
    cluster.lagging = (struct nodeset){0};
    cluster_until(all_executed, 4000);
    assert_true(epochs_in(ROUNDS) > 3 * ROUNDS / DELAY_ROUNDS);
    block_delay_ms = 20;
    expect_all_is_executed();
}

/* The slowest N-f-1 are not waited for: they fall behind in downloading alone, though no epoch
 * is agreed without some of them. */
static void ordering_goes_on_while_f_plus_1_execute(void **state)
{
    (void)state;
    open_cluster();
    submit_some(SETTLED);
    lag(2);
    const uint64_t before = agreed();
    submit_to(2, SUBMITTED);
    assert_true(agreed() - before >= SUBMITTED);
    assert_false(node_of(0)->ahead.far || node_of(3)->ahead.far);
    expect_all_is_executed();
}

/* What was executed in the last lag_target is what may wait: 40 epochs of one transaction here. */
static void as_much_may_wait_as_was_executed_in_the_lag_target(void **state)
{
    (void)state;
    lag_target_ms = EPOCHS_TARGET * EPOCH_ROUNDS * ROUND_MS;
    cluster_open(N, HORIZON);
    cluster.transaction_size = 1000;
    submit_some(2 * EPOCHS_TARGET);
    const uint64_t rank = word_of(0).executed;
    lag(0);
    submit_some(EPOCHS_TARGET / 2);
    assert_false(node_of(0)->ahead.far);
    submit_some(SUBMITTED);
    /* Nothing is executed meanwhile: the two meet half way. */
    assert_in_range(word_of(0).agreed - rank, EPOCHS_TARGET / 2, EPOCHS_TARGET / 2 + WINDOW / 2);
    expect_all_is_executed();
}

static void submit_large_to_all(void)
{
    for (unsigned k = 0; k < N * LARGE_A_BLOCK; k++)
        submit(k % N);
}

/* As many epochs as are in flight may always wait, but not if they are large: 1.9 MB here. */
static void of_large_epochs_fewer_may_wait(void **state)
{
    (void)state;
    open_cluster();
    submit_some(SETTLED);
    lag(1);
    cluster.transaction_size = LARGE;
    const uint64_t before = word_of(1).executed;
    for (unsigned k = 0; k < 2 * WINDOW; k++) {
        submit_large_to_all();
        cluster_run(EPOCH_ROUNDS);
    }
    assert_true(node_of(0)->ahead.far);
    assert_in_range(agreed() - before, 2, WINDOW / 2);
    expect_all_is_executed();
}

static bool is_of_a_dispersal(const struct post *p, struct message *m)
{
    (void)p;
    return m->kind != MESSAGE_VOTES;
}

static bool loses_votes_of_agreements(struct post *p)
{
    if (p->lane == DRIVER_VOTES)
        keep_sections(p, is_of_a_dispersal);
    return true;
}

/* What has completed will be ordered: it is not waited for that it is. */
static void what_has_completed_counts_before_it_is_agreed(void **state)
{
    (void)state;
    open_cluster();
    cluster.transaction_size = LARGE;
    cluster.passes = loses_votes_of_agreements;
    for (unsigned k = 0; k < WINDOW; k++) {
        submit_large_to_all();
        cluster_run(EPOCH_ROUNDS / 2);
    }
    assert_int_equal(agreed(), 0);
    assert_true(node_of(0)->ahead.far);
    cluster.passes = NULL;
    expect_all_is_executed();
}

static uint64_t counted_by(unsigned k, epoch_id e)
{
    const struct epoch_bytes *b = &node_of(k)->ahead.epochs[e % AHEAD_EPOCHS];
    return b->epoch == e ? b->bytes : 0;
}

static uint64_t counted(epoch_id e) { return counted_by(0, e); }

enum { LIAR = N - 1 };

static bool has_one_of_the_liar(void) { return node_of(0)->instances.got_open[LIAR] > 0; }
static bool has_none_of_the_liar(void) { return !has_one_of_the_liar(); }

/* The liar says the rest itself. */
static void open_with_a_liar(void)
{
    open_cluster();
    member_crash(&cluster.members[LIAR]);
    submit_to(LIAR, SETTLED);
    liar_word.first_unsealed = word_of(0).first_unsealed;
}

/* What a liar sends to too few to be ordered never has to be executed. */
static void what_is_only_begun_does_not_count(void **state)
{
    struct dispersal d;
    (void)state;
    open_with_a_liar();
    const epoch_id e = agreed() + WINDOW / 2;
    dispersal_make(&d, e, e, NO_LIE);
    dispersal_send(&d, LIAR, 0);
    cluster_until(has_one_of_the_liar, 20);
    cluster_run(2);
    assert_int_equal(counted(e), 0);
    dispersal_send(&d, LIAR, 1);
    dispersal_send(&d, LIAR, 2);
    cluster_until(has_none_of_the_liar, 40);
    assert_true(counted(e) >= LIAR_BLOCK_BYTES);
    cluster_until(all_executed, 4000);
}

/* ... nor is what it sent to some of another block any part of what is ordered. */
static void what_is_of_another_block_does_not_count(void **state)
{
    struct dispersal d, other;
    (void)state;
    open_with_a_liar();
    const epoch_id e = agreed() + WINDOW / 2;
    dispersal_make(&d, e, e, NO_LIE);
    dispersal_make(&other, e, e + 1, NO_LIE);
    dispersal_send(&other, LIAR, 0);
    cluster_until(has_one_of_the_liar, 20);
    for (node_id to = 0; to < LIAR; to++)
        dispersal_got(&d, LIAR, to);
    dispersal_send(&d, LIAR, 1);
    dispersal_send(&d, LIAR, 2);
    cluster_until(has_none_of_the_liar, 40);
    cluster_until(all_executed, 4000);
    assert_in_range(counted_by(1, e) - counted(e), LIAR_BLOCK_BYTES, 2 * LIAR_BLOCK_BYTES);
}

static epoch_id late_epoch;

static bool late_one_completed(void)
{
    return history_has(&node_of(0)->completed, late_epoch, LIAR);
}

/* What completes in an epoch that was executed long ago is executed with one that was not. */
static void what_is_to_be_linked_counts_too(void **state)
{
    struct dispersal d;
    (void)state;
    open_with_a_liar();
    late_epoch = SETTLED / 2;
    const epoch_id next = agreed() + 1;
    assert_true(node_of(0)->ahead.rank > late_epoch);
    assert_int_equal(counted(next), 0);
    dispersal_make(&d, late_epoch, late_epoch, NO_LIE);
    for (node_id to = 0; to < LIAR; to++)
        dispersal_send(&d, LIAR, to);
    cluster_until(late_one_completed, 40);
    assert_true(counted(next) >= LIAR_BLOCK_BYTES);
    cluster_until(all_executed, 4000);
}

static bool is_not_for_0_to_execute(struct post *p)
{
    return p->to != 0 || p->lane != DRIVER_RETRIEVAL;
}

/* ... but not a chunk that comes when f+1 have executed what it is of. */
static void what_comes_too_late_does_not_count(void **state)
{
    struct dispersal d;
    (void)state;
    open_with_a_liar();
    const epoch_id e = agreed() + 1;
    dispersal_make(&d, e, e, NO_LIE);
    for (node_id to = 0; to < LIAR; to++)
        dispersal_got(&d, LIAR, to);
    dispersal_send(&d, LIAR, 1);
    dispersal_send(&d, LIAR, 2);
    cluster.passes = is_not_for_0_to_execute;
    submit_to(LIAR, SETTLED / 2);
    assert_true(history_has(&node_of(0)->completed, e, LIAR));
    assert_true(node_of(0)->ahead.rank > e);
    const epoch_id next = agreed() + 1;
    const uint64_t before = counted(next);
    dispersal_send(&d, LIAR, 0);
    cluster_run(4);
    assert_int_equal(counted(next), before);
    cluster.passes = NULL;
    cluster_until(all_executed, 4000);
}

/* Transactions of a node that are in blocks of its own. */
static unsigned carried_by(unsigned k)
{
    const struct member *m = &cluster.members[k];
    unsigned carried = 0;
    for (unsigned i = 0; i < m->pool_count; i++)
        carried += m->pool[i].marked != 0;
    return carried;
}

/* It makes full blocks whatever is behind, faster than they are executed: no more is left for the others
 * than one transaction each time that their last is executed, but that is. */
static void who_is_never_held_back_does_not_have_all_to_itself(void **state)
{
    enum { GREEDY = N - 1, TURNS = 80, FAR = 20 };
    unsigned before[GREEDY];
    (void)state;
    open_cluster();
    submit_some(SETTLED);
    member_crash(&cluster.members[GREEDY]);
    lag_target_ms = 0;
    member_open(&cluster.members[GREEDY]);
    cluster_until(all_executed, 400);
    cluster.transaction_size = LARGE;
    executes_through = agreed();
    for (unsigned turn = 0; turn < TURNS; turn++) {
        for (unsigned k = 0; turn == FAR && k < GREEDY; k++)
            before[k] = carried_by(k);
        executes_through += turn % 2;
        for (unsigned k = 0; k < LARGE_A_BLOCK; k++)
            submit(GREEDY);
        submit(turn % GREEDY);
        cluster_run(EPOCH_ROUNDS);
        assert_true(turn < FAR || node_of(turn % GREEDY)->ahead.far);
    }
    for (unsigned k = 0; k < GREEDY; k++)
        assert_in_range(carried_by(k) - before[k], 1, 4);
    executes_through = UINT64_MAX;
    expect_all_is_executed();
}

/* With execution as fast as ordering, but for one epoch of so many. */
static void go_on_slower(unsigned epochs, unsigned but_one_of)
{
    for (unsigned k = 0; k < epochs; k++) {
        executes_through += k % but_one_of != but_one_of - 1;
        submit(k % (N - 1));
        cluster_run(EPOCH_ROUNDS);
        for (unsigned j = 0; j < N; j++)
            assert_false(cluster.members[j].up && node_of(j)->ahead.far);
    }
}

static void go_on_behind(unsigned epochs) { go_on_slower(epochs, epochs + 1); }

/* How much it was that is executed after a restart nobody there knows, be it that it was away for
 * a while, and of as much has no chunk. */
static void restart_after(unsigned away)
{
    enum { BEHIND = 5 * EPOCHS_TARGET / 8, SLOWER = 4 };
    lag_target_ms = EPOCHS_TARGET * EPOCH_ROUNDS * ROUND_MS;
    cluster_open(N, HORIZON);
    cluster.transaction_size = 10000;
    submit_some(2 * EPOCHS_TARGET);
    executes_through = agreed();
    go_on_slower(BEHIND * SLOWER, SLOWER); /* So many epochs behind. */
    go_on_behind(EPOCHS_TARGET);
    member_crash(&cluster.members[N - 1]);
    go_on_behind(away);
    member_open(&cluster.members[N - 1]);
    go_on_behind(2 * EPOCHS_TARGET);
    executes_through = UINT64_MAX;
    expect_all_is_executed();
}

static void who_restarts_is_not_held_back_by_what_it_does_not_know(void **state)
{
    (void)state;
    restart_after(0);
    restart_after(EPOCHS_TARGET / 2);
    restart_after(2 * EPOCHS_TARGET);
}

static void without_a_target_ordering_never_waits(void **state)
{
    (void)state;
    lag_target_ms = 0;
    block_delay_ms = EPOCH_ROUNDS * ROUND_MS / PROPOSE_STRETCH_MAX;
    cluster_open(N, HORIZON);
    block_delay_ms = 20;
    lag(0);
    submit_some(SUBMITTED);
    assert_true(agreed() >= SUBMITTED);
    expect_all_is_executed();
}

static struct word told;

static bool liar_is_ahead_or_behind(struct post *p)
{
    struct writer w = writer_of(p->bytes, p->size);
    if (p->from == 3)
        message_header_encode(&w, &cluster.chain, &told);
    return true;
}

/* f liars who say that they have executed nothing, or all. */
static void liars_neither_stop_it_nor_make_it_run_away(void **state)
{
    (void)state;
    open_cluster();
    submit_some(SETTLED);
    cluster.passes = liar_is_ahead_or_behind;
    told = (struct word){1, 0, 0};
    uint64_t before = agreed();
    submit_some(SUBMITTED);
    assert_true(agreed() - before >= SUBMITTED);
    told = (struct word){1000001, 1000000, 1000000};
    nodeset_add(&cluster.lagging, 0);
    nodeset_add(&cluster.lagging, 1);
    nodeset_add(&cluster.lagging, 2);
    before = agreed();
    submit_some(SUBMITTED);
    assert_in_range(agreed() - before, WINDOW, SUBMITTED / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(ordering_waits_while_only_f_execute),
        CORE_TEST(ordering_waits_with_checkpoints_too),
        CORE_TEST(who_cannot_keep_up_makes_fewer_and_larger_blocks),
        CORE_TEST(ordering_goes_on_while_f_plus_1_execute),
        CORE_TEST(as_much_may_wait_as_was_executed_in_the_lag_target),
        CORE_TEST(of_large_epochs_fewer_may_wait),
        CORE_TEST(what_has_completed_counts_before_it_is_agreed),
        CORE_TEST(what_is_only_begun_does_not_count),
        CORE_TEST(who_is_never_held_back_does_not_have_all_to_itself),
        CORE_TEST(who_restarts_is_not_held_back_by_what_it_does_not_know),
        CORE_TEST(what_is_of_another_block_does_not_count),
        CORE_TEST(what_is_to_be_linked_counts_too),
        CORE_TEST(what_comes_too_late_does_not_count),
        CORE_TEST(without_a_target_ordering_never_waits),
        CORE_TEST(liars_neither_stop_it_nor_make_it_run_away),
    };
    return cmocka_run_group_tests_name("core ahead", tests, NULL, NULL);
}
