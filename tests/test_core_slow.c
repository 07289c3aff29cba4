/* Links that are slow, and lose nothing: what is late there is on its way. */
#include "tests/core_liar.h"

enum {
    N = 4,
    HORIZON = 1000,
    SLOW_ROUNDS = 120, /* 12 times retry_ms: that long a chunk is on its way at most. */
    EPOCHS = 60,
};

static unsigned chunks, questions;

static bool waits_for_its_time(const struct post *p)
{
    return p->lane == DRIVER_DISPERSAL && cluster.now_ms / ROUND_MS % SLOW_ROUNDS != 0;
}

static bool count_question(const struct post *p, struct message *m)
{
    (void)p;
    questions += m->kind == MESSAGE_WANT_ROOTS || m->kind == MESSAGE_WANT_VOTES;
    return true;
}

static bool count(struct post *p)
{
    chunks += p->lane == DRIVER_DISPERSAL;
    keep_sections(p, count_question);
    return true;
}

static uint64_t dispersed(void)
{
    uint64_t sum = 0;
    for (unsigned k = 0; k < N; k++) {
        struct node_view v;
        node_view(node_of(k), &v);
        sum += v.proposed;
    }
    return sum;
}

static void order_some(unsigned count)
{
    for (unsigned k = 0; k < count; k++) {
        submit(k % N);
        cluster_until(all_executed, 20 * SLOW_ROUNDS);
    }
}

/* Once it is known what dispersals take here, none is sent twice, and nothing is asked for. */
static void what_is_on_its_way_is_not_sent_again(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.waits = waits_for_its_time;
    order_some(EPOCHS);
    cluster.passes = count;
    chunks = questions = 0;
    const uint64_t before = dispersed();
    order_some(EPOCHS);
    const unsigned begun = (unsigned)(dispersed() - before);
    assert_true(begun >= EPOCHS);
    assert_in_range(chunks, begun, begun * (N - 1));
    assert_int_equal(questions, 0);
    expect_one_ledger();
    expect_no_faults();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(what_is_on_its_way_is_not_sent_again),
    };
    return cmocka_run_group_tests_name("core slow", tests, NULL, NULL);
}
