/* Performs the effects of the core: first durably, then visibly.
 *
 * Per batch of events: every record into one transaction, one commit, and only then the
 * messages, the work and the deliveries. The daemon and the simulator share it, so that the
 * order is tested where it matters. It is the only file that knows both the core and a store.
 *
 * Also what is made of several effects: votes gathered into bitmaps, one frame a peer and batch;
 * chunks and pieces read from the store as they leave; own blocks coded again for those who
 * have not got their chunk. One thread drives it. */
#ifndef NODE_DRIVER_H
#define NODE_DRIVER_H

#include "node/node.h"
#include "storage/store.h"

/* Tables of the consensus store. */
enum consensus_table {
    TABLE_META,        /* "first_unsealed", "proposed"; "chain", node/stores.h; "settled", mempool. */
    TABLE_INSTANCES,   /* epoch u64, proposer u8 -> instance_record */
    TABLE_CHUNKS,      /* the same -> header, path, chunk */
    TABLE_BLOCKS,      /* the same -> block */
    TABLE_VOTES,       /* epoch u64, sequence u64 -> own messages of its agreements */
    TABLE_OUTCOMES,    /* epoch u64 -> accepted set */
    TABLE_CHECKPOINTS, /* epoch u64 -> checkpoint_record */
    TABLE_DELIVERED,   /* delivered or given up with u64, epoch u64, proposer u8 -> nothing:
                      * what to prune */
    TABLE_POOL,        /* The mempool's. */
    CONSENSUS_TABLES,
};
extern const char *const consensus_tables[CONSENSUS_TABLES];

/* The lanes a frame can leave by, in falling priority: as net/transport.h. */
enum driver_lane { DRIVER_VOTES, DRIVER_DISPERSAL, DRIVER_RETRIEVAL, DRIVER_LANES };

struct job; /* work.h */

struct driver_ports {
    void *context;
    /* A frame for one peer. The bytes are lent for the call. `order`: the lower first. `tag`: a
     * frame whose tag still waits for this peer and lane is not queued twice; 0: none. */
    void (*send)(void *context, node_id to, enum driver_lane lane, uint64_t order, uint64_t tag,
                 struct slice frame);
    /* Whether one would be queued, which is asked before what is large is read and made. NULL: any. */
    bool (*takes)(void *context, node_id to, enum driver_lane lane, uint64_t tag, size_t size);
    /* Takes back the frames that still wait under a tag. */
    void (*drop)(void *context, node_id to, enum driver_lane lane, uint64_t tag);
    /* How many bytes wait for a peer in a lane; DRIVER_LANES: in all. NULL: none ever do. */
    size_t (*queued)(void *context, node_id to, enum driver_lane lane);
    /* Runs job_run(job) now or later, on any thread, then driver_worked on the driver's. */
    void (*work)(void *context, struct job *job);
    /* Transactions for a block of ours: appends to `w` count times length u32 and bytes, at most
     * what fits; returns the count. They are marked as in the block of `epoch`. */
    uint32_t (*take)(void *context, epoch_id epoch, struct writer *w);
    /* Our block of this epoch will never be delivered: what is marked with it waits again. */
    void (*given_up)(void *context, epoch_id epoch);
    /* The next block of the ledger, after the commit of this batch. The block's bytes are in the
     * consensus store, table BLOCKS, until EVENT_EXECUTED says otherwise. */
    void (*deliver)(void *context, const struct delivery *delivery);
    void (*end_epoch)(void *context, epoch_id epoch);
    void (*fault)(void *context, node_id peer, enum fault fault);
    /* OFFER, WANT_SNAPSHOT or SNAPSHOT of a peer, lent for the call. NULL: they are ignored. */
    void (*snapshot)(void *context, node_id from, const struct message *m);
    /* Called inside of the transaction of each batch, before its commit: for records of the
     * shell that share the commit. May be NULL. Returns a store error, 0 if it wrote nothing, or
     * 1 if it did. */
    int (*commit)(void *context, struct store *store);
    /* Microseconds, for how long commits take; NULL: they are not timed. */
    uint64_t (*clock_us)(void *context);
    /* Each event and effect as a line, if not NULL. */
    void (*trace)(void *context, const char *line);
};

