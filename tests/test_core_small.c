/* Clusters of two and three nodes: no one may be faulty, and an own TERM may close an agreement. */
#include "tests/core_checks.h"

enum { HORIZON = 1000 };

/* Node 0 dies after so many rounds, and is away for three. */
static void die_after(unsigned n, unsigned rounds)
{
    cluster_open(n, HORIZON);
    for (unsigned k = 0; k < n; k++)
        submit(k);
    cluster_run(rounds);
    member_crash(&cluster.members[0]);
    cluster_run(3);
    member_open(&cluster.members[0]);
    for (unsigned k = 0; k <= WINDOW; k++) { /* More epochs than an unsealed one lets through. */
        submit(k % n);
        cluster_until(all_executed, 1000);
    }
    cluster_run(100);
    expect_one_ledger();
    expect_no_faults();
}

static void a_node_that_dies_between_two_decisions_of_an_epoch_seals_it(void **state)
{
    (void)state;
    for (unsigned n = 2; n <= 3; n++)
        for (unsigned rounds = 1; rounds < 40; rounds++)
            die_after(n, rounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(a_node_that_dies_between_two_decisions_of_an_epoch_seals_it),
    };
    return cmocka_run_group_tests_name("core small", tests, NULL, NULL);
}
