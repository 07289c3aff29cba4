/* Snapshots of a ledger: made, taken apart, put together again, and what is not one refused. */
#include "node/executor_snapshot.h"
#include "node/snapshots.h"
#include "tests/snapshot_fixture.h"

#include <time.h>

enum { HORIZON = 8, AT = EPOCHS / 2, MANY = 3 * SNAPSHOT_PIECE_ENTRIES + 5 };

static struct identity_key parsed[N];
static struct snapshot_rules rules;

static void make_rules(void)
{
    rules = (struct snapshot_rules){quorum_of(N), chain, HORIZON, parsed, false};
    for (unsigned i = 0; i < N; i++)
        assert_true(identity_parse(&keys[i], &parsed[i]));
}

static void sign(struct snapshot_head *head, unsigned signer)
{
    const struct hash digest = checkpoint_digest(&chain, &head->checkpoint);
    nodeset_add(&head->signers, signer);
    assert_true(
        identity_sign(&secrets[signer], hash_slice(&digest), NULL, &head->signatures[signer]));
}

/* The ledger at the end of epoch AT, as two have signed it. */
static struct snapshot_head make(struct store *ledger, struct store *snapshots)
{
    struct executor_state state;
    struct snapshot_head head;
    struct store_view *view;
    struct executor *x = open_on(ledger, NULL);
    make_rules();
    for (epoch_id e = 1; e <= AT; e++)
        assert_int_equal(run_epoch(x, e, &state), 0);
    executor_close(x);
    assert_int_equal(store_view_open(ledger, &view), 0);
    assert_int_equal(snapshots_make(snapshots, view, quorum_of(N), HORIZON, NULL), 0);
    store_view_close(view);
    assert_int_equal(store_view_open(snapshots, &view), 0);
    assert_int_equal(snapshots_last(view, quorum_of(N), SNAPSHOT_GATHERED, &head), STORE_MISSING);
    assert_int_equal(snapshots_last(view, quorum_of(N), SNAPSHOT_SIGNED, &head), STORE_MISSING);
    assert_int_equal(snapshots_last(view, quorum_of(N), SNAPSHOT_UNSIGNED, &head), 0);
    store_view_close(view);
    assert_false(snapshot_head_verify(&head, &rules));
    sign(&head, 1);
    sign(&head, 3);
    assert_true(snapshot_head_verify(&head, &rules));
    return head;
}

static struct slice piece_of(struct store_view *view, const struct snapshot_head *head,
                             uint32_t index, struct hash path[MERKLE_LOG_DEPTH_MAX],
                             unsigned *length)
{
    struct slice piece;
    *length = 0;
    assert_int_equal(snapshots_piece(view, head->checkpoint.epoch, index, &piece), 0);
    if (index >= snapshot_run_pieces(head))
        assert_int_equal(snapshots_path(view, head, index, path, length), 0);
    return piece;
}

struct given {
    struct store_view *view;
    epoch_id epoch;
};

static int give(void *context, uint32_t index, struct slice *piece)
{
    const struct given *g = context;
    return snapshots_piece(g->view, g->epoch, index, piece);
}

static void install(struct store *ledger, struct store *snapshots, const struct snapshot_head *head)
{
    struct given given = {.epoch = head->checkpoint.epoch};
    assert_int_equal(store_view_open(snapshots, &given.view), 0);
    const struct executor_snapshot snapshot = {.chain = chain,
                                               .quorum = quorum_of(N),
                                               .application = "ledger",
                                               .head = head,
                                               .piece = give,
                                               .context = &given};
    assert_int_equal(executor_install(ledger, &snapshot), 0);
    store_view_close(given.view);
}

/* Piece by piece from one store into another, as from a peer. */
static bool copy(struct store *from, struct store *to, const struct snapshot_head *head)
{
    struct store_view *view;
    bool fits;
    assert_int_equal(store_view_open(from, &view), 0);
    assert_int_equal(snapshots_begin(to, head), 0);
    for (uint32_t i = snapshot_pieces(head); i-- > 0;) {
        struct hash path[MERKLE_LOG_DEPTH_MAX];
        unsigned length;
        const struct slice piece = piece_of(view, head, i, path, &length);
        assert_true(snapshot_piece_valid(head, i, piece, path, length));
        assert_int_equal(snapshots_put(to, head, i, piece), 0);
    }
    store_view_close(view);
    assert_int_equal(snapshots_finish(to, quorum_of(N), head, HORIZON, &fits), 0);
    return fits;
}

