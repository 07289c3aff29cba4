#include "tests/executor_fixture.h"

#include <signal.h>

static void the_genesis_is_epoch_0(void **state)
{
    (void)state;
    struct hash none = hash_bytes(slice_of("", 0)), leaves[KEYS / 2];
    for (unsigned i = 0; i < KEYS / 2; i++)
        leaves[i] = account_leaf(&(struct account){.key = keys[i], .balance = 1000});
    struct hash root = merkle_root(leaves, KEYS / 2);
    assert_int_equal(reference[0].epoch, 0);
    assert_int_equal(reference[0].height, 0);
    assert_memory_equal(&reference[0].log_root, &none, sizeof none);
    assert_memory_equal(&reference[0].state_root, &root, sizeof root);
}

/* Reads the transactions of a block, adds up what became of them, and returns their root. */
static struct hash read_block(struct store_view *view, const struct executor_entry *e,
                              struct executor_state *total)
{
    static struct hash leaves[1000];
    uint64_t position = e->delivery.position, before = total->outcomes[OUTCOME_EXECUTED];
    struct result result;
    for (uint32_t i = 0; i < e->count; i++) {
        struct executor_place place;
        assert_int_equal(executor_outcome(view, position, i, &result), 0);
        leaves[i] = executor_result_leaf(&result);
        total->outcomes[result.outcome]++;
        if (!outcome_final(result.outcome))
            continue;
        assert_int_equal(executor_transaction(view, &result.id, &place), 0);
        assert_int_equal(place.position, position);
        assert_int_equal(place.index, i);
        assert_int_equal(place.outcome, result.outcome);
    }
    assert_int_equal(executor_outcome(view, position, e->count, &result), STORE_MISSING);
    assert_int_equal(e->confirmed, total->outcomes[OUTCOME_EXECUTED] - before);
    assert_int_equal(e->confirmed_bytes, e->confirmed * TRANSACTION_SIZE);
    total->bytes += e->bytes;
    total->confirmed_bytes += e->confirmed_bytes;
    total->bad_blocks += !e->delivery.valid;
    return merkle_root(leaves, e->count);
}

static void the_log_holds_what_was_delivered(void **state)
{
    (void)state;
    static struct hash leaves[ALL_BLOCKS];
    struct executor_state total = {.epoch = 0};
    struct store *s = store_at('h');
    struct store_view *view;
    assert_int_equal(store_view_open(s, &view), 0);
    for (unsigned i = 0; i < history_count; i++) {
        const struct delivery *d = &history[i].delivery;
        struct executor_entry e;
        assert_int_equal(executor_entry(view, i, &e), 0);
        assert_memory_equal(&e.delivery.commitment, &d->commitment, HASH_SIZE);
        assert_int_equal(e.delivery.position, i);
        assert_int_equal(e.delivery.epoch, d->epoch);
        assert_int_equal(e.delivery.with_epoch, d->with_epoch);
        assert_int_equal(e.delivery.proposer, d->proposer);
        assert_int_equal(e.delivery.valid, d->valid);
        assert_int_equal(e.count, history[i].count);
        struct hash root = read_block(view, &e, &total);
        assert_memory_equal(&e.root, &root, sizeof root);
        leaves[i] = executor_leaf(&e);
    }
    store_view_close(view);
    store_close(s);
    const struct executor_state *last = &reference[EPOCHS];
    assert_int_equal(last->height, history_count);
    assert_int_equal(last->epoch, EPOCHS);
    struct hash root = merkle_root(leaves, history_count);
    assert_memory_equal(&last->log_root, &root, sizeof root);
    assert_memory_equal(last->outcomes, total.outcomes, sizeof total.outcomes);
    assert_int_equal(last->bytes, total.bytes);
    assert_int_equal(last->confirmed_bytes, total.confirmed_bytes);
    assert_int_equal(last->bad_blocks, total.bad_blocks);
    for (unsigned i = OUTCOME_EXECUTED; i < OUTCOME_FAILED; i++) /* Those of the ledger. */
        if (i != OUTCOME_OTHER_CHAIN && i != OUTCOME_FAILED_FUNDS)
            assert_in_range(total.outcomes[i], 10, 10000);
    assert_in_range(total.bad_blocks, 1, 100);
}

