/* Retrieval: how much is asked for, of whom, and what becomes of peers that are late, lie, or have
 * nothing. Node SEEKER is watched; seven nodes, so that three chunks make a block. */
#include "tests/core_checks.h"

enum { N = 7, NEEDED = 3, SEEKER = 6, HORIZON = 1000, WATCHED = 64 };

static struct {
    unsigned requests[WATCHED][N][N]; /* [epoch][proposer][whom] by SEEKER. */
    unsigned cancels, pieces;
    uint32_t last_offset;
} watched;

static struct nodeset odd; /* Whose pieces do not come to SEEKER as they should. */
static bool (*answers)(struct message *piece);
static bool (*also)(struct post *post, const struct message *m);

static bool is_piece_for_seeker(const struct post *p, const struct message *m)
{
    return p->to == SEEKER && m->kind == MESSAGE_PIECE;
}

static bool section_passes(const struct post *p, struct message *m)
{
    return !is_piece_for_seeker(p, m) || answers(m);
}

static bool watch(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    bool pieces = false;
    while (section_next(&r, p, &m)) {
        const bool counts = p->from == SEEKER && m.epoch < WATCHED;
        if (counts && m.kind == MESSAGE_REQUEST) {
            watched.requests[m.epoch][m.proposer][p->to]++;
            watched.last_offset = m.request.offset;
        }
        watched.cancels += counts && m.kind == MESSAGE_CANCEL;
        watched.pieces += is_piece_for_seeker(p, &m);
        pieces = pieces || is_piece_for_seeker(p, &m);
        if (also && !also(p, &m))
            return false;
    }
    if (pieces && nodeset_has(&odd, p->from))
        keep_sections(p, section_passes);
    return true;
}

static int setup_to_fetch(bool all)
{
    cluster_open_mode(N, HORIZON, MODE_DL, all);
    memset(&watched, 0, sizeof watched);
    odd = (struct nodeset){0};
    answers = NULL;
    also = NULL;
    cluster.passes = watch;
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_to_fetch(false);
}

static unsigned asked(epoch_id epoch, unsigned proposer)
{
    unsigned count = 0;
    for (unsigned to = 0; to < N; to++)
        count += watched.requests[epoch][proposer][to];
    return count;
}

static unsigned asked_of(unsigned whom)
{
    unsigned count = 0;
    for (unsigned e = 0; e < WATCHED; e++)
        for (unsigned p = 0; p < N; p++)
            count += watched.requests[e][p][whom];
    return count;
}

static unsigned asked_in_all(void)
{
    unsigned count = 0;
    for (unsigned whom = 0; whom < N; whom++)
        count += asked_of(whom);
    return count;
}

/* Orders one transaction of each of the first `count` nodes. Returns rounds until all executed. */
static unsigned order(unsigned count)
{
    const uint64_t before = cluster.now_ms;
    for (unsigned k = 0; k < count; k++)
        submit(k);
    cluster_until(all_executed, 4000);
    return (unsigned)(cluster.now_ms - before) / ROUND_MS;
}

static unsigned dispersals_of_others(void)
{
    struct node_view v;
    node_view(node_of(SEEKER), &v);
    return (unsigned)v.fetched;
}

/* ---- */

static void k_minus_1_peers_are_asked_once_and_nobody_for_its_own_block(void **state)
{
    (void)state;
    order(3);
    order(3);
    unsigned fetched = 0;
    for (unsigned i = 0; i < cluster.members[SEEKER].height; i++) {
        const struct delivery *d = &cluster.members[SEEKER].ledger[i];
        assert_int_equal(asked(d->epoch, d->proposer), d->proposer == SEEKER ? 0 : NEEDED - 1);
        for (unsigned to = 0; to < N; to++)
            assert_in_range(watched.requests[d->epoch][d->proposer][to], 0, 1);
        fetched += d->proposer != SEEKER;
    }
    assert_true(fetched >= 10);
    assert_int_equal(asked_of(SEEKER), 0);
    assert_int_equal(watched.pieces, asked_in_all()); /* One small piece each: none too many. */
    assert_int_equal(watched.cancels, 0);
    expect_one_ledger();
    expect_no_faults();
}

