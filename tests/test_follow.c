/* Who follows the ledger and trusts no node: what is true is taken, and each lie is found. */
#include "node/cli/follow.h"

#include "node/cli/arguments.h"
#include "node/feed.h"
#include "node/transaction.h"
#include "tests/proof_fixture.h"

static struct follow follower;

static void begin(void)
{
    follower =
        (struct follow){.command = "follow", .cluster = &cluster, .verify = true, .json = true};
    cluster.application = APPLICATION_LEDGER;
    cluster.block_bytes_max = 1 << 20;
}

/* Gives it what follows its cursor, after `change`, until it objects, or up to this height. */
static int follow_to(uint64_t height, void (*change)(struct client_event *event, uint8_t *leaves))
{
    static struct feed_event told;
    struct store_view *view;
    struct client_cursor cursor = follower.next;
    int status = EXIT_DONE;
    assert_int_equal(store_view_open(ledger, &view), 0);
    while (status == EXIT_DONE && cursor.position < height) {
        static uint8_t leaves[FEED_PART * CLIENT_LEAF_SIZE];
        assert_int_equal(feed_next(view, &cursor, &told), 0);
        for (uint32_t i = 0; i < told.count; i++) {
            memcpy(leaves + i * CLIENT_LEAF_SIZE, told.results[i].id.bytes, HASH_SIZE);
            leaves[i * CLIENT_LEAF_SIZE + HASH_SIZE] = (uint8_t)told.results[i].outcome;
        }
        struct client_event event = {.block = feed_block(&told.block),
                                     .first = told.first,
                                     .count = told.count,
                                     .leaves = slice_of(leaves, told.count * CLIENT_LEAF_SIZE)};
        if (change)
            change(&event, leaves);
        status = follow_take(&follower, &event);
    }
    store_view_close(view);
    return status;
}

static int prove(void)
{
    struct consistency c;
    if (make_consistency(follower.log.count, &c) != 0)
        return EXIT_FAILED;
    char *text = consistency_text(&c);
    const int status = follow_prove(&follower, slice_of(text, strlen(text)));
    free(text);
    return status;
}

static void what_is_true_is_proven(void **state)
{
    (void)state;
    open_all(2);
    begin();
    for (uint64_t height = 1; height <= first_of[SIGNED + 1]; height++) {
        assert_int_equal(follow_to(height, NULL), EXIT_DONE);
        assert_int_equal(prove(), EXIT_DONE);
    }
    assert_int_equal(json_array_size(follower.waiting), first_of[SIGNED + 1]);
    assert_int_equal(follow_to(history_count, NULL), EXIT_DONE);
    assert_int_equal(prove(), EXIT_FAILED); /* Nobody has signed this yet. */
    follow_free(&follower);
    close_all();
}

/* Bit `flipped` of what is told of the block that has transactions. */
static unsigned flipped;
static void flip(struct client_event *event, uint8_t *leaves)
{
    const size_t size = event->leaves.size;
    if (flipped < 8 * size)
        leaves[flipped / 8] ^= (uint8_t)(1u << flipped % 8);
}

static void each_bit_of_an_outcome_matters(void **state)
{
    (void)state;
    open_all(N);
    for (flipped = 0; flipped < 2 * 8 * CLIENT_LEAF_SIZE; flipped++) {
        begin();
        assert_int_equal(follow_to(first_of[SIGNED + 1], flip), EXIT_DIFFERENT);
        follow_free(&follower);
    }
    close_all();
}

static unsigned lie;
static void tell_a_lie(struct client_event *event, uint8_t *leaves)
{
    (void)leaves;
    switch (lie) {
    case 0: event->block.epoch++; break;
    case 1: event->block.proposer ^= 1; break;
    case 2: event->block.commitment.bytes[7] ^= 1; break;
    case 3: event->block.bad = !event->block.bad; break;
    default: fail();
    }
}

/* What only the signed root tells of. */
static void each_field_of_a_block_matters(void **state)
{
    (void)state;
    open_all(N);
    for (lie = 0; lie < 4; lie++) {
        begin();
        assert_int_equal(follow_to(1, tell_a_lie), EXIT_DONE);
        assert_int_equal(prove(), EXIT_DIFFERENT);
        follow_free(&follower);
    }
    close_all();
}

static void leave_out(struct client_event *event, uint8_t *leaves)
{
    (void)leaves;
    event->block.position += lie == 0;
    event->first += lie == 1;
    event->block.count += lie == 2;
    if (lie == 3)
        event->block.count = UINT32_MAX;
    if (lie == 4)
        event->count = 0;
}

static void nothing_can_be_left_out(void **state)
{
    (void)state;
    open_all(N);
    for (lie = 0; lie < 5; lie++) {
        begin();
        assert_int_equal(follow_to(first_of[SIGNED + 1], leave_out), EXIT_DIFFERENT);
        if (lie >= 3) /* At once: such a block might have no end. */
            assert_int_equal(json_array_size(follower.waiting), 0);
        follow_free(&follower);
    }
    close_all();
}

