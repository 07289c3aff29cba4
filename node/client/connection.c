#include "node/client/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "net/socket.h"

enum {
    CLIENT_PORT = 3, /* From a node's first port. */
    CURVE_OVERHEAD = 33,
    HIGH_WATER = 64, /* Frames that libzmq keeps, each way. */
    RECONNECT_MS = 50,
    RECONNECT_MS_MAX = 500,
    CONNECT_MS_MAX = 3000,
    HANDSHAKE_MS_MAX = 3000,
};

struct connection {
    void *socket;
    unsigned node;
    uint64_t next_id;
    bool filled; /* `received` holds an answer. */
    zmq_msg_t received;
    char address[SETTING_HOST_MAX + sizeof ":65535"];
    uint8_t frame[CLIENT_FRAME_SIZE_MAX];
};

void clock_sleep_ms(uint64_t ms)
{
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static void set(void *socket, int option, const void *value, size_t size)
{
    int result = zmq_setsockopt(socket, option, value, size);
    assert(result == 0);
}

static void set_int(void *socket, int option, int value)
{
    set(socket, option, &value, sizeof value);
}

/* Takes requests only while connected, so that what was not sent stays with the caller. */
static void set_options(void *socket, const uint8_t server[CURVE_KEY_SIZE],
                        const uint8_t public[CURVE_KEY_SIZE], const uint8_t secret[CURVE_KEY_SIZE])
{
    const int64_t size_max = CLIENT_FRAME_SIZE_MAX + CURVE_OVERHEAD;
    set(socket, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max);
    set(socket, ZMQ_CURVE_SERVERKEY, server, CURVE_KEY_SIZE);
    set(socket, ZMQ_CURVE_PUBLICKEY, public, CURVE_KEY_SIZE);
    set(socket, ZMQ_CURVE_SECRETKEY, secret, CURVE_KEY_SIZE);
    set_int(socket, ZMQ_LINGER, 0);
    set_int(socket, ZMQ_IMMEDIATE, 1);
    set_int(socket, ZMQ_SNDHWM, HIGH_WATER);
    set_int(socket, ZMQ_RCVHWM, HIGH_WATER);
    set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MS_MAX);
    set_int(socket, ZMQ_CONNECT_TIMEOUT, CONNECT_MS_MAX);
    set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS_MAX);
    socket_keep_alive(socket);
}

static int dial(struct connection *c, void *zmq_context, const struct cluster_node *node,
                char *message, size_t message_size)
{
    uint8_t public[CURVE_KEY_SIZE];
    uint8_t secret[CURVE_KEY_SIZE];
    char endpoint[sizeof "tcp://" + sizeof c->address];

    if (curve_generate(public, secret)) {
        snprintf(message, message_size, "libzmq has no CURVE; install one built with libsodium");
        return -1;
    }
    c->socket = zmq_socket(zmq_context, ZMQ_DEALER);
    if (c->socket)
        set_options(c->socket, node->curve_public, public, secret);
    secret_wipe(secret, sizeof secret);
    snprintf(endpoint, sizeof endpoint, "tcp://%s", c->address);
    if (c->socket && zmq_connect(c->socket, endpoint) == 0)
        return 0;
    snprintf(message, message_size, "cannot connect to node %u at %s: %s", c->node, c->address,
             zmq_strerror(errno));
    return -1;
}

struct connection *connection_open(void *zmq_context, const struct cluster *cluster, unsigned node,
                                   char *message, size_t message_size)
{
    assert(node < cluster->node_count);
    const struct cluster_node *to = &cluster->nodes[node];
    struct connection *c = calloc(1, sizeof *c);
    if (!c) {
        snprintf(message, message_size, "no memory for a connection");
        return NULL;
    }
    c->node = node;
    c->next_id = 1;
    snprintf(c->address, sizeof c->address, "%s:%u", to->address.host,
             (unsigned)to->address.port + CLIENT_PORT);
    if (dial(c, zmq_context, to, message, message_size)) {
        connection_close(c);
        return NULL;
    }
    return c;
}

