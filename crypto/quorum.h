/* How many nodes there are, how many may be faulty, and sets of nodes. */
#ifndef CRYPTO_QUORUM_H
#define CRYPTO_QUORUM_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum { NODES_MAX = 128 };
static_assert(NODES_MAX <= 255, "the erasure code works in GF(2^8)");
static_assert(NODES_MAX % 64 == 0, "a nodeset is a whole number of words");

typedef uint16_t node_id;

struct quorum {
    uint16_t n; /* Nodes in the cluster. */
    uint16_t f; /* Faulty nodes tolerated: the largest f with n >= 3f + 1. */
};

/* n is 1 to NODES_MAX. */
static inline struct quorum quorum_of(unsigned n)
{
    assert(n >= 1 && n <= NODES_MAX);
    return (struct quorum){(uint16_t)n, (uint16_t)((n - 1) / 3)};
}
/* Among this many nodes, at least one is correct. */
static inline unsigned quorum_some(struct quorum q) { return q.f + 1u; }
/* Among this many nodes, f+1 are correct: more than are faulty. */
static inline unsigned quorum_most(struct quorum q) { return 2u * q.f + 1u; }
/* As many nodes as one may wait for. */
static inline unsigned quorum_all(struct quorum q) { return (unsigned)q.n - q.f; }
/* Correct nodes in any quorum_all(): the chunks that must suffice to decode. */
static inline unsigned quorum_data(struct quorum q) { return (unsigned)q.n - 2u * q.f; }

struct nodeset {
    uint64_t words[NODES_MAX / 64];
};

static inline bool nodeset_has(const struct nodeset *s, unsigned id)
{
    assert(id < NODES_MAX);
    return s->words[id / 64] >> (id % 64) & 1;
}
/* Adds `id`; false when it was there already. */
static inline bool nodeset_add(struct nodeset *s, unsigned id)
{
    if (nodeset_has(s, id))
        return false;
    s->words[id / 64] |= 1ull << (id % 64);
    return true;
}
static inline void nodeset_remove(struct nodeset *s, unsigned id)
{
    assert(id < NODES_MAX);
    s->words[id / 64] &= ~(1ull << (id % 64));
}
/* Inline: the builtin is a call where the processor's instruction is not to be relied on. */
static inline unsigned word_count(uint64_t w)
{
    w -= w >> 1 & 0x5555555555555555;
    w = (w & 0x3333333333333333) + (w >> 2 & 0x3333333333333333);
    w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (unsigned)(w * 0x0101010101010101 >> 56);
}
static inline unsigned nodeset_count(const struct nodeset *s)
{
    unsigned count = 0;
    for (unsigned i = 0; i < NODES_MAX / 64; i++)
        count += word_count(s->words[i]);
    return count;
}
/* Those of `s` that are not of `others`. */
static inline struct nodeset nodeset_without(const struct nodeset *s, const struct nodeset *others)
{
    struct nodeset rest;
    for (unsigned w = 0; w < NODES_MAX / 64; w++)
        rest.words[w] = s->words[w] & ~others->words[w];
    return rest;
}
static inline bool nodeset_empty(const struct nodeset *s)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < NODES_MAX / 64; i++)
        any |= s->words[i];
    return any == 0;
}
/* The least member >= `from`, or NODES_MAX: for (i = nodeset_next(s, 0); i < NODES_MAX;
 * i = nodeset_next(s, i + 1)). */
unsigned nodeset_next(const struct nodeset *s, unsigned from);
/* The set of all ids below n. */
struct nodeset nodeset_full(unsigned n);

#endif
