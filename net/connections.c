#include "net/connections.h"

#include <dirent.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { SPAN_MS = 60000, TCP_LISTEN_STATE = 10 };

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
    *c = (struct connection){.file = file,
                             .inode = status.st_ino,
                             .listening = info.tcpi_state == TCP_LISTEN_STATE,
                             .own_port = port_by(getsockname, file)};
    if (c->listening) /* Its numbers mean something else. */
        return true;
    c->other_port = port_by(getpeername, file);
    c->received = info.tcpi_bytes_received;
    c->acked = info.tcpi_bytes_acked;
    c->round_trip_us = info.tcpi_rtt;
    return true;
}

unsigned connections_each(void (*visit)(void *context, const struct connection *c), void *context)
{
    static DIR *files; /* Open already when no descriptor is left: then it matters most. */
    unsigned count = 0;
    if (!files)
        files = opendir("/proc/self/fd");
    if (!files)
        return 0;
    rewinddir(files);
    for (const struct dirent *e; (e = readdir(files)); count++) {
        struct connection c;
        if (describe((int)strtol(e->d_name, NULL, 10), &c))
            visit(context, &c);
    }
    return count;
}

void connection_bound_unsent(const struct connection *c)
{
    const int most = CONNECTIONS_UNSENT_MAX;
    setsockopt(c->file, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most);
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
