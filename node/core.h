/* The state of a node: private to the core's files, each of which says what is its own.
 *
 *   history.c    completed and delivered, over the horizon
 *   instances.c  the table of dispersals that are of interest
 *   dispersal.c  chunks, votes on roots, completion
 *   epoch.c      agreements of the epochs in flight, their coins; agreed, sealed
 *   ahead.c      how far what is agreed may be ahead of what is executed
 *   propose.c    when to make a block; its dispersal until it completes
 *   defer.c      whose chunk can wait
 *   retrieval.c  fetching completed dispersals
 *   fetch.c      whom each is asked of
 *   window.c     how much is asked for at a time
 *   pace.c       how long a peer may send nothing
 *   delivery.c   the one order
 *   witness.c    how agreements of before ended, by who lost its data
 *   status.c     where the peers are; asking and answering again
 *   checkpoints.c  what all sign of the ledger
 *   stages.c     how long an epoch takes
 *   memory.c     all of it, carved once
 *   node.c       recovery, the step */
#ifndef NODE_CORE_H
#define NODE_CORE_H

#include "node/history.h"
#include "node/link.h"
#include "node/node.h"

enum {
    DELIVERY_WINDOW = 16,   /* Epochs from the one being delivered whose dispersals are fetched. */
    DELIVERY_AHEAD = 4,     /* Epochs delivered and not yet executed. */
    LINKED_AHEAD = 64,      /* Linked dispersals fetched at a time. */
    FETCH_SLOTS = 64,       /* Dispersals fetched at a time. */
    FETCH_BYTES = 64 << 20, /* Of chunks gathered at a time, beyond the first slot. */
    TALLIES = 2,            /* Roots of an instance, on average. */
    VOTES_PER_OPEN = 4,     /* Incomplete instances tallied per sender and proposer, times
                           * open_dispersals: correct senders can be stuck in fewer (4.2). */
    BACKOFF_MAX = 32,       /* What is repeated, at most so many times retry_ms apart. */
    AHEAD_EPOCHS = 4096,    /* Agreed and not executed by f+1, whose bytes are remembered. */
    AHEAD_BLOCK = 150000,   /* Bytes of each node in each epoch in flight, that may always wait; and
                             * of ours, that may always be under way. */
    AHEAD_SAMPLES = 16,     /* Of what was executed, in the last lag_target. */
    AHEAD_MEAN = 16,        /* An epoch's bytes count as one of so many for the mean. */
    STAGE_EPOCHS = 4096,    /* Epochs whose stages are measured: beyond, one is too far behind. */
    CHECKPOINTS_OPEN = DELIVERY_AHEAD + 4, /* The last ones; those delivered and not executed. */
    LATE_PENDING_MAX = 256, /* Dispersals that complete after their epoch was delivered and are
                             * fetched before they are linked. */
};
#define NONE UINT32_MAX

/* One dispersal that is of interest: incomplete and voted on, or to be fetched or delivered. The
 * store knows the others. */
struct instance {
    epoch_id epoch; /* 0: free. */
    node_id proposer;
    bool checking;  /* Our chunk is being verified. */
    bool late;      /* ... and its dispersal had completed. */
    bool has_chunk; /* Stored, under chunk_root. */
    bool wanted;    /* Delivery waits for it by name: linked or accepted. */
    bool fetching;
    bool pending;  /* In the list of those to fetch. */
    uint8_t block; /* enum block_state */
    uint32_t count;
    uint32_t chunk_size; /* Of ours; 0: none, or from before the start. */
    struct hash chunk_root;
    struct vid_server server;
    uint32_t bucket_next;                /* In the table's bucket, or the free list. */
    uint32_t sibling_next, sibling_prev; /* Of the same proposer. */
    uint32_t fetch_next, fetch_prev;     /* By epoch. */
};

/* A chunk of what completed without it; what is known of that is being looked up. */
struct late_chunk {
    epoch_id epoch; /* 0: none. */
    node_id proposer;
    uint32_t size;
    struct vid_header header;
};

