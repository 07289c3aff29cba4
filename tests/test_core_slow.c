/* Links that are slow, and lose nothing: what is late there is on its way. */
#include "node/driver_private.h"
#include "tests/core_liar.h"

enum {
    N = 4,
    HORIZON = 1000,
    SLOW_ROUNDS = 120, /* 12 times retry_ms: that long a chunk is on its way at most. */
    EPOCHS = 60,
};

static unsigned chunks, questions;

static bool waits_for_its_time(const struct post *p)
{
    return p->lane == DRIVER_DISPERSAL && cluster.now_ms / ROUND_MS % SLOW_ROUNDS != 0;
}

static bool count_question(const struct post *p, struct message *m)
{
    (void)p;
    questions += m->kind == MESSAGE_WANT_ROOTS || m->kind == MESSAGE_WANT_VOTES;
    return true;
}

static bool count(struct post *p)
{
    chunks += p->lane == DRIVER_DISPERSAL;
    keep_sections(p, count_question);
    return true;
}

static uint64_t dispersed(void)
{
    uint64_t sum = 0;
    for (unsigned k = 0; k < N; k++) {
        struct node_view v;
        node_view(node_of(k), &v);
        sum += v.proposed;
    }
    return sum;
}

static void order_some(unsigned count)
{
    for (unsigned k = 0; k < count; k++) {
        submit(k % N);
        cluster_until(all_executed, 20 * SLOW_ROUNDS);
    }
}

/* Once it is known what dispersals take here, none is sent twice, and nothing is asked for. */
static void what_is_on_its_way_is_not_sent_again(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.waits = waits_for_its_time;
    order_some(EPOCHS);
    cluster.passes = count;
    chunks = questions = 0;
    const uint64_t before = dispersed();
    order_some(EPOCHS);
    const unsigned begun = (unsigned)(dispersed() - before);
    assert_true(begun >= EPOCHS);
    assert_in_range(chunks, begun, begun * (N - 1));
    assert_int_equal(questions, 0);
    expect_one_ledger();
    expect_no_faults();
}

/* Nor is it at first, but for once: that some say that theirs has come says that it takes so long. */
enum { SEVEN = 7, GAP_MS = 3 * RETRY_MS / 2 };

static uint64_t first_ms;

static bool one_after_the_other(const struct post *p)
{
    return p->from == 0 && p->lane == DRIVER_DISPERSAL &&
           cluster.now_ms < first_ms + p->to * GAP_MS;
}

static bool count_of_0(struct post *p)
{
    chunks += p->from == 0 && p->lane == DRIVER_DISPERSAL;
    return true;
}

/* Until the last but two have theirs. */
static void disperse_one_after_the_other(void)
{
    cluster.waits = one_after_the_other;
    cluster.passes = count_of_0;
    first_ms = cluster.now_ms;
    chunks = 0;
    submit(0);
    while (cluster.now_ms < first_ms + (SEVEN - 3) * GAP_MS)
        cluster_round();
    assert_int_equal(node_of(0)->proposing.own_open, 1);
}

static void what_some_have_is_on_its_way_to_the_others(void **state)
{
    (void)state;
    cluster_open(SEVEN, HORIZON);
    disperse_one_after_the_other();
    assert_int_equal(chunks, 2 * (SEVEN - 1));
}

/* ... but what they usually take is not put in doubt by those who take longer. */
static void who_answers_late_puts_nothing_off(void **state)
{
    (void)state;
    cluster_open(SEVEN, HORIZON);
    order_some(SEVEN);
    disperse_one_after_the_other();
    assert_true(chunks > 2 * (SEVEN - 1));
}