static void the_leaf_of_a_block_is_the_one_described(void **state)
{
    (void)state;
    uint8_t bytes[8 + 8 + 2 + 32 + 1 + 4 + 32];
    struct executor_entry e = {.delivery = {.position = 0x0102,
                                            .epoch = 0x0304,
                                            .proposer = 0x56,
                                            .commitment = chain,
                                            .with_epoch = 0x0305,
                                            .valid = false},
                               .count = 0x0708,
                               .root = chain};
    for (unsigned valid = 0; valid < 2; valid++) {
        struct writer w = writer_of(bytes, sizeof bytes);
        e.delivery.valid = valid;
        write_bytes(&w, "\0\0\0\0\0\0\1\2\0\0\0\0\0\0\3\4\0\x56", 18);
        write_slice(&w, hash_slice(&chain));
        write_bytes(&w, valid ? "\1\0\0\7\10" : "\2\0\0\7\10", 5);
        write_slice(&w, hash_slice(&chain));
        struct hash leaf = executor_leaf(&e), expected = hash_leaf(writer_result(&w));
        assert_memory_equal(&leaf, &expected, sizeof leaf);
    }
}

struct entries {
    uint64_t next;
    unsigned left;
};

static int visit(void *context, const struct executor_entry *entry)
{
    struct entries *e = context;
    assert_int_equal(entry->delivery.position, e->next++);
    return --e->left ? 0 : 77;
}

static void entries_are_found_by_position_and_by_epoch(void **state)
{
    (void)state;
    struct store *s = store_at('h');
    struct store_view *view;
    uint64_t position;
    assert_int_equal(store_view_open(s, &view), 0);
    for (epoch_id epoch = 0; epoch <= EPOCHS + 1; epoch++) {
        assert_int_equal(executor_position(view, epoch, &position), 0);
        assert_int_equal(position, first_of[epoch]);
    }
    assert_int_equal(executor_position(view, UINT64_MAX, &position), 0);
    assert_int_equal(position, history_count);
    struct entries all = {.next = 3, .left = 1000}, some = {.next = 0, .left = 2};
    assert_int_equal(executor_entries(view, 3, visit, &all), 0);
    assert_int_equal(all.next, history_count);
    assert_int_equal(executor_entries(view, 0, visit, &some), 77);
    assert_int_equal(some.next, 2);
    struct executor_entry e;
    struct executor_place place;
    assert_int_equal(executor_entry(view, history_count, &e), STORE_MISSING);
    assert_int_equal(executor_transaction(view, &chain, &place), STORE_MISSING);
    store_view_close(view);
    store_close(s);
}

static void again_epoch(unsigned argument)
{
    struct store *s = store_at('h');
    struct executor *x = open_on(s, NULL);
    struct executor_state now;
    struct delivery d = {.position = history_count, .with_epoch = EPOCHS + 1, .epoch = EPOCHS};
    FILE *quiet = freopen("/dev/null", "w", stderr);
    (void)quiet;
    switch (argument) {
    case 0: d.position = 0, d.with_epoch = 1; break;
    case 1: d.position--; break;
    case 2: d.position++; break;
    case 3: d.with_epoch--; break;
    case 4: d.with_epoch++; break;
    case 5: executor_end_epoch(x, EPOCHS, &now); _exit(0);
    case 6: executor_end_epoch(x, EPOCHS + 2, &now); _exit(0);
    default: break;
    }
    executor_block(x, &d, slice_of(NULL, 0));
    _exit(0);
}

static void what_is_executed_or_out_of_order_is_refused(void **state)
{
    (void)state;
    if (store_memory_forget)
        skip();
    for (unsigned i = 0; i < 7; i++) {
        int status = child(again_epoch, i);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
    }
    assert_int_equal(child(again_epoch, 7), 0);
}

