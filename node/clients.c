#include "node/clients.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "crypto/identity.h"
#include "net/clock.h"
#include "net/intake.h"
#include "net/socket.h"
#include "node/request_log.h"

enum {
    ROUTING_ID_MAX = 255, /* ZeroMQ's. */
    SEND_HIGH_WATER = 64, /* Answers that libzmq keeps for a client. */
    WAITING_FRAMES = 8,   /* That may wait of one. */
    HANDSHAKE_MS_MAX = 5000,
};

/* One with requests in flight. */
struct client {
    size_t size;
    uint8_t routing_id[ROUTING_ID_MAX];
    unsigned in_flight; /* 0: this place is free. */
};

/* One that the service has. */
struct asked {
    struct clients *clients;
    struct client *client;
    zmq_msg_t message; /* Which the request borrows from. */
};

struct clients {
    struct clients_options options;
    void *socket;
    int file; /* Of the socket. */
    struct clients_counts counts;
    struct client places[CLIENTS_MAX];
    struct intake intake;
    uint8_t frame[CLIENT_FRAME_SIZE_MAX];
};

static void set_int(void *socket, int option, int value)
{
    int result = zmq_setsockopt(socket, option, &value, sizeof(value));
    assert(result == 0);
}

static int open_socket(struct clients *c, char *message, size_t message_size)
{
    c->socket = zmq_socket(c->options.zmq_context, ZMQ_ROUTER);
    if (!c->socket) {
        snprintf(message, message_size, "cannot make the clients' socket: %s", zmq_strerror(errno));
        return -1;
    }
    const int64_t size_max = CLIENT_FRAME_SIZE_MAX + SOCKET_CURVE_OVERHEAD;
    zmq_setsockopt(c->socket, ZMQ_MAXMSGSIZE, &size_max, sizeof(size_max));
    zmq_setsockopt(c->socket, ZMQ_CURVE_SECRETKEY, c->options.curve_secret, CURVE_KEY_SIZE);
    zmq_setsockopt(c->socket, ZMQ_ZAP_DOMAIN, "client", strlen("client"));
    set_int(c->socket, ZMQ_CURVE_SERVER, 1);
    set_int(c->socket, ZMQ_LINGER, 0);
    set_int(c->socket, ZMQ_RCVHWM, 0);
    set_int(c->socket, ZMQ_SNDHWM, SEND_HIGH_WATER);
    set_int(c->socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS_MAX);
    socket_keep_alive(c->socket);
    set_int(c->socket, ZMQ_BACKLOG, CLIENTS_MAX);
    size_t file_size = sizeof(c->file);
    if (zmq_bind(c->socket, c->options.endpoint) == 0 &&
        zmq_getsockopt(c->socket, ZMQ_FD, &c->file, &file_size) == 0) {
        const struct intake_limit limit = {.bytes = INTAKE_KERNEL_BYTES +
                                                    WAITING_FRAMES * CLIENT_FRAME_SIZE_MAX,
                                           .total_bytes = CLIENTS_WAITING_MAX,
                                           .connections = CLIENTS_CONNECTIONS_MAX};
        intake_add(&c->intake, c->socket, &limit);
        return 0;
    }
    const bool elsewhere = errno == EADDRNOTAVAIL || errno == ENODEV;
    snprintf(message, message_size, "cannot listen for clients on %s: %s%s", c->options.endpoint,
             zmq_strerror(errno),
             errno == EADDRINUSE ? "; stop the program that has this port, or move the node"
             : elsewhere         ? "; give an address of this machine as client in node.conf"
                                 : "");
    return -1;
}

int clients_open(const struct clients_options *options, struct clients **clients, char *message,
                 size_t message_size)
{
    struct clients *c = calloc(1, sizeof(*c));
    *clients = NULL;
    if (!c) {
        snprintf(message, message_size, "no memory for the clients");
        return -1;
    }
    c->options = *options;
    int status = open_socket(c, message, message_size);
    c->options.endpoint = NULL; /* Lent for the call; and the key is not needed any more. */
    secret_wipe(c->options.curve_secret, CURVE_KEY_SIZE);
    if (status != 0) {
        clients_close(c);
        return -1;
    }
    *clients = c;
    return 0;
}

int clients_file(const struct clients *c) { return c->file; }

