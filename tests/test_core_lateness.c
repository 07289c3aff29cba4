/* How much is asked for, and when it is late. One core of eight, and seven peers that a test plays:
 * each has a queue of requests, and serves it as it likes. */
#include "crypto/hash.h"
#include "node/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum {
    N = 8,
    F = 2,
    SELF = 7,
    PEERS = 7,
    NEEDED = N - 2 * F, /* Our own chunk never came. */
    RETRY_MS = 500,
    TICK_MS = 20,
    PIECES = 2, /* A chunk has. */
    EPOCHS = 8,
    REQUESTS_MAX = 64,
};

static const struct node_options options = {.quorum = {N, F},
                                            .self = SELF,
                                            .epoch_window = 8,
                                            .open_dispersals = 16,
                                            .link_horizon = 1000,
                                            .block_bytes_max = 1 << 20,
                                            .block_bytes_min = 150000,
                                            .block_delay_ms = 100,
                                            .retry_ms = RETRY_MS};

struct request {
    epoch_id epoch; /* 0: free. */
    node_id proposer;
    unsigned pieces; /* Sent. */
    uint64_t asked_ms;
};

static struct node *node;
static void *memory;
static struct effects effects;
static uint64_t now_ms;
static struct request requests[PEERS][REQUESTS_MAX];
static unsigned requested, decoded;

static struct vid_header header_of(epoch_id epoch, node_id proposer)
{
    return (struct vid_header){PIECES * MESSAGE_PIECE_SIZE,
                               {{(uint8_t)(1 + proposer), (uint8_t)epoch}}};
}

static struct request *request_of(unsigned peer, epoch_id epoch, node_id proposer)
{
    for (unsigned k = 0; k < REQUESTS_MAX; k++)
        if (requests[peer][k].epoch == epoch && requests[peer][k].proposer == proposer)
            return &requests[peer][k];
    return NULL;
}

static void step(struct event event)
{
    event.now_ms = now_ms;
    node_step(node, &event, &effects);
    struct work_result results[FETCH_SLOTS];
    unsigned count = 0;
    for (unsigned k = 0; k < effects.count; k++) {
        const struct effect *e = &effects.items[k];
        const bool request = e->type == EFFECT_SEND && e->message.kind == MESSAGE_REQUEST;
        if (request || (e->type == EFFECT_SEND && e->message.kind == MESSAGE_CANCEL)) {
            struct request *r = request_of(e->to, e->epoch, e->proposer);
            if (!r)
                r = request_of(e->to, 0, 0);
            assert_non_null(r);
            *r = (struct request){0};
            if (request)
                *r = (struct request){e->epoch, e->proposer,
                                      e->message.request.offset / MESSAGE_PIECE_SIZE, now_ms};
            requested += request;
        }
        if (e->type == EFFECT_WORK && e->work.kind == WORK_DECODE)
            results[count++] = (struct work_result){.kind = WORK_DECODE,
                                                    .epoch = e->epoch,
                                                    .proposer = e->proposer,
                                                    .slot = e->work.slot,
                                                    .generation = e->work.generation,
                                                    .result = VID_RETRIEVED,
                                                    .well_formed = true};
    }
    decoded += count;
    while (count > 0)
        step((struct event){.type = EVENT_WORKED, .worked = &results[--count]});
}

static void tick(void)
{
    now_ms += TICK_MS;
    step((struct event){.type = EVENT_TICK});
}

/* Dispersals of the first `proposers` peers complete. */
static void complete(epoch_id epoch, unsigned proposers)
{
    uint8_t entries[N * (1 + HASH_SIZE)];
    struct writer w = writer_of(entries, sizeof entries);
    for (node_id p = 0; p < proposers; p++) {
        const struct vid_header header = header_of(epoch, p);
        const struct hash root = vid_commitment(options.quorum, &header);
        write_u8(&w, (uint8_t)p);
        write_slice(&w, hash_slice(&root));
    }
    for (node_id from = 0; from < F + 1; from++) {
        const struct message m = {.kind = MESSAGE_ROOTS,
                                  .epoch = epoch,
                                  .proposer = from,
                                  .roots = {VID_COMPLETE, (uint8_t)proposers, writer_result(&w)}};
        step((struct event){.type = EVENT_MESSAGE, .from = from, .message = &m});
    }
    assert_true(history_has(&node->completed, epoch, 0));
}

