/* Accounts whose proofs are wanted. What an account holds can be proven under a checkpoint only while
 * the state is that of the checkpoint: so it is noted here who wants it, and at the end of the next
 * checkpoint's epoch, before another is executed, the executor's thread makes the proofs. They are few,
 * and the newest are kept. Any thread. */
#ifndef NODE_WANTED_H
#define NODE_WANTED_H

#include "node/accounts.h"

enum { WANTED_MAX = 256 }; /* That are waited for, and that are kept. */

/* An account as it was after an epoch, and the way to the state's root. */
struct wanted_proof {
    uint64_t epoch;
    struct account account;
    uint64_t count; /* Accounts there were. */
    unsigned length;
    struct hash path[MERKLE_LOG_DEPTH_MAX];
};

struct wanted; /* Opaque. */

struct wanted *wanted_new(void); /* NULL: no memory. */
void wanted_free(struct wanted *w);

/* Notes it, unless there are too many. */
void wanted_ask(struct wanted *w, const struct identity_public *key);
/* The newest proof of this account that is kept. */
bool wanted_find(struct wanted *w, const struct identity_public *key, struct wanted_proof *proof);
/* Makes all that are noted, of the state of this view. 0 or a store error; they are not noted any more. */
int wanted_make(struct wanted *w, struct store_view *ledger, uint64_t epoch);

#endif