/* What was begun before a restart was begun nobody knows when. */
static void how_long_ago_one_from_before_a_restart_was_begun_nobody_knows(void **state)
{
    (void)state;
    cluster_open(SEVEN, HORIZON);
    disperse_one_after_the_other();
    member_crash(&cluster.members[0]);
    member_open(&cluster.members[0]);
    first_ms = cluster.now_ms - 2 * GAP_MS;
    cluster_run(RETRY_MS / ROUND_MS);
    assert_int_equal(node_of(0)->proposing.own_open, 1);
    assert_true(node_of(0)->proposing.own[0].gots > 1);
    assert_in_range(node_of(0)->proposing.doubt_ms, RETRY_MS, 2 * RETRY_MS);
}

/* ... large ones neither, with small ones between them that take no time. */
static bool large_ones_wait(const struct post *p)
{
    return p->size > 2000 && waits_for_its_time(p);
}

static void order_now_and_then_a_large_one(unsigned count)
{
    enum { EVERY = 5 };
    for (unsigned k = 0; k < count; k++) {
        cluster.transaction_size = k % EVERY == 0 ? 20000 : 8;
        submit(k % N);
        cluster_until(all_executed, 20 * SLOW_ROUNDS);
    }
}

static void how_long_a_large_one_takes_small_ones_do_not_say(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.waits = large_ones_wait;
    order_now_and_then_a_large_one(2 * EPOCHS);
    cluster.passes = count;
    chunks = 0;
    const uint64_t before = dispersed();
    order_now_and_then_a_large_one(2 * EPOCHS);
    assert_in_range(chunks, 1, (dispersed() - before) * (N - 1));
    expect_one_ledger();
}

/* While things go on, and it is doubted whether what is missing is lost, nobody is asked. */
static void while_things_go_on_nothing_is_asked_for(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    order_some(N);
    cluster.passes = count;
    questions = 0;
    for (unsigned round = 0; round < 1000; round++) {
        for (unsigned k = 0; k < N; k++)
            cluster.members[k].driver->node->proposing.doubt_ms = 1000 * ROUND_MS;
        submit(round % N);
        cluster_round();
    }
    assert_int_equal(questions, 0);
    cluster_until(all_executed, 1000);
    expect_one_ledger();
}

/* ... but for what holds up all that comes after it. */
static epoch_id lost_epoch;
static enum message_kind lost_kind;

static bool is_not_lost(const struct post *p, struct message *m)
{
    return p->to != 3 || m->kind != lost_kind || m->epoch != lost_epoch;
}

static bool loses_one(struct post *p)
{
    if (p->lane == DRIVER_VOTES && lost_epoch != 0)
        keep_sections(p, is_not_lost);
    return true;
}

static void lose_and_ask(enum message_kind kind)
{
    cluster_open(N, HORIZON);
    order_some(N);
    lost_kind = kind;
    lost_epoch = word_of(0).agreed + 5;
    const epoch_id held = lost_epoch;
    cluster.passes = loses_one;
    unsigned late = 0; /* Rounds since the votes of others would be answered. */
    for (unsigned round = 0; cluster.members[3].executed < held; round++) {
        for (unsigned k = 0; k < N; k++)
            cluster.members[k].driver->node->proposing.doubt_ms = 1000 * ROUND_MS;
        cluster.members[3].driver->node->progress++; /* A liar sees to it that something comes. */
        if (cluster.submitted < cluster.members[0].executed_ids + 4)
            submit(round % 3);
        cluster_round();
        if (word_of(0).agreed >= held + 2)
            lost_epoch = 0;
        late += lost_epoch == 0;
        assert_true(late < 60);
    }
    assert_true(late > 0);
    cluster.passes = NULL;
    cluster_until(all_executed, 1000);
    expect_one_ledger();
}

static void what_holds_up_the_rest_is_asked_for_meanwhile(void **state)
{
    (void)state;
    lose_and_ask(MESSAGE_ROOTS);
    lose_and_ask(MESSAGE_VOTES);
}

/* Of many epochs one hears no roots, and agrees on them by what the others vote. */
enum { MISSED = 24 };

static bool is_no_root(const struct post *p, struct message *m)
{
    return p->to != 3 || (m->kind != MESSAGE_ROOTS && m->kind != MESSAGE_READY);
}

