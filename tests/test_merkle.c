#include "crypto/merkle.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LEAVES_MAX = 130, FLIPPED_MAX = 16 };

static struct hash leaves[LEAVES_MAX];

static void assert_hash_equal(const struct hash *a, const struct hash *b)
{
    assert_memory_equal(a->bytes, b->bytes, HASH_SIZE);
}

static void roots_are_those_of_rfc9162(void **state)
{
    (void)state;
    json_t *vectors = json_load_file("tests/vectors/rfc9162-roots.json", 0, NULL);
    assert_non_null(vectors);
    struct hash expected, actual = merkle_root(NULL, 0);
    assert_true(hex_decode(json_string_value(json_object_get(vectors, "empty")), expected.bytes,
                           HASH_SIZE));
    assert_hash_equal(&actual, &expected);

    struct hash hashes[8];
    json_t *data = json_object_get(vectors, "leaves");
    json_t *roots = json_object_get(vectors, "roots_of_first_n");
    assert_int_equal(json_array_size(data), 8);
    assert_int_equal(json_array_size(roots), 8);
    for (unsigned i = 0; i < 8; i++) {
        uint8_t bytes[16];
        json_t *leaf = json_array_get(data, i);
        size_t size = json_string_length(leaf) / 2;
        assert_true(size <= sizeof bytes);
        assert_true(hex_decode(json_string_value(leaf), bytes, size));
        hashes[i] = hash_leaf(slice_of(bytes, size));
        assert_true(
            hex_decode(json_string_value(json_array_get(roots, i)), expected.bytes, HASH_SIZE));
        actual = merkle_root(hashes, i + 1);
        assert_hash_equal(&actual, &expected);
    }
    json_decref(vectors);
}

/* What base64 holds, filled up with zeros; false when that is no hash. */
static bool hash_of_base64(const json_t *text, struct hash *h)
{
    uint8_t bytes[HASH_SIZE + 1] = {0}; /* 44 characters are three bytes more than 30. */
    size_t length = json_string_length(text);
    assert_true(length <= 44);
    const char *padding = strchr(json_string_value(text), '=');
    int size = EVP_DecodeBlock(bytes, (const uint8_t *)json_string_value(text), (int)length);
    assert_true(size >= 0);
    memcpy(h->bytes, bytes, HASH_SIZE);
    return size - (padding ? (int)strlen(padding) : 0) == HASH_SIZE;
}

/* The largest number there, 2^64 - 1, is too large for the parser's integers. */
static uint64_t number_of(const json_t *number)
{
    double value = json_number_value(number);
    return value < 0x1p64 ? (uint64_t)value : UINT64_MAX;
}

static bool inclusion_verifies(const json_t *vector)
{
    struct hash root, leaf, path[16];
    const json_t *proof = json_object_get(vector, "proof"); /* May be null: an empty one. */
    unsigned length = (unsigned)json_array_size(proof);
    assert_true(length <= 16);
    for (unsigned i = 0; i < length; i++)
        hash_of_base64(json_array_get(proof, i), &path[i]);
    return hash_of_base64(json_object_get(vector, "root"), &root) &&
           hash_of_base64(json_object_get(vector, "leafHash"), &leaf) &&
           merkle_verify(&root, number_of(json_object_get(vector, "treeSize")),
                         number_of(json_object_get(vector, "leafIdx")), &leaf, path, length);
}

/* A file of them, a line each: 6 good ones and 92 damaged. */
static void judge_all(const char *path, bool (*verifies)(const json_t *vector))
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    unsigned good = 0, bad = 0;
    char line[2048];
    while (fgets(line, sizeof line, file)) {
        json_t *vector = json_loads(line, JSON_DECODE_INT_AS_REAL, NULL);
        assert_non_null(vector);
        bool damaged = json_is_true(json_object_get(vector, "wantErr"));
        if (verifies(vector) == damaged)
            fail_msg("%s", json_string_value(json_object_get(vector, "name")));
        *(damaged ? &bad : &good) += 1;
        json_decref(vector);
    }
    fclose(file);
    assert_int_equal(good, 6);
    assert_int_equal(bad, 92);
}

static void inclusion_proofs_are_judged_as_rfc9162_says(void **state)
{
    (void)state;
    judge_all("tests/vectors/rfc9162-inclusion.jsonl", inclusion_verifies);
}

