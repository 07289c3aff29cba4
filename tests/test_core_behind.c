/* Nodes that were down when the others spoke last, in a cluster that has nothing more to say. */
#include "tests/core_liar.h"

enum { HORIZON = 1000, LONG = 4000 };

static bool (*keeps)(const struct post *p, struct message *m);

static bool lose(struct post *p)
{
    keep_sections(p, keeps);
    return true;
}

static bool no_term_of_3_for_2(const struct post *p, struct message *m)
{
    return p->from != 3 || p->to != 2 || m->kind != MESSAGE_VOTES || m->votes.vote.type != BA_TERM;
}

/* Node 0 has sealed the epoch and 2 has only agreed on it when 3, the faulty one, falls silent. */
static void what_few_have_sealed_reaches_a_node_that_was_down(void **state)
{
    (void)state;
    cluster_open(4, HORIZON);
    cluster_run(20);
    member_crash(&cluster.members[1]);
    cluster.passes = lose;
    keeps = no_term_of_3_for_2;
    submit(0);
    cluster_run(100);
    assert_int_equal(word_of(0).first_unsealed, 2);
    assert_int_equal(word_of(2).first_unsealed, 1);
    assert_int_equal(word_of(2).agreed, 1);
    member_crash(&cluster.members[3]);
    member_open(&cluster.members[1]);
    cluster_until(all_executed, LONG);
}

static bool no_votes_of_5_and_6_on_1_for_3_and_4(const struct post *p, struct message *m)
{
    if (p->from < 5 || p->to < 3 || p->to > 4 || m->kind != MESSAGE_VOTES ||
        m->votes.vote.type == BA_BVAL)
        return true;
    nodeset_remove(&m->votes.proposers, 1);
    return !nodeset_empty(&m->votes.proposers);
}

/* Nobody has sealed it, and no f+1 have agreed: 1 and 2 have, 3 and 4 miss a vote. */
static void what_few_have_agreed_on_reaches_a_node_that_was_down(void **state)
{
    (void)state;
    cluster_open(7, HORIZON);
    cluster_run(20);
    member_crash(&cluster.members[0]);
    cluster.passes = lose;
    keeps = no_votes_of_5_and_6_on_1_for_3_and_4;
    submit(1);
    cluster_run(100);
    for (unsigned k = 1; k <= 4; k++) {
        assert_int_equal(word_of(k).first_unsealed, 1);
        assert_int_equal(word_of(k).agreed, k <= 2);
    }
    member_crash(&cluster.members[5]);
    member_crash(&cluster.members[6]);
    member_open(&cluster.members[0]);
    cluster_until(all_executed, LONG);
}

static bool no_roots_of_epoch_1_for_2(const struct post *p, struct message *m)
{
    return p->to != 2 || m->epoch != 1 || (m->kind != MESSAGE_ROOTS && m->kind != MESSAGE_READY);
}

/* Of its own dispersal in epoch 1. */
static void speak_root_of(node_id from, enum vid_vote vote, const struct hash *root, node_id to)
{
    uint8_t entry[1 + HASH_SIZE] = {(uint8_t)from};
    memcpy(entry + 1, root->bytes, HASH_SIZE);
    const struct message m = {
        .kind = MESSAGE_ROOTS, .epoch = 1, .roots = {vote, 1, slice_of(entry, sizeof entry)}};
    speak(from, to, DRIVER_VOTES, &m);
}

static void speak_root(enum vid_vote vote, const struct hash *root, node_id to)
{
    speak_root_of(3, vote, root, to);
}

/* The last one is a liar from the start: of epoch 1 there is no dispersal of its. */
static void open_idle_without_last(unsigned n)
{
    cluster_open(n, HORIZON);
    cluster_run(20);
    member_crash(&cluster.members[n - 1]);
    submit(0);
    cluster_until(all_executed, 500);
    cluster_run(200);
}

static bool has_delivered_what_is_late(void)
{
    for (unsigned k = 0; k < 3; k++)
        if (cluster.members[k].executed_ids < 2)
            return false;
    return true;
}

/* The epoch is sealed without it, 0 has completed it with a READY of the liar that nobody else gets,
 * 1 has said READY, and what they said to 2 is lost: it has neither, and waits for nothing. Epochs go
 * on, for 0 wants it to be seen, and are over before anything is asked for. */
