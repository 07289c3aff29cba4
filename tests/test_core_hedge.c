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

static unsigned asked_for(epoch_id epoch)
{
    unsigned count = 0;
    for (unsigned p = 0; p < PEERS; p++)
        count += request_of(p, epoch, 0) != NULL;
    return count;
}

/* One dispersal of each of two epochs; nobody sends anything, until just after hedge_ms. */
static void begin(bool wanted, uint64_t hedge_ms)
{
    complete(1, 1);
    complete(2, 1);
    instance_find(node, 1, 0)->wanted = wanted;
    assert_int_equal(asked_for(1), NEEDED);
    pass(hedge_ms - TICK_MS);
    assert_int_equal(asked_for(1), NEEDED);
    assert_int_equal(late(), 0);
    pass(2 * TICK_MS);
}

static void others_are_asked_for_what_holds_up_execution(void **state)
{
    (void)state;
    begin(true, SILENCE_MS);
    assert_int_equal(asked_for(1), PEERS);
    assert_int_equal(asked_for(2), NEEDED);
    assert_int_equal(late(), NEEDED);
    assert_true(nodeset_empty(&node->retrieval.slow));
}

/* That begins when they are late. */
static void nobody_is_asked_again_who_is_only_silent(void **state)
{
    (void)state;
    begin(true, SILENCE_MS);
    pass(2 * SILENCE_MS);
    assert_int_equal(node->retrieval.slots[0].epoch, 1);
    assert_int_equal(nodeset_count(&node->retrieval.slots[0].hedged), PEERS);
    assert_int_equal(node->retrieval.slots[0].again_wait_ms, 0);
}

/* However little of the waiting a piece makes up for. */
static void who_has_just_sent_a_piece_is_not_silent(void **state)
{
    (void)state;
    for (unsigned p = 0; p < PEERS; p++)
        node->retrieval.paces[p].gaps_ms = 0;
    complete(1, 1);
    instance_find(node, 1, 0)->wanted = true;
    pass(SILENCE_MS - TICK_MS);
    for (unsigned p = 0; p < PEERS; p++)
        if (oldest(p))
            serve(p, oldest(p));
    pass(SILENCE_MS - TICK_MS);
    assert_int_equal(asked_for(1), NEEDED);
    pass(2 * TICK_MS);
    assert_int_equal(asked_for(1), PEERS);
}

/* For one that is silent, also when it is late by then and the other has nothing. */
static void one_is_asked_for_one(void **state)
{
    (void)state;
    const uint64_t patience_ms = 3 * SILENCE_MS / 2;
    unsigned silent = 0;
    node->proposing.usual_ms = patience_ms / 2;
    complete(1, 1);
    instance_find(node, 1, 0)->wanted = true;
    while (!oldest(silent))
        silent++;
    for (unsigned p = silent + 1; p < PEERS; p++)
        while (oldest(p))
            serve(p, oldest(p));
    pass(SILENCE_MS + TICK_MS);
    assert_int_equal(asked_for(1), 2);
    pass(patience_ms - SILENCE_MS);
    for (unsigned p = 0; p < PEERS; p++)
        if (p != silent && oldest(p)) {
            const struct vid_header header = header_of(1, 0);
            const struct message none = {
                .kind = MESSAGE_NONE,
                .epoch = 1,
                .request = {.root = vid_commitment(options.quorum, &header)}};
            *oldest(p) = (struct request){0};
            step((struct event){.type = EVENT_MESSAGE, .from = (node_id)p, .message = &none});
            break;
        }
    assert_true(nodeset_has(&node->retrieval.slow, silent));
    assert_int_equal(asked_for(1), 2);
}

static void nobody_else_is_asked_while_nothing_is_held_up(void **state)
{
    (void)state;
    begin(false, SILENCE_MS);
    assert_int_equal(asked_for(1), NEEDED);
}

/* Where all links are full, what is asked for second only waits in the same lines. */
static void nor_before_twice_what_first_pieces_take(void **state)
{
    (void)state;
    const unsigned delay_ms = 3 * SILENCE_MS / 2;
    for (unsigned p = 0; p < PEERS; p++)
        node->retrieval.paces[p].delays_ms = 8 * delay_ms;
    begin(true, 2 * delay_ms);
    assert_int_equal(asked_for(1), PEERS);
}

static void nor_by_who_is_farther_behind_than_epochs_are_in_flight(void **state)
{
    (void)state;
    node->agreed = options.epoch_window + 1;
    begin(true, SILENCE_MS);
    assert_int_equal(asked_for(1), NEEDED);
    node->agreed = options.epoch_window;
    tick();
    assert_int_equal(asked_for(1), PEERS);
}

/* ... unless that one block is all that it could ask for. */
static void but_by_who_has_nothing_else_to_ask_for(void **state)
{
    (void)state;
    node->agreed = options.epoch_window + 1;
    complete(1, 1);
    instance_find(node, 1, 0)->wanted = true;
    pass(SILENCE_MS + TICK_MS);
    assert_int_equal(asked_for(1), PEERS);
}

