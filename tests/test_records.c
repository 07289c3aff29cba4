/* Records on a memory store: each comes back as it was put, and what is dropped is what should
 * be, to the record. */
#include "node/records.h"
#include "storage/store_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4, EPOCHS = 30, HORIZON = 9, KEYS_MAX = 1024 };

static struct store *store;
static uint64_t seed;

static uint64_t below(uint64_t limit) /* splitmix64 */
{
    uint64_t x = seed += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return (x ^ x >> 31) % limit;
}

static struct hash draw_hash(void)
{
    struct hash h;
    for (unsigned i = 0; i < HASH_SIZE; i++)
        h.bytes[i] = (uint8_t)below(256);
    return h;
}

static int setup(void **state)
{
    (void)state;
    const struct store_options o = {.path = "records",
                                    .size_max = 64 << 20,
                                    .tables = consensus_tables,
                                    .table_count = CONSENSUS_TABLES};
    char message[256];
    if (store_open(&o, &store, message, sizeof message))
        return -1;
    seed = 1;
    return store_begin(store);
}

static int teardown(void **state)
{
    (void)state;
    store_close(store);
    store_memory_forget("records");
    return 0;
}

static struct slice instance_key(epoch_id epoch, node_id proposer)
{
    static uint8_t key[RECORD_KEY_SIZE];
    driver_instance_key(key, epoch, proposer);
    return slice_of(key, sizeof key);
}

/* The keys of a table, in order. */
static struct {
    uint8_t bytes[24];
    size_t size;
} keys[KEYS_MAX];
static unsigned key_count;

static int keep_key(void *context, struct slice key, struct slice value)
{
    (void)context, (void)value;
    assert_true(key_count < KEYS_MAX && key.size <= sizeof keys[0].bytes);
    memcpy(keys[key_count].bytes, key.data, key.size);
    keys[key_count++].size = key.size;
    return 0;
}

static unsigned count_in(unsigned table)
{
    key_count = 0;
    assert_int_equal(store_scan(store, table, slice_of(NULL, 0), keep_key, NULL), 0);
    return key_count;
}

static uint64_t number_in_key(unsigned i, unsigned at)
{
    struct reader r = reader_of(slice_of(keys[i].bytes + at, 8));
    return read_u64(&r);
}

/* ---- Round trips ---- */

static void a_dispersals_record_comes_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        struct instance_record r, back;
        memset(&r, 0, sizeof r);
        r.got = i & 1, r.ready = i >> 1 & 1, r.complete = i >> 2 & 1, r.chunk = i >> 3 & 1;
        r.block = (uint8_t)(i % 3);
        r.count = (uint32_t)below(UINT32_MAX);
        r.got_root = draw_hash();
        r.ready_root = draw_hash();
        r.root = draw_hash();
        r.chunk_root = draw_hash();
        const epoch_id epoch = 1 + below(UINT64_MAX);
        const node_id p = (node_id)below(NODES_MAX);
        assert_int_equal(records_put_instance(store, epoch, p, &r), 0);
        memset(&back, 0, sizeof back);
        assert_int_equal(records_get_instance(store, epoch, p, &back), 0);
        assert_int_equal(back.got, r.got);
        assert_int_equal(back.ready, r.ready);
        assert_int_equal(back.complete, r.complete);
        assert_int_equal(back.chunk, r.chunk);
        assert_int_equal(back.block, r.block);
        assert_int_equal(back.count, r.count);
        assert_true(hash_equal(&back.got_root, &r.got_root));
        assert_true(hash_equal(&back.ready_root, &r.ready_root));
        assert_true(hash_equal(&back.root, &r.root));
        assert_true(hash_equal(&back.chunk_root, &r.chunk_root));
        epoch_id e;
        node_id proposer;
        records_decode_key(instance_key(epoch, p), &e, &proposer);
        assert_int_equal(e, epoch);
        assert_int_equal(proposer, p);
    }
}

static void what_is_not_there_is_a_record_of_nothing(void **state)
{
    (void)state;
    static const struct instance_record nothing;
    struct instance_record r;
    memset(&r, 0xff, sizeof r);
    assert_int_equal(records_get_instance(store, 3, 1, &r), 0);
    assert_memory_equal(&r, &nothing, sizeof r);
    uint64_t value;
    assert_int_equal(records_get_number(store, "first_unsealed", 17, &value), 0);
    assert_int_equal(value, 17);
}

