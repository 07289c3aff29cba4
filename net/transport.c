#include "net/transport_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/seal.h"
#include "net/socket.h"

enum { REDIAL_MS = 30000 };

/* Frames that libzmq may have taken from a queue of ours: they cannot be overtaken any more. */
static const int send_high_water[LANES] = {
    [LANE_VOTES] = 64, [LANE_DISPERSAL] = 1, [LANE_RETRIEVAL] = 1};

/* What may wait of a peer in a lane is more than it can rightly be ahead of us. */
enum { WAITING_BYTES = 24 << 20, WAITING_FRAMES = 3, WAITING_UNKNOWN = 8 };

static const uint8_t *secret_of(const struct transport *t, enum lane lane)
{
    return transport_plain(t, lane) ? NULL : t->curve_secret;
}

static int listen_on(struct transport *t, const char *endpoint, enum lane lane, char *message,
                     size_t message_size)
{
    const uint64_t frames = WAITING_FRAMES * (uint64_t)t->frame_size_max[lane];
    const uint64_t bytes = INTAKE_KERNEL_BYTES + (frames > WAITING_BYTES ? frames : WAITING_BYTES);
    const struct intake_limit limit = {
        .bytes = bytes, .total_bytes = WAITING_UNKNOWN * bytes, .connections = 2 * NODES_MAX};
    t->receivers[lane] =
        socket_listen(t->context, endpoint, secret_of(t, lane), t->frame_size_max[lane]);
    if (t->receivers[lane]) {
        t->receiver_files[lane] = socket_file(t->receivers[lane]);
        intake_add(&t->intake, t->receivers[lane], &limit);
        t->may_have[lane] = true;
        return 0;
    }
    if (errno == EADDRINUSE)
        snprintf(message, message_size,
                 "cannot listen on %s: the port is in use; stop the program that has it (is this "
                 "node running already?) or choose another port",
                 endpoint);
    else
        snprintf(message, message_size, "cannot listen on %s: %s%s", endpoint, zmq_strerror(errno),
                 errno == EADDRNOTAVAIL || errno == ENODEV
                     ? "; give an address of this machine as listen in node.conf"
                     : "");
    return -1;
}

/* Connects, or connects anew. What the old connection had taken and not sent is lost. */
static int dial(struct transport *t, struct peer *p, enum lane lane)
{
    struct link *l = &p->links[lane];
    if (l->socket)
        zmq_close(l->socket);
    l->waits_since_ms = 0;
    l->full = false;
    struct socket_pass pass = {.secret = secret_of(t, lane), .server = p->address.curve_public};
    if (transport_plain(t, lane)) {
        snprintf(pass.user, sizeof pass.user, "%u", t->self % 1000u);
        seal_password(t->seals, (node_id)(p - t->peers), pass.password);
    }
    l->socket = socket_dial(t->context, p->address.endpoints[lane], &pass, send_high_water[lane]);
    explicit_bzero(&pass, sizeof pass);
    if (!l->socket)
        return -1;
    l->file = socket_file(l->socket);
    return 0;
}

static struct transport *new_transport(const struct transport_options *o)
{
    assert(o->node_count >= 1 && o->node_count <= NODES_MAX);
    assert(o->self < o->node_count);
    struct transport *t = calloc(1, sizeof *t + o->node_count * sizeof t->peers[0]);
    if (!t)
        abort();
    t->context = o->zmq_context;
    t->self = o->self;
    t->node_count = o->node_count;
    t->seals = o->seals;
    t->redial_ms = o->redial_ms ? o->redial_ms : REDIAL_MS;
    memcpy(t->curve_secret, o->curve_secret, CURVE_KEY_SIZE);
    for (unsigned lane = 0; lane < LANES; lane++) {
        assert(o->frame_size_max[lane] >= SOCKET_FRAME_MIN);
        assert(o->queue_bytes_max[lane] >= o->frame_size_max[lane]);
        t->frame_size_max[lane] = o->frame_size_max[lane];
    }
    for (unsigned i = 0; i < o->node_count; i++) {
        t->peers[i].address = o->peers[i];
        for (unsigned lane = 0; lane < LANES; lane++) {
            const char *port = strrchr(o->peers[i].endpoints[lane], ':');
            t->ports[lane][i] = i != o->self && port ? (uint16_t)strtoul(port + 1, NULL, 10) : 0;
            queue_init(&t->peers[i].links[lane].queue, o->queue_bytes_max[lane]);
        }
    }
    return t;
}

int transport_open(const struct transport_options *options, struct transport **transport,
                   char *message, size_t message_size)
{
    struct transport *t = new_transport(options);
    if (!zmq_has("curve")) {
        snprintf(message, message_size, "this libzmq was built without CURVE");
        goto fail;
    }
    for (enum lane lane = 0; lane < LANES; lane++) {
        if (listen_on(t, options->listen[lane], lane, message, message_size))
            goto fail;
    }
    for (unsigned i = 0; i < t->node_count; i++) {
        for (enum lane lane = 0; i != t->self && lane < LANES; lane++) {
            if (!dial(t, &t->peers[i], lane))
                continue;
            snprintf(message, message_size, "cannot connect to node %u at %s: %s", i,
                     options->peers[i].endpoints[lane], zmq_strerror(errno));
            goto fail;
        }
    }
    *transport = t;
    return 0;
fail:
    transport_close(t);
    return -1;
}

