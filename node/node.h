/* The core: epochs in flight, dispersals, retrieval behind them, and the order of delivery.
 *
 * Two machines side by side. *Agreement*: every epoch, each node disperses a block, and N binary
 * agreements say which dispersals count. A completed dispersal puts 1 into its agreement; N-f
 * agreements on 1 put 0 into the rest. All N decided: the epoch is agreed. All N closed: sealed;
 * only then its votes are dropped and its slot given away. *Retrieval*: every completed dispersal
 * is fetched, oldest epoch first, and blocks are delivered in one order everywhere: with each
 * epoch the dispersals that f+1 of its accepted blocks have seen (link.h), then its accepted ones.
 * They share only what a completed dispersal and an agreed epoch say, so that no amount of bulk
 * work delays a vote, and a node with little bandwidth falls behind in retrieval alone.
 *
 * Ordering does not outrun everyone: while fewer than f+1 nodes are within lag_target of what has
 * completed, blocks carry hardly any transactions (ahead.c). The slowest N-f-1 are waited for by
 * nobody.
 *
 * Links lose messages, and nothing is queued for anyone. Who waits asks all about what is not
 * closed or complete here, and says again what it has said of a dispersal that is not: who has heard
 * nothing of it has no reason to ask. A vote for what is not complete is a reason too, an ever rarer
 * one, for it may be a liar's (status.c).
 *
 * No timeout is on the path to agreement. The clock decides when to propose a block that is not
 * full and when to ask again; safety never depends on it.
 *
 * All this is mode dl. Others take parts of it away: mode.h.
 *
 * All memory is given once, at the start: node_memory_size adds it up, and what it adds up is
 * the whole of the core's limits. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "node/event.h"
#include "node/mode.h"
#include "node/times.h"

enum { EPOCH_WINDOW_MAX = 64 };

enum { PROPOSE_STRETCH_MAX = 8 }; /* A power of two. */

struct node_options {
    struct quorum quorum;
    node_id self;
    enum node_mode mode;
    bool fetch_all;        /* Asks all for their chunks, and in hb fetches rejected blocks too. */
    unsigned epoch_window; /* Epochs in flight. */
    unsigned open_dispersals;     /* Incomplete ones of one proposer that we said GOT for. */
    uint64_t link_horizon;        /* Epochs after which an undelivered dispersal is given up. */
    uint64_t checkpoint_epochs;   /* From one signed checkpoint to the next; 0: none. */
    uint32_t checkpoint_delay_ms; /* So long after a transaction empty epochs go on to the next. */
    uint32_t block_bytes_max;
    uint32_t block_bytes_min; /* With this much waiting, the next block does not wait ... */
    uint32_t block_delay_ms;  /* ... nor longer than this, or, where execution is far behind what
                                 is agreed, up to PROPOSE_STRETCH_MAX times it. */
    /* Blocks that waited begin when the time and this pass a multiple of that. Nodes for which it is
     * the same moment begin together, and what all say of it travels in the same frames; nothing
     * else depends on it. */
    uint32_t phase_ms;
    uint32_t retry_ms;
    uint32_t lag_target_ms; /* How far ordering may be ahead of f+1 nodes' execution; 0: any. */
};

struct node;

size_t node_memory_size(const struct node_options *options);
/* `memory` is zeroed, aligned to 64 bytes, and stays the node's until it is dropped. */
struct node *node_init(void *memory, size_t size, const struct node_options *options);

/* The most effects that one step has. */
unsigned node_effects_max(const struct node_options *options);
/* Slices in `out` are lent until the next step. Who performs the effects makes the records
 * durable before anything leaves: driver.h. */
void node_step(struct node *n, const struct event *event, struct effects *out);

/* Recovery, in this order, before the first step. */
void node_restore_height(struct node *n, epoch_id first_unsealed, epoch_id executed,
                         uint64_t height);
