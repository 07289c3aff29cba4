#include "vid/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct hash a = {{'a'}}, b = {{'b'}};
enum { SELF = 0, TALLIES = 16 };

/* Node 0 of a cluster and what its last step did. */
static struct quorum quorum;
static struct vid_tally tallies[TALLIES];
static struct vid_pool pool;
static struct vid_server server;
static struct vid_server_effects effects;

static void cluster(unsigned n)
{
    quorum = quorum_of(n);
    vid_pool_init(&pool, tallies, TALLIES);
    vid_server_init(&server);
}

static int four(void **state)
{
    (void)state;
    cluster(4);
    return 0;
}

static void hear(node_id from, enum vid_vote vote, const struct hash *root)
{
    vid_server_receive(&server, &pool, quorum, SELF, from, vote, root, &effects);
}

static void got(const struct hash *root)
{
    vid_server_got(&server, &pool, quorum, SELF, root, &effects);
}

static void recall(enum vid_vote vote, const struct hash *root)
{
    vid_server_recall(&server, &pool, SELF, vote, root);
}

static unsigned count_of(const struct vid_server *s, enum vid_vote vote, const struct hash *root)
{
    for (uint32_t at = s->tallies; at != 0; at = pool.tallies[at - 1].next)
        if (hash_equal(&pool.tallies[at - 1].root, root))
            return nodeset_count(&pool.tallies[at - 1].votes[vote - 1]);
    return 0;
}

static unsigned count(enum vid_vote vote, const struct hash *root)
{
    return count_of(&server, vote, root);
}

static void assert_did(bool send_ready, bool completed, enum fault fault)
{
    assert_int_equal(effects.send_ready, send_ready);
    assert_int_equal(effects.completed, completed);
    assert_int_equal(effects.fault, fault);
    assert_int_equal(server.complete && pool.used, false);
}

static void assert_did_nothing(void) { assert_did(false, false, FAULT_NONE); }

static void n_minus_f_got_make_ready(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= NODES_MAX; n++) {
        cluster(n);
        for (node_id from = 1; from < quorum_all(quorum); from++) {
            hear(from, VID_GOT, &a);
            assert_did_nothing();
        }
        got(&a);
        assert_did(true, quorum.f == 0, FAULT_NONE); /* Of one to three nodes, one suffices. */
        assert_true(hash_equal(&server.ready_root, &a));
        assert_int_equal(count(VID_READY, &a), quorum.f == 0 ? 0 : 1);
    }
}

static void f_plus_1_ready_make_ready_and_2f_plus_1_complete(void **state)
{
    (void)state;
    for (unsigned n = 4; n <= NODES_MAX; n++) {
        cluster(n);
        got(&b); /* The other root does not matter. */
        for (node_id heard = 1; heard <= 2 * quorum.f; heard++) {
            hear(heard, VID_READY, &a);
            assert_did(heard == quorum.f + 1, heard == 2 * quorum.f, FAULT_NONE);
        }
        assert_true(hash_equal(&server.ready_root, &a));
        assert_true(hash_equal(&server.root, &a));
        assert_int_equal(pool.used, 0);
    }
}

static void f_plus_1_complete_complete(void **state)
{
    (void)state;
    for (unsigned n = 4; n <= NODES_MAX; n++) {
        cluster(n);
        for (node_id from = 1; from <= quorum.f; from++) {
            hear(from, VID_COMPLETE, &a);
            assert_did_nothing();
        }
        hear((node_id)(quorum.f + 1), VID_COMPLETE, &a);
        assert_did(true, true, FAULT_NONE);
        assert_true(hash_equal(&server.ready_root, &a));
        assert_true(hash_equal(&server.root, &a));
    }
}

