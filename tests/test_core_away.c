/* What waits for a node that is away for long, while the others ask and vote on. */
#include "node/driver_private.h"
#include "tests/core_checks.h"

enum { N = 4, AWAY = 3, SENDER = 0, HORIZON = 1000, ROUNDS = 1000, MUCH = 1 << 20 };

static size_t waiting;
static unsigned questions, votes; /* Frames of SENDER to AWAY. */

static size_t some_wait(void *context, node_id to, enum driver_lane lane)
{
    (void)context;
    return to == AWAY && lane == DRIVER_VOTES ? waiting : 0;
}

static bool note_frame(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    bool asks = false, says = false;
    while (section_next(&r, p, &m)) {
        asks = asks || m.kind == MESSAGE_WANT_VOTES || m.kind == MESSAGE_WANT_ROOTS;
        says = says || m.kind == MESSAGE_VOTES || m.kind == MESSAGE_ROOTS;
    }
    if (p->from == SENDER && p->to == AWAY) {
        questions += asks && !says;
        votes += says;
    }
    return true;
}

static void run(size_t bytes)
{
    waiting = bytes;
    questions = votes = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        submit(round % AWAY);
        cluster_round();
    }
}

/* They are asked again and again for days, and would all be there before anything else when it is
 * back. Votes are held to its window: how many wait is bounded without. */
static void who_is_away_is_not_asked_more_than_little(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.passes = note_frame;
    cluster_run(20);
    member_crash(&cluster.members[AWAY]);
    cluster.members[SENDER].driver->ports.queued = some_wait;
    run(MUCH);
    assert_int_equal(questions, 0);
    assert_true(votes > 0);
    run(0);
    assert_true(questions > 0);
    member_open(&cluster.members[AWAY]);
    cluster_until(all_executed, 8000);
    cluster_run(200);
    expect_one_ledger();
}

int main(void)
{
    const struct CMUnitTest tests[] = {CORE_TEST(who_is_away_is_not_asked_more_than_little)};
    return cmocka_run_group_tests_name("core away", tests, NULL, NULL);
}
