/* What nodes sign of the ledger, and how each comes to have the signatures of all. */
#include "tests/core_checks.h"

enum { N = 4, HORIZON = 1000, EVERY = 3, ROUNDS = 3000 };

static unsigned said, verified, signed_; /* Messages, and jobs that were done. */
static node_id liar = N;
static enum { TRUTH, BAD_SIGNATURE, OTHER_LEDGER, SILENT } lie;

static bool edit(const struct post *p, struct message *m)
{
    if (m->kind != MESSAGE_CHECKPOINT)
        return true;
    said++;
    if (p->from == liar && lie == BAD_SIGNATURE)
        m->checkpoint.signature.bytes[5] ^= 1;
    if (p->from == liar && lie == OTHER_LEDGER) {
        m->checkpoint.digest.bytes[0] ^= 1;
        identity_sign(&cluster.identities[liar], hash_slice(&m->checkpoint.digest), NULL,
                      &m->checkpoint.signature);
    }
    return p->from != liar || lie != SILENT;
}
static bool passes(struct post *p)
{
    if (p->lane == DRIVER_VOTES)
        keep_sections(p, edit);
    return true;
}

static bool counted(const struct member *m, const struct job *job)
{
    (void)m;
    verified += job->result.kind == WORK_VERIFY;
    signed_ += job->result.kind == WORK_SIGN;
    return true;
}

static void open_cluster(uint64_t every)
{
    checkpoint_epochs = every;
    executes_through = UINT64_MAX;
    cluster_open(N, HORIZON);
    cluster.passes = passes;
    cluster.job_comes = counted;
    said = verified = signed_ = 0;
    liar = N;
    lie = TRUTH;
}

static struct node_view view_of(unsigned k)
{
    struct node_view v;
    node_view(node_of(k), &v);
    return v;
}

/* Runs until all have executed through so many epochs more. */
static void run_epochs(unsigned epochs)
{
    const epoch_id end = cluster.members[0].executed + epochs;
    for (unsigned left = ROUNDS;; left--) {
        bool done = true;
        for (unsigned k = 0; k < N; k++)
            done = done && (!cluster.members[k].up || nodeset_has(&cluster.away, k) ||
                            cluster.members[k].executed >= end);
        if (done)
            return;
        assert_true(left > 0);
        if (left % 4 == 0)
            for (unsigned k = 0; k < N; k++)
                if (cluster.members[k].up && cluster.members[k].pool_count < POOL_MAX)
                    submit(k);
        cluster_round();
    }
}

/* Until all who are here have executed through a checkpoint's epoch, beyond which nobody goes. */
static epoch_id stop_at_one(void)
{
    executes_through = 2 * EVERY;
    for (unsigned left = ROUNDS;; left--) {
        bool done = true;
        for (unsigned k = 0; k < N; k++)
            done = done && (nodeset_has(&cluster.away, k) || nodeset_has(&cluster.lagging, k) ||
                            cluster.members[k].executed == executes_through);
        if (done)
            return executes_through;
        assert_true(left > 0);
        submit(left % N);
        cluster_round();
    }
}

static struct checkpoint_record record_of(unsigned k, epoch_id epoch)
{
    static struct identity_signature signatures[NODES_MAX];
    struct checkpoint_record r = {0};
    struct store_view *view;
    assert_int_equal(store_view_open(cluster.members[k].store, &view), 0);
    if (records_view_checkpoint(view, epoch, cluster.quorum, &r, signatures))
        r = (struct checkpoint_record){0};
    store_view_close(view);
    return r;
}

static void expect_signed_by(unsigned k, epoch_id epoch, unsigned count)
{
    const struct checkpoint_record r = record_of(k, epoch);
    const struct hash digest = checkpoint_digest(&cluster.chain, &r.checkpoint);
    assert_int_equal(r.checkpoint.epoch, epoch);
    assert_int_equal(nodeset_count(&r.signers), count);
    for (unsigned p = nodeset_next(&r.signers, 0); p < N; p = nodeset_next(&r.signers, p + 1))
        assert_true(identity_verify(&cluster.keys[p], hash_slice(&digest), &r.signatures[p]));
}

static epoch_id last_one(void) { return cluster.members[0].executed / EVERY * EVERY; }

static void all_sign_the_same(void **state)
{
    (void)state;
    open_cluster(EVERY);
    run_epochs(10);
    cluster_run(100);
    const epoch_id last = last_one();
    assert_true(last >= 9);
    for (unsigned k = 0; k < N; k++) {
        for (epoch_id e = EVERY; e <= last; e += EVERY)
            expect_signed_by(k, e, N);
        assert_int_equal(view_of(k).checkpoint, last);
        assert_int_equal(view_of(k).checkpoint_signers, N);
        assert_int_equal(record_of(k, EVERY + 1).checkpoint.epoch, 0);
        for (unsigned p = 0; p < N; p++)
            for (unsigned f = 0; f < FAULT_COUNT; f++)
                assert_int_equal(cluster.members[k].faults[p][f], 0);
    }
    const unsigned before = said;
    cluster_run(1000); /* When all have all, nobody says more. */
    assert_int_equal(said, before);
}

