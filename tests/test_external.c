/* The port to an application elsewhere, against one on a thread, which may die at any request, lie or
 * be away. */
#include "tests/external_fixture.h"

static void each_transaction_is_executed_once(void **state)
{
    (void)state;
    start_app();
    open_node();
    assert_int_equal(run(1, EPOCHS), 0);
    stop_app();
    expect_the_same();
    assert_true(expected.outcomes[OUTCOME_EXECUTED] > 100);
    assert_true(expected.outcomes[OUTCOME_FAILED] > 10);
    assert_true(expected.outcomes[OUTCOME_REFUSED] > 10);
    assert_true(expected.outcomes[OUTCOME_SEQUENCE_USED] > 10); /* Copies. */
    assert_int_equal(app.hellos, 1);
}

static void die_at(const char *word, bool after)
{
    for (unsigned every = 2; every <= 3; every++) {
        void *state = NULL;
        setup_app(&state);
        app.dies_at = word;
        app.after = after;
        app.every = every;
        start_app();
        open_node();
        assert_int_equal(run(1, EPOCHS), 0);
        if (app.durable.epoch < EPOCHS) /* It died at the last commit. */
            assert_int_equal(port.idle(port.state), 0);
        stop_app();
        assert_true(app.died >= 3);
        expect_the_same();
        teardown_app(&state);
    }
}

static void it_may_die_whenever_it_is_asked(void **state)
{
    (void)state;
    static const char *const words[] = {"execute", "finish", "commit"};
    for (unsigned k = 0; k < 3; k++) {
        die_at(words[k], false);
        die_at(words[k], true);
    }
}

static void one_that_has_forgotten_all_is_given_it_again(void **state)
{
    (void)state;
    start_app();
    open_node();
    assert_int_equal(run(1, EPOCHS / 2), 0);
    stop_app();
    memset(&app.durable, 0, sizeof app.durable);
    start_app();
    assert_int_equal(run(EPOCHS / 2 + 1, EPOCHS), 0);
    stop_app();
    expect_the_same();
    memset(&app.durable, 0, sizeof app.durable);
    start_app();
    for (unsigned tries = 0; app.durable.epoch == 0 && tries < 100; tries++) {
        assert_int_equal(port.idle(port.state), 0); /* Nothing is executed. */
        usleep(10000);
    }
    stop_app();
    expect_the_same();
}

/* Between two requests, so that its next one finds another at once. */
static void one_that_comes_again_unseen_is_greeted(void **state)
{
    (void)state;
    start_app();
    open_node();
    for (epoch_id e = 1; e <= EPOCHS; e++) {
        struct executor_state after;
        for (unsigned i = first_of[e]; i < first_of[e + 1]; i++) {
            assert_int_equal(deliver(executor, i), 0);
            stop_app();
            app.open = (struct application_state){.epoch = 77};
            start_app();
            usleep(30000); /* It is connected again. */
        }
        assert_int_equal(executor_end_epoch(executor, e, &after), 0);
    }
    stop_app();
    expect_the_same();
}

/* In the middle of an epoch: what the application has of it is forgotten. */
static void the_node_may_die(void **state)
{
    (void)state;
    start_app();
    open_node();
    for (epoch_id e = 1; e <= EPOCHS; e++) {
        for (unsigned i = first_of[e]; i + 1 < first_of[e + 1]; i++)
            assert_int_equal(deliver(executor, i), 0);
        executor_close(executor);
        open_node();
        assert_int_equal(run(e, e), 0);
    }
    stop_app();
    expect_the_same();
}

static void expect_problem(epoch_id from, const char *text)
{
    start_app();
    assert_int_not_equal(run(from, EPOCHS), 0);
    stop_app();
    if (!strstr(port.problem(port.state), text))
        fail_msg("%s", port.problem(port.state));
}

static void run_half(void)
{
    start_app();
    open_node();
    assert_int_equal(run(1, EPOCHS / 2), 0);
    stop_app();
}

static void one_of_another_ledger_is_refused(void **state)
{
    run_half();
    app.durable.epoch = 99;
    expect_problem(EPOCHS / 2 + 1, "has executed more than this node");
    teardown_app(state);
    setup_app(state);
    run_half();
    app.durable.root.bytes[31] ^= 1;
    expect_problem(EPOCHS / 2 + 1, "is not of this ledger");
}

static void one_that_changes_its_mind_is_refused(void **state)
{
    run_half();
    memset(&app.durable, 0, sizeof app.durable);
    app.other_bytes = true;
    expect_problem(EPOCHS / 2 + 1, "what it said when they were executed");
    teardown_app(state);
    setup_app(state);
    run_half();
    memset(&app.durable, 0, sizeof app.durable);
    app.other_root = true;
    expect_problem(EPOCHS / 2 + 1, "comes to another state");
}

