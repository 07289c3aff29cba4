/* Virtual time, and what is to happen in it: frames on their way, work under way, ticks. One
 * thread, one heap; ties fall in the order of scheduling, so that a seed is a run. */
#ifndef TESTS_SIM_NETWORK_H
#define TESTS_SIM_NETWORK_H

#include "crypto/quorum.h"
#include "node/work.h"
#include "tests/sim/prng.h"

enum happening_type {
    HAPPEN_FRAME, /* A frame arrives. */
    HAPPEN_FLUSH, /* A node takes its batch. */
    HAPPEN_TICK,
    HAPPEN_WORK,     /* A job is done. */
    HAPPEN_EXECUTED, /* A node's executor has committed an epoch. */
    HAPPEN_SUBMIT,   /* A client hands a node a transaction. */
    HAPPEN_WEATHER,  /* Perhaps a crash, a partition, a heal. */
    HAPPEN_CRASH,
    HAPPEN_RESTART,
};

struct happening {
    uint64_t at_us;
    uint64_t sequence;
    enum happening_type type;
    node_id node;    /* Its place in the simulation: a twin has one of its own. */
    node_id from;    /* FRAME: as it calls itself. */
    uint32_t life;   /* Of the node: what was for an earlier one is void. */
    uint64_t number; /* EXECUTED: epoch. */
    size_t size;     /* FRAME */
    uint8_t *bytes;  /* FRAME: owned. */
    struct job *job; /* WORK: owned. */
};

struct network {
    struct happening *heap;
    size_t count, capacity;
    uint64_t sequence;
    uint64_t now_us;
};

void network_schedule(struct network *n, struct happening h);
/* The next happening; false when there is none. Moves the time. */
bool network_next(struct network *n, struct happening *h);
/* Takes out every WORK of a node, freeing the jobs. */
void network_drop_work(struct network *n, node_id node);
void network_free(struct network *n);

#endif
