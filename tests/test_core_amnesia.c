/* A node that lost its data directory and was started again all the same. It counts against f, but
 * it does not crash, and what it executes is what the others executed. */
#include "tests/core_checks.h"

enum { N = 4, AMNESIAC = 3, HORIZON = 1000 };

static bool retrieves;

static bool no_pieces(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    bool pieces = false;
    while (section_next(&r, p, &m))
        pieces = pieces || m.kind == MESSAGE_PIECE;
    return retrieves || p->to != AMNESIAC || !pieces;
}

static int setup(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    retrieves = false;
    cluster.passes = no_pieces;
    return 0;
}

static void forget(struct member *m)
{
    member_crash(m);
    store_memory_forget(m->path);
    m->executed = 0;
    m->executed_height = 0;
    m->executed_ids = 0;
    member_open(m);
}

static void its_blocks_are_those_that_the_others_have_of_it(void **state)
{
    (void)state;
    struct member *m = &cluster.members[AMNESIAC];
    for (unsigned k = 0; k < 3; k++) { /* It executes none, so that all is still kept. */
        submit(AMNESIAC);
        cluster_run(20);
    }
    cluster_run(400);
    const unsigned before = cluster.members[0].height;
    assert_int_equal(cluster.members[0].executed_ids, 3);
    forget(m);
    retrieves = true;
    for (unsigned k = 0; k < 3; k++) {
        submit(AMNESIAC); /* It makes other blocks for epochs in which it has made one. */
        submit(k);
        cluster_run(20);
    }
    cluster_run(4000);
    assert_true(cluster.members[0].height > before);
    assert_true(m->height > before);
    expect_one_ledger();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(its_blocks_are_those_that_the_others_have_of_it, setup,
                                        cluster_teardown),
    };
    return cmocka_run_group_tests_name("core amnesia", tests, NULL, NULL);
}
