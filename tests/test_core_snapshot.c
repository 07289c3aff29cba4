/* What a snapshot stands for is dropped though someone has not executed it; and who begins with one
 * goes on as if it had. */
#include "tests/core_snapshot.h"

enum { N = 4, AWAY = 3, HORIZON = 1000, EVERY = 5 };

static epoch_id target;

static bool have_executed(void)
{
    for (unsigned k = 0; k < AWAY; k++)
        if (cluster.members[k].executed < target)
            return false;
    return true;
}

static void submit_and_run(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        submit(i % AWAY);
        cluster_run(12);
    }
}

struct counting {
    epoch_id through;
    unsigned count;
};

static int count_record(void *context, struct slice key, struct slice value)
{
    struct reader r = reader_of(key);
    struct counting *c = context;
    (void)value;
    c->count += read_u64(&r) <= c->through;
    return 0;
}

/* Records of epochs through one. */
static unsigned records(unsigned k, enum consensus_table table, epoch_id through)
{
    struct store_view *view;
    struct counting c = {through, 0};
    assert_int_equal(store_view_open(cluster.members[k].store, &view), 0);
    assert_int_equal(store_view_scan(view, table, (struct slice){0}, count_record, &c), 0);
    store_view_close(view);
    return c.count;
}

static void open_without_last(unsigned transactions)
{
    checkpoint_epochs = EVERY;
    cluster_open(N, HORIZON);
    submit_and_run(3);
    cluster_until(all_executed, 400);
    cluster_run(50);
    submit(0);
    for (unsigned left = 100; records(AWAY, TABLE_VOTES, UINT64_MAX) == 0; left--) {
        assert_true(left > 0);
        cluster_round();
    }
    nodeset_add(&cluster.away, AWAY); /* In the middle of an epoch. */
    submit_and_run(transactions);
    cluster_until(all_executed, 400);
}

static bool has_block(unsigned k, const struct delivery *d)
{
    struct store_view *view;
    struct slice block;
    assert_int_equal(store_view_open(cluster.members[k].store, &view), 0);
    const int error = driver_block(view, d->epoch, d->proposer, &block);
    store_view_close(view);
    return error == 0;
}

/* Of the blocks delivered from `from` on through `to`, how many are there. */
static unsigned blocks_of(unsigned k, epoch_id from, epoch_id to, unsigned *all)
{
    const struct member *m = &cluster.members[k];
    unsigned count = 0;
    *all = 0;
    for (unsigned i = 0; i < m->executed_height; i++)
        if (m->ledger[i].with_epoch >= from && m->ledger[i].with_epoch <= to) {
            (*all)++;
            count += has_block(k, &m->ledger[i]);
        }
    return count;
}

static void expect_all(unsigned k, epoch_id from, epoch_id to)
{
    unsigned all;
    const unsigned here = blocks_of(k, from, to, &all);
    assert_true(all > 0);
    assert_int_equal(here, all);
}

static void what_a_snapshot_stands_for_is_dropped(void **state)
{
    (void)state;
    unsigned all;
    open_without_last(60);
    const epoch_id behind = cluster.members[AWAY].executed, now = cluster.members[0].executed;
    assert_true(now > behind + 20);
    expect_all(0, behind + 1, now);
    const unsigned outcomes = records(0, TABLE_OUTCOMES, now - 5);
    assert_true(outcomes > 0);
    driver_hold(cluster.members[0].driver, now - 5);
    cluster_run(100);
    assert_int_equal(records(0, TABLE_OUTCOMES, now - 5),
                     outcomes); /* Who is away has not closed them. */
    assert_int_equal(blocks_of(0, 1, now - 5, &all), 0);
    assert_true(all > 0);
    expect_all(0, now - 4, now);
    expect_all(1, behind + 1, now);
}

/* Of an epoch that is not executed here, there is nothing to stand for yet. */
static void what_is_not_executed_is_kept(void **state)
{
    (void)state;
    open_without_last(30);
    const epoch_id behind = cluster.members[AWAY].executed, now = cluster.members[0].executed;
    driver_hold(cluster.members[0].driver, now + 1000);
    cluster_run(20);
    expect_all(0, behind + 1, now);
}

