/* Dispersals of a node that were open when it died: their blocks are coded again, one at a time, and
 * every chunk leaves as soon as others are there to take it. */
#include "tests/core_checks.h"

enum { N = 4, PROPOSER = 0, HORIZON = 1000, EPOCHS = 64, OPEN = 12, ROUNDS_EACH = 2 };

static bool lost; /* Chunks of PROPOSER. */
static struct nodeset sent[EPOCHS];

static bool watch_chunks(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (p->from == PROPOSER && section_next(&r, p, &m))
        if (m.kind == MESSAGE_CHUNK) {
            assert_true(m.epoch < EPOCHS);
            nodeset_add(&sent[m.epoch], p->to);
            if (lost)
                return false;
        }
    return true;
}

/* Dispersals, with chunks that left to all others. */
static unsigned dispersals(void)
{
    unsigned count = 0;
    for (epoch_id e = 1; e < EPOCHS; e++)
        count += nodeset_count(&sent[e]) == N - 1;
    return count;
}

static void round_with_load(void)
{
    assert_in_range(cluster.now_ms, 0, 20000);
    submit(PROPOSER);
    submit(1); /* So that there are epochs. */
    cluster_round();
}

static void open_dispersals(void)
{
    cluster_open(N, HORIZON);
    memset(sent, 0, sizeof sent);
    cluster.passes = watch_chunks;
    lost = false;
    while (word_of(PROPOSER).agreed < 2 * WINDOW) /* So that others are no longer in the first. */
        round_with_load();
    memset(sent, 0, sizeof sent);
    for (lost = true; dispersals() < OPEN;)
        round_with_load();
}

/* Rounds until all of so many have been sent to all others, from now on. */
static unsigned until_sent(unsigned open)
{
    unsigned rounds = 0;
    memset(sent, 0, sizeof sent);
    for (lost = false; dispersals() < open; rounds++) {
        assert_true(rounds < 4000);
        cluster_round();
    }
    return rounds;
}

static void expect_all_well(void)
{
    cluster_until(all_executed, 4000);
    cluster_run(200);
    expect_one_ledger();
    expect_no_faults();
}

static void all_that_was_open_is_sent_soon_after_a_restart(void **state)
{
    (void)state;
    open_dispersals();
    member_crash(&cluster.members[PROPOSER]);
    const unsigned open = dispersals();
    cluster_run(40);
    member_open(&cluster.members[PROPOSER]);
    assert_in_range(until_sent(open), 1, RETRY_MS / ROUND_MS + open * ROUNDS_EACH);
    expect_all_well();
}

/* What could not be sent to anybody was no attempt: the next one does not wait for it. */
static void to_send_to_nobody_is_no_attempt(void **state)
{
    (void)state;
    open_dispersals();
    member_crash(&cluster.members[PROPOSER]);
    const unsigned open = dispersals();
    nodeset_add(&cluster.away, PROPOSER);
    cluster_run(40);
    member_open(&cluster.members[PROPOSER]);
    cluster_run(400);
    nodeset_remove(&cluster.away, PROPOSER);
    cluster_run(RETRY_MS / ROUND_MS + open * ROUNDS_EACH); /* These are lost. */
    assert_in_range(until_sent(open), 1, 5 * RETRY_MS / ROUND_MS + open * ROUNDS_EACH);
    expect_all_well();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(all_that_was_open_is_sent_soon_after_a_restart),
        CORE_TEST(to_send_to_nobody_is_no_attempt),
    };
    return cmocka_run_group_tests_name("core recode", tests, NULL, NULL);
}
