/* Gathering a snapshot from peers that are there or not, and lie or do not. */
#include "node/catch_up.h"
#include "node/executor_snapshot.h"
#include "tests/snapshot_fixture.h"

enum {
    TURNS = 2 * CATCH_UP_GIVE_UP_MS / CATCH_UP_PATIENCE_MS,
    HORIZON = 8,
    AT = 5,
    SELF = 0,
    MS = 1000000
};

static struct identity_key parsed[N];
static struct store *theirs, *ours;
static struct snapshot_head head;
static struct catch_up c;
static unsigned asked_of[N], faults[N];
static struct {
    node_id peer;
    epoch_id epoch;
    uint32_t index;
} asked[1000];
static unsigned asked_count;
static uint64_t now;

static void ask(void *context, node_id peer, epoch_id epoch, uint32_t index)
{
    (void)context;
    assert_true(asked_count < sizeof asked / sizeof *asked);
    asked[asked_count].peer = peer;
    asked[asked_count].epoch = epoch;
    asked[asked_count++].index = index;
    asked_of[peer]++;
}

static void fault(void *context, node_id peer)
{
    (void)context;
    faults[peer]++;
}

static void open_ours(void)
{
    const struct snapshot_rules rules = {quorum_of(N), chain, HORIZON, parsed, false};
    const struct catch_up_ports ports = {NULL, ask, fault};
    ours = snapshots_at('b');
    assert_int_equal(catch_up_open(&c, &rules, ours, &ports), 0);
    asked_count = 0;
}

/* What peers hold at the end of epoch `at`, signed by two. */
static struct snapshot_head make(struct store *ledger, epoch_id at)
{
    struct executor_state state = {.epoch = 0};
    struct snapshot_head made;
    struct store_view *view;
    struct executor *x = open_on(ledger, NULL);
    for (epoch_id e = committed(ledger).epoch + 1; e <= at; e++)
        assert_int_equal(run_epoch(x, e, &state), 0);
    executor_close(x);
    assert_int_equal(store_view_open(ledger, &view), 0);
    assert_int_equal(snapshots_make(theirs, view, quorum_of(N), HORIZON, NULL), 0);
    store_view_close(view);
    assert_int_equal(store_view_open(theirs, &view), 0);
    assert_int_equal(snapshots_last(view, quorum_of(N), SNAPSHOT_UNSIGNED, &made), 0);
    store_view_close(view);
    const struct hash digest = checkpoint_digest(&chain, &made.checkpoint);
    for (unsigned signer = 1; signer < 3; signer++) {
        nodeset_add(&made.signers, signer);
        assert_true(
            identity_sign(&secrets[signer], hash_slice(&digest), NULL, &made.signatures[signer]));
    }
    return made;
}

static int begin(void **state)
{
    const int error = setup_history(state);
    for (unsigned i = 0; i < N; i++)
        assert_true(identity_parse(&keys[i], &parsed[i]));
    theirs = snapshots_at('a');
    struct store *ledger = store_at('c');
    head = make(ledger, AT);
    store_close(ledger);
    memset(asked_of, 0, sizeof asked_of);
    memset(faults, 0, sizeof faults);
    now = MS;
    open_ours();
    return error;
}

static int end(void **state)
{
    store_close(ours);
    store_close(theirs);
    return teardown(state);
}

