/* One node's part in agreeing on one dispersal: votes, counted by commitment ("root").
 *
 *   a verified CHUNK under root r, stored        -> GOT(r) to all, once
 *   N-f GOT(r), or f+1 READY(r)                  -> READY(r) to all, once, whatever was GOT
 *   2f+1 READY(r), or f+1 COMPLETE(r)            -> complete with r
 *
 * N-f GOT: N-2f correct nodes hold chunks under r, enough to decode. f+1 READY: a correct
 * node is ready. 2f+1 READY: f+1 correct ones are, so that every correct node will be. Two
 * READY quorums of different roots would need a correct node that voted READY twice.
 * COMPLETE(r) is what a node says of an instance that completed with it, to one that is
 * behind: it counts as its sender's READY too, and f+1 of them hold a correct one's word.
 *
 * One GOT and one READY a sender; a second, different one is a fault and not counted. An
 * instance lives until it is complete here, whatever becomes of its epoch. Own votes are
 * durable before they are sent and given back by vid_server_recall after a restart; tallies
 * are not: a node that lost them is one that has not received those messages yet.
 *
 * Tallies come from a pool that its owner bounds: a root is kept per sender only if someone
 * voted for it. The machine does not know its epoch or proposer. */
#ifndef VID_SERVER_H
#define VID_SERVER_H

#include "crypto/fault.h"
#include "crypto/hash.h"
#include "crypto/quorum.h"

enum vid_vote { VID_GOT = 1, VID_READY, VID_COMPLETE };

/* What was said for one root of one instance. */
struct vid_tally {
    struct hash root;
    struct nodeset votes[3]; /* By enum vid_vote - 1. */
    uint32_t next;           /* Index in the pool, plus 1; 0 ends the list. */
};

struct vid_pool {
    struct vid_tally *tallies;
    uint32_t capacity;
    uint32_t free;    /* Head of the list of those given back, plus 1. */
    uint32_t touched; /* Taken at least once: the first ones. The rest costs no memory yet. */
    uint32_t used;
};

void vid_pool_init(struct vid_pool *p, struct vid_tally *tallies, uint32_t capacity);

struct vid_server {
    uint32_t tallies;        /* Head of the list in the pool, plus 1. */
    struct nodeset voted[3]; /* Who cast which vote, for whatever root. */
    bool silent; /* It says nothing: who has lost what it said before. It only listens. */
    bool sent_got;
    bool sent_ready;
    bool complete;
    struct hash got_root; /* What our own votes were for. */
    struct hash ready_root;
    struct hash root; /* What the instance completed with. */
};

struct vid_server_effects {
    bool send_ready; /* READY(s->ready_root) to all; already counted here. */
    bool completed;  /* Just now, with s->root. Its tallies went back to the pool. */
    enum fault fault;
};

void vid_server_init(struct vid_server *s);
/* Our chunk is verified and stored under `root`: our GOT. The caller sends GOT(root) to all.
 * Not when sent_got or silent. When complete it changes nothing but sent_got and got_root. */
void vid_server_got(struct vid_server *s, struct vid_pool *p, struct quorum q, node_id self,
                    const struct hash *root, struct vid_server_effects *out);
/* A peer's vote. The pool must have a free tally. */
void vid_server_receive(struct vid_server *s, struct vid_pool *p, struct quorum q, node_id self,
                        node_id from, enum vid_vote vote, const struct hash *root,
                        struct vid_server_effects *out);
/* Our own vote, from a record, after a restart; VID_COMPLETE: it completed with `root`. Tallied
 * as when it was cast, without effects. */
void vid_server_recall(struct vid_server *s, struct vid_pool *p, node_id self, enum vid_vote vote,
                       const struct hash *root);
/* Whether a vote of `from` is counted, and for which root. */
bool vid_server_said(const struct vid_server *s, const struct vid_pool *p, node_id from,
                     enum vid_vote vote, struct hash *root);
/* Takes back what `from` said: as if it had not come yet. */
void vid_server_forget(struct vid_server *s, struct vid_pool *p, node_id from);
/* Gives the tallies back. */
void vid_server_release(struct vid_server *s, struct vid_pool *p);

#endif