static void a_checkpoint_is_read_as_it_was_put(void **state)
{
    (void)state;
    struct identity_signature put[N], got[N] = {0};
    struct checkpoint_record r = {.checkpoint = {.epoch = 40, .height = 7}, .signatures = put};
    r.checkpoint.log_root = draw_hash();
    for (unsigned p = 0; p < N; p++)
        for (unsigned i = 0; i < sizeof put[p].bytes; i++)
            put[p].bytes[i] = (uint8_t)below(256);
    nodeset_add(&r.signers, 1);
    nodeset_add(&r.signers, N - 1);
    struct checkpoint_record read;
    const struct quorum q = quorum_of(N);
    assert_int_equal(records_get_checkpoint(store, 40, q, &read, got), STORE_MISSING);
    assert_int_equal(records_put_checkpoint(store, &r, 10), 0);
    assert_int_equal(records_get_checkpoint(store, 40, q, &read, got), 0);
    assert_memory_equal(&read.checkpoint, &r.checkpoint, sizeof r.checkpoint);
    assert_memory_equal(&read.signers, &r.signers, sizeof r.signers);
    assert_memory_equal(&got[1], &put[1], sizeof put[1]);
    assert_memory_equal(&got[N - 1], &put[N - 1], sizeof put[1]);
    /* Of a cluster of fewer nodes, or under another epoch's key, it is none. */
    assert_int_equal(records_get_checkpoint(store, 40, quorum_of(N - 1), &read, got),
                     STORE_CORRUPT);
    struct slice value;
    uint8_t key[8] = {[7] = 40}, other[8] = {[7] = 50}, bytes[1024];
    assert_int_equal(store_get(store, TABLE_CHECKPOINTS, slice_of(key, 8), &value), 0);
    memcpy(bytes, value.data, value.size);
    for (size_t size = 0; size <= value.size; size++) {
        const struct slice part = slice_of(bytes, size);
        const bool whole = size == value.size || size == CHECKPOINT_SIZE ||
                           size == CHECKPOINT_SIZE + 1 + IDENTITY_SIGNATURE_SIZE;
        assert_int_equal(store_put(store, TABLE_CHECKPOINTS, slice_of(key, 8), &part, 1), 0);
        assert_int_equal(records_get_checkpoint(store, 40, q, &read, got),
                         whole ? 0 : STORE_CORRUPT);
    }
    const struct slice all = slice_of(bytes, CHECKPOINT_SIZE);
    assert_int_equal(store_put(store, TABLE_CHECKPOINTS, slice_of(other, 8), &all, 1), 0);
    assert_int_equal(records_get_checkpoint(store, 50, q, &read, got), STORE_CORRUPT);
}

static void a_dispersals_record_of_another_form_is_corrupt(void **state)
{
    (void)state;
    uint8_t bytes[RECORD_INSTANCE_SIZE + 1] = {0};
    struct instance_record r;
    for (size_t size = 0; size <= sizeof bytes; size++)
        assert_int_equal(records_decode_instance(slice_of(bytes, size), &r),
                         size == RECORD_INSTANCE_SIZE);
    for (unsigned value = 0; value < 256; value++) {
        bytes[0] = (uint8_t)value;
        bytes[1] = 0;
        assert_int_equal(records_decode_instance(slice_of(bytes, RECORD_INSTANCE_SIZE), &r),
                         value < 16);
        bytes[0] = 0;
        bytes[1] = (uint8_t)value;
        assert_int_equal(records_decode_instance(slice_of(bytes, RECORD_INSTANCE_SIZE), &r),
                         value <= BLOCK_BAD);
    }
    const struct slice part = slice_of(bytes, 5);
    assert_int_equal(store_put(store, TABLE_INSTANCES, instance_key(4, 2), &part, 1), 0);
    assert_int_equal(records_get_instance(store, 4, 2, &r), STORE_CORRUPT);
}

static void a_chunk_comes_back_with_what_serves_it(void **state)
{
    (void)state;
    static uint8_t data[4096];
    struct slice value;
    for (uint32_t size = 64; size <= sizeof data; size += 448) {
        struct stored_chunk c = {.root = draw_hash(), .data = slice_of(data, size)}, back;
        memset(data, (int)size, sizeof data);
        c.header = (struct vid_header){size, draw_hash()};
        for (unsigned k = 0; k < MERKLE_DEPTH_MAX; k++)
            c.proof.path[k] = draw_hash();
        assert_int_equal(records_put_chunk(store, size, 3, &c), 0);
        assert_int_equal(store_get(store, TABLE_CHUNKS, instance_key(size, 3), &value), 0);
        assert_true(records_decode_chunk(value, &back));
        assert_true(hash_equal(&back.root, &c.root));
        assert_int_equal(back.header.chunk_size, size);
        assert_true(hash_equal(&back.header.tree_root, &c.header.tree_root));
        assert_memory_equal(&back.proof, &c.proof, sizeof c.proof);
        assert_true(slice_equal(back.data, c.data));
        for (size_t cut = 0; cut < value.size; cut += 1 + cut / 8)
            assert_false(records_decode_chunk(slice_of(value.data, cut), &back));
    }
}

