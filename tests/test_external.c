/* The port to an application elsewhere, against one on a thread, which may die at any request, lie or
 * be away. */
#include "node/external.h"

#include "tests/executor_fixture.h"

#include <endian.h>
#include <pthread.h>
#include <stdatomic.h>
#include <zmq.h>

enum { FRAMES_MAX = 5000, IDS_MAX = 2000, DEATHS = 12, DEAD_MS = 20 };

struct application_state {
    uint64_t epoch;
    struct hash root;
    unsigned count;
    struct hash ids[IDS_MAX]; /* Executed, in order. */
};

static struct {
    pthread_t thread;
    bool runs;
    atomic_bool quit;
    char endpoint[600];
    struct application_state durable, open;
    /* What goes wrong. */
    const char *dies_at;
    bool after; /* It has done what it was asked, and not said so. */
    unsigned every, asked, died;
    bool odd_hello, short_answers, zero_answers, other_bytes, other_root, odd_root;
    unsigned refusals; /* To finish. */
    unsigned hellos, answer_size, sleeps_ms;
} app;

static void *zmq;
static struct store *store;
static struct application_port port;
static struct executor *executor;

static void say(void *socket, unsigned count, const struct slice frames[])
{
    for (unsigned i = 0; i < count; i++)
        zmq_send(socket, frames[i].data, frames[i].size, i + 1 < count ? ZMQ_SNDMORE : 0);
}

static void say_text(void *socket, const char *word, const char *reason)
{
    const struct slice frames[] = {slice_of(word, strlen(word)), slice_of(reason, strlen(reason))};
    say(socket, *reason ? 2 : 1, frames);
}

/* 1, 2 or 3, as the transaction has it. */
static uint8_t verdict(struct slice transaction)
{
    const unsigned kind = transaction.data[transaction.size / 2] % 8;
    return kind == 0 ? 2 : kind == 1 ? 3 : 1;
}

static void execute(void *socket, zmq_msg_t frames[], unsigned count)
{
    uint8_t answers[FRAMES_MAX];
    for (unsigned i = 2; i < count; i++) {
        const struct slice t = slice_of(zmq_msg_data(&frames[i]), zmq_msg_size(&frames[i]));
        const struct slice parts[] = {hash_slice(&app.open.root), t};
        answers[i - 2] = app.zero_answers ? 0 : app.other_bytes ? 1 : verdict(t);
        if (answers[i - 2] != 1)
            continue;
        app.open.root = hash_tagged("test", parts, 2);
        assert(app.open.count < IDS_MAX);
        app.open.ids[app.open.count++] = hash_bytes(t);
    }
    const struct slice out[] = {slice_of("ok", 2),
                                slice_of(answers, count - 2 - app.short_answers)};
    say(socket, 2, out);
}

static void hello(void *socket)
{
    uint64_t epoch = htobe64(app.durable.epoch);
    app.open = app.durable;
    app.hellos++;
    const struct slice out[] = {slice_of("ok", 2), slice_of(&epoch, sizeof epoch - app.odd_hello),
                                hash_slice(&app.durable.root)};
    say(socket, 3, out);
}

static void finish(void *socket, zmq_msg_t frames[])
{
    uint64_t epoch;
    memcpy(&epoch, zmq_msg_data(&frames[1]), sizeof epoch);
    if (app.refusals > 0) {
        app.refusals--;
        say_text(socket, "no", "not yet");
        return;
    }
    app.open.epoch = be64toh(epoch);
    struct slice root = hash_slice(&app.open.root);
    static const uint8_t other[HASH_SIZE] = {1};
    if (app.other_root)
        root = slice_of(other, sizeof other);
    root.size -= app.odd_root;
    const struct slice out[] = {slice_of("ok", 2), root};
    say(socket, 2, out);
}

static void answer(void *socket, zmq_msg_t frames[], unsigned count)
{
    const struct slice word = slice_of(zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]));
#define IS(text) slice_equal(word, slice_of(text, strlen(text)))
    if (IS("hello"))
        hello(socket);
    else if (IS("execute"))
        execute(socket, frames, count);
    else if (IS("finish"))
        finish(socket, frames);
    else if (IS("commit")) {
        assert(app.open.epoch > app.durable.epoch);
        app.durable = app.open;
        say_text(socket, "ok", "");
    } else if (IS("query")) {
        static uint8_t long_answer[100];
        const struct slice out[] = {slice_of("ok", 2), slice_of(long_answer, app.answer_size)};
        if (app.sleeps_ms > 0)
            usleep(app.sleeps_ms * 1000);
        say(socket, 2, out);
    } else
        say_text(socket, IS("check") && zmq_msg_size(&frames[1]) == 3 ? "no" : "ok",
                 IS("check") && zmq_msg_size(&frames[1]) == 3 ? "three\n bytes" : "");
}

