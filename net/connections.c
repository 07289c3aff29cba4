#include "net/connections.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { SPAN_MS = 60000 };

static uint16_t other_port(int file)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getpeername(file, (struct sockaddr *)&address, &size) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    return address.ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)&address)->sin_port)
                                        : 0;
}

static bool has(const uint16_t ports[], unsigned count, uint16_t port)
{
    for (unsigned i = 0; i < count; i++)
        if (ports[i] == port)
            return true;
    return false;
}

static void count_trip(int file, struct round_trips *trips)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(file, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_rtt == 0)
        return;
    const uint32_t ms = info.tcpi_rtt / 1000;
    trips->counts[trips->current][ms < ROUND_TRIP_MS_MAX ? ms : ROUND_TRIP_MS_MAX - 1]++;
}

void connections_look(const uint16_t ports[], unsigned count, uint64_t now_ms,
                      struct round_trips *trips)
{
    if (now_ms >= trips->since_ms + SPAN_MS) {
        trips->since_ms = now_ms;
        trips->current = 1 - trips->current;
        memset(trips->counts[trips->current], 0, sizeof trips->counts[0]);
    }
    DIR *files = opendir("/proc/self/fd");
    if (!files)
        return;
    const int most = CONNECTIONS_UNSENT_MAX;
    for (const struct dirent *e; (e = readdir(files));) {
        const int file = (int)strtol(e->d_name, NULL, 10);
        if (setsockopt(file, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most) == 0 &&
            has(ports, count, other_port(file))) /* What is no TCP socket refuses. */
            count_trip(file, trips);
    }
    closedir(files);
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
