/* Nodes that are away and dispersals that are late: what completed is delivered, once, in one
 * place everywhere, and everyone goes on. */
#include "tests/core_liar.h"

enum { N = 4, LATE = 3, HORIZON = 100000 };

static epoch_id sealed_by_others(void)
{
    epoch_id least = UINT64_MAX;
    for (unsigned k = 0; k < cluster.quorum.n; k++)
        if (k != LATE && word_of(k).first_unsealed < least)
            least = word_of(k).first_unsealed;
    return least - 1;
}

/* The others order until they have sealed `epochs` more, each with a transaction now and then. */
static void go_on_without(unsigned epochs)
{
    const epoch_id until = sealed_by_others() + epochs;
    for (unsigned round = 0; sealed_by_others() < until; round++) {
        assert_true(round < 100 * epochs);
        if (round % 16 == 0)
            submit(round / 16 % 3);
        cluster_round();
    }
}

static bool idle(void)
{
    for (unsigned k = 0; k < cluster.quorum.n; k++) {
        struct node_view v;
        node_view(node_of(k), &v);
        if (!v.quiet)
            return false;
    }
    return all_executed();
}

/* How many entries of node 0's ledger are of this proposer and epochs first to last. */
static unsigned delivered_of(node_id proposer, epoch_id first, epoch_id last, bool linked)
{
    const struct member *m = &cluster.members[0];
    unsigned count = 0;
    for (unsigned k = 0; k < m->height; k++)
        count += m->ledger[k].proposer == proposer && m->ledger[k].epoch >= first &&
                 m->ledger[k].epoch <= last &&
                 (!linked || m->ledger[k].with_epoch > m->ledger[k].epoch);
    return count;
}

static unsigned executed_of(const uint64_t ids[], unsigned count)
{
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; k < cluster.members[0].id_count; k++)
            found += cluster.members[0].ids[k] == ids[i];
    return found;
}

/* A node disperses into the void while the others go on for `epochs`; then it is back. */
static void be_away(unsigned epochs)
{
    uint64_t its_own[3];
    submit(0);
    submit(LATE);
    cluster_until(all_executed, 400);
    nodeset_add(&cluster.away, LATE);
    const epoch_id left = word_of(LATE).first_unsealed;
    for (unsigned k = 0; k < 3; k++) { /* In blocks of different epochs. */
        submit(LATE);
        its_own[k] = cluster.submitted;
        cluster_run(12);
    }
    go_on_without(epochs);
    struct node_view alone;
    node_view(node_of(LATE), &alone);
    assert_true(alone.proposed > left);
    assert_true(word_of(LATE).first_unsealed <= left + 1);
    assert_int_equal(executed_of(its_own, 3), 0);

    nodeset_remove(&cluster.away, LATE);
    const epoch_id back = sealed_by_others();
    cluster_until(all_executed, 400); /* 2 s: what comes into its window is sent at once. */
    assert_int_equal(executed_of(its_own, 3), 3);
    /* The blocks that it dispersed alone are linked; its next is an ordinary one again. */
    assert_true(delivered_of(LATE, left, alone.proposed, true) >= 2);
    submit(LATE);
    cluster_until(idle, 4000);
    assert_true(delivered_of(LATE, back + 1, UINT64_MAX, false) > 0);
    expect_one_ledger();
    expect_no_faults();
    assert_int_equal(cluster.members[LATE].id_count, cluster.submitted);
}

static void a_node_away_for_3_epochs_catches_up_and_is_linked_again(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    be_away(3);
}

static void a_node_away_for_300_epochs_catches_up_and_is_linked_again(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    be_away(300);
}

static void a_node_away_twice_is_linked_twice(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    be_away(40);
    be_away(40);
}

/* ---- A dispersal that no agreement accepts ---- */

/* Chunks of LATE pass only when the others have sealed their epoch. */
static bool passes_late(struct post *p)
{
    if (p->from != LATE || p->lane != DRIVER_DISPERSAL)
        return true;
    struct reader r = sections_of(p);
    struct message m;
    assert_true(section_next(&r, p, &m));
    return m.kind != MESSAGE_CHUNK || m.epoch <= sealed_by_others();
}