static void check_delivered(void *context, epoch_id epoch, node_id proposer)
{
    uint64_t(*seen)[N] = context;
    assert_in_range(epoch, 1, EPOCHS);
    seen[epoch][proposer]++;
}

/* All that is delivered by either ledger within the horizon. */
static void expect_same_delivered(struct store *a, struct store *b)
{
    static uint64_t seen[2][EPOCHS + 1][N];
    struct store *stores[] = {a, b};
    memset(seen, 0, sizeof seen);
    for (unsigned k = 0; k < 2; k++) {
        struct store_view *view;
        assert_int_equal(store_view_open(stores[k], &view), 0);
        assert_int_equal(executor_delivered(view, EPOCHS - HORIZON, check_delivered, seen[k]), 0);
        store_view_close(view);
    }
    for (epoch_id e = EPOCHS - HORIZON; e <= EPOCHS; e++)
        for (unsigned p = 0; p < N; p++)
            assert_int_equal(seen[0][e][p] > 0, seen[1][e][p] > 0);
}

/* Into `ledger`, which is empty or behind; then all later epochs. */
static void go_on_with(struct store *ledger, struct store *snapshots,
                       const struct snapshot_head *head, struct store *whole)
{
    struct executor_state state;
    struct executor_entry entry;
    struct snapshot_head installed;
    struct store_view *view;
    uint64_t position;
    install(ledger, snapshots, head);
    struct executor *x = open_on(ledger, NULL);
    for (epoch_id e = AT + 1; e <= EPOCHS; e++) {
        assert_int_equal(run_epoch(x, e, &state), 0);
        assert_int_equal(state.height, reference[e].height);
        assert_true(hash_equal(&state.log_root, &reference[e].log_root));
        assert_true(hash_equal(&state.state_root, &reference[e].state_root));
    }
    executor_close(x);
    assert_int_equal(store_view_open(ledger, &view), 0);
    assert_int_equal(executor_installed(view, quorum_of(N), &installed), 0);
    assert_memory_equal(&installed.checkpoint, &head->checkpoint, sizeof head->checkpoint);
    for (epoch_id e = 1; e <= EPOCHS; e++) {
        assert_int_equal(executor_position(view, e, &position), 0);
        assert_int_equal(position, e <= AT ? head->checkpoint.height : first_of[e]);
    }
    assert_int_equal(executor_entry(view, head->checkpoint.height - 1, &entry), STORE_MISSING);
    store_view_close(view);
    expect_same_delivered(ledger, whole);
}

static void a_ledger_goes_on_from_it(void **state)
{
    (void)state;
    struct executor_state end;
    struct store *whole = store_at('a'), *snapshots = snapshots_at('b'),
                 *copied = snapshots_at('c');
    struct store *empty = store_at('d'), *behind = store_at('e');
    const struct snapshot_head head = make(whole, snapshots);
    assert_true(copy(snapshots, copied, &head));
    struct executor *x = open_on(whole, NULL);
    for (epoch_id e = AT + 1; e <= EPOCHS; e++)
        assert_int_equal(run_epoch(x, e, &end), 0);
    executor_close(x);
    go_on_with(empty, copied, &head, whole);
    x = open_on(behind, NULL);
    for (epoch_id e = 1; e <= 2; e++)
        assert_int_equal(run_epoch(x, e, &end), 0);
    executor_close(x);
    go_on_with(behind, snapshots, &head, whole);
    struct store *stores[] = {whole, snapshots, copied, empty, behind};
    for (unsigned k = 0; k < 5; k++)
        store_close(stores[k]);
}

/* What the checkpoint says of delivery is what the core says: all delivered of the horizon. */
static void delivered_is_what_the_entries_say(void **state)
{
    (void)state;
    static uint64_t bits[N * 1024 / 64];
    struct history h;
    struct store *ledger = store_at('a'), *snapshots = snapshots_at('b');
    const struct snapshot_head head = make(ledger, snapshots);
    memset(bits, 0, sizeof bits);
    history_init(&h, N, true, 1024, bits);
    for (unsigned i = 0; i < first_of[AT + 1]; i++)
        history_set(&h, history[i].delivery.epoch, history[i].delivery.proposer);
    const struct hash root = checkpoint_delivered(&h, AT, HORIZON);
    assert_true(hash_equal(&root, &head.checkpoint.delivered_root));
    store_close(ledger);
    store_close(snapshots);
}