static bool loses_roots(struct post *p)
{
    if (p->lane == DRIVER_VOTES)
        keep_sections(p, is_no_root);
    return true;
}

static unsigned rounds_until(epoch_id executed)
{
    unsigned rounds = 0;
    for (; cluster.members[3].executed < executed; rounds++) {
        for (unsigned k = 0; k < N; k++)
            cluster.members[k].driver->node->proposing.doubt_ms = 1000 * ROUND_MS;
        if (cluster.submitted < cluster.members[0].executed_ids + 4)
            submit(rounds % 3);
        cluster_round();
        assert_true(rounds < 60 * MISSED);
    }
    return rounds;
}

static void what_was_missed_of_many_epochs_is_asked_for_together(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    order_some(N);
    const epoch_id before = cluster.members[3].executed;
    cluster.passes = loses_roots;
    while (word_of(3).agreed < before + MISSED) {
        if (cluster.submitted < cluster.members[0].executed_ids + 4)
            submit((unsigned)(cluster.submitted % 3));
        cluster_round();
    }
    assert_true(cluster.members[3].executed < before + MISSED / 3);
    cluster.passes = NULL;
    assert_in_range(rounds_until(before + MISSED), 1, 700); /* One after the other it takes 1200. */
    cluster_until(all_executed, 1000);
    expect_one_ledger();
}

/* What is said soon after something was said leaves with what follows it. */
static uint64_t said_ms[N][N];
static unsigned frames, close_frames;

static bool count_frames(struct post *p)
{
    if (p->lane != DRIVER_VOTES)
        return true;
    frames++;
    const struct proposing *own = &node_of(p->from)->proposing;
    const uint32_t takes_ms = own->usual_ms > 0 ? own->usual_ms : own->doubt_ms / 2;
    close_frames += cluster.now_ms < said_ms[p->from][p->to] + takes_ms / 60;
    said_ms[p->from][p->to] = cluster.now_ms;
    return true;
}

static void where_links_are_slow_votes_travel_together(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.waits = waits_for_its_time;
    cluster.passes = count_frames;
    frames = close_frames = 0;
    memset(said_ms, 0, sizeof said_ms);
    order_some(EPOCHS / 2);
    assert_true(frames > EPOCHS / 4 * N);
    assert_int_equal(close_frames, 0);
    expect_one_ledger();
}

/* A link on which a piece takes long, whoever sends it: to ask others for what is on its way would
 * only add to it. */
enum { PIECE_MS = 2 * RETRY_MS, LATE = 3 };

static uint64_t next_piece_ms;

static bool one_at_a_time(const struct post *p)
{
    if (p->to != LATE || p->lane != DRIVER_RETRIEVAL)
        return false;
    if (cluster.now_ms < next_piece_ms)
        return true;
    next_piece_ms = cluster.now_ms + PIECE_MS;
    return false;
}

static void whose_link_is_slow_asks_nobody_twice(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.waits = one_at_a_time;
    next_piece_ms = 0;
    order_some(2);
    struct node_view before, after;
    node_view(node_of(LATE), &before);
    for (unsigned k = 0; k < 60; k++) {
        submit(k % 3);
        cluster_run(4);
    }
    cluster_until(all_executed, 600 * PIECE_MS / ROUND_MS);
    node_view(node_of(LATE), &after);
    const uint64_t fetched = after.fetched - before.fetched;
    assert_true(fetched > 40);
    assert_true(after.fetch_retries - before.fetch_retries < fetched / 5);
    assert_int_equal(after.wasted_pieces, 0);
    expect_one_ledger();
}

/* Links that are thin for all, votes too, and lose nothing: an epoch takes many times retry_ms, and
 * nobody knows so at first. What is asked for and sent again meanwhile stands in the same line. */
enum { MANY = MEMBERS_MAX, BYTES_A_ROUND = 100, THIN = 4 * MANY, MOST_ROUNDS = 6000 };