void transport_close(struct transport *t)
{
    if (!t)
        return;
    transport_return_held(t);
    for (unsigned lane = 0; lane < LANES; lane++) {
        if (t->receivers[lane])
            zmq_close(t->receivers[lane]);
        for (unsigned i = 0; i < t->node_count; i++) {
            struct link *l = &t->peers[i].links[lane];
            if (l->socket)
                zmq_close(l->socket);
            queue_free(&l->queue);
        }
    }
    explicit_bzero(t->curve_secret, CURVE_KEY_SIZE);
    free(t);
}

static struct link *link_to(struct transport *t, node_id to, enum lane lane)
{
    assert(to < t->node_count);
    assert(to != t->self);
    assert(lane < LANES);
    return &t->peers[to].links[lane];
}

bool transport_send(struct transport *t, node_id to, enum lane lane, uint64_t order, uint64_t tag,
                    struct frame *frame)
{
    assert(frame->size <= t->frame_size_max[lane]);
    bool queued = queue_push(&link_to(t, to, lane)->queue, order, tag, frame);
    if (!queued)
        t->counts.dropped_frames[lane]++;
    return queued;
}

bool transport_takes(const struct transport *t, node_id to, enum lane lane, uint64_t tag,
                     size_t size)
{
    assert(to < t->node_count);
    assert(lane < LANES);
    return queue_takes(&t->peers[to].links[lane].queue, tag, size);
}

unsigned transport_drop(struct transport *t, node_id to, enum lane lane, uint64_t tag)
{
    return queue_drop(&link_to(t, to, lane)->queue, tag);
}

/* Called by libzmq when it is done with a frame, in its own thread. */
static void let_go(void *bytes, void *frame)
{
    (void)bytes;
    frame_release(frame);
}

static bool give(void *socket, struct frame *frame, int flags)
{
    zmq_msg_t m;
    int result = zmq_msg_init_data(&m, frame->bytes, frame->size, let_go, frame_keep(frame));
    if (result)
        abort(); /* No memory. */
    if (zmq_msg_send(&m, socket, ZMQ_DONTWAIT | flags) >= 0)
        return true;
    zmq_msg_close(&m);
    return false;
}

/* Who takes the first part takes the second: only then is the seal made. */
static bool give_sealed(struct transport *t, const struct peer *p, enum lane lane,
                        struct frame *frame)
{
    uint8_t seal[SEAL_SIZE];
    if (!give(p->links[lane].socket, frame, ZMQ_SNDMORE))
        return false;
    seal_make(t->seals, (node_id)(p - t->peers), (uint8_t)lane, slice_of(frame->bytes, frame->size),
              seal);
    zmq_send(p->links[lane].socket, seal, SEAL_SIZE, ZMQ_DONTWAIT);
    return true;
}

/* libzmq gives a connection up for good when its other end breaks the protocol, as a stranger on
 * the peer's port or a man in the middle does. It does not say so: a connection that takes nothing
 * for long, and moves nothing, is made anew. */
static void flush_link(struct transport *t, struct peer *p, enum lane lane, uint64_t now)
{
    struct link *l = &p->links[lane];
    struct frame *f;
    while ((f = queue_first(&l->queue)) && l->socket && !l->full) {
        l->full = !(transport_plain(t, lane) ? give_sealed(t, p, lane, f) : give(l->socket, f, 0));
        if (l->full)
            break;
        l->open_ms = now;
        p->traffic.tx_bytes[lane] += f->size;
        queue_pop(&l->queue);
        l->waits_since_ms = 0;
    }
    if (!f)
        l->waits_since_ms = 0;
    else if (l->waits_since_ms == 0)
        l->waits_since_ms = now;
    else if (now - l->waits_since_ms >= t->redial_ms)
        dial(t, p, lane); /* If it fails, it is tried again. */
}

unsigned transport_poll_max(const struct transport *t) { return t->node_count * LANES; }

static bool waits_for_room(const struct link *l)
{
    return l->socket && l->full && queue_first(&l->queue);
}

/* A connection that came in has a port of ours at this end, and any at the other. */
static bool is_ours(struct transport *t, const struct connection *c)
{
    const bool known = connection_has_port(t->own_ports, t->own_port_count, c->own_port);
    if (c->listening && !known && t->own_port_count < OWN_PORTS_MAX)
        t->own_ports[t->own_port_count++] = c->own_port;
    return known || c->listening;
}

/* A frame may take a slow link minutes: as long as its bytes arrive it is waited for. Else each would
 * be begun anew before it is over, for ever. */
