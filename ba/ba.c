#include "ba/ba.h"

#include <stddef.h>
#include <string.h>

/* sent[r] holds four sets of values, two bits each: those of our BVAL, AUX, CONF and SHARE of
 * round r. They are the latches of all rules: nothing is said twice, and CONF and SHARE carry the
 * sets that AUX done and CONF done fixed. A round whose coin is fixed ends in the step in which
 * its AUX is done, so that the set of that moment lives on in the next estimate only.
 *
 * BA_MESSAGES_MAX. One step changes one tally. AUX of others are held for the own round R and
 * the three ahead, and N-f >= 2 when there are others, so that a step ends at most the rounds
 * R to R+3 and stops in R+4, of which nothing is held yet. Two of the four have a tossed coin:
 *     2 * (BVAL 0, BVAL 1, AUX, CONF, SHARE) + 2 * (BVAL 0, BVAL 1, AUX)
 *     + the estimate of R+4, and its AUX where f = 0 + TERM = 19.
 * Where the coin of R+4 is tossed, only one of the four is, and the sum is less. A message of a
 * round below R changes nothing but one relay. Alone (N = 1) a node's set is its estimate: one
 * of two successive fixed coins decides it, and its own TERM closes. */

static_assert(BA_ROUNDS_MAX <= UINT8_MAX, "a round fits a byte");
static_assert(BA_SHARE - BA_BVAL == 3, "four types share the byte of sent");

static bool value_of(unsigned values) { return values == BA_ONE; }
static unsigned values_of(bool value) { return value ? BA_ONE : BA_ZERO; }
static bool single(unsigned values) { return values == BA_ZERO || values == BA_ONE; }

bool ba_round_tossed(unsigned round) { return round % 3 == 2; }

bool ba_message_valid(const struct ba_message *m)
{
    switch (m->type) {
    case BA_BVAL:
    case BA_AUX: return m->round < BA_ROUNDS_MAX && single(m->values);
    case BA_CONF:
        return m->round < BA_ROUNDS_MAX && ba_round_tossed(m->round) && m->values >= BA_ZERO &&
               m->values <= BA_BOTH;
    case BA_TERM: return m->round == 0 && single(m->values);
    default: return false;
    }
}

static struct ba_round *slot_of(struct ba *b, unsigned round)
{
    return &b->rounds[round % BA_ROUND_WINDOW];
}

static bool in_window(const struct ba *b, unsigned round)
{
    return round >= b->round && round <= (unsigned)b->round + BA_ROUND_AHEAD;
}

/* The values of our message of this type and round; BA_NEITHER when there is none. */
static unsigned sent(const struct ba *b, enum ba_type type, unsigned round)
{
    return b->sent[round] >> 2 * (type - BA_BVAL) & BA_BOTH;
}

/* The first of two different messages counts, the second is a fault. */
static bool add_once(struct nodeset sets[], unsigned count, unsigned i, node_id from,
                     enum fault *fault)
{
    for (unsigned other = 0; other < count; other++)
        if (other != i && nodeset_has(&sets[other], from)) {
            *fault = FAULT_EQUIVOCATION;
            return false;
        }
    return nodeset_add(&sets[i], from);
}

/* Counts a valid message of anyone, ourselves included. False when that changes nothing. */
static bool tally(struct ba *b, node_id from, const struct ba_message *m, enum fault *fault)
{
    *fault = FAULT_NONE;
    switch (m->type) {
    case BA_BVAL:
        return m->round <= b->round + BA_ROUND_AHEAD &&
               nodeset_add(&b->bval[m->round][value_of(m->values)], from);
    case BA_AUX:
        return in_window(b, m->round) &&
               add_once(slot_of(b, m->round)->aux, 2, value_of(m->values), from, fault);
    case BA_CONF:
        return in_window(b, m->round) &&
               add_once(slot_of(b, m->round)->conf, 4, m->values, from, fault);
    case BA_TERM: return add_once(b->term, 2, value_of(m->values), from, fault);
    default: return false;
    }
}

/* What saying `m` means for the machine, now or from a record. */
static void note(struct ba *b, const struct ba_message *m)
{
    if (m->type == BA_TERM) {
        b->decided = true;
        b->decision = value_of(m->values);
    } else {
        b->sent[m->round] |= (uint8_t)(m->values << 2 * (m->type - BA_BVAL));
    }
    enum fault fault;
    tally(b, b->self, m, &fault);
    assert(fault == FAULT_NONE);
}

static void emit(struct ba *b, enum ba_type type, unsigned round, unsigned values,
                 struct ba_effects *out)
{
    struct ba_message m = {(uint8_t)type, (uint8_t)round, (uint8_t)values};
    assert(out->count < BA_MESSAGES_MAX);
    out->messages[out->count++] = m;
    note(b, &m);
}