static void a_head_that_lies_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[SNAPSHOT_HEAD_SIZE_MAX + 1];
    struct store *ledger = store_at('a'), *snapshots = snapshots_at('b');
    const struct snapshot_head good = make(ledger, snapshots);
    struct snapshot_head bad = good, decoded;
    bad.checkpoint.state_root.bytes[3] ^= 1;
    assert_false(snapshot_head_verify(&bad, &rules));
    bad = good;
    bad.log.peaks[0].bytes[0] ^= 1;
    assert_false(snapshot_head_verify(&bad, &rules));
    bad = good;
    bad.signatures[3].bytes[9] ^= 1;
    assert_false(snapshot_head_verify(&bad, &rules));
    bad = good;
    bad.runs = N * (HORIZON / 2 + 1) + 1;
    assert_false(snapshot_head_verify(&bad, &rules));
    bad = good;
    bad.log.count *= 2; /* As many peaks, the same root. */
    assert_false(snapshot_head_verify(&bad, &rules));
    bad = good; /* What it has not looked at it does not pass on. */
    nodeset_add(&bad.signers, 2);
    nodeset_remove(&bad.signers, 3);
    assert_false(snapshot_head_verify(&bad, &rules));
    bad = good;
    sign(&bad, 0);
    bad.signatures[3].bytes[9] ^= 1;
    assert_true(snapshot_head_verify(&bad, &rules));
    assert_true(nodeset_has(&bad.signers, 0) && nodeset_has(&bad.signers, 1));
    assert_int_equal(nodeset_count(&bad.signers), 2);
    bad = good;
    nodeset_remove(&bad.signers, 1);
    assert_false(snapshot_head_verify(&bad, &rules));
    struct writer w = writer_of(bytes, sizeof bytes);
    snapshot_head_encode(&w, &good);
    const size_t size = writer_result(&w).size;
    bytes[size] = 0;
    for (size_t cut = 0; cut <= size + 1; cut++)
        assert_int_equal(snapshot_head_decode(slice_of(bytes, cut), quorum_of(N), &decoded),
                         cut == size);
    assert_true(snapshot_head_decode(slice_of(bytes, size), quorum_of(N), &decoded));
    assert_true(snapshot_head_verify(&decoded, &rules));
    store_close(ledger);
    store_close(snapshots);
}

/* A state of more accounts than a piece has: the ledger itself is of no matter. */
static struct snapshot_head make_many(struct store *ledger, struct store *snapshots)
{
    static struct account accounts[MANY];
    struct snapshot_head head;
    struct executor_state end;
    struct store_view *view;
    struct executor *x = open_on(ledger, NULL);
    make_rules();
    assert_int_equal(run_epoch(x, 1, &end), 0);
    executor_close(x);
    for (unsigned i = 0; i < MANY; i++) {
        const struct hash key = hash_bytes(slice_of(&i, sizeof i));
        accounts[i] = (struct account){.index = i, .balance = i};
        memcpy(accounts[i].key.bytes, key.bytes, sizeof accounts[i].key.bytes);
    }
    struct store *s = snapshots_at('f');
    store_close(s);
    assert_int_equal(store_view_open(snapshots, &view), 0);
    assert_int_equal(snapshots_last(view, quorum_of(N), SNAPSHOT_SIGNED, &head), STORE_MISSING);
    store_view_close(view);
    head = (struct snapshot_head){.accounts = MANY};
    head.checkpoint.epoch = 1;
    struct hash leaves[MANY];
    for (unsigned i = 0; i < MANY; i++)
        leaves[i] = account_leaf(&accounts[i]);
    head.checkpoint.state_root = merkle_root(leaves, MANY);
    struct checkpoint_runs_root runs;
    checkpoint_runs_begin(&runs, 1, HORIZON);
    head.checkpoint.delivered_root = checkpoint_runs_end(&runs);
    head.checkpoint.log_root = merkle_frontier_root(&head.log);
    assert_int_equal(snapshots_begin(snapshots, &head), 0);
    for (uint32_t p = 0; p < snapshot_pieces(&head); p++) {
        static uint8_t bytes[SNAPSHOT_PIECE_SIZE_MAX];
        struct writer w = writer_of(bytes, snapshot_piece_size(&head, p));
        for (unsigned i = p * SNAPSHOT_PIECE_ENTRIES; w.at < w.end; i++) {
            write_bytes(&w, accounts[i].key.bytes, sizeof accounts[i].key.bytes);
            write_u64(&w, accounts[i].balance);
            write_u64(&w, 0);
            write_u64(&w, 0);
        }
        assert_int_equal(snapshots_put(snapshots, &head, p, writer_result(&w)), 0);
    }
    bool fits;
    assert_int_equal(snapshots_finish(snapshots, quorum_of(N), &head, HORIZON, &fits), 0);
    assert_true(fits);
    return head;
}