struct driver_options {
    struct node_options node;
    struct hash chain;
    const struct coin_public *coin_public; /* Kept by reference. */
    const struct coin_secret *coin_secret;
    const struct identity_secret *identity; /* As in work_keys: by reference too. */
    const struct identity_key *identities;
    size_t carried_bytes; /* Of small chunks, to a peer at a time, with the votes; 0: none. */
};

/* A place of the ledger that the consensus store does not know: what was delivered. */
struct driver_ledger {
    struct executed executed;
    /* Calls visit for each entry of the ledger delivered with an epoch >= from. */
    int (*entries)(void *context, epoch_id from,
                   void (*visit)(void *driver, epoch_id epoch, node_id proposer), void *driver);
    void *context;
    /* Of the snapshot that it began with, as f+1 signed it; NULL: it began with the genesis. */
    const struct checkpoint_record *installed;
};

struct driver;

/* Opens the node on what the store holds. NULL with `message` set on failure. */
struct driver *driver_open(const struct driver_options *options, struct store *store,
                           const struct driver_ports *ports, const struct driver_ledger *ledger,
                           char *message, size_t message_size);
void driver_close(struct driver *d); /* Jobs that are out must have come back. */

/* Why whoever reads the records of a node has failed, and what to do: of one that is missing though it
 * must be there, or does not decode, the store knows nothing. */
const char *driver_reason(const struct store *s, int error);

/* Input. Each call adds to the batch; driver_flush takes it. Bytes are lent until the flush. */
void driver_frame(struct driver *d, node_id from, struct slice bytes);
void driver_worked(struct driver *d, struct job *job);
void driver_pool(struct driver *d, uint64_t bytes_waiting);
/* While it is nearly full no chunk of others is taken: no GOT. */
void driver_disk(struct driver *d, bool full);
void driver_executed(struct driver *d, const struct executed *x);
/* A snapshot stands for all through this epoch, f+1 have signed it: it may be pruned, and is. Durable;
 * the greatest so far. */
void driver_hold(struct driver *d, epoch_id epoch);
epoch_id driver_held(const struct driver *d);
/* Whether this node has never said anything, as far as its store knows: it is new, or has lost it. */
bool driver_is_blank(const struct driver *d);
/* A mute driver hears offers and pieces of snapshots, and says what driver_say is told: nothing else. */
void driver_mute(struct driver *d, bool mute);
/* Of a node whose store was lost: in which epoch, at the least, the snapshot must be that it begins
 * with, since it may have voted in those before; LOST_NOT_KNOWN until it is known; 0: none was lost,
 * or it has begun. Durable; 0 or a store error. */
enum { LOST_NOT_KNOWN = 1 };
epoch_id driver_lost(const struct driver *d);
int driver_remember_lost(struct driver *d, epoch_id least);
/* Says it to one peer, with where we are; not part of a batch. */
void driver_say(struct driver *d, node_id to, enum driver_lane lane, const struct message *m);
/* The checkpoint of an epoch, as remembered; STORE_MISSING, or another store error. */
int driver_checkpoint(struct store_view *view, struct quorum q, epoch_id epoch,
                      struct checkpoint_record *r, struct identity_signature signatures[]);
/* What driver_flush says, besides store errors, when this node has executed an epoch otherwise than
 * when it signed it, or than f+1 others did. That is remembered: driver_open fails until the ledger
 * is one of before that epoch. */
enum { DRIVER_OTHER_STATE = 1 };
/* Steps the core through the batch (and a tick), commits, then sends. 0 or an error, after which the
 * node must stop: it may not speak of what it may forget. */
int driver_flush(struct driver *d, uint64_t now_ms);

const struct node *driver_node(const struct driver *d);
/* Open epochs whose votes were read back at the start. */
unsigned driver_replayed(const struct driver *d);
const struct times *driver_commits(const struct driver *d);
unsigned driver_jobs_out(const struct driver *d);

/* Reading a retrieved or own block of the consensus store, from another thread. */
int driver_block(struct store_view *view, epoch_id epoch, node_id proposer, struct slice *block);
void driver_instance_key(uint8_t key[9], epoch_id epoch, node_id proposer);

#endif