static bool consistency_verifies(const json_t *vector)
{
    struct hash first, second, proof[16];
    const json_t *nodes = json_object_get(vector, "proof");
    const unsigned length = (unsigned)json_array_size(nodes);
    assert_true(length <= 16);
    for (unsigned i = 0; i < length; i++)
        hash_of_base64(json_array_get(nodes, i), &proof[i]);
    hash_of_base64(json_object_get(vector, "root1"), &first); /* Some are words, filled up. */
    hash_of_base64(json_object_get(vector, "root2"), &second);
    return merkle_consistent(number_of(json_object_get(vector, "size1")), &first,
                             number_of(json_object_get(vector, "size2")), &second, proof, length);
}

static void consistency_proofs_are_judged_as_rfc9162_says(void **state)
{
    (void)state;
    judge_all("tests/vectors/rfc9162-consistency.jsonl", consistency_verifies);
}

static void all_forms_of_a_tree_agree(void **state)
{
    (void)state;
    static struct merkle_tree tree;
    struct merkle_frontier frontier = {0};
    for (unsigned n = 1; n <= LEAVES_MAX; n++) {
        struct hash root = merkle_root(leaves, n);
        merkle_frontier_append(&frontier, &leaves[n - 1]);
        assert_int_equal(frontier.count, n);
        struct hash other = merkle_frontier_root(&frontier);
        assert_hash_equal(&other, &root);
        if (n <= NODES_MAX) {
            merkle_tree_build(&tree, leaves, n);
            other = merkle_tree_root(&tree);
            assert_hash_equal(&other, &root);
        }
        for (unsigned i = 0; i < n; i++) {
            struct hash path[MERKLE_LOG_DEPTH_MAX], tree_path[MERKLE_DEPTH_MAX];
            unsigned length = merkle_path(leaves, n, i, path);
            assert_int_equal(length, merkle_path_length(n, i));
            assert_true(merkle_verify(&root, n, i, &leaves[i], path, length));
            if (n > NODES_MAX)
                continue;
            assert_int_equal(merkle_tree_path(&tree, i, tree_path), length);
            if (length > 0)
                assert_memory_equal(tree_path, path, length * sizeof *path);
        }
    }
}

static void a_frontier_of_nothing_has_the_root_of_nothing(void **state)
{
    (void)state;
    struct merkle_frontier frontier = {0};
    struct hash root = merkle_root(NULL, 0), other = merkle_frontier_root(&frontier);
    assert_hash_equal(&other, &root);
}