static void each_piece_is_verified_by_itself(void **state)
{
    (void)state;
    static uint8_t bytes[SNAPSHOT_PIECE_SIZE_MAX];
    struct store *ledger = store_at('a'), *snapshots = snapshots_at('b');
    const struct snapshot_head head = make_many(ledger, snapshots);
    struct store_view *view;
    assert_int_equal(snapshot_pieces(&head), 4);
    assert_int_equal(store_view_open(snapshots, &view), 0);
    for (uint32_t i = 0; i < 4; i++) {
        struct hash path[MERKLE_LOG_DEPTH_MAX];
        unsigned length;
        const struct slice piece = piece_of(view, &head, i, path, &length);
        memcpy(bytes, piece.data, piece.size);
        assert_true(snapshot_piece_valid(&head, i, piece, path, length));
        assert_false(snapshot_piece_valid(&head, (i + 1) % 4, piece, path, length));
        assert_false(snapshot_piece_valid(&head, 4, piece, path, length));
        assert_false(snapshot_piece_valid(&head, i, piece, path, length - 1));
        for (size_t at = 0; at < piece.size; at += 997) {
            bytes[at] ^= 1;
            assert_false(snapshot_piece_valid(&head, i, slice_of(bytes, piece.size), path, length));
            bytes[at] ^= 1;
        }
        path[0].bytes[5] ^= 1;
        assert_false(snapshot_piece_valid(&head, i, piece, path, length));
    }
    store_view_close(view);
    /* Over a ledger of fewer accounts, and again over itself. */
    struct executor_state before = committed(ledger);
    assert_int_equal(before.epoch, 1);
    struct store *empty = store_at('d');
    for (unsigned turn = 0; turn < 2; turn++) {
        struct account found;
        struct hash path[MERKLE_LOG_DEPTH_MAX], key;
        unsigned length;
        uint64_t count;
        install(empty, snapshots, &head);
        assert_int_equal(store_view_open(empty, &view), 0);
        for (unsigned i = 0; i < MANY; i += 1111) {
            struct identity_public public;
            key = hash_bytes(slice_of(&i, sizeof i));
            memcpy(public.bytes, key.bytes, sizeof public.bytes);
            assert_int_equal(accounts_prove(view, &public, &found, &count, path, &length), 0);
            assert_int_equal(count, MANY);
            const struct hash leaf = account_leaf(&found);
            assert_true(merkle_verify(&head.checkpoint.state_root, MANY, i, &leaf, path, length));
        }
        store_view_close(view);
    }
    store_close(empty);
    store_close(ledger);
    store_close(snapshots);
}

