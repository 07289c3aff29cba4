/* What a node that keeps too much for those behind drops, and when it makes a snapshot for that. Pure.
 *
 * What is too much is dropped oldest first, a part at a time, as far as the last signed snapshot
 * stands for it: who is a little behind does not lose what it is about to fetch. A snapshot is made at
 * the next checkpoint when the last one stands for nothing more that could be dropped, when too much
 * was given to an application since, or when somebody who has lost its data asks for a later one. None
 * while one is not signed yet, unless it seems that it never will be: f+1 sign what they execute, most
 * of them soon. */
#ifndef NODE_RETENTION_H
#define NODE_RETENTION_H

#include <stdbool.h>

#include "node/checkpoint.h"

enum {
    RETENTION_PARTS = 32,
    RETENTION_UNSIGNED = 4, /* Checkpoints after which an unsigned one is not waited for. */
    RETENTION_STUCK_MS = 600000,
};

struct retention {
    bool full;         /* More is kept than may be; */
    bool given_full;   /* and of what was given to an application, which nobody is behind for. */
    epoch_id executed; /* Here, */
    epoch_id by_all;   /* and by all nodes. */
    epoch_id held;     /* Dropped though somebody has not executed it, through this epoch. */
    epoch_id last;     /* The last signed snapshot; 0: there is none. */
    epoch_id made;     /* The last one made that is not signed; 0: there is none. */
    epoch_id asked;    /* Somebody asks for one of this epoch or later; 0: nobody does. */
    uint64_t every;    /* Epochs from one checkpoint to the next. */
};

/* Through which epoch to drop what the last snapshot stands for; as `held`: nothing more. */
epoch_id retention_hold(const struct retention *r);
bool retention_wants(const struct retention *r);

/* How far another node has executed, by its word, and since when. */
struct retention_peer {
    epoch_id executed;
    uint64_t since_ms; /* 0: not known, it was not there. */
};

/* Whether to offer a peer that is there the last snapshot: what it needs was dropped here; or this node began with one
 * (of epoch `begun`; 0: it did not), and so has neither blocks nor votes of before, and the other has
 * stood still there for RETENTION_STUCK_MS. It may be that it needs just those. */
bool retention_offers(struct retention_peer *p, epoch_id executed, epoch_id held, epoch_id begun,
                      uint64_t now_ms);

#endif
