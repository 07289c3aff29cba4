/* The way between sites: takes packets from each site's TUN and gives them to another's, later.
 *
 * One process for all sites. A pair of sites is a FIFO: its delay is the same for all its
 * packets, and its order stays. Behind the delay is the link of the site that they go to: one FIFO
 * of 200 ms at its rate in. The owner of the network writes delays, losses, cuts and rates into
 * shared memory while it runs. It is the only thing between two sites' queues, and as a whole has
 * no rate of its own.
 *
 * Packets are moved in rounds, up to 2 ms apart where delays are long (a 25th of the shortest):
 * each is early or late by at most half of that, and on the mean punctual. Why, and why the rate
 * in is no tc queue: behind an IFB each packet costs two passes through the kernel and a timer,
 * and wakes its reader alone. Sixteen sites with 1.3 MB/s each took 0.87 of a core here so, and
 * take 0.53. */
#ifndef TESTNET_RELAY_H
#define TESTNET_RELAY_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    RELAY_SITES_MAX = 128,
    RELAY_BYTES_MAX = 1 << 30, /* Under way at a time; beyond it, packets are lost. */
};

struct relay_path { /* From one site to another. */
    _Atomic uint32_t delay_us;
    _Atomic uint32_t loss_ppm; /* Packets lost of a million. */
    _Atomic uint32_t cut;      /* Nothing passes, what is under way included. */
};

struct relay_paths {
    struct relay_path path[RELAY_SITES_MAX][RELAY_SITES_MAX]; /* [from][to] */
    _Atomic uint64_t rate_in[RELAY_SITES_MAX]; /* Bytes/s of IP packets; 0: as fast as it goes. */
    _Atomic uint64_t seed;
    /* What came of it. */
    _Atomic uint64_t forwarded, lost, cut, overflowed; /* Packets, a batch as one. */
    _Atomic uint64_t late_us_max;                      /* How late a packet left at worst. */
};

/* Shared with children; NULL with errno set on failure. */
struct relay_paths *relay_paths_make(void);
void relay_paths_free(struct relay_paths *paths);

/* Moves packets between the TUNs (site i has the address 10.88.0.i+1) for ever. */
_Noreturn void relay_run(struct relay_paths *paths, const int tuns[], unsigned sites);

#endif
