/* Silence when there is nothing to say, and one order of delivery. */
#include "tests/core_liar.h"

enum { N = 4, BAD = 3, HORIZON = 1000 };

static unsigned sections_sent;

static bool count_sections(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (section_next(&r, p, &m))
        sections_sent++;
    return true;
}

/* Nothing but words is said for 5 s, no epoch is begun, and nothing waits. */
static void expect_silence(void)
{
    epoch_id proposed[N];
    struct node_view v;
    for (unsigned k = 0; k < N; k++) {
        node_view(node_of(k), &v);
        proposed[k] = v.proposed;
        assert_true(v.quiet);
    }
    cluster.passes = count_sections;
    sections_sent = 0;
    cluster_run(1000);
    cluster.passes = NULL;
    assert_int_equal(sections_sent, 0);
    for (unsigned k = 0; k < N; k++) {
        node_view(node_of(k), &v);
        assert_int_equal(v.proposed, proposed[k]);
    }
}

static void with_nothing_to_order_nothing_is_said(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    expect_silence();
    for (unsigned k = 0; k < N; k++)
        assert_int_equal(cluster.members[k].height, 0);
}

static void one_transaction_at_one_node_is_executed_by_all_and_then_there_is_silence(void **state)
{
    (void)state;
    for (unsigned k = 0; k < N; k++) {
        cluster_open(N, HORIZON);
        for (unsigned time = 0; time < 3; time++) {
            submit(k);
            cluster_until(all_executed, 100);
            cluster_run(100);
            assert_true(word_of(k).agreed <= 2 + 2 * time);
            expect_silence();
            expect_one_ledger();
        }
    }
    expect_no_faults();
}

/* ---- The order of retrieval ---- */

enum { FETCHES_MAX = 512 };
static struct {
    epoch_id epoch[FETCHES_MAX];
    node_id proposer[FETCHES_MAX];
    unsigned count;
} fetched[N];

/* Decodings come back as late as they like, and in any order. */
static bool jobs_come_late(const struct member *m, const struct job *j)
{
    if (j->result.kind != WORK_DECODE || below(6) > 0)
        return j->result.kind != WORK_DECODE;
    const unsigned k = fetched[m->id].count++;
    assert_true(k < FETCHES_MAX);
    fetched[m->id].epoch[k] = j->result.epoch;
    fetched[m->id].proposer[k] = j->result.proposer;
    return true;
}

static bool pieces_are_lost(struct post *p) { return p->lane != DRIVER_RETRIEVAL || below(3) > 0; }

/* How many dispersals a node had decoded before another that is of an earlier epoch. */
static unsigned inversions(unsigned node)
{
    unsigned count = 0;
    for (unsigned k = 1; k < fetched[node].count; k++)
        count += fetched[node].epoch[k] < fetched[node].epoch[k - 1];
    return count;
}

static void delivery_has_one_order_whatever_the_order_of_retrieval(void **state)
{
    (void)state;
    for (unsigned run = 0; run < 10; run++) {
        memset(fetched, 0, sizeof fetched);
        cluster_open(N, HORIZON);
        seed = run;
        cluster.job_comes = jobs_come_late;
        cluster.passes = pieces_are_lost;
        for (unsigned round = 0; round < 200; round++) {
            if (round % 3 == 0)
                submit((unsigned)below(N));
            cluster_round();
        }
        cluster_until(all_executed, 4000);
        cluster_run(200);
        for (unsigned k = 0; k < N; k++)
            assert_true(inversions(k) > 5);
        assert_memory_not_equal(&fetched[0], &fetched[1], sizeof fetched[0]);
        expect_one_ledger();
        expect_no_faults();
    }
}

/* Within an epoch linked ones come first, by epoch and then by turn; then the accepted ones by
 * turn. The turns of epoch e begin with node e mod N. */
