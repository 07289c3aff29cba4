/* What nodes say to one another, and its bytes on the wire. Format 1.
 *
 * A frame is a header and then sections, one after another to the end:
 *
 *   version u8 = 1 | chain 8 bytes (of the chain id) | first unsealed u64 | agreed u64 | executed u64
 *   kind u8 | epoch u64 | what the kind says
 *
 * The header is the sender's *word*: where it is. Votes of one node for all instances of an epoch
 * travel as one bitmap, and what leaves for one peer at a time is one frame.
 * Chunks and pieces stand alone in their frame, unless they are small and little else is said.
 * All of it is fixed width and canonical: a frame that decodes encodes to itself. Decoders never
 * allocate and never read past the end. The sender is who has the connection, never a field. */
#ifndef NODE_MESSAGE_H
#define NODE_MESSAGE_H

#include "ba/ba.h"
#include "crypto/coin.h"
#include "crypto/identity.h"
#include "node/block.h"
#include "node/snapshot.h"
#include "vid/encoding.h"
#include "vid/server.h"

#define SNAPSHOT_ANY UINT32_MAX /* No piece has this index. */

enum {
    MESSAGE_VERSION = 1,
    MESSAGE_HEADER_SIZE = 1 + 8 + 3 * 8,
    MESSAGE_PIECE_SIZE = 64 << 10, /* Bytes of a chunk in one PIECE; the last may be shorter. */
    MESSAGE_FRAME_SIZE_MAX = CODE_BLOCK_SIZE_MAX + (64 << 10), /* A CHUNK when k = 1. */
    MESSAGE_RUNS_MAX = 16,                                     /* Of one proposer in a STATUS. */
};

struct word {
    epoch_id first_unsealed;
    epoch_id agreed;
    epoch_id executed;
};

enum message_kind {
    MESSAGE_VOTES = 1,  /* One kind of vote in several agreements of an epoch. */
    MESSAGE_ROOTS,      /* One kind of vote in several dispersals of an epoch. */
    MESSAGE_SHARE,      /* A share of a coin. */
    MESSAGE_WANT_VOTES, /* I have not closed these agreements: say again what you said. */
    MESSAGE_WANT_ROOTS, /* Nor completed these dispersals of one proposer. */
    MESSAGE_CHUNK,      /* Proposer to node: your chunk. */
    MESSAGE_REQUEST,    /* Send me your chunk, from this offset on. */
    MESSAGE_CANCEL,     /* I do not need it any more. */
    MESSAGE_NONE,       /* I have no chunk under this root. */
    MESSAGE_PIECE,      /* A part of a chunk that was asked for. */
    MESSAGE_READY, /* READY of several dispersals of an epoch, each for the root that the sender has
                         * said GOT for before, on this lane: a bit instead of 33 bytes. */
    MESSAGE_CHECKPOINT,      /* My signature of the checkpoint at the end of an epoch. */
    MESSAGE_WANT_CHECKPOINT, /* Yours is not here. */
    MESSAGE_PING,            /* That is all I asked for now: say when you have answered it. */
    MESSAGE_PONG,            /* Those were the answers. */
    /* Of snapshots: the core does not hear of these. */
    MESSAGE_OFFER,         /* What you lack is gone here; this snapshot is not. */
    MESSAGE_WANT_SNAPSHOT, /* This piece of it, please; SNAPSHOT_ANY: make one, of this epoch or later. */
    MESSAGE_SNAPSHOT, /* The piece. */
    MESSAGE_LAST = MESSAGE_SNAPSHOT,
};

struct message {
    enum message_kind kind;
    epoch_id epoch; /* Unless WANT_ROOTS, PING, PONG. */
    node_id
        proposer; /* Of SHARE, WANT_ROOTS, REQUEST, CANCEL, NONE, PIECE; CHUNK's is its sender. */
    union {
        struct {
            struct ba_message vote;
            struct nodeset proposers;
        } votes;
        struct {
            enum vid_vote vote;
            unsigned count;       /* 1 to n */
            struct slice entries; /* count times: proposer u8, root; proposers ascend. */
        } roots;
        struct {
            uint8_t round;
            struct coin_share share;
        } share;
        struct {
            struct nodeset proposers;
        } want_votes, ready;
        struct {
            unsigned count;
            struct epoch_run runs[MESSAGE_RUNS_MAX];
        } want_roots;
        struct {
            struct hash digest;
            struct identity_signature signature;
        } checkpoint;
        struct {
            uint64_t asked_ms; /* By the clock of who asked. */
        } ping, pong;
        struct {
            struct hash root;
            uint32_t offset;
        } request; /* REQUEST; CANCEL and NONE without the offset. */
        struct {
            struct vid_header header;
            struct vid_proof proof;
            uint32_t offset; /* PIECE */
            struct slice data;
        } chunk; /* CHUNK, PIECE */
        struct {
            struct slice head; /* node/snapshot.h */
        } offer;
        struct {
            uint32_t index;
            struct slice path; /* SNAPSHOT: hashes. */
            struct slice data; /* The same. */
        } snapshot;            /* SNAPSHOT, WANT_SNAPSHOT */
    };
};

void message_header_encode(struct writer *w, const struct hash *chain, const struct word *word);
/* False when the frame is of another version or chain, or too short. */
bool message_header_decode(struct reader *r, const struct hash *chain, struct word *word);

/* `to`: who gets it; a CHUNK's path length follows from it. `from`: who sends it, for PIECE. */
void message_encode(struct writer *w, struct quorum q, node_id from, node_id to,
                    const struct message *m);
/* The next section; false when none can be decoded (r->ok then says whether the frame ended
 * properly). Slices borrow from the frame. */
bool message_decode(struct reader *r, struct quorum q, node_id from, node_id to, struct message *m);
/* Entry i of a decoded ROOTS. */
void message_root_entry(const struct message *m, unsigned i, node_id *proposer, struct hash *root);

#endif
