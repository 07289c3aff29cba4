#include "testnet/cores.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "node/client/connection.h"

unsigned cores_read(FILE *stat, uint64_t idle_us[CORES_MAX])
{
    const uint64_t tick_us = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
    char line[512];
    unsigned count = 0;
    while (count < CORES_MAX && fgets(line, sizeof line, stat) && strncmp(line, "cpu", 3) == 0) {
        uint64_t idle;
        uint64_t wait;
        if (!isdigit((unsigned char)line[3])) /* All of them: its numbers begin where theirs do. */
            continue;
        if (sscanf(line, "cpu%*u %*u %*u %*u %" SCNu64 " %" SCNu64, &idle, &wait) == 2)
            idle_us[count++] = (idle + wait) * tick_us;
    }
    return count;
}

void cores_look(struct cores *p)
{
    const unsigned at = p->looked++ % (CORES_WINDOW_S + 1);
    const unsigned oldest = p->looked % (CORES_WINDOW_S + 1);
    FILE *stat = fopen("/proc/stat", "re");
    p->looks[at].at_us = clock_us();
    p->count = stat ? cores_read(stat, p->looks[at].idle_us) : 0;
    if (stat)
        fclose(stat);
    p->busy_max = 0;
    p->busy_mean = 0;
    if (p->looked <= CORES_WINDOW_S)
        return;
    const double span_us = (double)(p->looks[at].at_us - p->looks[oldest].at_us);
    for (unsigned c = 0; c < p->count; c++) {
        const double idle_us = (double)(p->looks[at].idle_us[c] - p->looks[oldest].idle_us[c]);
        const double busy = idle_us < span_us ? 1 - idle_us / span_us : 0;
        p->busy_mean += busy / p->count;
        if (busy > p->busy_max)
            p->busy_max = busy;
    }
}

double cores_used_s(pid_t process)
{
    clockid_t clock;
    struct timespec used;
    if (process <= 0 || clock_getcpuclockid(process, &clock) != 0 ||
        clock_gettime(clock, &used) != 0)
        return 0;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}