/* Votes of one sender on incomplete instances of one proposer. */
struct voting {
    epoch_id newest; /* None is on one of a later epoch. */
    uint32_t count;
};

struct instances {
    struct instance *items;
    uint32_t capacity;
    uint32_t used; /* At most, so far. */
    uint32_t count;
    uint32_t free;
    uint32_t *buckets;
    uint32_t bucket_count; /* A power of two. */
    uint32_t *siblings;    /* By proposer. */
    struct voting *voting; /* [sender][proposer] */
    uint8_t *got_open;     /* [proposer]: incomplete ones with our GOT, or being checked. */
    uint32_t open;         /* Incomplete ones. */
    struct vid_pool pool;
    struct late_chunk looked;
    struct nodeset late; /* Proposers of whom one is being checked. */
};

struct epoch {
    epoch_id id;
    bool active;    /* Something was said in it, by us or to us. */
    bool zeros_put; /* N-f agreements are on 1: 0 was put into the rest. */
    bool agreed;
    bool sealed;
    struct nodeset decided;
    struct nodeset ones;
    struct nodeset closed;
    struct nodeset heard; /* Who has voted in it, since the start. */
    unsigned others;      /* Dispersals of others that have completed since, ... */
    uint64_t some_ms;     /* ... and when f+1 of them had; 0: they have not. */
    uint64_t changed_ms;
    struct ba *bas; /* n */
    struct toss *tosses;
};

/* A dispersal of our own that is not complete. */
struct own {
    epoch_id epoch; /* 0: free. */
    uint64_t bytes; /* Of its block. */
    uint64_t begun_ms;
    uint64_t sent_ms; /* Or repeated. */
    uint32_t wait_ms;
    struct nodeset back;     /* Have been away since, and are to be sent to again ... */
    struct nodeset again;    /* ... once, and were. */
    struct nodeset deferred; /* Sent to only when it is repeated. */
    bool repeated;           /* To all. */
    unsigned gots;           /* Ours, and those of others that there were at the last tick. */
};

struct proposing {
    epoch_id last;    /* Proposed in this epoch, or being. */
    epoch_id taking;  /* A block of this epoch is being made; 0: none. */
    epoch_id carried; /* The last epoch in which ours had transactions to carry. */
    epoch_id heard;   /* The latest epoch in the window that another spoke in. */
    uint64_t last_ms;
    unsigned late; /* Dispersals of ours on end that completed long after those of others, ... */
    epoch_id caught_up; /* ... since the one of this epoch, which was begun sooner for that. */
    uint64_t pool_bytes;
    uint32_t block_bytes; /* Transactions of our next block take no more. */
    uint64_t stale; /* Blocks with transactions of epochs delivered, themselves undelivered. */
    unsigned own_open;
    uint32_t usual_ms; /* What our dispersals take that are not repeated, smoothed; 0: none yet. */
    uint32_t deviation_ms;
    uint64_t usual_bytes; /* Of the largest lately: what they take is of those not much smaller. */
    uint32_t doubt_ms;    /* After so long one may be lost on the way. */
    uint64_t doubted_ms;  /* When that was last found too short. */
    unsigned defer_pause; /* Dispersals that are sent to all, ... */
    unsigned defer_next;  /* ... and how many the next time. */
    epoch_id paced;       /* When it was last seen how fast peers execute: agreed, then. */
    struct own *own;      /* open_dispersals */
    uint8_t *seen;        /* link_seen_size_max */
};