static void who_begins_with_one_goes_on(void **state)
{
    (void)state;
    unsigned all;
    open_without_last(60);
    const epoch_id behind = cluster.members[AWAY].executed;
    const epoch_id last = cluster.members[0].executed / EVERY * EVERY;
    for (unsigned k = 0; k < AWAY; k++)
        driver_hold(cluster.members[k].driver, last);
    cluster_run(200);
    assert_int_equal(blocks_of(0, behind + 1, last, &all), 0);
    cluster.away = (struct nodeset){0};
    cluster_run(1000); /* What it lacks is gone. */
    assert_int_equal(cluster.members[AWAY].executed, behind);
    begin_with_snapshot(&cluster.members[AWAY], last);
    assert_int_equal(word_of(AWAY).executed, last);
    cluster_round();
    struct node_view view;
    node_view(node_of(AWAY), &view);
    assert_int_equal(view.checkpoint, last);
    assert_true(view.checkpoint_signers >= quorum_some(cluster.quorum));
    for (unsigned k = 0; k < N; k++)
        submit(k);
    cluster_until(all_executed, 1000);
    cluster_run(200);
    expect_one_ledger();
    /* And again, as after a crash: nothing is adopted twice, nothing it has said since forgotten. */
    const struct word before = word_of(AWAY);
    member_crash(&cluster.members[AWAY]);
    member_open(&cluster.members[AWAY]);
    assert_true(word_of(AWAY).first_unsealed >= before.first_unsealed);
    submit(AWAY);
    target = cluster.members[0].executed + 1;
    cluster_until(have_executed, 1000);
    cluster_until(all_executed, 1000);
    cluster_run(200);
    expect_one_ledger();
}

/* What it has said stays said: it closes the epochs of before like any other. */
static void what_it_has_said_stays(void **state)
{
    (void)state;
    open_without_last(30);
    const epoch_id last = cluster.members[0].executed / EVERY * EVERY;
    const unsigned votes = records(AWAY, TABLE_VOTES, last);
    const epoch_id first_unsealed = word_of(AWAY).first_unsealed;
    assert_true(votes > 0);
    assert_true(first_unsealed <= last);
    begin_with_snapshot(&cluster.members[AWAY], last);
    assert_int_equal(records(AWAY, TABLE_VOTES, last), votes);
    assert_int_equal(word_of(AWAY).first_unsealed, first_unsealed);
    cluster.away = (struct nodeset){0};
    submit(AWAY);
    cluster_until(all_executed, 2000);
    cluster_run(200);
    expect_one_ledger();
    assert_true(word_of(AWAY).first_unsealed > last);
}

/* Two of the others wait for its TERM in an epoch that the snapshot stands for. */
static void others_close_what_it_stands_for_with_it(void **state)
{
    (void)state;
    checkpoint_epochs = EVERY;
    cluster_open(N, HORIZON);
    nodeset_add(&cluster.away, AWAY);
    submit_and_run(2);
    for (unsigned k = 0; word_of(0).agreed < 2 * EVERY; k++) {
        assert_true(k < 400);
        submit(k % 2);
        cluster_run(6);
    }
    nodeset_add(&cluster.away, 2); /* Whoever has not closed what it has agreed hears no more. */
    cluster_run(100);
    const epoch_id last = cluster.members[0].executed / EVERY * EVERY;
    begin_with_snapshot(&cluster.members[AWAY], last);
    cluster.away = (struct nodeset){0};
    member_crash(&cluster.members[2]);
    nodeset_add(&cluster.away, 2);
    const unsigned ids = cluster.members[0].executed_ids;
    submit(0);
    submit(AWAY);
    for (unsigned left = 2000; cluster.members[0].executed_ids < ids + 2; left--) {
        assert_true(left > 0);
        cluster_round();
    }
    assert_true(word_of(0).first_unsealed > last);
}

/* Its own record of agreement may be ahead of the snapshot: that stays. */
static void what_was_agreed_beyond_it_stays(void **state)
{
    (void)state;
    checkpoint_epochs = EVERY;
    cluster_open(N, HORIZON);
    nodeset_add(&cluster.lagging, AWAY); /* It agrees, and executes nothing. */
    submit_and_run(40);
    target = 20;
    cluster_until(have_executed, 1000);
    const epoch_id sealed = word_of(AWAY).first_unsealed;
    assert_true(sealed > EVERY + 1);
    cluster.lagging = (struct nodeset){0};
    begin_with_snapshot(&cluster.members[AWAY], EVERY);
    assert_int_equal(word_of(AWAY).first_unsealed, sealed);
    submit(AWAY);
    cluster_until(all_executed, 1000);
    cluster_run(200);
    expect_one_ledger();
}

static bool without_pieces(struct post *p) { return p->to != AWAY || p->lane != DRIVER_RETRIEVAL; }