static void see_moving(struct transport *t, enum lane lane, const struct connection *c)
{
    struct link *l = NULL;
    for (unsigned i = 0; i < t->node_count; i++)
        if (c->other_port != 0 && t->ports[lane][i] == c->other_port) {
            if (l)
                return; /* On several machines: whose it is is not known. */
            l = &t->peers[i].links[lane];
        }
    if (!l)
        return;
    if (l->waits_since_ms > 0 && l->inode == c->inode && c->acked > l->acked)
        l->waits_since_ms = t->intake.looked_ms;
    l->inode = c->inode;
    l->acked = c->acked;
}

static void see(void *transport, const struct connection *c)
{
    struct transport *t = transport;
    intake_see(&t->intake, c);
    if (is_ours(t, c))
        return;
    for (unsigned lane = 0; lane < LANES; lane++) {
        if (!connection_has_port(t->ports[lane], t->node_count, c->other_port))
            continue;
        intake_see_called(&t->intake, c);
        see_moving(t, lane, c);
        if (lane == LANE_VOTES)
            round_trips_count(&t->trips, c);
    }
}

static void look(struct transport *t, uint64_t now)
{
    round_trips_time(&t->trips, now);
    intake_begin(&t->intake, now);
    intake_end(&t->intake, connections_each(see, t));
}

unsigned transport_flush(struct transport *t, struct pollfd polled[])
{
    const uint64_t now = clock_ms();
    unsigned count = 0;
    if (intake_due(&t->intake, now))
        look(t, now);
    for (enum lane lane = 0; lane < LANES; lane++)
        polled[count++] = (struct pollfd){.fd = t->receiver_files[lane], .events = POLLIN};
    for (enum lane lane = 0; lane < LANES; lane++) {
        for (unsigned i = 0; i < t->node_count; i++) {
            struct link *l = &t->peers[i].links[lane];
            if (i != t->self)
                flush_link(t, &t->peers[i], lane, now);
            if (waits_for_room(l))
                polled[count++] = (struct pollfd){.fd = l->file, .events = POLLIN};
        }
    }
    assert(count <= transport_poll_max(t));
    return count;
}

void transport_polled(struct transport *t, const struct pollfd polled[], unsigned count)
{
    unsigned at = LANES;
    for (enum lane lane = 0; lane < LANES && count > 0; lane++)
        t->may_have[lane] = t->may_have[lane] || polled[lane].revents;
    for (enum lane lane = 0; lane < LANES; lane++) {
        for (unsigned i = 0; i < t->node_count && at < count; i++) {
            struct link *l = &t->peers[i].links[lane];
            if (waits_for_room(l) && polled[at++].revents)
                l->full = !socket_takes(l->socket);
        }
    }
}

bool transport_reaches(struct transport *t, node_id to)
{
    assert(to < t->node_count);
    struct link *l = &t->peers[to].links[LANE_VOTES];
    const bool reached = l->socket && socket_takes(l->socket);
    if (reached)
        l->full = false; /* It is known now, and its file need not tell. */
    if (!reached)
        t->peers[to].reached_ms = 0;
    else if (t->peers[to].reached_ms == 0)
        t->peers[to].reached_ms = clock_ms();
    return reached;
}

bool transport_shut(struct transport *t, node_id to, unsigned ms)
{
    assert(to < t->node_count);
    const uint64_t now = clock_ms();
    struct peer *p = &t->peers[to];
    bool shut = false;
    for (enum lane lane = LANE_DISPERSAL; lane < LANES; lane++) {
        struct link *l = &p->links[lane];
        if (l->socket && socket_takes(l->socket)) {
            l->open_ms = now;
            l->full = false; /* As in transport_reaches. */
        }
        const uint64_t since_ms = l->open_ms > p->reached_ms ? l->open_ms : p->reached_ms;
        shut = shut || (p->reached_ms != 0 && now - since_ms >= ms);
    }
    return shut;
}

void transport_counts(const struct transport *t, struct transport_counts *counts)
{
    *counts = t->counts;
    counts->cut_connections = t->intake.cut;
    counts->vote_delay_ms[0] = round_trips_quantile(&t->trips, 0.5) / 2.0;
    counts->vote_delay_ms[1] = round_trips_quantile(&t->trips, 0.99) / 2.0;
    for (unsigned i = 0; i < t->node_count; i++) {
        const struct peer *p = &t->peers[i];
        for (unsigned lane = 0; lane < LANES; lane++) {
            counts->traffic.rx_bytes[lane] += p->traffic.rx_bytes[lane];
            counts->traffic.tx_bytes[lane] += p->traffic.tx_bytes[lane];
            counts->queued_bytes[lane] += p->links[lane].queue.bytes;
        }
    }
}

struct transport_traffic transport_traffic(const struct transport *t, node_id peer)
{
    assert(peer < t->node_count);
    return t->peers[peer].traffic;
}

size_t transport_queued(const struct transport *t, node_id to, enum lane lane)
{
    assert(to < t->node_count);
    assert(lane < LANES);
    return t->peers[to].links[lane].queue.bytes;
}
