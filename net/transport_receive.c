#include "net/seal.h"
#include "net/socket.h"
#include "net/transport_private.h"

void transport_return_held(struct transport *t)
{
    while (t->held_count > 0)
        zmq_msg_close(&t->held[--t->held_count]);
}

/* The owner of the connection's key, as the ZAP handler named it, or the number of nodes. A peer
 * cannot name itself: libzmq lets what ZAP says win over what a peer's handshake says. */
static unsigned sender_of(const struct transport *t, zmq_msg_t *m)
{
    unsigned id = 0;
    const char *user = zmq_msg_gets(m, "User-Id");
    if (!user || !*user)
        return t->node_count;
    for (; *user && id < t->node_count; user++) {
        if (*user < '0' || *user > '9')
            return t->node_count;
        id = id * 10 + (unsigned)(*user - '0');
    }
    return id < t->node_count && id != t->self ? id : t->node_count;
}

/* Reads one message; who sent it, or the number of nodes. False when there is none. */
static bool receive_one(struct transport *t, enum lane lane, zmq_msg_t *m, unsigned *from)
{
    struct socket_rest rest;
    *from = t->node_count;
    if (!socket_receive(t->receivers[lane], !transport_plain(t, lane), m, &rest)) {
        intake_empty(&t->intake, lane);
        return false;
    }
    const int file = intake_given(&t->intake, lane, m, rest.wire_bytes);
    const unsigned owner = sender_of(t, m);
    if (owner < t->node_count)
        intake_owned(&t->intake, file, owner);
    if (rest.parts != transport_plain(t, lane))
        return true;
    *from = owner;
    if (transport_plain(t, lane) &&
        (rest.size != SEAL_SIZE ||
         seal_sender(t->seals, (uint8_t)lane, slice_of(zmq_msg_data(m), zmq_msg_size(m)),
                     slice_of(rest.bytes, rest.size)) != *from)) {
        *from = t->node_count;
        t->counts.refused_frames++;
    }
    return true;
}

/* Votes of a peer that sends as fast as it can, before what others say is looked at again. */
enum { VOTES_BYTES_A_TIME = 2 << 20 };

/* False when there may be more than its share. */
static bool receive_lane(struct transport *t, enum lane lane, unsigned share,
                         struct transport_frame frames[])
{
    size_t size = 0;
    for (; share > 0 && (lane != LANE_VOTES || size < VOTES_BYTES_A_TIME); share--) {
        zmq_msg_t *m = &t->held[t->held_count];
        unsigned from;
        const bool some = receive_one(t, lane, m, &from);
        if (from == t->node_count) {
            zmq_msg_close(m);
            if (some)
                continue;
            return true;
        }
        struct slice bytes = slice_of(zmq_msg_data(m), zmq_msg_size(m));
        frames[t->held_count++] = (struct transport_frame){(node_id)from, lane, bytes};
        t->peers[from].traffic.rx_bytes[lane] += bytes.size;
        size += bytes.size;
    }
    return false;
}

unsigned transport_receive(struct transport *t, struct transport_frame frames[], unsigned capacity)
{
    transport_return_held(t);
    t->more = false;
    if (capacity > HELD_MAX)
        capacity = HELD_MAX;
    for (enum lane lane = 0; lane < LANES; lane++) {
        unsigned left = capacity - t->held_count;
        if (t->may_have[lane])
            t->may_have[lane] =
                !receive_lane(t, lane, lane + 1 == LANES ? left : left - left / 4, frames);
        t->more = t->more || t->may_have[lane];
    }
    return t->held_count;
}

bool transport_more(const struct transport *t) { return t->more; }
