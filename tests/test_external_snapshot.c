/* An application elsewhere and its snapshots: made, put into a ledger and into an application that has
 * too little, and what they stand for dropped. */
#include "tests/external_fixture.h"

#include "node/executor_snapshot.h"
#include "node/external_inputs.h"
#include "node/snapshots.h"

enum { AT = EPOCHS / 2, HORIZON = 100 };

static const struct quorum quorum = {N, 1};

static struct store *snapshots_at(char suffix)
{
    char path[600];
    struct store *s;
    snprintf(path, sizeof path, "%s/external-snapshots-%c-%d", build_directory, suffix,
             (int)getpid());
    const struct store_options options = {.path = path,
                                          .size_max = 64 << 20,
                                          .tables = snapshot_tables,
                                          .table_count = SNAPSHOT_TABLES};
    if (store_open(&options, &s, message, sizeof message))
        fail_msg("%s", message);
    return s;
}

static int setup_snapshots(void **state)
{
    const int error = setup_app(state);
    snapshots = snapshots_at('a');
    return error;
}

static int teardown_snapshots(void **state)
{
    const int error = teardown_app(state);
    char path[620];
    store_close(snapshots);
    snapshots = NULL;
    snprintf(path, sizeof path, "rm -rf %s/external-snapshots-?-%d", build_directory,
             (int)getpid());
    return error || system(path);
}

static struct snapshot_head last_head(enum snapshot_state kind)
{
    struct snapshot_head head;
    struct store_view *view;
    assert_int_equal(store_view_open(snapshots, &view), 0);
    assert_int_equal(snapshots_last(view, quorum, kind, &head), 0);
    store_view_close(view);
    return head;
}

static int make(void)
{
    struct store_view *view;
    assert_int_equal(store_view_open(store, &view), 0);
    const int error = snapshots_make(snapshots, view, quorum, HORIZON, &port);
    store_view_close(view);
    return error;
}

/* Nobody looks at the signatures of what is here. */
static struct snapshot_head make_signed(void)
{
    assert_int_equal(make(), 0);
    struct snapshot_head head = last_head(SNAPSHOT_UNSIGNED);
    nodeset_add(&head.signers, 0);
    nodeset_add(&head.signers, 2);
    assert_int_equal(snapshots_sign(snapshots, quorum, &head), 0);
    return head;
}

/* Epochs that the application was given and that are kept. */
static unsigned kept(epoch_id *first)
{
    struct store_view *view;
    struct slice value;
    unsigned count = 0;
    *first = 0;
    assert_int_equal(store_view_open(store, &view), 0);
    for (epoch_id e = EPOCHS; e > 0; e--) {
        uint8_t key[INPUT_KEY_SIZE];
        if (store_view_get(view, LEDGER_INPUTS, input_key(key, e, INPUT_ROOT), &value) == 0) {
            count++;
            *first = e;
        }
    }
    store_view_close(view);
    return count;
}

static void idle_until(epoch_id epoch)
{
    for (unsigned tries = 0; app.durable.epoch < epoch && tries < 200; tries++) {
        assert_int_equal(port.idle(port.state), 0);
        usleep(10000);
    }
}

static void run_with_snapshot(epoch_id to)
{
    start_app();
    open_node();
    assert_int_equal(run(1, AT), 0);
    make_signed();
    assert_int_equal(run(AT + 1, to), 0);
}

static void a_snapshot_has_the_ids_and_the_state(void **state)
{
    (void)state;
    start_app();
    open_node();
    assert_int_equal(run(1, AT), 0);
    const struct snapshot_head head = make_signed();
    const struct executor_state now = committed(store);
    assert_true(head.opaque);
    assert_int_equal(head.checkpoint.epoch, AT);
    assert_memory_equal(&head.checkpoint.state_root, &now.state_root, HASH_SIZE);
    assert_int_equal(head.ids, now.outcomes[OUTCOME_EXECUTED] + now.outcomes[OUTCOME_FAILED]);
    assert_int_equal(head.state_pieces, 1);
    assert_true(now.outcomes[OUTCOME_FAILED] > 0);
    for (unsigned k = 0; k < 3; k++) { /* Another time it is the same, byte for byte; */
        if (k == 2) {                  /* also of one that has forgotten all meanwhile. */
            stop_app();
            memset(&app.durable, 0, sizeof app.durable);
            start_app();
            assert_int_equal(port.idle(port.state), 0); /* That it has gone is seen. */
        }
        assert_int_equal(make(), 0);
        const struct snapshot_head again = last_head(SNAPSHOT_UNSIGNED);
        assert_memory_equal(&again.pieces_root, &head.pieces_root, HASH_SIZE);
    }
    stop_app();
}

