#include "node/cli/histogram.h"

#include <assert.h>
#include <math.h>

/* The first two rows of buckets hold one value each; every row after them covers twice as much as
 * the one before, with buckets twice as wide. */
static unsigned bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_LINEAR)
        return (unsigned)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_LINEAR_BITS;
    return shift * HISTOGRAM_LINEAR + (unsigned)(value >> shift);
}

static uint64_t bucket_last(unsigned bucket)
{
    if (bucket < HISTOGRAM_LINEAR)
        return bucket;
    unsigned shift = bucket / HISTOGRAM_LINEAR - 1;
    uint64_t first = (uint64_t)(bucket - shift * HISTOGRAM_LINEAR) << shift;
    return first + ((UINT64_C(1) << shift) - 1);
}

void histogram_add(struct histogram *h, uint64_t value)
{
    h->count++;
    h->buckets[bucket_of(value)]++;
    if (value > h->max)
        h->max = value;
}

uint64_t histogram_quantile(const struct histogram *h, double quantile)
{
    assert(quantile >= 0 && quantile <= 1);
    if (h->count == 0)
        return 0;
    uint64_t rank = (uint64_t)ceil(quantile * (double)h->count);
    uint64_t below = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += h->buckets[i];
        if (below > 0 && below >= rank)
            return bucket_last(i) < h->max ? bucket_last(i) : h->max;
    }
    return h->max;
}
