#include "tests/ledger_application.h"

/* The naive ledger: every number in a table, every account in an array. */
enum { NUMBERS = 4096, MODEL_KEYS = 300, STEPS = 30000 };

static struct {
    struct identity_public key;
    uint64_t balance;
    bool used[NUMBERS];
    uint64_t place; /* 1 + order of creation; 0: not there. */
} model[MODEL_KEYS];
static uint64_t model_count;

static uint64_t model_lowest(unsigned i)
{
    uint64_t lowest = 0;
    while (model[i].used[lowest])
        lowest++;
    return lowest;
}

static void model_create(unsigned i)
{
    if (!model[i].place)
        model[i].place = ++model_count;
}

static enum outcome model_execute(unsigned from, const struct transaction *t, unsigned to)
{
    if (!hash_equal(&t->chain, &chain))
        return OUTCOME_OTHER_CHAIN;
    uint64_t lowest = model_lowest(from);
    if (t->sequence < lowest || (t->sequence < NUMBERS && model[from].used[t->sequence]))
        return OUTCOME_SEQUENCE_USED;
    if (t->signature.bytes[0])
        return OUTCOME_BAD_SIGNATURE;
    if (t->sequence > lowest + 63)
        return OUTCOME_SEQUENCE_ABOVE;
    model[from].used[t->sequence] = true;
    model_create(from);
    if (model[from].balance < t->amount)
        return OUTCOME_FAILED_FUNDS;
    model_create(to);
    model[from].balance -= t->amount;
    model[to].balance += t->amount;
    return OUTCOME_EXECUTED;
}

static void model_account(unsigned i, struct account *a)
{
    *a = (struct account){.key = model[i].key, .balance = model[i].balance};
    a->sequence.lowest = model_lowest(i);
    for (unsigned bit = 0; bit < SEQUENCE_WINDOW; bit++)
        a->sequence.used |= (uint64_t)model[i].used[a->sequence.lowest + bit] << bit;
    a->index = model[i].place - 1;
}

static struct hash model_root(void)
{
    static struct hash leaves[MODEL_KEYS];
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        if (!model[i].place)
            continue;
        struct account a;
        uint8_t bytes[56];
        struct writer w = writer_of(bytes, sizeof bytes);
        model_account(i, &a);
        write_bytes(&w, &a.key, 32);
        write_u64(&w, a.balance);
        write_u64(&w, a.sequence.lowest);
        write_u64(&w, a.sequence.used);
        leaves[a.index] = hash_leaf(writer_result(&w));
    }
    return merkle_root(leaves, model_count);
}

static void model_compare(const struct hash *root)
{
    uint64_t supply = 0;
    struct store_view *view;
    assert_int_equal(store_view_open(store, &view), 0);
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        struct account a, expected;
        struct hash path[MERKLE_LOG_DEPTH_MAX];
        uint64_t count;
        unsigned length;
        int error = accounts_prove(view, &model[i].key, &a, &count, path, &length);
        assert_int_equal(error, model[i].place ? 0 : STORE_MISSING);
        if (error)
            continue;
        model_account(i, &expected);
        assert_memory_equal(&a, &expected, sizeof a);
        struct hash leaf = account_leaf(&a);
        assert_int_equal(count, model_count);
        assert_true(merkle_verify(root, count, a.index, &leaf, path, length));
        supply += a.balance;
    }
    store_view_close(view);
    assert_int_equal(supply, 10000);
    struct hash expected = model_root();
    assert_memory_equal(root, &expected, sizeof expected);
}

static struct transaction random_transaction(uint64_t *seed, unsigned *from, unsigned *to)
{
    *from = (unsigned)random_below(seed, random_below(seed, 2) ? 10 : MODEL_KEYS);
    *to = (unsigned)random_below(seed, MODEL_KEYS);
    struct transaction t = {.chain = chain, .from = model[*from].key, .to = model[*to].key};
    uint64_t lowest = model_lowest(*from), back = random_below(seed, 8);
    t.sequence = lowest + random_below(seed, random_below(seed, 4) ? 4 : 80);
    t.sequence -= t.sequence < back || random_below(seed, 4) ? 0 : back;
    t.amount = random_below(seed, random_below(seed, 3) ? 20 : 5000);
    t.signature.bytes[0] = random_below(seed, 12) == 0;
    t.signature.bytes[1] = (uint8_t)random_below(seed, 2);
    if (random_below(seed, 50) == 0)
        t.chain.bytes[9] ^= 1;
    return t;
}

/* Generates against the model, batch by batch, and reopens and commits now and then. */
static void differential(unsigned cached, uint64_t seed)
{
    static uint8_t bytes[500][TRANSACTION_SIZE];
    struct slice slices[500];
    struct result results[500];
    enum outcome expected[500];
    unsigned seen[OUTCOME_COUNT] = {0};
    struct ledger_balance genesis[] = {{model[0].key, 4000}, {model[1].key, 6000}};

    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        struct identity_public key = model[i].key;
        memset(&model[i], 0, sizeof model[i]);
        model[i].key = key;
    }
    model_count = 2;
    model[0].place = 1, model[0].balance = 4000;
    model[1].place = 2, model[1].balance = 6000;
    open_ledger(genesis, 2, cached, true);
    begin_genesis();
    for (unsigned done = 0; done < STEPS;) {
        unsigned count = 1 + (unsigned)random_below(&seed, random_below(&seed, 3) ? 30 : 500);
        for (unsigned i = 0; i < count; i++) {
            unsigned from, to;
            struct transaction t = random_transaction(&seed, &from, &to);
            transaction_encode(&t, bytes[i]);
            slices[i] = slice_of(bytes[i], sizeof bytes[i]);
            expected[i] = model_execute(from, &t, to);
            seen[expected[i]]++;
        }
        assert_int_equal(port.execute(port.state, slices, count, results), 0);
        for (unsigned i = 0; i < count; i++)
            assert_string_equal(outcome_name(results[i].outcome), outcome_name(expected[i]));
        done += count;
        if (random_below(&seed, 4) && done < STEPS)
            continue;
        struct hash root = commit();
        model_compare(&root);
        if (random_below(&seed, 3) == 0) {
            port.close(port.state);
            open_ledger(genesis, 2, cached, true);
        }
        assert_int_equal(store_begin(store), 0);
    }
    for (unsigned i = OUTCOME_EXECUTED; i < OUTCOME_FAILED; i++) /* Those of the ledger. */
        if (i != OUTCOME_MALFORMED)
            assert_in_range(seen[i], 100, STEPS);
    store_abort(store);
    close_ledger();
}

static void thousands_of_transactions_agree_with_a_naive_ledger(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        struct hash key = hash_leaf(slice_of(&i, sizeof i));
        memcpy(&model[i].key, &key, sizeof key);
    }
    differential(0, 1);
}

static void so_they_do_with_two_accounts_in_memory(void **state)
{
    (void)state;
    differential(2, 2);
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        TEST(thousands_of_transactions_agree_with_a_naive_ledger),
        TEST(so_they_do_with_two_accounts_in_memory),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("ledger_model", tests, NULL, NULL);
}
