/* A node that lost its data, and one that was away since before: it has to close what was agreed
 * meanwhile, with no more nodes than it takes, that one among them. */
#include "tests/core_snapshot.h"

enum { N = 7, LOSER = 5, AWAY = 6, HORIZON = 1000, EVERY = 5 };

static epoch_id silent; /* The loser's. */
static unsigned terms, other_votes;

static void submit_and_run(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        submit(i % 3);
        cluster_run(12);
    }
}

/* What the loser says of epochs in which it may have said otherwise. */
static bool watch(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (p->from == LOSER && section_next(&r, p, &m))
        if (m.kind == MESSAGE_VOTES && m.epoch <= silent) {
            terms += m.votes.vote.type == BA_TERM;
            other_votes += m.votes.vote.type != BA_TERM;
        }
    return true;
}

/* AWAY is, and the others have closed many epochs, when LOSER begins with a snapshot. */
static void lose(void)
{
    checkpoint_epochs = EVERY;
    terms = other_votes = 0;
    silent = 0;
    cluster_open(N, HORIZON);
    submit_and_run(3);
    nodeset_add(&cluster.away, AWAY);
    submit_and_run(5);
    const epoch_id open = word_of(LOSER).first_unsealed + WINDOW;
    nodeset_add(&cluster.away, LOSER); /* Until others are beyond all that it may have said. */
    while (cluster.members[0].executed < open + EVERY)
        submit_and_run(1);
    struct member *m = &cluster.members[LOSER];
    silent = cluster.members[0].executed / EVERY * EVERY;
    member_crash(m);
    store_memory_forget(m->path);
    m->executed = 0;
    member_open(m);
    assert_int_equal(driver_remember_lost(m->driver, silent), 0);
    begin_with_snapshot(m, silent);
    cluster.passes = watch;
    nodeset_remove(&cluster.away, LOSER);
    cluster_until(all_executed, 4000);
}

static void expect_same(unsigned a, unsigned b)
{
    const struct member *x = &cluster.members[a], *y = &cluster.members[b];
    assert_int_equal(x->executed_ids, y->executed_ids);
    assert_memory_equal(x->ids, y->ids, x->executed_ids * sizeof *x->ids);
}

static void who_was_away_comes_back_with_it(void **state)
{
    (void)state;
    lose();
    member_crash(&cluster.members[3]);
    member_crash(&cluster.members[4]);
    nodeset_remove(&cluster.away, AWAY);
    assert_true(word_of(AWAY).first_unsealed < silent);
    submit(0);
    cluster_until(all_executed, 20000);
    assert_in_range(node_of(AWAY)->proposing.own_open, 0, 1); /* Of when it went. */
    submit(AWAY);
    cluster_until(all_executed, 2000);
    cluster_run(400);
    assert_true(word_of(AWAY).first_unsealed > silent);
    assert_true(terms > 0);
    assert_int_equal(other_votes, 0);
    expect_same(0, LOSER);
    expect_same(0, AWAY);
    expect_no_faults();
}

static bool only_f_say_term(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (p->to == LOSER && p->from > 1 && section_next(&r, p, &m))
        if (m.kind == MESSAGE_VOTES && m.epoch <= silent)
            return false;
    return watch(p);
}

/* They may be liars. */
static void what_f_say_is_not_said_again(void **state)
{
    (void)state;
    lose();
    cluster.passes = only_f_say_term;
    member_crash(&cluster.members[3]);
    member_crash(&cluster.members[4]);
    nodeset_remove(&cluster.away, AWAY);
    cluster_run(2000);
    assert_int_equal(terms + other_votes, 0);
    assert_true(word_of(AWAY).first_unsealed < silent);
    cluster.passes = watch;
    submit(0);
    cluster_until(all_executed, 20000);
    assert_true(terms > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(who_was_away_comes_back_with_it),
        CORE_TEST(what_f_say_is_not_said_again),
    };
    return cmocka_run_group_tests_name("core witness", tests, NULL, NULL);
}
