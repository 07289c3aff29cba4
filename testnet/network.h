/* Sites on one machine: a network namespace each, a link with a rate each way, and a delay from
 * each site to each other.
 *
 *   a site's sockets
 *     -> wan, a TUN: one FIFO of 200 ms at the link's rate out (tc tbf; netlink changes it)
 *     -> the relay: delay, loss and cuts, a pair; behind them one FIFO of 200 ms at the other
 *        site's rate in (relay.h)
 *     -> the other site's wan and its sockets
 *
 * All that crosses a link shares its FIFO: no lane is preferred. Rates count IP packets, headers
 * included; a TCP stream gets 0.965 of one. Everything made carries the name of its run, so
 * that network_remove finds what a killed run has left.
 *
 * Why never netem: kernels lack it, and an emulation that differs from one machine to the other
 * is worse than one that costs half a core. */
#ifndef TESTNET_NETWORK_H
#define TESTNET_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "testnet/relay.h"
#include "testnet/shape.h"

enum {
    NETWORK_NAME_MAX = 31, /* Characters of a run's name. */
    NETWORK_MESSAGE_MAX = 1024,
    NETWORK_ADDRESS_SIZE = 16,
};

struct network_plan {
    const char *name;  /* Letters, digits, '.', '-', '_'. */
    unsigned sites;    /* 1 to RELAY_SITES_MAX */
    uint64_t rate_max; /* Bytes/s that any link will ever have: sizes the socket buffers. */
    bool loss;         /* Some path will lose packets: then no packet is a batch of several. */
};

struct network {
    char name[NETWORK_NAME_MAX + 1];
    unsigned sites;
    struct relay_paths *paths; /* Shared with the relay: written here, obeyed there. */
    pid_t relay;
    int namespaces[RELAY_SITES_MAX]; /* Open files. */
    struct mnl_socket *netlink[RELAY_SITES_MAX];
    unsigned wan[RELAY_SITES_MAX]; /* Interfaces, by index. */
    uint64_t rate_out[RELAY_SITES_MAX], rate_in[RELAY_SITES_MAX];
};

/* Functions that can fail return 0, or -1 with one line in `message`. */

/* Whether this process may make namespaces, TUNs and queues. */
int network_check(char *message, size_t message_size);
/* Makes it all, every path without delay and every rate without limit, and starts the relay. What
 * a killed run of this name left is removed first. On failure nothing is left. */
int network_make(struct network *w, const struct network_plan *plan, char *message,
                 size_t message_size);
/* Ends the relay and removes it all; processes in the namespaces are killed. */
void network_close(struct network *w);
/* What a run of this name has left. Returns how many namespaces there were, or -1. */
int network_remove(const char *name, char *message, size_t message_size);

/* Where a site is reached from the others. */
void network_address(unsigned site, char address[NETWORK_ADDRESS_SIZE]);
/* This thread, and threads and processes that it makes, are in a site, or back. */
void network_enter(const struct network *w, unsigned site);
void network_leave(void);

/* Bytes/s out and in; 0: without limit. */
int network_rate(struct network *w, unsigned site, uint64_t out, uint64_t in, char *message,
                 size_t message_size);

/* By the kernel's counters: what the site got, behind its FIFO, and what left it. */
int network_traffic(const struct network *w, unsigned site, struct shape_counts *counts);

#endif