static void complete_counts_as_ready_once(void **state)
{
    (void)state;
    cluster(7);
    hear(1, VID_COMPLETE, &a);
    assert_int_equal(count(VID_READY, &a), 1);
    assert_int_equal(count(VID_COMPLETE, &a), 1);
    hear(1, VID_READY, &a);
    assert_did_nothing();
    hear(2, VID_READY, &a);
    hear(2, VID_COMPLETE, &a);
    assert_did_nothing();
    assert_int_equal(count(VID_READY, &a), 2);
    assert_int_equal(count(VID_COMPLETE, &a), 2);
    hear(3, VID_READY, &a);
    assert_did(true, false, FAULT_NONE);
    hear(4, VID_READY, &a); /* With our own, five. */
    assert_did(false, true, FAULT_NONE);
}

static void the_same_vote_again_has_no_effect(void **state)
{
    (void)state;
    for (enum vid_vote vote = VID_GOT; vote <= VID_COMPLETE; vote++) {
        cluster(4);
        for (unsigned times = 0; times < 5; times++) {
            hear(3, vote, &a);
            assert_did_nothing();
            assert_int_equal(count(vote, &a), 1);
            assert_int_equal(pool.used, 1);
        }
    }
}

static void a_second_different_vote_is_a_fault_and_not_counted(void **state)
{
    (void)state;
    static const struct {
        enum vid_vote first, second;
        bool fault;
    } cases[] = {
        {VID_GOT, VID_GOT, true},           {VID_GOT, VID_READY, false},
        {VID_GOT, VID_COMPLETE, false},     {VID_READY, VID_GOT, false},
        {VID_READY, VID_READY, true},       {VID_READY, VID_COMPLETE, true},
        {VID_COMPLETE, VID_GOT, false},     {VID_COMPLETE, VID_READY, true},
        {VID_COMPLETE, VID_COMPLETE, true},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        cluster(4);
        hear(1, cases[i].first, &a);
        for (unsigned times = 0; times < 3; times++) {
            hear(1, cases[i].second, &b);
            enum fault expected = cases[i].fault ? FAULT_EQUIVOCATION : FAULT_NONE;
            assert_did(false, false, times && !cases[i].fault ? FAULT_NONE : expected);
        }
        assert_int_equal(count(cases[i].first, &a), 1);
        assert_int_equal(count(cases[i].second, &b), !cases[i].fault);
        assert_int_equal(pool.used, cases[i].fault ? 1 : 2);
    }
}

static void votes_for_different_roots_never_add_up(void **state)
{
    (void)state;
    cluster(7);
    for (enum vid_vote vote = VID_GOT; vote <= VID_COMPLETE; vote++)
        for (node_id from = 1; from < 7; from++) {
            hear(from, vote, &(struct hash){{(uint8_t)from}});
            assert_did_nothing();
        }
    assert_int_equal(pool.used, 6);
    vid_server_release(&server, &pool);
    assert_int_equal(pool.used, 0);
}

static void ready_is_sent_once(void **state)
{
    (void)state;
    cluster(7);
    for (node_id from = 1; from <= 5; from++)
        hear(from, VID_GOT, &a);
    assert_did(true, false, FAULT_NONE);
    for (node_id from = 1; from <= 4; from++) { /* More liars than there can be. */
        hear(from, VID_READY, &b);
        assert_did_nothing();
    }
    hear(5, VID_READY, &b);
    assert_did(false, true, FAULT_NONE);
    assert_true(hash_equal(&server.ready_root, &a));
    assert_true(hash_equal(&server.root, &b));
}

static void got_after_complete_changes_nothing_else(void **state)
{
    (void)state;
    hear(1, VID_COMPLETE, &a);
    hear(2, VID_COMPLETE, &a);
    assert_true(server.complete);
    struct vid_server before = server;
    got(&b);
    assert_did_nothing();
    assert_true(server.sent_got);
    assert_true(hash_equal(&server.got_root, &b));
    server.sent_got = before.sent_got;
    server.got_root = before.got_root;
    assert_memory_equal(&server, &before, sizeof server);
}

