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

enum {
    CORRECT = 2 * BYZANTINE + 1,
    SELF = 0,
    OTHERS = CORRECT - 1, /* Correct ones, from 1 on; the Byzantine ones come after them. */
    ROUNDS_MAX = 4,
    ROUNDS = BYZANTINE == 1 ? ROUNDS_MAX : 2, /* Whose votes are told apart. */
};

/* Rounds from `first` on; a node that enters round `end` has left the search. */
struct limits {
    unsigned first;
    unsigned end;
};

/* A local state is what a node has said (and its input, and whether it is closed), which is what
 * its records hold. In a word: what was said in rounds 0 to 4 as in ba.c, of which only round 2
 * has CONF and a share, and of round 4 only the estimate matters. */
struct local {
    unsigned said[ROUNDS_MAX + 1];
    unsigned round;
    unsigned term_round; /* What TERM says there: 0, unless a bug gives it a meaning. */
    bool input, given, decided, decision, closed;
};

static inline uint32_t local_pack(const struct local *l)
{
    return l->said[0] | l->said[1] << 4 | l->said[2] << 8 | l->said[3] << 16 | l->said[4] << 20 |
           l->round << 22 | (uint32_t)l->input << 25 | (uint32_t)l->given << 26 |
           (uint32_t)l->decided << 27 | (uint32_t)l->decision << 28 | (uint32_t)l->closed << 29 |
           l->term_round << 30;
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
        .term_round = w >> 30,
    };
}

static inline unsigned said(const struct local *l, enum ba_type type, unsigned round)
{
    return l->said[round] >> 2 * (type - BA_BVAL) & BA_BOTH;
}

/* Of each message on which a node can act, which of the others have said it: OTHERS bits each. */
enum {
    BVAL = 0,                /* + 2 * round + value */
    AUX = BVAL + 2 * ROUNDS, /* + value */
    CONF = AUX + 2,          /* + set - 1 */
    TERM = CONF + 3,         /* + value */
    TERM_ROUND = TERM + 2,   /* + bit */
    SHARE = TERM_ROUND + 2,
    COIN = OTHERS * (SHARE + 1), /* Above them. 0: not tossed, 1 + value. */
};
static_assert(COIN + 2 <= 64, "all fit a word");

static inline unsigned said_by(uint64_t heard, unsigned message)
{
    return heard >> OTHERS * message & ((1u << OTHERS) - 1);
}

/* What a node has said on which one in `round` can act, as what the first of the others: votes of
 * that round, BVAL of earlier ones too. A closed one may have said more, but repeats only TERM. */
static inline uint64_t published(uint32_t w, unsigned round, struct limits limits, bool repeats)
{
    struct local l = local_unpack(w);
    uint64_t p = 0;
    if (l.decided)
        p = 1ull << OTHERS * (TERM + l.decision) |
            (uint64_t)(l.term_round & 1) << OTHERS * TERM_ROUND |
            (uint64_t)(l.term_round >> 1) << OTHERS * (TERM_ROUND + 1);
    if (l.closed && repeats)
        return p;
    for (unsigned r = limits.first; r <= round && r < limits.end; r++)
        for (unsigned v = 0; v < 2; v++)
            p |= (uint64_t)(said(&l, BA_BVAL, r) >> v & 1) << OTHERS * (BVAL + 2 * r + v);
    if (round >= limits.end)
        return p;
    if (said(&l, BA_AUX, round))
        p |= 1ull << OTHERS * (AUX + said(&l, BA_AUX, round) - 1);
    if (said(&l, BA_CONF, round))
        p |= 1ull << OTHERS * (CONF + said(&l, BA_CONF, round) - 1);
    if (said(&l, BA_SHARE, round))
        p |= 1ull << OTHERS * SHARE;
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
        ba_recall(
            b, &(struct ba_message){BA_TERM, (uint8_t)l.term_round, l.decision ? BA_ONE : BA_ZERO});
    b->started = l.given;
    b->closed = l.closed;
}

static inline uint32_t read_off(const struct ba *b, uint32_t before)
{
    struct local l = local_unpack(before);
    struct ba_message term = {.round = 0};
    unsigned first = 0;
    if (b->decided)
        ba_resend(b, &first, &term, 1);
    for (unsigned r = 0; r <= ROUNDS_MAX; r++)
        l.said[r] = b->sent[r];
    assert(b->round <= ROUNDS_MAX);
    l.round = b->round;
    l.given = b->started;
    l.decided = b->decided;
    l.decision = b->decision;
    l.closed = b->closed;
    l.term_round = term.round;
    struct local again = local_unpack(local_pack(&l));
    assert(memcmp(again.said, l.said, sizeof l.said) == 0 && again.term_round == term.round);
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
