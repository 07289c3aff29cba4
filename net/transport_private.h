/* Inside of the transport: what transport.c and transport_receive.c share. */
#ifndef NET_TRANSPORT_PRIVATE_H
#define NET_TRANSPORT_PRIVATE_H

#include <zmq.h>

#include "net/connections.h"
#include "net/intake.h"
#include "net/queue.h"
#include "net/transport.h"

enum {
    HELD_MAX = 256, /* Frames lent at a time. */
    OWN_PORTS_MAX = 16,
};

/* What libzmq has for a socket's user comes as commands of its threads, and the socket's file is
 * readable while there are some. Asking a socket for its events takes the commands, and costs two
 * system calls: only those are asked whose file is readable. */
struct link {
    void *socket; /* NULL: could not be made, is tried again. */
    int file;
    bool full;        /* Took no frame, and nothing has come from libzmq since. */
    uint64_t open_ms; /* When it last took a frame, or was seen to be ready to. */
    struct queue queue;
    uint64_t waits_since_ms; /* 0: nothing queued, or the last try to send went well. */
    uint64_t inode, acked;   /* Of its connection, when that was last seen. */
};

struct peer {
    struct transport_peer address;
    uint64_t reached_ms; /* Since when the lane for votes has been seen open; 0: it is not. */
    struct transport_traffic traffic;
    struct link links[LANES];
};

struct transport {
    void *context;
    node_id self;
    unsigned node_count;
    unsigned redial_ms;
    size_t frame_size_max[LANES];
    uint8_t curve_secret[CURVE_KEY_SIZE];
    struct seals *seals;            /* Of bulk lanes that are plain; else NULL. */
    struct transport_counts counts; /* But for what peers and their queues have. */
    void *receivers[LANES];
    int receiver_files[LANES];
    bool may_have[LANES]; /* Its file was readable since it was last seen to be empty. */
    bool more;
    uint16_t ports[LANES][NODES_MAX];  /* Of the peers. */
    uint16_t own_ports[OWN_PORTS_MAX]; /* That this process listens on, all of them. */
    unsigned own_port_count;
    struct round_trips trips;
    struct intake intake;
    unsigned held_count;
    zmq_msg_t held[HELD_MAX];
    struct peer peers[]; /* node_count. */
};

static inline bool transport_plain(const struct transport *t, enum lane lane)
{
    return t->seals && lane != LANE_VOTES;
}

/* transport_receive.c: the frames that were lent. */
void transport_return_held(struct transport *t);

#endif