/* Runs have no path: that one of them is wrong shows at the end, and nothing is left of it. */
static void what_is_no_checkpoint_goes(void **state)
{
    (void)state;
    struct store *ledger = store_at('a'), *snapshots = snapshots_at('b'),
                 *copied = snapshots_at('c');
    struct snapshot_head head = make(ledger, snapshots), found;
    struct store_view *view;
    struct slice piece;
    uint8_t bytes[64 * CHECKPOINT_RUN_SIZE];
    bool fits;
    assert_true(head.runs > 0);
    assert_int_equal(store_view_open(snapshots, &view), 0);
    assert_int_equal(snapshots_piece(view, AT, 0, &piece), 0);
    assert_true(piece.size <= sizeof bytes);
    memcpy(bytes, piece.data, piece.size);
    bytes[8] ^= 1;
    assert_true(snapshot_piece_valid(&head, 0, piece, NULL, 0));
    assert_false(snapshot_piece_valid(&head, 0, slice_of(bytes, piece.size + 1), NULL, 0));
    assert_int_equal(snapshots_begin(copied, &head), 0);
    assert_int_equal(snapshots_put(copied, &head, 0, slice_of(bytes, piece.size)), 0);
    for (uint32_t i = 1; i < snapshot_pieces(&head); i++) {
        assert_int_equal(snapshots_piece(view, AT, i, &piece), 0);
        assert_int_equal(snapshots_put(copied, &head, i, piece), 0);
    }
    store_view_close(view);
    assert_int_equal(snapshots_finish(copied, quorum_of(N), &head, HORIZON, &fits), 0);
    assert_false(fits);
    assert_int_equal(store_view_open(copied, &view), 0);
    assert_int_equal(snapshots_last(view, quorum_of(N), SNAPSHOT_SIGNED, &found), STORE_MISSING);
    assert_int_equal(snapshots_last(view, quorum_of(N), SNAPSHOT_GATHERED, &found), STORE_MISSING);
    for (uint32_t i = 0; i < snapshot_pieces(&head); i++)
        assert_int_equal(snapshots_piece(view, AT, i, &piece), STORE_MISSING);
    store_view_close(view);
    store_close(ledger);
    store_close(snapshots);
    store_close(copied);
}

static void accounts_that_are_not_those_signed_are_no_checkpoint(void **state)
{
    (void)state;
    static uint8_t bytes[SNAPSHOT_PIECE_SIZE_MAX];
    struct store *ledger = store_at('a'), *snapshots = snapshots_at('b');
    const struct snapshot_head head = make_many(ledger, snapshots);
    struct store_view *view;
    struct slice piece;
    bool fits;
    assert_int_equal(store_view_open(snapshots, &view), 0);
    assert_int_equal(snapshots_piece(view, 1, 2, &piece), 0);
    memcpy(bytes, piece.data, piece.size);
    bytes[piece.size / 2] ^= 1;
    store_view_close(view);
    assert_int_equal(snapshots_put(snapshots, &head, 2, slice_of(bytes, sizeof bytes)), 0);
    assert_int_equal(snapshots_finish(snapshots, quorum_of(N), &head, HORIZON, &fits), 0);
    assert_false(fits);
    store_close(ledger);
    store_close(snapshots);
}

/* A ledger whose accounts are not what its root says makes none. */
static void of_a_damaged_ledger_none_is_made(void **state)
{
    (void)state;
    struct store *ledger = store_at('a'), *snapshots = snapshots_at('b');
    struct executor_state end;
    struct account a;
    struct store_view *view;
    struct executor *x = open_on(ledger, NULL);
    assert_int_equal(run_epoch(x, 1, &end), 0);
    executor_close(x);
    assert_int_equal(store_view_open(ledger, &view), 0);
    assert_int_equal(accounts_read(view, &keys[0], &a), 0);
    store_view_close(view);
    uint8_t record[32];
    struct writer w = writer_of(record, sizeof record);
    write_u64(&w, a.index);
    write_u64(&w, a.balance + 1);
    write_u64(&w, a.sequence.lowest);
    write_u64(&w, a.sequence.used);
    const struct slice value = writer_result(&w);
    assert_int_equal(store_begin(ledger), 0);
    assert_int_equal(store_put(ledger, LEDGER_ACCOUNTS,
                               slice_of(keys[0].bytes, sizeof keys[0].bytes), &value, 1),
                     0);
    assert_int_equal(store_commit(ledger), 0);
    assert_int_equal(store_view_open(ledger, &view), 0);
    assert_int_equal(snapshots_make(snapshots, view, quorum_of(N), HORIZON, NULL), STORE_CORRUPT);
    store_view_close(view);
    store_close(ledger);
    store_close(snapshots);
}