static void a_block_larger_than_a_batch_is_one_block(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20, GARBAGE = 2 * APPLICATION_BATCH + 5 };
    static struct hash leaves[GARBAGE];
    static const uint8_t garbage[BLOCK_BYTES_EACH];
    uint8_t *bytes = malloc(SIZE), transaction[TRANSACTION_SIZE];
    struct store *s = store_at('a');
    struct heard heard = {.verified = 0};
    struct executor *x = open_on(s, &heard);
    struct executor_state now;
    assert_non_null(bytes);
    block_begin(bytes, SIZE);
    for (unsigned i = 0; i < GARBAGE; i++) {
        struct result expected = {.outcome = OUTCOME_MALFORMED};
        if (i % 1000 == 95 || i == GARBAGE - 1) {
            struct transaction t = transfer_signed(1, i / 1000, 2, 1);
            transaction_encode(&t, transaction);
            block_add(transaction, sizeof transaction);
            expected = (struct result){t.id, OUTCOME_EXECUTED};
            if (i == GARBAGE - 1)
                expected.outcome = OUTCOME_SEQUENCE_USED;
        } else {
            block_add(garbage, sizeof garbage);
        }
        leaves[i] = executor_result_leaf(&expected);
    }
    struct delivery d = {.epoch = 1, .with_epoch = 1, .valid = true};
    assert_int_equal(executor_block(x, &d, block_end()), 0);
    assert_int_equal(executor_end_epoch(x, 1, &now), 0);
    assert_int_equal(now.outcomes[OUTCOME_EXECUTED], 9);
    assert_int_equal(heard.index, GARBAGE - 1);
    free(bytes);

    struct store_view *view;
    struct executor_entry e;
    assert_int_equal(store_view_open(s, &view), 0);
    assert_int_equal(executor_entry(view, 0, &e), 0);
    struct hash root = merkle_root(leaves, GARBAGE);
    assert_memory_equal(&e.root, &root, sizeof root);
    assert_int_equal(e.count, GARBAGE);
    assert_int_equal(e.bytes, block_payload);
    for (uint32_t i = 0; i < GARBAGE; i++) {
        struct result result;
        assert_int_equal(executor_outcome(view, 0, i, &result), 0);
        struct hash leaf = executor_result_leaf(&result);
        assert_memory_equal(&leaf, &leaves[i], sizeof leaf);
    }
    store_view_close(view);
    executor_close(x);
    store_close(s);
}

static void the_log_application_keeps_places_and_sizes(void **state)
{
    (void)state;
    static uint8_t bytes[1000];
    struct store *s = store_at('a');
    struct heard heard = {.verified = 0};
    struct executor *x = open_as(s, &heard, "log");
    struct executor_state now;
    struct hash none = merkle_root(NULL, 0);
    block_begin(bytes, sizeof bytes);
    block_add("one", 3);
    block_add("another", 7);
    struct slice block = block_end();
    struct hash digest = hash_bytes(slice_of(bytes + 1 + N + 4, block.size - 1 - N - 4));
    struct hash leaf = hash_leaf(hash_slice(&digest));
    struct delivery d = {.epoch = 1, .with_epoch = 1, .valid = true};
    assert_int_equal(executor_block(x, &d, block), 0);
    d = (struct delivery){.position = 1, .epoch = 1, .with_epoch = 1};
    assert_int_equal(executor_block(x, &d, slice_of(NULL, 0)), 0);
    block_begin(bytes, sizeof bytes);
    d = (struct delivery){.position = 2, .epoch = 1, .with_epoch = 1, .valid = true};
    assert_int_equal(executor_block(x, &d, block_end()), 0);
    assert_int_equal(executor_end_epoch(x, 1, &now), 0);
    assert_int_equal(now.height, 3);
    assert_int_equal(now.outcomes[OUTCOME_EXECUTED], 2);
    assert_int_equal(now.confirmed_bytes, 10);
    assert_int_equal(now.bytes, 10);
    assert_memory_equal(&now.state_root, &none, sizeof none);
    executor_close(x);
    store_close(s);

    s = store_at('a');
    x = open_as(s, &heard, "log");
    struct executor_state again = committed(s);
    assert_memory_equal(&again, &now, sizeof now);
    struct store_view *view;
    struct executor_entry e;
    assert_int_equal(store_view_open(s, &view), 0);
    assert_int_equal(executor_entry(view, 0, &e), 0);
    assert_memory_equal(&e.root, &leaf, sizeof leaf);
    assert_int_equal(e.count, 2);
    assert_int_equal(e.bytes, 10);
    assert_int_equal(e.confirmed, 2);
    for (uint64_t i = 1; i < 3; i++) {
        assert_int_equal(executor_entry(view, i, &e), 0);
        assert_memory_equal(&e.root, &none, sizeof none);
    }
    store_view_close(view);
    executor_close(x);
    store_close(s);
}

