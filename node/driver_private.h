/* The driver's state: shared by driver.c (the batch), driver_effects.c (what each
 * effect does), driver_open.c (recovery) and driver_send.c (what leaves after the commit). */
#ifndef NODE_DRIVER_PRIVATE_H
#define NODE_DRIVER_PRIVATE_H

#include "node/core.h"
#include "node/driver.h"
#include "node/outbox.h"
#include "node/records.h"
#include "node/work.h"

enum {
    ENCODINGS_KEPT = 4, /* Of our own latest blocks, to send chunks from. */
    PRUNE_STEP = 64,    /* Dispersals dropped in one commit. */
    RESENDS_MAX = 32,   /* At a time. */
    RECODED_MAX = 16,   /* The same. */
    SERVED_PIECES_MAX = CODE_BLOCK_SIZE_MAX / MESSAGE_PIECE_SIZE + 2,
};

/* An own block that is coded again, or is to be, and for whom. */
struct recoded {
    epoch_id epoch; /* 0: unused. */
    struct nodeset to;
};

/* Where the chunks of one fetch come together. */
struct gather {
    uint32_t generation;
    bool open;
    struct vid_header header;
    uint8_t *chunks; /* NULL until the first piece, or our own chunk. */
    struct vid_proof *proofs;
};

/* A share of a round that is over, being made again for who has asked. */
struct resend {
    epoch_id epoch; /* 0: none. */
    node_id proposer;
    uint8_t round;
    struct nodeset to;
};

struct frame_in {
    node_id from;
    struct slice bytes;
};

/* What the core asks the store, answered once its effects are done with. */
struct question {
    enum effect_type type; /* LOAD, LOOK, SEEN, CHECKPOINT, GO_ON */
    epoch_id epoch;
    node_id proposer;
    struct checkpoint checkpoint; /* CHECKPOINT */
};

struct votes_out { /* Own votes of one epoch in this batch. */
    epoch_id epoch;
    size_t size, capacity;
    uint8_t *bytes;
};

struct driver {
    struct driver_options options;
    struct work_keys keys;
    struct code code;
    struct driver_ports ports;
    struct store *store;
    void *memory;
    struct node *node;
    struct effects effects;
    struct outbox *outbox;
    uint64_t said_ms; /* When it last was not empty, and flushed. */
    /* The batch. */
    struct frame_in *frames;
    size_t frame_count, frame_capacity;
    struct job *worked; /* In order of arrival. */
    struct job **worked_end;
    bool pool_changed;
    uint64_t pool_bytes;
    bool disk_full, disk_said; /* As the core was told. */
    struct executed *executed; /* Ascending. */
    size_t executed_count, executed_capacity;
    /* Within a flush. */
    uint64_t now_ms;
    int error;
    epoch_id other_state; /* The checkpoint of DRIVER_OTHER_STATE, now or before; or 0. */
    bool begun, dirty;
    struct job *job;               /* Whose result is being stepped, ... */
    bool keep_job;                 /* ... and whether it is kept for its encoding. */
    const struct message *message; /* The section that is. */
    struct question *questions;
    size_t question_count, question_capacity, question_next;
    struct effect *deferred; /* After the commit, in order. */
    size_t deferred_count, deferred_capacity;
    uint8_t asked[2][NODES_MAX]; /* Of these, what is taken back and what is served, of a peer. */
    struct votes_out *votes;
    size_t votes_count, votes_capacity;
    uint64_t vote_sequence;
    /* Kept. */
    struct gather gathers[FETCH_SLOTS];
    struct job *encodings[ENCODINGS_KEPT];
    unsigned encoding_next;
    struct resend resends[RESENDS_MAX];
    struct recoded recoded[RECODED_MAX];
    epoch_id recoding; /* One at a time, for a block takes its memory; 0: none. */
    unsigned jobs_out;
    bool opened;
    epoch_id held, held_said;
    bool blank, mute;
    epoch_id lost;
    bool prune_more;
    epoch_id prune_through, prune_sealed;
    uint64_t tick_ms;
    struct times commits;
    unsigned replayed;
    uint8_t *frame; /* For CHUNK and PIECE. */
};

/* A transaction for reading or writing, begun when it is first needed; false after an error. */
bool driver_begin(struct driver *d);
void driver_written(struct driver *d, int error); /* A record was put; what the store said. */
void driver_perform(struct driver *d, const struct effect *e);
void driver_defer(struct driver *d, const struct effect *e); /* Until after the commit. */
/* The ledger is not what was signed: nothing more is said. */
void driver_other_state(struct driver *d, epoch_id epoch);
void driver_start_job(struct driver *d, struct job *j);
/* Recovery: everything the store holds, into the core. */
int driver_restore(struct driver *d, const struct driver_ledger *ledger);
/* Performs the deferred effects, and flushes the outbox unless it is held a while. */
int driver_release(struct driver *d);
void driver_send_chunk(struct driver *d, const struct job *encoded, node_id to);
void driver_share_made(struct driver *d, const struct work_result *r);
/* A block of ours was coded again. */
void driver_recoded(struct driver *d, const struct job *encoded);

#endif
