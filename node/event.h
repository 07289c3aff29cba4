/* What goes into the core and what comes out of it.
 *
 * The core is one function of one state: node_step(state, event) -> effects. It opens
 * nothing, waits for nothing, and knows the time and the bytes that it is told. Bulk bytes
 * pass it by: it sees the slice of an event, says what is to become of it, and forgets it.
 * Heavy work (coding, hashing, decoding, coin shares) leaves as EFFECT_WORK and comes back as
 * EVENT_WORKED, in any order, as late as it likes. */
#ifndef NODE_EVENT_H
#define NODE_EVENT_H

#include "ba/toss.h"
#include "crypto/fault.h"
#include "node/checkpoint.h"
#include "node/message.h"

/* What a node remembers of one dispersal. Own votes are durable before they are sent. */
struct instance_record {
    bool got;      /* GOT(got_root) was said; the chunk is stored. */
    bool ready;    /* READY(ready_root) was said. */
    bool complete; /* With `root`. */
    bool chunk;    /* Own chunk under `chunk_root` is stored. */
    uint8_t block; /* enum block_state */
    struct hash got_root;
    struct hash ready_root;
    struct hash root;
    struct hash chunk_root;
    uint32_t count; /* Transactions of a BLOCK_GOOD. */
};

enum block_state {
    BLOCK_NONE, /* Not retrieved. */
    BLOCK_GOOD, /* Stored. */
    BLOCK_BAD,  /* There is none: no encoding, or it does not decode. */
};

enum work_kind {
    WORK_ENCODE, /* Own block of an epoch -> its encoding. */
    WORK_CHECK,  /* A CHUNK from its proposer: is it under its header? */
    WORK_DECODE, /* Gathered chunks -> a block. */
    WORK_SHARE,  /* Own share of a coin. */
    WORK_TOSS,   /* Verify shares, combine. */
    WORK_SIGN,   /* A checkpoint's digest. */
    WORK_VERIFY, /* A peer's signature of one. */
};

struct work_result {
    enum work_kind kind;
    epoch_id epoch;
    node_id proposer;
    uint8_t round;       /* SHARE, TOSS */
    struct hash root;    /* ENCODE: the commitment. CHECK: what the header commits to. SIGN,
                          * VERIFY: the digest. */
    bool valid;          /* CHECK, VERIFY */
    uint32_t chunk_size; /* ENCODE, CHECK: valid */
    unsigned slot;       /* DECODE */
    uint32_t generation; /* DECODE: of the slot. */
    enum vid_result result;
    bool well_formed;     /* DECODE, VID_RETRIEVED: the bytes are a block. */
    uint32_t count;       /* DECODE, ENCODE: transactions. */
    struct nodeset liars; /* DECODE, VID_BAD_CHUNKS */
    struct coin_share share;
    struct toss_outcome toss;
    struct identity_signature signature; /* SIGN, VERIFY: of node `proposer`. */
};

enum event_type {
    EVENT_TICK = 1, /* Time has passed; also the first event after the start. */
    EVENT_WORD,     /* The header of a peer's frame. */
    EVENT_MESSAGE,  /* A section of it. */
    EVENT_WORKED,
    EVENT_POOL,     /* So many bytes of transactions wait to be proposed. */
    EVENT_DISK,     /* It is nearly full, or not any more. */
    EVENT_LOADED,   /* What the store holds of a whole epoch: answer to EFFECT_LOAD. */
    EVENT_INSTANCE, /* What it holds of one dispersal: answer to EFFECT_LOOK. */
    EVENT_SEEN,     /* What the block of one accepted dispersal has seen: answer to EFFECT_SEEN. */
    EVENT_GO_ON,    /* A step was cut short: answer to EFFECT_GO_ON. */
    EVENT_EXECUTED, /* All that was delivered with this epoch and before is executed. */
    EVENT_CHECKPOINT, /* What is remembered of one: answer to EFFECT_CHECKPOINT. */
    EVENT_HELD,       /* A signed snapshot of this node stands for all through an epoch: it need not
                       * be kept for those behind. */
};

/* The ledger after an epoch. */
struct executed {
    epoch_id epoch;
    uint64_t height;
    struct hash log_root;
    struct hash state_root;
};

struct event {
    enum event_type type;
    uint64_t now_ms; /* Monotonic; the core has no other clock. */
    node_id from;    /* WORD, MESSAGE */
    union {
        struct word word;
        const struct message *message;
        const struct work_result *worked;
        uint64_t pool_bytes;
        bool disk_full;
        struct {
            epoch_id epoch;
            bool sealed; /* Else nothing is known of it. */
            struct nodeset accepted;
            const struct instance_record *records; /* n */
        } loaded;
        struct {
            epoch_id epoch;
            node_id proposer;
            struct instance_record record;
        } instance;
        struct {
            epoch_id epoch;
            node_id proposer;
            struct slice seen;
        } seen;
        struct executed executed;
        struct {
            struct hash digest;
            struct checkpoint_record record; /* No signers: there is none. */
        } checkpoint;
        epoch_id held;
    };
};

enum { TO_ALL = UINT16_MAX };

