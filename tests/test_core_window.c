/* How much is asked for at a time. */
#include "tests/core_peers.h"

/* A piece comes every `gap_ms`, of one peer after the other. */
static void serve_one_by_one(unsigned gap_ms, uint64_t span_ms)
{
    unsigned peer = 0;
    for (uint64_t end = now_ms + span_ms; now_ms < end;) {
        for (unsigned t = 0; t < gap_ms; t += TICK_MS)
            tick();
        for (unsigned k = 0; k < PEERS && !oldest(peer); k++)
            peer = (peer + 1) % PEERS;
        if (oldest(peer))
            serve(peer, oldest(peer));
        peer = (peer + 1) % PEERS;
    }
}

static void what_comes_in_two_seconds_is_asked_for_at_a_time(void **state)
{
    (void)state;
    for (epoch_id e = 1; e <= EPOCHS; e++)
        complete(e, PEERS);
    assert_int_equal(out(), 2 * NEEDED); /* Not known yet: two dispersals. */
    serve_one_by_one(40, 4000);
    const unsigned in_two_s = 2 * 1000 / 40 / PIECES;
    assert_in_range(out(), in_two_s * 8 / 10, in_two_s + NEEDED);
    serve_one_by_one(100, 6000); /* The link is slower now: a block more, since that takes long. */
    assert_in_range(out(), 10 + NEEDED + 1, 10 + 2 * NEEDED);
    assert_int_equal(late(), 0);
    serve_one_by_one(TICK_MS, 10000);
    assert_int_equal(decoded, EPOCHS * PEERS);
    assert_int_equal(requested, EPOCHS * PEERS * NEEDED);
}

static void what_nobody_serves_does_not_hold_up_the_rest(void **state)
{
    (void)state;
    complete(1, PEERS);
    for (unsigned t = 0; t < 60000; t += TICK_MS)
        tick();
    assert_int_equal(decoded, 0);
    assert_true(late() > 0);
    complete(2, PEERS);
    for (unsigned t = 0; t < 2000; t += TICK_MS) {
        for (unsigned p = 0; p < PEERS; p++)
            while (oldest_but(p, 1))
                serve(p, oldest_but(p, 1));
        tick();
    }
    assert_int_equal(decoded, PEERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEERS_TEST(what_comes_in_two_seconds_is_asked_for_at_a_time),
        PEERS_TEST(what_nobody_serves_does_not_hold_up_the_rest),
    };
    if (!hash_init())
        return 1;
    return cmocka_run_group_tests_name("core window", tests, NULL, NULL);
}