struct fetch {
    epoch_id epoch; /* 0: free. */
    node_id proposer;
    uint32_t generation;
    struct hash root;
    bool own; /* Our own chunk is there. */
    bool decoding;
    bool known; /* The header is. */
    struct vid_header header;
    struct nodeset have;
    struct nodeset asked;   /* A request is out. */
    struct nodeset refused; /* NONE: asked again when all were. */
    struct nodeset late;
    struct nodeset hedged;  /* Not late, but silent: others were asked in their place. */
    struct nodeset bad;     /* What they sent was none of it: not asked again. */
    uint64_t again_ms;      /* Not before this are all asked again, ... */
    uint32_t again_wait_ms; /* ... and so long after that, the next time. */
    uint32_t *received;     /* n: bytes so far. */
    uint64_t *heard_ms;     /* n: asked, or last brought on: by a piece of it or of an older one. */
    uint64_t *asked_ms;     /* n: asked, or asked again since that was lost. */
};

/* How a peer's pieces come. */
struct pace {
    uint64_t heard_ms;      /* The last one, or the first request since nothing was out. */
    uint32_t gaps_ms;       /* Their smoothed distance, times PACE_GAPS. */
    uint32_t delays_ms;     /* From a request to its first piece, smoothed, times PACE_GAPS. */
    uint32_t answer_ms;     /* What its answers take to what was asked again of all. */
    uint32_t slow_ms;       /* How long it is asked last when it is late again, ... */
    uint64_t slow_until_ms; /* ... and is now. */
    uint64_t probe_ms;      /* Meanwhile it is not tried before that, ... */
    uint32_t probe_wait_ms; /* ... and so long after that, the next time. */
};

struct retrieval {
    struct fetch slots[FETCH_SLOTS];
    uint32_t pending_head, pending_tail;
    uint32_t pending_count;
    uint32_t generation;
    unsigned active;
    uint32_t *outstanding; /* By peer: requests out. */
    struct pace *paces;    /* By peer. */
    uint32_t usual_ms;     /* The median peer's gap between pieces. */
    uint32_t delay_ms;     /* The median peer's delay from a request to its first piece. */
    uint32_t answer_ms;    /* What the median peer's answers take. */
    uint64_t recent_bytes; /* What came lately, the older the less (window.c), ... */
    uint64_t recent_ms;    /* ... as of then. */
    uint32_t chunk_size;   /* Smoothed; 0: none came yet. */
    struct nodeset slow;   /* Peers that were late, and are asked last; ... */
    struct nodeset came;   /* ... something came of these since. */
};

struct window_epoch {
    epoch_id epoch;
    bool known; /* Agreed, and what is below. */
    bool loading;
    struct nodeset accepted;
};

/* What f+1 of the accepted blocks have seen of one proposer. */
struct cover {
    struct epoch_run *runs; /* LINK_RUNS_MAX * n */
    unsigned count, at;
    epoch_id next; /* The least one, of runs[at], not delivered nor in the list to come; 0: none. */
};

struct delivery_state {
    epoch_id epoch; /* Being delivered. */
    epoch_id executed;
    epoch_id busy; /* The last one in which transactions were delivered. */
    uint64_t height;
    struct window_epoch window[DELIVERY_WINDOW]; /* Epoch e at e % DELIVERY_WINDOW. */
    enum { DELIVERY_RETRIEVE, DELIVERY_SEE, DELIVERY_COVER, DELIVERY_LINK } stage;
    struct nodeset asked_seen;
    struct nodeset seen;                     /* Accepted blocks whose seen is here. */
    struct epoch_run (*runs)[LINK_RUNS_MAX]; /* [proposer][block] */
    uint8_t *run_counts;                     /* [proposer][block] */
    struct cover *covers;                    /* [proposer] */
    unsigned cover_next;                     /* The proposer whose cover is found next. */
    struct {
        epoch_id epoch;
        node_id proposer;
    } linked[LINKED_AHEAD];
    unsigned linked_head, linked_count;
};

struct epoch_bytes {
    epoch_id epoch;
    uint64_t bytes;
};

