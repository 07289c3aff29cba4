/* What libledger answers for an application: one that has its own roots and no snapshots, and one that
 * leaves roots to the library. Each is a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <endian.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "crypto/hash.h"
#include "node/client/ledger_application.h"

static char path[64];
static pid_t process;
static void *context, *request;
static uint8_t answer[4][64];
static size_t sizes[4];
static uint8_t place[LEDGER_PLACE_SIZE];

static void begin(void *none, uint8_t *at)
{
    (void)none;
    memcpy(at, place, sizeof place);
}

/* What begins with n is none, with f fails. */
static enum ledger_verdict execute(void *none, const void *bytes, size_t size)
{
    (void)none;
    const char first = size > 0 ? *(const char *)bytes : 'n';
    return first == 'n' ? LEDGER_REFUSED : first == 'f' ? LEDGER_FAILED : LEDGER_EXECUTED;
}

static void finish(void *none, uint64_t epoch, uint8_t *root)
{
    (void)none;
    memset(root, (int)epoch, LEDGER_ROOT_SIZE);
}

static void commit(void *none, const uint8_t *at)
{
    (void)none;
    memcpy(place, at, sizeof place);
}

static size_t dump(void *none, bool first, const void **record)
{
    (void)none;
    *record = "one";
    return first ? 3 : 0;
}

static void restore(void *none) { (void)none; }

static const struct ledger_application plain = {
    .begin = begin, .execute = execute, .finish = finish, .commit = commit};
static const struct ledger_application full = {.begin = begin,
                                               .execute = execute,
                                               .commit = commit,
                                               .dump = dump,
                                               .restore = restore,
                                               .load = execute};

static void serve(const struct ledger_application *application)
{
    char endpoint[80];
    snprintf(path, sizeof path, "/tmp/ledger-application-%d", (int)getpid());
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    process = fork();
    if (process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        ledger_application_serve(path, application);
        _exit(1);
    }
    context = zmq_ctx_new();
    request = zmq_socket(context, ZMQ_REQ);
    assert_int_equal(zmq_connect(request, endpoint), 0);
}

static int end(void **state)
{
    (void)state;
    zmq_close(request);
    zmq_ctx_term(context);
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
    unlink(path);
    return 0;
}

/* A word and its frames; how many come after an ok, or -1 after a no. */
static int ask(const char *word, unsigned count, const struct slice frames[])
{
    int more = 1;
    unsigned k = 0;
    zmq_send(request, word, strlen(word), count ? ZMQ_SNDMORE : 0);
    for (unsigned i = 0; i < count; i++)
        zmq_send(request, frames[i].data, frames[i].size, i + 1 < count ? ZMQ_SNDMORE : 0);
    zmq_pollitem_t item = {.socket = request, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, 10000), 1);
    for (size_t size = sizeof more; more; k++) {
        assert_true(k < 4);
        const int got = zmq_recv(request, answer[k], sizeof answer[k], 0);
        assert_true(got >= 0);
        sizes[k] = (size_t)got;
        zmq_getsockopt(request, ZMQ_RCVMORE, &more, &size);
    }
    return memcmp(answer[0], "ok", 2) == 0 ? (int)k - 1 : -1;
}

static int ask_number(const char *word, uint64_t number, unsigned count, const struct slice more[])
{
    const uint64_t bytes = htobe64(number);
    struct slice frames[4] = {slice_of(&bytes, sizeof bytes)};
    for (unsigned i = 0; i < count; i++)
        frames[1 + i] = more[i];
    return ask(word, 1 + count, frames);
}

static int hello(void)
{
    static const uint8_t chain[32];
    const struct slice frames[] = {slice_of("1", 1), slice_of(chain, sizeof chain)};
    return ask("hello", 2, frames);
}

static struct slice text(const char *t) { return slice_of(t, strlen(t)); }