static void what_no_agreement_ever_accepts_is_delivered_by_linking(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.passes = passes_late;
    for (unsigned round = 0; round < 400; round++) {
        if (round % 20 == 0)
            submit(round / 20 % N);
        cluster_round();
    }
    cluster_until(idle, 4000);
    expect_one_ledger();
    expect_no_faults();
    assert_int_equal(cluster.members[0].id_count, cluster.submitted);
    const unsigned linked = delivered_of(LATE, 1, UINT64_MAX, true);
    assert_int_equal(delivered_of(LATE, 1, UINT64_MAX, false), linked);
    assert_true(linked >= 5);
}

/* ---- Votes that were lost ---- */

static epoch_id lost_first, lost_last;

/* No vote on a root of these epochs comes to those that are not late. */
static bool loses_roots(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (p->to != LATE && p->lane == DRIVER_VOTES && section_next(&r, p, &m))
        if (m.kind == MESSAGE_ROOTS && m.epoch >= lost_first && m.epoch <= lost_last)
            return false;
    return true;
}

static unsigned bits, roots_of_ready;

static bool count_ready(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (p->lane == DRIVER_VOTES && section_next(&r, p, &m)) {
        bits += m.kind == MESSAGE_READY ? nodeset_count(&m.ready.proposers) : 0;
        roots_of_ready += m.kind == MESSAGE_ROOTS && m.roots.vote == VID_READY;
    }
    return true;
}

static void ready_is_said_with_a_bit(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.passes = count_ready;
    bits = roots_of_ready = 0;
    go_on_without(20);
    cluster_until(all_executed, 400);
    assert_true(bits >= 20 * (N - 1)); /* A dispersal of each, at least, by all to all. */
    assert_true(roots_of_ready <= bits / 10);
    expect_one_ledger();
}

/* Its READY is worth nothing then. */
static bool loses_got(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (p->to != LATE && p->lane == DRIVER_VOTES && section_next(&r, p, &m))
        if (m.kind == MESSAGE_ROOTS && m.roots.vote == VID_GOT && m.epoch >= lost_first &&
            m.epoch <= lost_last && below(2))
            return false;
    return true;
}

static void a_ready_whose_got_was_lost_is_asked_for_again(void **state)
{
    (void)state;
    seed = 7;
    cluster_open(N, HORIZON);
    cluster.passes = loses_got;
    lost_first = 1;
    lost_last = HORIZON;
    for (unsigned k = 0; k < 30; k++) {
        submit(k % N);
        cluster_run(10);
    }
    cluster.passes = NULL;
    cluster_until(all_executed, 1000);
    cluster_run(400); /* What is still on its way has no transactions. */
    expect_one_ledger();
}

static void votes_on_roots_that_were_lost_are_asked_for_again(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.passes = loses_roots;
    lost_first = 1;
    lost_last = 100;
    for (unsigned k = 0; k < N; k++)
        submit(k);
    cluster_run(100);
    assert_int_equal(cluster.members[0].height, 0);
    lost_last = 0;
    cluster_until(idle, 400);
    expect_one_ledger();
    expect_no_faults();
}

/* Dispersals that are older than what is asked about each time: their turn comes. LATE disperses
 * now and then while it catches up: what is incomplete is many short runs. */
static void so_are_those_of_long_ago(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    nodeset_add(&cluster.away, LATE);
    submit(LATE);
    cluster_run(20);
    go_on_without(300);
    nodeset_remove(&cluster.away, LATE);
    cluster.passes = loses_roots;
    lost_first = 140;
    lost_last = 220;
    for (unsigned k = 0; k < 60;
         k++) { /* Its chunks have come, and what was said of them was lost. */
        submit(LATE);
        cluster_run(20);
    }
    assert_true(node_of(0)->instances.got_open[LATE] > 0);
    lost_last = 0;
    cluster_until(idle, 4000);
    for (unsigned k = 0; k < N; k++)
        assert_int_equal(node_of(k)->instances.got_open[LATE], 0);
    expect_one_ledger();
    expect_no_faults();
}

enum { MANY = 7, ASKED = 6, KEPT = 240 };
static bool answered, wanted[KEPT + 1];

/* Node 0 alone, with a GOT for ASKED's dispersal of epoch `kept`, and before it those complete of
 * each proposer whose epochs are multiples of every[proposer] (0: none). */
