/* The ZeroMQ sockets of a transport, with the options that make them what it needs. */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <zmq.h>

#include "net/seal.h"

/* The smallest frame limit: the commands of the handshake have to pass it too. */
enum { SOCKET_FRAME_MIN = 1024 };

/* Both NULL with errno set on failure. Without a secret (NULL) nothing is encrypted, and who comes in
 * shows a password. */

struct socket_pass {
    const uint8_t *secret,
        *server;  /* CURVE: our secret key and the server's public one; or NULL, */
    char user[4]; /* and our number and password. */
    char password[SEAL_PASSWORD_SIZE];
};

/* A PULL socket that those come in to whom the ZAP handler gives a name. Without a handler
 * connections come about, but nothing that arrives over them has a User-Id. It takes what comes:
 * net/intake.h bounds that. */
void *socket_listen(void *context, const char *endpoint, const uint8_t *secret,
                    size_t frame_size_max);
/* A PUSH socket that connects, and again after each break. It takes frames only while connected,
 * so those for a peer that is down stay with the caller; `high_water`: so many of them. */
void *socket_dial(void *context, const char *endpoint, const struct socket_pass *pass,
                  int high_water);

/* Before it is bound or connects: a connection whose other end is gone ends after some 10 s. Asked of
 * TCP, never of ZeroMQ's heartbeat: that stands in line behind bulk data, so that slow would look
 * dead. */
void socket_keep_alive(void *socket);

/* What is readable while libzmq's threads have something for the socket. */
int socket_file(void *socket);
/* Whether it takes a frame now; takes what libzmq's threads have for it, at two system calls. */
bool socket_takes(void *socket);
/* What came after a message's first part: how many parts, and the first of them as far as there
 * is room; and what all had on the wire. */
struct socket_rest {
    unsigned parts;
    size_t size;
    uint8_t bytes[64];
    uint64_t wire_bytes;
};
/* Reads the first part of one message into `m`. False when there is none, or there was none. */
bool socket_receive(void *socket, bool curve, zmq_msg_t *m, struct socket_rest *rest);

/* What a part of a message has on the wire, at least (ZMTP 3.1, RFC 37; of CURVE RFC 26): flags,
 * its size in one byte or eight, and what CURVE puts around it. */
enum { SOCKET_CURVE_OVERHEAD = 33 };
static inline uint64_t socket_wire_size(bool curve, size_t size)
{
    const uint64_t body = size + (curve ? SOCKET_CURVE_OVERHEAD : 0);
    return body + (body > 255 ? 9 : 2);
}

#endif