static void answers_that_are_none_are_refused(void **state)
{
    open_node();
    app.odd_hello = true;
    expect_problem(1, "does not answer hello with");
    teardown_app(state);
    setup_app(state);
    open_node();
    app.short_answers = true;
    expect_problem(1, "with a 1, 2 or 3 for each");
    teardown_app(state);
    setup_app(state);
    open_node();
    app.zero_answers = true;
    expect_problem(1, "with a 1, 2 or 3 for each");
    teardown_app(state);
    setup_app(state);
    open_node();
    app.odd_root = true;
    expect_problem(1, "with 32 bytes");
}

static void one_that_says_no_is_asked_again(void **state)
{
    (void)state;
    app.refusals = 1;
    start_app();
    open_node();
    assert_int_equal(run(1, EPOCHS), 0);
    stop_app();
    assert_int_equal(app.refusals, 0);
    expect_the_same();
}

static void *stop_soon(void *context)
{
    (void)context;
    usleep(200000);
    port.stop(port.state);
    return NULL;
}

static void the_node_can_stop_while_it_is_away(void **state)
{
    (void)state;
    pthread_t thread;
    open_node();
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, NULL), 0);
    assert_int_not_equal(run(1, EPOCHS), 0);
    pthread_join(thread, NULL);
    assert_non_null(strstr(port.problem(port.state), "the node stops"));
}

static void a_check_is_a_courtesy(void **state)
{
    (void)state;
    open_node();
    assert_int_equal(port.check(port.state, slice_of("abc", 3)), OUTCOME_NONE);
    assert_int_equal(port.check(port.state, slice_of("", 0)), OUTCOME_MALFORMED);
    start_app();
    assert_int_equal(port.idle(port.state), 0);
    assert_int_equal(port.check(port.state, slice_of("abc", 3)), OUTCOME_REFUSED);
    assert_int_equal(port.check(port.state, slice_of("abcd", 4)), OUTCOME_NONE);
    stop_app();
    assert_int_equal(port.check(port.state, slice_of("abc", 3)), OUTCOME_NONE);
}

static void a_query_is_answered_or_not(void **state)
{
    (void)state;
    uint8_t answer[50];
    size_t size = sizeof answer;
    const struct slice question = slice_of("abc", 3);
    open_node();
    assert_int_equal(port.query(port.state, question, answer, &size), -1); /* It is away. */
    app.answer_size = 40;
    start_app();
    assert_int_equal(port.idle(port.state), 0);
    assert_int_equal(port.query(port.state, question, answer, &size), 0);
    assert_int_equal(size, 40);
    app.answer_size = 51;
    size = sizeof answer;
    assert_int_equal(port.query(port.state, question, answer, &size), 1);
    assert_memory_equal(answer, "its answer is too long", size);
    app.sleeps_ms = 2 * EXTERNAL_SIDE_MS; /* Then it is let alone. */
    size = sizeof answer;
    assert_int_equal(port.query(port.state, question, answer, &size), -1);
    app.sleeps_ms = 0;
    app.answer_size = 40;
    assert_int_equal(port.query(port.state, question, answer, &size), -1);
    assert_int_equal(port.check(port.state, question), OUTCOME_NONE);
    usleep((EXTERNAL_REST_MS + 10) * 1000);
    assert_int_equal(port.query(port.state, question, answer, &size), 0);
    stop_app();
}

static void a_path_may_be_too_long(void **state)
{
    (void)state;
    char path[EXTERNAL_NAME_MAX + 2];
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    struct application_port none;
    const struct external_options external = {.chain = chain, .socket = path};
    assert_int_equal(external_open(&external, store, &none, message, sizeof message), -1);
    assert_non_null(strstr(message, "give a shorter one"));
}

int main(int argc, char **argv)
{
    (void)argc;
#define EXTERNAL_TEST(name) cmocka_unit_test_setup_teardown(name, setup_app, teardown_app)
    const struct CMUnitTest tests[] = {
        EXTERNAL_TEST(each_transaction_is_executed_once),
        cmocka_unit_test(it_may_die_whenever_it_is_asked),
        EXTERNAL_TEST(one_that_has_forgotten_all_is_given_it_again),
        EXTERNAL_TEST(one_that_comes_again_unseen_is_greeted),
        EXTERNAL_TEST(the_node_may_die),
        EXTERNAL_TEST(one_of_another_ledger_is_refused),
        EXTERNAL_TEST(one_that_changes_its_mind_is_refused),
        EXTERNAL_TEST(answers_that_are_none_are_refused),
        EXTERNAL_TEST(one_that_says_no_is_asked_again),
        EXTERNAL_TEST(the_node_can_stop_while_it_is_away),
        EXTERNAL_TEST(a_check_is_a_courtesy),
        EXTERNAL_TEST(a_query_is_answered_or_not),
        EXTERNAL_TEST(a_path_may_be_too_long),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("external", tests, NULL, NULL);
}