static void all_peers_are_asked_at_once_if_all_are_to_be(void **state)
{
    (void)state;
    setup_to_fetch(true);
    order(3);
    order(3);
    unsigned fetched = 0;
    for (unsigned i = 0; i < cluster.members[SEEKER].height; i++) {
        const struct delivery *d = &cluster.members[SEEKER].ledger[i];
        for (unsigned to = 0; to < N; to++)
            assert_int_equal(watched.requests[d->epoch][d->proposer][to],
                             d->proposer != SEEKER && to != SEEKER);
        fetched += d->proposer != SEEKER;
    }
    assert_true(fetched >= 10);
    expect_one_ledger();
    expect_no_faults();
}

static bool to_seeker_no_chunk(struct post *p, const struct message *m)
{
    return m->kind != MESSAGE_CHUNK || p->to != SEEKER;
}

static void k_are_asked_when_the_own_chunk_never_came(void **state)
{
    (void)state;
    also = to_seeker_no_chunk;
    order(3);
    assert_true(dispersals_of_others() >= 3);
    for (unsigned i = 0; i < cluster.members[SEEKER].height; i++) {
        const struct delivery *d = &cluster.members[SEEKER].ledger[i];
        assert_int_equal(asked(d->epoch, d->proposer), d->proposer == SEEKER ? 0 : NEEDED);
    }
}

/* SEEKER is never given a chunk, and all but SEEKER and 3 answer only those two: the others have
 * their own chunk, that of 3, and must have SEEKER's. */
static bool scarce(struct post *p, const struct message *m)
{
    if (m->kind == MESSAGE_CHUNK)
        return p->to != SEEKER;
    return m->kind != MESSAGE_PIECE || p->to == SEEKER || p->to == 3 || p->from == SEEKER ||
           p->from == 3;
}

static void who_has_decoded_serves_a_chunk_that_it_was_never_sent(void **state)
{
    (void)state;
    also = scarce;
    submit(0);
    cluster_until(all_executed, 4000);
    expect_one_ledger();
    expect_no_faults();
}

static bool chunk_to_seeker(const struct post *p)
{
    return p->lane == DRIVER_DISPERSAL && p->to == SEEKER;
}

static unsigned waiting_for_seeker(void)
{
    unsigned count = 0;
    for (const struct post *p = cluster.posts; p; p = p->next)
        count += chunk_to_seeker(p);
    return count;
}

static bool some_wait(void) { return waiting_for_seeker() > 0; }

static void chunks_for_one_who_is_too_slow_are_taken_back_once_enough_have_theirs(void **state)
{
    (void)state;
    cluster.waits = chunk_to_seeker;
    submit(0);
    cluster_until(some_wait, 100);
    cluster_until(all_executed, 4000);
    cluster_run(100); /* Blocks without transactions complete too. */
    assert_int_equal(waiting_for_seeker(), 0);
    assert_true(dispersals_of_others() >= 3);
    expect_one_ledger();
    expect_no_faults();
}

static bool resends_wait;
static bool unless_it_is_coded_again(const struct member *m, const struct job *j)
{
    (void)m;
    return !resends_wait || !j->only_resend || j->result.kind != WORK_ENCODE;
}

static bool own_of_0_waits(void) { return node_of(0)->proposing.own_open > 0; }
static bool own_of_0_completed(void) { return !own_of_0_waits(); }

