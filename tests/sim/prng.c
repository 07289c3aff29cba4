#include "tests/sim/prng.h"

#include <assert.h>

void prng_init(struct prng *p, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15ull;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ z >> 27) * 0x94d049bb133111ebull;
        p->state[i] = z ^ z >> 31;
    }
}

static uint64_t rotate(uint64_t x, int k) { return x << k | x >> (64 - k); }

uint64_t prng_next(struct prng *p)
{
    uint64_t *s = p->state;
    const uint64_t result = rotate(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *p, uint64_t bound)
{
    assert(bound > 0);
    return prng_next(p) % bound;
}

bool prng_chance(struct prng *p, uint32_t numerator, uint32_t denominator)
{
    return prng_below(p, denominator) < numerator;
}

void prng_fill(struct prng *p, void *target, size_t size)
{
    uint8_t *at = target;
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)prng_next(p);
}