/* Its data was lost: it promises nothing in the epochs through this one, in which it may have. */
void node_restore_silent(struct node *n, epoch_id through);
void node_restore_sealed(struct node *n, epoch_id epoch, const struct nodeset *accepted);
void node_restore_delivered(struct node *n, epoch_id epoch, node_id proposer);
void node_restore_instance(struct node *n, epoch_id epoch, node_id proposer,
                           const struct instance_record *record);
void node_restore_vote(struct node *n, epoch_id epoch, node_id proposer,
                       const struct ba_message *vote);
/* The last one before what is executed. */
void node_restore_checkpoint(struct node *n, const struct checkpoint_record *record,
                             const struct hash *digest);
/* We made a block in this epoch; its record was given before. */
void node_restore_proposed(struct node *n, epoch_id epoch);

/* What we said in an agreement of an open epoch, as ba_resend; 0 if it is not open. */
unsigned node_resend(const struct node *n, epoch_id epoch, node_id proposer, unsigned *cursor,
                     struct ba_message messages[], unsigned capacity);
/* Our share of a coin of an open epoch if it was made. */
const struct coin_share *node_share(const struct node *n, epoch_id epoch, node_id proposer,
                                    unsigned round);
struct word node_word(const struct node *n);
/* Whether a peer's window holds an epoch, as far as we know: what lies above is not sent. */
bool node_takes(const struct node *n, node_id peer, epoch_id epoch);

/* What an epoch goes through: stages.c says from when until when. */
enum stage { STAGE_DISPERSAL, STAGE_AGREEMENT, STAGE_RETRIEVAL, STAGE_EXECUTION, STAGES };

struct node_view { /* For status, and for the simulator's checkers. */
    struct word word;
    epoch_id proposed; /* The last. */
    uint64_t height;   /* Delivered. */
    epoch_id delivering;
    uint64_t completed; /* Dispersals, since the start; and so on. */
    uint64_t linked;
    uint64_t accepted;
    uint64_t given_up;  /* Undelivered for ever: rejected in hb, or past the horizon. */
    uint64_t held_back; /* Blocks that might carry no transactions, or hardly any. */
    uint64_t coins_tossed;
    uint64_t agreements; /* Decided; and the rounds that were over for it, in all. */
    uint64_t rounds;
    uint64_t rounds_max;
    uint64_t fetched;
    uint64_t fetch_retries;
    uint64_t
        wasted_pieces; /* Bytes of chunks that were asked for and of no use: one more than ... */
    uint64_t wasted_chunks; /* ... enough, or twice; of dispersals: here already, or over. */
    uint64_t late_closed;   /* Agreements closed after their epoch was agreed. */
    uint64_t quiet;         /* Nothing is waited for. */
    uint64_t takes_ms;      /* A dispersal of ours: measured, or guessed until one was. */
    struct times stages[STAGES];
    epoch_id checkpoint;         /* The last one that f+1 have signed, to our knowledge; 0: none. */
    unsigned checkpoint_signers; /* Of it. */
};
void node_view(const struct node *n, struct node_view *view);
struct node_retrieval {    /* Of now. */
    uint64_t waiting;      /* Dispersals to be fetched, and */
    uint64_t fetching;     /* being fetched. */
    uint64_t requests;     /* For a chunk of one, to one peer, unanswered. */
    uint64_t sources;      /* Peers that have such requests. */
    uint64_t window_bytes; /* So much is asked for at a time, */
    uint64_t asked_bytes;  /* and so much is, late ones aside: guessed from the usual chunk. */
};
void node_retrieval(const struct node *n, struct node_retrieval *view);

/* What is known of an epoch's agreement, for checkers: false if it is not open here. */
bool node_epoch_decisions(const struct node *n, epoch_id epoch, struct nodeset *decided,
                          struct nodeset *ones);

/* The same of a dispersal: whether it completed, and is still of interest here. */
bool node_completed(const struct node *n, epoch_id epoch, node_id proposer, struct hash *root);

#endif