/* Node 0 codes its block again after a restart; before it is done its dispersal completes. */
static void nor_are_they_sent_when_coded_again_too_late(void **state)
{
    (void)state;
    cluster.waits = chunk_to_seeker;
    cluster.job_comes = unless_it_is_coded_again;
    submit(0);
    cluster_until(own_of_0_waits, 100);
    cluster_round(); /* Its chunks arrive. */
    member_crash(&cluster.members[0]);
    drop_posts(cluster.posts);
    cluster.posts = NULL;
    cluster.posts_end = &cluster.posts;
    member_open(&cluster.members[0]);
    assert_true(own_of_0_waits());
    resends_wait = true;
    cluster_until(own_of_0_completed, 400);
    assert_true(driver_jobs_out(cluster.members[0].driver) > 0);
    resends_wait = false;
    for (unsigned round = 0; round < 100; round++) {
        cluster_round();
        for (const struct post *p = cluster.posts; p; p = p->next)
            assert_false(p->from == 0 && chunk_to_seeker(p) && !own_of_0_waits());
    }
    cluster_until(all_executed, 4000);
    expect_one_ledger();
}

/* ---- Late ---- */

static bool never(struct message *m)
{
    (void)m;
    return false;
}

static void for_one_that_is_late_another_is_asked_and_it_is_not_asked_first_again(void **state)
{
    (void)state;
    nodeset_add(&odd, 2);
    answers = never;
    order(1);
    const unsigned late = asked_of(2), first = asked_in_all();
    assert_true(late > 0);
    struct node_view v;
    node_view(node_of(SEEKER), &v);
    assert_int_equal(v.fetch_retries, late);
    assert_int_equal(first, dispersals_of_others() * (NEEDED - 1) + late);
    assert_int_equal(watched.cancels, late); /* What comes too late is not wanted any more. */
    order(1);
    assert_in_range(asked_of(2), late, late + 1); /* For a try. */
    assert_int_equal(asked_in_all() - asked_of(2), dispersals_of_others() * (NEEDED - 1));
    expect_one_ledger();
    expect_no_faults();
}

static bool second_pieces_lost;
static bool first_pieces_only(struct message *m)
{
    const bool lost = m->chunk.offset > 0 && second_pieces_lost;
    return !lost;
}

static bool all_but_seeker_executed(void)
{
    for (unsigned k = 0; k < SEEKER; k++)
        if (cluster.members[k].executed_ids < cluster.submitted)
            return false;
    return true;
}

static void what_is_lost_of_a_large_chunk_is_asked_for_again_from_there_on(void **state)
{
    (void)state;
    cluster.transaction_size = 60000;
    odd = nodeset_full(N);
    answers = first_pieces_only;
    second_pieces_lost = true;
    for (unsigned k = 0; k < 5; k++) /* In one block: chunks of two pieces. */
        submit(0);
    cluster_until(all_but_seeker_executed, 4000);
    cluster_run(10 * RETRY_MS / ROUND_MS); /* All were asked, and all are late. */
    assert_int_equal(cluster.members[SEEKER].executed_ids, 0);
    second_pieces_lost = false;
    cluster_until(all_executed, 400);
    assert_int_equal(watched.last_offset, MESSAGE_PIECE_SIZE);
    expect_one_ledger();
    expect_no_faults();
}

/* ---- Lies ---- */

static bool with_another_byte(struct message *m)
{
    static uint8_t lie[MESSAGE_PIECE_SIZE];
    memcpy(lie, m->chunk.data.data, m->chunk.data.size);
    lie[0] ^= 1;
    m->chunk.data.data = lie;
    return true;
}

static bool with_another_proof(struct message *m)
{
    m->chunk.proof.path[0].bytes[0] ^= 1;
    return true;
}

static bool with_another_root(struct message *m)
{
    m->chunk.header.tree_root.bytes[0] ^= 1;
    return true;
}

static const struct {
    bool (*lie)(struct message *m);
    bool harmless; /* The decoded block is right: nobody looks at its proof. */
} lies[] = {{with_another_byte, false}, {with_another_proof, true}, {with_another_root, false}};