static void outcomes_and_numbers_come_back(void **state)
{
    (void)state;
    for (epoch_id e = 1; e < 40; e++) {
        const struct nodeset accepted = {{below(UINT64_MAX), below(UINT64_MAX)}};
        assert_int_equal(records_put_outcome(store, e, &accepted), 0);
        uint8_t key[8];
        struct writer w = writer_of(key, sizeof key);
        write_u64(&w, e);
        struct slice value;
        struct nodeset back;
        assert_int_equal(store_get(store, TABLE_OUTCOMES, writer_result(&w), &value), 0);
        assert_true(records_decode_outcome(value, &back));
        assert_memory_equal(&back, &accepted, sizeof back);
        assert_false(records_decode_outcome(slice_of(value.data, value.size - 1), &back));
        uint64_t number;
        assert_int_equal(records_put_number(store, "proposed", e << 40), 0);
        assert_int_equal(records_put_number(store, "first_unsealed", e), 0);
        assert_int_equal(records_get_number(store, "proposed", 0, &number), 0);
        assert_int_equal(number, e << 40);
    }
    const struct slice part = slice_of("1234567", 7);
    uint64_t number;
    assert_int_equal(store_put(store, TABLE_META, slice_of("pruned", 6), &part, 1), 0);
    assert_int_equal(records_get_number(store, "pruned", 0, &number), STORE_CORRUPT);
}

static void keys_lie_in_the_order_of_epochs(void **state)
{
    (void)state;
    static const epoch_id epochs[] = {256, 1, 65536, 255, 2, UINT64_MAX / 2, 257};
    static const struct instance_record r;
    for (unsigned i = 0; i < 7; i++)
        for (node_id p = 4; p-- > 0;)
            assert_int_equal(records_put_instance(store, epochs[i], p, &r), 0);
    assert_int_equal(count_in(TABLE_INSTANCES), 28);
    for (unsigned i = 1; i < key_count; i++)
        assert_true(number_in_key(i - 1, 0) < number_in_key(i, 0) ||
                    keys[i - 1].bytes[8] < keys[i].bytes[8]);
}

/* ---- Dropping ---- */

static void votes_of_one_epoch_are_dropped_and_no_others(void **state)
{
    (void)state;
    static const uint8_t vote[RECORD_VOTE_SIZE] = {1, BA_AUX, 0, BA_ONE};
    static const unsigned counts[] = {0, 1, 63, 64, 65, 200};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (epoch_id e = 6; e <= 8; e++)
            for (uint64_t s = 0; s < (e == 7 ? counts[i] : 3); s++)
                assert_int_equal(records_put_votes(store, e, s, slice_of(vote, sizeof vote)), 0);
        assert_int_equal(count_in(TABLE_VOTES), 6 + counts[i]);
        assert_int_equal(records_drop_votes(store, 7), 0);
        assert_int_equal(count_in(TABLE_VOTES), 6);
        for (unsigned k = 0; k < key_count; k++)
            assert_true(number_in_key(k, 0) != 7);
    }
}

/* Delivered by `through` it is, or never. */
static epoch_id past(epoch_id through) { return through > HORIZON ? through - HORIZON : 0; }

/* What was put of each dispersal, and with which epoch it was delivered (0: not). */
static epoch_id delivered_with[EPOCHS + 1][N];
static bool chunk_put[EPOCHS + 1][N], block_put[EPOCHS + 1][N];

static void fill(void)
{
    static const struct instance_record record = {.complete = true};
    static const struct stored_chunk chunk = {.header = {.chunk_size = 64}};
    static const uint8_t data[64];
    memset(delivered_with, 0, sizeof delivered_with);
    for (epoch_id e = 1; e <= EPOCHS; e++) {
        assert_int_equal(records_put_outcome(store, e, &(struct nodeset){{e}}), 0);
        for (node_id p = 0; p < N; p++) {
            struct stored_chunk c = chunk;
            const struct slice bytes = c.data = slice_of(data, sizeof data);
            chunk_put[e][p] = below(4) > 0;
            block_put[e][p] = below(4) > 0; /* Bad ones have none. */
            assert_int_equal(records_put_instance(store, e, p, &record), 0);
            if (chunk_put[e][p])
                assert_int_equal(records_put_chunk(store, e, p, &c), 0);
            if (block_put[e][p])
                assert_int_equal(store_put(store, TABLE_BLOCKS, instance_key(e, p), &bytes, 1), 0);
            if (below(5) == 0)
                continue; /* Undelivered: not dropped before it is past the horizon. */
            const epoch_id with = below(3) ? e : e + below(HORIZON + 1);
            delivered_with[e][p] = with;
            assert_int_equal(records_put_delivered(store, with, e, p), 0);
        }
    }
}