static void open_so_far(const unsigned every[MANY], epoch_id kept)
{
    cluster_open(MANY, HORIZON);
    struct member *m = &cluster.members[0];
    const struct instance_record complete = {.complete = true}, got = {.got = true};
    assert_int_equal(store_begin(m->store), 0);
    for (epoch_id e = 1; e < kept; e++)
        for (node_id p = 0; p < MANY; p++)
            if (every[p] && e % every[p] == 0)
                assert_int_equal(records_put_instance(m->store, e, p, &complete), 0);
    assert_int_equal(records_put_instance(m->store, kept, ASKED, &got), 0);
    assert_int_equal(records_put_number(m->store, "first_unsealed", kept + 1), 0);
    assert_int_equal(store_commit(m->store), 0);
    for (unsigned k = 0; k < MANY; k++)
        member_crash(&cluster.members[k]);
    member_open(m);
}

static void open_with(const unsigned every[MANY]) { open_so_far(every, KEPT); }

static bool notes_answer(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (section_next(&r, p, &m)) {
        if (m.kind == MESSAGE_ROOTS && m.epoch == KEPT && p->to == 1)
            answered = m.roots.vote == VID_GOT && m.roots.entries.data[0] == ASKED;
        for (unsigned k = 0;
             m.kind == MESSAGE_WANT_ROOTS && m.proposer == ASKED && k < m.want_roots.count; k++)
            for (epoch_id e = m.want_roots.runs[k].first; e <= m.want_roots.runs[k].last; e++)
                if (e <= KEPT)
                    wanted[e] = true;
    }
    return true;
}

static void of_one_proposer_all_is_answered_however_much_there_is_of_others(void **state)
{
    (void)state;
    open_with((const unsigned[MANY]){1, 1, 1, 1, 1, 1, 0});
    cluster.passes = notes_answer;
    answered = false;
    liar_word.first_unsealed = KEPT + 1; /* Else it is told nothing of so late an epoch. */
    const struct message want = {
        .kind = MESSAGE_WANT_ROOTS, .epoch = 1, .proposer = ASKED, .want_roots = {1, {{1, KEPT}}}};
    for (unsigned time = 0; time < 4; time++) {
        speak(1, 0, DRIVER_VOTES, &want);
        cluster_run(RETRY_MS / ROUND_MS);
    }
    assert_true(answered);
}

enum { FAR = 2300 };
static unsigned frames, roots;

/* But for that of the last epoch, which is not complete: it is told to all, asked or not. */
static bool counts_roots(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    const unsigned before = roots;
    while (p->from == 0 && section_next(&r, p, &m))
        roots += m.kind == MESSAGE_ROOTS && m.epoch < FAR ? m.roots.count : 0;
    frames += roots > before;
    return true;
}

/* What answers to several are made of is not kept until all are complete. */
static void long_answers_leave_by_and_by(void **state)
{
    (void)state;
    enum { ASKING = 5 };
    open_so_far((const unsigned[MANY]){0, 0, 0, 0, 0, 0, 1}, FAR);
    cluster.passes = counts_roots;
    frames = roots = 0;
    liar_word.first_unsealed = FAR + 1;
    const struct message want = {
        .kind = MESSAGE_WANT_ROOTS, .epoch = 1, .proposer = ASKED, .want_roots = {1, {{1, FAR}}}};
    for (node_id from = 1; from <= ASKING; from++)
        speak(from, 0, DRIVER_VOTES, &want);
    cluster_run(2);
    assert_int_equal(roots, ASKING * (FAR - 1));
    assert_in_range(frames, ASKING + 1, 2 * ASKING);
}

/* Every other one is missing: more runs than one message names. */
static void all_that_is_missing_is_asked_about_however_many_gaps_there_are(void **state)
{
    (void)state;
    open_with((const unsigned[MANY]){1, 1, 1, 1, 1, 1, 2});
    cluster.passes = notes_answer;
    memset(wanted, 0, sizeof wanted);
    cluster_run(4000);
    for (epoch_id e = 1; e <= KEPT; e++)
        if (!wanted[e] && (e % 2 || e == KEPT))
            fail_msg("epoch %u was not asked about in 20 s", (unsigned)e);
}

/* ---- The horizon ---- */

enum { SHORT = 64 };

/* Disperses a block for each epoch of its window while the others go on. */
static void lose_a_window(unsigned epochs)
{
    const uint64_t before = cluster.submitted;
    nodeset_add(&cluster.away, LATE);
    for (unsigned k = 0; k < 2 * WINDOW; k++) {
        submit(LATE);
        cluster_run(6);
    }
    struct node_view v;
    node_view(node_of(LATE), &v);
    assert_true(v.proposed >= v.word.first_unsealed + WINDOW - 2);
    cluster.submitted = before; /* Not to be waited for. */
    go_on_without(epochs);
    nodeset_remove(&cluster.away, LATE);
}

