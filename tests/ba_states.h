/* States of the correct nodes together, and what can come after them. The nodes are alike,
 * so that they are kept sorted. */
#ifndef TESTS_BA_STATES_H
#define TESTS_BA_STATES_H

#include "tests/ba_moves.h"

struct state {
    uint32_t node[CORRECT];
    uint32_t coin; /* 0: not tossed, 1 + value. */
};

/* All states found, in the order of finding, which is that of a breadth-first search. */
struct states {
    struct state *items;
    uint32_t *parents;
    uint32_t *places; /* A hash table of 1 + position in items. */
    size_t count;
    size_t capacity; /* Places, a power of two; three in four are for use. */
};

static inline struct states states_new(unsigned capacity_log2)
{
    size_t capacity = (size_t)1 << capacity_log2;
    return (struct states){
        .items = malloc(capacity / 4 * 3 * sizeof(struct state)),
        .parents = malloc(capacity / 4 * 3 * sizeof(uint32_t)),
        .places = calloc(capacity, sizeof(uint32_t)),
        .capacity = capacity,
    };
}

static inline void states_free(struct states *s)
{
    free(s->items);
    free(s->parents);
    free(s->places);
}

static inline void state_sort(struct state *s)
{
    for (unsigned i = 1; i < CORRECT; i++)
        for (unsigned j = i; j > 0 && s->node[j] < s->node[j - 1]; j--) {
            uint32_t swap = s->node[j];
            s->node[j] = s->node[j - 1];
            s->node[j - 1] = swap;
        }
}

/* Where a sorted state is, or where its place is free. */
static inline uint32_t *states_find(const struct states *all, const struct state *s)
{
    uint64_t hash = s->coin;
    for (unsigned i = 0; i < CORRECT; i++)
        hash = mix(hash ^ (uint64_t)s->node[i] << 2);
    size_t i = hash % all->capacity;
    while (all->places[i] && memcmp(&all->items[all->places[i] - 1], s, sizeof *s) != 0)
        i = (i + 1) % all->capacity;
    return &all->places[i];
}

static inline void states_add(struct states *all, struct state s, size_t parent)
{
    state_sort(&s);
    uint32_t *place = states_find(all, &s);
    if (*place)
        return;
    assert(all->count < all->capacity / 4 * 3);
    all->items[all->count] = s;
    all->parents[all->count] = (uint32_t)parent;
    *place = (uint32_t)++all->count;
}

/* What the nodes other than `i` have said on which it can act, with the coin. They are alike, too,
 * and sorted. */
static inline uint64_t others_said(const struct state *s, unsigned i, struct limits limits,
                                   bool repeats)
{
    unsigned round = local_unpack(s->node[i]).round;
    uint64_t said[OTHERS];
    unsigned count = 0;
    for (unsigned j = 0; j < CORRECT; j++) {
        if (j == i)
            continue;
        uint64_t p = published(s->node[j], round, limits, repeats);
        unsigned at = count++;
        for (; at > 0 && said[at - 1] < p; at--)
            said[at] = said[at - 1];
        said[at] = p;
    }
    uint64_t heard = round == 2 && round < limits.end ? (uint64_t)s->coin << COIN : 0;
    for (unsigned k = 0; k < OTHERS; k++)
        heard |= said[k] << k;
    return heard;
}

/* Calls `next` with each state, unsorted, that one move of one node leads to from a sorted one. */
static inline void state_moves(const struct state *s, struct limits limits,
                               void (*next)(void *context, const struct state *s), void *context)
{
    for (unsigned i = 0; i < CORRECT; i++) {
        if (i > 0 && s->node[i] == s->node[i - 1])
            continue;
        const struct moves *m = moves_of(s->node[i], others_said(s, i, limits, false), limits);
        for (unsigned k = 0; k < m->count; k++) {
            struct state to = *s;
            to.node[i] = m->to[k];
            next(context, &to);
        }
    }
}

static inline bool share_out(const struct state *s)
{
    for (unsigned i = 0; i < CORRECT; i++) {
        struct local l = local_unpack(s->node[i]);
        if (said(&l, BA_SHARE, 2))
            return true;
    }
    return false;
}

/* How the search came to a state, last state first. */
static inline void states_print(const struct states *all, size_t i)
{
    for (size_t before;; i = before) {
        printf("state %zu, coin %d\n", i, (int)all->items[i].coin - 1);
        for (unsigned k = 0; k < CORRECT; k++)
            local_print(all->items[i].node[k]);
        before = all->parents[i];
        if (before == i)
            return;
    }
}

#endif
