/* Inside of the port to an application elsewhere: what external.c and external_replay.c share. */
#ifndef NODE_EXTERNAL_PRIVATE_H
#define NODE_EXTERNAL_PRIVATE_H

#include <pthread.h>

#include "node/external.h"
#include "node/external_wire.h"

struct external {
    struct hash chain;
    struct store *store;
    void *zmq;
    char endpoint[EXTERNAL_NAME_MAX + 8];
    atomic_bool stop;
    char problem[256]; /* Why it cannot go on. */

    /* The executor's thread. */
    struct wire wire;
    bool synced;        /* The application has had all that was executed. */
    bool begun;         /* The open epoch has inputs, */
    uint32_t parts;     /* so many. */
    epoch_id epoch;     /* The open one, */
    epoch_id committed; /* and the last one before it with inputs. */
    struct hash root;   /* After that. */
    uint8_t *answered;  /* Of a batch. */

    /* Checks and queries, of any thread. */
    pthread_mutex_t mutex;
    struct wire side;
    uint64_t side_begun_ms, side_rests_ms, checks_rest_ms; /* Until then. */
    atomic_bool alive;                                     /* As the executor's thread has seen. */
};

/* A record of LEDGER_INPUTS: a part of an epoch, or the root after it. */
enum { INPUT_KEY_SIZE = 8 + 4 };
#define INPUT_ROOT UINT32_MAX
struct slice input_key(uint8_t key[INPUT_KEY_SIZE], epoch_id epoch, uint32_t part);

/* Asks on the executor's wire, for as long as it takes; when the connection was lost, gives the
 * application first what it has forgotten. 0, or a store error, with `problem`. */
int external_ask(struct external *x, const char *word, const struct slice frames[], unsigned count,
                 unsigned answers, struct slice *last);
/* Says hello, and gives the application what it has not committed. As above. */
int external_sync(struct external *x);
/* The same, unless nobody answers soon. */
int external_try(struct external *x);
int external_fail(struct external *x, const char *problem);

#endif
