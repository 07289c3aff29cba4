/* That the ledger was only added to: of every height, and each bit of the proof matters. */
#include "tests/proof_fixture.h"

/* The root of the log of this height. */
static struct hash root_at(uint64_t height)
{
    struct merkle_frontier log = {.count = 0};
    struct store_view *view;
    assert_int_equal(store_view_open(ledger, &view), 0);
    for (uint64_t position = 0; position < height; position++) {
        struct executor_entry entry;
        assert_int_equal(executor_entry(view, position, &entry), 0);
        const struct hash leaf = executor_leaf(&entry);
        merkle_frontier_append(&log, &leaf);
    }
    store_view_close(view);
    return merkle_frontier_root(&log);
}

static void every_height_is_continued(void **state)
{
    (void)state;
    struct consistency c;
    char reason[PROOF_REASON_MAX];
    const uint64_t last = first_of[SIGNED + 1];
    open_all(2);
    assert_int_equal(make_consistency(0, &c), STORE_MISSING);
    for (uint64_t height = 1; height <= last; height++) {
        const struct hash root = root_at(height), other = root_at(height - 1);
        assert_int_equal(make_consistency(height, &c), 0);
        assert_int_equal(c.under.checkpoint.height, last);
        if (!consistency_verify(&c, &root, &cluster, reason))
            fail_msg("height %u: %s", (unsigned)height, reason);
        assert_false(consistency_verify(&c, &other, &cluster, reason));
        assert_non_null(strstr(reason, "does not begin with it"));
        c.height++;
        assert_false(consistency_verify(&c, &root, &cluster, reason));
    }
    assert_int_equal(make_consistency(last + 1, &c), PROOF_NOT_YET);
    assert_int_equal(make_consistency(UINT64_MAX, &c), PROOF_NOT_YET);
    close_all();
}

static struct hash begun; /* The root of the log that is continued. */
static bool holds(const char *text, size_t size)
{
    struct consistency c;
    char reason[PROOF_REASON_MAX];
    return consistency_parse(slice_of(text, size), &c) &&
           consistency_verify(&c, &begun, &cluster, reason);
}

static void each_bit_of_it_matters(void **state)
{
    (void)state;
    struct consistency c;
    open_all(3);
    begun = root_at(7);
    assert_int_equal(make_consistency(7, &c), 0);
    char *text = consistency_text(&c);
    expect_each_bit_matters(text, holds);
    free(text);
    close_all();
}

static void f_signatures_prove_nothing(void **state)
{
    (void)state;
    struct consistency c;
    char reason[PROOF_REASON_MAX];
    open_all(2);
    const struct hash root = root_at(3);
    assert_int_equal(make_consistency(3, &c), 0);
    nodeset_remove(&c.under.signers, 1);
    assert_false(consistency_verify(&c, &root, &cluster, reason));
    assert_non_null(strstr(reason, "1 nodes have signed the checkpoint"));
    cluster.chain.bytes[3] ^= 1;
    assert_false(consistency_verify(&c, &root, &cluster, reason));
    assert_non_null(strstr(reason, "of another cluster"));
    close_all();
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        PROOF_TEST(every_height_is_continued),
        PROOF_TEST(each_bit_of_it_matters),
        PROOF_TEST(f_signatures_prove_nothing),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("consistency", tests, NULL, NULL);
}
