/* A scenario's file as it is written: the parser alone, which opens no other file and computes
 * nothing. */
#ifndef TESTNET_SCENARIO_PARSE_H
#define TESTNET_SCENARIO_PARSE_H

#include "testnet/scenario.h"
#include "testnet/trace.h"

/* What is not in struct scenario. */
struct scenario_text {
    unsigned links_line, rates_line; /* Where the sections begin; 0: they have not come. */
    double delay_s;
    double loss;
    char delays[SETTING_VALUE_MAX + 1]; /* A file; empty: none. */
    struct trace trace;
    struct scenario_node {
        uint64_t rate;
        bool given; /* Its rate replaces the trace's. */
    } nodes[RELAY_SITES_MAX];
};

/* Reads all that `settings` has into the two; rates, delays and losses of the scenario are still
 * to be made. What is scaled is scaled. 0, or -1 and a message; scenario_free in any case. */
int scenario_parse(struct settings *settings, struct scenario *scenario,
                   struct scenario_text *text);

#endif