static bool last_is_executed(void)
{
    const struct member *m = &cluster.members[0];
    for (unsigned k = 0; k < m->executed_ids; k++)
        if (m->ids[k] == 1u << 20)
            return true;
    return false;
}

static int oldest_key(void *context, struct slice key, struct slice value)
{
    (void)value;
    node_id proposer;
    records_decode_key(key, context, &proposer);
    return 1;
}

/* The epoch of the first record of a table. */
static epoch_id oldest_in(unsigned member, enum consensus_table table)
{
    struct store *s = cluster.members[member].store;
    epoch_id oldest = UINT64_MAX / 2; /* There is none. */
    assert_int_equal(store_begin(s), 0);
    assert_true(store_scan(s, table, slice_of(NULL, 0), oldest_key, &oldest) >= 0);
    store_abort(s);
    return oldest;
}

/* Of what was given up nothing stays on disk once everyone has executed that far. */
static void expect_disk_bounded(void)
{
    epoch_id executed = UINT64_MAX;
    for (unsigned k = 0; k < N; k++)
        if (word_of(k).executed < executed)
            executed = word_of(k).executed;
    for (unsigned k = 0; k < N; k++) {
        assert_true(oldest_in(k, TABLE_INSTANCES) + SHORT > executed);
        assert_true(oldest_in(k, TABLE_CHUNKS) + SHORT > executed);
        assert_true(oldest_in(k, TABLE_BLOCKS) + SHORT > executed);
    }
}

/* What it dispersed into the void is too old for everyone: it is given up, and makes room for what
 * comes. Three windows of it are more than may be open. */
static void a_dispersal_past_the_horizon_is_given_up_and_its_proposer_goes_on(void **state)
{
    (void)state;
    cluster_open(N, SHORT);
    for (unsigned time = 0; time < 3; time++) {
        lose_a_window(SHORT + 2 * WINDOW);
        cluster_run(600);
        assert_true(word_of(LATE).executed + 2 * WINDOW > sealed_by_others());
    }
    cluster.submitted = (1 << 20) - 1;
    submit(LATE);
    cluster_until(last_is_executed, 4000);
    go_on_without(SHORT);
    cluster_run(600);
    expect_disk_bounded();
}

/* Dispersals that complete just before they are too old to be linked: whoever waits for them to be
 * would go on proposing for ever. */
static void a_dispersal_past_the_horizon_keeps_nobody_awake(void **state)
{
    (void)state;
    for (unsigned epochs = SHORT - 16; epochs <= SHORT; epochs += 2) {
        cluster_open(N, SHORT);
        lose_a_window(epochs);
        cluster_run(1000);
        const epoch_id quiet = sealed_by_others();
        cluster_run(400);
        if (sealed_by_others() != quiet)
            fail_msg("after %u epochs away: %u epochs in 2 s, of nothing", epochs,
                     (unsigned)(sealed_by_others() - quiet));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(a_node_away_for_3_epochs_catches_up_and_is_linked_again),
        CORE_TEST(a_node_away_for_300_epochs_catches_up_and_is_linked_again),
        CORE_TEST(a_node_away_twice_is_linked_twice),
        CORE_TEST(what_no_agreement_ever_accepts_is_delivered_by_linking),
        CORE_TEST(ready_is_said_with_a_bit),
        CORE_TEST(a_ready_whose_got_was_lost_is_asked_for_again),
        CORE_TEST(votes_on_roots_that_were_lost_are_asked_for_again),
        CORE_TEST(so_are_those_of_long_ago),
        CORE_TEST(of_one_proposer_all_is_answered_however_much_there_is_of_others),
        CORE_TEST(long_answers_leave_by_and_by),
        CORE_TEST(all_that_is_missing_is_asked_about_however_many_gaps_there_are),
        CORE_TEST(a_dispersal_past_the_horizon_is_given_up_and_its_proposer_goes_on),
        CORE_TEST(a_dispersal_past_the_horizon_keeps_nobody_awake),
    };
    return cmocka_run_group_tests_name("core linking", tests, NULL, NULL);
}