static void a_lying_peer_is_named_and_another_is_asked(void **state)
{
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        setup(state);
        nodeset_add(&odd, 2);
        nodeset_add(&odd, 4);
        answers = lies[i].lie;
        order(3);
        const struct member *m = &cluster.members[SEEKER];
        for (unsigned p = 0; p < N; p++) {
            const bool named = !lies[i].harmless && (p == 2 || p == 4);
            assert_int_equal(m->faults[p][FAULT_BAD_PROOF], named ? asked_of(p) : 0);
            assert_int_equal(m->faults[p][FAULT_BAD_ENCODING], 0);
            assert_int_equal(m->faults[p][FAULT_BAD_BLOCK], 0);
        }
        assert_true(asked_of(2) > 0 && asked_of(4) > 0);
        for (unsigned k = 0; k < m->height; k++)
            assert_true(m->ledger[k].valid);
        expect_one_ledger();
    }
}

/* ---- Refusals ---- */

static bool refuse(struct message *m)
{
    *m = (struct message){.kind = MESSAGE_NONE,
                          .epoch = m->epoch,
                          .proposer = m->proposer,
                          .request = {.root = vid_commitment(cluster.quorum, &m->chunk.header)}};
    return true;
}

static void for_one_that_has_nothing_another_is_asked_at_once(void **state)
{
    (void)state;
    const unsigned usual = order(1);
    nodeset_add(&odd, 2);
    answers = refuse;
    const unsigned before = asked_of(2);
    const unsigned with_refusals = order(1);
    assert_true(asked_of(2) > before);
    assert_in_range(with_refusals, usual, usual + RETRY_MS / ROUND_MS - 1); /* No timer ran. */
    expect_one_ledger();
    expect_no_faults();
}

/* Exactly so many answer as are needed, whichever they are. */
static void any_k_minus_1_that_answer_suffice(void **state)
{
    bool (*const ways[])(struct message *) = {refuse, never, with_another_byte};
    for (unsigned one = 0; one < SEEKER; one++)
        for (unsigned other = 0; other < one; other++) {
            setup(state);
            odd = nodeset_full(N);
            nodeset_remove(&odd, one);
            nodeset_remove(&odd, other);
            answers = ways[(one + other) % 3];
            order(1);
            expect_one_ledger();
        }
}

static void those_that_all_refused_are_asked_again_until_they_answer(void **state)
{
    bool (*const ways[])(struct message *) = {refuse, never, with_another_byte, with_another_root};
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
        setup(state);
        odd = nodeset_full(N);
        answers = ways[i];
        submit(0);
        cluster_until(all_but_seeker_executed, 400);
        cluster_run(200);
        assert_int_equal(cluster.members[SEEKER].executed_ids, 0);
        const unsigned before = asked_in_all();
        cluster_run(200); /* 1 s: 20 times retry_ms, at most all 6 peers a time. */
        const unsigned dispersals = node_of(SEEKER)->retrieval.active;
        assert_true(dispersals > 0);
        assert_true(asked_in_all() - before >= 10 * dispersals);
        assert_true(asked_in_all() - before <= 21 * 6 * dispersals);
        odd = (struct nodeset){0};
        cluster_until(all_executed, 400);
        expect_one_ledger();
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, cluster_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(k_minus_1_peers_are_asked_once_and_nobody_for_its_own_block),
        TEST(all_peers_are_asked_at_once_if_all_are_to_be),
        TEST(k_are_asked_when_the_own_chunk_never_came),
        TEST(who_has_decoded_serves_a_chunk_that_it_was_never_sent),
        TEST(chunks_for_one_who_is_too_slow_are_taken_back_once_enough_have_theirs),
        TEST(nor_are_they_sent_when_coded_again_too_late),
        TEST(for_one_that_is_late_another_is_asked_and_it_is_not_asked_first_again),
        TEST(what_is_lost_of_a_large_chunk_is_asked_for_again_from_there_on),
        TEST(a_lying_peer_is_named_and_another_is_asked),
        TEST(for_one_that_has_nothing_another_is_asked_at_once),
        TEST(any_k_minus_1_that_answer_suffice),
        TEST(those_that_all_refused_are_asked_again_until_they_answer),
    };
    return cmocka_run_group_tests_name("core retrieval", tests, NULL, NULL);
}