static void clients_of_the_log_hear_only_of_sizes(void **state)
{
    (void)state;
    static const uint8_t bytes[TRANSACTION_SIZE_MAX + 1];
    struct application_port log = application_log();
    struct mempool_item item;
    const struct {
        size_t size;
        bool good;
    } table[] = {{0, false}, {1, true}, {sizeof bytes - 1, true}, {sizeof bytes, false}};
    for (unsigned i = 0; i < 4; i++) {
        struct slice payload = slice_of(bytes, table[i].size);
        assert_int_equal(log.describe(log.state, payload, &item), table[i].good);
        assert_int_equal(log.check(log.state, payload) == OUTCOME_NONE, table[i].good);
    }
}

static void the_ledger_of_another_chain_is_refused(void **state)
{
    (void)state;
    struct store *s = store_at('h');
    struct executor *x;
    struct executor_options options = {
        .chain = chain, .quorum = quorum_of(N), .application = application_log()};
    assert_int_equal(executor_open(&options, s, &x, message, sizeof message), -1);
    assert_null(x);
    assert_non_null(strstr(message, "application ledger"));
    options.application.name = "ledger";
    assert_int_equal(executor_open(&options, s, &x, message, sizeof message), 0);
    executor_close(x);
    options.quorum = quorum_of(N + 1);
    assert_int_equal(executor_open(&options, s, &x, message, sizeof message), -1);
    options.quorum = quorum_of(N);
    options.chain.bytes[31] ^= 1;
    assert_int_equal(executor_open(&options, s, &x, message, sizeof message), -1);
    store_close(s);
}

static void bytes_that_changed_on_the_disk_are_said(void **state)
{
    (void)state;
    struct store *s = store_at('a');
    struct executor *x = open_on(s, NULL);
    struct delivery d = {.epoch = 1, .with_epoch = 1, .valid = true};
    assert_int_equal(executor_block(x, &d, slice_of("\2", 1)), STORE_CORRUPT);
    executor_close(x);
    uint8_t meta[4096];
    struct slice value, changed;
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_get(s, LEDGER_META, slice_of("executed", 8), &value), 0);
    assert_in_range(value.size, 1, sizeof meta);
    memcpy(meta, value.data, value.size);
    meta[0]++; /* A later format. */
    changed = slice_of(meta, value.size);
    assert_int_equal(store_put(s, LEDGER_META, slice_of("executed", 8), &changed, 1), 0);
    assert_int_equal(store_commit(s), 0);
    struct executor_options later = {
        .chain = chain, .quorum = quorum_of(N), .application = application_log()};
    later.application.name = "ledger";
    assert_int_equal(executor_open(&later, s, &x, message, sizeof message), -1);
    assert_non_null(strstr(message, "format"));

    assert_int_equal(store_begin(s), 0);
    struct slice garbage = slice_of("garbage", 7);
    assert_int_equal(store_put(s, LEDGER_META, slice_of("executed", 8), &garbage, 1), 0);
    assert_int_equal(store_commit(s), 0);
    struct executor_options options = {
        .chain = chain, .quorum = quorum_of(N), .application = application_log()};
    assert_int_equal(executor_open(&options, s, &x, message, sizeof message), -1);
    assert_non_null(strstr(message, "format"));
    store_close(s);
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        HISTORY_TEST(the_genesis_is_epoch_0),
        HISTORY_TEST(the_log_holds_what_was_delivered),
        TEST(the_leaf_of_a_block_is_the_one_described),
        HISTORY_TEST(entries_are_found_by_position_and_by_epoch),
        HISTORY_TEST(what_is_executed_or_out_of_order_is_refused),
        TEST(a_block_larger_than_a_batch_is_one_block),
        TEST(the_log_application_keeps_places_and_sizes),
        TEST(clients_of_the_log_hear_only_of_sizes),
        HISTORY_TEST(the_ledger_of_another_chain_is_refused),
        TEST(bytes_that_changed_on_the_disk_are_said),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("executor", tests, NULL, NULL);
}