static void the_order_is_by_epoch_then_linked_then_turn(void **state)
{
    (void)state;
    enum { MANY = 7 };
    cluster_open(MANY, HORIZON);
    seed = 2;
    cluster.passes = pieces_are_lost;
    for (unsigned round = 0; round < 1200; round++) {
        if (round % 3 == 0)
            submit((unsigned)below(MANY));
        if (round % 60 == 0) /* Two of the others are away each time. */
            cluster.away.words[0] = round % 120 ? 0 : 2u | 4u << round / 120 % 5;
        cluster_round();
    }
    cluster.away.words[0] = 0;
    cluster_until(all_executed, 4000);
    const struct member *m = &cluster.members[0];
    unsigned mixed = 0;
    for (unsigned k = 1; k < m->height; k++) {
        const struct delivery *a = &m->ledger[k - 1], *b = &m->ledger[k];
        const epoch_id with = b->with_epoch;
        assert_true(a->with_epoch <= with && b->epoch <= with);
        if (a->with_epoch < with)
            continue;
        mixed += b->epoch < with && a->proposer != b->proposer;
        const uint64_t turn_a = (a->proposer + MANY - with % MANY) % MANY;
        const uint64_t turn_b = (b->proposer + MANY - with % MANY) % MANY;
        assert_true(a->epoch < b->epoch || (a->epoch == b->epoch && turn_a < turn_b));
    }
    assert_true(mixed > 20); /* Linked ones of several proposers, side by side. */
}

/* ---- Bad blocks ---- */

static void a_bad_block_takes_its_place_and_is_empty_for_all_alike(void **state)
{
    (void)state;
    for (enum lie lie = NO_LIE; lie <= NO_ENCODING; lie++) {
        cluster_open(N, HORIZON);
        member_crash(&cluster.members[BAD]);
        struct dispersal d;
        dispersal_make(&d, 1, 1 << 20, lie);
        for (node_id to = 0; to < BAD; to++) {
            dispersal_send(&d, BAD, to);
            dispersal_got(&d, BAD, to);
        }
        submit(0);
        cluster_until(all_executed, 400);
        cluster_run(100);
        for (unsigned k = 0; k < BAD; k++) {
            const struct member *m = &cluster.members[k];
            unsigned places = 0;
            for (unsigned i = 0; i < m->height; i++)
                if (m->ledger[i].proposer == BAD) {
                    assert_int_equal(m->ledger[i].valid, lie == NO_LIE);
                    assert_true(same_delivery(&m->ledger[i], &cluster.members[0].ledger[i]));
                    places++;
                }
            assert_int_equal(places, 1);
            assert_int_equal(m->id_count, lie == NO_LIE ? 2 : 1);
            assert_int_equal(m->faults[BAD][FAULT_BAD_BLOCK], lie == NO_BLOCK);
            assert_int_equal(m->faults[BAD][FAULT_BAD_ENCODING], lie == NO_ENCODING);
            assert_int_equal(m->faults[BAD][FAULT_BAD_PROOF], 0);
        }
    }
}

/* One block, of the f that may lie, has seen what never was. */
static void what_only_f_blocks_have_seen_is_not_waited_for(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    member_crash(&cluster.members[BAD]);
    for (unsigned k = 0; k < 10; k++) {
        struct dispersal d;
        dispersal_make(&d, word_of(0).first_unsealed + 1, 1000 + k, NOT_SEEN);
        for (node_id to = 0; to < BAD; to++) {
            dispersal_send(&d, BAD, to);
            dispersal_got(&d, BAD, to);
        }
        submit(0);
        cluster_run(20);
        submit(1);
        cluster_run(20);
    }
    const struct member *m = &cluster.members[0];
    unsigned accepted = 0;
    for (unsigned i = 0; i < m->height; i++) {
        accepted += m->ledger[i].proposer == BAD && m->ledger[i].valid;
        assert_true(m->ledger[i].proposer != BAD || m->ledger[i].epoch == m->ledger[i].with_epoch);
    }
    assert_true(accepted >= 5);
    assert_int_equal(m->id_count, cluster.submitted + accepted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(with_nothing_to_order_nothing_is_said),
        CORE_TEST(one_transaction_at_one_node_is_executed_by_all_and_then_there_is_silence),
        CORE_TEST(delivery_has_one_order_whatever_the_order_of_retrieval),
        CORE_TEST(the_order_is_by_epoch_then_linked_then_turn),
        CORE_TEST(what_only_f_blocks_have_seen_is_not_waited_for),
        CORE_TEST(a_bad_block_takes_its_place_and_is_empty_for_all_alike),
    };
    return cmocka_run_group_tests_name("core order", tests, NULL, NULL);
}