static void decide(struct ba *b, bool value, struct ba_effects *out)
{
    assert(!b->decided);
    emit(b, BA_TERM, 0, values_of(value), out);
    out->decided = true;
}

/* f+1 TERM(v): a correct node decided v. 2f+1: f+1 correct ones did, so that everyone will see
 * f+1, decide, and say TERM too: no one needs our votes any more. */
static bool certified(const struct ba *b)
{
    return b->decided && nodeset_count(&b->term[b->decision]) >= quorum_most(b->quorum);
}

static void apply_term(struct ba *b, struct ba_effects *out)
{
    for (unsigned v = 0; v < 2; v++)
        if (!b->decided && nodeset_count(&b->term[v]) >= quorum_some(b->quorum))
            decide(b, v, out);
    if (!b->closed && certified(b))
        b->closed = out->closed = true;
}

/* Rounds that we have left are relayed as well: with fewer votes than before, a node that is
 * behind could wait for ever for a candidate that helped us on. */
static void relay(struct ba *b, struct ba_effects *out)
{
    for (unsigned r = 0; r <= b->round; r++)
        for (unsigned v = 0; v < 2; v++)
            if (!(sent(b, BA_BVAL, r) & values_of(v)) &&
                nodeset_count(&b->bval[r][v]) >= quorum_some(b->quorum))
                emit(b, BA_BVAL, r, values_of(v), out);
}

/* The values with 2f+1 BVAL of the own round. */
static unsigned candidates(const struct ba *b)
{
    unsigned set = BA_NEITHER;
    for (unsigned v = 0; v < 2; v++)
        if (nodeset_count(&b->bval[b->round][v]) >= quorum_most(b->quorum))
            set |= values_of(v);
    return set;
}

/* N-f senders: any two such sets of them share a correct node, whose value is then among the
 * candidates of both. */
static bool aux_done(struct ba *b, unsigned set)
{
    const struct ba_round *round = slot_of(b, b->round);
    unsigned count = 0;
    for (unsigned v = 0; v < 2; v++)
        if (set & values_of(v))
            count += nodeset_count(&round->aux[v]);
    return count >= quorum_all(b->quorum);
}

static bool conf_done(struct ba *b, unsigned set)
{
    const struct ba_round *round = slot_of(b, b->round);
    unsigned count = 0;
    for (unsigned subset = BA_ZERO; subset <= BA_BOTH; subset++)
        if ((subset & ~set) == 0)
            count += nodeset_count(&round->conf[subset]);
    return count >= quorum_all(b->quorum);
}

/* AUX, CONF and the share of the own round. Everything is counted anew each time, since a new
 * candidate makes messages count that did not before. */
static void vote(struct ba *b, struct ba_effects *out)
{
    unsigned r = b->round;
    unsigned set = candidates(b);
    if (!sent(b, BA_AUX, r) && set)
        emit(b, BA_AUX, r, set & BA_ONE ? BA_ONE : BA_ZERO, out);
    if (!ba_round_tossed(r))
        return;
    if (!sent(b, BA_CONF, r) && aux_done(b, set))
        emit(b, BA_CONF, r, set, out);
    if (!sent(b, BA_SHARE, r) && sent(b, BA_CONF, r) && conf_done(b, set))
        emit(b, BA_SHARE, r, set, out);
}

/* The set and the coin with which the own round ends; false while it does not. */
static bool round_result(struct ba *b, unsigned *set, bool *coin)
{
    if (ba_round_tossed(b->round)) {
        const struct ba_round *round = slot_of(b, b->round);
        *set = sent(b, BA_SHARE, b->round);
        *coin = round->coin;
        return *set && round->coin_known;
    }
    *set = candidates(b);
    *coin = b->round % 3 == 0;
    return aux_done(b, *set);
}

/* Leaves the own round; its place in the window is the one that comes into it. */
static void next_round(struct ba *b)
{
    memset(slot_of(b, b->round), 0, sizeof b->rounds[0]);
    b->round++;
    if (b->round + BA_ROUND_AHEAD < BA_ROUNDS_MAX)
        memset(b->bval[b->round + BA_ROUND_AHEAD], 0, sizeof b->bval[0]);
}

static bool end_round(struct ba *b, struct ba_effects *out)
{
    unsigned set;
    bool coin;
    if (b->exhausted || !round_result(b, &set, &coin))
        return false;
    bool estimate = single(set) ? value_of(set) : coin;
    /* All others have this value among theirs: they decide it too, or it is their estimate. */
    if (!b->decided && single(set) && estimate == coin)
        decide(b, estimate, out);
    if (b->round + 1 == BA_ROUNDS_MAX) {
        b->exhausted = true;
        return true;
    }
    next_round(b);
    emit(b, BA_BVAL, b->round, values_of(estimate), out);
    return true;
}

