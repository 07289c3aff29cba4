/* What the pool makes, after a restart, of blocks of ours that are stored and not in the ledger. */
#include "node/daemon_state.h"
#include "node/executor_record.h"
#include "tests/mempool_fixture.h"

enum { EXECUTED = 9, SELF = 2, NODES = 4 };

/* A block of ours of this epoch that holds one transaction, which waits in the pool too. */
static void store_block(epoch_id epoch, uint32_t number)
{
    uint8_t bytes[64], key[9];
    const uint8_t unseen[NODES] = {0};
    struct writer w = writer_of(bytes, sizeof bytes);
    add(number);
    write_u8(&w, 1);
    write_bytes(&w, unseen, sizeof unseen);
    write_u32(&w, 1);
    write_u32(&w, 6);
    write_bytes(&w, &number, sizeof number);
    write_bytes(&w, unseen, 2);
    const struct slice value = writer_result(&w);
    driver_instance_key(key, epoch, SELF);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_put(store, TABLE_BLOCKS, slice_of(key, sizeof key), &value, 1), 0);
    assert_int_equal(store_commit(store), 0);
}

static void deliver_own(struct executor *x, epoch_id epoch)
{
    const struct delivery d = {
        .epoch = epoch, .proposer = SELF, .with_epoch = epoch, .valid = true};
    struct store_view *view;
    struct slice bytes;
    assert_int_equal(store_view_open(store, &view), 0);
    assert_int_equal(driver_block(view, epoch, SELF, &bytes), 0);
    assert_int_equal(executor_block(x, &d, bytes), 0);
    store_view_close(view);
}

/* A ledger in which EXECUTED epochs delivered nothing, but this one our block of it; 0: none did. */
static struct store *open_ledger(epoch_id delivering)
{
    static char where[80];
    snprintf(where, sizeof where, "%s/ledger", directory);
    const struct store_options options = {.path = where,
                                          .size_max = MAP_SIZE,
                                          .tables = ledger_tables,
                                          .table_count = LEDGER_TABLE_COUNT};
    const struct executor_options executing = {.quorum = quorum_of(NODES),
                                               .application = application_log()};
    char message[200] = "";
    struct store *ledger;
    struct executor *x;
    struct executor_state state;
    if (store_open(&options, &ledger, message, sizeof message) ||
        executor_open(&executing, ledger, &x, message, sizeof message))
        fail_msg("%s", message);
    for (epoch_id epoch = 1; epoch <= EXECUTED; epoch++) {
        if (epoch == delivering)
            deliver_own(x, epoch);
        assert_int_equal(executor_end_epoch(x, epoch, &state), 0);
    }
    executor_close(x);
    return ledger;
}

static void recover(struct store *ledger, enum node_mode mode, uint64_t link_horizon)
{
    static struct daemon d;
    char message[200] = "";
    restart();
    d = (struct daemon){.quorum = quorum_of(NODES),
                        .self = SELF,
                        .consensus = store,
                        .ledger = ledger,
                        .mempool = pool,
                        .application = {.describe = describe},
                        .executed = {.epoch = EXECUTED}};
    d.config.cluster.mode = mode;
    d.config.cluster.link_horizon = link_horizon;
    if (daemon_recover(&d, message, sizeof message))
        fail_msg("%s", message);
}

/* How many transactions are marked as in one of the blocks of epochs 6, 9 and 10. */
static uint64_t marked(struct store *ledger, enum node_mode mode, uint64_t link_horizon)
{
    recover(ledger, mode, link_horizon);
    return view().marked;
}

static void a_block_that_was_given_up_marks_nothing(void **state)
{
    (void)state;
    store_block(6, 1006);
    store_block(9, 1009);
    store_block(10, 1010);
    commit();
    struct store *ledger = open_ledger(0);
    assert_int_equal(marked(ledger, MODE_DL, 1000), 3);
    assert_int_equal(marked(ledger, MODE_HB_LINK, 1000), 3);
    assert_int_equal(marked(ledger, MODE_DL, 3), 2); /* Epoch 9 was the last that could link 6. */
    assert_int_equal(marked(ledger, MODE_DL, 4), 3);
    assert_int_equal(marked(ledger, MODE_HB, 1000), 1);
    store_close(ledger);
}

/* The application `log` says of no transaction that it was executed: only its block is. */
static void what_a_block_of_ours_executed_leaves(void **state)
{
    (void)state;
    store_block(6, 1006);
    commit();
    struct store *ledger = open_ledger(6);
    recover(ledger, MODE_DL, 1000);
    assert_int_equal(view().count, 0);
    store_close(ledger);
}

/* A client may submit the same bytes once more: this copy was acknowledged, and no block has it. */
static void what_was_submitted_again_afterwards_waits(void **state)
{
    (void)state;
    const struct hash id = id_of(1006);
    store_block(6, 1006);
    commit();
    struct store *ledger = open_ledger(6);
    assert_true(mempool_remove(pool, &id));
    mempool_settled(pool, 6);
    commit();
    add(1006);
    commit();
    recover(ledger, MODE_DL, 1000);
    assert_true(mempool_has(pool, &id));
    assert_int_equal(view().count - view().marked, 1);
    store_close(ledger);
}

/* What left at one start leaves at no other. */
static void what_a_restart_took_out_may_come_again(void **state)
{
    (void)state;
    const struct hash id = id_of(1006);
    store_block(6, 1006);
    commit();
    struct store *ledger = open_ledger(6);
    recover(ledger, MODE_DL, 1000);
    assert_false(mempool_has(pool, &id));
    commit();
    add(1006);
    commit();
    recover(ledger, MODE_DL, 1000);
    assert_true(mempool_has(pool, &id));
    store_close(ledger);
}

/* The ledger begins with a snapshot of EXECUTED that stands for our block of this epoch. */
static void begin_with_snapshot(struct store *ledger, epoch_id epoch)
{
    uint8_t bytes[SNAPSHOT_HEAD_SIZE_MAX], run[CHECKPOINT_RUN_SIZE];
    struct writer h = writer_of(bytes, sizeof bytes), w = writer_of(run, sizeof run);
    snapshot_head_encode(&h, &(struct snapshot_head){.checkpoint = {.epoch = EXECUTED}, .runs = 1});
    write_u8(&w, SELF);
    write_u64(&w, epoch);
    write_u64(&w, epoch);
    const struct slice head = writer_result(&h), runs = writer_result(&w);
    assert_int_equal(store_begin(ledger), 0);
    assert_int_equal(store_put(ledger, LEDGER_META, snapshot_head_key(), &head, 1), 0);
    assert_int_equal(store_put(ledger, LEDGER_META, snapshot_runs_key(), &runs, 1), 0);
    assert_int_equal(store_commit(ledger), 0);
}

/* With which epoch it was delivered nobody knows here: perhaps one that the pool has not heard of. */
static void what_a_snapshot_stands_for_leaves(void **state)
{
    (void)state;
    store_block(6, 1006);
    add(1007);
    commit();
    const struct hash other = id_of(1007);
    assert_true(mempool_remove(pool, &other));
    mempool_settled(pool, EXECUTED - 1);
    commit();
    struct store *ledger = open_ledger(0);
    begin_with_snapshot(ledger, 6);
    recover(ledger, MODE_DL, 1000);
    assert_int_equal(view().count, 0);
    store_close(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_block_that_was_given_up_marks_nothing),
        TEST(what_a_block_of_ours_executed_leaves),
        TEST(what_was_submitted_again_afterwards_waits),
        TEST(what_a_restart_took_out_may_come_again),
        TEST(what_a_snapshot_stands_for_leaves),
    };
    return hash_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
