/* How often each value came: log-linear, so that any quantile is right to within 1 in 128
 * whatever the values, in 60 KB. Values below 256 are exact. */
#ifndef NODE_CLI_HISTOGRAM_H
#define NODE_CLI_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_LINEAR_BITS = 7, /* Buckets to each doubling, as a power of two. */
    HISTOGRAM_LINEAR = 1 << HISTOGRAM_LINEAR_BITS,
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_LINEAR_BITS + 1) * HISTOGRAM_LINEAR,
};

/* Zeroed, it is empty. */
struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);
/* The least value that is at least as large as `quantile` (0 to 1) of all: never less than the
 * true one, and less than 1 in 128 above it. 0 when there is none. */
uint64_t histogram_quantile(const struct histogram *h, double quantile);

#endif
