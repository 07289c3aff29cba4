/* Randomness that can be run again (xoshiro256**, seeded by splitmix64). */
#ifndef TESTS_SIM_PRNG_H
#define TESTS_SIM_PRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_init(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);
uint64_t prng_below(struct prng *p, uint64_t bound); /* bound > 0 */
bool prng_chance(struct prng *p, uint32_t numerator, uint32_t denominator);
void prng_fill(struct prng *p, void *target, size_t size);

#endif
