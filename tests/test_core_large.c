/* One core among 128 nodes: the most effects that one step has, and how long steps take. */
#include "node/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { N = 128, F = 42, SELF = 0, SOME = F + 1, MOST = 2 * F + 1, ALL = N - F };

static const struct node_options options = {.quorum = {N, F},
                                            .self = SELF,
                                            .epoch_window = 8,
                                            .open_dispersals = 16,
                                            .link_horizon = 100000,
                                            .block_bytes_max = 1 << 20,
                                            .block_bytes_min = 150000,
                                            .block_delay_ms = 100,
                                            .retry_ms = 200};
static struct node *node;
static void *memory;
static size_t memory_size;
static struct effects effects;
static unsigned most_effects;
static double longest_us;
static const char *longest;
static uint64_t now_ms, seed;

static uint64_t below(uint64_t limit) /* splitmix64 */
{
    uint64_t x = seed += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return (x ^ x >> 31) % limit;
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* A step; returns how many effects it had. What it asks of the store is answered with nothing. */
static unsigned step(struct event event, const char *what)
{
    event.now_ms = now_ms;
    const double start = now_us();
    node_step(node, &event, &effects);
    const double us = now_us() - start;
    if (us > longest_us) {
        longest_us = us;
        longest = what;
    }
    assert_true(effects.count <= node_effects_max(&options));
    if (effects.count > most_effects)
        most_effects = effects.count;
    return effects.count;
}

static unsigned tick(void)
{
    now_ms += 5;
    return step((struct event){.type = EVENT_TICK}, "a tick");
}

static int setup(void **state)
{
    (void)state;
    memory_size = node_memory_size(&options);
    memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    assert_true(memory != MAP_FAILED);
    node = node_init(memory, memory_size, &options);
    effects.capacity = node_effects_max(&options);
    effects.items = calloc(effects.capacity, sizeof *effects.items);
    assert_non_null(effects.items);
    now_ms = 1000;
    most_effects = 0;
    longest_us = 0;
    tick();
    longest_us = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    printf("    %u effects at most, of %u; %.0f us at most: %s\n", most_effects,
           node_effects_max(&options), longest_us, longest ? longest : "");
    munmap(memory, memory_size);
    free(effects.items);
    return 0;
}

/* One vote in all agreements of an epoch. */
static unsigned votes(node_id from, epoch_id epoch, unsigned type, unsigned round, unsigned values)
{
    const struct message m = {
        .kind = MESSAGE_VOTES,
        .epoch = epoch,
        .proposer = from,
        .votes = {{(uint8_t)type, (uint8_t)round, (uint8_t)values}, nodeset_full(N)}};
    assert_true(ba_message_valid(&m.votes.vote));
    return step((struct event){.type = EVENT_MESSAGE, .from = from, .message = &m},
                "a vote in all agreements");
}

/* One vote in all dispersals of an epoch. */
static unsigned roots(node_id from, epoch_id epoch, enum vid_vote vote)
{
    static uint8_t entries[N * (1 + HASH_SIZE)];
    struct writer w = writer_of(entries, sizeof entries);
    for (unsigned p = 0; p < N; p++) {
        const struct hash root = {{(uint8_t)p, (uint8_t)epoch}};
        write_u8(&w, (uint8_t)p);
        write_slice(&w, hash_slice(&root));
    }
    const struct message m = {.kind = MESSAGE_ROOTS,
                              .epoch = epoch,
                              .proposer = from,
                              .roots = {vote, N, writer_result(&w)}};
    return step((struct event){.type = EVENT_MESSAGE, .from = from, .message = &m},
                "a vote in all dispersals");
}

/* ---- */

/* Everything that others may say of the next rounds is here, and one vote is missing: with it each
 * agreement ends rounds 0 and 1 and all but ends round 2. */
static void one_frame_of_votes_moves_all_agreements_through_three_rounds(void **state)
{
    (void)state;
    for (epoch_id epoch = 1; epoch <= options.epoch_window; epoch++) {
        for (node_id from = 1; from < ALL; from++) {
            votes(from, epoch, BA_AUX, 0, BA_ONE);
            votes(from, epoch, BA_AUX, 1, below(2) ? BA_ONE : BA_ZERO);
            votes(from, epoch, BA_AUX, 2, below(2) ? BA_ONE : BA_ZERO);
            votes(from, epoch, BA_CONF, 2, BA_BOTH);
            for (unsigned round = 1; from < MOST && round <= 3; round++) {
                votes(from, epoch, BA_BVAL, round, BA_ZERO);
                votes(from, epoch, BA_BVAL, round, BA_ONE);
            }
        }
        for (node_id from = 1; from < MOST - 1; from++)
            votes(from, epoch, BA_BVAL, 0, BA_ONE);
        const unsigned count = votes(MOST - 1, epoch, BA_BVAL, 0, BA_ONE);
        /* AUX, TERM, BVAL twice and AUX in round 1, the same and CONF and SHARE in round 2: each
         * recorded and, but for SHARE, sent; a share to be made. */
        assert_in_range(count, N * 18, node_effects_max(&options));
        assert_int_equal(node_epoch(node, epoch)->bas[N - 1].round, 2);
        assert_true(node_epoch(node, epoch)->agreed);
    }
}

static void one_frame_of_votes_completes_all_dispersals(void **state)
{
    (void)state;
    for (epoch_id epoch = 1; epoch <= options.epoch_window; epoch++) {
        for (node_id from = 1; from < ALL; from++)
            roots(from, epoch, VID_GOT);
        for (node_id from = 1; from < MOST - 1; from++)
            roots(from, epoch, VID_READY);
        const unsigned count = roots(MOST - 1, epoch, VID_READY);
        /* Each recorded, and our 1 put into its agreement: recorded and sent. */
        assert_in_range(count, N * 3, node_effects_max(&options));
        assert_true(history_has(&node->completed, epoch, N - 1));
        assert_int_equal(node->retrieval.active, FETCH_SLOTS);
    }
    now_ms += options.retry_ms;
    assert_true(tick() > FETCH_SLOTS); /* All that were asked are late. */
}

static void zeros_are_put_into_all_that_are_left_in_one_step(void **state)
{
    (void)state;
    struct message m = {.kind = MESSAGE_VOTES, .epoch = 1};
    for (unsigned j = 0; j < ALL; j++)
        nodeset_add(&m.votes.proposers, j);
    m.votes.vote = (struct ba_message){BA_TERM, 0, BA_ONE};
    unsigned count = 0;
    for (node_id from = 1; from <= SOME; from++)
        count = step((struct event){.type = EVENT_MESSAGE, .from = from, .message = &m},
                     "a vote in all agreements");
    assert_true(node_epoch(node, 1)->zeros_put);
    assert_true(count >= N * 2);
}

/* Any votes of anyone, in any order: what a step may have is asserted where effects are added. */
static void no_step_has_more_effects_than_there_is_room_for(void **state)
{
    (void)state;
    seed = 1;
    for (unsigned i = 0; i < 12000; i++) {
        const node_id from = (node_id)(1 + below(N - 1));
        const epoch_id epoch = node->first_unsealed + below(2);
        if (below(8) == 0) {
            roots(from, epoch, (enum vid_vote)(VID_GOT + below(3)));
            continue;
        }
        struct ba_message v;
        do
            v = (struct ba_message){(uint8_t)(BA_BVAL + below(3)), (uint8_t)below(6),
                                    (uint8_t)(1 + below(3))};
        while (!ba_message_valid(&v));
        votes(from, epoch, v.type, v.round, v.values);
        if (below(200) == 0)
            tick();
    }
    assert_true(node_epoch(node, 1)->bas[0].round >= 2);
}

static void linking_among_many_is_measured(void **state)
{
    (void)state;
    enum { BLOCKS = N, HIGH = 20000 };
    static struct epoch_run lists[BLOCKS][LINK_RUNS_MAX], covered[BLOCKS * LINK_RUNS_MAX];
    const struct epoch_run *pointers[BLOCKS];
    uint8_t counts[BLOCKS];
    for (unsigned liars = 0; liars <= F; liars += F) {
        for (unsigned b = 0; b < BLOCKS; b++) {
            pointers[b] = lists[b];
            counts[b] = b < liars ? LINK_RUNS_MAX : 1;
            lists[b][0] = (struct epoch_run){1, HIGH};
            for (unsigned r = 0; b < liars && r < LINK_RUNS_MAX; r++)
                lists[b][r] = (struct epoch_run){1 + r * 500 + b * 3, 100 + r * 500 + b * 5};
        }
        const double start = now_us();
        for (unsigned p = 0; p < N; p++)
            assert_int_equal(link_cover(pointers, counts, BLOCKS, SOME, 1, HIGH, covered), 1);
        printf("    linking %u blocks, %u of them with 32 runs a node: %.0f us\n", BLOCKS, liars,
               now_us() - start);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_frame_of_votes_moves_all_agreements_through_three_rounds),
        TEST(one_frame_of_votes_completes_all_dispersals),
        TEST(zeros_are_put_into_all_that_are_left_in_one_step),
        TEST(no_step_has_more_effects_than_there_is_room_for),
        cmocka_unit_test(linking_among_many_is_measured),
    };
    printf("core large: %zu MiB a core\n", node_memory_size(&options) >> 20);
    return cmocka_run_group_tests_name("core large", tests, NULL, NULL);
}