static void without_checkpoints_nobody_signs(void **state)
{
    (void)state;
    open_cluster(EVERY);
    cluster_close();
    checkpoint_epochs = 0;
    cluster_open(N, HORIZON);
    cluster.passes = passes;
    cluster.job_comes = counted;
    run_epochs(10);
    assert_int_equal(said + signed_, 0);
    assert_int_equal(view_of(0).checkpoint, 0);
}

/* It has signed late, and the others' signatures came before it could take them. */
static void who_was_away_asks_for_the_last_one(void **state)
{
    (void)state;
    open_cluster(EVERY);
    nodeset_add(&cluster.away, 3);
    const epoch_id last = stop_at_one();
    cluster_run(20);
    for (unsigned k = 0; k < 3; k++)
        expect_signed_by(k, last, N - 1);
    nodeset_remove(&cluster.away, 3);
    cluster_run(600);
    for (unsigned k = 0; k < N; k++)
        expect_signed_by(k, last, N);
}

static bool no_signing(const struct member *m, const struct job *job)
{
    return m->id != 1 || job->result.kind != WORK_SIGN;
}

static void who_dies_before_it_has_signed_signs_afterwards(void **state)
{
    (void)state;
    open_cluster(EVERY);
    cluster.job_comes = no_signing;
    const epoch_id last = stop_at_one();
    cluster_run(10);
    const struct checkpoint_record before = record_of(1, last);
    assert_int_equal(nodeset_count(&before.signers), N - 1); /* All but its own. */
    member_crash(&cluster.members[1]);
    member_open(&cluster.members[1]);
    cluster.job_comes = counted;
    cluster_run(400);
    expect_signed_by(1, last, N);
    expect_signed_by(0, last, N);
}

static void who_has_signed_says_the_same_after_a_restart(void **state)
{
    (void)state;
    open_cluster(EVERY);
    const epoch_id last = stop_at_one();
    cluster_run(100);
    const unsigned before = signed_;
    member_crash(&cluster.members[1]);
    member_open(&cluster.members[1]);
    said = 0;
    cluster_run(100);
    assert_int_equal(signed_, before);
    assert_int_equal(said, N - 1); /* To all, once. */
    assert_int_equal(view_of(1).checkpoint, last);
    expect_signed_by(1, last, N);
}

/* For good: its next start finds the mark, whatever it has executed by then. */
static void expect_stays_off(struct member *m)
{
    char message[256] = "";
    assert_false(member_can_open(m, message, sizeof message));
    assert_non_null(strstr(message, "the ledger is not what was signed"));
    m->executed++;
    assert_false(member_can_open(m, message, sizeof message));
}

/* Its ledger is another one than when it signed: a disk that lies, or another program. */
static void who_executes_otherwise_than_it_signed_stops(void **state)
{
    (void)state;
    open_cluster(EVERY);
    nodeset_add(&cluster.lagging, 3); /* So that no block is dropped. */
    const epoch_id last = stop_at_one();
    cluster_run(100);
    struct member *m = &cluster.members[1];
    const struct hash before = m->log_root;
    member_crash(m);
    m->log_root.bytes[0] ^= 1;
    member_open(m);
    assert_int_equal(driver_flush(m->driver, cluster.now_ms), DRIVER_OTHER_STATE);
    assert_int_equal(driver_flush(m->driver, cluster.now_ms + 100), DRIVER_OTHER_STATE);
    member_crash(m);
    expect_stays_off(m);
    /* With its ledger of before it executes again what it signed. */
    m->executed = last - 1;
    m->executed_height = 0;
    m->log_root = (struct hash){{0}};
    while (m->ledger[m->executed_height].with_epoch < last)
        m->log_root = hash_inner(&m->log_root, &m->ledger[m->executed_height++].commitment);
    m->executed_ids = m->ended_ids[m->executed % ENDED];
    member_open(m);
    cluster_run(200);
    assert_int_equal(m->executed, last);
    assert_memory_equal(&m->log_root, &before, HASH_SIZE);
    assert_int_equal(view_of(1).checkpoint, last);
    member_crash(m);
    member_open(m); /* And is forgiven. */
}