/* The next piece of what a peer was asked for. */
static void serve(unsigned peer, struct request *r)
{
    static const uint8_t bytes[MESSAGE_PIECE_SIZE];
    struct message m = {.kind = MESSAGE_PIECE, .epoch = r->epoch, .proposer = r->proposer};
    m.chunk.header = header_of(r->epoch, r->proposer);
    m.chunk.offset = r->pieces * MESSAGE_PIECE_SIZE;
    m.chunk.data = slice_of(bytes, sizeof bytes);
    if (++r->pieces == PIECES)
        *r = (struct request){0};
    step((struct event){.type = EVENT_MESSAGE, .from = (node_id)peer, .message = &m});
}

/* Of what a peer was asked for: the oldest that is none of `epoch`. NULL: nothing. */
static struct request *oldest_but(unsigned peer, epoch_id epoch)
{
    struct request *oldest = NULL;
    for (unsigned k = 0; k < REQUESTS_MAX; k++) {
        struct request *r = &requests[peer][k];
        if (r->epoch != 0 && r->epoch != epoch &&
            (!oldest || r->epoch < oldest->epoch ||
             (r->epoch == oldest->epoch && r->asked_ms < oldest->asked_ms)))
            oldest = r;
    }
    return oldest;
}

static struct request *oldest(unsigned peer) { return oldest_but(peer, 0); }

static unsigned late(void)
{
    struct node_view v;
    node_view(node, &v);
    return (unsigned)v.fetch_retries;
}

static int setup(void **state)
{
    (void)state;
    const size_t size = node_memory_size(&options);
    memory = aligned_alloc(64, size);
    assert_non_null(memory);
    memset(memory, 0, size);
    node = node_init(memory, size, &options);
    effects.capacity = node_effects_max(&options);
    effects.items = calloc(effects.capacity, sizeof *effects.items);
    memset(requests, 0, sizeof requests);
    requested = decoded = 0;
    now_ms = 1000;
    tick();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(effects.items);
    free(memory);
    return 0;
}

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

/* ---- */

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
    assert_int_equal(requested - before, THIRD * NEEDED);
    assert_true(nodeset_empty(&node->retrieval.slow));
    assert_in_range(node->retrieval.paces[0].slow_ms, slow_ms / 4, slow_ms * 3 / 4);
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

static unsigned out(void)
{
    unsigned count = 0;
    for (unsigned p = 0; p < PEERS; p++)
        for (unsigned k = 0; k < REQUESTS_MAX; k++)
            count += requests[p][k].epoch != 0;
    return count;
}

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_is_late_who_serves_in_order_over_a_slow_link),
        TEST(one_who_sends_nothing_is_replaced_after_its_patience),
        TEST(who_was_fast_is_waited_for_less),
        TEST(who_has_nothing_to_send_is_not_slow),
        TEST(one_who_serves_younger_requests_first_is_late_with_the_oldest),
        TEST(who_is_ever_slower_is_waited_for_eight_retries_at_most),
        TEST(who_sends_a_piece_now_and_then_is_waited_for_once),
        TEST(who_is_late_again_is_asked_ever_more_rarely),
        TEST(what_is_late_together_counts_once),
        TEST(an_outage_is_no_delay),
        TEST(nobody_is_late_on_a_link_that_becomes_very_slow),
        TEST(what_comes_in_two_seconds_is_asked_for_at_a_time),
        TEST(what_nobody_serves_does_not_hold_up_the_rest),
        TEST(nothing_is_late_before_what_a_dispersal_takes),
        TEST(what_may_only_be_late_is_asked_for_again_rarely),
    };
    if (!hash_init())
        return 1;
    return cmocka_run_group_tests_name("core lateness", tests, NULL, NULL);
}
