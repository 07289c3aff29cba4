/* How busy the cores are: whether links or this machine were the limit of a run.
 *
 * A core is busy when it does not idle. The time it idled is what a tickless kernel measures; the
 * rest of /proc/stat is sampled at ticks, on which most of what sleeps here wakes, and is no
 * measure. */
#ifndef TESTNET_CORES_H
#define TESTNET_CORES_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum { CORES_MAX = 128, CORES_WINDOW_S = 5 };

struct cores {
    struct {
        uint64_t at_us;
        uint64_t idle_us[CORES_MAX];
    } looks[CORES_WINDOW_S + 1];
    unsigned count; /* Of cores. */
    unsigned looked;
    /* In the last CORES_WINDOW_S seconds, 0 to 1; 0 until so many have passed. */
    double busy_max; /* The busiest core. */
    double busy_mean;
};

/* Of every core the microseconds that it idled, waiting for a disk included, from what /proc/stat
 * holds. Returns how many cores. */
unsigned cores_read(FILE *stat, uint64_t idle_us[CORES_MAX]);

/* To be called once a second. */
void cores_look(struct cores *p);

/* What a process has used of the CPU since its start, in seconds; 0 when it is no more. */
double cores_used_s(pid_t process);

#endif