static void *open_app(void)
{
    void *socket = zmq_socket(zmq, ZMQ_REP);
    int zero = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    while (zmq_bind(socket, app.endpoint) != 0 && !atomic_load(&app.quit))
        usleep(1000);
    return socket;
}

static bool dies(const zmq_msg_t *word)
{
    zmq_msg_t *w = (zmq_msg_t *)(uintptr_t)word;
    if (!app.dies_at || app.died == DEATHS || zmq_msg_size(w) != strlen(app.dies_at) ||
        memcmp(zmq_msg_data(w), app.dies_at, zmq_msg_size(w)) != 0)
        return false;
    return ++app.asked % app.every == 0;
}

static void *serve(void *context)
{
    (void)context;
    static zmq_msg_t frames[FRAMES_MAX];
    void *socket = open_app();
    while (!atomic_load(&app.quit)) {
        zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 5) <= 0)
            continue;
        unsigned count = 0;
        do {
            assert(count < FRAMES_MAX);
            zmq_msg_init(&frames[count]);
            zmq_msg_recv(&frames[count], socket, 0);
        } while (zmq_msg_more(&frames[count++]));
        const bool death = dies(&frames[0]);
        if (death && app.after) { /* To nobody. */
            void *nobody = zmq_socket(zmq, ZMQ_PUB);
            answer(nobody, frames, count);
            zmq_close(nobody);
        }
        if (!death)
            answer(socket, frames, count);
        for (unsigned i = 0; i < count; i++)
            zmq_msg_close(&frames[i]);
        if (death) {
            zmq_close(socket);
            app.open = (struct application_state){0};
            app.died++;
            usleep(DEAD_MS * 1000);
            socket = open_app();
        }
    }
    zmq_close(socket);
    return NULL;
}

static void start_app(void)
{
    atomic_store(&app.quit, false);
    app.runs = true;
    assert_int_equal(pthread_create(&app.thread, NULL, serve, NULL), 0);
}

static void stop_app(void)
{
    atomic_store(&app.quit, true);
    pthread_join(app.thread, NULL);
    app.runs = false;
}

static void open_node(void)
{
    struct executor_options options = {.chain = chain, .quorum = quorum_of(N)};
    const struct external_options external = {.chain = chain, .socket = app.endpoint + 6};
    assert_int_equal(external_open(&external, store, &options.application, message, sizeof message),
                     0);
    port = options.application;
    assert_int_equal(executor_open(&options, store, &executor, message, sizeof message), 0);
}

static int setup_app(void **state)
{
    const int error = setup(state);
    if (!history_count)
        make_history();
    memset(&app, 0, sizeof app);
    zmq = zmq_ctx_new();
    snprintf(app.endpoint, sizeof app.endpoint, "ipc://%s/app-%d", build_directory, (int)getpid());
    store = store_at('a');
    return error;
}

static int teardown_app(void **state)
{
    if (app.runs)
        stop_app();
    executor_close(executor);
    executor = NULL;
    store_close(store);
    zmq_ctx_term(zmq);
    unlink(app.endpoint + 6);
    return teardown(state);
}

/* Epochs from `from` to `to`; 0 or the first error. */
static int run(epoch_id from, epoch_id to)
{
    struct executor_state state;
    int error = 0;
    for (epoch_id e = from; e <= to && !error; e++)
        error = run_epoch(executor, e, &state);
    return error;
}

static struct executor_state expected;

/* Once, and the root is its; as it was when nothing went wrong. */
static void expect_the_same(void)
{
    const struct executor_state state = committed(store);
    if (expected.epoch == 0)
        expected = state;
    assert_memory_equal(&state, &expected, sizeof state);
    assert_memory_equal(&app.durable.root, &state.state_root, sizeof state.state_root);
    assert_int_equal(app.durable.count, state.outcomes[OUTCOME_EXECUTED]);
    for (unsigned i = 0; i < app.durable.count; i++)
        for (unsigned j = 0; j < i; j++)
            assert_memory_not_equal(&app.durable.ids[i], &app.durable.ids[j], HASH_SIZE);
}

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
