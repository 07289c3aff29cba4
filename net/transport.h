/* Authenticated frames between the nodes of a fixed cluster, over ZeroMQ with CURVE; those of the
 * bulk lanes plain, if so told, with a seal beside each (net/seal.h).
 *
 * Three lanes a peer, a connection each, so that bulk data never stands before a vote. A node
 * binds one PULL socket a lane and connects one PUSH socket a lane to every peer. A ZAP handler
 * admits the cluster's nodes, by their keys, and nobody else; the sender of a frame is the owner
 * of the key of its connection (and, where that is plain, of the frame's seal), never a field.
 *
 * ZeroMQ's own queues are kept short (they can be neither reordered nor taken back); behind
 * them each peer and lane has a queue of ours, bounded in bytes. A frame that does not fit is
 * dropped and counted: the core computes from its state what a peer has not got and sends it
 * again. A link may lose frames whenever a connection breaks. */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include <poll.h>

#include "crypto/bytes.h"
#include "crypto/quorum.h"
#include "net/curve.h"
#include "net/frame.h"
#include "net/seal.h"

enum lane { LANE_VOTES, LANE_DISPERSAL, LANE_RETRIEVAL, LANES };

struct transport; /* Opaque: sockets and queues. One thread uses it. */

struct transport_peer {
    char endpoints[LANES][64]; /* tcp://host:port, to connect to; IPv6 as tcp://[address]:port. */
    uint8_t curve_public[CURVE_KEY_SIZE];
};

struct transport_options {
    void *zmq_context; /* Where the ZAP handler runs. */
    node_id self;
    unsigned node_count;
    const struct transport_peer *peers; /* node_count, self's too; copied. */
    char listen[LANES][64];             /* tcp://address:port, to bind. */
    uint8_t curve_secret[CURVE_KEY_SIZE];
    struct seals *seals; /* Bulk is plain: at all nodes, or none. Kept by reference. NULL: CURVE. */
    /* Sent and received. ZeroMQ keeps a few received frames a connection: what a lying peer can
     * make this node hold grows with it, so that of the votes should be small. */
    size_t frame_size_max[LANES];
    size_t queue_bytes_max[LANES]; /* A peer. Room for a frame at least. */
    /* Dials anew when frames wait for so long and the connection took none; 0: 30 s. */
    unsigned redial_ms;
};

/* The ZAP handler of a context: a thread on inproc://zeromq.zap.01. Sockets in the domain "node"
 * admit the given keys, and give each message the User-Id "N" of its owner's index in decimal;
 * those in the domain "bulk" the same for passwords (PLAIN) of `seals`, if not NULL; sockets in the
 * domain "client" admit any CURVE key. Counts refusals. */
struct zap;
int zap_start(void *zmq_context, const uint8_t (*keys)[CURVE_KEY_SIZE], unsigned count,
              const struct seals *seals, node_id self, struct zap **zap, char *message,
              size_t message_size);
uint64_t zap_refused(const struct zap *z);
void zap_stop(struct zap *z); /* Before the context is terminated. NULL is fine. */

/* 0, or -1 with `message`: a port in use names the port and what to do. Needs a running zap. */
int transport_open(const struct transport_options *options, struct transport **transport,
                   char *message, size_t message_size);
void transport_close(struct transport *t);

/* Queues a reference to the frame, whose bytes are not written from then on; never to oneself.
 * `tag`, if not 0, names it for transport_drop, and a frame whose tag is queued already for this
 * peer and lane is not queued twice. `order`: the lower goes first within a lane; equal ones in
 * the order of sending. False when the queue was full. */
bool transport_send(struct transport *t, node_id to, enum lane lane, uint64_t order, uint64_t tag,
                    struct frame *frame);
/* Whether it would be queued: to make one that is not costs as much. */
bool transport_takes(const struct transport *t, node_id to, enum lane lane, uint64_t tag,
                     size_t size);
/* Takes back frames still queued under `tag`; returns how many. */
unsigned transport_drop(struct transport *t, node_id to, enum lane lane, uint64_t tag);

struct transport_frame {
    node_id from;
    enum lane lane;
    struct slice bytes; /* Lent until the next transport_receive. */
};
/* Fills in what has arrived, up to `capacity` frames, votes first. A quarter of the room is kept
 * for the lanes below, so that a peer which floods one lane does not close the others. Never
 * waits, and asks only lanes of which polling or the last call said that there may be some: to ask
 * libzmq costs two system calls. Returns how many. */
unsigned transport_receive(struct transport *t, struct transport_frame frames[], unsigned capacity);
/* Whether more may have arrived than the last transport_receive had room for. */
bool transport_more(const struct transport *t);

/* Moves what is queued to the sockets as far as they take it, and fills in what to poll, all for
 * reading: when one is readable there may be something to receive, or to move. Returns how many of
 * at most transport_poll_max(). With transport_more() there is nothing to wait for. */
unsigned transport_poll_max(const struct transport *t);
unsigned transport_flush(struct transport *t, struct pollfd polled[]);
/* Says what came of polling them: before anything else is called. */
void transport_polled(struct transport *t, const struct pollfd polled[], unsigned count);

/* Whether the peer's connection for votes is there and takes a frame now. */
bool transport_reaches(struct transport *t, node_id to);

/* Whether a bulk lane has taken nothing, nor would have, for `ms` in which that for votes was open.
 * Both are seen by asking: transport_reaches first. */
bool transport_shut(struct transport *t, node_id to, unsigned ms);

struct transport_traffic { /* Since the start; application bytes. */
    uint64_t rx_bytes[LANES];
    uint64_t tx_bytes[LANES]; /* Taken by the sockets. */
};
/* Of one peer; none of oneself. */
struct transport_traffic transport_traffic(const struct transport *t, node_id peer);

struct transport_counts {             /* Since the start. */
    struct transport_traffic traffic; /* Of all. */
    uint64_t dropped_frames[LANES];   /* Queue full. */
    uint64_t refused_frames;          /* Received with a seal that is none. */
    uint64_t cut_connections;         /* By which more came than a message may have. */
    uint64_t queued_bytes[LANES];     /* Now. */
    /* Half of what TCP says a round trip took on connections for votes, in the last one to two
     * minutes: the median, and what one in a hundred exceeds. 0: there were none. */
    double vote_delay_ms[2];
};
void transport_counts(const struct transport *t, struct transport_counts *counts);
/* Application bytes queued for and not yet taken by the socket of one peer and lane. */
size_t transport_queued(const struct transport *t, node_id to, enum lane lane);

#endif
