/* A mempool on a store of its own, with transactions that are little more than their numbers. */
#ifndef TESTS_MEMPOOL_FIXTURE_H
#define TESTS_MEMPOOL_FIXTURE_H

#include "node/mempool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/driver.h"

enum { BYTES_MAX = 64 << 10, MAP_SIZE = 64 << 20, BLOCK_SIZE = 100000 };

static char directory[] = "/tmp/test_mempool-XXXXXX";
static char path[64];
static struct store *store;
static struct mempool *pool;
static uint8_t block[BLOCK_SIZE];

/* A test's transaction: number u32, then zeros up to its size, 6 at least. Its id has the number
 * at both ends, and begins as all ids of the same number / 1000 do. */
static inline struct hash id_of(uint32_t number)
{
    struct hash id = {{0}};
    id.bytes[0] = (uint8_t)(number / 1000);
    memcpy(id.bytes + 28, &number, sizeof(number));
    return id;
}

static inline bool describe(void *context, struct slice bytes, struct mempool_item *item)
{
    (void)context;
    uint32_t number;
    if (bytes.size < 6)
        return false;
    memcpy(&number, bytes.data, sizeof(number));
    item->id = id_of(number);
    item->bytes = bytes;
    return true;
}

static inline enum mempool_answer add_sized(uint32_t number, size_t size)
{
    static uint8_t bytes[TRANSACTION_SIZE_MAX];
    struct mempool_item item = {0};
    memcpy(bytes, &number, sizeof(number));
    assert_true(describe(NULL, slice_of(bytes, size), &item));
    return mempool_add(pool, &item);
}

static inline void add(uint32_t number) { assert_int_equal(add_sized(number, 6), MEMPOOL_ADDED); }

static inline void commit(void)
{
    assert_int_equal(store_begin(store), 0);
    assert_in_range(mempool_commit(pool, store), 0, 1);
    assert_int_equal(mempool_commit(pool, store), 0); /* Now there is nothing more to write. */
    assert_int_equal(store_commit(store), 0);
}

static inline void open_pool(size_t bytes_max)
{
    const struct mempool_options options = {
        .bytes_max = bytes_max, .seed = 12345, .describe = describe};
    char message[200] = "";
    pool = mempool_open(&options, store, message, sizeof(message));
    if (!pool)
        fail_msg("%s", message);
}

/* The process died, having written what it had committed. */
static inline void restart(void)
{
    mempool_close(pool);
    open_pool(BYTES_MAX);
}

static inline int setup(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/store", directory);
    static char names[CONSENSUS_TABLES][8];
    static const char *table_names[CONSENSUS_TABLES];
    for (unsigned i = 0; i < CONSENSUS_TABLES; i++) {
        snprintf(names[i], sizeof(names[i]), "%u", i);
        table_names[i] = names[i];
    }
    const struct store_options options = {
        .path = path, .size_max = MAP_SIZE, .tables = table_names, .table_count = CONSENSUS_TABLES};
    char message[200] = "";
    if (store_open(&options, &store, message, sizeof(message)) != 0)
        fail_msg("%s", message);
    open_pool(BYTES_MAX);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    mempool_close(pool);
    store_close(store);
    char command[100];
    snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command);
}

/* Takes a block of at most `size` bytes and expects these numbers in it, ended by 0. */
static inline void expect_take(epoch_id epoch, size_t size, const uint32_t expected[])
{
    struct writer w = writer_of(block, size);
    uint32_t count = mempool_take(pool, epoch, UINT64_MAX, &w);
    struct reader r = reader_of(writer_result(&w));
    for (uint32_t i = 0; expected[i] || i < count; i++) {
        struct slice bytes = read_slice(&r, read_u32(&r));
        uint32_t number = 0;
        if (i < count) {
            assert_true(r.ok);
            memcpy(&number, bytes.data, sizeof(number));
        }
        assert_int_equal(number, expected[i]);
    }
    assert_true(reader_finished(&r));
}
#define EXPECT_TAKE(epoch, ...) expect_take(epoch, BLOCK_SIZE, (const uint32_t[]){__VA_ARGS__, 0})

static inline struct mempool_view view(void)
{
    struct mempool_view v;
    mempool_view(pool, &v);
    return v;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