static void what_it_stands_for_is_dropped(void **state)
{
    (void)state;
    epoch_id first;
    run_with_snapshot(EPOCHS);
    stop_app();
    assert_true(kept(&first) > 0);
    assert_true(first > AT);
    expect_the_same();
}

static void one_that_has_forgotten_all_is_restored(void **state)
{
    (void)state;
    run_with_snapshot(EPOCHS);
    stop_app();
    memset(&app.durable, 0, sizeof app.durable);
    start_app();
    idle_until(EPOCHS);
    stop_app();
    assert_int_equal(app.restored, 1);
    expect_the_same();
}

/* Before the epoch has ended that the node is at. */
static void one_is_restored_within_an_epoch(void **state)
{
    (void)state;
    struct executor_state after;
    run_with_snapshot(EPOCHS - 1);
    for (unsigned i = first_of[EPOCHS]; i < first_of[EPOCHS + 1]; i++) {
        assert_int_equal(deliver(executor, i), 0);
        stop_app();
        memset(&app.durable, 0, sizeof app.durable);
        start_app();
    }
    assert_int_equal(executor_end_epoch(executor, EPOCHS, &after), 0);
    idle_until(EPOCHS);
    stop_app();
    assert_in_range(app.restored, 1, first_of[EPOCHS + 1] - first_of[EPOCHS]);
    expect_the_same();
}

static void one_that_is_ahead_is_set_back(void **state)
{
    (void)state;
    run_with_snapshot(EPOCHS);
    stop_app();
    app.durable.epoch = 99;
    start_app();
    for (unsigned tries = 0; app.restored == 0 && tries < 200; tries++) {
        assert_int_equal(port.idle(port.state), 0);
        usleep(10000);
    }
    idle_until(EPOCHS);
    stop_app();
    assert_int_equal(app.restored, 1);
    expect_the_same();
}

static void restore_and_die_at(const char *word, bool after)
{
    void *state = NULL;
    setup_snapshots(&state);
    run_with_snapshot(EPOCHS);
    stop_app();
    memset(&app.durable, 0, sizeof app.durable);
    app.dies_at = word;
    app.after = after;
    app.every = 2;
    app.asked = 1; /* The first time. */
    start_app();
    for (unsigned tries = 0; app.durable.epoch < EPOCHS && tries < 400; tries++) {
        assert_int_equal(port.idle(port.state), 0);
        usleep(10000);
    }
    stop_app();
    assert_true(app.died > 0);
    expect_the_same();
    teardown_snapshots(&state);
}

static void it_may_die_while_it_is_restored(void **state)
{
    (void)state;
    static const char *const words[] = {"restore", "load", "commit"};
    for (unsigned k = 0; k < 3; k++) {
        restore_and_die_at(words[k], false);
        restore_and_die_at(words[k], true);
    }
}

static void without_its_snapshot_it_cannot_go_on(void **state)
{
    (void)state;
    run_with_snapshot(EPOCHS);
    stop_app();
    executor_close(executor);
    store_close(snapshots);
    snapshots = snapshots_at('b');
    open_node();
    memset(&app.durable, 0, sizeof app.durable);
    start_app();
    int error = 0;
    for (unsigned tries = 0; error == 0 && tries < 100; tries++) {
        error = port.idle(port.state);
        usleep(10000);
    }
    stop_app();
    assert_int_not_equal(error, 0);
    assert_non_null(strstr(port.problem(port.state), "there is no snapshot here"));
}

static void pieces_left(unsigned *count)
{
    struct store_view *view;
    struct slice key, value;
    assert_int_equal(store_view_open(snapshots, &view), 0);
    *count = store_view_last(view, SNAPSHOT_PIECES, &key, &value) == 0;
    store_view_close(view);
}

