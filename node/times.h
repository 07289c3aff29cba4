/* How long things took: counts in steps that grow, so that sums over nodes and differences in time
 * mean something. */
#ifndef NODE_TIMES_H
#define NODE_TIMES_H

#include <stdint.h>

enum { TIMES_BOUNDS = 27 };
/* In microseconds, inclusive: from a write to a good disk to an epoch of one that is far behind.
 * Close to each other where people wait: what lies between two is known no better. */
extern const uint64_t times_bounds_us[TIMES_BOUNDS];

struct times {
    uint64_t counts[TIMES_BOUNDS + 1]; /* Of those above the bound before and not above this one. */
    uint64_t sum_us;
};

void times_add(struct times *t, uint64_t us);
uint64_t times_count(const struct times *t);

#endif