/* One of f+1 that agree is correct: it is the one that is wrong. */
static void who_has_another_ledger_than_f_plus_1_stops(void **state)
{
    (void)state;
    open_cluster(EVERY);
    cluster.may_fail = true;
    cluster.members[2].log_root.bytes[0] ^= 1;
    run_epochs(2 * EVERY);
    cluster_run(200);
    struct member *m = &cluster.members[2];
    assert_int_equal(cluster.members[0].faults[2][FAULT_OTHER_STATE], 1);
    assert_int_equal(cluster.members[0].faults[1][FAULT_OTHER_STATE], 0);
    assert_false(m->up);
    assert_true(cluster.members[0].up && cluster.members[1].up && cluster.members[3].up);
    expect_signed_by(0, EVERY, N - 1);
    expect_stays_off(m);
}

/* f of them may lie. */
static void one_other_signature_stops_nobody(void **state)
{
    (void)state;
    open_cluster(EVERY);
    liar = 2;
    lie = OTHER_LEDGER;
    run_epochs(EVERY);
    cluster_run(200);
    for (unsigned k = 0; k < N; k++)
        assert_true(cluster.members[k].up);
    assert_int_equal(cluster.members[0].faults[2][FAULT_OTHER_STATE], 1);
    expect_signed_by(0, EVERY, N - 1);
}

/* The last one is shown, gathered and signed also by who has executed more since. */
static void who_restarts_later_knows_the_last_one(void **state)
{
    (void)state;
    open_cluster(EVERY);
    liar = 1;
    lie = SILENT;
    cluster.job_comes = no_signing;
    const epoch_id last = stop_at_one();
    cluster_run(100);
    expect_signed_by(1, last, N - 1);
    executes_through = last + 1;
    for (unsigned k = 0; k < 20; k++)
        submit(0);
    cluster_run(100);
    assert_int_equal(cluster.members[1].executed, last + 1);
    member_crash(&cluster.members[1]);
    member_open(&cluster.members[1]);
    assert_int_equal(view_of(1).checkpoint, last);
    assert_int_equal(view_of(1).checkpoint_signers, N - 1);
    lie = TRUTH;
    cluster.job_comes = counted;
    cluster_run(400);
    for (unsigned k = 0; k < N; k++)
        expect_signed_by(k, last, N);
}

static void a_signature_that_is_none_counts_once(void **state)
{
    (void)state;
    open_cluster(EVERY);
    liar = 2;
    lie = BAD_SIGNATURE;
    run_epochs(EVERY);
    cluster_run(400);
    assert_int_equal(cluster.members[0].faults[2][FAULT_BAD_SIGNATURE], 1);
    expect_signed_by(0, last_one(), N - 1);
}

static void say_often(node_id from, struct message m, unsigned times, unsigned step)
{
    static uint8_t frame[16 << 10];
    struct writer w = writer_of(frame, sizeof frame);
    message_header_encode(&w, &cluster.chain, &(struct word){1, 0, 0});
    for (unsigned k = 0; k < times; k++, m.epoch += step)
        message_encode(&w, cluster.quorum, from, 0, &m);
    post_frame(from, 0, DRIVER_VOTES, writer_result(&w));
    cluster_run(5);
}

/* However often it says it: one at a time is verified, none when it is here, and no more after one
 * that was none. */
static void a_flood_of_them_costs_one_verification(void **state)
{
    (void)state;
    open_cluster(EVERY);
    liar = 2;
    lie = SILENT;
    const epoch_id last = stop_at_one();
    cluster_run(100);
    cluster.passes = NULL;
    const struct checkpoint_record r = record_of(2, last);
    struct message m = {.kind = MESSAGE_CHECKPOINT, .epoch = last};
    m.checkpoint.digest = checkpoint_digest(&cluster.chain, &r.checkpoint);
    m.checkpoint.signature = r.signatures[2];
    m.epoch = last + 1; /* Of what is no checkpoint, and of what is none yet. */
    verified = 0;
    say_often(2, m, 100, 1);
    m.epoch = last << 30;
    say_often(2, m, 100, EVERY);
    assert_int_equal(verified, 0);
    m.epoch = last;
    say_often(2, m, 100, 0);
    assert_int_equal(verified, 1);
    expect_signed_by(0, last, N);
    assert_int_equal(cluster.members[0].faults[2][FAULT_BAD_SIGNATURE], 0);
}

static void a_flood_of_lies_costs_one_verification(void **state)
{
    (void)state;
    open_cluster(EVERY);
    liar = 2;
    lie = SILENT;
    const epoch_id last = stop_at_one();
    cluster_run(100);
    struct message m = {.kind = MESSAGE_CHECKPOINT, .epoch = last};
    verified = 0;
    cluster.passes = NULL;
    say_often(2, m, 100, 0);
    say_often(2, m, 100, 0);
    assert_int_equal(verified, 1);
    assert_int_equal(cluster.members[0].faults[2][FAULT_BAD_SIGNATURE], 1);
    expect_signed_by(0, last, N - 1);
}

static unsigned answers;
static bool count_answers(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (p->lane == DRIVER_VOTES && p->from == 0 && section_next(&r, p, &m))
        answers += m.kind == MESSAGE_CHECKPOINT;
    return true;
}