/* Flips each bit of `bytes` in turn: the proof must not hold with any. */
static void assert_each_bit_matters(void *bytes, size_t size, const struct hash *root, unsigned n,
                                    unsigned i, const struct hash *leaf, const struct hash path[],
                                    unsigned length)
{
    uint8_t *target = bytes;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        target[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(merkle_verify(root, n, i, leaf, path, length));
        target[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void a_proof_with_a_flipped_bit_fails(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= FLIPPED_MAX; n++) {
        for (unsigned i = 0; i < n; i++) {
            struct hash path[MERKLE_LOG_DEPTH_MAX], leaf = leaves[i];
            struct hash root = merkle_root(leaves, n);
            unsigned length = merkle_path(leaves, n, i, path);
            assert_each_bit_matters(&root, sizeof root, &root, n, i, &leaf, path, length);
            assert_each_bit_matters(&leaf, sizeof leaf, &root, n, i, &leaf, path, length);
            assert_each_bit_matters(path, length * sizeof *path, &root, n, i, &leaf, path, length);
            assert_true(merkle_verify(&root, n, i, &leaf, path, length));
        }
    }
}

/* The turns from the root of `count` leaves down to leaf `index`, as the digits after the first. */
static unsigned turns(unsigned count, unsigned index, unsigned before)
{
    if (count == 1)
        return before;
    unsigned split = 1;
    while (2 * split < count)
        split *= 2;
    return index < split ? turns(split, index, 2 * before)
                         : turns(count - split, index - split, 2 * before + 1);
}

/* A count is bound only by the way that it makes the path turn: as leaf 0 of 3, so of 4. */
static void a_proof_at_another_place_or_of_another_tree_fails(void **state)
{
    (void)state;
    unsigned alike = 0;
    for (unsigned n = 1; n <= 40; n++) {
        struct hash root = merkle_root(leaves, n);
        for (unsigned i = 0; i < n; i++) {
            struct hash path[MERKLE_LOG_DEPTH_MAX];
            unsigned length = merkle_path(leaves, n, i, path);
            for (unsigned other = 0; other <= 2 * n; other++) {
                if (other != i)
                    assert_false(merkle_verify(&root, n, other, &leaves[i], path, length));
                bool same = other > i && turns(other, i, 1) == turns(n, i, 1);
                assert_int_equal(merkle_verify(&root, other, i, &leaves[i], path, length), same);
                alike += same && other != n;
            }
            for (unsigned other = 0; other <= MERKLE_LOG_DEPTH_MAX; other++)
                if (other != length)
                    assert_false(merkle_verify(&root, n, i, &leaves[i], path, other));
            assert_false(merkle_verify(&root, n, UINT64_MAX, &leaves[i], path, length));
            assert_false(merkle_verify(&root, 0, i, &leaves[i], path, length));
        }
    }
    assert_true(alike > 0);
}

static void path_lengths_hold_up_to_the_largest_counts(void **state)
{
    (void)state;
    static const struct {
        uint64_t count, index;
        unsigned length;
    } cases[] = {
        {0, 0, 0},
        {1, 0, 0},
        {1, 1, 0},
        {2, 1, 1},
        {3, 0, 2},
        {3, 2, 1},
        {128, 127, 7},
        {129, 127, 8},
        {129, 128, 1},
        {UINT64_C(1) << 63, 0, 63},
        {(UINT64_C(1) << 63) + 1, 0, 64},
        {(UINT64_C(1) << 63) + 1, UINT64_C(1) << 63, 1},
        {UINT64_MAX, 0, 64},
        {UINT64_MAX, 5, 64},
        {UINT64_MAX, UINT64_MAX - 1, 63},
        {UINT64_MAX, UINT64_MAX, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(merkle_path_length(cases[i].count, cases[i].index), cases[i].length);
}

static void a_frontier_goes_on_where_it_was_stored(void **state)
{
    (void)state;
    struct merkle_frontier frontier = {0};
    for (unsigned n = 0; n <= LEAVES_MAX; n++) {
        uint8_t bytes[8 + 8 * HASH_SIZE], again[sizeof bytes];
        struct writer w = writer_of(bytes, sizeof bytes);
        merkle_frontier_encode(&frontier, &w);
        struct slice stored = writer_result(&w);
        assert_true(w.ok);

        struct merkle_frontier loaded;
        struct reader r = reader_of(stored);
        assert_true(merkle_frontier_decode(&r, &loaded));
        assert_true(reader_finished(&r));
        w = writer_of(again, sizeof again);
        merkle_frontier_encode(&loaded, &w);
        assert_true(slice_equal(writer_result(&w), stored));
        for (size_t size = 0; size < stored.size; size++) {
            r = reader_of(slice_of(stored.data, size));
            assert_false(merkle_frontier_decode(&r, &frontier));
        }
        frontier = loaded;
        if (n < LEAVES_MAX) {
            merkle_frontier_append(&frontier, &leaves[n]);
            struct hash root = merkle_root(leaves, n + 1), other = merkle_frontier_root(&frontier);
            assert_hash_equal(&other, &root);
        }
    }
}

static int setup(void **state)
{
    (void)state;
    if (!hash_init())
        return -1;
    for (unsigned i = 0; i < LEAVES_MAX; i++)
        leaves[i] = hash_leaf(slice_of(&i, sizeof i));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_rfc9162),
        cmocka_unit_test(inclusion_proofs_are_judged_as_rfc9162_says),
        cmocka_unit_test(consistency_proofs_are_judged_as_rfc9162_says),
        cmocka_unit_test(all_forms_of_a_tree_agree),
        cmocka_unit_test(a_frontier_of_nothing_has_the_root_of_nothing),
        cmocka_unit_test(a_proof_with_a_flipped_bit_fails),
        cmocka_unit_test(a_proof_at_another_place_or_of_another_tree_fails),
        cmocka_unit_test(path_lengths_hold_up_to_the_largest_counts),
        cmocka_unit_test(a_frontier_goes_on_where_it_was_stored),
    };
    return cmocka_run_group_tests_name("merkle", tests, setup, NULL);
}
