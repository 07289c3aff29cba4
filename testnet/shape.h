/* The rate out of an interface: one FIFO of 200 ms behind a token bucket (tc tbf), set over netlink
 * so that a change costs no process. The socket knows the namespace in which it was opened. */
#ifndef TESTNET_SHAPE_H
#define TESTNET_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

enum { SHAPE_FIFO_MS = 200 };

struct mnl_socket;

struct mnl_socket *shape_open(void); /* NULL with errno set. */
/* Bytes/s; 0: as fast as it goes. False with errno set. */
bool shape_rate(struct mnl_socket *s, unsigned interface, uint64_t rate);
struct shape_counts {
    uint64_t received, sent; /* Bytes. */
    uint64_t received_packets;
};
/* The interface's own counters. False with errno set. */
bool shape_counters(struct mnl_socket *s, unsigned interface, struct shape_counts *counts);

#endif
