#include "node/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

enum { NODES = 5, SPAN = 1024, HORIZON = 300 };

static struct history delivered;
static uint64_t bits[NODES * SPAN / 64];
static uint64_t seed;

static uint64_t below(uint64_t limit) /* splitmix64 */
{
    uint64_t x = seed += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return (x ^ x >> 31) % limit;
}

static int setup(void **state)
{
    (void)state;
    memset(bits, 0, sizeof bits);
    history_init(&delivered, NODES, true, SPAN, bits);
    history_advance(&delivered, 700);
    return hash_init() ? 0 : -1;
}

static void text_of(const struct hash *h, char text[2 * HASH_SIZE + 1])
{
    hex_encode(hash_slice(h), text);
}

/* As in the header, with a bool for each epoch, and all of it hashed at once where it fits. */
static struct hash root_of(epoch_id epoch)
{
    static uint8_t bytes[1 << 16];
    struct writer w = writer_of(bytes, sizeof bytes);
    write_u64(&w, epoch);
    write_u64(&w, HORIZON);
    struct hash h = {{0}};
    unsigned left = 0; /* In this hash. */
    for (unsigned p = 0; p < NODES; p++)
        for (epoch_id e = epoch > HORIZON ? epoch - HORIZON + 1 : 1, first = 0; e <= epoch; e++) {
            if (!history_has(&delivered, e, (node_id)p))
                continue;
            if (first == 0)
                first = e;
            if (e < epoch && history_has(&delivered, e + 1, (node_id)p))
                continue;
            if (left == 0) {
                const struct slice parts[] = {hash_slice(&h), writer_result(&w)};
                h = hash_tagged("DispersedLedger/delivered", parts, 2);
                w = writer_of(bytes, sizeof bytes);
                left = 64;
            }
            write_u8(&w, (uint8_t)p);
            write_u64(&w, first);
            write_u64(&w, e);
            first = 0;
            left--;
        }
    const struct slice parts[] = {hash_slice(&h), writer_result(&w)};
    h = hash_tagged("DispersedLedger/delivered", parts, 2);
    if (left > 0)
        return h;
    const struct slice empty[] = {hash_slice(&h), slice_of(NULL, 0)};
    return hash_tagged("DispersedLedger/delivered", empty, 2);
}

static void what_is_delivered_is_hashed_as_runs(void **state)
{
    (void)state;
    for (seed = 1; seed <= 40; seed++) {
        setup(NULL);
        const uint64_t density = 1 + below(20);
        for (unsigned p = 0; p < NODES; p++)
            for (epoch_id e = 1; e <= 700; e++)
                if (below(20) < density)
                    history_set(&delivered, e, (node_id)p);
        for (epoch_id e = 5; e <= 700; e += 1 + below(200)) {
            const struct hash is = checkpoint_delivered(&delivered, e, HORIZON);
            const struct hash should = root_of(e);
            assert_true(hash_equal(&is, &should));
        }
    }
}

static void each_dispersal_of_the_horizon_counts_and_no_other(void **state)
{
    (void)state;
    setup(NULL);
    history_set(&delivered, 420, 2);
    const struct hash before = checkpoint_delivered(&delivered, 600, HORIZON);
    history_set(&delivered, 300, 1); /* Past it. */
    history_set(&delivered, 601, 1); /* After. */
    struct hash after = checkpoint_delivered(&delivered, 600, HORIZON);
    assert_true(hash_equal(&before, &after));
    history_set(&delivered, 301, 1);
    after = checkpoint_delivered(&delivered, 600, HORIZON);
    assert_false(hash_equal(&before, &after));
    after = checkpoint_delivered(&delivered, 599, HORIZON);
    assert_false(hash_equal(&before, &after));
}

static const struct hash chain = {{'c'}};
static const struct checkpoint one = {
    .epoch = 300, .height = 1199, .log_root = {{1}}, .state_root = {{2}}, .delivered_root = {{3}}};

/* Other nodes, and other versions, sign the same. */
static void the_digest_is_what_it_always_was(void **state)
{
    (void)state;
    char text[2 * HASH_SIZE + 1];
    const struct hash digest = checkpoint_digest(&chain, &one);
    text_of(&digest, text);
    assert_string_equal(text, "6a4b408e37999594704bd2424b25434c9e051e3d6d3db49fd4c07ab3132c41f4");
    setup(NULL);
    history_set(&delivered, 420, 2);
    const struct hash root = checkpoint_delivered(&delivered, 600, HORIZON);
    text_of(&root, text);
    assert_string_equal(text, "76f52b94922e7424f6d44bebc47d4cae1695d4a0265392f0b7e3bb9ecc7cd088");
}

static void each_field_is_signed(void **state)
{
    (void)state;
    const struct hash digest = checkpoint_digest(&chain, &one);
    for (unsigned k = 0; k < 6; k++) {
        struct checkpoint c = one;
        struct hash other = chain, changed;
        c.epoch += k == 0;
        c.height += k == 1;
        c.log_root.bytes[31] ^= k == 2;
        c.state_root.bytes[31] ^= k == 3;
        c.delivered_root.bytes[31] ^= k == 4;
        other.bytes[31] ^= k == 5;
        changed = checkpoint_digest(&other, &c);
        assert_false(hash_equal(&digest, &changed));
    }
}

static void one_is_read_as_it_was_written(void **state)
{
    (void)state;
    uint8_t bytes[CHECKPOINT_SIZE];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct checkpoint read;
    memset(&read, 9, sizeof read);
    checkpoint_encode(&w, &one);
    assert_int_equal(writer_result(&w).size, CHECKPOINT_SIZE);
    struct reader r = reader_of(writer_result(&w));
    checkpoint_decode(&r, &read);
    assert_true(reader_finished(&r));
    assert_memory_equal(&read, &one, sizeof one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_delivered_is_hashed_as_runs),
        cmocka_unit_test(each_dispersal_of_the_horizon_counts_and_no_other),
        cmocka_unit_test(the_digest_is_what_it_always_was),
        cmocka_unit_test(each_field_is_signed),
        cmocka_unit_test(one_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