bool clients_waiting(struct clients *c)
{
    int events = 0;
    size_t size = sizeof(events);
    return zmq_getsockopt(c->socket, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0;
}

static void see(void *clients, const struct connection *connection)
{
    intake_see(&((struct clients *)clients)->intake, connection);
}

void clients_look(struct clients *c, uint64_t now_ms)
{
    if (!intake_due(&c->intake, now_ms))
        return;
    intake_begin(&c->intake, now_ms);
    intake_end(&c->intake, connections_each(see, c));
}

void clients_close(struct clients *c)
{
    if (!c)
        return;
    if (c->socket)
        zmq_close(c->socket);
    free(c);
}

/* An answer to a client that is gone, or does not read, is dropped. */
static void send_answer(struct clients *c, const struct client *to,
                        const struct client_answer *answer)
{
    struct writer w = writer_of(c->frame, sizeof(c->frame));
    client_answer_encode(&w, answer);
    struct slice bytes = writer_result(&w);
    assert(w.ok);
    if (zmq_send(c->socket, to->routing_id, to->size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
        zmq_send(c->socket, bytes.data, bytes.size, ZMQ_DONTWAIT) >= 0)
        c->counts.tx_bytes += bytes.size;
}

static void send_status(struct clients *c, const struct client *to,
                        const struct client_request *request, enum client_status status)
{
    const struct client_answer answer = {
        .id = request->id,
        .kind = status == CLIENT_MALFORMED ? CLIENT_NONE : request->kind,
        .result = {.status = status, .retry_ms = service_retry_ms(c->options.service)},
    };
    c->counts.malformed += status == CLIENT_MALFORMED;
    send_answer(c, to, &answer);
}

/* The service's answer; NULL: there is none. */
static void answer_asked(void *asker, const struct client_answer *answer)
{
    struct asked *a = asker;
    if (answer)
        send_answer(a->clients, a->client, answer);
    a->client->in_flight--;
    zmq_msg_close(&a->message);
    free(a);
}

/* Each connection is a client. FNV-1a. */
static uint64_t key_of(const struct client *client)
{
    uint64_t key = 0xcbf29ce484222325;
    for (size_t i = 0; i < client->size; i++)
        key = (key ^ client->routing_id[i]) * 0x100000001b3;
    return key;
}

/* Hands the request to the service. False: overloaded. */
static bool ask(struct clients *c, struct client *client, zmq_msg_t *message)
{
    struct asked *a = malloc(sizeof(*a));
    if (!a)
        abort();
    *a = (struct asked){.clients = c, .client = client};
    zmq_msg_init(&a->message);
    zmq_msg_move(&a->message, message);
    struct service_question q = {
        .bytes = zmq_msg_size(&a->message), .answer = answer_asked, .asker = a};
    q.client = key_of(client);
    /* The bytes of a short message lie in the zmq_msg_t itself, which has moved. */
    const bool decoded =
        client_request_decode(slice_of(zmq_msg_data(&a->message), q.bytes), &q.request);
    assert(decoded);
    if (q.request.kind == CLIENT_EVENTS) {
        q.wait_ms = CLIENTS_EVENTS_MS;
        q.bytes += REQUEST_EVENTS_BYTES;
    }
    client->in_flight++;
    if (service_ask(c->options.service, &q))
        return true;
    answer_asked(a, NULL);
    return false;
}

/* The place of a client with requests in flight, or a free one; NULL when there is none. */
static struct client *place_of(struct clients *c, const struct client *asking)
{
    struct client *free_place = NULL;
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        struct client *place = &c->places[i];
        if (place->in_flight == 0)
            free_place = place;
        else if (place->size == asking->size &&
                 memcmp(place->routing_id, asking->routing_id, asking->size) == 0)
            return place;
    }
    if (free_place)
        *free_place = *asking;
    return free_place;
}

static void describe(struct clients *c, const struct client *to, const struct client_request *r)
{
    char *json = c->options.describe(c->options.context, r->kind);
    const struct client_answer answer = {
        .id = r->id, .kind = r->kind, .json = slice_of(json, strlen(json))};
    send_answer(c, to, &answer);
    free(json);
}

static void handle(struct clients *c, const struct client *asking, zmq_msg_t *message)
{
    struct client_request r;
    struct slice bytes = slice_of(zmq_msg_data(message), zmq_msg_size(message));
    c->counts.requests++;
    c->counts.rx_bytes += bytes.size;
    if (!client_request_decode(bytes, &r)) {
        send_status(c, asking, &r, CLIENT_MALFORMED);
        return;
    }
    if (r.kind == CLIENT_STATUS || r.kind == CLIENT_STATS) {
        describe(c, asking, &r);
        return;
    }
    struct client *client = place_of(c, asking);
    const bool fits = client && client->in_flight < CLIENTS_REQUESTS_MAX;
    c->counts.overloaded += !fits;
    if (!fits || !ask(c, client, message))
        send_status(c, asking, &r, CLIENT_OVERLOADED);
}

/* One message: the routing id, and what should be one frame. False when there is none. */
static bool receive_one(struct clients *c)
{
    struct client asking = {0};
    int size = zmq_recv(c->socket, asking.routing_id, ROUTING_ID_MAX, ZMQ_DONTWAIT);
    if (size < 0) {
        intake_empty(&c->intake, 0);
        return false;
    }
    asking.size = (size_t)size;
    zmq_msg_t message;
    zmq_msg_init(&message);
    unsigned frames = 0;
    uint64_t wire_bytes = 0;
    int more = 1;
    size_t more_size = sizeof(more);
    while (zmq_getsockopt(c->socket, ZMQ_RCVMORE, &more, &more_size) == 0 && more) {
        if (zmq_msg_recv(&message, c->socket, ZMQ_DONTWAIT) < 0)
            break;
        wire_bytes += socket_wire_size(true, zmq_msg_size(&message));
        frames++;
    }
    if (frames > 0)
        intake_given(&c->intake, 0, &message, wire_bytes);
    if (frames == 1)
        handle(c, &asking, &message);
    else
        send_status(c, &asking, &(struct client_request){0}, CLIENT_MALFORMED);
    zmq_msg_close(&message);
    return true;
}

bool clients_receive(struct clients *c)
{
    const uint64_t end_us = clock_us() + CLIENTS_RECEIVE_US;
    for (unsigned i = 0; i < CLIENTS_RECEIVE_MAX && (i == 0 || clock_us() < end_us); i++)
        if (!receive_one(c))
            return false;
    return true;
}

void clients_counts(const struct clients *c, struct clients_counts *counts)
{
    *counts = c->counts;
    counts->overloaded += service_overloaded(c->options.service);
    counts->cut_connections = c->intake.cut;
}
