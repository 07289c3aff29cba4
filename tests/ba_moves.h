/* All that can happen to one of three correct nodes (N=4, f=1) beside a Byzantine one that says
 * anything to anyone: the real machine of ba/ba.c, restored, given a choice of messages, and read
 * off again.
 *
 * A local state is what a node has said (and its input, and whether it is closed), which is what
 * its records hold. A move recalls a machine from that, delivers any choice of what the other two
 * have said and of what the Byzantine one may say, and ends in the next local state. So every
 * move begins with a restart that forgets all that was heard. This contains every schedule
 * without restarts: the messages that led to the next own message are delivered once more.
 *
 * What comes of it depends on a node's own state and on how many of the others said what, hence
 * it is kept in a table. */
#ifndef TESTS_BA_MOVES_H
#define TESTS_BA_MOVES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ba/ba.h"

enum { CORRECT = 3, SELF = 0, MOVES_MAX = 64, TABLE = 1 << 22 };

/* Rounds from `first` on; a node that enters round `end` has left the search. */
struct limits {
    unsigned first;
    unsigned end;
};

/* A local state in a word: what was said in rounds 0 to 3 as in ba.c, of which rounds 0 and 1 have
 * no CONF and no share and of round 3 only the estimate matters. */
struct local {
    unsigned said[4];
    unsigned round;
    bool input, given, decided, decision, closed;
};

static inline uint32_t local_pack(const struct local *l)
{
    return l->said[0] | l->said[1] << 4 | l->said[2] << 8 | l->said[3] << 16 | l->round << 18 |
           (uint32_t)l->input << 20 | (uint32_t)l->given << 21 | (uint32_t)l->decided << 22 |
           (uint32_t)l->decision << 23 | (uint32_t)l->closed << 24;
}

static inline struct local local_unpack(uint32_t w)
{
    return (struct local){
        .said = {w & 15, w >> 4 & 15, w >> 8 & 255, w >> 16 & 3},
        .round = w >> 18 & 3,
        .input = w >> 20 & 1,
        .given = w >> 21 & 1,
        .decided = w >> 22 & 1,
        .decision = w >> 23 & 1,
        .closed = w >> 24 & 1,
    };
}

static inline unsigned said(const struct local *l, enum ba_type type, unsigned round)
{
    return l->said[round] >> 2 * (type - BA_BVAL) & BA_BOTH;
}

/* Counts of messages, two bits each, so that the sum of two nodes' words is what both said. */
enum {
    COUNT_BVAL = 0,  /* + 2 * (2 * round + value) */
    COUNT_AUX = 12,  /* the same */
    COUNT_CONF = 24, /* + 2 * (set - 1) */
    COUNT_TERM = 30, /* + 2 * value */
    COUNT_SHARE = 34,
    COIN = 36,   /* 0: not tossed, 1 + value. */
    LOCAL = 38,  /* Above: the local state, for the key of the table. */
    SETTLED = 63 /* The key of a question for `quiet`. */
};

static inline unsigned count_of(uint64_t counts, unsigned at) { return counts >> at & 3; }

/* What a node has said. A closed one may have said more, but repeats only its TERM. */
static inline uint64_t published(uint32_t w, bool repeats)
{
    struct local l = local_unpack(w);
    uint64_t p = 0;
    if (l.decided)
        p |= 1ull << (COUNT_TERM + 2 * l.decision);
    if (l.closed && repeats)
        return p;
    for (unsigned r = 0; r < 3; r++)
        for (unsigned v = 0; v < 2; v++) {
            p |= (uint64_t)(said(&l, BA_BVAL, r) >> v & 1) << (COUNT_BVAL + 2 * (2 * r + v));
            p |= (uint64_t)(said(&l, BA_AUX, r) >> v & 1) << (COUNT_AUX + 2 * (2 * r + v));
        }
    if (said(&l, BA_CONF, 2))
        p |= 1ull << (COUNT_CONF + 2 * (said(&l, BA_CONF, 2) - 1));
    if (said(&l, BA_SHARE, 2))
        p |= 1ull << COUNT_SHARE;
    return p;
}

