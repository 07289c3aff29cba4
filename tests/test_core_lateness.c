/* When what a peer was asked for is late, and who is asked last for it. */
#include "tests/core_peers.h"

/* Runs until something new is late, which must be within so long. Returns how long it took. */
static uint64_t until_late(uint64_t most_ms)
{
    const uint64_t start = now_ms;
    const unsigned before = late();
    while (late() == before) {
        assert_true(now_ms - start <= most_ms);
        tick();
    }
    return now_ms - start;
}

/* Each peer sends a piece every `gap_ms`, in order, until nothing is left. */
static void serve_all(unsigned gap_ms)
{
    for (bool more = true; more;) {
        more = false;
        for (unsigned t = 0; t < gap_ms; t += TICK_MS)
            tick();
        for (unsigned p = 0; p < PEERS; p++)
            if (oldest(p)) {
                serve(p, oldest(p));
                more = true;
            }
    }
}

/* Dispersals complete until each of the first peers was asked for something. */
static void let_ask(unsigned peers, unsigned *completed)
{
    for (unsigned p = 0; p < peers; p++)
        for (; !oldest(p); ++*completed) {
            assert_true(*completed < EPOCHS * PEERS);
            complete(1 + *completed % EPOCHS, 1 + *completed / EPOCHS);
        }
}

/* All send a piece ever more rarely, up to every 6 times retry_ms. In the end all were asked, and nobody
 * answers any more. */
static void serve_ever_slower(void)
{
    unsigned completed = 0;
    for (unsigned round = 0; round < 45; round++) {
        const unsigned gap_ms = RETRY_MS + round * RETRY_MS / 8;
        let_ask(PEERS, &completed);
        for (uint64_t end = now_ms + (gap_ms < 6 * RETRY_MS ? gap_ms : 6 * RETRY_MS); now_ms < end;)
            tick();
        for (unsigned p = 0; p < PEERS; p++) {
            assert_non_null(oldest(p));
            serve(p, oldest(p));
        }
    }
    let_ask(PEERS, &completed);
}

static void nobody_is_late_who_serves_in_order_over_a_slow_link(void **state)
{
    (void)state;
    const unsigned count = EPOCHS * PEERS;
    for (epoch_id e = 1; e <= EPOCHS; e++)
        complete(e, PEERS);
    serve_all(600);
    assert_int_equal(decoded, count);
    assert_int_equal(requested, count * NEEDED);
    assert_int_equal(late(), 0);
}

static void one_who_sends_nothing_is_replaced_after_its_patience(void **state)
{
    (void)state;
    complete(1, 1);
    unsigned silent = 0;
    while (!oldest(silent))
        silent++;
    for (unsigned p = silent + 1; p < PEERS; p++)
        while (oldest(p))
            serve(p, oldest(p));
    assert_int_equal(requested, NEEDED);
    assert_in_range(until_late(10000), 4 * RETRY_MS, 4 * RETRY_MS + TICK_MS);
    assert_int_equal(late(), 1);
    assert_int_equal(requested, NEEDED + 1);
}

static void who_was_fast_is_waited_for_less(void **state)
{
    (void)state;
    for (epoch_id e = 1; e <= EPOCHS; e++) {
        complete(e, PEERS);
        serve_all(TICK_MS);
    }
    assert_int_equal(late(), 0);
    assert_true(node->retrieval.usual_ms < RETRY_MS / 20);
    assert_int_equal(pace_worth(node), 4 * (RETRY_MS / 20)); /* However fast the others are. */
    complete(1, PEERS + 1);                                  /* Our own one, which is not here. */
    assert_in_range(until_late(10000), RETRY_MS, RETRY_MS + TICK_MS);
}

static void who_has_nothing_to_send_is_not_slow(void **state)
{
    (void)state;
    for (epoch_id e = 1; e <= EPOCHS; e++) {
        complete(e, 2);
        serve_all(TICK_MS);
        now_ms += 60000;
    }
    assert_int_equal(late(), 0);
    complete(EPOCHS, 3);
    assert_in_range(until_late(10000), RETRY_MS, RETRY_MS + TICK_MS);
}

/* What was asked first is served last. */
static void one_who_serves_younger_requests_first_is_late_with_the_oldest(void **state)
{
    (void)state;
    for (epoch_id e = 1; e <= EPOCHS; e++)
        complete(e, PEERS);
    const uint64_t start = now_ms;
    while (late() == 0) {
        assert_true(now_ms - start <= 4 * RETRY_MS + TICK_MS);
        if ((now_ms - start) % 200 == 0)
            for (unsigned p = 0; p < PEERS; p++)
                if (oldest_but(p, 1))
                    serve(p, oldest_but(p, 1));
        tick();
    }
    assert_true(now_ms - start > RETRY_MS);
    for (unsigned s = 0; s < FETCH_SLOTS; s++)
        assert_true(nodeset_empty(&node->retrieval.slots[s].late) ||
                    node->retrieval.slots[s].epoch == 1);
}

