#include "node/settle.h"

#include "tests/mempool_fixture.h"

enum { SELF = 2, OTHER = 1, EPOCH = 7, POSITION = 40 };

static struct recent *recent;

static int setup_recent(void **state)
{
    recent = recent_new(0x9e3779b97f4a7c15);
    return setup(state);
}

static int teardown_recent(void **state)
{
    recent_free(recent);
    return teardown(state);
}

static bool waits(uint32_t number)
{
    struct hash id = id_of(number);
    return mempool_has(pool, &id);
}

static void expect_end(uint32_t number, uint32_t index, enum outcome outcome)
{
    struct hash id = id_of(number);
    const struct recent_end *end = recent_find(recent, &id);
    assert_false(waits(number));
    assert_non_null(end);
    assert_int_equal(end->height, POSITION);
    assert_int_equal(end->index, index);
    assert_int_equal(end->outcome, outcome);
}

/* 1 to 4 are in our block of EPOCH, 5 came after it. */
static void fill(void)
{
    for (uint32_t i = 1; i <= 4; i++)
        add(i);
    EXPECT_TAKE(EPOCH, 1, 2, 3, 4);
    add(5);
}

/* A block of EPOCH in which `results` became of transactions 1, 2 and so on. */
static void settle_outcomes(node_id proposer, bool valid, const enum outcome outcomes[],
                            uint32_t count)
{
    struct result results[8];
    for (uint32_t i = 0; i < count; i++)
        results[i] = (struct result){id_of(i + 1), outcomes[i]};
    struct execution_block executed = {
        .delivery = {.position = POSITION, .epoch = EPOCH, .proposer = proposer, .valid = valid},
        .count = count,
        .results = results};
    const struct execution_report report = {.epoch = EPOCH, .count = 1, .blocks = &executed};
    settle(&(struct settler){pool, recent, SELF, outcomes != NULL}, &report);
}
#define SETTLE(proposer, ...)                                      \
    settle_outcomes(proposer, true, (enum outcome[]){__VA_ARGS__}, \
                    sizeof((enum outcome[]){__VA_ARGS__}) / sizeof(enum outcome))

static void a_final_outcome_holds_whoevers_block_it_was(void **state)
{
    (void)state;
    fill();
    commit();
    SETTLE(OTHER, OUTCOME_EXECUTED, OUTCOME_FAILED_FUNDS);
    expect_end(1, 0, OUTCOME_EXECUTED);
    expect_end(2, 1, OUTCOME_FAILED_FUNDS);
    assert_int_equal(view().marked, 2); /* Our block is still to come. */
    EXPECT_TAKE(EPOCH + 1, 5);
    commit();
    assert_int_equal(mempool_settled_through(pool), EPOCH);
}

static void a_copy_ignored_in_anothers_block_says_nothing_of_ours(void **state)
{
    (void)state;
    fill();
    SETTLE(OTHER, OUTCOME_BAD_SIGNATURE, OUTCOME_SEQUENCE_USED, OUTCOME_SEQUENCE_ABOVE);
    assert_int_equal(view().marked, 4);
    SETTLE(SELF, OUTCOME_EXECUTED, OUTCOME_SEQUENCE_USED);
    expect_end(1, 0, OUTCOME_EXECUTED);
    expect_end(2, 1, OUTCOME_SEQUENCE_USED);
}

static void our_block_frees_what_it_did_not_settle(void **state)
{
    (void)state;
    fill();
    settle_outcomes(SELF, false, (enum outcome[]){OUTCOME_NONE}, 0); /* It was bad. */
    assert_int_equal(view().marked, 0);
    EXPECT_TAKE(EPOCH + 1, 1, 2, 3, 4, 5);
}

static void without_a_look_inside_our_block_executes_what_is_marked(void **state)
{
    (void)state;
    fill();
    settle_outcomes(OTHER, true, NULL, 0);
    assert_int_equal(view().count, 5);
    settle_outcomes(SELF, true, NULL, 0);
    for (uint32_t i = 1; i <= 4; i++)
        expect_end(i, i - 1, OUTCOME_EXECUTED);
    assert_true(waits(5));
}

#define SETTLE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_recent, teardown_recent)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SETTLE_TEST(a_final_outcome_holds_whoevers_block_it_was),
        SETTLE_TEST(a_copy_ignored_in_anothers_block_says_nothing_of_ours),
        SETTLE_TEST(our_block_frees_what_it_did_not_settle),
        SETTLE_TEST(without_a_look_inside_our_block_executes_what_is_marked),
    };
    return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