/* The rules, in order, until none applies. */
static void apply(struct ba *b, struct ba_effects *out)
{
    do {
        apply_term(b, out);
        if (b->closed)
            return;
        relay(b, out);
        vote(b, out);
    } while (end_round(b, out));
}

void ba_init(struct ba *b, struct quorum q, node_id self)
{
    assert(self < q.n);
    memset(b, 0, offsetof(struct ba, bval) + BA_ROUND_WINDOW * sizeof b->bval[0]);
    b->quorum = q;
    b->self = self;
}

void ba_propose(struct ba *b, bool value, struct ba_effects *out)
{
    *out = (struct ba_effects){.fault = FAULT_NONE};
    if (b->started || b->round > 0 || b->closed)
        return;
    b->started = true;
    if (!(sent(b, BA_BVAL, 0) & values_of(value)))
        emit(b, BA_BVAL, 0, values_of(value), out);
    apply(b, out);
}

void ba_receive(struct ba *b, node_id from, const struct ba_message *m, struct ba_effects *out)
{
    assert(from < b->quorum.n);
    assert(from != b->self);
    *out = (struct ba_effects){.fault = FAULT_NONE};
    if (!ba_message_valid(m)) {
        out->fault = FAULT_NOT_ALLOWED;
        return;
    }
    if (b->closed)
        return;
    if (tally(b, from, m, &out->fault)) /* Else nothing applies that did not before. */
        apply(b, out);
}

void ba_coin(struct ba *b, unsigned round, bool value, struct ba_effects *out)
{
    assert(ba_round_tossed(round));
    *out = (struct ba_effects){.fault = FAULT_NONE};
    struct ba_round *slot = slot_of(b, round);
    if (b->closed || !in_window(b, round) || slot->coin_known)
        return;
    slot->coin_known = true;
    slot->coin = value;
    apply(b, out);
}

/* What is lost comes back: peers say again all that they said. Candidates: of 2f+1 BVAL, f+1
 * are of correct nodes, and all correct nodes relay them. AUX done, CONF done: in a tossed round
 * CONF and SHARE carry the sets; a fixed round has ended in the step in which it was done, and
 * the BVAL of the next one is the record of it. (CONF done could be had again: of all sets with
 * N-f CONF, at most one value is ever alone, and the first share comes after that is settled. The
 * set in SHARE spares the wait.) Whether a BVAL of round 0 was our own bit or a relay is not
 * known: it counts as our bit, as f+1 said it, and so a correct node put it in. */
void ba_recall(struct ba *b, const struct ba_message *m)
{
    if (m->type == BA_BVAL && m->round > b->round)
        next_round(b);
    assert(m->type == BA_TERM || m->round <= b->round);
    assert(m->type == BA_TERM || m->type == BA_BVAL || m->round == b->round);
    note(b, m);
    if (m->type == BA_BVAL)
        b->started = true;
    b->closed = certified(b);
}

enum { RESEND_PER_ROUND = 5 };

/* What stands at a position of ba_resend: TERM, then BVAL(0), BVAL(1), AUX, CONF, SHARE of each
 * round. Values are BA_NEITHER when we have not said it. */
static struct ba_message resend_at(const struct ba *b, unsigned position)
{
    static const struct ba_message forms[RESEND_PER_ROUND] = {
        {.type = BA_BVAL, .values = BA_ZERO},  {.type = BA_BVAL, .values = BA_ONE},
        {.type = BA_AUX, .values = BA_BOTH},   {.type = BA_CONF, .values = BA_BOTH},
        {.type = BA_SHARE, .values = BA_BOTH},
    };
    if (position == 0)
        return (struct ba_message){BA_TERM, 0,
                                   (uint8_t)(b->decided ? values_of(b->decision) : BA_NEITHER)};
    struct ba_message m = forms[(position - 1) % RESEND_PER_ROUND];
    m.round = (uint8_t)((position - 1) / RESEND_PER_ROUND);
    m.values &= (uint8_t)sent(b, m.type, m.round);
    return m;
}

unsigned ba_resend(const struct ba *b, unsigned *cursor, struct ba_message messages[],
                   unsigned capacity)
{
    unsigned end = b->closed ? 1 : 1 + RESEND_PER_ROUND * (b->round + 1u);
    unsigned count = 0;
    for (; *cursor < end && count < capacity; ++*cursor) {
        struct ba_message m = resend_at(b, *cursor);
        if (m.values)
            messages[count++] = m;
    }
    return count;
}