struct ahead {
    struct epoch_bytes *epochs; /* AHEAD_EPOCHS: epoch e at e % AHEAD_EPOCHS. */
    epoch_id start;    /* What was agreed before we started, or while we were away, ends here. */
    uint64_t known_ms; /* When what was executed is known for all of lag_target. */
    epoch_id rank;     /* The last epoch that f+1 had executed; 0: not known yet. */
    uint64_t executed; /* Bytes of those from the start to there. */
    uint64_t mean;     /* Of one. */
    struct {
        uint64_t ms, executed;
    } samples[AHEAD_SAMPLES];
    unsigned sample_count;
    bool far; /* Too far. */
};

/* One of the last checkpoints. */
struct checkpoint_slot {
    epoch_id epoch; /* 0: free. */
    struct checkpoint checkpoint;
    bool executed; /* All of it is known, ... */
    bool known;    /* ... and its digest, and what was signed before a restart. */
    struct hash digest;
    struct nodeset signers;
    struct nodeset verifying; /* A signature of theirs is being verified. */
    struct nodeset bad;       /* Theirs was none, or of another digest: not taken again. */
    struct nodeset differ;    /* Those who have signed another one: */
    struct hash *others;      /* n */
    struct identity_signature *signatures; /* n */
};

struct checkpoints {
    struct checkpoint_slot slots[CHECKPOINTS_OPEN];
    epoch_id last;     /* The last one executed. */
    uint64_t asked_ms; /* Since then its signatures are waited for, or asked for again ... */
    uint32_t wait_ms;  /* ... after so long. */
    uint64_t
        open_ms; /* Since then what was executed is in none; 0: there is no transaction in it. */
};

/* When an epoch reached its stages; 0: it did not, or before the start. */
struct stage_marks {
    epoch_id epoch;
    uint64_t begun_ms, complete_ms, agreed_ms, delivered_ms;
};

/* How long we have waited for one thing without asking for it. */
struct asking {
    uint64_t mark; /* Changes when that is another thing, or it comes on. */
    uint64_t since_ms;
    uint32_t wait_ms;
    bool asked; /* Since it came on. */
};

struct peer {
    struct word word;
    uint64_t heard_ms;
    uint64_t back_ms;    /* Nothing had been heard of it for long. */
    uint64_t may_ask_ms; /* From then on it may ask anew; until then, about so many ... */
    uint32_t votes_left; /* ... agreements ... */
    uint32_t roots_left; /* ... and dispersals, ... */
    uint32_t checkpoints_left;
    bool ping_left;
    epoch_id paced;                   /* What it had executed at proposing.paced; */
    uint8_t pace;                     /* how many of every PACE epochs it executed before that; */
    uint8_t credit;                   /* what it has of a chunk of ours, in parts of PACE. */
    epoch_id want_recent, want_older; /* Where we look next for incomplete dispersals of its. */
};

/* An epoch that was agreed on before this node lost its data, and what others say of it. */
struct witness {
    epoch_id epoch; /* 0: none yet. */
    uint64_t asked_ms;
    bool told;               /* Its outcome is known, and told. */
    struct nodeset *said[2]; /* n each: who says that an agreement ended so. */
};

struct node {
    struct node_options options; /* The horizon is the mode's. */
    struct mode_rules rules;
    struct quorum quorum;
    node_id self;
    uint64_t now_ms;
    bool started;
    bool disk_full; /* Nearly. */
    epoch_id first_unsealed;
    epoch_id silent;           /* No dispersal of an epoch through this one gets a vote of ours. */
    struct witness *witnesses; /* n: for each who may ask. */
    epoch_id agreed;
    struct epoch *epochs; /* epoch_window: epoch e at e % epoch_window. */
    struct history completed, delivered, payload;
    struct instances instances;
    struct proposing proposing;
    struct retrieval retrieval;
    struct delivery_state delivery;
    struct ahead ahead;
    struct checkpoints checkpoints;
    struct stage_marks *stages; /* STAGE_EPOCHS: epoch e at e % STAGE_EPOCHS. */
    struct peer *peers;
    epoch_id pruned, pruned_sealed;
    epoch_id held; /* A snapshot stands for what was delivered through this epoch; 0: none does. */
    struct word told; /* Our word, as everyone was last told, and when. */
    uint64_t told_ms;
    uint64_t want_ms;         /* When we last asked, or last waited for nothing ... */
    uint32_t want_wait_ms;    /* ... and how long until we ask again. */
    uint64_t progress;        /* Counts whatever brings us on; */
    uint64_t want_progress;   /* as it was then. */
    uint64_t moved_ms;        /* When it was last seen to change. */
    struct asking for_epoch;  /* The votes of the first unsealed epoch, ... */
    struct asking for_needed; /* ... and what delivery waits for by name. */
    struct node_view view;
};