static void votes_after_complete_change_nothing(void **state)
{
    (void)state;
    hear(1, VID_COMPLETE, &a);
    hear(2, VID_COMPLETE, &a);
    struct vid_server before = server;
    for (enum vid_vote vote = VID_GOT; vote <= VID_COMPLETE; vote++) {
        hear(2, vote, &b);
        assert_did_nothing();
        hear(3, vote, &a);
        assert_did_nothing();
    }
    assert_memory_equal(&server, &before, sizeof server);
}

static void recalled_votes_count_and_are_not_cast_again(void **state)
{
    (void)state;
    recall(VID_GOT, &a);
    recall(VID_READY, &b);
    assert_true(server.sent_got);
    assert_true(server.sent_ready);
    assert_true(hash_equal(&server.got_root, &a));
    assert_true(hash_equal(&server.ready_root, &b));
    assert_int_equal(count(VID_GOT, &a), 1);
    assert_int_equal(count(VID_READY, &b), 1);
    for (node_id from = 1; from <= 3; from++) {
        hear(from, VID_GOT, &a);
        assert_did_nothing(); /* READY was for b. */
    }
    hear(1, VID_READY, &b);
    assert_did_nothing();
    hear(2, VID_READY, &b);
    assert_did(false, true, FAULT_NONE);
}

static void a_recalled_instance_is_complete_in_any_order(void **state)
{
    (void)state;
    static const enum vid_vote orders[6][3] = {
        {VID_GOT, VID_READY, VID_COMPLETE}, {VID_GOT, VID_COMPLETE, VID_READY},
        {VID_READY, VID_GOT, VID_COMPLETE}, {VID_READY, VID_COMPLETE, VID_GOT},
        {VID_COMPLETE, VID_GOT, VID_READY}, {VID_COMPLETE, VID_READY, VID_GOT},
    };
    for (unsigned i = 0; i < 6; i++) {
        cluster(4);
        for (unsigned at = 0; at < 3; at++)
            recall(orders[i][at], &a);
        assert_true(server.sent_got);
        assert_true(server.sent_ready);
        assert_true(server.complete);
        assert_true(hash_equal(&server.root, &a));
        assert_int_equal(pool.used, 0);
        hear(1, VID_READY, &a);
        assert_did_nothing();
    }
}

static void who_is_silent_only_listens(void **state)
{
    (void)state;
    server.silent = true;
    for (node_id from = 1; from < 4; from++) {
        hear(from, VID_GOT, &a);
        assert_did_nothing();
    }
    hear(1, VID_READY, &a);
    assert_did_nothing();
    hear(2, VID_READY, &a);
    assert_did_nothing();
    hear(3, VID_READY, &a);
    assert_did(false, true, FAULT_NONE);
    assert_true(hash_equal(&server.root, &a));
}

static void what_is_forgotten_may_come_again(void **state)
{
    (void)state;
    got(&a);
    hear(1, VID_GOT, &a);
    hear(1, VID_COMPLETE, &b);
    hear(2, VID_GOT, &b);
    assert_int_equal(pool.used, 2);
    vid_server_forget(&server, &pool, 1);
    assert_int_equal(count(VID_GOT, &a), 1);
    assert_int_equal(count(VID_COMPLETE, &b), 0);
    assert_int_equal(count(VID_READY, &b), 0);
    assert_int_equal(count(VID_GOT, &b), 1);
    assert_int_equal(pool.used, 2);
    vid_server_forget(&server, &pool, 2);
    assert_int_equal(pool.used, 1); /* Nobody votes for b. */
    vid_server_forget(&server, &pool, 3);
    assert_int_equal(pool.used, 1);

    hear(1, VID_GOT, &a);
    hear(2, VID_GOT, &a); /* Had been for b. */
    assert_did(true, false, FAULT_NONE);
}