/* Of a block that has transactions, as a node may tell of it in two parts. */
static struct client_event parts[2];
static void cut_in_two(void)
{
    static struct feed_event told;
    static uint8_t leaves[FEED_PART * CLIENT_LEAF_SIZE];
    struct store_view *view;
    struct client_cursor cursor = {0, 0};
    assert_int_equal(store_view_open(ledger, &view), 0);
    do
        assert_int_equal(feed_next(view, &cursor, &told), 0);
    while (told.count < 2);
    store_view_close(view);
    for (uint32_t i = 0; i < told.count; i++) {
        memcpy(leaves + i * CLIENT_LEAF_SIZE, told.results[i].id.bytes, HASH_SIZE);
        leaves[i * CLIENT_LEAF_SIZE + HASH_SIZE] = (uint8_t)told.results[i].outcome;
    }
    for (uint32_t k = 0; k < 2; k++)
        parts[k] = (struct client_event){
            .block = feed_block(&told.block),
            .first = k,
            .count = k == 0 ? 1 : told.count - 1,
            .leaves = slice_of(leaves + k * CLIENT_LEAF_SIZE,
                               (k == 0 ? 1 : told.count - 1) * CLIENT_LEAF_SIZE)};
    assert_int_equal(follow_to(parts[0].block.position, NULL), EXIT_DONE);
}

static void all_parts_say_the_same_of_their_block(void **state)
{
    (void)state;
    open_all(N);
    for (lie = 0; lie < 7; lie++) {
        begin();
        cut_in_two();
        struct client_block *b = &parts[0].block;
        b->epoch += lie == 1;
        b->proposer ^= lie == 2;
        b->commitment.bytes[0] ^= lie == 3;
        b->bad ^= lie == 4;
        b->count += lie == 5;
        b->root.bytes[0] ^= lie == 6;
        assert_int_equal(follow_take(&follower, &parts[0]), EXIT_DONE);
        assert_int_equal(follow_take(&follower, &parts[1]), lie ? EXIT_DIFFERENT : EXIT_DONE);
        follow_free(&follower);
    }
    close_all();
}

static void what_nobody_signs_is_not_told(void **state)
{
    (void)state;
    open_all(N);
    begin();
    assert_int_equal(follow_to(1, NULL), EXIT_DONE);
    const json_t *told = json_array_get(follower.waiting, 0);
    assert_non_null(json_object_get(told, "epoch"));
    assert_null(json_object_get(told, "with_epoch"));
    assert_null(json_object_get(told, "bytes"));
    follow_free(&follower);
    begin();
    cluster.application = APPLICATION_LOG; /* It has no outcomes. */
    cut_in_two();
    assert_int_equal(follow_take(&follower, &parts[0]), EXIT_DIFFERENT);
    follow_free(&follower);
    begin();
    cluster.block_bytes_max = 3 * TRANSACTION_SIZE; /* So many final ones have no room. */
    assert_int_equal(follow_to(first_of[SIGNED + 1], NULL), EXIT_DIFFERENT);
    follow_free(&follower);
    close_all();
}

/* Before more is taken it is proven: whatever a node says, it is not kept without a bound. */
static void what_waits_is_bounded(void **state)
{
    (void)state;
    open_all(N);
    begin();
    assert_false(follow_enough(&follower));
    assert_int_equal(follow_to(first_of[SIGNED + 1], NULL), EXIT_DONE);
    const size_t waiting = json_array_size(follower.waiting);
    assert_int_equal(follow_enough(&follower), waiting >= 32);
    while (json_array_size(follower.waiting) < 32)
        json_array_append_new(follower.waiting, json_null());
    assert_true(follow_enough(&follower));
    follower.next.index = 1;
    assert_false(follow_enough(&follower)); /* A block has an end. */
    follow_free(&follower);
    close_all();
}

static void a_proof_of_something_else_is_none(void **state)
{
    (void)state;
    struct consistency c;
    open_all(1); /* The last by one: it proves nothing. */
    begin();
    assert_int_equal(follow_to(3, NULL), EXIT_DONE);
    assert_int_equal(prove(), EXIT_DONE); /* Under the one before. */
    assert_int_equal(make_consistency(2, &c), 0);
    char *text = consistency_text(&c);
    assert_int_equal(follow_prove(&follower, slice_of(text, strlen(text))), EXIT_DIFFERENT);
    free(text);
    assert_int_equal(follow_prove(&follower, slice_of("{}", 2)), EXIT_DIFFERENT);
    follow_free(&follower);
    close_all();
}

static void who_comes_back_goes_on(void **state)
{
    (void)state;
    char path[600];
    open_all(N);
    snprintf(path, sizeof path, "%s/state", directory);
    begin();
    follower.state = path;
    assert_int_equal(follow_load(&follower), EXIT_DONE); /* There is none. */
    assert_int_equal(follow_to(4, NULL), EXIT_DONE);
    assert_int_equal(prove(), EXIT_DONE);
    assert_int_equal(follow_print(&follower), EXIT_DONE);
    assert_int_equal(follower.printed, 4);
    follow_free(&follower);
    begin();
    follower.state = path;
    assert_int_equal(follow_load(&follower), EXIT_DONE);
    assert_int_equal(follower.next.position, 4);
    assert_int_equal(follow_to(first_of[SIGNED + 1], NULL), EXIT_DONE);
    assert_int_equal(prove(), EXIT_DONE);
    follow_free(&follower);
    cluster.chain.bytes[0] ^= 1; /* Of another cluster. */
    begin();
    follower.state = path;
    assert_int_equal(follow_load(&follower), EXIT_FAILED);
    assert_int_equal(unlink(path), 0);
    close_all();
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        PROOF_TEST(what_is_true_is_proven),
        PROOF_TEST(each_bit_of_an_outcome_matters),
        PROOF_TEST(each_field_of_a_block_matters),
        PROOF_TEST(nothing_can_be_left_out),
        PROOF_TEST(all_parts_say_the_same_of_their_block),
        PROOF_TEST(what_nobody_signs_is_not_told),
        PROOF_TEST(what_waits_is_bounded),
        PROOF_TEST(a_proof_of_something_else_is_none),
        PROOF_TEST(who_comes_back_goes_on),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