/* Epochs in flight. */
static inline bool node_in_flight(const struct node *n, epoch_id e)
{
    return e >= n->first_unsealed && e < n->first_unsealed + n->options.epoch_window;
}
static inline struct epoch *node_epoch(const struct node *n, epoch_id e)
{
    assert(node_in_flight(n, e));
    return &n->epochs[e % n->options.epoch_window];
}
/* Whether a peer takes what is said of an epoch, as far as we know. */
static inline bool node_peer_takes(const struct node *n, node_id peer, epoch_id e)
{
    return e < n->peers[peer].word.first_unsealed + n->options.epoch_window;
}

/* instances.c */
size_t instances_count(const struct node_options *o);
/* Of them, for what is held for delivery, linked, our own or promised, late, and a late chunk of
 * each. */
size_t instances_reserved(const struct node_options *o);
struct instance *instance_find(const struct node *n, epoch_id epoch, node_id proposer);
struct instance *instance_make(struct node *n, epoch_id epoch, node_id proposer);
/* Forgets all that was said. Who lost its data may have said another root, and only listens. */
void instance_listen(const struct node *n, struct instance *i);
/* Lets go of it if nobody needs it here: what the store knows can be looked up. */
void instance_retire(struct node *n, struct instance *i);
void instance_record(const struct node *n, const struct instance *i, struct instance_record *r);
void instance_save(struct node *n, const struct instance *i, struct effects *out);
/* What the store says of a dispersal that is not here. */
struct instance *instance_restore(struct node *n, epoch_id epoch, node_id proposer,
                                  const struct instance_record *r);

/* dispersal.c */
void dispersal_votes(struct node *n, node_id from, const struct message *m, struct effects *out);
void dispersal_ready(struct node *n, node_id from, const struct message *m, struct effects *out);
void dispersal_chunk(struct node *n, node_id from, const struct message *m, struct effects *out);
/* False: nobody but delivery wanted to know. */
bool dispersal_looked(struct node *n, const struct event *event, struct effects *out);
void dispersal_checked(struct node *n, const struct work_result *r, struct effects *out);
/* To all, again, what we have said of one that is not complete here; false: nothing. */
bool dispersal_tell(const struct node *n, epoch_id epoch, node_id proposer, struct effects *out);
/* Those past the horizon of what is executed: what delivery alone has given up comes back with a
 * restart, and finds its place. */
void dispersal_give_up(struct node *n);
/* Our own block is coded: our chunk and our GOT. */
void dispersal_encoded(struct node *n, const struct work_result *r, struct effects *out);

/* epoch.c */
void epoch_open(struct node *n, epoch_id e); /* Makes its slot ready. */
void epoch_votes(struct node *n, node_id from, const struct message *m, struct effects *out);
void epoch_share(struct node *n, node_id from, const struct message *m, struct effects *out);
void epoch_completed(struct node *n, epoch_id e, node_id proposer, struct effects *out);
void epoch_share_made(struct node *n, const struct work_result *r, struct effects *out);
void epoch_tossed(struct node *n, const struct work_result *r, struct effects *out);
void epoch_seal(struct node *n, struct effects *out);  /* Whatever can be. */
void epoch_start(struct node *n, struct effects *out); /* After recovery. */