/* One peer's pieces come ever more slowly: what it may be silent for is bounded. */
static void who_is_ever_slower_is_waited_for_eight_retries_at_most(void **state)
{
    (void)state;
    for (unsigned gap_ms = RETRY_MS; gap_ms < 20 * RETRY_MS; gap_ms += RETRY_MS / 4) {
        for (const uint64_t end = now_ms + gap_ms; now_ms < end;)
            tick();
        pace_piece(node, 0);
    }
    assert_in_range(pace_patience(node, 0), 6 * RETRY_MS, 8 * RETRY_MS);
}

/* Of several chunks, each time before its patience ends: what it holds up is asked of others when that
 * has passed once, however many pieces it has left. */
static void who_sends_a_piece_now_and_then_is_waited_for_once(void **state)
{
    (void)state;
    enum { GAP_MS = 3 * RETRY_MS };
    for (epoch_id e = 1; e <= EPOCHS; e++)
        complete(e, PEERS);
    const uint64_t start = now_ms;
    for (uint64_t last = now_ms; decoded < EPOCHS * PEERS; tick()) {
        for (unsigned p = 1; p < PEERS; p++)
            while (oldest(p))
                serve(p, oldest(p));
        if (oldest(0) && now_ms >= last + GAP_MS) {
            serve(0, oldest(0));
            last = now_ms;
        }
        assert_true(now_ms < start + 8 * RETRY_MS);
    }
    assert_true(now_ms >= start + 4 * RETRY_MS);
    assert_true(late() > 1);
}

static bool is_late(epoch_id epoch, unsigned peer)
{
    for (unsigned s = 0; s < FETCH_SLOTS; s++)
        if (node->retrieval.slots[s].epoch == epoch)
            return nodeset_has(&node->retrieval.slots[s].late, peer);
    return false;
}

/* Two epochs, so long after one another; a peer that was asked for both. Of the first, what it was asked
 * for is lost. */
static unsigned lose_the_first(epoch_id first, epoch_id second, unsigned ms)
{
    complete(first, 1);
    pass(ms);
    complete(second, 1);
    unsigned peer = 0;
    while (peer < PEERS && !(request_of(peer, first, 0) && request_of(peer, second, 0)))
        peer++;
    assert_true(peer < PEERS);
    *request_of(peer, first, 0) = (struct request){0};
    return peer;
}

/* What was asked of a peer before what it sends now, of no younger epoch, would have come first. */
static void what_was_overtaken_is_asked_for_again(void **state)
{
    (void)state;
    const unsigned peer = lose_the_first(1, 2, RETRY_MS);
    serve(peer, oldest(peer));
    assert_non_null(request_of(peer, 1, 0));
    *request_of(peer, 1, 0) = (struct request){0};
    const unsigned before = requested;
    serve(peer, oldest(peer)); /* Asked for before that again. */
    assert_int_equal(requested, before);
    assert_int_equal(late(), 0);
    serve_all(TICK_MS);
}

static void nor_is_it_waited_for_longer(void **state)
{
    (void)state;
    const uint64_t start = now_ms;
    const unsigned peer = lose_the_first(1, 2, RETRY_MS);
    serve(peer, oldest(peer));
    while (!is_late(1, peer))
        tick();
    assert_in_range(now_ms - start, 3 * RETRY_MS, 4 * RETRY_MS);
}

static void what_an_older_one_goes_before_is_not_asked_for_again(void **state)
{
    (void)state;
    const unsigned peer = lose_the_first(2, 1, RETRY_MS);
    serve(peer, oldest(peer));
    assert_null(request_of(peer, 2, 0));
}

static void nor_what_was_asked_for_just_now(void **state)
{
    (void)state;
    const unsigned peer = lose_the_first(1, 2, RETRY_MS / 2);
    serve(peer, oldest(peer));
    assert_null(request_of(peer, 1, 0));
}

static void nor_what_is_enough_to_be_decoded(void **state)
{
    (void)state;
    const unsigned peer = lose_the_first(1, 2, RETRY_MS);
    assert_int_equal(node->retrieval.slots[0].epoch, 1);
    node->retrieval.slots[0].decoding = true;
    serve(peer, oldest(peer));
    assert_null(request_of(peer, 1, 0));
}