static void one_may_have_its_own_roots(void **state)
{
    (void)state;
    const struct slice ts[] = {text("a"), text("f"), text("n")};
    serve(&plain);
    assert_int_equal(ask_number("execute", 3, 1, ts), -1); /* Before hello. */
    assert_int_equal(hello(), 2);
    assert_int_equal(answer[1][7], 0);
    assert_int_equal(ask_number("execute", 3, 3, ts), 1);
    assert_memory_equal(answer[1], "\1\2\3", 3);
    assert_int_equal(ask_number("commit", 3, 0, NULL), -1); /* Before finish. */
    assert_int_equal(ask_number("finish", 3, 0, NULL), 1);
    assert_int_equal(answer[1][5], 3);
    assert_int_equal(ask_number("execute", 3, 1, ts), -1); /* After finish. */
    assert_int_equal(ask_number("commit", 3, 0, NULL), 0);
    assert_int_equal(ask_number("execute", 3, 1, ts), -1); /* Once more. */
    assert_int_equal(hello(), 2);
    assert_int_equal(answer[1][7], 3);
    assert_int_equal(answer[2][5], 3);
}

static void one_may_have_no_snapshots(void **state)
{
    (void)state;
    static const uint8_t root[LEDGER_ROOT_SIZE];
    const struct slice r = slice_of(root, sizeof root), record = text("a");
    serve(&plain);
    hello();
    assert_int_equal(ask_number("dump", 0, 0, NULL), -1);
    assert_int_equal(ask_number("restore", 3, 1, &r), -1);
    assert_int_equal(ask("load", 1, &record), -1);
}

/* Of those executed alone, each with its size. */
static void roots_may_be_left_to_the_library(void **state)
{
    (void)state;
    const struct slice ts[] = {text("abc"), text("f"), text("n")};
    uint8_t bytes[LEDGER_ROOT_SIZE + 4 + 3] = {[LEDGER_ROOT_SIZE + 3] = 3};
    memcpy(bytes + LEDGER_ROOT_SIZE + 4, "abc", 3);
    serve(&full);
    hello();
    for (uint64_t epoch = 1; epoch < 3; epoch++) {
        const struct hash expected = hash_bytes(slice_of(bytes, sizeof bytes));
        ask_number("execute", epoch, 3, ts);
        assert_int_equal(ask_number("finish", epoch, 0, NULL), 1);
        assert_memory_equal(answer[1], &expected, sizeof expected);
        assert_int_equal(ask_number("commit", epoch, 0, NULL), 0);
        memcpy(bytes, &expected, sizeof expected);
    }
}

static void a_state_is_given_and_taken(void **state)
{
    (void)state;
    const uint8_t root[LEDGER_ROOT_SIZE] = {9};
    const struct slice r = slice_of(root, sizeof root);
    const struct slice good[] = {text("a"), text("b")}, bad[] = {text("a"), text("n")};
    serve(&full);
    hello();
    assert_int_equal(ask_number("dump", 1, 0, NULL), -1); /* Not in order. */
    assert_int_equal(ask_number("dump", 0, 0, NULL), 1);
    assert_int_equal(sizes[1], 3);
    assert_int_equal(ask_number("dump", 1, 0, NULL), 1);
    assert_int_equal(sizes[1], 0);
    assert_int_equal(ask("load", 2, good), -1); /* Nothing is restored. */
    assert_int_equal(ask_number("restore", 7, 0, NULL), -1);
    assert_int_equal(ask_number("restore", 7, 1, &r), 0);
    assert_int_equal(ask("load", 2, bad), -1);
    hello();
    assert_int_equal(answer[1][7], 0);
    assert_int_equal(ask_number("restore", 7, 1, &r), 0);
    assert_int_equal(ask("load", 2, good), 0);
    assert_int_equal(ask_number("execute", 8, 2, good), -1); /* Before commit. */
    assert_int_equal(ask_number("commit", 7, 0, NULL), 0);
    assert_int_equal(ask("load", 2, good), -1);
    hello();
    assert_int_equal(answer[1][7], 7);
    assert_memory_equal(answer[2], root, sizeof root);
    assert_int_equal(ask_number("execute", 8, 2, good), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(one_may_have_its_own_roots, end),
        cmocka_unit_test_teardown(one_may_have_no_snapshots, end),
        cmocka_unit_test_teardown(roots_may_be_left_to_the_library, end),
        cmocka_unit_test_teardown(a_state_is_given_and_taken, end),
    };
    return hash_init() ? cmocka_run_group_tests_name("ledger_application", tests, NULL, NULL) : 1;
}
