/* Delays between sites, from a file: a head `site,NAME,NAME…`, then a row a site in the same order,
 * `NAME,MS,MS…`, one way. There may be more sites than nodes: the first are taken. */
#ifndef TESTNET_DELAYS_H
#define TESTNET_DELAYS_H

#include <stddef.h>
#include <stdint.h>

#include "testnet/relay.h"

/* 0, or -1 with `message`. */
int delays_read(const char *path, unsigned sites, uint32_t delay_us[][RELAY_SITES_MAX],
                char *message, size_t message_size);

#endif