static void whoever_asks_without_end_is_answered_with_measure(void **state)
{
    (void)state;
    open_cluster(EVERY);
    run_epochs(EVERY);
    cluster_run(100);
    cluster.passes = count_answers;
    static uint8_t frame[64 << 10];
    struct writer w = writer_of(frame, sizeof frame);
    const struct message m = {.kind = MESSAGE_WANT_CHECKPOINT, .epoch = last_one()};
    message_header_encode(&w, &cluster.chain, &(struct word){1, 0, 0});
    for (unsigned k = 0; k < 5000; k++)
        message_encode(&w, cluster.quorum, 2, 0, &m);
    answers = 0;
    post_frame(2, 0, DRIVER_VOTES, writer_result(&w));
    cluster_run(3);
    assert_in_range(answers, 1, 2);
}

static void old_ones_are_dropped(void **state)
{
    (void)state;
    open_cluster(EVERY);
    run_epochs((RECORD_CHECKPOINTS_KEPT + 3) * EVERY);
    cluster_run(100);
    const epoch_id last = last_one();
    for (epoch_id e = EVERY; e <= last; e += EVERY) {
        const bool kept = e + RECORD_CHECKPOINTS_KEPT * EVERY > last;
        assert_int_equal(record_of(0, e).checkpoint.epoch, kept ? e : 0);
    }
}

/* What is executed does not stay unsigned, though no more transactions come; then all is silent. */
enum { FAR_EVERY = 30, DELAY_ROUNDS = 40 };

static void open_idle_cluster(void)
{
    checkpoint_delay_ms = DELAY_ROUNDS * ROUND_MS;
    open_cluster(FAR_EVERY);
    checkpoint_delay_ms = UINT32_MAX;
}

/* A few epochs beyond it were in flight. */
static void expect_silent_after(epoch_id epoch)
{
    const epoch_id end = cluster.members[0].executed;
    assert_in_range(end, epoch, epoch + WINDOW - 1);
    cluster_run(10 * DELAY_ROUNDS);
    for (unsigned k = 0; k < N; k++) {
        assert_int_equal(cluster.members[k].executed, end);
        expect_signed_by(k, epoch, N);
    }
}

static void an_idle_cluster_goes_on_to_the_next_one(void **state)
{
    (void)state;
    open_idle_cluster();
    for (unsigned times = 1; times < 4; times++) {
        submit(times % N);
        cluster_until(all_executed, 100);
        assert_in_range(cluster.members[0].executed, 1, times * FAR_EVERY - 10);
        cluster_run(DELAY_ROUNDS / 2);
        assert_in_range(cluster.members[0].executed, 1, times * FAR_EVERY - 10);
        cluster_run(40 * FAR_EVERY);
        expect_silent_after(times * FAR_EVERY);
    }
    expect_one_ledger();
}

static void after_a_restart_too(void **state)
{
    (void)state;
    open_idle_cluster();
    submit(0);
    cluster_until(all_executed, 100);
    cluster_run(10);
    checkpoint_delay_ms = DELAY_ROUNDS * ROUND_MS;
    for (unsigned k = 0; k < N; k++)
        member_crash(&cluster.members[k]);
    for (unsigned k = 0; k < N; k++)
        member_open(&cluster.members[k]);
    checkpoint_delay_ms = UINT32_MAX;
    cluster_run(40 * FAR_EVERY);
    expect_silent_after(FAR_EVERY);
    for (unsigned k = 0; k < N; k++)
        member_crash(&cluster.members[k]);
    for (unsigned k = 0; k < N; k++)
        member_open(&cluster.members[k]);
    expect_silent_after(FAR_EVERY); /* Nothing was executed since. */
    expect_one_ledger();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(all_sign_the_same),
        CORE_TEST(without_checkpoints_nobody_signs),
        CORE_TEST(who_was_away_asks_for_the_last_one),
        CORE_TEST(who_dies_before_it_has_signed_signs_afterwards),
        CORE_TEST(who_has_signed_says_the_same_after_a_restart),
        CORE_TEST(who_executes_otherwise_than_it_signed_stops),
        CORE_TEST(who_has_another_ledger_than_f_plus_1_stops),
        CORE_TEST(one_other_signature_stops_nobody),
        CORE_TEST(who_restarts_later_knows_the_last_one),
        CORE_TEST(a_signature_that_is_none_counts_once),
        CORE_TEST(a_flood_of_them_costs_one_verification),
        CORE_TEST(a_flood_of_lies_costs_one_verification),
        CORE_TEST(whoever_asks_without_end_is_answered_with_measure),
        CORE_TEST(old_ones_are_dropped),
        CORE_TEST(an_idle_cluster_goes_on_to_the_next_one),
        CORE_TEST(after_a_restart_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
