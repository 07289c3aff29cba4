/* Blocks that wait for the delay begin at the same time everywhere. */
#include "node/driver_private.h"
#include "tests/core_liar.h"

enum { N = 4, HORIZON = 1000, EPOCHS_MAX = 256, EPOCHS = 40 };

static uint64_t begun_ms[EPOCHS_MAX][N];

static bool note_chunk(struct post *p)
{
    if (p->lane == DRIVER_DISPERSAL && p->tag >> 16 < EPOCHS_MAX &&
        begun_ms[p->tag >> 16][p->from] == 0)
        begun_ms[p->tag >> 16][p->from] = cluster.now_ms;
    return true;
}

/* They come into it one after the other. */
static void run_until_agreed(epoch_id through, unsigned rounds_apart)
{
    for (unsigned k = 0; word_of(0).agreed < through; k++) {
        for (unsigned p = 0; p < N; p++)
            if (k >= rounds_apart * p)
                submit(p);
        cluster_run(1);
        assert_true(k < 800);
    }
}

static unsigned apart(epoch_id from, epoch_id to)
{
    unsigned count = 0;
    for (epoch_id e = from; e < to; e++)
        for (unsigned p = 1; p < N; p++)
            count += begun_ms[e][p] != begun_ms[e][0];
    return count;
}

static void blocks_begin_together(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.passes = note_chunk;
    memset(begun_ms, 0, sizeof begun_ms);
    run_until_agreed(2 * EPOCHS, 2);
    assert_in_range(apart(EPOCHS, 2 * EPOCHS), 0, EPOCHS / 10);
    cluster_until(all_executed, 1000);
    expect_one_ledger();
}

/* Else all would wait for it in each epoch: it begins one of them with the one before. */
static void who_missed_a_tick_makes_up_for_it(void **state)
{
    (void)state;
    block_delay_ms = 10; /* Several epochs are in flight. */
    cluster_open(N, HORIZON);
    cluster.passes = note_chunk;
    memset(begun_ms, 0, sizeof begun_ms);
    run_until_agreed(EPOCHS, 0);
    cluster.members[3].driver->node->proposing.last_ms += 10;
    block_delay_ms = 20;
    const epoch_id missed = node_of(3)->proposing.last + 1;
    run_until_agreed(2 * EPOCHS, 0);
    assert_in_range(apart(missed, missed + 4), 4, 4 * (N - 1)); /* It did miss one. */
    run_until_agreed(3 * EPOCHS, 0);
    assert_in_range(apart(2 * EPOCHS, 3 * EPOCHS), 0, EPOCHS / 10);
    cluster_until(all_executed, 1000);
    expect_one_ledger();
}

/* The first block of an idle cluster does not wait for a tick. */
static void who_is_idle_begins_at_once(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    for (unsigned k = 0; k < 8; k++) {
        cluster_run(100 + k);
        memset(begun_ms, 0, sizeof begun_ms);
        cluster.passes = note_chunk;
        struct node_view v;
        node_view(node_of(0), &v);
        submit(0);
        cluster_run(3); /* It is taken, coded, sent. */
        struct node_view now;
        node_view(node_of(0), &now);
        assert_int_equal(now.proposed, v.proposed + 1);
        cluster_until(all_executed, 1000);
    }
}

/* A liar that is always ahead, and has nothing to say, makes no more epochs than the delay
 * allows; a cluster with something to order does not wait for it. */
static epoch_id epochs_in(unsigned rounds, bool with_transactions)
{
    static struct dispersal d;
    const epoch_id before = word_of(0).agreed;
    for (unsigned round = 0; round < rounds; round++) {
        for (node_id to = 0; to < 3; to++) {
            const epoch_id ahead = word_of(to).first_unsealed + WINDOW - 1;
            if (d.epoch != ahead)
                dispersal_make(&d, ahead, 1, NO_LIE);
            dispersal_got(&d, 3, to);
        }
        if (with_transactions && all_executed())
            submit(0);
        cluster_round();
    }
    return word_of(0).agreed - before;
}

static void a_liar_alone_hurries_nobody(void **state)
{
    (void)state;
    block_delay_ms = 200;
    cluster_open(N, HORIZON);
    block_delay_ms = 20;
    member_crash(&cluster.members[3]);
    epochs_in(400, false);                           /* At first it does. */
    assert_in_range(epochs_in(1000, false), 15, 27); /* Of 5 s, in which 25 delays pass. */
    assert_true(epochs_in(1000, true) > 60);
}

/* Nor does who has something to say, while what is ordered is too far ahead of what is executed. */
static void who_is_too_far_ahead_does_not_hurry(void **state)
{
    (void)state;
    block_delay_ms = 200;
    cluster_open(N, HORIZON);
    block_delay_ms = 20;
    member_crash(&cluster.members[3]);
    epochs_in(400, true);
    for (node_id k = 0; k < 3; k++) { /* What it carried last is executed: it may again. */
        cluster.members[k].driver->node->ahead.far = true;
        cluster.members[k].driver->node->ahead.rank = HORIZON;
    }
    const uint64_t before = cluster.members[0].executed_ids;
    assert_in_range(epochs_in(1000, true), 15, 27);
    assert_true(cluster.members[0].executed_ids > before + 5);
}

static unsigned words, others;

static bool look_at_tags(struct post *p)
{
    if (p->lane != DRIVER_VOTES)
        return true;
    const bool word = p->size == MESSAGE_HEADER_SIZE;
    words += word;
    others += !word;
    assert_int_equal(p->tag != 0, word);
    return true;
}

/* For who is away the last of them waits, and no more. */
static void bare_words_have_a_tag(void **state)
{
    (void)state;
    cluster_open(4, 1000);
    cluster.passes = look_at_tags;
    words = others = 0;
    submit(0);
    cluster_run(40 * RETRY_MS / ROUND_MS);
    assert_in_range(words, 4, 1000);
    assert_in_range(others, 4, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(blocks_begin_together),
        CORE_TEST(who_missed_a_tick_makes_up_for_it),
        CORE_TEST(who_is_idle_begins_at_once),
        CORE_TEST(a_liar_alone_hurries_nobody),
        CORE_TEST(who_is_too_far_ahead_does_not_hurry),
        CORE_TEST(bare_words_have_a_tag),
    };
    return cmocka_run_group_tests_name("core tick", tests, NULL, NULL);
}
