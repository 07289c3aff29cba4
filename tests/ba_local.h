/* What one correct node has said, as a word, and the real machine of ba/ba.c restored from it and
 * read off again. N = 3f+1, of which BYZANTINE = f nodes say anything to anyone: 1 unless the test
 * says 2 before it includes this. */
#ifndef TESTS_BA_LOCAL_H
#define TESTS_BA_LOCAL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ba/ba.h"

#ifndef BYZANTINE
#define BYZANTINE 1
#endif

enum { CORRECT = 2 * BYZANTINE + 1, SELF = 0, ROUNDS = 4 };

/* Rounds from `first` on; a node that enters round `end` has left the search. */
struct limits {
    unsigned first;
    unsigned end;
};

/* A local state is what a node has said (and its input, and whether it is closed), which is what
 * its records hold. In a word: what was said in rounds 0 to 4 as in ba.c, of which only round 2
 * has CONF and a share, and of round 4 only the estimate matters. */
struct local {
    unsigned said[ROUNDS + 1];
    unsigned round;
    bool input, given, decided, decision, closed;
};

static inline uint32_t local_pack(const struct local *l)
{
    return l->said[0] | l->said[1] << 4 | l->said[2] << 8 | l->said[3] << 16 | l->said[4] << 20 |
           l->round << 22 | (uint32_t)l->input << 25 | (uint32_t)l->given << 26 |
           (uint32_t)l->decided << 27 | (uint32_t)l->decision << 28 | (uint32_t)l->closed << 29;
}

static inline struct local local_unpack(uint32_t w)
{
    return (struct local){
        .said = {w & 15, w >> 4 & 15, w >> 8 & 255, w >> 16 & 15, w >> 20 & 3},
        .round = w >> 22 & 7,
        .input = w >> 25 & 1,
        .given = w >> 26 & 1,
        .decided = w >> 27 & 1,
        .decision = w >> 28 & 1,
        .closed = w >> 29 & 1,
    };
}

static inline unsigned said(const struct local *l, enum ba_type type, unsigned round)
{
    return l->said[round] >> 2 * (type - BA_BVAL) & BA_BOTH;
}

/* Of the messages on which a node can act, how many nodes have said each: counts of three bits, so
 * that the sum of four nodes' words is what all of them said. */
enum {
    COUNT_BITS = 3,
    COUNT_BVAL = 0,                                   /* + COUNT_BITS * (2 * round + value) */
    COUNT_AUX = COUNT_BVAL + COUNT_BITS * 2 * ROUNDS, /* + COUNT_BITS * value */
    COUNT_CONF = COUNT_AUX + COUNT_BITS * 2,          /* + COUNT_BITS * (set - 1) */
    COUNT_TERM = COUNT_CONF + COUNT_BITS * 3,         /* + COUNT_BITS * value */
    COUNT_SHARE = COUNT_TERM + COUNT_BITS * 2,
    COIN = COUNT_SHARE + COUNT_BITS, /* 0: not tossed, 1 + value. */
};

static inline unsigned count_of(uint64_t counts, unsigned first, unsigned i)
{
    return counts >> (first + COUNT_BITS * i) & 7;
}

static inline uint64_t count_one(unsigned first, unsigned i)
{
    return 1ull << (first + COUNT_BITS * i);
}

/* What a node has said on which one in `round` can act: votes of that round, BVAL of the earlier
 * ones too. A closed one may have said more, but repeats only its TERM. */
static inline uint64_t published(uint32_t w, unsigned round, struct limits limits, bool repeats)
{
    struct local l = local_unpack(w);
    uint64_t p = l.decided ? count_one(COUNT_TERM, l.decision) : 0;
    if (l.closed && repeats)
        return p;
    for (unsigned r = limits.first; r <= round && r < limits.end; r++)
        for (unsigned v = 0; v < 2; v++)
            if (said(&l, BA_BVAL, r) >> v & 1)
                p |= count_one(COUNT_BVAL, 2 * r + v);
    if (round >= limits.end)
        return p;
    if (said(&l, BA_AUX, round))
        p |= count_one(COUNT_AUX, said(&l, BA_AUX, round) - 1);
    if (said(&l, BA_CONF, round))
        p |= count_one(COUNT_CONF, said(&l, BA_CONF, round) - 1);
    if (said(&l, BA_SHARE, round))
        p |= count_one(COUNT_SHARE, 0);
    return p;
}

static inline void restore(struct ba *b, uint32_t w)
{
    struct local l = local_unpack(w);
    ba_init(b, quorum_of(CORRECT + BYZANTINE), SELF);
    for (unsigned r = 0; r <= l.round; r++) {
        for (unsigned v = BA_ZERO; v <= BA_ONE; v++)
            if (said(&l, BA_BVAL, r) & v)
                ba_recall(b, &(struct ba_message){BA_BVAL, (uint8_t)r, (uint8_t)v});
        for (enum ba_type type = BA_AUX; type <= BA_SHARE; type++)
            if (said(&l, type, r))
                ba_recall(
                    b, &(struct ba_message){(uint8_t)type, (uint8_t)r, (uint8_t)said(&l, type, r)});
    }
    if (l.decided)
        ba_recall(b, &(struct ba_message){BA_TERM, 0, l.decision ? BA_ONE : BA_ZERO});
    b->started = l.given;
    b->closed = l.closed;
}

static inline uint32_t read_off(const struct ba *b, uint32_t before)
{
    struct local l = local_unpack(before);
    for (unsigned r = 0; r <= ROUNDS; r++)
        l.said[r] = b->sent[r];
    l.round = b->round;
    l.given = b->started;
    l.decided = b->decided;
    l.decision = b->decision;
    l.closed = b->closed;
    struct local again = local_unpack(local_pack(&l));
    assert(memcmp(again.said, l.said, sizeof l.said) == 0 && again.round == b->round);
    return local_pack(&l);
}

static inline void local_print(uint32_t w)
{
    static const char *sets[] = {"-", "0", "1", "01"};
    struct local l = local_unpack(w);
    printf("  input %d%s round %u:", l.input, l.given ? "" : " (to come)", l.round);
    for (unsigned r = 0; r <= l.round; r++)
        printf(" [bval %s aux %s conf %s share %s]", sets[said(&l, BA_BVAL, r)],
               sets[said(&l, BA_AUX, r)], sets[said(&l, BA_CONF, r)], sets[said(&l, BA_SHARE, r)]);
    printf("%s%s\n", l.decided ? l.decision ? " TERM 1" : " TERM 0" : "",
           l.closed ? " closed" : "");
}

#endif