static void one_that_has_none_goes_on_without(void **state)
{
    (void)state;
    unsigned left;
    epoch_id first;
    app.no_dump = true;
    start_app();
    open_node();
    assert_int_equal(run(1, AT), 0);
    assert_int_equal(make(), STORE_IO);
    assert_int_equal(snapshots_clean(snapshots), 0);
    pieces_left(&left);
    assert_int_equal(left, 0);
    assert_int_equal(run(AT + 1, EPOCHS), 0);
    stop_app();
    assert_true(kept(&first) > AT / 2);
    assert_true(first <= AT);
    expect_the_same();
}

/* It dies at some record: then there is no snapshot, and the next time there is. */
static void it_may_die_while_it_is_asked_for_one(void **state)
{
    (void)state;
    start_app();
    open_node();
    assert_int_equal(run(1, AT), 0);
    app.every = 20;
    app.dies_at = "dump";
    assert_int_not_equal(make(), 0);
    assert_int_equal(app.died, 1);
    app.every = 1; /* Also at once, and again. */
    assert_int_not_equal(make(), 0);
    assert_int_equal(app.died, 3);
    app.dies_at = NULL;
    make_signed();
    assert_int_equal(run(AT + 1, EPOCHS), 0);
    stop_app();
    expect_the_same();
}

static int piece_of(void *context, uint32_t index, struct slice *piece)
{
    return snapshots_piece(context, AT, index, piece);
}

static void install(struct store *ledger, const struct snapshot_head *head)
{
    struct store_view *view;
    assert_int_equal(store_view_open(snapshots, &view), 0);
    const struct executor_snapshot snapshot = {.chain = chain,
                                               .quorum = quorum,
                                               .application = "external",
                                               .head = head,
                                               .piece = piece_of,
                                               .context = view};
    assert_int_equal(executor_install(ledger, &snapshot), 0);
    store_view_close(view);
}

/* Of a node that has executed `had` epochs of its own, and one that has none; with an application
 * that has as much, or nothing. */
static void begin_with_one(epoch_id had, bool kept_state)
{
    void *state = NULL;
    setup_snapshots(&state);
    start_app();
    open_node();
    struct application_state then = {0};
    assert_int_equal(run(1, had), 0);
    if (had > 0)
        then = app.durable;
    assert_int_equal(run(had + 1, AT), 0);
    const struct snapshot_head head = make_signed();
    assert_int_equal(run(AT + 1, EPOCHS), 0);
    stop_app();
    const struct hash root = committed(store).state_root;
    const struct application_state all = app.durable;
    executor_close(executor);
    store_close(store);

    store = store_at('b');
    memset(&app.durable, 0, sizeof app.durable);
    struct store *own = snapshots;
    if (had > 0) {
        snapshots = NULL;
        start_app();
        open_node();
        assert_int_equal(run(1, had), 0);
        stop_app();
        executor_close(executor);
        snapshots = own;
    }
    app.durable = kept_state ? then : (struct application_state){0};
    install(store, &head);
    start_app();
    open_node();
    assert_int_equal(run(AT + 1, EPOCHS), 0);
    idle_until(all.epoch);
    stop_app();
    assert_int_equal(app.restored, 1);
    const struct hash now = committed(store).state_root;
    assert_memory_equal(&now, &root, sizeof root);
    assert_memory_equal(&app.durable, &all, sizeof all);
    teardown_snapshots(&state);
}

static void a_ledger_can_begin_with_one(void **state)
{
    (void)state;
    begin_with_one(0, false);
    begin_with_one(3, false);
    begin_with_one(3, true);
}