enum effect_type {
    /* Records: durable before anything below leaves. */
    EFFECT_RECORD_VOTE = 1, /* Own message of an agreement. */
    EFFECT_RECORD_INSTANCE,
    EFFECT_RECORD_OUTCOME, /* An epoch is sealed, or was: its accepted set stays, its votes go. */
    EFFECT_STORE_CHUNK,    /* Own chunk: of the event's CHUNK, encoding or decoding. */
    EFFECT_STORE_BLOCK,    /* The event's block: our own (before its first CHUNK), or retrieved. */
    EFFECT_RECORD_CHECKPOINT,
    EFFECT_GIVE_UP, /* Will never be delivered: it goes when `given_up_with` is pruned. */
    EFFECT_PRUNE,   /* Everyone has executed through this epoch, and sealed others; or a snapshot
                     * stands for them. */
    /* Messages. */
    EFFECT_SEND_VOTE,
    EFFECT_SEND_ROOT,
    EFFECT_SEND,         /* Any other small message. */
    EFFECT_SEND_WORD,    /* Nothing but where we are. */
    EFFECT_SEND_CHUNK,   /* Its chunk of our own block. */
    EFFECT_WITHDRAW,     /* Those of our own block that have not left are not wanted any more. */
    EFFECT_SERVE,        /* Pieces of the stored chunk, or NONE. */
    EFFECT_UNSERVE,      /* Those that have not left yet are not wanted any more. */
    EFFECT_ANSWER_VOTES, /* All we said in these agreements of an open or sealed epoch. */
    EFFECT_ANSWER_ROOTS, /* All we said in some proposers' dispersals of some epochs. */
    EFFECT_ANSWER_CHECKPOINT, /* Our signature, if it is remembered. */
    /* Work and bulk data. */
    EFFECT_WORK,
    EFFECT_FETCH,   /* Open a slot to gather the chunks of a dispersal, if it is not;
                              * begin with our own chunk if it is stored. */
    EFFECT_GATHER,  /* Put the event's piece into it. */
    EFFECT_UNFETCH, /* Close the slot. */
    EFFECT_TAKE,    /* Make a block for an epoch: take transactions, then encode it. */
    EFFECT_LOAD,
    EFFECT_LOOK,
    EFFECT_SEEN,
    EFFECT_CHECKPOINT,  /* Its digest, and what is remembered of it. If that differs, this node must
                        * stop. */
    EFFECT_OTHER_STATE, /* f+1 have signed that the ledger is another: the same. */
    EFFECT_GO_ON,       /* There is more to do at once than one step should. */
    /* Outwards. */
    EFFECT_DELIVER,
    EFFECT_END_EPOCH, /* Everything that this epoch delivers was delivered. */
    EFFECT_FAULT,
};

struct delivery {
    uint64_t position; /* From 0. */
    epoch_id epoch;
    node_id proposer;
    epoch_id with_epoch; /* The epoch that delivers it. */
    struct hash commitment;
    bool valid; /* Else the block is bad: it takes its place and is empty. */
};

struct effect {
    enum effect_type type;
    node_id to; /* Or TO_ALL. */
    epoch_id epoch;
    node_id proposer;
    union {
        struct ba_message vote; /* RECORD_VOTE, SEND_VOTE */
        struct {
            enum vid_vote vote;
            struct hash root;
            bool as_got; /* READY, for the root that our GOT was for. */
        } root;          /* SEND_ROOT; SERVE and UNSERVE with the root alone. */
        struct instance_record instance;
        struct {
            struct nodeset accepted;
            epoch_id first_unsealed; /* After it. */
        } outcome;
        struct message message;
        struct {
            struct hash root;
            uint32_t offset;
        } serve; /* SERVE, UNSERVE */
        struct {
            struct nodeset proposers;
            struct epoch_run run; /* ANSWER_ROOTS */
        } answer;
        struct {
            enum work_kind kind;
            uint8_t round;
            unsigned slot;
            uint32_t generation;
            struct hash root;
            struct vid_header header;
            struct nodeset present;
            const struct toss *toss;
            const struct identity_signature *signature; /* VERIFY: of node `proposer`. */
        } work;
        struct {
            unsigned slot;
            uint32_t generation;
            struct hash root;
            bool own;     /* FETCH: begin with the stored own chunk. */
            node_id from; /* GATHER */
        } fetch;
        struct {
            struct slice seen;
            uint32_t bytes_max; /* Of transactions with their lengths; 0: it carries none. */
        } take;
        struct checkpoint_record checkpoint; /* RECORD_CHECKPOINT; CHECKPOINT: without signers. */
        struct delivery delivery;
        epoch_id given_up_with;
        epoch_id sealed;  /* PRUNE: by everyone through this one. */
        enum fault fault; /* Of `to`. */
    };
};

/* An array of effects, filled by one step. Its capacity bounds what a step may do. */
struct effects {
    unsigned count;
    unsigned capacity;
    struct effect *items;
};

static inline void effects_clear(struct effects *e) { e->count = 0; }
/* A new effect with its type and address. Whoever adds it sets what its type has of the rest: a
 * step may have thousands, and clearing them all costs more than what it does. */
struct effect *effects_add(struct effects *e, enum effect_type type, epoch_id epoch,
                           node_id proposer);
void effects_fault(struct effects *e, node_id peer, enum fault fault);
/* One line of text, for traces. */
void effect_text(const struct effect *e, char *text, size_t size);

#endif
