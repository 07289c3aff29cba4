/* Who waits for what is not there yet, how many may, and what they are told. */
#include "node/service.h"

#include "tests/executor_fixture.h"

#include <poll.h>

enum { PATIENCE_MS = 5000, ASKERS = SERVICE_WAITING_MAX + 40 };

static struct store *store;
static struct workers *workers;
static struct service *service;
static struct recent *recent;
static struct application_port application;
static struct admission admission;
static uint64_t now_ms;

static struct heard_answer {
    unsigned count;
    bool none; /* It was told that there will be none. */
    enum client_status status;
    uint32_t events;
    unsigned refused, put_off; /* Of a submission. */
} heard[ASKERS];

static void hear(void *asker, const struct client_answer *answer)
{
    struct heard_answer *h = asker;
    h->count++;
    h->none = answer == NULL;
    if (!answer)
        return;
    h->status = answer->result.status;
    if (answer->kind == CLIENT_EVENTS && h->status == CLIENT_OK)
        h->events = answer->events.count;
    struct client_result result;
    struct slice rest = answer->list.items;
    for (uint32_t i = 0; answer->kind == CLIENT_SUBMIT && i < answer->list.count; i++) {
        assert_true(client_result_next(&rest, &result));
        h->refused += result.status == CLIENT_MALFORMED || result.status == CLIENT_INVALID;
        h->put_off += result.status == CLIENT_OVERLOADED && result.retry_ms > 0;
    }
}

static int setup_service(void **state)
{
    const int error = setup_history(state);
    store = store_at('f');
    struct executor *x = open_on(store, NULL);
    struct executor_state executed;
    assert_int_equal(run_epoch(x, 1, &executed), 0);
    executor_close(x);
    const struct ledger_options options = {.chain = chain};
    assert_int_equal(ledger_open(&options, store, &application, message, sizeof message), 0);
    assert_int_equal(workers_start(2, &workers, message, sizeof message), 0);
    recent = recent_new(0x9e3779b97f4a7c15);
    admission_init(&admission, 100);
    const struct service_options s = {.workers = workers,
                                      .admission = &admission,
                                      .recent = recent,
                                      .request = {.ledger = store, .application = &application}};
    service = service_new(&s);
    memset(heard, 0, sizeof heard);
    now_ms = 1000;
    service_look(service, false, now_ms);
    return error;
}

static int teardown_service(void **state)
{
    if (workers)
        workers_stop(workers);
    workers = NULL;
    service_free(service);
    application.close(application.state);
    recent_free(recent);
    store_close(store);
    return teardown(state);
}

/* The loop's rounds, until so many answers are there in all; or for a while, to see that there are no
 * more. */
static unsigned rounds(unsigned wanted, unsigned limit_ms)
{
    unsigned told = 0;
    for (unsigned ms = 0; ms < limit_ms && told < wanted; ms++) {
        workers_finished(workers);
        service_look(service, false, now_ms);
        service_committed(service);
        told = 0;
        for (unsigned i = 0; i < ASKERS; i++)
            told += heard[i].count;
        poll(NULL, 0, 1);
    }
    return told;
}

static void follow(unsigned i, uint64_t position, uint32_t wait_ms)
{
    const struct service_question q = {
        .request = {.kind = CLIENT_EVENTS, .cursor = {.position = position}},
        .wait_ms = wait_ms,
        .answer = hear,
        .asker = &heard[i]};
    assert_true(service_ask(service, &q));
}

static void what_is_there_is_told_at_once(void **state)
{
    (void)state;
    follow(0, 0, 60000);
    assert_int_equal(rounds(1, PATIENCE_MS), 1);
    assert_int_equal(heard[0].status, CLIENT_OK);
    assert_int_equal(heard[0].events, first_of[2]);
    assert_true(service_idle(service));
}

static void what_is_not_is_waited_for(void **state)
{
    (void)state;
    follow(0, first_of[2], 60000);
    follow(1, first_of[2], 0); /* Who does not want to wait. */
    assert_int_equal(rounds(2, 100), 1);
    assert_int_equal(heard[1].count, 1);
    struct executor_state executed;
    struct executor *x = open_on(store, NULL);
    assert_int_equal(run_epoch(x, 2, &executed), 0);
    executor_close(x);
    now_ms += 1000;
    assert_int_equal(rounds(2, PATIENCE_MS), 2);
    assert_int_equal(heard[0].events, first_of[3] - first_of[2]);
}

static void no_longer_than_was_asked(void **state)
{
    (void)state;
    follow(0, first_of[2], 5000);
    assert_int_equal(rounds(1, 100), 0);
    now_ms += 5001;
    assert_int_equal(rounds(1, PATIENCE_MS), 1);
    assert_int_equal(heard[0].status, CLIENT_OK);
    assert_int_equal(heard[0].events, 0);
}

/* One too many is not told "nothing" at once, at which he would ask again at once. */
static void so_many_may_wait(void **state)
{
    (void)state;
    const unsigned more = ASKERS - SERVICE_FOLLOWING_MAX;
    for (unsigned i = 0; i < ASKERS; i++)
        follow(i, first_of[2], 60000);
    assert_int_equal(rounds(more, PATIENCE_MS), more);
    for (unsigned i = 0; i < ASKERS; i++)
        assert_true(heard[i].count == 0 || heard[i].status == CLIENT_OVERLOADED);
    service_drain(service); /* And all are told when the node stops. */
    assert_int_equal(rounds(ASKERS, PATIENCE_MS), ASKERS);
    assert_true(service_idle(service));
}

