/* What each node said of itself, once a second: series.csv, and the sums that summary.json has.
 *
 * A node counts since its start. Here counters go on over restarts: what a node counted between
 * its last answer and its death is lost. */
#ifndef TESTNET_SAMPLE_H
#define TESTNET_SAMPLE_H

#include <stdio.h>

#include "testnet/cores.h"
#include "testnet/sites.h"

enum counter {
    COUNTER_CONFIRMED_BYTES,
    COUNTER_CONFIRMED_TX,
    COUNTER_RX_VOTES,
    COUNTER_RX_DISPERSAL,
    COUNTER_RX_RETRIEVAL,
    COUNTER_RX_CLIENTS,
    COUNTER_TX_VOTES,
    COUNTER_TX_DISPERSAL,
    COUNTER_TX_RETRIEVAL,
    COUNTER_TX_CLIENTS,
    COUNTER_HEDGES,
    COUNTER_WASTED_DISPERSAL,
    COUNTER_WASTED_RETRIEVAL,
    COUNTER_CPU_MS,
    COUNTER_INTERFACE_RX, /* The kernel's, of the site's link. */
    COUNTERS,
};

struct sample {
    double at_s; /* From the start of the warm-up. */
    bool answered;
    uint64_t total[COUNTERS];
    uint64_t epoch_agreed, epoch_executed, height, lag_bytes, rss_bytes, rss_anon;
    double vote_delay_ms[2]; /* The median, and the 99th of a hundred. */
};

struct sampler {
    struct sites *sites;
    FILE *series;
    bool waiting; /* For answers. */
    double asked_s;
    uint64_t raw[RELAY_SITES_MAX][COUNTERS];
    bool asked[RELAY_SITES_MAX];
    struct sample last[RELAY_SITES_MAX];
    uint64_t rss_anon_peak[RELAY_SITES_MAX];
    struct cores cores;
    double relay_s, load_s[RELAY_SITES_MAX]; /* Of the CPU, since their start. */
};

/* 0, or -1 with errno set. */
int sampler_open(struct sampler *p, struct sites *sites, const char *path);
void sampler_close(struct sampler *p);
/* Of the CPU, what all loads have used, in seconds. */
double sampler_loads_s(const struct sampler *p);
/* Asks every node that runs. */
void sampler_ask(struct sampler *p, double at_s);
/* Takes what has come. True when all have answered, or `at_s` is too late for more: then a line a
 * node that answered has been written. `rates` are those of the links now. */
bool sampler_take(struct sampler *p, double at_s, const uint64_t rate_out[],
                  const uint64_t rate_in[]);

#endif
