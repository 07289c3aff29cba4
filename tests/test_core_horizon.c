/* At the link horizon: what may still be delivered, and what is over, by how far delivery and
 * execution are. */
#include "tests/core_liar.h"

enum { HORIZON = 20, LIAR = 3 };

static bool no_chunks_of_3(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    return p->from != 3 || !section_next(&r, p, &m) || m.kind != MESSAGE_CHUNK;
}

/* Delivery may be some epochs ahead of execution: what it gave up there is given up again after a
 * restart, and until then it is no open dispersal. */
static void what_was_given_up_and_not_executed_is_given_up_twice(void **state)
{
    (void)state;
    cluster_open(4, HORIZON);
    cluster.passes = no_chunks_of_3;
    while (word_of(0).agreed < 4 * HORIZON) {
        if (cluster.members[3].executed >= 32)
            nodeset_add(&cluster.lagging, 3);
        submit(0);
        cluster_run(50);
    }
    member_crash(&cluster.members[3]);
    member_open(&cluster.members[3]);
    cluster.passes = NULL;
    cluster.lagging = (struct nodeset){0};
    submit(3);
    cluster_until(all_executed, 2000);
    cluster_run(100);
    expect_one_ledger();
}

/* ---- The oldest epoch that may be linked ---- */

static epoch_id lost_epoch; /* Votes on its dispersals to lost_to are lost; 0: no more. */
static node_id lost_to;

static bool keeps(const struct post *p, struct message *m)
{
    return p->to != lost_to || (m->kind != MESSAGE_ROOTS && m->kind != MESSAGE_READY) ||
           m->epoch != lost_epoch;
}

static bool lose_roots(struct post *p)
{
    keep_sections(p, keeps);
    return true;
}

static void say_root(node_id to, const struct dispersal *d, enum vid_vote vote)
{
    uint8_t entry[1 + HASH_SIZE] = {LIAR};
    memcpy(entry + 1, d->encoding.commitment.bytes, HASH_SIZE);
    const struct message m = {.kind = MESSAGE_ROOTS,
                              .epoch = d->epoch,
                              .roots = {vote, 1, slice_of(entry, sizeof entry)}};
    speak(LIAR, to, DRIVER_VOTES, &m);
}

static void agree_on(epoch_id epoch)
{
    while (word_of(0).agreed < epoch) {
        submit(0);
        cluster_until(all_executed, 500);
        cluster_run(50);
    }
    assert_int_equal(word_of(0).agreed, epoch);
}

/* Blocks of 0 and 1 for epoch 1 + HORIZON have seen the liar's of epoch 1, which completes last of
 * all at 2. */
static void the_oldest_that_may_be_linked_completes_at_all(void **state)
{
    (void)state;
    static struct dispersal d;
    struct node_view v[3];
    struct hash root;
    cluster_open(4, HORIZON);
    member_crash(&cluster.members[LIAR]);
    cluster.passes = lose_roots;
    lost_epoch = 1;
    lost_to = LIAR;
    agree_on(HORIZON - 1);
    dispersal_make(&d, 1, 777, NO_LIE);
    lost_to = 2;
    submit(0);
    do {
        cluster_round();
        for (unsigned k = 0; k < 3; k++)
            node_view(node_of(k), &v[k]);
    } while (v[0].proposed < HORIZON || v[1].proposed < HORIZON || v[2].proposed < HORIZON);
    for (node_id to = 0; to < 2; to++) {
        dispersal_send(&d, LIAR, to);
        say_root(to, &d, VID_GOT);
        say_root(to, &d, VID_READY);
    }
    cluster_run(8);
    assert_false(node_completed(node_of(2), 1, LIAR, &root));
    submit(0);
    cluster_run(40);
    lost_epoch = 0;
    cluster_until(all_executed, 2000);
    cluster_run(100);
    unsigned linked = 0;
    for (unsigned i = 0; i < cluster.members[2].height; i++) {
        const struct delivery *e = &cluster.members[2].ledger[i];
        linked += e->epoch == 1 && e->proposer == LIAR && e->with_epoch == 1 + HORIZON;
    }
    assert_int_equal(linked, 1);
}

/* ---- Delivery more than a horizon behind agreement ---- */

/* Node 2 hears nothing of the dispersals of one epoch, and what it keeps of completed ones moves on
 * with agreement, until they lie below. Then it hears again, or is opened again before it does. */
static void delivery_left_behind(bool restart)
{
    cluster_open(4, HORIZON);
    cluster.passes = lose_roots;
    lost_epoch = 5;
    lost_to = 2;
    while (word_of(0).agreed < 450) {
        submit(0);
        cluster_run(12);
    }
    assert_int_equal(word_of(2).executed, 4);
    assert_true(word_of(2).agreed >= 449);
    if (restart) {
        member_crash(&cluster.members[2]);
        member_open(&cluster.members[2]);
    }
    lost_epoch = 0;
    cluster_until(all_executed, 5000);
    cluster_run(100);
    expect_one_ledger();
    expect_no_faults();
}

static void what_delivery_waits_for_is_asked_for_however_far_agreement_is(void **state)
{
    (void)state;
    delivery_left_behind(false);
}

static void so_it_is_after_a_restart(void **state)
{
    (void)state;
    delivery_left_behind(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(what_was_given_up_and_not_executed_is_given_up_twice),
        CORE_TEST(the_oldest_that_may_be_linked_completes_at_all),
        CORE_TEST(what_delivery_waits_for_is_asked_for_however_far_agreement_is),
        CORE_TEST(so_it_is_after_a_restart),
    };
    return cmocka_run_group_tests_name("core horizon", tests, NULL, NULL);
}
