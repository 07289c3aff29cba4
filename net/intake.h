/* What strangers and lying peers may make libzmq keep.
 *
 * libzmq must never stop reading: where it has, and the connection breaks, a PING that it then
 * comes to ends the process (its issue 4364). So no receiving socket has a high-water mark, what
 * arrives is in memory until it is given out, and what bounds it is here: of each connection, the
 * bytes that have come, as TCP knows them, less those of the messages given out. That counts too
 * what libzmq holds back until the last part of a message has come, for which it has no bound.
 * Beyond what can be there rightly, a connection is cut. What arrives between two looks is beside
 * it, so one looks more often while more waits than was taken.
 *
 * Nor does libzmq bound connections, and one key may have many. Whose a connection is, is known from
 * its first message: of an owner there may be a few, whatever others have. Of the rest, those of more
 * than a port may have are cut by which nothing has come since the last look. And who is called has
 * nothing to say but the handshake. */
#ifndef NET_INTAKE_H
#define NET_INTAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#include "net/connections.h"

enum {
    INTAKE_PORTS_MAX = 4,
    INTAKE_OWNERS_MAX = 128,
    INTAKE_OWNER_CONNECTIONS = 4, /* The one in use, and those that broke and are not yet gone. */
    INTAKE_FILES_MAX = CONNECTIONS_FILES_MAX,
    INTAKE_KERNEL_BYTES = 8 << 20, /* Of a connection, that nobody may have read yet. */
    INTAKE_CALLED_BYTES = 16 << 10,
};

/* What may wait, kernel's bytes included. */
struct intake_limit {
    uint64_t bytes;       /* Of a connection. */
    uint64_t total_bytes; /* Of all without an owner: beyond, each may have its even share. */
    unsigned connections; /* Without one. */
};

struct intake {
    struct {
        struct intake_limit limit;
        uint16_t number;
        bool empty;           /* Had nothing left when it was last asked. */
        unsigned connections; /* Without an owner: seen in this look, and bytes that wait there. */
        uint64_t waiting;
        uint16_t owned[INTAKE_OWNERS_MAX]; /* Of each, seen in this look. */
        uint64_t bytes_max;                /* What each may have in this look. */
    } ports[INTAKE_PORTS_MAX];
    unsigned port_count;
    uint64_t looked_ms;
    unsigned seen; /* Sockets, at the last look. */
    uint64_t cut;  /* Connections. */
    struct {
        uint64_t inode; /* At the last look, and of the last that was cut. */
        uint64_t cut_inode;
        uint64_t taken; /* Bytes given out, or known not to wait any more. */
        bool given;     /* A message, since the last look. */
        uint8_t owner;  /* And one; 0: not known. */
    } files[INTAKE_FILES_MAX];
};

/* The port that a ZeroMQ socket has bound; its place is the number of those added before. */
void intake_add(struct intake *i, void *socket, const struct intake_limit *limit);
/* The socket of a place gave out a message that had so many bytes on the wire. The message's last
 * part is still the caller's. Returns the connection's descriptor, or -1. */
int intake_given(struct intake *i, unsigned place, zmq_msg_t *last, uint64_t wire_bytes);
/* The owner of that connection's key, below INTAKE_OWNERS_MAX. */
void intake_owned(struct intake *i, int file, unsigned owner);
/* It had none. */
void intake_empty(struct intake *i, unsigned place);

/* Whether to look again: some times a second, or as rarely as it takes to spend little on it where
 * connections are many; much more often while something waits. A look begins, sees each
 * connection, and ends with the number of those there were. */
bool intake_due(const struct intake *i, uint64_t now_ms);
void intake_begin(struct intake *i, uint64_t now_ms);
void intake_see(struct intake *i, const struct connection *c);
void intake_end(struct intake *i, unsigned seen);
/* The same for one that this process made. */
void intake_see_called(struct intake *i, const struct connection *c);

#endif
