/* What each node said of itself, once a second: series.csv, and the sums that summary.json has. */
#ifndef TESTNET_SAMPLE_H
#define TESTNET_SAMPLE_H

#include <stdio.h>

#include "node/cli/round.h"
#include "testnet/cores.h"
#include "testnet/fields.h"
#include "testnet/sites.h"

struct sample {
    bool answered;        /* In the last round that is over. */
    double value[FIELDS]; /* As of the last answer. */
    uint64_t rss_anon;
    double vote_delay_ms[2]; /* The median, and the 99th of a hundred. */
};

struct sampler {
    struct sites *sites;
    FILE *series;
    struct round round;
    double asked_s; /* When it began, from the start of the warm-up. */
    struct follower followers[RELAY_SITES_MAX];
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
