/* What libzmq neither lets be set nor says of its connections, which are TCP's: found among the
 * descriptors of this process. */
#ifndef NET_CONNECTIONS_H
#define NET_CONNECTIONS_H

#include <stdint.h>

enum {
    CONNECTIONS_UNSENT_MAX = 32 << 10,
    ROUND_TRIP_MS_MAX = 4096, /* Longer ones count as this. */
};

/* How often round trips of so many milliseconds were seen: in the current span and the one
 * before. */
struct round_trips {
    uint32_t counts[2][ROUND_TRIP_MS_MAX];
    unsigned current;
    uint64_t since_ms; /* When the current span began. */
};

/* Bounds what the kernel holds unsent of each connection of this process (TCP_NOTSENT_LOWAT): it
 * takes megabytes for a link of any rate, on a slow one a minute's worth, which can be neither
 * overtaken nor taken back. And counts what TCP says a round trip takes now on those whose other
 * end has one of `ports`. To be called again and again: connections come and go. */
void connections_look(const uint16_t ports[], unsigned count, uint64_t now_ms,
                      struct round_trips *trips);
/* Of the last one to two minutes: what `share` of them do not exceed, in ms, to half of one; 0: there were none. */
double round_trips_quantile(const struct round_trips *trips, double share);

#endif
