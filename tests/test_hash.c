#include "crypto/hash.h"

#include <pthread.h>
#include <secp256k1.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_hash(struct hash actual, const char *expected)
{
    char text[2 * HASH_SIZE + 1];
    hex_encode(hash_slice(&actual), text);
    assert_string_equal(text, expected);
}

static struct slice text_slice(const char *text) { return slice_of(text, strlen(text)); }

/* The examples that NIST gives for FIPS 180-4. */
static void sha256_gives_the_examples_of_nist(void **state)
{
    (void)state;
    static const struct {
        const char *message, *digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_hash(hash_bytes(text_slice(cases[i].message)), cases[i].digest);

    static uint8_t million[1000000];
    memset(million, 'a', sizeof million);
    assert_hash(hash_bytes(slice_of(million, sizeof million)),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void leaves_and_inner_nodes_have_their_prefixes(void **state)
{
    (void)state;
    static uint8_t leaf[1 + 70000], inner[1 + 2 * HASH_SIZE];
    for (size_t i = 1; i < sizeof leaf; i++)
        leaf[i] = (uint8_t)(i * 7);
    static const size_t sizes[] = {0, 1, 31, 32, 54, 55, 56, 63, 64, 65, 70000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct hash expected = hash_bytes(slice_of(leaf, 1 + sizes[i]));
        struct hash actual = hash_leaf(slice_of(leaf + 1, sizes[i]));
        assert_true(hash_equal(&actual, &expected));
    }
    struct hash left = hash_bytes(text_slice("left")), right = hash_bytes(text_slice("right"));
    inner[0] = 0x01;
    memcpy(inner + 1, left.bytes, HASH_SIZE);
    memcpy(inner + 1 + HASH_SIZE, right.bytes, HASH_SIZE);
    struct hash expected = hash_bytes(slice_of(inner, sizeof inner));
    struct hash actual = hash_inner(&left, &right);
    assert_true(hash_equal(&actual, &expected));
}

/* libsecp256k1 has its own SHA-256 and its own tagged hash. */
static void tagged_hashes_are_those_of_bip340(void **state)
{
    (void)state;
    static const char *const tags[] = {
        "", "BIP0340/challenge",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
    static const char message[] = "the message, in parts or as a whole";
    const size_t size = sizeof message - 1;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct hash expected;
        assert_true(secp256k1_tagged_sha256(secp256k1_context_static, expected.bytes,
                                            (const uint8_t *)tags[i], strlen(tags[i]),
                                            (const uint8_t *)message, size));
        for (size_t cut = 0; cut <= size; cut++) {
            struct slice parts[] = {slice_of(message, cut), slice_of(message + cut, size - cut)};
            struct hash actual = hash_tagged(tags[i], parts, 2);
            assert_true(hash_equal(&actual, &expected));
        }
    }
}

/* More tags than are remembered, each twice, and some that begin alike. */
static void a_tag_is_taken_for_no_other(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 60; k++) {
        char tag[3] = {(char)('a' + k / 3), k % 3 ? (char)('w' + k % 3) : 0, 0};
        struct slice message = text_slice("message");
        uint8_t bytes[2 * HASH_SIZE + 7];
        struct hash prefix = hash_bytes(text_slice(tag));
        memcpy(bytes, prefix.bytes, HASH_SIZE);
        memcpy(bytes + HASH_SIZE, prefix.bytes, HASH_SIZE);
        memcpy(bytes + 2 * HASH_SIZE, message.data, 7);
        struct hash expected = hash_bytes(slice_of(bytes, sizeof bytes));
        for (unsigned twice = 0; twice < 2; twice++) {
            struct hash actual = hash_tagged(tag, &message, 1);
            assert_memory_equal(actual.bytes, expected.bytes, HASH_SIZE);
        }
    }
}

static void hashes_are_equal_only_in_all_bits(void **state)
{
    (void)state;
    struct hash a = hash_bytes(text_slice("a")), b = a;
    assert_true(hash_equal(&a, &b));
    for (unsigned bit = 0; bit < 8 * HASH_SIZE; bit++) {
        b.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(hash_equal(&a, &b));
        b.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void init_may_be_called_again(void **state)
{
    (void)state;
    struct hash before = hash_bytes(text_slice("x"));
    assert_true(hash_init());
    struct hash after = hash_bytes(text_slice("x"));
    assert_true(hash_equal(&before, &after));
}

enum { THREADS = 4, LINKS = 20000 };

static void *chain_of_hashes(void *seed)
{
    struct hash *h = seed;
    for (unsigned i = 0; i < LINKS; i++)
        *h = hash_inner(h, h);
    return NULL;
}

static void threads_hash_side_by_side(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    struct hash actual[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        actual[i] = hash_leaf(slice_of(&i, sizeof i));
        assert_int_equal(pthread_create(&threads[i], NULL, chain_of_hashes, &actual[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        struct hash expected = hash_leaf(slice_of(&i, sizeof i));
        chain_of_hashes(&expected);
        assert_true(hash_equal(&actual[i], &expected));
    }
}

/* As many as are hashed one after the other, and side by side, of sizes around a part's. */
static void parts_make_a_leaf_of_their_digests(void **state)
{
    (void)state;
    enum { COUNT = 40, SIZE = 3 * HASH_PART_SIZE + 1 };
    static const size_t sizes[] = {
        0,   1, HASH_PART_SIZE - 1, HASH_PART_SIZE, HASH_PART_SIZE + 1, 2 * HASH_PART_SIZE + 77,
        SIZE};
    static uint8_t data[COUNT * SIZE];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (unsigned count = 1; count <= COUNT; count += 3) {
            struct hash leaves[COUNT];
            hash_parts(data, sizes[s], count, leaves);
            for (unsigned m = 0; m < count; m++) {
                uint8_t digests[4 * HASH_SIZE];
                size_t at = 0, size;
                for (size_t from = 0; from < sizes[s]; from += size, at += HASH_SIZE) {
                    size = sizes[s] - from < HASH_PART_SIZE ? sizes[s] - from : HASH_PART_SIZE;
                    struct hash h = hash_bytes(slice_of(data + m * sizes[s] + from, size));
                    memcpy(digests + at, h.bytes, HASH_SIZE);
                }
                struct hash expected = hash_leaf(slice_of(digests, at));
                assert_memory_equal(leaves[m].bytes, expected.bytes, HASH_SIZE);
            }
        }
}

static void *parts_in_a_thread(void *leaves)
{
    static const uint8_t data[HASH_PARTS_SIZE_MAX];
    hash_parts(data, sizeof data / 2, 2, leaves);
    return NULL;
}

static void threads_hash_parts_side_by_side(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    struct hash actual[THREADS][2], expected[2];
    parts_in_a_thread(expected);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, parts_in_a_thread, actual[i]), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_memory_equal(actual[i], expected, sizeof expected);
    }
}

static int setup(void **state)
{
    (void)state;
    return hash_init() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_examples_of_nist),
        cmocka_unit_test(leaves_and_inner_nodes_have_their_prefixes),
        cmocka_unit_test(tagged_hashes_are_those_of_bip340),
        cmocka_unit_test(a_tag_is_taken_for_no_other),
        cmocka_unit_test(hashes_are_equal_only_in_all_bits),
        cmocka_unit_test(init_may_be_called_again),
        cmocka_unit_test(threads_hash_side_by_side),
        cmocka_unit_test(parts_make_a_leaf_of_their_digests),
        cmocka_unit_test(threads_hash_parts_side_by_side),
    };
    return cmocka_run_group_tests_name("hash", tests, setup, NULL);
}
