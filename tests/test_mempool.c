#include "tests/mempool_fixture.h"

static void remove_number(uint32_t number)
{
    struct hash id = id_of(number);
    assert_true(mempool_remove(pool, &id));
    assert_false(mempool_has(pool, &id));
}

static void blocks_are_filled_in_the_order_of_arrival(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 5; i++)
        add(i);
    assert_int_equal(mempool_waiting(pool), 5 * 6);
    expect_take(1, 3 * (4 + 6) + 9, (const uint32_t[]){1, 2, 3, 0});
    assert_int_equal(mempool_waiting(pool), 2 * 6);
    assert_int_equal(view().marked, 3);
    EXPECT_TAKE(2, 4, 5);
    EXPECT_TAKE(3, 0);
    assert_int_equal(view().marked, 5);
}

static void a_transaction_is_in_the_pool_once(void **state)
{
    (void)state;
    add(7);
    assert_int_equal(add_sized(7, 6), MEMPOOL_PENDING);
    add(1007); /* Ids that begin alike are in one chain of the index. */
    add(8);
    EXPECT_TAKE(1, 7, 1007, 8);
    assert_int_equal(add_sized(7, 6), MEMPOOL_PENDING); /* In a block it is still here. */
    remove_number(7);
    assert_int_equal(add_sized(7, 6), MEMPOOL_ADDED);
    assert_int_equal(view().count, 3);
}

static void a_full_pool_says_so_until_something_leaves(void **state)
{
    (void)state;
    uint32_t count = 0;
    while (add_sized(count + 1, 1000) == MEMPOOL_ADDED)
        count++;
    assert_in_range(count, BYTES_MAX / 1300, BYTES_MAX / 1000);
    assert_in_range(view().charged, BYTES_MAX - 1300, BYTES_MAX);
    assert_int_equal(add_sized(9999, 1000), MEMPOOL_FULL);
    struct writer w = writer_of(block, sizeof(block));
    assert_int_equal(mempool_take(pool, 1, UINT64_MAX, &w), count);
    assert_int_equal(add_sized(9999, 1000), MEMPOOL_FULL); /* Marked ones count. */
    remove_number(1);
    assert_int_equal(add_sized(9999, 1000), MEMPOOL_ADDED);
}

static void a_block_is_full_with_enough_bytes(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 5; i++)
        add(i); /* Of 4 + 6 bytes in a block. */
    struct writer w = writer_of(block, sizeof block);
    assert_int_equal(mempool_take(pool, 1, 1, &w), 1); /* One is taken, however large. */
    assert_int_equal(mempool_take(pool, 2, 11, &w), 2);
    assert_int_equal(mempool_take(pool, 3, 20, &w), 2);
    assert_int_equal(writer_result(&w).size, 50);
}

/* Else it would be none: 256, and one for each 64 bytes, of 10. */
static void a_block_is_full_with_as_many_as_it_may_hold(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 400; i++)
        add(i);
    struct writer w = writer_of(block, sizeof block);
    assert_int_equal(mempool_take(pool, 1, UINT64_MAX, &w), 303);
    assert_true(block_may_hold(303, writer_result(&w).size));
    assert_false(block_may_hold(304, writer_result(&w).size + 10));
    assert_int_equal(mempool_take(pool, 2, UINT64_MAX, &w), 97);
}

static void what_was_committed_is_there_after_a_restart(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 4; i++)
        add(i);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(mempool_commit(pool, store), 1);
    assert_int_equal(store_commit(store), 0);
    remove_number(2);
    commit();
    add(5);           /* Never committed: */
    remove_number(3); /* nor this. */
    restart();
    assert_int_equal(view().count, 3);
    add(6);
    commit();
    restart();
    EXPECT_TAKE(1, 1, 3, 4, 6);
}

static void what_leaves_before_the_commit_is_never_written(void **state)
{
    (void)state;
    add(1);
    add(2);
    remove_number(1);
    commit();
    restart();
    EXPECT_TAKE(1, 2);
    remove_number(2);
    commit();
    commit();
    restart();
    assert_int_equal(view().count, 0);
    assert_int_equal(view().charged, 0);
}

static void a_record_that_is_no_transaction_is_removed(void **state)
{
    (void)state;
    assert_int_equal(store_begin(store), 0);
    static const uint8_t key[8] = {0, 0, 0, 0, 0, 0, 0, 9};
    struct slice bad = slice_of("bad", 3);
    assert_int_equal(store_put(store, TABLE_POOL, slice_of(key, 8), &bad, 1), 0);
    assert_int_equal(store_commit(store), 0);
    restart();
    add(1); /* Its key is not one that is there. */
    commit();
    struct slice value;
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_get(store, TABLE_POOL, slice_of(key, 8), &value), STORE_MISSING);
    store_abort(store);
    restart();
    EXPECT_TAKE(1, 1);
}

