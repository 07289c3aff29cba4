#include "node/feed.h"

#include "node/request.h"
#include "tests/executor_fixture.h"

/* What whoever follows the ledger hears, against what was executed. */
static struct store *store;
static struct store_view *view;

static void execute(const char *application, epoch_id last)
{
    struct executor_state state;
    store = store_at('f');
    struct executor *x = open_as(store, NULL, application);
    for (epoch_id epoch = 1; epoch <= last; epoch++)
        assert_int_equal(run_epoch(x, epoch, &state), 0);
    executor_close(x);
    assert_int_equal(store_view_open(store, &view), 0);
}

static void done(void)
{
    store_view_close(view);
    store_close(store);
}

/* Each leaf of each block, once, in order; they hash up to the block's root. */
static void all_of_it_is_told_in_order(void **state)
{
    (void)state;
    static struct feed_event event;
    struct hash leaves[200];
    struct client_cursor cursor = {0, 0};
    uint32_t told = 0;
    uint64_t position = 0;
    execute("ledger", EPOCHS);
    int status;
    while ((status = feed_next(view, &cursor, &event)) == 0) {
        assert_int_equal(event.block.delivery.position, position);
        assert_int_equal(event.first, told);
        assert_int_equal(event.block.count, history[position].count);
        for (uint32_t i = 0; i < event.count; i++)
            leaves[told++] = executor_result_leaf(&event.results[i]);
        if (told < event.block.count)
            continue;
        const struct hash root = merkle_root(leaves, told);
        assert_true(hash_equal(&root, &event.block.root));
        assert_int_equal(cursor.position, ++position);
        assert_int_equal(cursor.index, 0);
        told = 0;
    }
    assert_int_equal(status, FEED_END);
    assert_int_equal(position, history_count);
    done();
}

static void who_comes_back_goes_on_within_a_block(void **state)
{
    (void)state;
    static struct feed_event event, rest;
    execute("ledger", EPOCHS);
    struct client_cursor cursor = {0, 0};
    do
        assert_int_equal(feed_next(view, &cursor, &event), 0);
    while (event.count < 3);
    cursor = (struct client_cursor){event.block.delivery.position, 2};
    assert_int_equal(feed_next(view, &cursor, &rest), 0);
    assert_int_equal(rest.block.delivery.position, event.block.delivery.position);
    assert_int_equal(rest.first, 2);
    assert_int_equal(rest.count, event.count - 2);
    assert_memory_equal(rest.results, event.results + 2, rest.count * sizeof rest.results[0]);

    const uint64_t position = event.block.delivery.position; /* Beyond its last: the next. */
    cursor = (struct client_cursor){position, event.block.count};
    assert_int_equal(feed_next(view, &cursor, &rest), 0);
    assert_int_equal(rest.block.delivery.position, position + 1);
    assert_int_equal(rest.first, 0);
    done();
}

static void a_large_block_is_told_in_parts(void **state)
{
    (void)state;
    enum { COUNT = 2 * FEED_PART + 7 };
    static uint8_t block[COUNT * (4 + BLOCK_BYTES_EACH) + 1000];
    static const uint8_t garbage[BLOCK_BYTES_EACH];
    static struct feed_event event;
    struct executor_state after;
    struct client_cursor cursor = {0, 0};
    store = store_at('f');
    struct executor *x = open_on(store, NULL);
    block_begin(block, sizeof block);
    for (unsigned i = 0; i < COUNT; i++)
        block_add(garbage, sizeof garbage);
    const struct delivery d = {.epoch = 1, .with_epoch = 1, .valid = true};
    assert_int_equal(executor_block(x, &d, block_end()), 0);
    assert_int_equal(executor_end_epoch(x, 1, &after), 0);
    executor_close(x);
    assert_int_equal(store_view_open(store, &view), 0);
    for (uint32_t told = 0; told < COUNT; told += event.count) {
        assert_int_equal(cursor.index, told);
        assert_int_equal(feed_next(view, &cursor, &event), 0);
        assert_int_equal(event.first, told);
        assert_int_equal(event.count, COUNT - told < FEED_PART ? COUNT - told : FEED_PART);
    }
    assert_int_equal(cursor.position, 1);
    assert_int_equal(feed_next(view, &cursor, &event), FEED_END);
    done();
}

static void who_is_ahead_is_told_nothing(void **state)
{
    (void)state;
    static struct feed_event event;
    execute("ledger", 2);
    const uint64_t height = first_of[3];
    struct client_cursor cursor = {height, 0};
    assert_int_equal(feed_next(view, &cursor, &event), FEED_END);
    assert_int_equal(cursor.position, height);
    cursor = (struct client_cursor){UINT64_MAX - 1, 3};
    assert_int_equal(feed_next(view, &cursor, &event), FEED_END);
    done();
}

/* An application that does not look inside has blocks to tell of, and no more. */
static void of_the_log_blocks_are_told(void **state)
{
    (void)state;
    static struct feed_event event;
    struct client_cursor cursor = {0, 0};
    uint64_t position = 0;
    execute("log", EPOCHS);
    for (; feed_next(view, &cursor, &event) == 0; position++) {
        assert_int_equal(event.block.delivery.position, position);
        assert_int_equal(event.block.count, history[position].count);
        assert_int_equal(event.count, 0);
    }
    assert_int_equal(position, history_count);
    done();
}