static bool is_there(unsigned table, struct slice key)
{
    struct slice value;
    const int error = store_get(store, table, key, &value);
    assert_true(error == 0 || error == STORE_MISSING);
    return error == 0;
}

static void expect_pruned(epoch_id through, epoch_id sealed)
{
    unsigned left = 0, undelivered = 0;
    for (epoch_id e = 1; e <= EPOCHS; e++)
        for (node_id p = 0; p < N; p++) {
            const epoch_id with = delivered_with[e][p];
            const bool gone = (with != 0 && with <= through) || e <= past(through);
            left += with != 0 && !gone;
            undelivered += with == 0 && !gone;
            assert_int_equal(is_there(TABLE_INSTANCES, instance_key(e, p)), !gone);
            assert_int_equal(is_there(TABLE_CHUNKS, instance_key(e, p)), !gone && chunk_put[e][p]);
            assert_int_equal(is_there(TABLE_BLOCKS, instance_key(e, p)), !gone && block_put[e][p]);
        }
    assert_int_equal(undelivered > 0, past(through) < EPOCHS);
    assert_int_equal(count_in(TABLE_DELIVERED), left);
    assert_int_equal(count_in(TABLE_OUTCOMES), EPOCHS - sealed);
    if (key_count > 0)
        assert_int_equal(number_in_key(0, 0), sealed + 1);
}

static void pruning_drops_what_was_delivered_by_then_and_nothing_else(void **state)
{
    (void)state;
    static const unsigned limits[] = {1, 3, 64, 1000};
    fill();
    unsigned i = 0;
    for (epoch_id through = 0; through <= EPOCHS + HORIZON + 3; through += 1 + i++ % 4) {
        const epoch_id sealed = through > EPOCHS ? EPOCHS : through / 2;
        bool more = true;
        for (unsigned calls = 0; more; calls++) {
            assert_true(calls < 1000);
            assert_int_equal(
                records_prune(store, through, past(through), sealed, limits[i % 4], &more), 0);
        }
        expect_pruned(through, sealed);
    }
}

static void one_call_prunes_no_more_than_its_limit(void **state)
{
    (void)state;
    for (unsigned limit = 1; limit <= 100; limit += 9) {
        fill();
        const unsigned before = count_in(TABLE_DELIVERED), all = count_in(TABLE_INSTANCES);
        const unsigned most = limit > 64 ? 64 : limit;
        bool more;
        assert_int_equal(records_prune(store, EPOCHS + 10, 0, 0, limit, &more), 0);
        assert_int_equal(count_in(TABLE_DELIVERED), before - most);
        assert_true(more);
        const unsigned left = count_in(TABLE_INSTANCES);
        assert_true(left < all && left >= all - most);
        assert_int_equal(records_prune(store, 0, EPOCHS, 0, limit, &more), 0);
        assert_int_equal(count_in(TABLE_DELIVERED), before - most);
        assert_int_equal(count_in(TABLE_INSTANCES), left > most ? left - most : 0);
        assert_true(more || left < most);
    }
}

static void a_failing_store_is_reported(void **state)
{
    (void)state;
    fill();
    bool more;
    unsigned failures = 0;
    for (unsigned call = 1; call < 60; call += 3) {
        store_memory_fail(store, call, STORE_IO);
        failures += records_prune(store, EPOCHS + HORIZON, EPOCHS, EPOCHS, 8, &more) == STORE_IO;
        store_memory_fail(store, 0, 0);
        store_abort(store);
        assert_int_equal(store_begin(store), 0);
        fill();
    }
    assert_true(failures > 10);
    struct instance_record r;
    uint64_t number;
    store_memory_fail(store, 1, STORE_IO);
    assert_int_equal(records_drop_votes(store, 1), STORE_IO);
    assert_int_equal(records_get_instance(store, 1, 1, &r), STORE_IO);
    assert_int_equal(records_get_number(store, "proposed", 0, &number), STORE_IO);
    store_memory_fail(store, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_dispersals_record_comes_back),
        TEST(what_is_not_there_is_a_record_of_nothing),
        TEST(a_checkpoint_is_read_as_it_was_put),
        TEST(a_dispersals_record_of_another_form_is_corrupt),
        TEST(a_chunk_comes_back_with_what_serves_it),
        TEST(outcomes_and_numbers_come_back),
        TEST(keys_lie_in_the_order_of_epochs),
        TEST(votes_of_one_epoch_are_dropped_and_no_others),
        TEST(pruning_drops_what_was_delivered_by_then_and_nothing_else),
        TEST(one_call_prunes_no_more_than_its_limit),
        TEST(a_failing_store_is_reported),
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
