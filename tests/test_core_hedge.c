/* What silent peers hold up: how much is asked of the others meanwhile, and what others are asked
 * for in their place. */
#include "tests/core_peers.h"

enum { SILENCE_MS = 2000, PATIENCE_MS = 10000, GAP_MS = 100 };

/* Dispersals take so long that nobody is late for a while. */
static int setup_patient(void **state)
{
    setup(state);
    node->proposing.usual_ms = PATIENCE_MS / 2;
    return 0;
}

static void wait(uint64_t ms)
{
    for (uint64_t end = now_ms + ms; now_ms < end;)
        tick();
}

static unsigned asked_for(epoch_id epoch)
{
    unsigned count = 0;
    for (unsigned p = 0; p < PEERS; p++)
        count += request_of(p, epoch, 0) != NULL;
    return count;
}

/* One dispersal of each of two epochs; nobody sends anything, until just after hedge_ms. */
static void begin(epoch_id agreed, uint64_t hedge_ms)
{
    complete(1, 1);
    complete(2, 1);
    node->agreed = agreed;
    assert_int_equal(asked_for(1), NEEDED);
    wait(hedge_ms - TICK_MS);
    assert_int_equal(asked_for(1), NEEDED);
    assert_int_equal(late(), 0);
    wait(2 * TICK_MS);
}

static void others_are_asked_for_what_holds_up_execution(void **state)
{
    (void)state;
    begin(2, SILENCE_MS);
    assert_int_equal(asked_for(1), PEERS);
    assert_int_equal(asked_for(2), NEEDED);
    assert_int_equal(late(), NEEDED);
    assert_true(nodeset_empty(&node->retrieval.slow));
}

static void nobody_else_is_asked_while_nothing_is_held_up(void **state)
{
    (void)state;
    begin(0, SILENCE_MS);
    assert_int_equal(asked_for(1), NEEDED);
}

/* Where all links are full, what is asked for second only waits in the same lines. */
static void nor_before_twice_what_first_pieces_take(void **state)
{
    (void)state;
    const unsigned delay_ms = 3 * SILENCE_MS / 2;
    for (unsigned p = 0; p < PEERS; p++)
        node->retrieval.paces[p].delays_ms = 8 * delay_ms;
    begin(2, 2 * delay_ms);
    assert_int_equal(asked_for(1), PEERS);
}

static void nor_by_who_is_farther_behind_than_epochs_are_in_flight(void **state)
{
    (void)state;
    begin(options.epoch_window + 1, SILENCE_MS);
    assert_int_equal(asked_for(1), NEEDED);
    node->agreed = options.epoch_window;
    tick();
    assert_int_equal(asked_for(1), PEERS);
}

static void what_silent_peers_send_after_all_counts(void **state)
{
    (void)state;
    bool first[PEERS];
    complete(1, 1);
    node->agreed = 1;
    for (unsigned p = 0; p < PEERS; p++)
        first[p] = oldest(p) != NULL;
    wait(SILENCE_MS + TICK_MS);
    for (unsigned p = 0; p < PEERS; p++)
        while (first[p] && oldest(p))
            serve(p, oldest(p));
    assert_int_equal(decoded, 1);
    assert_int_equal(asked_for(1), 0); /* The others were told. */
}

/* Else it would be asked first again, for every block. */
static void who_stays_silent_is_late_all_the_same(void **state)
{
    (void)state;
    begin(2, SILENCE_MS);
    wait(PATIENCE_MS);
    assert_int_equal(nodeset_count(&node->retrieval.slow), PEERS);
    assert_int_equal(late(), PEERS + NEEDED); /* Of both, each once. */
}

/* Of each dispersal a chunk is with peers that send nothing: these would soon be the window. */
static void what_is_out_with_silent_peers_does_not_hold_up_the_others(void **state)
{
    (void)state;
    const unsigned served = NEEDED - 1;
    const unsigned could = PATIENCE_MS / GAP_MS / PIECES;
    unsigned chunks = 0;
    for (epoch_id e = 1; e <= EPOCHS; e++)
        complete(e, PEERS);
    for (uint64_t end = now_ms + PATIENCE_MS - GAP_MS * served; now_ms < end;) {
        for (unsigned p = 0; p < served; p++) {
            struct request *r = oldest(p);
            if (r) {
                serve(p, r);
                chunks += r->epoch == 0;
            }
            wait(GAP_MS);
        }
    }
    assert_int_equal(late(), 0);
    assert_in_range(chunks, could / 2, could);
}

int main(void)
{
#define PATIENT_TEST(name) cmocka_unit_test_setup_teardown(name, setup_patient, teardown)
    const struct CMUnitTest tests[] = {
        PATIENT_TEST(others_are_asked_for_what_holds_up_execution),
        PATIENT_TEST(nobody_else_is_asked_while_nothing_is_held_up),
        PATIENT_TEST(nor_before_twice_what_first_pieces_take),
        PATIENT_TEST(nor_by_who_is_farther_behind_than_epochs_are_in_flight),
        PATIENT_TEST(what_silent_peers_send_after_all_counts),
        PATIENT_TEST(who_stays_silent_is_late_all_the_same),
        PATIENT_TEST(what_is_out_with_silent_peers_does_not_hold_up_the_others),
    };
    if (!hash_init())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