/* Two that are signed, and besides the last one made, signed or not. */
static void two_are_kept(void **state)
{
    (void)state;
    struct store *ledger = store_at('a'), *snapshots = snapshots_at('b');
    struct snapshot_head head;
    struct executor_state end;
    struct executor *x = open_on(ledger, NULL);
    struct store_view *view;
    struct slice piece;
    for (epoch_id e = 1; e <= 6; e++) {
        assert_int_equal(run_epoch(x, e, &end), 0);
        assert_int_equal(store_view_open(ledger, &view), 0);
        assert_int_equal(snapshots_make(snapshots, view, quorum_of(N), HORIZON, NULL), 0);
        store_view_close(view);
        assert_int_equal(store_view_open(snapshots, &view), 0);
        assert_int_equal(snapshots_last(view, quorum_of(N), SNAPSHOT_UNSIGNED, &head), 0);
        assert_int_equal(head.checkpoint.epoch, e);
        store_view_close(view);
        sign(&head, 0);
        sign(&head, 2);
        if (e <= 4)
            assert_int_equal(snapshots_sign(snapshots, quorum_of(N), &head), 0);
        assert_int_equal(store_view_open(snapshots, &view), 0);
        for (epoch_id old = 1; old <= e; old++) {
            const epoch_id last = e < 4 ? e : 4; /* Of those signed. */
            const bool here = old == e || (old <= last && old + SNAPSHOTS_KEPT > last);
            assert_int_equal(snapshots_piece(view, old, 0, &piece), here ? 0 : STORE_MISSING);
        }
        store_view_close(view);
    }
    executor_close(x);
    store_close(ledger);
    store_close(snapshots);
}

/* Pieces of what was being made when the program died, and what is complete stays. */
static void what_has_no_head_is_cleaned(void **state)
{
    (void)state;
    static const uint8_t junk[100];
    struct store *ledger = store_at('a'), *snapshots = snapshots_at('b');
    const struct snapshot_head head = make(ledger, snapshots);
    struct snapshot_head other = head;
    struct store_view *view;
    struct slice piece;
    for (uint32_t i = 0; i < 700; i++) {
        other.checkpoint.epoch = 1 + i % 3 + (i % 3 ? AT : 0); /* Before it, and after. */
        assert_int_equal(snapshots_put(snapshots, &other, i, slice_of(junk, sizeof junk)), 0);
    }
    assert_int_equal(snapshots_clean(snapshots), 0);
    assert_int_equal(snapshots_abandon(snapshots, AT), 0); /* It is not one that is gathered. */
    assert_int_equal(store_view_open(snapshots, &view), 0);
    for (uint32_t i = 0; i < 700; i++)
        assert_int_equal(snapshots_piece(view, 1 + i % 3 + (i % 3 ? AT : 0), i, &piece),
                         STORE_MISSING);
    for (uint32_t i = 0; i < snapshot_pieces(&head); i++)
        assert_int_equal(snapshots_piece(view, AT, i, &piece), 0);
    store_view_close(view);
    store_close(ledger);
    store_close(snapshots);
}

/* One that says that there are more pieces than anyone has is dropped as fast as what is here. */
static void what_is_not_there_need_not_be_dropped(void **state)
{
    (void)state;
    struct store *ledger = store_at('a'), *snapshots = snapshots_at('b');
    struct snapshot_head head = make(ledger, snapshots);
    struct timespec from, to;
    head.checkpoint.epoch++;
    head.accounts = (UINT64_C(1) << 40) - 1;
    assert_int_equal(snapshots_begin(snapshots, &head), 0);
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(snapshots_abandon(snapshots, head.checkpoint.epoch), 0);
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true(to.tv_sec - from.tv_sec < 5);
    store_close(ledger);
    store_close(snapshots);
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        HISTORY_TEST(a_ledger_goes_on_from_it),
        HISTORY_TEST(delivered_is_what_the_entries_say),
        HISTORY_TEST(a_head_that_lies_is_refused),
        HISTORY_TEST(each_piece_is_verified_by_itself),
        HISTORY_TEST(what_is_no_checkpoint_goes),
        HISTORY_TEST(two_are_kept),
        HISTORY_TEST(accounts_that_are_not_those_signed_are_no_checkpoint),
        HISTORY_TEST(of_a_damaged_ledger_none_is_made),
        HISTORY_TEST(what_has_no_head_is_cleaned),
        HISTORY_TEST(what_is_not_there_need_not_be_dropped),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