static void offer(node_id from, const struct snapshot_head *h)
{
    uint8_t bytes[SNAPSHOT_HEAD_SIZE_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    snapshot_head_encode(&w, h);
    catch_up_offer(&c, from, 1, writer_result(&w), now);
}

static bool tick(uint64_t still_ms)
{
    bool complete;
    assert_int_equal(catch_up_tick(&c, 1, still_ms, now, &complete), 0);
    return complete;
}

static bool in_runs_alone; /* The liar lies there alone. */

/* Answers all that was asked; what `liar` says is wrong in its last byte, `silent` says nothing. */
static void answer(node_id liar, node_id silent)
{
    static uint8_t bytes[SNAPSHOT_PIECE_SIZE_MAX];
    struct store_view *view;
    const unsigned count = asked_count;
    asked_count = 0;
    assert_int_equal(store_view_open(theirs, &view), 0);
    for (unsigned k = 0; k < count; k++) {
        struct message m = {.kind = MESSAGE_SNAPSHOT, .epoch = asked[k].epoch};
        struct hash path[MERKLE_LOG_DEPTH_MAX];
        unsigned length = 0;
        struct slice piece;
        if (asked[k].peer == silent || snapshots_piece(view, m.epoch, asked[k].index, &piece) != 0)
            continue;
        memcpy(bytes, piece.data, piece.size);
        const bool run = asked[k].index < snapshot_run_pieces(&c.head);
        bytes[piece.size - 1] ^= asked[k].peer == liar && (run || !in_runs_alone);
        if (asked[k].index >= snapshot_run_pieces(&c.head))
            assert_int_equal(snapshots_path(view, &head, asked[k].index, path, &length), 0);
        m.snapshot.index = asked[k].index;
        m.snapshot.path = slice_of(path, length * sizeof path[0]);
        m.snapshot.data = slice_of(bytes, piece.size);
        assert_int_equal(catch_up_piece(&c, asked[k].peer, &m, now), 0);
    }
    store_view_close(view);
}

static void expect_complete(void)
{
    struct snapshot_head found;
    struct store_view *view;
    assert_int_equal(store_view_open(ours, &view), 0);
    assert_int_equal(snapshots_last(view, quorum_of(N), SNAPSHOT_SIGNED, &found), 0);
    assert_memory_equal(&found.checkpoint, &head.checkpoint, sizeof head.checkpoint);
    store_view_close(view);
}

static bool gather(node_id liar, node_id silent)
{
    for (unsigned turn = 0; turn < 100; turn++, now += CATCH_UP_PATIENCE_MS / 2) {
        if (tick(CATCH_UP_LONG_MS))
            return true;
        answer(liar, silent);
    }
    return false;
}

/* f+1 offers and a while without an epoch; or one and a long while. */
static void it_waits_until_it_must(void **state)
{
    (void)state;
    assert_false(tick(10 * CATCH_UP_LONG_MS));
    offer(1, &head);
    assert_false(tick(CATCH_UP_STILL_MS));
    assert_false(c.gathering);
    offer(2, &head);
    assert_false(tick(CATCH_UP_STILL_MS - 1));
    assert_false(c.gathering);
    assert_false(tick(CATCH_UP_STILL_MS));
    assert_true(c.gathering);
    assert_true(asked_count > 0);
}

static void one_offer_is_enough_in_the_end(void **state)
{
    (void)state;
    offer(1, &head);
    assert_false(tick(CATCH_UP_LONG_MS - 1));
    assert_false(c.gathering);
    c.piece_ms = 5 * CATCH_UP_PIECE_MS; /* Others before had to take their time. */
    assert_true(gather(N, N));
    expect_complete();
    assert_int_equal(asked_of[1], snapshot_pieces(&head));
    assert_int_equal(c.piece_ms, CATCH_UP_PIECE_MS);
}

static void who_lies_or_says_nothing_is_asked_in_vain(void **state)
{
    (void)state;
    offer(1, &head);
    offer(2, &head);
    offer(3, &head);
    c.turn = 1; /* The liar is first, then who says nothing. */
    assert_true(gather(2, 3));
    expect_complete();
    assert_true(asked_of[2] > 0);
    assert_true(faults[2] > 0);
    assert_int_equal(faults[1], 0);
}

/* All pieces fit, and it is no checkpoint: runs that the teller made up. */
static void a_teller_that_lies_is_not_believed_again(void **state)
{
    (void)state;
    offer(3, &head);
    assert_true(snapshot_run_pieces(&head) > 0);
    in_runs_alone = true;
    assert_false(gather(3, N));
    in_runs_alone = false;
    assert_int_equal(faults[3], 1);
    assert_false(c.gathering);
    now += CATCH_UP_BAN_MS / 2;
    offer(3, &head);
    assert_false(tick(CATCH_UP_LONG_MS));
    assert_false(c.gathering);
    offer(1, &head);
    assert_true(gather(N, N));
    expect_complete();
}

/* Who tells of other sizes is alone with them: nobody else is asked for what there is not. */
static void a_teller_of_other_sizes_is_alone(void **state)
{
    (void)state;
    struct snapshot_head more = head;
    more.accounts += 5 * SNAPSHOT_PIECE_ENTRIES;
    offer(3, &more);
    assert_false(tick(CATCH_UP_LONG_MS));
    assert_true(c.gathering);
    offer(1, &head);
    offer(2, &head);
    for (unsigned turn = 0; turn < TURNS; turn++, now += CATCH_UP_PATIENCE_MS) {
        assert_false(tick(CATCH_UP_LONG_MS));
        if (!c.gathering)
            break;
        answer(N, N);
    }
    assert_false(c.gathering);
    assert_int_equal(asked_of[1] + asked_of[2], 0);
    assert_int_equal(faults[1] + faults[2], 0);
    now += CATCH_UP_BAN_MS / 2;
    offer(3, &more);
    assert_false(c.have); /* It is not believed. */
    offer(1, &head);
    assert_true(gather(N, N));
    expect_complete();
}

/* A piece of runs of this index, from somebody. */
static void give_run(node_id from, uint32_t index)
{
    static uint8_t bytes[SNAPSHOT_PIECE_SIZE_MAX];
    const struct message m = {
        .kind = MESSAGE_SNAPSHOT,
        .epoch = c.head.checkpoint.epoch,
        .snapshot = {.index = index,
                     .path = slice_of(bytes, 0),
                     .data = slice_of(bytes, snapshot_piece_size(&c.head, index))}};
    assert_int_equal(catch_up_piece(&c, from, &m, now), 0);
}

/* Runs may be anything, and come from the teller alone: one now and then is no progress. */
static void a_teller_that_drips_is_given_up(void **state)
{
    (void)state;
    enum { RUN_PIECES = 40, PAUSE_MS = CATCH_UP_GIVE_UP_MS * 9 / 10 };
    struct snapshot_head drip = head;
    drip.runs = RUN_PIECES * SNAPSHOT_PIECE_ENTRIES;
    c.rules.link_horizon = drip.runs;
    offer(3, &drip);
    const uint64_t begun = now;
    for (uint32_t index = 0; index < RUN_PIECES && (index == 0 || c.gathering); index++) {
        for (uint64_t end = now + PAUSE_MS; now < end; now += CATCH_UP_PATIENCE_MS)
            assert_false(tick(CATCH_UP_LONG_MS));
        asked_count = 0;
        give_run(3, index);
    }
    assert_false(c.gathering);
    assert_in_range(now - begun, CATCH_UP_GIVE_UP_MS, 3 * CATCH_UP_GIVE_UP_MS);
}

static struct message piece_of(uint32_t index)
{
    const epoch_id epoch = head.checkpoint.epoch;
    struct message m = {.kind = MESSAGE_SNAPSHOT, .epoch = epoch, .snapshot = {.index = index}};
    static struct hash path[MERKLE_LOG_DEPTH_MAX];
    static uint8_t bytes[SNAPSHOT_PIECE_SIZE_MAX];
    unsigned length = 0;
    struct store_view *view;
    struct slice piece;
    assert_int_equal(store_view_open(theirs, &view), 0);
    assert_int_equal(snapshots_piece(view, epoch, index, &piece), 0);
    if (index >= snapshot_run_pieces(&head))
        assert_int_equal(snapshots_path(view, &head, index, path, &length), 0);
    memcpy(bytes, piece.data, piece.size);
    m.snapshot.data = slice_of(bytes, piece.size);
    m.snapshot.path = slice_of(path, length * sizeof path[0]);
    store_view_close(view);
    return m;
}

/* Each piece asked of it takes all patience; it is not to have one slot after the other. Once a piece
 * has come in time others are waited for no longer than at first. */
static void who_is_silent_holds_nothing_up(void **state)
{
    (void)state;
    enum { RUN_PIECES = 200, LOOK_MS = 200, SILENT = 3 };
    struct snapshot_head long_one = head;
    long_one.runs = RUN_PIECES * SNAPSHOT_PIECE_ENTRIES;
    c.rules.link_horizon = long_one.runs;
    for (node_id k = 1; k < N; k++)
        offer(k, &long_one);
    c.teller = N; /* As after a restart: runs are asked of all. */
    const uint64_t begun = now;
    for (; c.here < RUN_PIECES && now < begun + 20 * CATCH_UP_GIVE_UP_MS; now += LOOK_MS) {
        assert_false(tick(CATCH_UP_LONG_MS));
        for (unsigned k = 0; k < asked_count; k++)
            if (asked[k].peer != SILENT && asked[k].index < RUN_PIECES)
                give_run(asked[k].peer, asked[k].index);
        asked_count = 0;
    }
    assert_int_equal(c.here, RUN_PIECES);
    assert_in_range(now - begun, 0, 2 * CATCH_UP_PATIENCE_MS + RUN_PIECES * LOOK_MS);
    assert_in_range(asked_of[SILENT], 1, CATCH_UP_PIECES);
    assert_int_equal(c.patience_ms, CATCH_UP_PATIENCE_MS);
}

/* As when their links are bad for a moment. */
static void when_all_are_silent_all_are_asked_again(void **state)
{
    (void)state;
    for (node_id k = 1; k < N; k++)
        offer(k, &head);
    assert_false(tick(CATCH_UP_LONG_MS));
    c.teller = N; /* Runs are asked of all. */
    for (uint64_t end = now + CATCH_UP_GIVE_UP_MS / 2; now < end; now += CATCH_UP_PATIENCE_MS)
        assert_false(tick(CATCH_UP_LONG_MS));
    assert_true(asked_of[1] > 1 && asked_of[2] > 1 && asked_of[3] > 1);
    asked_count = 0;
    assert_true(gather(N, N));
    expect_complete();
}

/* One piece in nine tenths of the time after which a snapshot is given up: whether it still is gathered then. */
static bool drips(node_id teller)
{
    for (uint64_t end = now + CATCH_UP_GIVE_UP_MS * 9 / 10; now < end; now += CATCH_UP_PATIENCE_MS)
        assert_false(tick(CATCH_UP_LONG_MS));
    const struct message m = piece_of(snapshot_run_pieces(&head));
    assert_int_equal(catch_up_piece(&c, teller, &m, now), 0);
    assert_true(c.bytes > 0);
    for (unsigned k = 0; k < 10; k++, now += CATCH_UP_PATIENCE_MS)
        assert_false(tick(CATCH_UP_LONG_MS));
    return c.gathering && c.teller == teller;
}

/* Pieces that fit, now and then: where others offer another one, that is tried. */
static void a_teller_that_is_slow_is_given_up_for_another(void **state)
{
    (void)state;
    const struct snapshot_head older = head;
    struct store *ledger = store_at('c');
    head = make(ledger, AT + 2);
    store_close(ledger);
    offer(1, &older);
    offer(3, &head);
    assert_false(drips(3));
    assert_true(c.piece_ms > CATCH_UP_PIECE_MS);
    offer(3, &head);
    assert_false(c.have);
    offer(1, &older);
    assert_false(tick(CATCH_UP_LONG_MS));
    assert_true(c.gathering && c.teller == 1);
}

static void where_there_is_no_choice_it_may_take_its_time(void **state)
{
    (void)state;
    offer(3, &head);
    assert_true(drips(3));
}

/* With two liars in turns the first would else be believed again before the second is given up. */
static void nobody_is_believed_again_while_another_is_gathered(void **state)
{
    (void)state;
    struct snapshot_head more = head;
    more.accounts += 5 * SNAPSHOT_PIECE_ENTRIES;
    nodeset_add(&c.banned, 3);
    c.banned_ms = now;
    offer(2, &head);
    assert_false(tick(CATCH_UP_LONG_MS));
    assert_true(c.gathering);
    now += CATCH_UP_BAN_MS + 1;
    offer(3, &more);
    assert_int_equal(c.last[3].epoch, 0);
}

/* Of more than f that were given up, one was correct. */
static void all_may_try_again(void **state)
{
    (void)state;
    for (node_id k = 1; k <= 2; k++) {
        offer(k, &head);
        for (unsigned turn = 0; turn < TURNS; turn++, now += CATCH_UP_PATIENCE_MS) {
            tick(CATCH_UP_LONG_MS);
            if (turn > 0 && !c.gathering)
                break;
            answer(N, k);
        }
        assert_false(c.gathering);
        now += 10000;
    }
    offer(1, &head);
    assert_true(gather(N, N));
    expect_complete();
}

/* On a slow link a piece comes after another was asked for it: it is no worse. Fewer are asked for at a
 * time then, and waited for longer. */
static void what_comes_late_is_taken(void **state)
{
    (void)state;
    offer(1, &head);
    offer(2, &head);
    offer(3, &head);
    assert_false(tick(CATCH_UP_STILL_MS));
    const unsigned slots = c.slots;
    const uint32_t account = snapshot_run_pieces(&head);
    unsigned first = 0;
    while (asked[first].index != account)
        first++;
    const node_id peer = asked[first].peer;
    now += CATCH_UP_PATIENCE_MS;
    assert_false(tick(CATCH_UP_STILL_MS));
    assert_true(c.patience_ms > CATCH_UP_PATIENCE_MS);
    assert_true(c.slots < slots);
    assert_true(nodeset_has(&c.silent, peer));
    const struct message m = piece_of(account);
    assert_int_equal(catch_up_piece(&c, peer, &m, now), 0);
    assert_false(nodeset_has(&c.silent, peer));
    assert_int_equal(c.bytes, m.snapshot.data.size);
    assert_int_equal(catch_up_piece(&c, peer, &m, now), 0); /* And once more. */
    assert_int_equal(c.bytes, m.snapshot.data.size);
    assert_int_equal(faults[peer], 0);
    assert_true(gather(N, N));
    expect_complete();
}

static void of_two_the_newer_is_gathered(void **state)
{
    (void)state;
    offer(1, &head);
    struct store *ledger = store_at('c');
    head = make(ledger, AT + 2);
    store_close(ledger);
    offer(2, &head);
    assert_false(tick(CATCH_UP_STILL_MS)); /* Two have offered, though not the same. */
    assert_true(c.gathering);
    assert_int_equal(c.head.checkpoint.epoch, AT + 2);
    assert_true(gather(N, N));
    expect_complete();
}

/* What f+1 say goes before what is newer. */
static void a_liar_does_not_come_first(void **state)
{
    (void)state;
    struct snapshot_head more = head;
    more.accounts += 5 * SNAPSHOT_PIECE_ENTRIES;
    offer(3, &more);
    offer(1, &head);
    offer(2, &head);
    assert_false(tick(CATCH_UP_STILL_MS));
    assert_true(c.gathering);
    assert_int_equal(c.head.accounts, head.accounts);
    assert_true(gather(N, N));
    expect_complete();
    assert_int_equal(asked_of[3], 0);
}

/* Nobody has signed what its pieces are: one alone may say anything. */
static void what_nobody_signs_takes_f_plus_1_alike(void **state)
{
    (void)state;
    struct snapshot_head first = head, other;
    c.rules.opaque = true;
    offer(0, &first);
    assert_false(c.have); /* It is of another kind. */
    first.opaque = true;
    first.accounts = 0;
    first.ids = first.state_pieces = 2;
    other = first;
    other.pieces_root.bytes[0] ^= 1;
    now += 2000; /* Between two offers that are looked at. */
    assert_false(catch_up_waits(&c));
    offer(0, &first);
    offer(1, &other);
    tick(2 * CATCH_UP_LONG_MS);
    assert_false(c.gathering);
    assert_true(catch_up_waits(&c));
    offer(2, &other);
    tick(CATCH_UP_STILL_MS - 1);
    assert_false(c.gathering);
    assert_false(catch_up_waits(&c));
    tick(CATCH_UP_STILL_MS);
    assert_true(c.gathering);
    assert_memory_equal(&c.head.pieces_root, &other.pieces_root, HASH_SIZE);
    assert_false(nodeset_has(&c.offering, 0));
    assert_false(catch_up_waits(&c));
}

static void what_is_here_is_not_asked_for_again(void **state)
{
    (void)state;
    offer(1, &head);
    offer(2, &head);
    assert_false(tick(CATCH_UP_STILL_MS));
    const unsigned pieces = asked_count;
    assert_int_equal(pieces, snapshot_pieces(&head));
    asked_count = 1; /* Of these, one comes; then the program ends. */
    answer(N, N);
    store_close(ours);
    now += MS;
    open_ours();
    assert_true(c.gathering);
    assert_false(tick(0));
    assert_int_equal(asked_count, 0); /* Nobody has offered it yet. */
    offer(1, &head);
    assert_false(tick(0));
    assert_int_equal(asked_count, pieces - 1);
    answer(N, N);
    assert_true(tick(0));
    expect_complete();
}

/* Peers may be there sooner than the first look at it. */
static void an_offer_right_after_a_restart_loses_nothing(void **state)
{
    (void)state;
    offer(1, &head);
    assert_false(tick(CATCH_UP_LONG_MS));
    asked_count = 1;
    answer(N, N);
    store_close(ours);
    now += MS;
    open_ours();
    offer(1, &head);
    assert_false(tick(0));
    assert_true(c.gathering);
    assert_int_equal(asked_count, snapshot_pieces(&head) - 1);
    answer(N, N);
    assert_true(tick(0));
    expect_complete();
}

/* Nobody has it any more, but there is a later one. */
static void a_later_one_takes_the_place_of_one_that_is_gone(void **state)
{
    (void)state;
    offer(1, &head);
    assert_false(tick(CATCH_UP_LONG_MS));
    assert_true(c.gathering);
    struct store *ledger = store_at('c');
    head = make(ledger, AT + 2);
    store_close(ledger);
    for (unsigned turn = 0; turn < TURNS && c.gathering; turn++) {
        now += CATCH_UP_PATIENCE_MS;
        tick(CATCH_UP_LONG_MS);
        answer(N, 1);
    }
    assert_false(c.gathering);
    now += MS;
    offer(1, &head);
    assert_true(gather(N, N));
    expect_complete();
}

static void what_is_executed_is_not_gathered(void **state)
{
    (void)state;
    bool complete;
    uint8_t bytes[SNAPSHOT_HEAD_SIZE_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    snapshot_head_encode(&w, &head);
    catch_up_offer(&c, 3, AT, writer_result(&w), now);
    assert_false(c.have);
    offer(1, &head);
    offer(2, &head);
    assert_false(tick(CATCH_UP_STILL_MS));
    assert_true(c.gathering);
    assert_int_equal(catch_up_tick(&c, AT, 0, now, &complete), 0);
    assert_false(complete);
    assert_false(c.gathering);
}

static void an_offer_that_is_none_is_a_fault(void **state)
{
    (void)state;
    struct snapshot_head bad = head;
    bad.signatures[1].bytes[0] ^= 1;
    offer(2, &bad);
    assert_int_equal(faults[2], 1);
    assert_false(tick(10 * CATCH_UP_LONG_MS));
    assert_false(c.gathering);
    offer(2, &bad); /* Too soon to be looked at. */
    assert_int_equal(faults[2], 1);
}

#define GATHER_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        GATHER_TEST(it_waits_until_it_must),
        GATHER_TEST(one_offer_is_enough_in_the_end),
        GATHER_TEST(who_lies_or_says_nothing_is_asked_in_vain),
        GATHER_TEST(a_teller_that_lies_is_not_believed_again),
        GATHER_TEST(what_comes_late_is_taken),
        GATHER_TEST(of_two_the_newer_is_gathered),
        GATHER_TEST(a_liar_does_not_come_first),
        GATHER_TEST(a_teller_of_other_sizes_is_alone),
        GATHER_TEST(a_teller_that_drips_is_given_up),
        GATHER_TEST(a_teller_that_is_slow_is_given_up_for_another),
        GATHER_TEST(where_there_is_no_choice_it_may_take_its_time),
        GATHER_TEST(who_is_silent_holds_nothing_up),
        GATHER_TEST(when_all_are_silent_all_are_asked_again),
        GATHER_TEST(nobody_is_believed_again_while_another_is_gathered),
        GATHER_TEST(all_may_try_again),
        GATHER_TEST(what_nobody_signs_takes_f_plus_1_alike),
        GATHER_TEST(what_is_here_is_not_asked_for_again),
        GATHER_TEST(an_offer_right_after_a_restart_loses_nothing),
        GATHER_TEST(a_later_one_takes_the_place_of_one_that_is_gone),
        GATHER_TEST(what_is_executed_is_not_gathered),
        GATHER_TEST(an_offer_that_is_none_is_a_fault),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("catch up", tests, NULL, NULL);
}
