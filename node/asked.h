/* Who asks for a snapshot, and of which epoch one is made for them. Pure.
 *
 * Where each may make its own, one is made at the next checkpoint that is not before the epoch that was
 * asked for. Where f+1 have to have it alike, one is asked for that lies ahead, so that all hear of
 * it before they are there, and on a grid of checkpoints, so that two who ask ask for the same:
 * what is not of the grid is not heard. Each asker is heard by itself, and rests after one was made
 * for it, the longer the longer that took: a liar costs a thirtieth of the time at the most. */
#ifndef NODE_ASKED_H
#define NODE_ASKED_H

#include "crypto/quorum.h"
#include "node/block.h"

enum {
    ASKED_GRID = 4,           /* Checkpoints, */
    ASKED_AHEAD = 2,          /* and so many lie between now and then at the least, */
    ASKED_AHEAD_EPOCHS = 100, /* or so many epochs. */
    ASKED_REST_MS = 60000,
    ASKED_REST_TIMES = 30, /* What the last one took. */
};

struct asked {
    bool alike;             /* Of the grid alone. */
    uint64_t every;         /* Epochs from one checkpoint to the next. */
    node_id self;           /* Who does not rest. */
    epoch_id of[NODES_MAX]; /* 0: it does not ask. */
    uint64_t made_ms[NODES_MAX];
};

/* False: it is not heard. */
bool asked_hear(struct asked *a, node_id from, epoch_id epoch);
void asked_made(struct asked *a, epoch_id made, uint64_t now_ms);
/* The least after an epoch that somebody asks for who does not rest; 0: there is none. */
epoch_id asked_after(const struct asked *a, epoch_id epoch, uint64_t took_ms, uint64_t now_ms);
/* One of the grid to ask all for, not before `least`, when somebody is at `now`; that chosen before
 * (0: none) until it has `passed`. That is what this node has executed, though others are ahead; or, if it
 * executes nothing without a snapshot, what f+1 say they have: they make theirs when they execute. */
epoch_id asked_choose(const struct asked *a, epoch_id chosen, epoch_id passed, epoch_id now,
                      epoch_id least);

#endif
