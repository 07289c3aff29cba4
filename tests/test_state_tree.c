#include "node/state_tree.h"
#include "tests/ledger_fixture.h"

enum { LEAVES_MAX = 6000 };

static struct hash leaves[LEAVES_MAX];
static struct state_leaf changes[LEAVES_MAX];
static bool touched[LEAVES_MAX];

static struct hash leaf_of(uint64_t number) { return hash_leaf(slice_of(&number, sizeof number)); }

static void expect_root(struct store *s, uint64_t count)
{
    struct hash root, expected = merkle_root(leaves, count);
    assert_int_equal(state_tree_root(s, LEDGER_STATE_TREE, count, &root), 0);
    assert_memory_equal(&root, &expected, sizeof root);
}

/* Changes the leaves that are touched, which include those that are new. */
static void update(struct store *s, uint64_t count, uint64_t version)
{
    size_t changed = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (!touched[i])
            continue;
        touched[i] = false;
        leaves[i] = leaf_of(version << 32 | i);
        changes[changed++] = (struct state_leaf){i, leaves[i]};
    }
    assert_int_equal(state_tree_update(s, LEDGER_STATE_TREE, count, changes, changed), 0);
    expect_root(s, count);
}

static void expect_path(struct store_view *v, uint64_t count, uint64_t index)
{
    struct hash path[MERKLE_LOG_DEPTH_MAX], expected[MERKLE_LOG_DEPTH_MAX];
    struct hash root = merkle_root(leaves, count);
    unsigned length;
    assert_int_equal(state_tree_path(v, LEDGER_STATE_TREE, count, index, path, &length), 0);
    assert_int_equal(length, merkle_path(leaves, count, index, expected));
    assert_memory_equal(path, expected, length * sizeof path[0]);
    assert_true(merkle_verify(&root, count, index, &leaves[index], path, length));
    if (count > 1) {
        uint64_t other = index ? index - 1 : 1;
        assert_false(merkle_verify(&root, count, other, &leaves[index], path, length));
    }
}

static void an_empty_tree_has_the_hash_of_nothing(void **state)
{
    (void)state;
    struct store *s = store_at('a');
    struct hash root, expected = hash_bytes(slice_of("", 0));
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(state_tree_root(s, LEDGER_STATE_TREE, 0, &root), 0);
    assert_memory_equal(&root, &expected, sizeof root);
    store_close(s);
}

static void appending_one_by_one_gives_the_tree_of_rfc_9162(void **state)
{
    (void)state;
    struct store *s = store_at('a');
    for (uint64_t count = 1; count <= 600; count++) {
        assert_int_equal(store_begin(s), 0);
        touched[count - 1] = true;
        update(s, count, 1);
        assert_int_equal(store_commit(s), 0);
        if (count > 40 && count % 16 > 1)
            continue;
        struct store_view *v;
        assert_int_equal(store_view_open(s, &v), 0);
        for (uint64_t i = 0; i < count; i++)
            expect_path(v, count, i);
        store_view_close(v);
    }
    store_close(s);
}

static void growing_from_any_size_to_any_other_works(void **state)
{
    (void)state;
    struct store *s = store_at('a');
    for (uint64_t from = 1; from <= 260; from += from < 35 ? 1 : 15) {
        for (uint64_t to = from; to <= 300; to += to < 40 ? 1 : 37) {
            assert_int_equal(store_begin(s), 0);
            memset(touched, 1, from);
            update(s, from, 1);
            memset(touched, 0, from);
            memset(touched + from, 1, to - from);
            touched[from / 2] = true;
            update(s, to, 2);
            store_abort(s);
        }
    }
    store_close(s);
}

static void random_updates_and_appends_agree_with_one_pass(void **state)
{
    (void)state;
    struct store *s = store_at('a');
    uint64_t seed = 5, count = 0;
    for (uint64_t version = 1; count < 5000; version++) {
        uint64_t appended = random_below(&seed, random_below(&seed, 2) ? 400 : 3);
        uint64_t grown = count + appended < LEAVES_MAX ? count + appended : LEAVES_MAX;
        memset(touched + count, 1, grown - count);
        for (uint64_t i = random_below(&seed, 50); grown && i; i--)
            touched[random_below(&seed, grown)] = true;
        count = grown;
        if (!count || !memchr(touched, 1, count))
            continue;
        assert_int_equal(store_begin(s), 0);
        update(s, count, version);
        assert_int_equal(store_commit(s), 0);
        struct store_view *v;
        assert_int_equal(store_view_open(s, &v), 0);
        expect_path(v, count, 0);
        expect_path(v, count, count - 1);
        for (unsigned i = 0; i < 5; i++)
            expect_path(v, count, random_below(&seed, count));
        store_view_close(v);
    }
    store_close(s);
}

static void a_gap_or_a_missing_record_is_said(void **state)
{
    (void)state;
    struct store *s = store_at('a');
    struct state_leaf gap = {3, leaf_of(3)};
    struct hash root;
    uint8_t key[9] = {0};
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(state_tree_update(s, LEDGER_STATE_TREE, 4, &gap, 1), STORE_CORRUPT);
    memset(touched, 1, 20);
    update(s, 20, 1);
    assert_int_equal(state_tree_root(s, LEDGER_STATE_TREE, 300, &root), STORE_CORRUPT);
    assert_int_equal(store_delete(s, LEDGER_STATE_TREE, slice_of(key, sizeof key)), 0);
    assert_int_equal(store_commit(s), 0);

    struct store_view *v;
    struct hash path[MERKLE_LOG_DEPTH_MAX];
    unsigned length;
    assert_int_equal(store_view_open(s, &v), 0);
    assert_int_equal(state_tree_path(v, LEDGER_STATE_TREE, 20, 1, path, &length), STORE_CORRUPT);
    assert_int_equal(state_tree_path(v, LEDGER_STATE_TREE, 20, 17, path, &length), 0);
    assert_int_equal(state_tree_path(v, LEDGER_STATE_TREE, 19, 17, path, &length), STORE_CORRUPT);
    assert_int_equal(state_tree_path(v, LEDGER_STATE_TREE, 21, 17, path, &length), STORE_CORRUPT);
    assert_int_equal(state_tree_path(v, LEDGER_STATE_TREE, 21, 20, path, &length), STORE_CORRUPT);
    store_view_close(v);
    store_close(s);
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        TEST(an_empty_tree_has_the_hash_of_nothing),
        TEST(appending_one_by_one_gives_the_tree_of_rfc_9162),
        TEST(growing_from_any_size_to_any_other_works),
        TEST(random_updates_and_appends_agree_with_one_pass),
        TEST(a_gap_or_a_missing_record_is_said),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("state_tree", tests, NULL, NULL);
}