static struct request asked(enum request_form form, struct client_cursor from)
{
    struct request r = {.client = {.kind = CLIENT_EVENTS, .cursor = from}, .form = form};
    r.answer.kind = CLIENT_EVENTS;
    const struct request_context context = {.ledger = store};
    request_read(&context, &r);
    return r;
}

/* From answer to answer, as a client does. */
static void an_answer_says_where_the_next_begins(void **state)
{
    (void)state;
    struct client_cursor cursor = {0, 0};
    uint64_t blocks = 0, leaves = 0;
    execute("ledger", EPOCHS);
    for (bool more = true; more;) {
        struct request r = asked(REQUEST_PLAIN, cursor);
        struct slice rest = r.answer.events.items;
        struct client_event event;
        assert_int_equal(r.answer.result.status, CLIENT_OK);
        assert_int_equal(r.nothing_yet, r.answer.events.count == 0);
        for (uint32_t i = 0; i < r.answer.events.count; i++) {
            assert_true(client_event_next(&rest, &event));
            blocks += event.first == 0;
            leaves += event.count;
        }
        assert_int_equal(rest.size, 0);
        cursor = r.answer.events.next;
        more = r.answer.events.count > 0;
        free(r.text);
    }
    assert_int_equal(blocks, history_count);
    uint64_t all = 0;
    for (unsigned i = 0; i < history_count; i++)
        all += history[i].count;
    assert_int_equal(leaves, all);
    done();
}

static unsigned count_of(const char *text, size_t size, const char *word)
{
    unsigned count = 0;
    for (const char *at = text; (at = memmem(at, size - (size_t)(at - text), word, strlen(word)));
         at += strlen(word))
        count++;
    return count;
}

/* Over HTTP what is final is told, once; what is ignored is not. */
static void a_stream_tells_each_transaction_once(void **state)
{
    (void)state;
    struct client_cursor cursor = {0, 0};
    uint64_t told = 0, events = 0;
    execute("ledger", EPOCHS);
    for (bool more = true; more;) {
        struct request r = asked(REQUEST_STREAM, cursor);
        const struct slice text = r.answer.events.items;
        const char *at = (const char *)text.data;
        told += count_of(at, text.size, "\"outcome\":");
        events += count_of(at, text.size, "\ndata: {\"position\":");
        assert_int_equal(count_of(at, text.size, "malformed"), 0);
        cursor = r.answer.events.next;
        more = text.size > 0;
        free(r.text);
    }
    const struct executor_state *end = &reference[EPOCHS];
    assert_int_equal(events, history_count);
    assert_int_equal(told, end->outcomes[OUTCOME_EXECUTED] + end->outcomes[OUTCOME_FAILED_FUNDS]);
    done();
}

static void from_the_end_is_from_now_on(void **state)
{
    (void)state;
    execute("ledger", 2);
    struct request r = asked(REQUEST_PLAIN, (struct client_cursor){CLIENT_FROM_END, 0});
    assert_true(r.nothing_yet);
    assert_int_equal(r.answer.events.next.position, first_of[3]);
    free(r.text);
    done();
}

static void blocks_are_told_many_at_a_time(void **state)
{
    (void)state;
    static const struct {
        uint64_t from;
        uint32_t count;
        const char *first;
        unsigned told;
    } cases[] = {
        {0, 3, "[{\"position\":0,", 3},
        {2, 1, "[{\"position\":2,", 1},
        {CLIENT_FROM_END, 0, "[]", 0},
        {1ull << 40, 5, "[]", 0},
    };
    execute("ledger", EPOCHS);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct request r = {.client = {.kind = CLIENT_BLOCK, .position = cases[i].from},
                            .form = REQUEST_ARRAY,
                            .count = cases[i].count};
        const struct request_context context = {.ledger = store};
        request_read(&context, &r);
        assert_int_equal(r.answer.result.status, CLIENT_OK);
        assert_memory_equal(r.answer.json.data, cases[i].first, strlen(cases[i].first));
        assert_int_equal(
            count_of((const char *)r.answer.json.data, r.answer.json.size, "\"position\":"),
            cases[i].told);
        free(r.text);
    }
    struct request last = {.client = {.kind = CLIENT_BLOCK, .position = CLIENT_FROM_END},
                           .form = REQUEST_ARRAY,
                           .count = 2};
    const struct request_context context = {.ledger = store};
    char begins[40];
    request_read(&context, &last);
    snprintf(begins, sizeof begins, "[{\"position\":%u,", history_count - 2);
    assert_memory_equal(last.answer.json.data, begins, strlen(begins));
    free(last.text);
    done();
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        HISTORY_TEST(all_of_it_is_told_in_order),
        HISTORY_TEST(who_comes_back_goes_on_within_a_block),
        HISTORY_TEST(a_large_block_is_told_in_parts),
        HISTORY_TEST(who_is_ahead_is_told_nothing),
        HISTORY_TEST(of_the_log_blocks_are_told),
        HISTORY_TEST(an_answer_says_where_the_next_begins),
        HISTORY_TEST(a_stream_tells_each_transaction_once),
        HISTORY_TEST(from_the_end_is_from_now_on),
        HISTORY_TEST(blocks_are_told_many_at_a_time),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