/* When all were asked in vain: what was asked before that says nothing of it. */
static void nor_what_was_asked_for_again_since(void **state)
{
    (void)state;
    const unsigned peer = lose_the_first(1, 2, 2 * RETRY_MS);
    const uint64_t second_ms = request_of(peer, 2, 0)->asked_ms;
    while (!request_of(peer, 1, 0))
        tick();
    pass(RETRY_MS);
    assert_int_equal(request_of(peer, 2, 0)->asked_ms, second_ms);
    const unsigned before = requested;
    serve(peer, request_of(peer, 2, 0));
    assert_int_equal(requested, before);
}

/* One dispersal after the other. Peer 0 serves no chunk if it is `silent`, but says at once that it
 * has not what nobody asked it for. Returns how many were late for it. */
static unsigned late_of(bool silent, unsigned count)
{
    static unsigned all; /* Dispersals that there have been. */
    const struct message none = {.kind = MESSAGE_NONE, .epoch = EPOCHS + 1, .proposer = 0};
    const unsigned before = late();
    all = decoded == 0 ? 0 : all;
    for (const unsigned end = all + count; all < end; all++) {
        complete(1 + all % EPOCHS, 1 + all / EPOCHS);
        for (const unsigned so_far = decoded; decoded == so_far; tick()) {
            if (silent)
                step((struct event){.type = EVENT_MESSAGE, .from = 0, .message = &none});
            for (unsigned p = silent; p < PEERS; p++)
                while (oldest(p))
                    serve(p, oldest(p));
        }
    }
    return late() - before;
}

/* Whatever else it says; and who serves again is asked again as all are. */
static void who_is_late_again_is_asked_ever_more_rarely(void **state)
{
    (void)state;
    enum { THIRD = EPOCHS * PEERS / 3 };
    assert_in_range(late_of(true, THIRD), 2, 6);
    assert_in_range(late_of(true, THIRD), 0, 2);
    assert_false(nodeset_empty(&node->retrieval.slow));
    now_ms += 32 * RETRY_MS;
    const uint32_t slow_ms = node->retrieval.paces[0].slow_ms;
    const unsigned before = requested;
    assert_int_equal(late_of(false, THIRD), 0);
    assert_in_range(requested - before, THIRD * NEEDED, THIRD * NEEDED + 1); /* One for a try. */
    assert_true(nodeset_empty(&node->retrieval.slow));
    assert_in_range(node->retrieval.paces[0].slow_ms, slow_ms / 4, slow_ms * 3 / 4);
}

/* One dispersal every so often, of which others than peer 0 send all at once, and it nothing. Returns how
 * often it was asked. */
static unsigned asked_of_0(unsigned count, unsigned gap_ms)
{
    unsigned asked = 0;
    for (const unsigned end = decoded + count; decoded < end;) {
        complete(1 + decoded % EPOCHS, 1 + decoded / EPOCHS);
        asked += oldest(0) != NULL;
        for (unsigned p = 1; p < PEERS; p++)
            while (oldest(p))
                serve(p, oldest(p));
        const unsigned so_far = decoded;
        pass(gap_ms);
        for (unsigned p = 1; p < PEERS; p++)
            while (oldest(p))
                serve(p, oldest(p));
        assert_in_range(decoded, so_far, so_far + 1);
    }
    return asked;
}

/* Others are enough, and what it was late with is not wanted any more: nothing of it can come. */
static void who_was_late_is_tried_again_ever_more_rarely(void **state)
{
    (void)state;
    enum { GAP_MS = 5 * RETRY_MS };
    assert_in_range(asked_of_0(4, GAP_MS), 1, 4);
    assert_true(nodeset_has(&node->retrieval.slow, 0));
    assert_in_range(asked_of_0(14, GAP_MS), 3, 5); /* After 1, 2, 4 ... times retry_ms. */
    assert_in_range(asked_of_0(14, 16 * RETRY_MS), 6, 8);
    assert_true(nodeset_has(&node->retrieval.slow, 0));
    now_ms += 32 * RETRY_MS;
    complete(1 + decoded % EPOCHS, 1 + decoded / EPOCHS);
    assert_non_null(oldest(0));
    assert_int_equal(out(), NEEDED + 1); /* Nobody waits for it. */
    assert_true(is_late(oldest(0)->epoch, 0));
    serve(0, oldest(0));
    tick();
    assert_true(nodeset_empty(&node->retrieval.slow));
    pace_late(node, 0);
    assert_int_equal(asked_of_0(2, 2 * RETRY_MS), 2); /* It has answered: tried soon. */
}

