#include "node/request.h"

#include "tests/executor_fixture.h"

/* A node's ledger, and what a client hears of the transfers of key 0 that it submits. */
static struct store *store;
static struct executor *executor;
static struct application_port application;
static struct known *seen;
static epoch_id epoch;
static uint64_t position;

static int setup_node(void **state)
{
    int error = setup(state);
    store = store_at('a');
    executor = open_on(store, NULL);
    const struct ledger_options options = {.chain = chain};
    assert_int_equal(ledger_open(&options, store, &application, message, sizeof message), 0);
    seen = known_new();
    epoch = position = 0;
    return error;
}

static int teardown_node(void **state)
{
    executor_close(executor);
    application.close(application.state);
    known_free(seen);
    store_close(store);
    return teardown(state);
}

static struct request_item submitted(const struct transaction *t)
{
    uint8_t bytes[TRANSACTION_SIZE];
    struct request_item item = {.transaction = {.bytes = slice_of(bytes, sizeof bytes)}};
    struct request request = {.client = {.kind = CLIENT_SUBMIT}, .items = &item};
    const struct request_context context = {
        .ledger = store, .application = &application, .transaction_size_max = 1000, .known = seen};
    transaction_encode(t, bytes);
    request_list(&context, &request, 0, 1);
    return item;
}

static enum client_status said_of(uint64_t sequence)
{
    const struct transaction t = transfer_signed(0, sequence, 1, 1);
    const struct request_item item = submitted(&t);
    if (item.result.status == CLIENT_OK)
        assert_true(hash_equal(&item.result.id, &t.id));
    if (item.result.status == CLIENT_OVERLOADED)
        assert_int_equal(item.result.retry_ms, REQUEST_RETRY_MS);
    return item.result.status;
}

/* A block of this node's, of these numbers; all must be executed. */
static void execute(const uint64_t sequences[], unsigned count)
{
    uint8_t block[200 * TRANSACTION_SIZE];
    struct executor_state state;
    block_begin(block, sizeof block);
    for (unsigned i = 0; i < count; i++) {
        uint8_t bytes[TRANSACTION_SIZE];
        const struct transaction t = transfer_signed(0, sequences[i], 1, 1);
        transaction_encode(&t, bytes);
        block_add(bytes, sizeof bytes);
    }
    const struct delivery d = {
        .position = position++, .epoch = epoch + 1, .with_epoch = epoch + 1, .valid = true};
    const uint64_t before = epoch ? committed(store).outcomes[OUTCOME_EXECUTED] : 0;
    assert_int_equal(executor_block(executor, &d, block_end()), 0);
    assert_int_equal(executor_end_epoch(executor, ++epoch, &state), 0);
    assert_int_equal(state.outcomes[OUTCOME_EXECUTED], before + count);
}

static void only_a_number_inside_the_window_is_taken(void **state)
{
    (void)state;
    assert_int_equal(said_of(0), CLIENT_OK);
    assert_int_equal(said_of(SEQUENCE_WINDOW - 1), CLIENT_OK);
    assert_int_equal(said_of(SEQUENCE_WINDOW), CLIENT_OVERLOADED);
    assert_int_equal(said_of(UINT64_MAX), CLIENT_OVERLOADED);

    execute((const uint64_t[]){0, 2}, 2);
    assert_int_equal(said_of(1), CLIENT_OK);
    assert_int_equal(said_of(SEQUENCE_WINDOW), CLIENT_OK);
    assert_int_equal(said_of(SEQUENCE_WINDOW + 1), CLIENT_OVERLOADED);
    assert_int_equal(said_of(2), CLIENT_EXECUTED);
    const struct transaction other = transfer_signed(0, 2, 1, 7);
    assert_int_equal(submitted(&other).result.status, CLIENT_INVALID);
}

/* What mempool.h says of what it holds: whatever is taken can be executed, in any order. */
static void what_is_taken_is_never_above_the_window_later(void **state)
{
    (void)state;
    enum { ROUNDS = 20, AHEAD = 200 };
    uint64_t taken[AHEAD] = {0}, seed = 3, done = 0;
    bool held[ROUNDS * AHEAD] = {false};
    unsigned count = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < AHEAD; i++) {
            const uint64_t behind = done > SEQUENCE_WINDOW ? done - SEQUENCE_WINDOW : 0;
            const uint64_t sequence = behind + random_below(&seed, AHEAD);
            if (held[sequence] || said_of(sequence) != CLIENT_OK)
                continue;
            held[sequence] = true;
            taken[count++] = sequence;
        }
        assert_in_range(count, 1, SEQUENCE_WINDOW);
        for (unsigned i = count; i-- > 1;) {
            const uint64_t j = random_below(&seed, i + 1), swapped = taken[i];
            taken[i] = taken[j];
            taken[j] = swapped;
        }
        const unsigned some = 1 + (unsigned)random_below(&seed, count);
        execute(taken, some);
        memmove(taken, taken + some, (count - some) * sizeof taken[0]);
        count -= some;
        done += some;
    }
}

static void a_signature_is_verified_once_the_number_is_good(void **state)
{
    (void)state;
    struct transaction t = transfer_signed(0, 1, 1, 1);
    t.signature.bytes[5] ^= 1;
    assert_int_equal(submitted(&t).result.status, CLIENT_INVALID);
    t.chain.bytes[0] ^= 1;
    assert_int_equal(submitted(&t).result.status, CLIENT_INVALID);
}

static void each_outcome_has_its_answer(void **state)
{
    (void)state;
    const struct hash id = hash_bytes(slice_of("id", 2));
    for (unsigned o = OUTCOME_EXECUTED; o < OUTCOME_COUNT; o++) {
        const struct client_result r = request_outcome(&id, 5, 6, (enum outcome)o);
        assert_true(hash_equal(&r.id, &id));
        const bool failed = o == OUTCOME_FAILED_FUNDS || o == OUTCOME_FAILED;
        assert_int_equal(r.status,
                         failed || o == OUTCOME_EXECUTED ? CLIENT_EXECUTED : CLIENT_DROPPED);
        assert_int_equal(r.failed, failed);
        assert_int_equal(r.reason.size > 0, o != OUTCOME_EXECUTED);
        if (r.status == CLIENT_EXECUTED)
            assert_true(r.height == 5 && r.index == 6);
    }
}

#define NODE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_node, teardown_node)

int main(int argc, char **argv)
{
    (void)argc;
    if (!fixture_init(argv))
        return 1;
    const struct CMUnitTest tests[] = {
        NODE_TEST(only_a_number_inside_the_window_is_taken),
        NODE_TEST(what_is_taken_is_never_above_the_window_later),
        NODE_TEST(a_signature_is_verified_once_the_number_is_good),
        cmocka_unit_test(each_outcome_has_its_answer),
    };
    return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