/* ahead.c */
/* A dispersal that has completed, and of which we have our chunk: once each. */
void ahead_dispersed(struct node *n, epoch_id epoch, uint32_t chunk_size);
void ahead_start(struct node *n);
void ahead_tick(struct node *n);
/* Whether f+1 say that they have executed all but the last epoch that is agreed here. */
bool ahead_hungry(const struct node *n);

/* checkpoints.c */
/* All of an epoch is delivered, and nothing after it. */
void checkpoints_delivered(struct node *n, epoch_id epoch);
void checkpoints_start(struct node *n, struct effects *out);
void checkpoints_executed(struct node *n, const struct executed *x, struct effects *out);
void checkpoints_looked(struct node *n, const struct event *event, struct effects *out);
void checkpoints_signed(struct node *n, const struct work_result *r, struct effects *out);
void checkpoints_verified(struct node *n, const struct work_result *r, struct effects *out);
void checkpoints_message(struct node *n, node_id from, const struct message *m,
                         struct effects *out);
void checkpoints_tick(struct node *n, struct effects *out);
bool checkpoints_due(const struct node *n); /* A reason to propose, if not held back. */

/* stages.c */
void stages_begun(struct node *n, epoch_id epoch);
void stages_complete(struct node *n, epoch_id epoch);
void stages_agreed(struct node *n, epoch_id epoch);
void stages_delivered(struct node *n, epoch_id epoch);
void stages_executed(struct node *n, epoch_id epoch);

/* propose.c */
void propose_advance(struct node *n, struct effects *out);
void propose_tick(struct node *n, struct effects *out);
void propose_completed(struct node *n, epoch_id epoch);
/* Ours completed in an epoch in which f+1 of the others had completed at some_ms; 0: they have not. */
void propose_compared(struct node *n, epoch_id epoch, uint64_t some_ms);
/* Whom its chunks are sent to at once is returned. */
struct nodeset propose_own(struct node *n, epoch_id epoch, uint64_t block_bytes);
void propose_heard(struct node *n, node_id peer);
void propose_init(struct node *n);
/* For how long it is normal, here and now, that something does not come: links may be slow, and
 * full. At least retry_ms, and bounded. */
uint32_t propose_normal_ms(const struct node *n);
/* The same while it is doubted that what was sent arrives. */
uint32_t propose_doubt_ms(const struct node *n);
/* What a dispersal of ours takes: as was measured, or until one was as is guessed. */
uint32_t propose_takes_ms(const struct node *n);
void propose_peer_window(struct node *n, node_id peer, epoch_id from, epoch_id to,
                         struct effects *out);

/* defer.c */
/* The peers that a dispersal which begins now does without, for the time being. */
struct nodeset defer_choose(struct node *n);
/* Whether a peer has executed less, by more than the epochs in flight, than is agreed. */
bool defer_behind(const struct node *n, unsigned peer);
void defer_needed(struct node *n); /* It did not complete without; */
void defer_enough(struct node *n); /* it did. */

/* pace.c */
void pace_init(struct node *n);
uint32_t pace_patience(const struct node *n, unsigned peer); /* ms */
uint32_t pace_worth(const struct node *n);                   /* ms that a piece makes up for. */
uint32_t pace_hedge(const struct node *n); /* ms that what holds up execution may take. */
bool pace_silent(const struct node *n, unsigned peer); /* If anything is out with it. */
void pace_begin(struct node *n, node_id peer);         /* Asked: nothing was out. */
void pace_piece(struct node *n, node_id from);
void pace_first_piece(struct node *n, node_id from, uint64_t asked_ms);
/* A peer says that it has answered what it was asked at asked_ms. */
void pace_answered(struct node *n, node_id from, uint64_t asked_ms);
/* A dispersal that nothing was sent again for took ms: so do no answers take longer now. */
void pace_dispersed(struct node *n, uint32_t ms);
/* A peer is late, and asked last from now on; something came of it; a whole chunk. */
void pace_late(struct node *n, node_id peer);
void pace_came(struct node *n, node_id from);
void pace_chunk(struct node *n, node_id from);
/* Whether one that is asked last, and has nothing out, is tried now. */
bool pace_probe(struct node *n, unsigned peer);
void pace_forgive(struct node *n); /* Those that came again, when it is time. */
void pace_tick(struct node *n);