/* What it has of dispersals that the snapshot has delivered is pruned as if it had delivered them. */
static void what_it_has_of_what_is_delivered_goes(void **state)
{
    (void)state;
    checkpoint_epochs = EVERY;
    cluster_open(N, HORIZON);
    cluster.passes = without_pieces;
    submit_and_run(20);
    target = EVERY + 2;
    cluster_until(have_executed, 1000);
    assert_true(cluster.members[AWAY].executed < EVERY);
    assert_true(records(AWAY, TABLE_CHUNKS, EVERY) > 0);
    begin_with_snapshot(&cluster.members[AWAY], EVERY);
    cluster.passes = NULL;
    submit(AWAY);
    cluster_until(all_executed, 1000);
    cluster_run(200);
    expect_one_ledger();
    assert_int_equal(records(AWAY, TABLE_CHUNKS, EVERY), 0);
}

static void put_number(const char *name, uint64_t value)
{
    struct store *s = cluster.members[AWAY].store;
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(records_put_number(s, name, value), 0);
    assert_int_equal(store_commit(s), 0);
}

/* Its ledger was another than f+1 signed: now it has theirs. */
static void whose_ledger_was_another_has_the_right_one_now(void **state)
{
    (void)state;
    open_without_last(30);
    const epoch_id last = cluster.members[0].executed / EVERY * EVERY;
    put_number("other_state", last);
    begin_with_snapshot(&cluster.members[AWAY], last);
    member_crash(&cluster.members[AWAY]);
    member_open(&cluster.members[AWAY]);
}

/* It has signed that the ledger was another then: it may not sign this one too. */
static void who_signed_another_ledger_does_not_sign_this(void **state)
{
    (void)state;
    char message[256];
    open_without_last(30);
    const epoch_id last = cluster.members[0].executed / EVERY * EVERY;
    struct identity_signature signatures[NODES_MAX];
    struct checkpoint_record r = {.checkpoint.epoch = last, .signatures = signatures};
    struct store *s = cluster.members[AWAY].store;
    memset(signatures, 0, sizeof signatures);
    nodeset_add(&r.signers, AWAY);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(records_put_checkpoint(s, &r, EVERY), 0);
    assert_int_equal(store_commit(s), 0);
    assert_false(can_begin_with_snapshot(&cluster.members[AWAY], last, message, sizeof message));
}

static unsigned said; /* Frames of the one away. */

static bool count_said(struct post *p)
{
    said += p->from == AWAY;
    return true;
}

/* Who has nothing says nothing while it is mute, whatever is said to it; then all that it has missed. */
static void who_is_mute_says_nothing(void **state)
{
    (void)state;
    checkpoint_epochs = EVERY;
    cluster_open(N, HORIZON);
    struct driver *d = cluster.members[AWAY].driver;
    assert_true(driver_is_blank(d));
    assert_int_equal(driver_lost(d), 0);
    driver_mute(d, true);
    cluster.passes = count_said;
    said = 0;
    submit(AWAY);
    for (unsigned i = 0; i < 10; i++) {
        submit(i % AWAY);
        cluster_run(12);
    }
    target = 5;
    cluster_until(have_executed, 1000);
    assert_int_equal(said, 0);
    assert_int_equal(records(AWAY, TABLE_VOTES, UINT64_MAX), 0);
    assert_int_equal(records(AWAY, TABLE_INSTANCES, UINT64_MAX), 0);
    driver_mute(d, false);
    cluster_until(all_executed, 1000);
    cluster_run(200);
    expect_one_ledger();
    assert_true(said > 0);
    member_crash(&cluster.members[AWAY]);
    member_open(&cluster.members[AWAY]);
    assert_false(driver_is_blank(cluster.members[AWAY].driver));
}

/* A vote is enough to know that something was said. */
static void who_has_voted_is_not_blank(void **state)
{
    (void)state;
    checkpoint_epochs = EVERY;
    cluster_open(N, HORIZON);
    submit(AWAY);
    for (unsigned left = 100; records(AWAY, TABLE_INSTANCES, UINT64_MAX) == 0; left--) {
        assert_true(left > 0);
        cluster_round();
    }
    assert_int_equal(word_of(AWAY).first_unsealed, 1);
    member_crash(&cluster.members[AWAY]);
    member_open(&cluster.members[AWAY]);
    assert_false(driver_is_blank(cluster.members[AWAY].driver));
}

