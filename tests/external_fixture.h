/* An application on a thread, which may die at any request, lie or be away, and the port to it on a
 * history of blocks. */
#ifndef TESTS_EXTERNAL_FIXTURE_H
#define TESTS_EXTERNAL_FIXTURE_H

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
    bool no_dump, restoring;
    unsigned restored; /* Times. */
} app;

static void *zmq;
static struct store *store, *snapshots; /* Of snapshots: NULL, unless a test has them. */
static struct application_port port;
static struct executor *executor;

static inline void say(void *socket, unsigned count, const struct slice frames[])
{
    for (unsigned i = 0; i < count; i++)
        zmq_send(socket, frames[i].data, frames[i].size, i + 1 < count ? ZMQ_SNDMORE : 0);
}

static inline void say_text(void *socket, const char *word, const char *reason)
{
    const struct slice frames[] = {slice_of(word, strlen(word)), slice_of(reason, strlen(reason))};
    say(socket, *reason ? 2 : 1, frames);
}

/* 1, 2 or 3, as the transaction has it. */
static inline uint8_t verdict(struct slice transaction)
{
    const unsigned kind = transaction.data[transaction.size / 2] % 8;
    return kind == 0 ? 2 : kind == 1 ? 3 : 1;
}

static inline void execute(void *socket, zmq_msg_t frames[], unsigned count)
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

static inline void hello(void *socket)
{
    uint64_t epoch = htobe64(app.durable.epoch);
    app.open = app.durable;
    app.restoring = false;
    app.hellos++;
    const struct slice out[] = {slice_of("ok", 2), slice_of(&epoch, sizeof epoch - app.odd_hello),
                                hash_slice(&app.durable.root)};
    say(socket, 3, out);
}

static inline void finish(void *socket, zmq_msg_t frames[])
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

/* A record for each id that was executed. */
static inline void dump(void *socket, zmq_msg_t *number)
{
    uint64_t n;
    memcpy(&n, zmq_msg_data(number), sizeof n);
    n = be64toh(n);
    assert(n <= app.durable.count);
    const struct slice out[] = {
        slice_of("ok", 2), slice_of(&app.durable.ids[n], n < app.durable.count ? HASH_SIZE : 0)};
    if (app.no_dump)
        say_text(socket, "no", "there are no snapshots here");
    else
        say(socket, 2, out);
}

static inline void restore(void *socket, zmq_msg_t frames[])
{
    uint64_t epoch;
    memcpy(&epoch, zmq_msg_data(&frames[1]), sizeof epoch);
    app.restoring = true;
    app.open = (struct application_state){.epoch = be64toh(epoch)};
    memcpy(&app.open.root, zmq_msg_data(&frames[2]), HASH_SIZE);
    say_text(socket, "ok", "");
}

static inline void load(void *socket, zmq_msg_t frames[], unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        assert(app.restoring && app.open.count < IDS_MAX);
        assert(zmq_msg_size(&frames[i]) == HASH_SIZE);
        memcpy(&app.open.ids[app.open.count++], zmq_msg_data(&frames[i]), HASH_SIZE);
    }
    say_text(socket, "ok", "");
}

static inline void commit(void *socket)
{
    assert(app.restoring || app.open.epoch > app.durable.epoch);
    app.durable = app.open;
    app.restored += app.restoring;
    app.restoring = false;
    say_text(socket, "ok", "");
}

static inline void answer(void *socket, zmq_msg_t frames[], unsigned count)
{
    const struct slice word = slice_of(zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]));
#define IS(text) slice_equal(word, slice_of(text, strlen(text)))
    if (IS("hello"))
        hello(socket);
    else if (IS("execute"))
        execute(socket, frames, count);
    else if (IS("finish"))
        finish(socket, frames);
    else if (IS("commit"))
        commit(socket);
    else if (IS("dump"))
        dump(socket, &frames[1]);
    else if (IS("restore"))
        restore(socket, frames);
    else if (IS("load"))
        load(socket, frames, count);
    else if (IS("query")) {
        static uint8_t long_answer[100];
        const struct slice out[] = {slice_of("ok", 2), slice_of(long_answer, app.answer_size)};
        if (app.sleeps_ms > 0)
            usleep(app.sleeps_ms * 1000);
        say(socket, 2, out);
    } else
        say_text(socket, IS("check") && zmq_msg_size(&frames[1]) == 3 ? "no" : "ok",
                 IS("check") && zmq_msg_size(&frames[1]) == 3 ? "three\n bytes" : "");
}

static inline void *open_app(void)
{
    void *socket = zmq_socket(zmq, ZMQ_REP);
    int zero = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    while (zmq_bind(socket, app.endpoint) != 0 && !atomic_load(&app.quit))
        usleep(1000);
    return socket;
}

static inline bool dies(const zmq_msg_t *word)
{
    zmq_msg_t *w = (zmq_msg_t *)(uintptr_t)word;
    if (!app.dies_at || app.died == DEATHS || zmq_msg_size(w) != strlen(app.dies_at) ||
        memcmp(zmq_msg_data(w), app.dies_at, zmq_msg_size(w)) != 0)
        return false;
    return ++app.asked % app.every == 0;
}

static inline void *serve(void *context)
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

static inline void start_app(void)
{
    atomic_store(&app.quit, false);
    app.runs = true;
    assert_int_equal(pthread_create(&app.thread, NULL, serve, NULL), 0);
}

static inline void stop_app(void)
{
    atomic_store(&app.quit, true);
    pthread_join(app.thread, NULL);
    app.runs = false;
}

static inline void open_node(void)
{
    struct executor_options options = {.chain = chain, .quorum = quorum_of(N)};
    const struct external_options external = {
        .chain = chain, .socket = app.endpoint + 6, .quorum = quorum_of(N), .snapshots = snapshots};
    assert_int_equal(external_open(&external, store, &options.application, message, sizeof message),
                     0);
    port = options.application;
    assert_int_equal(executor_open(&options, store, &executor, message, sizeof message), 0);
}

static inline int setup_app(void **state)
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

static inline int teardown_app(void **state)
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
static inline int run(epoch_id from, epoch_id to)
{
    struct executor_state state;
    int error = 0;
    for (epoch_id e = from; e <= to && !error; e++)
        error = run_epoch(executor, e, &state);
    return error;
}

static struct executor_state expected;

/* Once, and the root is its; as it was when nothing went wrong. */
static inline void expect_the_same(void)
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

#endif
