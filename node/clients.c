#include "node/clients.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "crypto/identity.h"
#include "net/intake.h"
#include "net/socket.h"

enum {
    PART_COUNT = 64,      /* Items a task looks at: some 3 ms of signatures. */
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

struct part {
    struct task task;
    struct flight *flight;
    uint32_t first;
    uint32_t count;
};

/* A request on its way. */
struct flight {
    struct request request;
    struct clients *clients;
    struct client *client;
    struct flight *next;
    zmq_msg_t message; /* Which the request borrows from. */
    size_t bytes;
    unsigned parts_left;
    struct part parts[];
};

struct clients {
    struct clients_options options;
    void *socket;
    int file;                   /* Of the socket. */
    struct flight *uncommitted; /* Answered after the commit; the order is of no matter. */
    bool refuse;
    unsigned in_flight;
    size_t bytes_in_flight;
    struct clients_counts counts;
    struct client places[CLIENTS_MAX];
    struct intake intake;
    uint8_t items[CLIENT_FRAME_SIZE_MAX];
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

static void flight_free(struct flight *f)
{
    struct clients *c = f->clients;
    c->in_flight--;
    c->bytes_in_flight -= f->bytes;
    f->client->in_flight--;
    zmq_msg_close(&f->message);
    free(f->request.items);
    free(f->request.json);
    free(f);
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
    while (c->uncommitted) {
        struct flight *f = c->uncommitted;
        c->uncommitted = f->next;
        flight_free(f);
    }
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
        .result = {.status = status, .retry_ms = CLIENTS_RETRY_MS},
    };
    c->counts.malformed += status == CLIENT_MALFORMED;
    c->counts.overloaded += status == CLIENT_OVERLOADED;
    send_answer(c, to, &answer);
}

static void answer_flight(struct flight *f)
{
    struct clients *c = f->clients;
    struct request *r = &f->request;
    if (r->items) {
        struct writer w = writer_of(c->items, sizeof(c->items));
        for (uint32_t i = 0; i < r->client.list.count; i++)
            client_result_add(&w, &r->items[i].result);
        r->answer.list.count = r->client.list.count;
        r->answer.list.items = writer_result(&w);
    }
    send_answer(c, f->client, &r->answer);
    flight_free(f);
}

/* Puts what the workers found good into the pool. */
static void submit(struct clients *c, struct request_item *item)
{
    struct client_result *result = &item->result;
    c->counts.overloaded += result->status == CLIENT_OVERLOADED;
    if (result->status != CLIENT_OK)
        return;
    enum mempool_answer answer = MEMPOOL_FULL;
    if (!c->refuse)
        answer = mempool_add(c->options.mempool, &item->transaction);
    else if (mempool_has(c->options.mempool, &item->transaction.id))
        answer = MEMPOOL_PENDING;
    if (answer == MEMPOOL_PENDING)
        result->status = CLIENT_PENDING;
    if (answer == MEMPOOL_FULL) {
        *result = (struct client_result){CLIENT_OVERLOADED, .retry_ms = CLIENTS_RETRY_MS};
        c->counts.overloaded++;
    }
}

/* What the ledger does not know may wait here, or have gone lately. */
static void look_up(struct clients *c, struct request_item *item)
{
    struct client_result *result = &item->result;
    const struct hash *id = &item->transaction.id;
    const struct recent_end *end = NULL;
    if (result->status != CLIENT_UNKNOWN)
        return;
    if (mempool_has(c->options.mempool, id))
        *result = (struct client_result){CLIENT_PENDING, .id = *id};
    else if ((end = recent_find(c->options.recent, id)))
        *result = request_outcome(id, end->height, end->index, end->outcome);
}

static void finish_part(struct task *task)
{
    struct flight *f = ((struct part *)task)->flight;
    struct clients *c = f->clients;
    if (--f->parts_left > 0)
        return;
    enum client_kind kind = f->request.client.kind;
    for (uint32_t i = 0; f->request.items && i < f->request.client.list.count; i++)
        (kind == CLIENT_SUBMIT ? submit : look_up)(c, &f->request.items[i]);
    if (kind == CLIENT_SUBMIT) {
        f->next = c->uncommitted;
        c->uncommitted = f;
        return;
    }
    answer_flight(f);
}

void clients_committed(struct clients *c)
{
    while (c->uncommitted) {
        struct flight *f = c->uncommitted;
        c->uncommitted = f->next;
        answer_flight(f);
    }
}

static void run_part(struct task *task)
{
    struct part *p = (struct part *)task;
    struct flight *f = p->flight;
    const struct request_context *context = &f->clients->options.request;
    if (f->request.items)
        request_list(context, &f->request, p->first, p->count);
    else
        request_read(context, &f->request);
}

/* Hands the request to the workers, in parts. */
static void start_flight(struct clients *c, struct client *client, const struct client_request *r,
                         zmq_msg_t *message)
{
    bool list = r->kind == CLIENT_SUBMIT || r->kind == CLIENT_TX;
    uint32_t count = list ? r->list.count : 1;
    unsigned parts = (count + PART_COUNT - 1) / PART_COUNT;
    struct flight *f = calloc(1, sizeof(*f) + parts * sizeof(f->parts[0]));
    struct request_item *items = list ? calloc(count, sizeof(*items)) : NULL;
    if (!f || (list && !items))
        abort();
    f->request = (struct request){.client = *r, .items = items};
    f->request.answer = (struct client_answer){.id = r->id, .kind = r->kind};
    f->clients = c;
    f->client = client;
    f->bytes = zmq_msg_size(message);
    f->parts_left = parts;
    zmq_msg_init(&f->message);
    zmq_msg_move(&f->message, message);
    /* The bytes of a short message lie in the zmq_msg_t itself, which has moved. */
    bool decoded =
        client_request_decode(slice_of(zmq_msg_data(&f->message), f->bytes), &f->request.client);
    assert(decoded);
    if (list)
        request_spread(&f->request);
    client->in_flight++;
    c->in_flight++;
    c->bytes_in_flight += f->bytes;
    for (unsigned i = 0; i < parts; i++) {
        uint32_t first = i * PART_COUNT;
        f->parts[i] =
            (struct part){.task = {.run = run_part, .finish = finish_part},
                          .flight = f,
                          .first = first,
                          .count = count - first < PART_COUNT ? count - first : PART_COUNT};
        workers_submit(c->options.workers, WORKERS_SIGNATURES, &f->parts[i].task);
    }
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
    if (!client || client->in_flight >= CLIENTS_REQUESTS_MAX ||
        c->bytes_in_flight + bytes.size > CLIENTS_BYTES_MAX ||
        (r.kind == CLIENT_SUBMIT && c->refuse))
        send_status(c, asking, &r, CLIENT_OVERLOADED);
    else
        start_flight(c, client, &r, message);
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
    for (unsigned i = 0; i < CLIENTS_RECEIVE_MAX; i++)
        if (!receive_one(c))
            return false;
    return true;
}

void clients_refuse(struct clients *c, bool refuse) { c->refuse = refuse; }
bool clients_idle(const struct clients *c) { return c->in_flight == 0; }
void clients_counts(const struct clients *c, struct clients_counts *counts)
{
    *counts = c->counts;
    counts->cut_connections = c->intake.cut;
}