/* Four transactions that are none: whatever is looked at is found to be so. */
static bool submit_four(unsigned i)
{
    enum { SIZE = 64 };
    static const uint8_t none[SIZE];
    static uint8_t items[4 * (4 + SIZE)];
    struct writer w = writer_of(items, sizeof items);
    for (unsigned k = 0; k < 4; k++)
        client_transaction_add(&w, slice_of(none, SIZE));
    const struct service_question q = {
        .request = {.kind = CLIENT_SUBMIT, .list = {.count = 4, .items = writer_result(&w)}},
        .client = i,
        .answer = hear,
        .asker = &heard[i]};
    return service_ask(service, &q);
}

static void what_is_not_admitted_is_not_looked_at(void **state)
{
    (void)state;
    admission_look(&admission, now_ms, ADMISSION_FIRST - 100); /* Room for two. */
    assert_true(submit_four(0));
    assert_int_equal(service_checking(service), 2 * 64);
    assert_int_equal(rounds(1, PATIENCE_MS), 1);
    assert_int_equal(heard[0].refused, 2);
    assert_int_equal(heard[0].put_off, 2);
    assert_int_equal(service_checking(service), 0);
    assert_false(submit_four(1));
    assert_true(service_idle(service));
    assert_int_equal(service_overloaded(service), 2 + 4);
}

/* What is said of a transaction may rest on what this round's commit makes durable. */
static void what_became_of_one_is_told_after_the_commit(void **state)
{
    (void)state;
    struct block block;
    struct slice rest, bytes;
    struct transaction t;
    unsigned first = 0;
    while (history[first].count == 0)
        first++;
    assert_true(
        block_decode(slice_of(history[first].bytes, history[first].size), quorum_of(N), 1, &block));
    rest = block.transactions;
    do
        assert_true(block_next(&rest, &bytes));
    while (!transaction_decode(bytes, &t));
    const struct service_question q = {
        .request = {.kind = CLIENT_TX, .list = {.count = 1, .items = hash_slice(&t.id)}},
        .answer = hear,
        .asker = &heard[0]};
    assert_true(service_ask(service, &q));
    for (unsigned ms = 0; ms < 200; ms++) {
        workers_finished(workers);
        service_look(service, false, now_ms);
        poll(NULL, 0, 1);
    }
    assert_int_equal(heard[0].count, 0);
    service_committed(service);
    assert_int_equal(heard[0].count, 1);
}

/* With what is noted of each transaction, which may be far more than its bytes. */
static void what_is_in_flight_is_bounded(void **state)
{
    (void)state;
    enum { COUNT = 4096 };
    static uint8_t items[COUNT * 5];
    static struct heard_answer one;
    struct writer w = writer_of(items, sizeof items);
    for (unsigned k = 0; k < COUNT; k++)
        client_transaction_add(&w, slice_of("x", 1));
    const struct service_question q = {
        .request = {.kind = CLIENT_SUBMIT, .list = {.count = COUNT, .items = writer_result(&w)}},
        .answer = hear,
        .asker = &one};
    admission_init(&admission, 0); /* No limit. */
    unsigned asked = 0;
    while (asked < 1000 && service_ask(service, &q))
        asked++;
    assert_in_range(asked, 10, SERVICE_BYTES_MAX / (COUNT * sizeof(struct request_item)));
    for (unsigned ms = 0; ms < PATIENCE_MS && one.count < asked; ms++)
        rounds(1, 1);
    assert_int_equal(one.count, asked);
    assert_true(service_idle(service));
    assert_true(service_ask(service, &q)); /* There is room again. */
    for (unsigned ms = 0; ms < PATIENCE_MS && !service_idle(service); ms++)
        rounds(1, 1);
}

static bool left;
static bool has_left(const void *asker) { return asker == &heard[0] && left; }

static void for_who_is_gone_nothing_waits(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const struct service_question q = {
            .request = {.kind = CLIENT_EVENTS, .cursor = {.position = first_of[2]}},
            .wait_ms = 60000,
            .answer = hear,
            .gone = has_left,
            .asker = &heard[i]};
        assert_true(service_ask(service, &q));
    }
    assert_int_equal(rounds(1, 100), 0);
    left = true;
    now_ms += 1000;
    assert_int_equal(rounds(1, PATIENCE_MS), 1);
    assert_int_equal(heard[0].count, 1); /* And no other. */
    left = false;
}

static void who_is_left_is_told_so(void **state)
{
    (void)state;
    follow(0, first_of[2], 60000);
    assert_int_equal(rounds(1, 100), 0);
    workers_stop(workers);
    workers = NULL;
    service_free(service);
    service = NULL;
    assert_int_equal(heard[0].count, 1);
    assert_true(heard[0].none);
}

int main(int argc, char **argv)
{
    (void)argc;
#define SERVICE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_service, teardown_service)
    const struct CMUnitTest tests[] = {
        SERVICE_TEST(what_is_there_is_told_at_once),
        SERVICE_TEST(what_is_not_is_waited_for),
        SERVICE_TEST(no_longer_than_was_asked),
        SERVICE_TEST(so_many_may_wait),
        SERVICE_TEST(who_is_left_is_told_so),
        SERVICE_TEST(what_is_not_admitted_is_not_looked_at),
        SERVICE_TEST(what_became_of_one_is_told_after_the_commit),
        SERVICE_TEST(what_is_in_flight_is_bounded),
        SERVICE_TEST(for_who_is_gone_nothing_waits),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
