/* All that can happen to one of the correct nodes beside Byzantine ones that say anything to
 * anyone: the real machine, restored, given a choice of messages, and read off again.
 *
 * A move recalls a machine from its local state, delivers any choice of what the other correct
 * nodes have said and of what the Byzantine ones may say, and ends in the next local state. So
 * every move begins with a restart that forgets all that was heard. This contains every schedule
 * without restarts: the messages that led to the next own message are delivered once more.
 *
 * What comes of it depends on a node's own state and on how many of the others said what, hence
 * it is kept in a table. */
#ifndef TESTS_BA_MOVES_H
#define TESTS_BA_MOVES_H

#include "tests/ba_local.h"

enum { MOVES_MAX = 64, TABLE = 1 << 22 };

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

/* All AUX or all CONF of the others, and those of the Byzantine ones: `lies` has a digit for each
 * of them, base kinds(type), BA_NEITHER when it is silent. */
static inline unsigned kinds(enum ba_type type) { return type == BA_AUX ? 3 : 4; }

static inline void deliver_votes(struct ba *b, enum ba_type type, unsigned round, uint64_t counts,
                                 unsigned lies)
{
    node_id from = 1;
    for (unsigned set = BA_ZERO; set < kinds(type); set++)
        from = deliver(b, type, round, set,
                       count_of(counts, type == BA_AUX ? COUNT_AUX : COUNT_CONF, set - 1), from);
    for (from = CORRECT; lies; lies /= kinds(type), from++)
        if (lies % kinds(type))
            deliver(b, type, round, lies % kinds(type), 1, from);
}

/* The moves of a node, or with `settled` whether it has none that others could still bring it. */
struct moves {
    uint64_t counts;
    uint32_t node;
    bool used, settled, quiet;
    uint8_t count;
    uint32_t *to;
};

static struct moves *table;
static size_t table_used;

static inline void add_move(struct moves *m, const struct ba *b, uint32_t from)
{
    uint32_t w = read_off(b, from);
    for (unsigned i = 0; i < m->count; i++)
        if (m->to[i] == w)
            return;
    assert(m->count < MOVES_MAX);
    if (w != from)
        m->to[m->count++] = w;
}

/* Any number of BVAL(0) and of BVAL(1) of the own round, then AUX, or CONF, or neither: these
 * find the candidates as they are then. What a Byzantine node says is as good as one more. */
static inline void own_round_moves(struct moves *m, uint32_t w, uint64_t counts)
{
    struct ba b;
    struct local l = local_unpack(w);
    enum ba_type votes = l.round == 2 && said(&l, BA_CONF, 2) ? BA_CONF : BA_AUX;
    unsigned all_lies = kinds(votes) * (BYZANTINE == 2 ? kinds(votes) : 1);
    unsigned zeros_max = count_of(counts, COUNT_BVAL, 2 * l.round) + BYZANTINE;
    unsigned ones_max = count_of(counts, COUNT_BVAL, 2 * l.round + 1) + BYZANTINE;
    for (unsigned zeros = 0; zeros <= zeros_max; zeros++)
        for (unsigned ones = 0; ones <= ones_max; ones++)
            for (unsigned lies = 0; lies <= all_lies; lies++) {
                restore(&b, w);
                deliver(&b, BA_BVAL, l.round, BA_ZERO, zeros, 1);
                deliver(&b, BA_BVAL, l.round, BA_ONE, ones, 1);
                if (lies < all_lies)
                    deliver_votes(&b, votes, l.round, counts, lies);
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
        deliver(&b, BA_BVAL, i / 2, 1 + i % 2, count_of(counts, COUNT_BVAL, i) + BYZANTINE, 1);
        add_move(m, &b, w);
    }
    for (unsigned v = 0; v < 2; v++)
        for (unsigned k = 1; k <= count_of(counts, COUNT_TERM, v) + BYZANTINE; k++) {
            restore(&b, w);
            deliver(&b, BA_TERM, 0, 1 + v, k, 1);
            add_move(m, &b, w);
        }
    if (l.round == 2 && l.round < limits.end && counts >> COIN) {
        restore(&b, w); /* The shares of the Byzantine ones and the own make f+1. */
        ba_coin(&b, 2, counts >> COIN == 2, &out);
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
        deliver(&b, BA_BVAL, i / 2, 1 + i % 2, count_of(counts, COUNT_BVAL, i), 1);
    for (unsigned v = 0; v < 2; v++)
        deliver(&b, BA_TERM, 0, 1 + v, count_of(counts, COUNT_TERM, v), 1);
    if (l.round < limits.end)
        deliver_votes(&b, BA_AUX, l.round, counts, 0);
    if (l.round == 2 && l.round < limits.end) {
        deliver_votes(&b, BA_CONF, 2, counts, 0);
        if (said(&l, BA_SHARE, 2) && count_of(counts, COUNT_SHARE, 0) >= BYZANTINE &&
            counts >> COIN)
            ba_coin(&b, 2, counts >> COIN == 2, &out);
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
static inline struct moves *entry_of(uint32_t node, uint64_t counts, bool settled)
{
    if (!table)
        table = calloc(TABLE, sizeof *table);
    uint64_t i = mix(mix(counts << 1 | settled) ^ node) % TABLE;
    while (table[i].used &&
           (table[i].counts != counts || table[i].node != node || table[i].settled != settled))
        i = (i + 1) % TABLE;
    return &table[i];
}

static inline void enter(struct moves *m, struct moves entry)
{
    assert(table_used < TABLE / 2);
    table_used++;
    *m = entry;
}

/* What node `w` can do next, the others having said `counts`. */
static inline const struct moves *moves_of(uint32_t w, uint64_t counts, struct limits limits)
{
    struct moves *m = entry_of(w, counts, false);
    if (!m->used) {
        uint32_t to[MOVES_MAX];
        enter(m, (struct moves){.node = w, .counts = counts, .used = true, .to = to});
        find_moves(m, w, counts, limits);
        m->to = m->count ? memcpy(malloc(m->count * sizeof *to), to, m->count * sizeof *to) : NULL;
    }
    return m;
}

static inline bool quiet(uint32_t w, uint64_t counts, struct limits limits)
{
    struct moves *m = entry_of(w, counts, true);
    if (!m->used)
        enter(m, (struct moves){.node = w,
                                .counts = counts,
                                .used = true,
                                .settled = true,
                                .quiet = find_quiet(w, counts, limits)});
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
