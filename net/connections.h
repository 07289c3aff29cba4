/* What libzmq neither lets be set nor says of its connections, which are TCP's: found among the
 * descriptors of this process. */
#ifndef NET_CONNECTIONS_H
#define NET_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CONNECTIONS_UNSENT_MAX = 32 << 10,
    CONNECTIONS_RESEND_MS_MAX = 2000,
    CONNECTIONS_RESEND_OPTION = 44, /* TCP_RTO_MAX_MS: Debian 12's headers do not have it. */
    CONNECTIONS_FILES_MAX = 16384,  /* Of descriptors beyond nothing is remembered. */
    ROUND_TRIP_MS_MAX = 4096,       /* Longer ones count as this. */
};

struct connection {
    int file;
    uint64_t inode; /* Tells it from another that has the descriptor later. */
    bool listening; /* No connection, but where they come in: what follows own_port is 0. */
    uint16_t own_port, other_port;
    uint64_t received; /* Bytes, by TCP; what nobody has read yet too. */
    uint64_t acked;    /* Bytes of ours that the other end's TCP has. */
    uint32_t round_trip_us;
};

/* Calls visit for each socket of TCP. Returns how many there were. By one thread only. It keeps a
 * descriptor.
 *
 * What is seen for the first time is bounded in what the kernel holds unsent of it
 * (TCP_NOTSENT_LOWAT): it takes megabytes for a link of any rate, on a slow one a minute's worth,
 * which can be neither overtaken nor taken back. And in how long it waits before it sends again what
 * was not acknowledged (TCP_RTO_MAX_MS, Linux 6.15 and later): else twice as long each time, and a
 * link that was down for five seconds may be idle for five more. */
unsigned connections_each(void (*visit)(void *context, const struct connection *c), void *context);

bool connection_has_port(const uint16_t ports[], unsigned count, uint16_t port);

/* How often round trips of so many milliseconds were seen: in the current span and the one
 * before. */
struct round_trips {
    uint32_t counts[2][ROUND_TRIP_MS_MAX];
    unsigned current;
    uint64_t since_ms; /* When the current span began. */
};

/* Before the ones seen at `now_ms` are counted. */
void round_trips_time(struct round_trips *trips, uint64_t now_ms);
void round_trips_count(struct round_trips *trips, const struct connection *c);
/* Of the last one to two minutes: what `share` of them do not exceed, in ms, to half of one; 0: there
 * were none. */
double round_trips_quantile(const struct round_trips *trips, double share);

#endif
