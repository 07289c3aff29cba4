/* Every schedule of the binary agreement of three correct nodes and a Byzantine one, for all
 * inputs, given at any time, with restarts at any time: agreement, validity, no deadlock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/ba_states.h"

struct search {
    struct states all;
    struct limits limits;
    size_t from; /* The state whose moves are looked at. */
};

/* Two decisions, or a decision and another's estimate after the last round. */
static bool agreement(const struct state *s, struct limits limits)
{
    unsigned decisions = BA_NEITHER;
    for (unsigned i = 0; i < CORRECT; i++) {
        struct local l = local_unpack(s->node[i]);
        if (l.decided)
            decisions |= l.decision ? BA_ONE : BA_ZERO;
    }
    if (decisions == BA_BOTH)
        return false;
    for (unsigned i = 0; decisions && i < CORRECT; i++) {
        struct local l = local_unpack(s->node[i]);
        if (l.round == limits.end && said(&l, BA_BVAL, l.round) != decisions)
            return false;
    }
    return true;
}

static bool validity(const struct state *s)
{
    unsigned inputs = BA_NEITHER;
    for (unsigned i = 0; i < CORRECT; i++) {
        struct local l = local_unpack(s->node[i]);
        if (l.given)
            inputs |= l.input ? BA_ONE : BA_ZERO;
    }
    for (unsigned i = 0; i < CORRECT; i++) {
        struct local l = local_unpack(s->node[i]);
        if (l.decided && !(inputs & (l.decision ? BA_ONE : BA_ZERO)))
            return false;
    }
    return true;
}

/* The Byzantine node is silent from here, what it said to one node is forgotten, and a closed
 * node says only TERM: a node that is neither closed nor at the end can wait for something. */
static bool progress(const struct state *s, struct limits limits)
{
    bool waiting = false;
    for (unsigned i = 0; i < CORRECT; i++) {
        struct local l = local_unpack(s->node[i]);
        waiting |= !l.closed && l.round < limits.end;
    }
    for (unsigned i = 0; waiting && i < CORRECT; i++)
        waiting = quiet(s->node[i], others_said(s, i, true), limits);
    return !waiting;
}

static void found(void *context, const struct state *s)
{
    struct search *search = context;
    struct state to = *s;
    if (to.coin == 0 && share_out(&to)) { /* The scheduler sees it at once. */
        to.coin = 1;
        states_add(&search->all, to, search->from);
        to.coin = 2;
    }
    states_add(&search->all, to, search->from);
}

/* A node that begins in round `first`, with its input as the estimate. */
static uint32_t beginning(bool input, bool late, struct limits limits)
{
    struct local l = {.input = input, .given = !late, .round = limits.first};
    for (unsigned r = 0; r <= limits.first && !late; r++)
        l.said[r] = input ? BA_ONE : BA_ZERO;
    return local_pack(&l);
}

static void run(struct limits limits, bool late, unsigned capacity_log2)
{
    struct search search = {.all = states_new(capacity_log2), .limits = limits};
    for (unsigned ones = 0; ones <= CORRECT; ones++) {
        struct state s = {.coin = 0};
        for (unsigned i = 0; i < CORRECT; i++)
            s.node[i] = beginning(i < ones, late, limits);
        states_add(&search.all, s, search.all.count);
    }
    for (; search.from < search.all.count; search.from++) {
        struct state s = search.all.items[search.from];
        const char *broken = !agreement(&s, limits)  ? "agreement"
                             : !validity(&s)         ? "validity"
                             : !progress(&s, limits) ? "no deadlock"
                                                     : NULL;
        if (broken) {
            printf("broken: %s, after %zu states\n", broken, search.all.count);
            states_print(&search.all, search.from);
            fail();
        }
        state_moves(&s, limits, found, &search);
    }
    printf("rounds %u to %u: %zu states, %zu local ones\n", limits.first, limits.end - 1,
           search.all.count, table_used);
    states_free(&search.all);
    forget_moves();
}

static void rounds_0_and_1(void **state)
{
    (void)state;
    run((struct limits){0, 2}, true, 18);
}

static void rounds_1_and_2_with_any_estimates(void **state)
{
    (void)state;
    run((struct limits){1, 3}, false, 24);
}

/* Too much for a build with sanitizers. */
static void rounds_0_to_2(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    run((struct limits){0, 3}, false, 24);
}

static void rounds_0_to_2_with_late_inputs(void **state)
{
    (void)state;
    run((struct limits){0, 3}, true, 26);
}

/* With any argument the longest search instead: half a minute and 1.6 GB. */
int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_0_and_1),
        cmocka_unit_test(rounds_1_and_2_with_any_estimates),
        cmocka_unit_test(rounds_0_to_2),
    };
    const struct CMUnitTest longest[] = {cmocka_unit_test(rounds_0_to_2_with_late_inputs)};
    (void)argv;
    if (argc > 1)
        return cmocka_run_group_tests(longest, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