/* That it comes is known: it is not asked before its time, nor in place of those that say nothing. */
static void who_came_again_is_not_tried_before_its_time(void **state)
{
    (void)state;
    assert_in_range(asked_of_0(4, 5 * RETRY_MS), 1, 4);
    for (unsigned k = 0; k < 3; k++) {
        nodeset_remove(&node->retrieval.slow, 0);
        pace_late(node, 0);
    }
    assert_int_equal(asked_of_0(1, TICK_MS), 0); /* What it was asked for lately may yet come. */
    assert_true(node->retrieval.paces[0].slow_until_ms > now_ms + 3 * RETRY_MS);
    pace_came(node, 0);
    assert_int_equal(asked_of_0(3, RETRY_MS), 0);
}

/* Late with all that it was asked for: that is once. */
static void what_is_late_together_counts_once(void **state)
{
    (void)state;
    for (epoch_id e = 1; e <= EPOCHS; e++)
        complete(e, PEERS);
    while (late() < 2) {
        for (unsigned p = 1; p < PEERS; p++)
            while (oldest(p))
                serve(p, oldest(p));
        tick();
    }
    assert_int_equal(node->retrieval.paces[0].slow_ms, RETRY_MS);
    for (unsigned k = 0; k < 20; k++) {
        pace_late(node, 0);
        now_ms += 100 * RETRY_MS;
        tick();
        pace_came(node, 0);
    }
    assert_int_equal(node->retrieval.paces[0].slow_ms, 32 * RETRY_MS);
}

/* What was asked for before an outage comes after it: so late come the next ones not. */
static void an_outage_is_no_delay(void **state)
{
    (void)state;
    enum { OUTAGE_MS = 60 * RETRY_MS };
    for (epoch_id e = 1; e <= EPOCHS; e++)
        complete(e, 1);
    for (const uint64_t end = now_ms + OUTAGE_MS; now_ms < end;)
        tick();
    for (unsigned p = 0; p < PEERS; p++)
        step((struct event){.type = EVENT_WORD, .from = (node_id)p});
    serve_all(TICK_MS);
    tick();
    assert_int_equal(decoded, EPOCHS);
    assert_in_range(node->retrieval.delay_ms, 0, RETRY_MS);
}

/* When all are that slow, it is our link, and nobody is late. */
static void nobody_is_late_on_a_link_that_becomes_very_slow(void **state)
{
    (void)state;
    serve_ever_slower();
    assert_int_equal(late(), 0);
    assert_true(until_late(60000) > 12 * RETRY_MS);
}

/* Links so full that a dispersal takes 8 s. */
static void nothing_is_late_before_what_a_dispersal_takes(void **state)
{
    (void)state;
    node->proposing.usual_ms = 8000;
    complete(1, 1);
    assert_in_range(until_late(20000), 16000, 16000 + TICK_MS);
}

/* Nobody serves: all are asked, and again more and more rarely. */
static void what_may_only_be_late_is_asked_for_again_rarely(void **state)
{
    (void)state;
    complete(1, 1);
    for (unsigned t = 0; t < 60000; t += TICK_MS)
        tick();
    const unsigned before = requested;
    for (unsigned t = 0; t < 60000; t += TICK_MS)
        tick();
    assert_in_range(requested - before, PEERS * 12, PEERS * 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEERS_TEST(nobody_is_late_who_serves_in_order_over_a_slow_link),
        PEERS_TEST(one_who_sends_nothing_is_replaced_after_its_patience),
        PEERS_TEST(who_was_fast_is_waited_for_less),
        PEERS_TEST(who_has_nothing_to_send_is_not_slow),
        PEERS_TEST(one_who_serves_younger_requests_first_is_late_with_the_oldest),
        PEERS_TEST(who_is_ever_slower_is_waited_for_eight_retries_at_most),
        PEERS_TEST(who_sends_a_piece_now_and_then_is_waited_for_once),
        PEERS_TEST(what_was_overtaken_is_asked_for_again),
        PEERS_TEST(nor_is_it_waited_for_longer),
        PEERS_TEST(what_an_older_one_goes_before_is_not_asked_for_again),
        PEERS_TEST(nor_what_was_asked_for_just_now),
        PEERS_TEST(nor_what_is_enough_to_be_decoded),
        PEERS_TEST(nor_what_was_asked_for_again_since),
        PEERS_TEST(who_is_late_again_is_asked_ever_more_rarely),
        PEERS_TEST(who_was_late_is_tried_again_ever_more_rarely),
        PEERS_TEST(who_came_again_is_not_tried_before_its_time),
        PEERS_TEST(what_is_late_together_counts_once),
        PEERS_TEST(an_outage_is_no_delay),
        PEERS_TEST(nobody_is_late_on_a_link_that_becomes_very_slow),
        PEERS_TEST(nothing_is_late_before_what_a_dispersal_takes),
        PEERS_TEST(what_may_only_be_late_is_asked_for_again_rarely),
    };
    if (!hash_init())
        return 1;
    return cmocka_run_group_tests_name("core lateness", tests, NULL, NULL);
}
