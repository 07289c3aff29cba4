/* One core of eight, and seven peers that a test plays: each has a queue of requests, and serves it
 * as it likes. */
#ifndef TESTS_CORE_PEERS_H
#define TESTS_CORE_PEERS_H

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

static inline struct vid_header header_of(epoch_id epoch, node_id proposer)
{
    return (struct vid_header){PIECES * MESSAGE_PIECE_SIZE,
                               {{(uint8_t)(1 + proposer), (uint8_t)epoch}}};
}

static inline struct request *request_of(unsigned peer, epoch_id epoch, node_id proposer)
{
    for (unsigned k = 0; k < REQUESTS_MAX; k++)
        if (requests[peer][k].epoch == epoch && requests[peer][k].proposer == proposer)
            return &requests[peer][k];
    return NULL;
}

static inline void step(struct event event)
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

static inline void tick(void)
{
    now_ms += TICK_MS;
    step((struct event){.type = EVENT_TICK});
}

static inline void pass(uint64_t ms)
{
    for (const uint64_t end = now_ms + ms; now_ms < end;)
        tick();
}

/* Dispersals of the first `proposers` peers complete. */
static inline void complete(epoch_id epoch, unsigned proposers)
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
static inline void serve(unsigned peer, struct request *r)
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
static inline struct request *oldest_but(unsigned peer, epoch_id epoch)
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

static inline struct request *oldest(unsigned peer) { return oldest_but(peer, 0); }

/* Requests, of all peers. */
static inline unsigned out(void)
{
    unsigned count = 0;
    for (unsigned p = 0; p < PEERS; p++)
        for (unsigned k = 0; k < REQUESTS_MAX; k++)
            count += requests[p][k].epoch != 0;
    return count;
}

static inline unsigned late(void)
{
    struct node_view v;
    node_view(node, &v);
    return (unsigned)v.fetch_retries;
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
    (void)state;
    free(effects.items);
    free(memory);
    return 0;
}

#define PEERS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
