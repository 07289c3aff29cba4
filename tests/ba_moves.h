/* All that can happen to one of the correct nodes beside Byzantine ones that say anything to
 * anyone: the real machine, restored, given a choice of messages, and read off again.
 *
 * A move recalls a machine from its local state, delivers any choice of what the other correct
 * nodes have said and of what the Byzantine ones may say, and ends in the next local state. So
 * every move begins with a restart that forgets all that was heard. This contains every schedule
 * without restarts: the messages that led to the next own message are delivered once more.
 *
 * What comes of it depends on a node's own state and on which of the others said what together,
 * hence it is kept in a table. */
#ifndef TESTS_BA_MOVES_H
#define TESTS_BA_MOVES_H

#include "tests/ba_local.h"

enum { MOVES_MAX = 64, TABLE = 1 << 22 };

/* Sets of senders: bit k is node 1 + k. */
enum { LIARS = ((1 << BYZANTINE) - 1) << OTHERS };

static inline void deliver(struct ba *b, enum ba_type type, unsigned round, unsigned values,
                           unsigned senders)
{
    struct ba_message m = {(uint8_t)type, (uint8_t)round, (uint8_t)values};
    struct ba_effects out;
    for (node_id from = 1; senders; senders >>= 1, from++)
        if (senders & 1)
            ba_receive(b, from, &m, &out);
}

/* `count` of the senders of a message or fewer: Byzantine ones say it too, and `last` come last. */
static inline unsigned some_of(unsigned senders, unsigned last, unsigned count)
{
    unsigned order[] = {senders & ~last, LIARS, senders & last};
    unsigned chosen = 0;
    for (unsigned i = 0; i < 3; i++)
        for (; order[i] && count; order[i] &= order[i] - 1, count--)
            chosen |= order[i] & (0 - order[i]);
    return chosen;
}

static inline unsigned size_of(unsigned senders)
{
    unsigned size = 0;
    for (; senders; senders &= senders - 1)
        size++;
    return size;
}

static inline void deliver_terms(struct ba *b, uint64_t heard, unsigned senders)
{
    for (unsigned v = 0; v < 2; v++)
        for (unsigned k = 0; k < OTHERS; k++)
            if (said_by(heard, TERM + v) & senders & 1u << k)
                deliver(b, BA_TERM,
                        (said_by(heard, TERM_ROUND) >> k & 1) |
                            (said_by(heard, TERM_ROUND + 1) >> k & 1) << 1,
                        1 + v, 1u << k);
}

static inline unsigned kinds(enum ba_type type) { return type == BA_AUX ? 3 : 4; }

/* All AUX or all CONF of the others, and those of the Byzantine ones: `lies` has a digit for each
 * of them, base kinds(type), BA_NEITHER when it is silent. */
static inline void deliver_votes(struct ba *b, enum ba_type type, unsigned round, uint64_t heard,
                                 unsigned lies)
{
    for (unsigned set = BA_ZERO; set < kinds(type); set++)
        deliver(b, type, round, set, said_by(heard, (type == BA_AUX ? AUX : CONF) + set - 1));
    for (unsigned liar = 1u << OTHERS; lies; lies /= kinds(type), liar <<= 1)
        if (lies % kinds(type))
            deliver(b, type, round, lies % kinds(type), liar);
}

/* The moves of a node, or with `settled` whether it has none that others could still bring it. */
struct moves {
    uint64_t heard;
    uint32_t node;
    bool used, settled, quiet;
    uint8_t count;
    uint32_t *to;
};

static struct moves *table;
static size_t table_used;

static inline void add_move(struct moves *m, const struct ba *b)
{
    uint32_t w = read_off(b, m->node);
    for (unsigned i = 0; i < m->count; i++)
        if (m->to[i] == w)
            return;
    assert(m->count < MOVES_MAX);
    if (w != m->node)
        m->to[m->count++] = w;
}

/* Without the rounds that no machine gets to here. */
static inline void copy(struct ba *to, const struct ba *from)
{
    memcpy(to, from,
           offsetof(struct ba, bval) + (ROUNDS_MAX + 1 + BA_ROUND_AHEAD) * sizeof from->bval[0]);
}

/* Any number of BVAL(0) and of BVAL(1) of the own round, then AUX, or CONF, or neither: these
 * find the candidates as they are then. What a Byzantine node says is as good as one more. `start`
 * has heard TERM of `terms`: their BVAL come last, as they add the least where TERM is a vote. */
static inline void own_round_moves(struct moves *m, const struct ba *start, unsigned terms)
{
    struct ba with_zeros, with_both, b;
    struct local l = local_unpack(m->node);
    enum ba_type votes = l.round == 2 && said(&l, BA_CONF, 2) ? BA_CONF : BA_AUX;
    unsigned all_lies = kinds(votes) * (BYZANTINE == 2 ? kinds(votes) : 1);
    unsigned zero = said_by(m->heard, BVAL + 2 * l.round);
    unsigned one = said_by(m->heard, BVAL + 2 * l.round + 1);
    for (unsigned zeros = 0; zeros <= size_of(zero) + BYZANTINE; zeros++) {
        copy(&with_zeros, start);
        deliver(&with_zeros, BA_BVAL, l.round, BA_ZERO, some_of(zero, terms, zeros));
        for (unsigned ones = 0; ones <= size_of(one) + BYZANTINE; ones++) {
            copy(&with_both, &with_zeros);
            deliver(&with_both, BA_BVAL, l.round, BA_ONE, some_of(one, terms, ones));
            add_move(m, &with_both);
            for (unsigned lies = 0; lies < all_lies; lies++) {
                copy(&b, &with_both);
                deliver_votes(&b, votes, l.round, m->heard, lies);
                add_move(m, &b);
            }
        }
    }
}

