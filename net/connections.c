#include "net/connections.h"

#include <dirent.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
    SPAN_MS = 60000,
    TCP_LISTEN_STATE = 10,
    READ_EVERY = 16, /* Looks. */
    BEYOND = 64,     /* Descriptors. */
};

static uint16_t port_by(int (*name)(int, struct sockaddr *, socklen_t *), int file)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (name(file, (struct sockaddr *)&address, &size) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    return address.ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)&address)->sin_port)
                                        : 0;
}

/* A connection's ports do not change: they are asked for once. */
static struct name {
    uint64_t inode; /* 0: none is known. */
    uint16_t own_port, other_port;
} names[CONNECTIONS_FILES_MAX];

/* What the kernel does not know it does without. */
static void bound(int file, int option, int most)
{
    setsockopt(file, IPPROTO_TCP, option, &most, sizeof most);
}

/* What the kernel does with it is bounded once, too. */
static void name(struct connection *c)
{
    struct name *known = c->file < CONNECTIONS_FILES_MAX ? &names[c->file] : NULL;
    if (known && known->inode == c->inode) {
        c->own_port = known->own_port;
        c->other_port = known->other_port;
        return;
    }
    if (!c->listening) {
        bound(c->file, TCP_NOTSENT_LOWAT, CONNECTIONS_UNSENT_MAX);
        bound(c->file, CONNECTIONS_RESEND_OPTION, CONNECTIONS_RESEND_MS_MAX);
        c->other_port = port_by(getpeername, c->file); /* First: who has one has the other. */
    }
    c->own_port = port_by(getsockname, c->file);
    if (known && c->other_port != 0)
        *known = (struct name){c->inode, c->own_port, c->other_port};
}

/* False for what is no socket of TCP. */
static bool describe(int file, struct connection *c)
{
    struct tcp_info info = {0};
    struct stat status;
    socklen_t size = sizeof info;
    const size_t needed =
        offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received;
    if (getsockopt(file, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || size < needed ||
        fstat(file, &status) != 0)
        return false;
    *c = (struct connection){
        .file = file, .inode = status.st_ino, .listening = info.tcpi_state == TCP_LISTEN_STATE};
    name(c);
    if (c->listening) /* Its numbers mean something else. */
        return true;
    c->received = info.tcpi_bytes_received;
    c->acked = info.tcpi_bytes_acked;
    c->round_trip_us = info.tcpi_rtt;
    return true;
}

/* One more than the last descriptor, or what may be. */
static int descriptors_end(void)
{
    static DIR *files; /* Open already when no descriptor is left: then it matters most. */
    int end = 0;
    if (!files)
        files = opendir("/proc/self/fd");
    if (!files)
        return CONNECTIONS_FILES_MAX;
    rewinddir(files);
    for (const struct dirent *e; (e = readdir(files));) {
        const int file = (int)strtol(e->d_name, NULL, 10);
        end = file >= end ? file + 1 : end;
    }
    return end;
}

/* To read the directory costs several times what it costs to try each descriptor. They are given
 * out lowest first: what is opened until it is read again is beyond the last one by a few, if at
 * all. */
unsigned connections_each(void (*visit)(void *context, const struct connection *c), void *context)
{
    static int end;
    static unsigned looks;
    unsigned count = 0;
    if (looks++ % READ_EVERY == 0)
        end = descriptors_end();
    for (int file = 0; file < end + BEYOND; file++) {
        struct connection c;
        if (!describe(file, &c))
            continue;
        end = file >= end ? file + 1 : end;
        count++;
        visit(context, &c);
    }
    return count;
}

bool connection_has_port(const uint16_t ports[], unsigned count, uint16_t port)
{
    for (unsigned i = 0; i < count; i++)
        if (ports[i] == port)
            return true;
    return false;
}

void round_trips_time(struct round_trips *trips, uint64_t now_ms)
{
    if (now_ms < trips->since_ms + SPAN_MS)
        return;
    trips->since_ms = now_ms;
    trips->current = 1 - trips->current;
    memset(trips->counts[trips->current], 0, sizeof trips->counts[0]);
}

void round_trips_count(struct round_trips *trips, const struct connection *c)
{
    const uint32_t ms = c->round_trip_us / 1000;
    if (c->round_trip_us > 0)
        trips->counts[trips->current][ms < ROUND_TRIP_MS_MAX ? ms : ROUND_TRIP_MS_MAX - 1]++;
}

double round_trips_quantile(const struct round_trips *trips, double share)
{
    uint64_t all = 0, seen = 0;
    for (unsigned ms = 0; ms < ROUND_TRIP_MS_MAX; ms++)
        all += trips->counts[0][ms] + trips->counts[1][ms];
    for (unsigned ms = 0; ms < ROUND_TRIP_MS_MAX; ms++) {
        seen += trips->counts[0][ms] + trips->counts[1][ms];
        if (seen > 0 && (double)seen >= share * (double)all)
            return ms + 0.5;
    }
    return 0;
}
