/* A breadth-first search of all that correct nodes and a scheduler can do: agreement, validity, no
 * deadlock in every state. */
#ifndef TESTS_BA_SEARCH_H
#define TESTS_BA_SEARCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/ba_states.h"

struct search {
    struct states all;
    struct limits limits;
    size_t from; /* The state whose moves are looked at. */
    bool full;   /* Some had no place. */
};

/* Two decisions, or a decision and another's estimate after the last round. */
static inline bool agreement(const struct state *s, struct limits limits)
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

static inline bool validity(const struct state *s)
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

/* The Byzantine nodes are silent from here, what they said to one node is forgotten, and a closed
 * node says only TERM: a node that is undecided and not at the end can wait for something, and so
 * can one that is not closed when all have decided. */
static inline bool progress(const struct state *s, struct limits limits)
{
    bool undecided = false, waiting = false, open = false;
    for (unsigned i = 0; i < CORRECT; i++) {
        struct local l = local_unpack(s->node[i]);
        undecided |= !l.decided;
        waiting |= !l.decided && l.round < limits.end;
        open |= !l.closed && l.round < limits.end;
    }
    bool stands = undecided ? waiting : open;
    for (unsigned i = 0; stands && i < CORRECT; i++)
        stands = quiet(s->node[i], others_said(s, i, limits, true), limits);
    return !stands;
}

static inline void found(void *context, const struct state *s)
{
    struct search *search = context;
    struct state to = *s;
    search->full |= search->all.count + 2 > search->all.capacity / 4 * 3;
    if (search->full)
        return;
    if (to.coin == 0 && share_out(&to)) { /* The scheduler sees it at once. */
        to.coin = 1;
        states_add(&search->all, to, search->from);
        to.coin = 2;
    }
    states_add(&search->all, to, search->from);
}

/* A node that begins in round `first`, with its input as the estimate. */
static inline uint32_t beginning(bool input, bool late, struct limits limits)
{
    struct local l = {.input = input, .given = !late, .round = limits.first};
    for (unsigned r = 0; r <= limits.first && !late; r++)
        l.said[r] = input ? BA_ONE : BA_ZERO;
    return local_pack(&l);
}

/* Looks at every state that comes of nodes that begin with their inputs, or with none if `late`.
 * Without `exhaust` there may be more than have a place: the first ones then. */
static inline void run(struct limits limits, bool late, unsigned capacity_log2, bool exhaust)
{
    struct search search = {.all = states_new(capacity_log2), .limits = limits};
    assert(limits.end <= ROUNDS);
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
        if (!search.full)
            state_moves(&s, limits, found, &search);
    }
    printf("rounds %u to %u: %zu states%s, %zu local ones\n", limits.first, limits.end - 1,
           search.all.count, search.full ? ", not exhausted" : "", table_used);
    assert_true(!exhaust || !search.full);
    states_free(&search.all);
    forget_moves();
}

#endif
