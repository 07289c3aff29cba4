/* What strangers and lying peers may make libzmq keep.
 *
 * libzmq gives out a message of several parts when the last has come, and keeps those before without
 * a bound; no option bounds it. So bytes that arrive on a connection while nothing that came by it is
 * given out are counted, as TCP knows them: beyond what can be there rightly, it is cut. What arrives
 * between two looks is beside it. Nor does it bound connections: of more than a port may have, those
 * are cut by which nothing has come since the last look. */
#ifndef NET_INTAKE_H
#define NET_INTAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

enum { INTAKE_PORTS_MAX = 4, INTAKE_FILES_MAX = 16384 };

struct intake {
    struct {
        uint16_t port;
        uint64_t bytes_max;
        unsigned connections_max, connections; /* At the last look. */
    } ports[INTAKE_PORTS_MAX];                 /* Those we listen on. */
    unsigned port_count;
    uint64_t cut; /* Connections. */
    struct {
        uint64_t base; /* Bytes that had come when something was last seen to be given out. */
        bool given;    /* Since the last look. */
    } files[INTAKE_FILES_MAX];
};

/* The port that a ZeroMQ socket has bound. `frames`: that it may keep a connection, of `frame_size`
 * at most; the kernel's own buffer comes on top. */
void intake_add(struct intake *i, void *socket, unsigned frames, uint64_t frame_size,
                unsigned connections_max);
/* A message was given out. It is still the caller's. */
void intake_given(struct intake *i, zmq_msg_t *message);
/* Among all descriptors of this process. Returns after how many ms to look again: some times a
 * second, or as rarely as it takes to spend little on it where connections are many. */
unsigned intake_look(struct intake *i);

#endif