static void what_silent_peers_send_after_all_counts(void **state)
{
    (void)state;
    bool first[PEERS];
    complete(1, 1);
    instance_find(node, 1, 0)->wanted = true;
    for (unsigned p = 0; p < PEERS; p++)
        first[p] = oldest(p) != NULL;
    pass(SILENCE_MS + TICK_MS);
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
    begin(true, SILENCE_MS);
    pass(PATIENCE_MS - SILENCE_MS);
    assert_int_equal(nodeset_count(&node->retrieval.slow), PEERS);
    assert_int_equal(late(), PEERS + NEEDED); /* Of both, each once. */
}

/* Of the first peers one after the other sends a piece, for so long. Returns the chunks. */
static unsigned serve_first(unsigned peers, uint64_t ms)
{
    unsigned chunks = 0;
    for (uint64_t end = now_ms + ms; now_ms < end;)
        for (unsigned p = 0; p < peers; p++) {
            struct request *r = oldest(p);
            if (r) {
                serve(p, r);
                chunks += r->epoch == 0;
            }
            pass(GAP_MS);
        }
    return chunks;
}

/* Of each dispersal a chunk is with peers that send nothing: these would soon be the window. */
static void what_is_out_with_silent_peers_does_not_hold_up_the_others(void **state)
{
    (void)state;
    const uint64_t ms = PATIENCE_MS - 4 * GAP_MS;
    for (epoch_id e = 1; e <= EPOCHS; e++)
        complete(e, PEERS);
    assert_true(serve_first(F + 1, ms) >= ms / GAP_MS / PIECES / 2);
    assert_int_equal(late(), 0);
}

/* Who is far behind asks others for what waits, not for what is with those that are silent. */
static void nor_while_something_waits(void **state)
{
    (void)state;
    for (epoch_id e = 1; e <= EPOCHS; e++) {
        complete(e, PEERS);
        for (node_id p = 0; p < PEERS; p++)
            instance_find(node, e, p)->wanted = true;
    }
    node->agreed = options.epoch_window + 1;
    serve_first(F + 1, 2 * SILENCE_MS);
    assert_true(node->retrieval.pending_count > 0);
    assert_int_equal(late(), 0);
}

/* However long ago it did: nothing is out with it. */
static void who_has_sent_all_that_it_was_asked_for_is_not_silent(void **state)
{
    (void)state;
    for (epoch_id e = 1; e <= EPOCHS; e++)
        complete(e, PEERS);
    for (unsigned k = 0; k < EPOCHS * PEERS;
         k++) /* Until all that may be out is with the others. */
        for (unsigned p = 0; p <= F; p++)
            while (oldest(p)) {
                serve(p, oldest(p));
                node->retrieval.recent_bytes = 0;
            }
    for (unsigned p = 0; p <= F; p++) {
        assert_null(oldest(p));
        node->retrieval.paces[p].heard_ms = 0;
    }
    pass(2 * SILENCE_MS);
    for (unsigned p = 0; p <= F; p++)
        assert_non_null(oldest(p));
}

/* Liars could serve us while it lasts: f alone prove nothing. */
static void when_our_own_link_stalls_nobody_is_silent(void **state)
{
    (void)state;
    for (epoch_id e = 1; e <= EPOCHS; e++)
        complete(e, PEERS);
    serve_first(PEERS, 4000);
    const unsigned before = out();
    serve_first(F, PATIENCE_MS / 2);
    assert_in_range(out(), 1, before + 2 * NEEDED);
    pass(SILENCE_MS);
    assert_in_range(out(), 1, before + 2 * NEEDED);
    assert_int_equal(late(), 0);
}

int main(void)
{
#define PATIENT_TEST(name) cmocka_unit_test_setup_teardown(name, setup_patient, teardown)
    const struct CMUnitTest tests[] = {
        PATIENT_TEST(others_are_asked_for_what_holds_up_execution),
        PATIENT_TEST(nobody_is_asked_again_who_is_only_silent),
        PATIENT_TEST(who_has_just_sent_a_piece_is_not_silent),
        PATIENT_TEST(one_is_asked_for_one),
        PATIENT_TEST(nobody_else_is_asked_while_nothing_is_held_up),
        PATIENT_TEST(nor_before_twice_what_first_pieces_take),
        PATIENT_TEST(nor_by_who_is_farther_behind_than_epochs_are_in_flight),
        PATIENT_TEST(but_by_who_has_nothing_else_to_ask_for),
        PATIENT_TEST(nor_while_something_waits),
        PATIENT_TEST(what_silent_peers_send_after_all_counts),
        PATIENT_TEST(who_stays_silent_is_late_all_the_same),
        PATIENT_TEST(what_is_out_with_silent_peers_does_not_hold_up_the_others),
        PATIENT_TEST(who_has_sent_all_that_it_was_asked_for_is_not_silent),
        PATIENT_TEST(when_our_own_link_stalls_nobody_is_silent),
    };
    if (!hash_init())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
