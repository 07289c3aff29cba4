/* The rate of a link over time: rules that make one, and files that hold one.
 *
 * What is random in a rule follows from the scenario's seed and the node's number alone. Nothing
 * makes a rate smaller than RATE_LEAST: a link that is off for a moment is slow, not cut. */
#ifndef TESTNET_TRACE_H
#define TESTNET_TRACE_H

#include "node/settings.h"

enum trace_kind {
    TRACE_UNLIMITED,
    TRACE_CONSTANT,
    TRACE_SQUARE,       /* Half of the period high, half low; each node has a phase of its own. */
    TRACE_GAUSS_MARKOV, /* x' = mean + a (x - mean) + sqrt(1 - a^2) deviation gauss */
    TRACE_FILE,
};

/* Rates are bytes/s, not scaled yet. */
struct trace {
    enum trace_kind kind;
    double step_s;            /* All but CONSTANT: a rate holds for so long. */
    uint64_t rate, rate_step; /* CONSTANT: node i has rate + i rate_step. 0: without limit. */
    uint64_t high, low;       /* SQUARE */
    double period_s;          /* SQUARE */
    uint64_t mean, deviation; /* GAUSS_MARKOV */
    double correlation;       /* GAUSS_MARKOV: a, over a second. */
    char file[SETTING_VALUE_MAX + 1]; /* FILE */
};

/* The rate in steps; 0 stays 0, without limit. */
uint64_t trace_scaled(double rate, double scale);
/* What a rule (not FILE) makes of a node's link. */
void trace_fill(const struct trace *t, unsigned node, uint64_t seed, double scale, uint64_t rates[],
                size_t count);
/* Lines of `t_s,node,MB_s`: a node's rate from a time on, until its next line. Fills
 * rates[node][step]. 0, or -1 with `message`. */
int trace_read(const char *path, double step_s, double scale, uint64_t *rates, unsigned nodes,
               size_t count, char *message, size_t message_size);

#endif