/* Votes of the own round and BVAL of those before it, after too few TERM to decide by: TERM is no
 * vote and changes nothing here, unless a bug makes it one. */
static inline void vote_moves(struct moves *m, const struct ba *restored, unsigned terms,
                              struct limits limits)
{
    struct ba start, b;
    struct local l = local_unpack(m->node);
    copy(&start, restored);
    deliver_terms(&start, m->heard, terms);
    if (l.round < limits.end)
        own_round_moves(m, &start, terms);
    for (unsigned i = 2 * limits.first; i < 2 * l.round && i < 2 * limits.end; i++) {
        copy(&b, &start);
        deliver(&b, BA_BVAL, i / 2, 1 + i % 2, said_by(m->heard, BVAL + i) | LIARS);
        add_move(m, &b);
    }
}

static inline void find_moves(struct moves *m, struct limits limits)
{
    struct ba restored, b;
    struct ba_effects out;
    struct local l = local_unpack(m->node);
    if (l.closed)
        return;
    restore(&restored, m->node);
    unsigned terms = said_by(m->heard, TERM) | said_by(m->heard, TERM + 1);
    for (unsigned some = terms;; some = (some - 1) & terms) {
        if (size_of(some) <= BYZANTINE)
            vote_moves(m, &restored, some, limits);
        if (!some)
            break;
    }
    for (unsigned v = 0; v < 2; v++)
        for (unsigned k = 1; k <= size_of(said_by(m->heard, TERM + v)) + BYZANTINE; k++) {
            copy(&b, &restored);
            unsigned senders = some_of(said_by(m->heard, TERM + v), 0, k);
            deliver_terms(&b, m->heard, senders);
            deliver(&b, BA_TERM, 0, 1 + v, senders & LIARS);
            add_move(m, &b);
        }
    if (l.round == 2 && l.round < limits.end && m->heard >> COIN) {
        copy(&b, &restored); /* The shares of the Byzantine ones and the own make f+1. */
        ba_coin(&b, 2, m->heard >> COIN == 2, &out);
        add_move(m, &b);
    }
    copy(&b, &restored);
    ba_propose(&b, l.input, &out);
    add_move(m, &b);
}

/* Whether nothing happens once all that correct nodes say is here, and their input. */
static inline bool find_quiet(uint32_t w, uint64_t heard, struct limits limits)
{
    struct ba b;
    struct ba_effects out;
    struct local l = local_unpack(w);
    restore(&b, w);
    ba_propose(&b, l.input, &out);
    for (unsigned i = 2 * limits.first; i < 2 * limits.end; i++)
        deliver(&b, BA_BVAL, i / 2, 1 + i % 2, said_by(heard, BVAL + i));
    deliver_terms(&b, heard, ~0u);
    if (l.round < limits.end)
        deliver_votes(&b, BA_AUX, l.round, heard, 0);
    if (l.round == 2 && l.round < limits.end) {
        deliver_votes(&b, BA_CONF, 2, heard, 0);
        if (said(&l, BA_SHARE, 2) && size_of(said_by(heard, SHARE)) >= BYZANTINE && heard >> COIN)
            ba_coin(&b, 2, heard >> COIN == 2, &out);
    }
    return read_off(&b, w) == w;
}

static inline uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9u;
    return x ^ x >> 32;
}

/* Where it is, or a free place. */
static inline struct moves *entry_of(uint32_t node, uint64_t heard, bool settled)
{
    if (!table)
        table = calloc(TABLE, sizeof *table);
    uint64_t i = mix(mix(heard << 1 | settled) ^ node) % TABLE;
    while (table[i].used &&
           (table[i].heard != heard || table[i].node != node || table[i].settled != settled))
        i = (i + 1) % TABLE;
    return &table[i];
}

static inline void enter(struct moves *m, struct moves entry)
{
    assert(table_used < TABLE / 4 * 3);
    table_used++;
    *m = entry;
}

/* What node `w` can do next, the others having said `heard`. */
static inline const struct moves *moves_of(uint32_t w, uint64_t heard, struct limits limits)
{
    struct moves *m = entry_of(w, heard, false);
    if (!m->used) {
        uint32_t to[MOVES_MAX];
        enter(m, (struct moves){.node = w, .heard = heard, .used = true, .to = to});
        find_moves(m, limits);
        m->to = m->count ? memcpy(malloc(m->count * sizeof *to), to, m->count * sizeof *to) : NULL;
    }
    return m;
}

static inline bool quiet(uint32_t w, uint64_t heard, struct limits limits)
{
    struct moves *m = entry_of(w, heard, true);
    if (!m->used)
        enter(m, (struct moves){.node = w,
                                .heard = heard,
                                .used = true,
                                .settled = true,
                                .quiet = find_quiet(w, heard, limits)});
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

#endif
