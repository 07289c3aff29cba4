/* Inside of the port to an application elsewhere: what external.c, external_replay.c and
 * external_snapshot.c share. */
#ifndef NODE_EXTERNAL_PRIVATE_H
#define NODE_EXTERNAL_PRIVATE_H

#include <pthread.h>

#include "node/external.h"
#include "node/external_inputs.h"
#include "node/external_wire.h"

struct external {
    struct hash chain;
    struct store *store;
    struct store *snapshots; /* NULL: there are none. */
    struct quorum quorum;
    void *zmq;
    char endpoint[EXTERNAL_NAME_MAX + 8];
    atomic_bool stop;
    char problem[256]; /* Why it cannot go on. */

    /* The executor's thread. */
    struct wire wire;
    bool synced;             /* The application has had all that was executed. */
    bool begun;              /* The open epoch has inputs, */
    uint32_t parts;          /* so many. */
    epoch_id epoch;          /* The open one. */
    struct hash root;        /* After the last one. */
    struct inputs_base base; /* Of what can be given again, */
    bool old_inputs;         /* and there may be some of before. */
    uint64_t records;        /* That it was asked for, of the snapshot that is being made. */
    bool trying;             /* It is not needed now. */
    atomic_uint_least64_t kept;

    /* Checks and queries, of any thread. */
    pthread_mutex_t mutex;
    struct wire side;
    uint64_t side_begun_ms, side_rests_ms, checks_rest_ms; /* Until then. */
    atomic_bool alive;                                     /* As the executor's thread has seen. */
};

/* Asks on the executor's wire, for as long as it takes; when the connection was lost, gives the
 * application first what it has forgotten. 0, or a store error, with `problem`. */
int external_ask(struct external *x, const char *word, const struct slice frames[], unsigned count,
                 unsigned answers, struct slice *last);
/* Says hello, and gives the application what it has not committed. As above. */
int external_sync(struct external *x);
/* The same, unless nobody answers soon. */
int external_try(struct external *x);
int external_fail(struct external *x, const char *problem);
/* What has become of a question: 0; EXTERNAL_LOST, all over again; or a store error. */
enum { EXTERNAL_LOST = 1 };
int external_judge(struct external *x, const char *word, enum wire_answer answer);
struct slice external_epoch(uint8_t bytes[8], epoch_id epoch);

/* Gives the application the state of the newest snapshot that is signed, in place of its own. *epoch:
 * of that; 0: there is none that it could go on from. As external_judge. */
int external_restore(struct external *x, epoch_id *epoch);
/* The port's. */
int external_record(void *state, bool first, struct slice *record);
/* In a transaction, at the end of an epoch: what a signed snapshot stands for is dropped, some of it. */
int external_prune(struct external *x);

#endif