static void what_one_has_completed_reaches_who_has_heard_nothing_of_it(void **state)
{
    (void)state;
    retry_ms = 500;
    block_delay_ms = 200;
    open_idle_without_last(4);
    assert_true(word_of(2).first_unsealed > 1);
    struct dispersal d;
    dispersal_make(&d, 1, 99, NO_LIE);
    cluster.passes = lose;
    keeps = no_roots_of_epoch_1_for_2;
    for (node_id to = 0; to < 2; to++) {
        dispersal_send(&d, 3, to);
        dispersal_got(&d, 3, to);
    }
    speak_root(VID_READY, &d.encoding.commitment, 0);
    cluster_run(5);
    const struct instance *at_1 = instance_find(node_of(1), 1, 3);
    struct hash root;
    assert_true(node_completed(node_of(0), 1, 3, &root));
    assert_true(at_1 && at_1->server.sent_ready && !at_1->server.complete);
    assert_null(instance_find(node_of(2), 1, 3));
    cluster.passes = NULL;
    cluster_until(has_delivered_what_is_late, LONG);
    member_open(&cluster.members[3]);
    cluster_until(all_executed, LONG);
    cluster_run(2000);
    expect_one_ledger();
    retry_ms = RETRY_MS;
    block_delay_ms = 20;
}

static unsigned questions;

static bool count_questions(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (section_next(&r, p, &m))
        questions += p->from != 3 && (m.kind == MESSAGE_WANT_VOTES || m.kind == MESSAGE_WANT_ROOTS);
    return true;
}

/* Its word is that it is far ahead, and it asks about agreements that there never were. */
static void one_liar_does_not_keep_an_idle_cluster_asking(void **state)
{
    (void)state;
    cluster_open(4, HORIZON);
    submit(0);
    cluster_until(all_executed, 500);
    cluster_run(200);
    member_crash(&cluster.members[3]);
    cluster.passes = count_questions;
    liar_word = (struct word){100, 99, 99};
    questions = 0;
    for (unsigned k = 0; k < LONG; k++) {
        const struct message m = {.kind = MESSAGE_WANT_VOTES,
                                  .epoch = word_of(0).first_unsealed,
                                  .want_votes = {nodeset_full(4)}};
        if (k % 20 == 0)
            for (node_id to = 0; to < 3; to++)
                speak(3, to, DRIVER_VOTES, &m);
        cluster_round();
    }
    liar_word = (struct word){1, 0, 0};
    assert_int_equal(questions, 0);
}

static unsigned asked;

static bool count_pings(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (section_next(&r, p, &m))
        asked += p->to == 0 && m.kind == MESSAGE_PING;
    return true;
}

/* It votes for a dispersal that is none: all ask about it, ever more rarely. */
static void one_vote_of_a_liar_makes_an_idle_cluster_ask_rarely(void **state)
{
    (void)state;
    open_idle_without_last(4);
    const struct hash none = {{1}};
    for (node_id to = 0; to < 3; to++)
        speak_root(VID_GOT, &none, to);
    cluster.passes = count_pings;
    asked = 0;
    cluster_run(LONG);
    assert_in_range(asked, 2, 2 * 10); /* 1 and 2: 50 ms, then twice as long each time. */
    asked = 0;
    cluster_run(LONG);
    assert_in_range(asked, 1, 2);
}

/* Then it is behind, and nothing has moved here: it does not wait for so long. */
static void who_asked_rarely_asks_soon_when_others_are_ahead(void **state)
{
    (void)state;
    open_idle_without_last(7);
    const struct hash none = {{1}};
    speak_root_of(6, VID_GOT, &none, 0);
    cluster_run(2 * LONG);
    assert_true(node_of(0)->want_wait_ms > 100 * RETRY_MS);
    nodeset_add(&cluster.away, 0);
    for (unsigned k = 0; k < 2 * WINDOW; k++) {
        submit(1);
        cluster_run(100);
    }
    assert_true(word_of(1).first_unsealed > word_of(0).first_unsealed + WINDOW);
    cluster.away = (struct nodeset){0};
    cluster_until(all_executed, 40 * RETRY_MS / ROUND_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(what_few_have_sealed_reaches_a_node_that_was_down),
        CORE_TEST(what_few_have_agreed_on_reaches_a_node_that_was_down),
        CORE_TEST(what_one_has_completed_reaches_who_has_heard_nothing_of_it),
        CORE_TEST(one_liar_does_not_keep_an_idle_cluster_asking),
        CORE_TEST(one_vote_of_a_liar_makes_an_idle_cluster_ask_rarely),
        CORE_TEST(who_asked_rarely_asks_soon_when_others_are_ahead),
    };
    return cmocka_run_group_tests_name("core behind", tests, NULL, NULL);
}
