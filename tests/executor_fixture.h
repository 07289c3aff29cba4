/* A history of blocks, and executors of it. */
#ifndef TESTS_EXECUTOR_FIXTURE_H
#define TESTS_EXECUTOR_FIXTURE_H

#include "node/executor.h"
#include "tests/ledger_fixture.h"

#include <sys/wait.h>

enum { N = 4, EPOCHS = 12, BLOCKS_MAX = 5, ALL_BLOCKS = EPOCHS * BLOCKS_MAX, BLOCK_BYTES = 40000 };

/* A history, the same for all executors. */
static struct {
    struct delivery delivery;
    uint8_t bytes[BLOCK_BYTES];
    size_t size;
    uint32_t count;
} history[ALL_BLOCKS];
static unsigned history_count;
static unsigned first_of[EPOCHS + 2]; /* The first block of an epoch. */

static struct writer block_writer;
static uint32_t block_count;
static size_t block_payload;

static inline void block_begin(uint8_t *bytes, size_t capacity)
{
    static const uint8_t unseen[N];
    block_writer = writer_of(bytes, capacity);
    write_u8(&block_writer, 1);
    write_bytes(&block_writer, unseen, N);
    write_u32(&block_writer, 0);
    block_count = 0;
    block_payload = 0;
}

static inline void block_add(const void *bytes, uint32_t size)
{
    write_u32(&block_writer, size);
    write_bytes(&block_writer, bytes, size);
    block_count++;
    block_payload += size;
}

static struct slice block_end(void)
{
    struct writer count = writer_of(block_writer.start + 1 + N, 4);
    write_u32(&count, block_count);
    assert_true(block_writer.ok);
    return writer_result(&block_writer);
}

static inline void add_random_transaction(uint64_t *seed, uint64_t sequences[KEYS])
{
    static uint8_t last[TRANSACTION_SIZE];
    unsigned from = (unsigned)random_below(seed, KEYS), choice = (unsigned)random_below(seed, 12);
    uint64_t sequence = sequences[from] + (choice == 0 ? 100 : 0);
    if (choice != 1) { /* Else the last one once more. */
        struct transaction t = transfer_signed(from, sequence, (unsigned)random_below(seed, KEYS),
                                               random_below(seed, 40));
        t.signature.bytes[8] ^= choice == 2;
        sequences[from] += choice > 2;
        transaction_encode(&t, last);
    }
    block_add(last, choice == 3 ? 17 : TRANSACTION_SIZE);
}

static inline void make_history(void)
{
    uint64_t seed = 11, sequences[KEYS] = {0};
    for (epoch_id epoch = 1; epoch <= EPOCHS; epoch++) {
        first_of[epoch] = history_count;
        for (unsigned i = 1 + (unsigned)random_below(&seed, BLOCKS_MAX); i--; history_count++) {
            bool valid = random_below(&seed, 6) != 0;
            block_begin(history[history_count].bytes, BLOCK_BYTES);
            for (uint64_t j = random_below(&seed, 60); j--;)
                add_random_transaction(&seed, sequences);
            history[history_count].size = valid ? block_end().size : 0;
            history[history_count].count = valid ? block_count : 0;
            history[history_count].delivery = (struct delivery){
                .position = history_count,
                .epoch = epoch - (i > 2 && epoch > 1),
                .proposer = (node_id)(i % N),
                .with_epoch = epoch,
                .commitment = hash_bytes(slice_of(&history_count, sizeof history_count)),
                .valid = valid,
            };
        }
    }
    first_of[EPOCHS + 1] = history_count;
}

/* What an executor told its caller. */
struct heard {
    struct ledger_ports ports;
    bool backwards;
    unsigned verified;
    unsigned outcomes[OUTCOME_COUNT];
    uint64_t position;
    uint32_t index;
    struct hash *ids; /* Of signatures that were verified. */
};

static inline void outcome_heard(void *context, uint64_t position, uint32_t index,
                                 const struct result *result)
{
    struct heard *h = context;
    assert_true(position > h->position || index == (h->index + 1) || index == 0);
    h->position = position;
    h->index = index;
    h->outcomes[result->outcome]++;
}

static inline struct executor *open_as(struct store *s, struct heard *heard,
                                       const char *application)
{
    static struct ledger_balance genesis[KEYS / 2];
    struct executor_options options = {.chain = chain,
                                       .quorum = quorum_of(N),
                                       .application = application_log(),
                                       .outcome = heard ? outcome_heard : NULL,
                                       .context = heard};
    for (unsigned i = 0; i < KEYS / 2; i++)
        genesis[i] = (struct ledger_balance){keys[i], 1000};
    if (strcmp(application, "ledger") == 0) {
        struct ledger_options ledger = {
            .chain = chain, .balances = genesis, .balance_count = KEYS / 2};
        if (heard)
            ledger.ports = heard->ports;
        else
            ledger.cached = 5; /* Accounts are written within an epoch, too. */
        if (ledger_open(&ledger, s, &options.application, message, sizeof message))
            fail_msg("%s", message);
    }
    struct executor *x;
    if (executor_open(&options, s, &x, message, sizeof message))
        fail_msg("%s", message);
    return x;
}

static inline struct executor *open_on(struct store *s, struct heard *heard)
{
    return open_as(s, heard, "ledger");
}

static inline int deliver(struct executor *x, unsigned i)
{
    return executor_block(x, &history[i].delivery, slice_of(history[i].bytes, history[i].size));
}

static inline int run_epoch(struct executor *x, epoch_id epoch, struct executor_state *state)
{
    int error = 0;
    for (unsigned i = first_of[epoch]; i < first_of[epoch + 1] && !error; i++)
        error = deliver(x, i);
    return error ? error : executor_end_epoch(x, epoch, state);
}

static inline struct executor_state committed(struct store *s)
{
    struct executor_state state;
    struct store_view *view;
    assert_int_equal(store_view_open(s, &view), 0);
    assert_int_equal(executor_state(view, &state), 0);
    struct executor_entry beyond;
    assert_int_equal(executor_entry(view, state.height, &beyond), STORE_MISSING);
    store_view_close(view);
    return state;
}

static struct executor_state reference[EPOCHS + 1];

static inline void make_reference(void)
{
    struct store *s = store_at('h');
    struct executor *x = open_on(s, NULL);
    reference[0] = committed(s);
    for (epoch_id epoch = 1; epoch <= EPOCHS; epoch++) {
        assert_int_equal(run_epoch(x, epoch, &reference[epoch]), 0);
        struct executor_state state = committed(s);
        assert_memory_equal(&state, &reference[epoch], sizeof state);
    }
    executor_close(x);
    store_close(s);
}

static inline int setup_history(void **state)
{
    int error = setup(state);
    if (!history_count)
        make_history();
    make_reference();
    return error;
}

#define HISTORY_TEST(name) cmocka_unit_test_setup_teardown(name, setup_history, teardown)

/* How a process ended that only called this. */
static inline int child(void (*run)(unsigned), unsigned argument)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        run(argument);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

#endif