static void a_block_out_of_the_game_gives_its_transactions_back_first(void **state)
{
    (void)state;
    add(1);
    add(2);
    EXPECT_TAKE(4, 1, 2);
    add(3);
    assert_int_equal(mempool_waiting(pool), 6);
    mempool_release(pool, 5); /* Not that one. */
    mempool_release(pool, 4);
    assert_int_equal(mempool_waiting(pool), 3 * 6);
    assert_int_equal(view().marked, 0);
    EXPECT_TAKE(6, 1, 2, 3);
    mempool_release(pool, 4); /* Its marks are another's now. */
    EXPECT_TAKE(7, 0);
}

static void marks_are_made_again_after_a_restart(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 4; i++)
        add(i);
    EXPECT_TAKE(3, 1, 2, 3, 4);
    commit();
    restart();
    struct hash ids[] = {id_of(1), id_of(99), id_of(3)};
    for (uint32_t i = 0; i < 3; i++)
        mempool_mark(pool, 3, i, &ids[i]);
    assert_int_equal(view().marked, 2);
    mempool_mark(pool, 4, 0, &ids[2]); /* A later block of ours has it: that one counts. */
    assert_int_equal(view().marked, 2);
    EXPECT_TAKE(5, 2, 4);
    mempool_release(pool, 3);
    EXPECT_TAKE(6, 1);
    mempool_release(pool, 4);
    EXPECT_TAKE(7, 3);
}

static void how_long_transactions_stay_is_known(void **state)
{
    (void)state;
    add(1); /* The time is not known yet: as of those from before the start. */
    mempool_time(pool, 5000);
    add(2);
    add(3);
    mempool_time(pool, 5070);
    remove_number(1);
    remove_number(2);
    mempool_time(pool, 6000);
    remove_number(3);
    const struct times stays = view().stays;
    assert_int_equal(times_count(&stays), 2);
    assert_int_equal(stays.sum_us, 1070000);
}

struct visited {
    unsigned count;
    uint32_t index[8];
    struct hash id[8];
    bool remove;
};

static void visit(void *context, uint32_t index, const struct hash *id)
{
    struct visited *v = context;
    v->index[v->count] = index;
    v->id[v->count++] = *id;
    if (v->remove)
        assert_true(mempool_remove(pool, id));
}

static void what_is_in_a_block_is_known_with_its_places(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 3; i++)
        add(i);
    EXPECT_TAKE(2, 1, 2, 3);
    add(4);
    remove_number(2); /* Another node's block had it. */
    struct visited v = {.remove = true};
    mempool_marked(pool, 1, visit, &v);
    assert_int_equal(v.count, 0);
    mempool_marked(pool, 2, visit, &v);
    assert_int_equal(v.count, 2);
    assert_int_equal(v.index[0], 0);
    assert_int_equal(v.index[1], 2);
    struct hash three = id_of(3);
    assert_true(hash_equal(&v.id[1], &three));
    mempool_release(pool, 2);
    assert_int_equal(view().count, 1);
    EXPECT_TAKE(3, 4);
    add(5);
    v = (struct visited){.remove = true};
    mempool_each(pool, visit, &v);
    assert_int_equal(v.count, 2);
    assert_int_equal(view().count, 0);
    assert_int_equal(view().bytes, 0);
    assert_int_equal(view().marked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blocks_are_filled_in_the_order_of_arrival),
        TEST(a_transaction_is_in_the_pool_once),
        TEST(a_full_pool_says_so_until_something_leaves),
        TEST(a_block_is_full_with_enough_bytes),
        TEST(a_block_is_full_with_as_many_as_it_may_hold),
        TEST(what_was_committed_is_there_after_a_restart),
        TEST(what_leaves_before_the_commit_is_never_written),
        TEST(a_record_that_is_no_transaction_is_removed),
        TEST(a_block_out_of_the_game_gives_its_transactions_back_first),
        TEST(marks_are_made_again_after_a_restart),
        TEST(how_long_transactions_stay_is_known),
        TEST(what_is_in_a_block_is_known_with_its_places),
    };
    return cmocka_run_group_tests_name("mempool", tests, NULL, NULL);
}