/* That data was lost is remembered until there is a snapshot to begin with. */
static void what_was_lost_is_remembered(void **state)
{
    (void)state;
    open_without_last(30);
    struct member *m = &cluster.members[AWAY];
    const epoch_id last = cluster.members[0].executed / EVERY * EVERY;
    assert_int_equal(driver_remember_lost(m->driver, LOST_NOT_KNOWN), 0);
    assert_int_equal(driver_lost(m->driver), LOST_NOT_KNOWN);
    assert_int_equal(driver_remember_lost(m->driver, last), 0);
    member_crash(m);
    member_open(m);
    assert_int_equal(driver_lost(m->driver), last);
    begin_with_snapshot(&cluster.members[AWAY], last);
    assert_int_equal(driver_lost(m->driver), 0);
    assert_int_equal(word_of(AWAY).first_unsealed, last + 1); /* It is silent before. */
}

enum { SLOW = 2 };
static struct {
    bool holds;
    epoch_id epoch;   /* Of the one dispersal of SLOW that does not get through. */
    epoch_id through; /* Of the snapshot. */
    unsigned came, promised;
} held;

static bool keeps_section(const struct post *p, struct message *m)
{
    if (p->from == AWAY && m->epoch <= held.through &&
        (m->kind == MESSAGE_ROOTS || m->kind == MESSAGE_READY || m->kind == MESSAGE_VOTES))
        held.promised++;
    if (p->from != SLOW || m->kind != MESSAGE_CHUNK)
        return true;
    if (held.holds && held.epoch == 0)
        held.epoch = m->epoch;
    held.came += p->to == AWAY && m->epoch == held.epoch;
    return !held.holds || m->epoch != held.epoch;
}

static bool hold_one(struct post *p)
{
    keep_sections(p, keeps_section);
    return true;
}

/* A dispersal of before the snapshot comes to it that it may have promised, under another root: it
 * listens, and takes part in what comes after. */
static void who_lost_its_data_promises_nothing_of_before(void **state)
{
    (void)state;
    memset(&held, 0, sizeof held);
    checkpoint_epochs = EVERY;
    cluster_open(N, HORIZON);
    submit_and_run(3);
    cluster.passes = hold_one;
    held.holds = true;
    submit(SLOW);
    cluster_run(50);
    submit_and_run(30);
    struct member *m = &cluster.members[AWAY];
    const epoch_id open = word_of(AWAY).first_unsealed + WINDOW;
    nodeset_add(&cluster.away, AWAY); /* Until others are beyond all that it may have said. */
    while (cluster.members[0].executed < open + EVERY)
        submit_and_run(1);
    held.through = cluster.members[0].executed / EVERY * EVERY;
    assert_true(held.epoch > 0 && held.through >= open);
    member_crash(m);
    store_memory_forget(m->path);
    m->executed = 0;
    member_open(m);
    assert_int_equal(driver_remember_lost(m->driver, held.through), 0);
    begin_with_snapshot(&cluster.members[AWAY], held.through);
    cluster.away = (struct nodeset){0};
    held.came = held.promised = 0;
    held.holds = false;
    cluster_until(all_executed, 2000);
    for (unsigned k = 0; k < N; k++)
        submit(k);
    cluster_until(all_executed, 1000);
    cluster_run(200);
    assert_true(held.came > 0);
    assert_int_equal(held.promised, 0);
    expect_one_ledger();
    member_crash(m); /* And so it is after a restart. */
    member_open(m);
    submit(SLOW);
    cluster_until(all_executed, 1000);
    assert_int_equal(held.promised, 0);
    assert_int_equal(node_of(AWAY)->silent, held.through);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(what_a_snapshot_stands_for_is_dropped),
        CORE_TEST(what_is_not_executed_is_kept),
        CORE_TEST(who_begins_with_one_goes_on),
        CORE_TEST(what_it_has_said_stays),
        CORE_TEST(others_close_what_it_stands_for_with_it),
        CORE_TEST(whose_ledger_was_another_has_the_right_one_now),
        CORE_TEST(who_signed_another_ledger_does_not_sign_this),
        CORE_TEST(who_is_mute_says_nothing),
        CORE_TEST(who_has_voted_is_not_blank),
        CORE_TEST(what_was_lost_is_remembered),
        CORE_TEST(who_lost_its_data_promises_nothing_of_before),
        CORE_TEST(what_was_agreed_beyond_it_stays),
        CORE_TEST(what_it_has_of_what_is_delivered_goes),
    };
    return cmocka_run_group_tests_name("core snapshot", tests, NULL, NULL);
}