/* What had its turn before the snapshot does not have it again, and nobody can say where it was. */
static void ids_of_before_are_known(void **state)
{
    (void)state;
    struct store_view *view;
    struct executor_place place;
    struct mempool_item item;
    struct result result;
    const struct slice old = slice_of("one of before", 13), value = slice_of(message, 13);
    start_app();
    open_node();
    assert_int_equal(run(1, AT), 0);
    assert_true(port.describe(port.state, old, &item));
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_put(store, LEDGER_TRANSACTIONS, hash_slice(&item.id), &value, 1), 0);
    assert_int_equal(store_commit(store), 0);
    const struct snapshot_head head = make_signed();
    stop_app();
    executor_close(executor);
    store_close(store);
    store = store_at('b');
    install(store, &head);
    assert_int_equal(store_view_open(store, &view), 0);
    assert_int_equal(executor_transaction(view, &item.id, &place), STORE_MISSING);
    store_view_close(view);
    open_node();
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(port.execute(port.state, &old, 1, &result), 0); /* It is not asked. */
    store_abort(store);
    assert_int_equal(result.outcome, OUTCOME_SEQUENCE_USED);
}

/* A node that begins anew beside one that does not waits until it can set it back. */
static void one_that_is_ahead_is_waited_for(void **state)
{
    (void)state;
    run_with_snapshot(EPOCHS);
    stop_app();
    executor_close(executor);
    store_close(store);
    store = store_at('b');
    struct store *own = snapshots;
    snapshots = NULL;
    open_node();
    start_app();
    for (unsigned tries = 0; tries < 5; tries++)
        assert_int_equal(port.idle(port.state), 0);
    assert_int_equal(app.restored, 0);
    assert_int_not_equal(run(1, 1), 0); /* Now it would have to be asked. */
    assert_non_null(strstr(port.problem(port.state), "has executed more than this node"));
    stop_app();
    snapshots = own;
}

/* What it has is that of the base: nothing came between. */
static void one_that_stands_at_the_base_is_not_restored(void **state)
{
    (void)state;
    run_with_snapshot(EPOCHS);
    struct application_state at_base = {0};
    stop_app();
    executor_close(executor);
    struct inputs_base base;
    struct store_view *view;
    assert_int_equal(store_view_open(store, &view), 0);
    assert_int_equal(inputs_base(view, &base), 0);
    store_view_close(view);
    assert_int_equal(base.epoch, AT);
    at_base = app.durable;
    at_base.epoch = AT - 1; /* As if its epoch had brought nothing. */
    at_base.root = base.root;
    at_base.count = 0;
    app.durable = at_base;
    open_node();
    start_app();
    idle_until(EPOCHS);
    stop_app();
    assert_int_equal(app.restored, 0);
    assert_int_equal(app.durable.epoch, EPOCHS);
}

static void how_much_is_kept_is_known(void **state)
{
    (void)state;
    start_app();
    open_node();
    assert_int_equal(port.kept(port.state), 0);
    assert_int_equal(run(1, AT), 0);
    const uint64_t before = port.kept(port.state);
    assert_true(before > 10000);
    executor_close(executor);
    open_node();
    assert_int_equal(port.kept(port.state), before);
    make_signed();
    assert_int_equal(run(AT + 1, EPOCHS), 0);
    assert_in_range(port.kept(port.state), 1, before - 1);
    stop_app();
}

int main(int argc, char **argv)
{
    (void)argc;
#define SNAPSHOT_TEST(name) \
    cmocka_unit_test_setup_teardown(name, setup_snapshots, teardown_snapshots)
    const struct CMUnitTest tests[] = {
        SNAPSHOT_TEST(a_snapshot_has_the_ids_and_the_state),
        SNAPSHOT_TEST(what_it_stands_for_is_dropped),
        SNAPSHOT_TEST(one_that_has_forgotten_all_is_restored),
        SNAPSHOT_TEST(one_is_restored_within_an_epoch),
        SNAPSHOT_TEST(one_that_is_ahead_is_set_back),
        cmocka_unit_test(it_may_die_while_it_is_restored),
        SNAPSHOT_TEST(without_its_snapshot_it_cannot_go_on),
        SNAPSHOT_TEST(one_that_has_none_goes_on_without),
        SNAPSHOT_TEST(it_may_die_while_it_is_asked_for_one),
        cmocka_unit_test(a_ledger_can_begin_with_one),
        SNAPSHOT_TEST(ids_of_before_are_known),
        SNAPSHOT_TEST(one_that_is_ahead_is_waited_for),
        SNAPSHOT_TEST(one_that_stands_at_the_base_is_not_restored),
        SNAPSHOT_TEST(how_much_is_kept_is_known),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("external_snapshot", tests, NULL, NULL);
}