static uint64_t free_ms[MANY], carried;

static bool stands_in_line(const struct post *p)
{
    if (cluster.now_ms < free_ms[p->to])
        return true;
    free_ms[p->to] = cluster.now_ms + p->size * ROUND_MS / BYTES_A_ROUND;
    return false;
}

static bool counts_bytes(struct post *p)
{
    carried += p->size;
    return true;
}

static unsigned rounds_for(unsigned count)
{
    const uint64_t goal = cluster.submitted + count;
    unsigned rounds = 0;
    carried = 0;
    for (; cluster.members[0].executed_ids < goal && rounds < MOST_ROUNDS; rounds++) {
        if (cluster.submitted < goal && cluster.submitted < cluster.members[0].executed_ids + MANY)
            submit(rounds % MANY);
        cluster_round();
    }
    return rounds;
}

static void links_that_are_thin_carry_what_is_new(void **state)
{
    (void)state;
    cluster_open(MANY, HORIZON);
    cluster.passes = counts_bytes;
    rounds_for(THIN);
    const uint64_t wide = carried;
    cluster.waits = stands_in_line;
    memset(free_ms, 0, sizeof free_ms);
    assert_in_range(rounds_for(THIN), 2 * wide / MANY / BYTES_A_ROUND, MOST_ROUNDS - 1);
    rounds_for(THIN);
    for (unsigned k = 0; k < 2; k++) {
        rounds_for(THIN);
        assert_in_range(carried, wide / 2, wide);
    }
    assert_in_range(node_of(0)->retrieval.answer_ms, 2 * RETRY_MS, 60000);
    cluster.waits = NULL; /* And when they are not thin any more, nobody waits as if they were. */
    rounds_for(THIN);
    for (unsigned k = 0; k < MANY; k++)
        assert_in_range(node_of(k)->retrieval.answer_ms, 0, RETRY_MS);
    cluster_until(all_executed, MOST_ROUNDS);
    expect_one_ledger();
}

/* ---- Outages ---- */

enum { CUT = 3, OUTAGE = 40 * RETRY_MS / ROUND_MS };

/* What is said to it and by it comes when it is over, as TCP has it. */
static bool is_cut_off(const struct post *p) { return p->to == CUT || p->from == CUT; }

static void an_outage_is_not_taken_for_a_long_line(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    order_some(4 * N);
    const struct node *cut = node_of(CUT);
    cluster.waits = is_cut_off;
    for (unsigned round = 0; round < OUTAGE; round++) {
        if (round % 8 == 0)
            submit(round / 8 % N);
        cluster_round();
    }
    cluster.waits = NULL;
    for (unsigned round = 0; !all_executed(); round++) {
        assert_true(round < OUTAGE);
        cluster_round();
        assert_in_range(cut->retrieval.answer_ms, 0, RETRY_MS);
        assert_in_range(cut->retrieval.delay_ms, 0, RETRY_MS);
    }
    expect_one_ledger();
    expect_no_faults();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(what_is_on_its_way_is_not_sent_again),
        CORE_TEST(what_some_have_is_on_its_way_to_the_others),
        CORE_TEST(who_answers_late_puts_nothing_off),
        CORE_TEST(how_long_ago_one_from_before_a_restart_was_begun_nobody_knows),
        CORE_TEST(how_long_a_large_one_takes_small_ones_do_not_say),
        CORE_TEST(while_things_go_on_nothing_is_asked_for),
        CORE_TEST(what_holds_up_the_rest_is_asked_for_meanwhile),
        CORE_TEST(what_was_missed_of_many_epochs_is_asked_for_together),
        CORE_TEST(where_links_are_slow_votes_travel_together),
        CORE_TEST(whose_link_is_slow_asks_nobody_twice),
        CORE_TEST(links_that_are_thin_carry_what_is_new),
        CORE_TEST(an_outage_is_not_taken_for_a_long_line),
    };
    return cmocka_run_group_tests_name("core slow", tests, NULL, NULL);
}
