/* Nodes of a small cluster with nothing in them but a transport, on loopback.
 *
 * What must happen is waited for, up to PATIENCE_MS; what must not is given QUIET_MS, several times
 * what a handshake takes here. */
#ifndef TESTS_TRANSPORT_FIXTURE_H
#define TESTS_TRANSPORT_FIXTURE_H

#include "net/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

enum { NODES = 3, FRAME_MAX = 64 * 1024, PATIENCE_MS = 3000, QUIET_MS = 150 };

static struct transport_peer peers[NODES];
static uint8_t secrets[NODES][CURVE_KEY_SIZE];
static char message[200];

struct node {
    void *context;
    struct zap *zap;
    struct transport *transport;
    struct seals *seals;
};

static inline uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Ports that are free, all different, and below those that outgoing connections get by themselves:
 * among these, one that calls a port nobody listens on can reach itself. */
static inline void choose_ports(void)
{
    static unsigned port;
    void *context = zmq_ctx_new();
    void *sockets[NODES * LANES];
    if (port == 0)
        port = 12000 + (unsigned)getpid() * 199 % 18000;
    for (unsigned i = 0; i < NODES * LANES; i++) {
        char *endpoint = peers[i / LANES].endpoints[i % LANES];
        sockets[i] = zmq_socket(context, ZMQ_PULL);
        do
            snprintf(endpoint, sizeof peers[0].endpoints[0], "tcp://127.0.0.1:%u", port++);
        while (zmq_bind(sockets[i], endpoint));
    }
    for (unsigned i = 0; i < NODES * LANES; i++)
        zmq_close(sockets[i]);
    zmq_ctx_term(context);
}

/* Of each test its own: what one left behind does not fail the next. */
static inline int fresh(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(curve_generate(peers[i].curve_public, secrets[i]), 0);
    choose_ports();
    return 0;
}

static inline struct transport_options options_of(node_id self)
{
    struct transport_options o = {.self = self, .node_count = NODES, .peers = peers};
    memcpy(o.listen, peers[self].endpoints, sizeof o.listen);
    memcpy(o.curve_secret, secrets[self], CURVE_KEY_SIZE);
    for (unsigned lane = 0; lane < LANES; lane++) {
        o.frame_size_max[lane] = FRAME_MAX;
        o.queue_bytes_max[lane] = 32 * FRAME_MAX;
    }
    return o;
}

static inline struct node open_with(struct transport_options o)
{
    struct node n = {.context = zmq_ctx_new(), .seals = o.seals};
    uint8_t keys[NODES][CURVE_KEY_SIZE];
    for (unsigned i = 0; i < NODES; i++)
        memcpy(keys[i], peers[i].curve_public, CURVE_KEY_SIZE);
    const uint8_t(*admitted)[CURVE_KEY_SIZE] = (const uint8_t(*)[CURVE_KEY_SIZE])keys;
    assert_int_equal(
        zap_start(n.context, admitted, NODES, o.seals, o.self, &n.zap, message, sizeof message), 0);
    o.zmq_context = n.context;
    if (transport_open(&o, &n.transport, message, sizeof message))
        fail_msg("%s", message);
    return n;
}

static inline struct node open_node(node_id self) { return open_with(options_of(self)); }

static inline void close_node(struct node *n)
{
    transport_close(n->transport);
    zap_stop(n->zap);
    seals_free(n->seals);
    zmq_ctx_term(n->context);
}

static inline bool send_frame(struct node *n, node_id to, enum lane lane, uint64_t order,
                              uint64_t tag, uint32_t number, size_t size)
{
    struct frame *f = frame_new(size);
    memset(f->bytes, 0, size);
    memcpy(f->bytes, &number, sizeof number);
    bool queued = transport_send(n->transport, to, lane, order, tag, f);
    frame_release(f);
    return queued;
}

static inline uint32_t number_of(const struct transport_frame *f)
{
    uint32_t number;
    assert_true(f->bytes.size >= sizeof number);
    memcpy(&number, f->bytes.data, sizeof number);
    return number;
}

/* Lets a node that expects nothing send what it has queued. */
static inline void push_out(struct node *n)
{
    struct transport_frame none;
    struct pollfd polled[NODES * LANES];
    assert_int_equal(transport_receive(n->transport, &none, 1), 0);
    const unsigned count = transport_flush(n->transport, polled);
    poll(polled, count, 0);
    transport_polled(n->transport, polled, count);
}

static inline void push_out_for(struct node *n, unsigned ms)
{
    for (uint64_t end = now_ms() + ms; now_ms() < end; zmq_poll(NULL, 0, 10))
        push_out(n);
}

/* Runs both until a frame has arrived at `to`, at most for `ms`. `from` may be NULL. */
static inline bool arrives(struct node *from, struct node *to, struct transport_frame *frame,
                           unsigned ms)
{
    struct pollfd polled[2 * NODES * LANES];
    assert_true(transport_poll_max(to->transport) <= NODES * LANES);
    for (uint64_t end = now_ms() + ms; now_ms() < end;) {
        if (from)
            push_out(from);
        if (transport_receive(to->transport, frame, 1))
            return true;
        const unsigned count = transport_flush(to->transport, polled);
        const unsigned more = from ? transport_flush(from->transport, &polled[count]) : 0;
        poll(polled, count + more, transport_more(to->transport) ? 0 : 5);
        transport_polled(to->transport, polled, count);
        if (from)
            transport_polled(from->transport, &polled[count], more);
    }
    return false;
}

static inline void expect_frame(struct node *from, struct node *to, node_id sender, enum lane lane,
                                uint32_t number)
{
    struct transport_frame f = {0};
    assert_true(arrives(from, to, &f, PATIENCE_MS));
    assert_int_equal(f.from, sender);
    assert_int_equal(f.lane, lane);
    assert_int_equal(number_of(&f), number);
}

static inline void expect_nothing(struct node *from, struct node *to)
{
    struct transport_frame f;
    assert_false(arrives(from, to, &f, QUIET_MS));
}

static inline void expect_passage(struct node *from, struct node *to, node_id sender,
                                  node_id receiver, uint32_t number)
{
    for (enum lane lane = 0; lane < LANES; lane++) {
        assert_true(send_frame(from, receiver, lane, 0, 0, number, 100));
        expect_frame(from, to, sender, lane, number);
    }
}

/* A PUSH socket of our own with this secret, past the transport. */
static inline void *raw_dial(void *context, const uint8_t *secret, const char *endpoint,
                             const uint8_t *server)
{
    uint8_t public[CURVE_KEY_SIZE];
    assert_int_equal(curve_public(secret, public), 0);
    void *s = zmq_socket(context, ZMQ_PUSH);
    zmq_setsockopt(s, ZMQ_LINGER, &(int){0}, sizeof(int));
    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, secret, CURVE_KEY_SIZE);
    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, public, CURVE_KEY_SIZE);
    zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, server, CURVE_KEY_SIZE);
    assert_int_equal(zmq_connect(s, endpoint), 0);
    return s;
}

#endif