static void who_said_what_is_known_until_it_is_forgotten_or_complete(void **state)
{
    (void)state;
    struct hash root;
    assert_false(vid_server_said(&server, &pool, 1, VID_GOT, &root));
    hear(1, VID_GOT, &a);
    hear(2, VID_GOT, &b);
    hear(2, VID_READY, &a);
    assert_true(vid_server_said(&server, &pool, 1, VID_GOT, &root) && hash_equal(&root, &a));
    assert_true(vid_server_said(&server, &pool, 2, VID_GOT, &root) && hash_equal(&root, &b));
    assert_true(vid_server_said(&server, &pool, 2, VID_READY, &root) && hash_equal(&root, &a));
    assert_false(vid_server_said(&server, &pool, 1, VID_READY, &root));
    vid_server_forget(&server, &pool, 2);
    assert_false(vid_server_said(&server, &pool, 2, VID_GOT, &root));
    assert_true(vid_server_said(&server, &pool, 1, VID_GOT, &root));
    vid_server_release(&server, &pool);
    assert_false(vid_server_said(&server, &pool, 1, VID_GOT, &root));
}

static void tallies_are_shared_and_all_come_back(void **state)
{
    (void)state;
    struct vid_server servers[5];
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 5; i++) {
            vid_server_init(&servers[i]);
            for (node_id from = 1; from <= 3; from++) {
                struct hash root = {{(uint8_t)(i * from), (uint8_t)from}};
                vid_server_receive(&servers[i], &pool, quorum, SELF, from, VID_GOT, &root,
                                   &effects);
                assert_int_equal(count_of(&servers[i], VID_GOT, &root), 1);
            }
        }
        assert_int_equal(pool.used, 15);
        vid_server_forget(&servers[3], &pool, 2);
        assert_int_equal(pool.used, 14);
        for (unsigned i = 0; i < 5; i++)
            vid_server_release(&servers[(i * 2 + round) % 5], &pool);
        assert_int_equal(pool.used, 0);
    }
    unsigned free = 0;
    for (uint32_t at = pool.free; at; at = tallies[at - 1].next)
        free++;
    assert_int_equal(pool.touched, 15);
    assert_int_equal(free, 15);
}

static void a_repeated_or_false_vote_needs_no_tally(void **state)
{
    (void)state;
    vid_pool_init(&pool, tallies, 1);
    hear(1, VID_GOT, &a);
    assert_int_equal(pool.free, 0);
    hear(1, VID_GOT, &b);
    assert_did(false, false, FAULT_EQUIVOCATION);
    hear(1, VID_GOT, &a);
    hear(2, VID_GOT, &a);
    got(&a);
    assert_did(true, false, FAULT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(n_minus_f_got_make_ready),
        cmocka_unit_test(f_plus_1_ready_make_ready_and_2f_plus_1_complete),
        cmocka_unit_test(f_plus_1_complete_complete),
        cmocka_unit_test(complete_counts_as_ready_once),
        cmocka_unit_test(the_same_vote_again_has_no_effect),
        cmocka_unit_test(a_second_different_vote_is_a_fault_and_not_counted),
        cmocka_unit_test(votes_for_different_roots_never_add_up),
        cmocka_unit_test(ready_is_sent_once),
        cmocka_unit_test_setup(got_after_complete_changes_nothing_else, four),
        cmocka_unit_test_setup(votes_after_complete_change_nothing, four),
        cmocka_unit_test_setup(recalled_votes_count_and_are_not_cast_again, four),
        cmocka_unit_test(a_recalled_instance_is_complete_in_any_order),
        cmocka_unit_test_setup(who_is_silent_only_listens, four),
        cmocka_unit_test_setup(what_is_forgotten_may_come_again, four),
        cmocka_unit_test_setup(who_said_what_is_known_until_it_is_forgotten_or_complete, four),
        cmocka_unit_test_setup(tallies_are_shared_and_all_come_back, four),
        cmocka_unit_test_setup(a_repeated_or_false_vote_needs_no_tally, four),
    };
    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
