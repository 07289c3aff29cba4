#include "crypto/quorum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void quorums_have_the_sizes_of_the_paper(void **state)
{
    (void)state;
    static const struct {
        unsigned n, f, some, most, all, data;
    } cases[] = {
        {1, 0, 1, 1, 1, 1},        {3, 0, 1, 1, 3, 3},        {4, 1, 2, 3, 3, 2},
        {5, 1, 2, 3, 4, 3},        {6, 1, 2, 3, 5, 4},        {7, 2, 3, 5, 5, 3},
        {16, 5, 6, 11, 11, 6},     {31, 10, 11, 21, 21, 11},  {64, 21, 22, 43, 43, 22},
        {100, 33, 34, 67, 67, 34}, {128, 42, 43, 85, 86, 44},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct quorum q = quorum_of(cases[i].n);
        assert_int_equal(q.n, cases[i].n);
        assert_int_equal(q.f, cases[i].f);
        assert_int_equal(quorum_some(q), cases[i].some);
        assert_int_equal(quorum_most(q), cases[i].most);
        assert_int_equal(quorum_all(q), cases[i].all);
        assert_int_equal(quorum_data(q), cases[i].data);
    }
}

/* What the protocol's proofs use of the sizes. */
static void quorums_intersect_as_the_proofs_need_for_every_n(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= NODES_MAX; n++) {
        struct quorum q = quorum_of(n);
        unsigned f = q.f;
        assert_true(3 * f + 1 <= n);
        assert_true(3 * (f + 1) + 1 > n);
        /* Two of quorum_all() share a correct node. */
        assert_true(2 * quorum_all(q) > n + f);
        /* quorum_most() can be waited for, and f+1 of them are correct. */
        assert_true(quorum_most(q) <= n - f);
        assert_true(quorum_most(q) - f == f + 1);
        /* Without its faulty members quorum_all() still holds enough chunks. */
        assert_true(quorum_all(q) - f == quorum_data(q));
        assert_true(quorum_data(q) >= quorum_some(q));
    }
}

static void a_set_holds_what_was_added_and_counts_it_once(void **state)
{
    (void)state;
    struct nodeset s = {0};
    assert_true(nodeset_empty(&s));
    static const unsigned members[] = {0, 1, 63, 64, 65, 127};
    const unsigned count = sizeof members / sizeof *members;
    for (unsigned i = 0; i < count; i++) {
        assert_false(nodeset_has(&s, members[i]));
        assert_true(nodeset_add(&s, members[i]));
        assert_false(nodeset_add(&s, members[i]));
        assert_true(nodeset_has(&s, members[i]));
        assert_int_equal(nodeset_count(&s), i + 1);
    }
    assert_false(nodeset_has(&s, 2));
    assert_false(nodeset_has(&s, 126));
    for (unsigned i = 0; i < count; i++) {
        nodeset_remove(&s, members[i]);
        nodeset_remove(&s, members[i]);
        assert_false(nodeset_has(&s, members[i]));
        assert_int_equal(nodeset_count(&s), count - i - 1);
    }
    assert_true(nodeset_empty(&s));
}

static void next_finds_the_least_member_from_any_place(void **state)
{
    (void)state;
    for (unsigned a = 0; a < NODES_MAX; a++) {
        for (unsigned b = a; b < NODES_MAX; b++) {
            struct nodeset s = {0};
            nodeset_add(&s, a);
            nodeset_add(&s, b);
            assert_int_equal(nodeset_next(&s, 0), a);
            assert_int_equal(nodeset_next(&s, a), a);
            assert_int_equal(nodeset_next(&s, a + 1), b > a ? b : NODES_MAX);
            assert_int_equal(nodeset_next(&s, b + 1), NODES_MAX);
        }
    }
    struct nodeset none = {0};
    assert_int_equal(nodeset_next(&none, 0), NODES_MAX);
    assert_int_equal(nodeset_next(&none, NODES_MAX), NODES_MAX);
}

static void the_full_set_has_all_ids_below_n(void **state)
{
    (void)state;
    for (unsigned n = 0; n <= NODES_MAX; n++) {
        struct nodeset s = nodeset_full(n);
        assert_int_equal(nodeset_count(&s), n);
        unsigned expected = 0;
        for (unsigned i = nodeset_next(&s, 0); i < NODES_MAX; i = nodeset_next(&s, i + 1))
            assert_int_equal(i, expected++);
        assert_int_equal(expected, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quorums_have_the_sizes_of_the_paper),
        cmocka_unit_test(quorums_intersect_as_the_proofs_need_for_every_n),
        cmocka_unit_test(a_set_holds_what_was_added_and_counts_it_once),
        cmocka_unit_test(next_finds_the_least_member_from_any_place),
        cmocka_unit_test(the_full_set_has_all_ids_below_n),
    };
    return cmocka_run_group_tests_name("quorum", tests, NULL, NULL);
}
