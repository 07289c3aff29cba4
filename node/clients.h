/* Clients over ZeroMQ: net/client.h over a ROUTER socket, answered by the service.
 *
 * Nothing here is unbounded: clients with requests in flight, and requests in flight a client. What
 * is beyond is answered OVERLOADED at once. No bytes of a client end the node. One thread, the
 * driver's. */
#ifndef NODE_CLIENTS_H
#define NODE_CLIENTS_H

#include "net/curve.h"
#include "node/service.h"

enum {
    CLIENTS_MAX = 256, /* With a request in flight. */
    CLIENTS_CONNECTIONS_MAX = 512,
    CLIENTS_REQUESTS_MAX = 32,       /* In flight, of one. */
    CLIENTS_RECEIVE_MAX = 64,        /* Requests taken in one round of the loop, ... */
    CLIENTS_RECEIVE_US = 2000,       /* ... or in so long. */
    CLIENTS_WAITING_MAX = 128 << 20, /* Bytes that were not taken yet, of all. */
    CLIENTS_EVENTS_MS = 10000,       /* EVENTS are waited for so long. */
};

struct clients_options {
    void *zmq_context; /* Where the ZAP handler runs. */
    const char *endpoint;
    uint8_t curve_secret[CURVE_KEY_SIZE];
    struct service *service;
    /* The JSON of STATUS or STATS, to be freed. */
    char *(*describe)(void *context, enum client_kind kind);
    void *context;
};

struct clients; /* Opaque. */

/* 0, or -1 with `message`: a port in use names the port and what to do. */
int clients_open(const struct clients_options *options, struct clients **clients, char *message,
                 size_t message_size);
/* After service_free. NULL is fine. */
void clients_close(struct clients *c);

/* Takes what has arrived. True when there may be more. */
bool clients_receive(struct clients *c);
/* The file to poll for reading, once clients_waiting() has said that nothing waits: answering
 * takes from libzmq what would have made the file readable. */
int clients_file(const struct clients *c);
bool clients_waiting(struct clients *c);
/* To be called in each round: now and then it cuts connections that send what does not end, or
 * more than is taken, and those that are too many. */
void clients_look(struct clients *c, uint64_t now_ms);

struct clients_counts {
    uint64_t rx_bytes;
    uint64_t tx_bytes;
    uint64_t requests;
    uint64_t overloaded; /* Requests, or transactions of a submission. */
    uint64_t malformed;
    uint64_t cut_connections;
};
void clients_counts(const struct clients *c, struct clients_counts *counts);

#endif
