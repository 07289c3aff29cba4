/* What leaves for the peers at a time: votes of one kind in one epoch become one
 * bitmap, roots one list, and all that goes to one peer one frame (or a few, when it is large). */
#ifndef NODE_OUTBOX_H
#define NODE_OUTBOX_H

#include "node/event.h"

struct outbox; /* Opaque. */

struct outbox *outbox_new(struct quorum q, node_id self);
void outbox_free(struct outbox *o);

/* `to` is a peer or TO_ALL: then everyone whose window holds the epoch gets it. */
void outbox_vote(struct outbox *o, node_id to, epoch_id epoch, node_id proposer,
                 const struct ba_message *vote);
void outbox_root(struct outbox *o, node_id to, epoch_id epoch, node_id proposer, enum vid_vote vote,
                 const struct hash *root);
/* READY for the root of our GOT, which was given before. */
void outbox_ready(struct outbox *o, node_id to, epoch_id epoch, node_id proposer);
/* SHARE is held to the windows too; other kinds go to whoever they are for. */
void outbox_message(struct outbox *o, node_id to, const struct message *m);
/* A CHUNK or PIECE, whose bytes are copied: false when what one peer is given of these at a time
 * would come to more than `bytes_max`, with 300 bytes for what is beside each. */
bool outbox_carry(struct outbox *o, node_id to, const struct message *m, size_t bytes_max);
/* A frame leaves even if nothing else is in it. */
void outbox_word(struct outbox *o, node_id to);

/* When it holds so much that it had better be sent at once: 2 MB, beside what is carried. */
bool outbox_full(const struct outbox *o);

struct outbox_port {
    void *context;
    bool (*takes)(void *context, node_id peer, epoch_id epoch);
    /* `again`: all that is in it will be said or asked again, if it does not arrive. */
    void (*send)(void *context, node_id to, bool again, struct slice frame);
};
/* Sends it all and is empty. False when it was empty. */
bool outbox_flush(struct outbox *o, const struct hash *chain, const struct word *word,
                  const struct outbox_port *port);

#endif
