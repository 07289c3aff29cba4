/* A client's connection to one node: net/client.h over a ZeroMQ DEALER with CURVE.
 *
 * The node is known by its key of cluster.conf, so that what answers is that node or nothing
 * does; the client's key is a fresh one. A connection that breaks is made again by itself; what
 * was under way is lost with it, and has to be asked again. Nothing waits without a limit.
 * One thread a connection. */
#ifndef NODE_CLIENT_CONNECTION_H
#define NODE_CLIENT_CONNECTION_H

#include "net/client.h"
#include "net/clock.h"
#include "node/config.h"

struct connection; /* Opaque. */

/* Does not wait for the node. NULL with `message` when there is no socket to be had, or the
 * address is none. `zmq_context` stays the caller's. */
struct connection *connection_open(void *zmq_context, const struct cluster *cluster, unsigned node,
                                   char *message, size_t message_size);
void connection_close(struct connection *c); /* NULL is fine. */

const char *connection_address(const struct connection *c); /* host:port */
void *connection_socket(const struct connection *c);        /* To poll. */

/* Sends a request and sets its id. False when there is no connection yet, or it takes nothing
 * more now. */
bool connection_send(struct connection *c, struct client_request *request);
/* The next answer there is, which borrows from the connection until the next call here. What is
 * no answer is dropped. */
bool connection_receive(struct connection *c, struct client_answer *answer);

/* Sends, and waits for the answer, which may be OVERLOADED. 0, or -1 with one line in `message`:
 * not reached, not answered for so long, or not understood. For a connection with nothing else
 * under way. */
int connection_try(struct connection *c, struct client_request *request,
                   struct client_answer *answer, unsigned timeout_ms, char *message,
                   size_t message_size);
/* The same; OVERLOADED is tried again after the told time. 0, or -1 with
 * one line in `message`: not reached, not answered or overloaded for so long, or not understood.
 * For a connection with nothing else under way. */
int connection_ask(struct connection *c, struct client_request *request,
                   struct client_answer *answer, unsigned timeout_ms, char *message,
                   size_t message_size);

void clock_sleep_ms(uint64_t ms);

#endif
