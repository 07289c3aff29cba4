/* Random schedules of whole clusters: every vote is delivered once, in any order, to servers that
 * keep what they heard; now and then one restarts or forgets a peer, whose votes come again. The
 * Byzantine nodes vote at random, also twice. When all is delivered: one complete, all complete. */
#include "vid/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { NODES = 16, ROOTS = 3, STEPS = 400 };

static const struct hash roots[ROOTS] = {{{'a'}}, {{'b'}}, {{'c'}}};
static struct quorum quorum;
static unsigned correct; /* Nodes 0 to correct - 1; the others are Byzantine. */
static struct vid_server servers[NODES];
static struct vid_pool pools[NODES];
static struct vid_tally tallies[NODES][ROOTS];
static bool pending[NODES][NODES][3]; /* Receiver, sender, enum vid_vote - 1. */
static uint64_t seed;

static unsigned below(unsigned limit) /* splitmix64 */
{
    uint64_t x = seed += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return (unsigned)((x ^ x >> 31) % limit);
}

static bool has_cast(const struct vid_server *s, enum vid_vote vote)
{
    return vote == VID_GOT ? s->sent_got : vote == VID_READY ? s->sent_ready : s->complete;
}

static const struct hash *root_of(const struct vid_server *s, enum vid_vote vote)
{
    return vote == VID_GOT ? &s->got_root : vote == VID_READY ? &s->ready_root : &s->root;
}

static void send_vote(unsigned from, unsigned to, enum vid_vote vote)
{
    if (from != to && has_cast(&servers[from], vote))
        pending[to][from][vote - 1] = true;
}

static void send_all(unsigned from, enum vid_vote vote)
{
    for (unsigned to = 0; to < correct; to++)
        send_vote(from, to, vote);
}

static void apply(unsigned at, const struct vid_server_effects *e)
{
    assert_true(!e->send_ready || servers[at].sent_ready);
    assert_true(!e->completed || servers[at].complete);
    if (e->send_ready)
        send_all(at, VID_READY);
    if (!e->completed)
        return;
    unsigned holders = 0;
    for (unsigned i = 0; i < correct; i++) {
        if (servers[i].complete)
            assert_true(hash_equal(&servers[i].root, &servers[at].root));
        holders += servers[i].sent_got && hash_equal(&servers[i].got_root, &servers[at].root);
    }
    assert_true(holders >= quorum_data(quorum));
    assert_int_equal(pools[at].used, 0);
}

static enum fault hear(unsigned to, unsigned from, enum vid_vote vote, const struct hash *root)
{
    struct vid_server_effects e;
    vid_server_receive(&servers[to], &pools[to], quorum, (node_id)to, (node_id)from, vote, root,
                       &e);
    apply(to, &e);
    return e.fault;
}

static void take_chunk(unsigned at, const struct hash *root)
{
    struct vid_server_effects e;
    if (servers[at].sent_got)
        return;
    vid_server_got(&servers[at], &pools[at], quorum, (node_id)at, root, &e);
    send_all(at, VID_GOT);
    apply(at, &e);
}

static void restart(unsigned at)
{
    const struct vid_server before = servers[at];
    vid_server_release(&servers[at], &pools[at]);
    assert_int_equal(pools[at].used, 0);
    vid_server_init(&servers[at]);
    for (enum vid_vote vote = VID_GOT; vote <= VID_COMPLETE; vote++) {
        if (has_cast(&before, vote))
            vid_server_recall(&servers[at], &pools[at], (node_id)at, vote, root_of(&before, vote));
        for (unsigned from = 0; from < correct; from++)
            send_vote(from, at, vote);
    }
}

static void forget(unsigned at, unsigned from)
{
    if (at == from)
        return;
    vid_server_forget(&servers[at], &pools[at], (node_id)from);
    for (enum vid_vote vote = VID_GOT; vote <= VID_COMPLETE; vote++)
        send_vote(from, at, vote);
}

/* Delivers one pending vote, chosen at random; false when there is none. */
static bool deliver(void)
{
    unsigned total = correct * correct * 3;
    unsigned start = below(total);
    for (unsigned i = 0; i < total; i++) {
        unsigned at = (start + i) % total;
        unsigned to = at / 3 / correct, from = at / 3 % correct;
        enum vid_vote vote = (enum vid_vote)(VID_GOT + at % 3);
        if (!pending[to][from][vote - 1])
            continue;
        pending[to][from][vote - 1] = false;
        assert_int_equal(hear(to, from, vote, root_of(&servers[from], vote)), FAULT_NONE);
        return true;
    }
    return false;
}

/* `lies`: of how many roots the proposer gives chunks. */
static void step(unsigned lies)
{
    unsigned at = below(correct), other = below(correct);
    enum vid_vote vote = (enum vid_vote)(VID_GOT + below(3));
    switch (below(16)) {
    case 0: take_chunk(at, &roots[below(lies)]); break;
    case 1:
    case 2:
        if (quorum.f)
            hear(at, correct + below(quorum.f), vote, &roots[below(ROOTS)]);
        break;
    case 3:
        if (below(10) == 0)
            restart(at);
        break;
    case 4:
        if (below(10) == 0)
            forget(at, other);
        break;
    case 5: /* To one that is behind. */ send_vote(other, at, VID_COMPLETE); break;
    default: deliver();
    }
}

static unsigned run(unsigned n, unsigned lies, unsigned number)
{
    seed = (uint64_t)number << 32;
    quorum = quorum_of(n);
    correct = n - quorum.f;
    memset(pending, 0, sizeof pending);
    for (unsigned i = 0; i < correct; i++) {
        vid_server_init(&servers[i]);
        vid_pool_init(&pools[i], tallies[i], ROOTS);
    }
    for (unsigned i = below(STEPS); i > 0; i--)
        step(lies);
    for (unsigned i = 0; lies == 1 && i < correct; i++)
        take_chunk(i, &roots[0]);
    while (deliver())
        continue;
    unsigned completed = 0;
    for (unsigned i = 0; i < correct; i++) {
        completed += servers[i].complete;
        vid_server_release(&servers[i], &pools[i]);
        assert_int_equal(pools[i].used, 0);
    }
    assert_true(completed == 0 || completed == correct);
    return completed;
}

static const unsigned counts[] = {1, 2, 3, 4, 5, 7, 10, 16};
enum { COUNTS = sizeof counts / sizeof *counts, RUNS = 2000 };

static void any_proposers_dispersal_completes_everywhere_or_nowhere(void **state)
{
    (void)state;
    for (unsigned c = 0; c < COUNTS; c++) {
        unsigned ended[2] = {0};
        for (unsigned r = 0; r < RUNS; r++)
            ended[run(counts[c], 2, r) > 0]++;
        assert_true(ended[1] > 0); /* Both do happen. */
        assert_true(ended[0] > 0);
    }
}

static void a_correct_proposers_dispersal_completes(void **state)
{
    (void)state;
    for (unsigned c = 0; c < COUNTS; c++)
        for (unsigned r = 0; r < RUNS; r++) {
            unsigned completed = run(counts[c], 1, r);
            assert_int_equal(completed, correct);
            assert_true(hash_equal(&servers[0].root, &roots[0]));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_proposers_dispersal_completes_everywhere_or_nowhere),
        cmocka_unit_test(a_correct_proposers_dispersal_completes),
    };
    return cmocka_run_group_tests_name("server schedules", tests, NULL, NULL);
}