static inline void restore(struct ba *b, uint32_t w)
{
    struct local l = local_unpack(w);
    ba_init(b, quorum_of(4), SELF);
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
    for (unsigned r = 0; r < 4; r++)
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

/* `count` nodes say this, from sender `from` on; returns the next sender. */
static inline node_id deliver(struct ba *b, enum ba_type type, unsigned round, unsigned values,
                              unsigned count, node_id from)
{
    struct ba_effects out;
    for (; count > 0; count--, from++)
        ba_receive(b, from, &(struct ba_message){(uint8_t)type, (uint8_t)round, (uint8_t)values},
                   &out);
    return from;
}

/* All AUX or all CONF of the others, and `byzantine` of the Byzantine one if not BA_NEITHER. */
static inline void deliver_votes(struct ba *b, enum ba_type type, unsigned round, uint64_t counts,
                                 unsigned byzantine)
{
    node_id from = 1;
    for (unsigned set = BA_ZERO; set <= (type == BA_AUX ? BA_ONE : BA_BOTH); set++)
        from = deliver(b, type, round, set,
                       count_of(counts, type == BA_AUX ? COUNT_AUX + 2 * (2 * round + set - 1)
                                                       : COUNT_CONF + 2 * (set - 1)),
                       from);
    if (byzantine)
        deliver(b, type, round, byzantine, 1, CORRECT);
}

struct moves {
    uint64_t key;
    bool used, quiet;
    unsigned count;
    uint32_t *to;
};

static struct moves *table;
static size_t table_used;

static inline void add_move(struct moves *m, const struct ba *b, uint32_t from)
{
    static uint32_t found[MOVES_MAX];
    uint32_t w = read_off(b, from);
    if (m->count == 0)
        m->to = found; /* Until all are known. */
    for (unsigned i = 0; i < m->count; i++)
        if (m->to[i] == w)
            return;
    assert(m->count < MOVES_MAX);
    if (w != from)
        m->to[m->count++] = w;
}

/* Any number of BVAL(0) and of BVAL(1) of the own round, then AUX, or CONF, or neither: these
 * find the candidates as they are then. What the Byzantine one says is as good as one more. */
static inline void own_round_moves(struct moves *m, uint32_t w, uint64_t counts)
{
    struct ba b;
    struct local l = local_unpack(w);
    unsigned at = COUNT_BVAL + 4 * l.round;
    enum ba_type votes = l.round == 2 && said(&l, BA_CONF, 2) ? BA_CONF : BA_AUX;
    for (unsigned zeros = 0; zeros <= count_of(counts, at) + 1; zeros++)
        for (unsigned ones = 0; ones <= count_of(counts, at + 2) + 1; ones++)
            for (unsigned byzantine = 0; byzantine <= (votes == BA_AUX ? 3 : 4); byzantine++) {
                restore(&b, w);
                deliver(&b, BA_BVAL, l.round, BA_ZERO, zeros, 1);
                deliver(&b, BA_BVAL, l.round, BA_ONE, ones, 1);
                if (byzantine < (votes == BA_AUX ? 3 : 4))
                    deliver_votes(&b, votes, l.round, counts, byzantine);
                add_move(m, &b, w);
            }
}

static inline void find_moves(struct moves *m, uint32_t w, uint64_t counts, struct limits limits)
{
    struct ba b;
    struct ba_effects out;
    struct local l = local_unpack(w);
    if (l.closed)
        return;
    if (l.round < limits.end)
        own_round_moves(m, w, counts);
    for (unsigned i = 2 * limits.first; i < 2 * l.round; i++) {
        restore(&b, w);
        deliver(&b, BA_BVAL, i / 2, 1 + i % 2, count_of(counts, COUNT_BVAL + 2 * i) + 1, 1);
        add_move(m, &b, w);
    }
    for (unsigned v = 0; v < 2; v++)
        for (unsigned k = 1; k <= count_of(counts, COUNT_TERM + 2 * v) + 1; k++) {
            restore(&b, w);
            deliver(&b, BA_TERM, 0, 1 + v, k, 1);
            add_move(m, &b, w);
        }
    if (l.round == 2 && l.round < limits.end && count_of(counts, COIN)) {
        restore(&b, w); /* The Byzantine one's share and the own make f+1. */
        ba_coin(&b, 2, count_of(counts, COIN) == 2, &out);
        add_move(m, &b, w);
    }
    restore(&b, w);
    ba_propose(&b, l.input, &out);
    add_move(m, &b, w);
}

/* Whether nothing happens once all that correct nodes say is here, and their input. */
static inline bool find_quiet(uint32_t w, uint64_t counts, struct limits limits)
{
    struct ba b;
    struct ba_effects out;
    struct local l = local_unpack(w);
    restore(&b, w);
    ba_propose(&b, l.input, &out);
    for (unsigned i = 2 * limits.first; i < 2 * limits.end; i++)
        deliver(&b, BA_BVAL, i / 2, 1 + i % 2, count_of(counts, COUNT_BVAL + 2 * i), 1);
    for (unsigned v = 0; v < 2; v++)
        deliver(&b, BA_TERM, 0, 1 + v, count_of(counts, COUNT_TERM + 2 * v), 1);
    if (l.round < limits.end)
        deliver_votes(&b, BA_AUX, l.round, counts, BA_NEITHER);
    if (l.round == 2 && l.round < limits.end) {
        deliver_votes(&b, BA_CONF, 2, counts, BA_NEITHER);
        if (said(&l, BA_SHARE, 2) && count_of(counts, COUNT_SHARE) && count_of(counts, COIN))
            ba_coin(&b, 2, count_of(counts, COIN) == 2, &out);
    }
    return read_off(&b, w) == w;
}

/* Of `counts`, what a node in `round` can act on. */
static inline uint64_t relevant(uint64_t counts, unsigned round)
{
    uint64_t mask = 15ull << COUNT_TERM;
    mask |= ((1ull << 4 * (round + 1)) - 1) & ((1ull << COUNT_AUX) - 1);
    if (round < 3)
        mask |= 15ull << (COUNT_AUX + 4 * round);
    if (round == 2)
        mask |= 63ull << COUNT_CONF | 3ull << COUNT_SHARE | 3ull << COIN;
    return counts & mask;
}

static inline uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9u;
    return x ^ x >> 32;
}

