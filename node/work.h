/* Heavy work, away from the core: each job is a pure function of what it holds. Any thread may
 * run it; one thread makes and frees it. */
#ifndef NODE_WORK_H
#define NODE_WORK_H

#include "node/event.h"

struct work_keys { /* The same for all jobs of a node. */
    struct quorum quorum;
    node_id self;
    struct hash chain;
    const struct code *code;
    const struct coin_public *coin_public;
    const struct coin_secret *coin_secret;
    const struct identity_secret *identity; /* Ours; */
    const struct identity_key *identities;  /* of all n. NULL, both: no checkpoints. */
};

struct job {
    const struct work_keys *keys;
    struct work_result result; /* Kind, epoch and so on are set before it runs. */
    bool only_resend;          /* Not for the core: what comes of it goes to who has asked. */
    uint8_t *block;            /* ENCODE: bytes; CHECK: the chunk. Owned. */
    size_t block_size;
    uint8_t *chunks;                /* ENCODE: owned. DECODE: the gathered ones, lent. */
    struct vid_header header;       /* CHECK, DECODE */
    struct vid_proof proof;         /* CHECK */
    const struct vid_proof *proofs; /* DECODE: n, lent. */
    struct nodeset present;         /* DECODE */
    struct vid_encoding encoding;   /* ENCODE, DECODE: out. */
    struct slice out;               /* DECODE: the block, within chunks. */
    struct toss_job *toss;          /* TOSS. Owned. */
    struct job *next;               /* For whoever queues it. */
};

struct job *job_new(const struct work_keys *keys, enum work_kind kind, epoch_id epoch,
                    node_id proposer);
void job_free(struct job *j); /* NULL is fine. */
void job_run(struct job *j);
/* Memory for all n chunks of one block, aligned as the code wants it. */
uint8_t *chunks_new(struct quorum q, size_t chunk_size);
/* Room for `needed` items of `size` bytes in a growing array. Aborts when there is no memory. */
void *array_grow(void *items, size_t *capacity, size_t needed, size_t size);

#endif
