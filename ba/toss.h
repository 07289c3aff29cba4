/* The coin tosses of one agreement: which shares came, and when enough did.
 *
 * The machine does no cryptography: it says what is to be done, a worker does it, and the
 * result comes back. Own share: asked for when the agreement releases it. Value: once our own
 * share is released and f+1 shares are here, *one* job verifies shares until f+1 are valid and
 * combines them; a job that met a bad one names it, and another runs when enough are here
 * again. Shares beyond that are never verified. */
#ifndef BA_TOSS_H
#define BA_TOSS_H

#include "ba/ba.h"
#include "crypto/coin.h"

enum { TOSS_ROUNDS = 2 }; /* Tossed rounds within any BA_ROUND_WINDOW of rounds. */

struct toss_round {
    bool used;
    uint8_t round;
    bool released; /* Our own share is out, or on its way. */
    bool running;  /* A job is out. */
    bool known;
    bool value;
    bool own; /* shares[self] is ours. */
    struct nodeset have;
    struct nodeset valid;
    struct nodeset bad;
    struct coin_share *shares; /* n of them. */
};

struct toss {
    struct quorum quorum;
    node_id self;
    struct toss_round rounds[TOSS_ROUNDS];
};

struct toss_effects {
    bool make;  /* Make our own share of the round, then toss_made. */
    bool count; /* Verify and combine: toss_job says what, then toss_counted. */
    bool known; /* Just now: the value of the round. */
    bool value;
    enum fault fault; /* Of the sender. */
};

/* What a job verifies: shares in the order of `from`, `valid` ones need no second look. */
struct toss_job {
    unsigned count;
    unsigned needed; /* f+1 */
    node_id from[NODES_MAX];
    struct nodeset valid;
    struct coin_share shares[NODES_MAX];
};

struct toss_outcome {
    struct nodeset valid;
    struct nodeset bad;
    bool known;
    bool value;
};

/* `shares` is memory for TOSS_ROUNDS * q.n shares, the machine's from now on. */
void toss_init(struct toss *t, struct quorum q, node_id self, struct coin_share *shares);
/* Forgets rounds below `round`: the agreement has left them. */
void toss_advance(struct toss *t, unsigned round);
void toss_release(struct toss *t, unsigned round, struct toss_effects *out);
/* Our own share is made; the caller sends it to all. */
void toss_made(struct toss *t, unsigned round, const struct coin_share *share,
               struct toss_effects *out);
/* A peer's share. `own_round` is where our agreement is: rounds outside of own_round ..
 * own_round + BA_ROUND_AHEAD are dropped. A second, different share is a fault. */
void toss_receive(struct toss *t, unsigned own_round, node_id from, unsigned round,
                  const struct coin_share *share, struct toss_effects *out);
/* Fills the job of a round whose effects said count. */
void toss_job_fill(const struct toss *t, unsigned round, struct toss_job *job);
/* The worker's part: pure, slow (127 us a share). */
void toss_job_run(const struct toss_job *job, const struct coin_public *keys,
                  const struct coin_name *name, struct toss_outcome *outcome);
/* The result. out->known when the value is; the bad ones are faults of theirs. A round that is
 * gone is ignored. */
void toss_counted(struct toss *t, unsigned round, const struct toss_outcome *outcome,
                  struct toss_effects *out);
/* Our own share of a round if it is made, to send it again. */
const struct coin_share *toss_own(const struct toss *t, unsigned round);

#endif