static inline struct moves *entry_of(uint64_t key)
{
    if (!table)
        table = calloc(TABLE, sizeof *table);
    uint64_t i = mix(key) % TABLE;
    while (table[i].used && table[i].key != key)
        i = (i + 1) % TABLE;
    assert(table[i].used || table_used++ < TABLE / 2);
    return &table[i];
}

/* What node `w` can do next, the others having said `counts`. */
static inline const struct moves *moves_of(uint32_t w, uint64_t counts, struct limits limits)
{
    counts = relevant(counts, local_unpack(w).round);
    uint64_t key = (uint64_t)w << LOCAL | counts;
    struct moves *m = entry_of(key);
    if (!m->used) {
        *m = (struct moves){.key = key, .used = true};
        find_moves(m, w, counts, limits);
        if (m->count)
            m->to = memcpy(malloc(m->count * sizeof *m->to), m->to, m->count * sizeof *m->to);
    }
    return m;
}

static inline bool quiet(uint32_t w, uint64_t counts, struct limits limits)
{
    counts = relevant(counts, local_unpack(w).round);
    uint64_t key = (uint64_t)w << LOCAL | counts | 1ull << SETTLED;
    struct moves *m = entry_of(key);
    if (!m->used)
        *m = (struct moves){.key = key, .used = true, .quiet = find_quiet(w, counts, limits)};
    return m->quiet;
}

static inline void forget_moves(void)
{
    for (size_t i = 0; table && i < TABLE; i++)
        if (table[i].count)
            free(table[i].to);
    free(table);
    table = NULL;
    table_used = 0;
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