/* window.c */
void window_tick(struct node *n);
void window_came(struct node *n, uint32_t bytes);       /* Of what was asked for. */
void window_chunk(struct node *n, uint32_t chunk_size); /* Of a dispersal, once. */
bool window_open(const struct node *n);                 /* For one more dispersal. */

/* fetch.c */
/* Asks until enough chunks are expected, or no one is left; all at once if so told. */
void fetch_ask(struct node *n, struct fetch *f, struct effects *out);
/* Asks one of those that were late beside these, now and then. */
void fetch_probe(struct node *n, struct fetch *f, struct effects *out);
/* A piece of `f` came from a peer; nothing of `f` is out with it any more; nor with anyone. */
void fetch_brought_on(struct node *n, const struct fetch *f, node_id from);
void fetch_overtook(struct node *n, const struct fetch *f, node_id from, struct effects *out);
void fetch_answered(struct node *n, struct fetch *f, node_id from);
void fetch_cancel(struct fetch *f, struct effects *out);
void fetch_tick(struct node *n, struct fetch *f, struct effects *out);

/* retrieval.c */
void retrieval_want(struct node *n, struct instance *i);
void retrieval_own_chunk(struct node *n, const struct instance *i, struct effects *out);
void retrieval_advance(struct node *n, struct effects *out);
void retrieval_tick(struct node *n, struct effects *out);
void retrieval_piece(struct node *n, node_id from, const struct message *m, struct effects *out);
void retrieval_none(struct node *n, node_id from, const struct message *m, struct effects *out);
void retrieval_decoded(struct node *n, const struct work_result *r, struct effects *out);
/* What all have dropped, and nobody will deliver, is not fetched to the end. */
void retrieval_drop(struct node *n, struct effects *out);

/* delivery.c */
void delivery_start(struct node *n, struct effects *out);
void delivery_agreed(struct node *n, const struct epoch *e);
/* The least epoch whose dispersals may still be delivered. */
epoch_id delivery_horizon(const struct node *n);
/* Whether a dispersal is to be fetched now, if it is complete. */
bool delivery_fetches(const struct node *n, const struct instance *i);
void delivery_advance(struct node *n, struct effects *out);
void delivery_loaded(struct node *n, const struct event *event, struct effects *out);
void delivery_looked(struct node *n, const struct event *event, struct effects *out);
void delivery_seen(struct node *n, const struct event *event, struct effects *out);
void delivery_executed(struct node *n, epoch_id epoch);
/* Whether an epoch's dispersals are kept for delivery. */
bool delivery_holds(const struct node *n, epoch_id epoch);
/* A block of ours or a retrieved one with transactions is here. */
void delivery_payload(struct node *n, epoch_id epoch, node_id proposer);

/* witness.c */
/* Somebody asks for the votes of an epoch that is over here. */
void witness_want(struct node *n, node_id asker, epoch_id epoch, struct effects *out);
/* Votes of such an epoch. */
void witness_votes(struct node *n, node_id from, const struct message *m, struct effects *out);

/* status.c */
void status_word(struct node *n, node_id from, const struct word *word, struct effects *out);
void status_want_votes(struct node *n, node_id from, const struct message *m, struct effects *out);
void status_want_checkpoint(struct node *n, node_id from, epoch_id epoch, struct effects *out);
void status_want_roots(struct node *n, node_id from, const struct message *m, struct effects *out);
void status_ping(struct node *n, node_id from, uint64_t asked_ms, struct effects *out);
void status_tick(struct node *n, struct effects *out);

/* Sends what this effect says to those peers whose window holds the epoch. */
struct effect *send_to(struct effects *out, enum effect_type type, node_id to, epoch_id epoch,
                       node_id proposer);

#endif
