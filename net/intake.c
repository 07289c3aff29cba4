#include "net/intake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    LOOK_MS = 500, /* From one look to the next, ... */
    FILE_MS = 2,   /* ... and for each socket. */
    WAITING_LOOK_MS = 20,
    WAITING_FILES_A_MS = 4,
    SEEN_MAX = 1000, /* Beyond, who opens many would make looks at them rare. */
};

void intake_add(struct intake *i, void *socket, const struct intake_limit *limit)
{
    char endpoint[256] = "";
    size_t size = sizeof endpoint;
    assert(i->port_count < INTAKE_PORTS_MAX);
    i->ports[i->port_count].limit = *limit;
    i->ports[i->port_count].empty = true;
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0 && strrchr(endpoint, ':'))
        i->ports[i->port_count].number = (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
    i->port_count++;
}

int intake_given(struct intake *i, unsigned place, zmq_msg_t *last, uint64_t wire_bytes)
{
    const int file = zmq_msg_get(last, ZMQ_SRCFD);
    assert(place < i->port_count);
    i->ports[place].empty = false;
    if (file < 0 || file >= INTAKE_FILES_MAX)
        return -1;
    i->files[file].given = true;
    i->files[file].taken += wire_bytes;
    return file;
}

void intake_owned(struct intake *i, int file, unsigned owner)
{
    assert(owner < INTAKE_OWNERS_MAX);
    if (file >= 0)
        i->files[file].owner = (uint8_t)(owner + 1);
}

void intake_empty(struct intake *i, unsigned place)
{
    assert(place < i->port_count);
    i->ports[place].empty = true;
}

bool intake_due(const struct intake *i, uint64_t now_ms)
{
    uint64_t pause_ms = LOOK_MS + (uint64_t)i->seen * FILE_MS;
    for (unsigned k = 0; k < i->port_count; k++)
        if (!i->ports[k].empty)
            pause_ms = WAITING_LOOK_MS + i->seen / WAITING_FILES_A_MS;
    return i->looked_ms == 0 || now_ms >= i->looked_ms + pause_ms;
}

void intake_begin(struct intake *i, uint64_t now_ms)
{
    i->looked_ms = now_ms;
    for (unsigned k = 0; k < i->port_count; k++) {
        const struct intake_limit *limit = &i->ports[k].limit;
        i->ports[k].bytes_max = limit->bytes;
        if (i->ports[k].waiting > limit->total_bytes)
            i->ports[k].bytes_max = limit->total_bytes / i->ports[k].connections;
        i->ports[k].connections = 0;
        i->ports[k].waiting = 0;
        memset(i->ports[k].owned, 0, sizeof i->ports[k].owned);
    }
}

static void cut(struct intake *i, const struct connection *c)
{
    if (i->files[c->file].cut_inode == c->inode)
        return;
    shutdown(c->file, SHUT_RDWR); /* libzmq reads its end, and lets go of what has none. */
    i->files[c->file].cut_inode = c->inode;
    i->cut++;
}

/* What waits of it. A socket that has nothing left has given out all messages that ended: then only
 * what came after the last is counted, whatever else a peer may say (PINGs). */
static uint64_t waiting_of(struct intake *i, const struct connection *c, bool empty)
{
    uint64_t *taken = &i->files[c->file].taken;
    const bool given = i->files[c->file].given, known = i->files[c->file].inode == c->inode;
    i->files[c->file].inode = c->inode;
    i->files[c->file].given = false;
    if (!known)
        i->files[c->file].owner = 0; /* It may be another's; the next message says. */
    if (given && (empty || !known))  /* Of one not seen before, some of it may be another's. */
        *taken = c->received;
    else if (!known)
        *taken = 0;
    if (*taken > c->received)
        *taken = c->received;
    return c->received - *taken;
}

void intake_see(struct intake *i, const struct connection *c)
{
    unsigned k = 0;
    while (k < i->port_count && (i->ports[k].number == 0 || i->ports[k].number != c->own_port))
        k++;
    if (k == i->port_count || c->listening || c->file >= INTAKE_FILES_MAX)
        return;
    const bool given = i->files[c->file].given;
    const uint64_t waiting = waiting_of(i, c, i->ports[k].empty);
    const unsigned owner = i->files[c->file].owner;
    if (owner > 0) {
        if (++i->ports[k].owned[owner - 1] > INTAKE_OWNER_CONNECTIONS ||
            waiting > i->ports[k].limit.bytes)
            cut(i, c);
        return;
    }
    i->ports[k].waiting += waiting;
    i->ports[k].connections++;
    if (waiting > i->ports[k].bytes_max ||
        (i->ports[k].connections > i->ports[k].limit.connections && !given))
        cut(i, c);
}

void intake_end(struct intake *i, unsigned seen) { i->seen = seen < SEEN_MAX ? seen : SEEN_MAX; }

void intake_see_called(struct intake *i, const struct connection *c)
{
    if (c->received > INTAKE_CALLED_BYTES && c->file < INTAKE_FILES_MAX)
        cut(i, c);
}