void connection_close(struct connection *c)
{
    if (!c)
        return;
    if (c->filled)
        zmq_msg_close(&c->received);
    if (c->socket)
        zmq_close(c->socket);
    free(c);
}

const char *connection_address(const struct connection *c) { return c->address; }
void *connection_socket(const struct connection *c) { return c->socket; }

bool connection_send(struct connection *c, struct client_request *request)
{
    request->id = c->next_id;
    struct writer w = writer_of(c->frame, sizeof c->frame);
    client_request_encode(&w, request);
    assert(w.ok);
    struct slice frame = writer_result(&w);
    if (zmq_send(c->socket, frame.data, frame.size, ZMQ_DONTWAIT) < 0)
        return false;
    c->next_id++;
    return true;
}

bool connection_receive(struct connection *c, struct client_answer *answer)
{
    for (;;) {
        if (c->filled)
            zmq_msg_close(&c->received);
        zmq_msg_init(&c->received);
        c->filled = true;
        if (zmq_msg_recv(&c->received, c->socket, ZMQ_DONTWAIT) < 0)
            return false;
        struct slice frame = slice_of(zmq_msg_data(&c->received), zmq_msg_size(&c->received));
        if (client_answer_decode(frame, answer))
            return true;
    }
}

/* Waits until the socket is ready for one of `events`; false when the deadline came first. */
static bool wait_for(struct connection *c, short events, uint64_t deadline_ms)
{
    for (;;) {
        uint64_t now_ms = clock_ms();
        if (now_ms >= deadline_ms)
            return false;
        zmq_pollitem_t item = {.socket = c->socket, .events = events};
        if (zmq_poll(&item, 1, (long)(deadline_ms - now_ms)) > 0)
            return true;
    }
}

/* One exchange; -1 when the deadline came first. */
static int exchange(struct connection *c, struct client_request *request,
                    struct client_answer *answer, uint64_t deadline_ms, bool *sent)
{
    *sent = false;
    while (!connection_send(c, request))
        if (!wait_for(c, ZMQ_POLLOUT, deadline_ms))
            return -1;
    *sent = true;
    while (!connection_receive(c, answer) || answer->id != request->id)
        if (!wait_for(c, ZMQ_POLLIN, deadline_ms))
            return -1;
    return 0;
}

static int try_until(struct connection *c, struct client_request *request,
                     struct client_answer *answer, uint64_t deadline_ms, unsigned timeout_ms,
                     char *message, size_t message_size)
{
    bool sent;
    if (exchange(c, request, answer, deadline_ms, &sent)) {
        snprintf(message, message_size,
                 sent ? "node %u at %s took the request and did not answer within %u ms; try "
                        "again, or give --timeout"
                      : "node %u does not answer at %s (%u ms): is it running, and is this its "
                        "cluster.conf?",
                 c->node, c->address, timeout_ms);
        return -1;
    }
    if (answer->result.status == CLIENT_OVERLOADED || answer->kind == request->kind)
        return 0;
    snprintf(message, message_size,
             "node %u at %s does not understand the request; use the ledger-cli of its version",
             c->node, c->address);
    return -1;
}

int connection_try(struct connection *c, struct client_request *request,
                   struct client_answer *answer, unsigned timeout_ms, char *message,
                   size_t message_size)
{
    return try_until(c, request, answer, clock_ms() + timeout_ms, timeout_ms, message,
                     message_size);
}

int connection_ask(struct connection *c, struct client_request *request,
                   struct client_answer *answer, unsigned timeout_ms, char *message,
                   size_t message_size)
{
    const uint64_t deadline_ms = clock_ms() + timeout_ms;
    for (;;) {
        if (try_until(c, request, answer, deadline_ms, timeout_ms, message, message_size))
            return -1;
        if (answer->result.status != CLIENT_OVERLOADED)
            return 0;
        if (clock_ms() + answer->result.retry_ms >= deadline_ms) {
            snprintf(
                message, message_size,
                "node %u at %s has been overloaded for %u ms; try again later, or another node",
                c->node, c->address, timeout_ms);
            return -1;
        }
        clock_sleep_ms(answer->result.retry_ms);
    }
}
