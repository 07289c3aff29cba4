/* Binary agreement: all correct nodes decide the same bit, one that a correct node put in
 * (Mostefaoui, Moumen, Raynal 2014, with a confirmation phase, rounds whose coin is fixed,
 * and certificates that close it).
 *
 * A round r:
 *   BVAL(v)   spreads estimates. f+1 BVAL(v): relay it (a correct node said so). 2f+1: v is a
 *             candidate (f+1 correct ones said so, so that everyone will have it).
 *   AUX(v)    once, the first candidate. *AUX done*: N-f senders whose first AUX value is a
 *             candidate; the set is the candidates at that moment, fixed for the round.
 *   CONF(set) only where the coin is tossed: that set, once. *CONF done*: N-f senders whose
 *             first CONF set is a non-empty subset of the candidates; the set is the
 *             candidates at that moment. Only then is the own coin share released: earlier, a
 *             scheduler that sees the coin could still choose the candidates after it.
 *   coin      1 if r mod 3 = 0, 0 if r mod 3 = 1, tossed if r mod 3 = 2.
 *   end       one value equal to the coin: decide it; one value: the next estimate; two: the
 *             coin is.
 *
 * TERM(v) is a certificate and no vote: a node that decides v sends it once. f+1 TERM(v):
 * decide v. 2f+1: *closed*. A decided machine that is not closed goes on as if it had not
 * decided, BVAL of every round up to its own is tallied and relayed as before, and it releases
 * shares as before: one that stops, or lets TERM stand for votes, leaves others waiting for
 * ever. A closed one sends nothing more but its TERM, to whoever is behind.
 *
 * The coin is not tossed here: the machine asks for it and is told. That keeps this file free
 * of cryptography and lets a test choose every coin. Total, pure, no allocation; what a peer
 * sends can at most be a fault. After a restart ba_recall gives back the own messages, in the
 * order in which they were sent; the tallies are not kept, and the machine is then one that
 * has said all this and has not heard the answers yet. */
#ifndef BA_BA_H
#define BA_BA_H

#include "crypto/fault.h"
#include "crypto/quorum.h"

enum {
    BA_ROUNDS_MAX = 200, /* Reached with probability 2^-66. */
    BA_ROUND_AHEAD = 3,  /* Rounds above the own one whose messages are tallied. */
    BA_ROUND_WINDOW = BA_ROUND_AHEAD + 1,
    BA_MESSAGES_MAX = 19, /* Of one step; see ba.c for the sum. */
};

enum ba_type { BA_BVAL = 1, BA_AUX, BA_CONF, BA_SHARE, BA_TERM };

/* Sets of bits: bit v is set when v is in the set. */
enum ba_values { BA_NEITHER = 0, BA_ZERO = 1, BA_ONE = 2, BA_BOTH = 3 };

struct ba_message {
    uint8_t type;   /* enum ba_type. BA_SHARE stands only among the own messages: it says that
                     * the share of this round's coin was released. */
    uint8_t round;  /* 0 in TERM. */
    uint8_t values; /* One value in BVAL, AUX, TERM; one or both in CONF; in SHARE the set of
                     * CONF done. */
};

/* Whether a peer may say this at all: types, ranges, no CONF where the coin is fixed. */
bool ba_message_valid(const struct ba_message *m);
/* Whether round `round` has a tossed coin. */
bool ba_round_tossed(unsigned round);

struct ba_round { /* AUX and CONF of the own round and those ahead. */
    struct nodeset aux[2];
    struct nodeset conf[4]; /* By enum ba_values. */
    bool coin_known;
    bool coin;
};

struct ba {
    struct quorum quorum;
    node_id self;
    bool started; /* Has its own bit. */
    bool decided;
    bool decision;
    bool closed;
    bool exhausted; /* BA_ROUNDS_MAX was reached: the machine stands still. */
    uint8_t round;
    struct nodeset term[2];
    uint8_t sent[BA_ROUNDS_MAX]; /* What we sent in each round, and so what is done: see ba.c. */
    struct ba_round rounds[BA_ROUND_WINDOW]; /* Round r at r % BA_ROUND_WINDOW. */
    struct nodeset bval[BA_ROUNDS_MAX][2];   /* Cleared as rounds come into the window. */
};

struct ba_effects {
    unsigned count;
    struct ba_message messages[BA_MESSAGES_MAX]; /* To all, in this order; already counted here.
                                                  * BA_SHARE: release the own share of the coin
                                                  * of that round, then report it: ba_coin. */
    bool decided;                                /* Just now, on b->decision. */
    bool closed;                                 /* Just now. */
    enum fault fault;
};

void ba_init(struct ba *b, struct quorum q, node_id self);
/* Our own bit. Counts while the machine is in round 0 and has none; else changes nothing. */
void ba_propose(struct ba *b, bool value, struct ba_effects *out);
/* A peer's message. Rounds out of the window are dropped without a fault: they come again. */
void ba_receive(struct ba *b, node_id from, const struct ba_message *m, struct ba_effects *out);
/* The value of the coin of `round`; used only once our own share is released. */
void ba_coin(struct ba *b, unsigned round, bool value, struct ba_effects *out);
/* One of our own messages, from a record. A recalled BA_SHARE is of use to the others and to us
 * only when the caller releases the share of that round again. */
void ba_recall(struct ba *b, const struct ba_message *m);
/* All that we have sent (only TERM once closed), for a peer that may have missed it. Fills
 * `messages` from position *cursor (0 at first); returns how many; 0 when there are no more. */
unsigned ba_resend(const struct ba *b, unsigned *cursor, struct ba_message messages[],
                   unsigned capacity);

#endif
