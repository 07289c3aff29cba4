#include "net/socket.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "crypto/quorum.h"

enum {
    BACKLOG = 2 * NODES_MAX, /* All peers may dial at once. */
    RECONNECT_MS = 50,       /* Then twice that, and so on, */
    RECONNECT_MS_MAX = 500,  /* up to this. */
    CONNECT_MS_MAX = 3000,   /* A SYN that a partition swallowed is not waited for after it. */
    /* A connection is dead when nothing is acknowledged for so long. */
    DEAD_MS = 10000,
    KEEPALIVE_IDLE_S = 5,
    KEEPALIVE_S = 2,
    KEEPALIVE_COUNT = 3,
};

static void set(void *socket, int option, const void *value, size_t size)
{
    int result = zmq_setsockopt(socket, option, value, size);
    assert(result == 0);
}

static void set_int(void *socket, int option, int value)
{
    set(socket, option, &value, sizeof value);
}

void socket_keep_alive(void *socket)
{
    set_int(socket, ZMQ_TCP_KEEPALIVE, 1);
    set_int(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S);
    set_int(socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_S);
    set_int(socket, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT);
    set_int(socket, ZMQ_TCP_MAXRT, DEAD_MS);
}

static void *new_socket(void *context, int type, const char *endpoint, const uint8_t *secret)
{
    void *socket = zmq_socket(context, type);
    if (!socket)
        return NULL;
    set_int(socket, ZMQ_LINGER, 0);
    set_int(socket, ZMQ_IPV6, strchr(endpoint, '[') != NULL);
    socket_keep_alive(socket);
    if (secret)
        set(socket, ZMQ_CURVE_SECRETKEY, secret, CURVE_KEY_SIZE);
    return socket;
}

static void *close_failed(void *socket)
{
    int reason = errno;
    zmq_close(socket);
    errno = reason;
    return NULL;
}

/* libzmq looks at a frame's size as it is on the wire. */
static void limit_frames(void *socket, size_t size)
{
    const int64_t size_max = (int64_t)size + SOCKET_CURVE_OVERHEAD;
    set(socket, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max);
}

void *socket_listen(void *context, const char *endpoint, const uint8_t *secret,
                    size_t frame_size_max)
{
    assert(frame_size_max >= SOCKET_FRAME_MIN);
    void *socket = new_socket(context, ZMQ_PULL, endpoint, secret);
    if (!socket)
        return NULL;
    limit_frames(socket, frame_size_max);
    set(socket, ZMQ_ZAP_DOMAIN, secret ? "node" : "bulk", strlen("node"));
    set_int(socket, secret ? ZMQ_CURVE_SERVER : ZMQ_PLAIN_SERVER, 1);
    set_int(socket, ZMQ_RCVHWM, 0);
    set_int(socket, ZMQ_BACKLOG, BACKLOG);
    return zmq_bind(socket, endpoint) ? close_failed(socket) : socket;
}

static void show(void *socket, const struct socket_pass *pass)
{
    if (!pass->secret) {
        set(socket, ZMQ_PLAIN_USERNAME, pass->user, strlen(pass->user));
        set(socket, ZMQ_PLAIN_PASSWORD, pass->password, strlen(pass->password));
        return;
    }
    uint8_t public[CURVE_KEY_SIZE];
    int result = curve_public(pass->secret, public);
    assert(result == 0);
    set(socket, ZMQ_CURVE_PUBLICKEY, public, CURVE_KEY_SIZE);
    set(socket, ZMQ_CURVE_SERVERKEY, pass->server, CURVE_KEY_SIZE);
}

void *socket_dial(void *context, const char *endpoint, const struct socket_pass *pass,
                  int high_water)
{
    void *socket = new_socket(context, ZMQ_PUSH, endpoint, pass->secret);
    if (!socket)
        return NULL;
    show(socket, pass);
    limit_frames(socket, SOCKET_FRAME_MIN);
    set_int(socket, ZMQ_RCVHWM, 1); /* Nobody reads it. */
    set_int(socket, ZMQ_SNDHWM, high_water);
    set_int(socket, ZMQ_IMMEDIATE, 1);
    set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MS_MAX);
    set_int(socket, ZMQ_CONNECT_TIMEOUT, CONNECT_MS_MAX);
    return zmq_connect(socket, endpoint) ? close_failed(socket) : socket;
}

int socket_file(void *socket)
{
    int file = -1;
    size_t size = sizeof file;
    if (zmq_getsockopt(socket, ZMQ_FD, &file, &size) != 0)
        abort();
    return file;
}

bool socket_takes(void *socket)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLOUT) != 0;
}

bool socket_receive(void *socket, bool curve, zmq_msg_t *m, struct socket_rest *rest)
{
    rest->parts = 0;
    rest->size = 0;
    zmq_msg_init(m);
    if (zmq_msg_recv(m, socket, ZMQ_DONTWAIT) < 0)
        return false;
    rest->wire_bytes = socket_wire_size(curve, zmq_msg_size(m));
    zmq_msg_t part;
    for (bool more = zmq_msg_more(m); more; more = zmq_msg_more(&part), zmq_msg_close(&part)) {
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) < 0)
            return true; /* All parts of a message are there, or none. */
        rest->wire_bytes += socket_wire_size(curve, zmq_msg_size(&part));
        if (rest->parts++ > 0)
            continue;
        rest->size = zmq_msg_size(&part);
        memcpy(rest->bytes, zmq_msg_data(&part),
               rest->size < sizeof rest->bytes ? rest->size : sizeof rest->bytes);
    }
    return true;
}
