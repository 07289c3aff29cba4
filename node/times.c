#include "node/times.h"

const uint64_t times_bounds_us[TIMES_BOUNDS] = {
    100,     200,     500,     1000,     2000,     5000,     10000,    20000,    50000,
    100000,  150000,  200000,  300000,   500000,   700000,   1000000,  1500000,  2000000,
    3000000, 5000000, 7000000, 10000000, 15000000, 20000000, 30000000, 60000000, 300000000};

void times_add(struct times *t, uint64_t us)
{
    unsigned k = 0;
    while (k < TIMES_BOUNDS && us > times_bounds_us[k])
        k++;
    t->counts[k]++;
    t->sum_us += us;
}

uint64_t times_count(const struct times *t)
{
    uint64_t count = 0;
    for (unsigned k = 0; k <= TIMES_BOUNDS; k++)
        count += t->counts[k];
    return count;
}
