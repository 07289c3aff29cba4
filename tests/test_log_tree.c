/* Paths out of the log's records against those of the tree itself, whole or begun with a snapshot. */
#include "node/executor_record.h"
#include "node/executor_snapshot.h"
#include "node/log_tree.h"
#include "tests/ledger_fixture.h"

enum { SMALL = 700, LARGE = (1 << 16) + 700 };

static struct hash *leaves;

static struct executor_entry entry_of(uint64_t position)
{
    struct executor_entry e = {.delivery = {.position = position, .valid = true}};
    e.root.bytes[0] = (uint8_t)(position * 7);
    return e;
}

/* The log from `base` on; what was before came with a snapshot. */
static struct store *make_log(uint64_t base, uint64_t height)
{
    struct store *s = store_at('a');
    struct merkle_frontier log = {.count = 0};
    leaves = calloc(height, sizeof *leaves);
    assert_non_null(leaves);
    assert_int_equal(store_begin(s), 0);
    for (uint64_t p = 0; p < height; p++) {
        const struct executor_entry e = entry_of(p);
        uint8_t key[8], bytes[ENTRY_SIZE];
        leaves[p] = executor_leaf(&e);
        if (p == base && base > 0) {
            static struct snapshot_head head;
            static uint8_t value[SNAPSHOT_HEAD_SIZE_MAX];
            struct writer w = writer_of(value, sizeof value);
            head = (struct snapshot_head){.checkpoint.height = base, .log = log};
            snapshot_head_encode(&w, &head);
            const struct slice part = writer_result(&w);
            assert_int_equal(store_put(s, LEDGER_META, snapshot_head_key(), &part, 1), 0);
        }
        if (p >= base) {
            const struct slice value = entry_encode(&e, bytes);
            assert_int_equal(log_tree_put(s, &log, &leaves[p]), 0);
            assert_int_equal(store_put(s, LEDGER_ENTRIES, position_key(key, p), &value, 1), 0);
        }
        merkle_frontier_append(&log, &leaves[p]);
    }
    assert_int_equal(store_commit(s), 0);
    return s;
}

static int path_of(struct store *s, uint64_t height, uint64_t position)
{
    struct hash path[MERKLE_LOG_DEPTH_MAX];
    struct store_view *view;
    unsigned length = 0;
    assert_int_equal(store_view_open(s, &view), 0);
    const int error = log_tree_path(view, height, position, path, &length);
    store_view_close(view);
    if (error == 0) {
        struct hash right[MERKLE_LOG_DEPTH_MAX];
        assert_int_equal(length, merkle_path(leaves, height, position, right));
        assert_memory_equal(path, right, length * sizeof *path);
    }
    return error;
}

static void done(struct store *s)
{
    store_close(s);
    free(leaves);
}

/* Whether there is a proof; if there is one, that it holds, and that each node of it matters. */
static bool consistent(struct store *s, uint64_t first, uint64_t second)
{
    struct hash proof[MERKLE_LOG_DEPTH_MAX + 1];
    const struct hash one = merkle_root(leaves, first), two = merkle_root(leaves, second);
    struct store_view *view;
    unsigned length = 0;
    assert_int_equal(store_view_open(s, &view), 0);
    const int error = log_tree_consistency(view, first, second, proof, &length);
    store_view_close(view);
    if (error)
        return false;
    assert_true(merkle_consistent(first, &one, second, &two, proof, length));
    assert_false(length > 0 && merkle_consistent(first, &one, second, &two, proof, length - 1));
    for (unsigned k = 0; k < length; k++) {
        proof[k].bytes[9] ^= 1;
        assert_false(merkle_consistent(first, &one, second, &two, proof, length));
        proof[k].bytes[9] ^= 1;
    }
    assert_false(first > 0 && merkle_consistent(first, &two, second, &one, proof, length) &&
                 first != second);
    return true;
}

static void a_log_goes_on_from_what_it_was(void **state)
{
    (void)state;
    struct store *s = make_log(0, SMALL);
    for (uint64_t second = 1; second <= SMALL; second += second < 40 ? 1 : 37)
        for (uint64_t first = 1; first <= second; first += first < 20 ? 1 : 29)
            assert_true(consistent(s, first, second));
    done(s);
    assert_int_equal(teardown(state) || setup(state), 0);
    s = make_log(300, SMALL); /* Of before the snapshot there is none. */
    assert_true(consistent(s, 300, SMALL));
    assert_true(consistent(s, 555, SMALL));
    assert_false(consistent(s, 299, SMALL));
    done(s);
}

static void paths_are_those_of_the_tree(void **state)
{
    (void)state;
    struct store *s = make_log(0, SMALL);
    for (uint64_t height = 1; height <= SMALL; height += height < 40 ? 1 : 37)
        for (uint64_t p = 0; p < height; p += height < 40 ? 1 : 13)
            assert_int_equal(path_of(s, height, p), 0);
    assert_int_equal(path_of(s, 512, 511), 0);
    assert_int_equal(path_of(s, 513, 512), 0);
    done(s);
}

static void so_they_are_of_a_log_of_many_levels(void **state)
{
    (void)state;
    static const uint64_t heights[] = {LARGE, 1 << 16, (1 << 16) + 1, (1 << 16) - 1, 40000};
    struct store *s = make_log(0, LARGE);
    for (unsigned k = 0; k < sizeof heights / sizeof *heights; k++) {
        assert_int_equal(path_of(s, heights[k], 0), 0);
        assert_int_equal(path_of(s, heights[k], heights[k] / 3), 0);
        assert_int_equal(path_of(s, heights[k], heights[k] - 1), 0);
    }
    done(s);
}

/* What is left of a leaf after it is in the snapshot's peaks and in what came since. */
static void who_began_with_a_snapshot_proves_what_came_since(void **state)
{
    (void)state;
    static const uint64_t bases[] = {1, 100, 255, 256, 300, 511, 512, 600, SMALL - 1};
    for (unsigned k = 0; k < sizeof bases / sizeof *bases; k++) {
        struct store *s = make_log(bases[k], SMALL);
        for (uint64_t height = bases[k] + 1; height <= SMALL; height += 61)
            for (uint64_t p = bases[k]; p < height; p += 17)
                assert_int_equal(path_of(s, height, p), 0);
        assert_int_equal(path_of(s, SMALL, SMALL - 1), 0);
        if (bases[k] > 2)
            assert_int_equal(path_of(s, SMALL, 0), STORE_MISSING);
        done(s);
        assert_int_equal(teardown(state) || setup(state), 0);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        TEST(paths_are_those_of_the_tree),
        TEST(so_they_are_of_a_log_of_many_levels),
        TEST(a_log_goes_on_from_what_it_was),
        TEST(who_began_with_a_snapshot_proves_what_came_since),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("log_tree", tests, NULL, NULL);
}
