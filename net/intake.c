#include "net/intake.h"

#include <assert.h>
#include <dirent.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <zmq.h>

enum {
    KERNEL_BYTES = 8 << 20,
    TCP_LISTEN_STATE = 10,
    LOOK_MS = 500, /* From one look to the next, ... */
    FILE_MS = 2,   /* ... and for each descriptor. */
};

void intake_add(struct intake *i, void *socket, unsigned frames, uint64_t frame_size,
                unsigned connections_max)
{
    char endpoint[256] = "";
    size_t size = sizeof endpoint;
    assert(i->port_count < INTAKE_PORTS_MAX);
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0 || !strrchr(endpoint, ':'))
        return;
    i->ports[i->port_count].port = (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
    i->ports[i->port_count].connections_max = connections_max;
    i->ports[i->port_count++].bytes_max = (frames + 1) * frame_size + KERNEL_BYTES;
}

void intake_given(struct intake *i, zmq_msg_t *message)
{
    const int file = zmq_msg_get(message, ZMQ_SRCFD);
    if (file >= 0 && file < INTAKE_FILES_MAX)
        i->files[file].given = true;
}

static uint16_t own_port(int file)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getsockname(file, (struct sockaddr *)&address, &size) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    return address.ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)&address)->sin_port)
                                        : 0;
}

/* Which of the ports a connection came in by, or port_count. */
static unsigned port_of(const struct intake *i, int file)
{
    const uint16_t port = own_port(file);
    unsigned k = 0;
    while (k < i->port_count && (port == 0 || i->ports[k].port != port))
        k++;
    return k;
}

/* As TCP knows it; false for what is no connection. */
static bool received_by(int file, uint64_t *received)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    const size_t needed =
        offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received;
    if (getsockopt(file, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || size < needed ||
        info.tcpi_state == TCP_LISTEN_STATE)
        return false;
    *received = info.tcpi_bytes_received;
    return true;
}

static void look_at(struct intake *i, int file)
{
    const unsigned port = port_of(i, file);
    uint64_t received;
    if (port == i->port_count || !received_by(file, &received))
        return;
    uint64_t *base = &i->files[file].base;
    const bool given = i->files[file].given;
    if (given || received < *base) /* Else it is another connection by now. */
        *base = given ? received : 0;
    i->files[file].given = false;
    const bool surplus = ++i->ports[port].connections > i->ports[port].connections_max && !given;
    if (received - *base <= i->ports[port].bytes_max && !surplus)
        return;
    shutdown(file, SHUT_RDWR); /* libzmq reads its end, and lets go of all. */
    *base = received;
    i->cut++;
}

unsigned intake_look(struct intake *i)
{
    unsigned next_ms = LOOK_MS;
    DIR *files = opendir("/proc/self/fd");
    if (!files)
        return next_ms;
    for (unsigned k = 0; k < i->port_count; k++)
        i->ports[k].connections = 0;
    for (const struct dirent *e; (e = readdir(files));) {
        const int file = (int)strtol(e->d_name, NULL, 10);
        if (file < INTAKE_FILES_MAX)
            look_at(i, file);
        next_ms += FILE_MS;
    }
    closedir(files);
    return next_ms;
}
