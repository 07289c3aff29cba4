/* What is known of a node at a time: the columns of series.csv, and of what a dashboard draws.
 *
 * A node counts since its start. Here counters go on over restarts: what a node counted between
 * its last answer and its death is lost. NAN: not known. */
#ifndef TESTNET_FIELDS_H
#define TESTNET_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "crypto/quorum.h"
#include "node/times.h"

/* In the order of series.csv. Bytes, bytes a second, seconds or milliseconds, as names say. */
enum field {
    FIELD_EPOCH_AGREED,
    FIELD_EPOCH_EXECUTED,
    FIELD_CONFIRMED_BYTES,
    FIELD_CONFIRMED_TX,
    FIELD_RX_VOTES,
    FIELD_RX_DISPERSAL,
    FIELD_RX_RETRIEVAL,
    FIELD_TX_VOTES,
    FIELD_TX_DISPERSAL,
    FIELD_TX_RETRIEVAL,
    FIELD_RATE_IN, /* Of its link; NAN: without limit, or none of ours. */
    FIELD_RATE_OUT,
    FIELD_LAG_BYTES,
    FIELD_CPU_S,
    FIELD_RSS_BYTES,
    FIELD_RX_CLIENTS,
    FIELD_TX_CLIENTS,
    FIELD_HEIGHT,
    FIELD_PEERS,
    FIELD_STATE,          /* An enum node_state. */
    FIELD_ACCUSERS,       /* Nodes that have caught it at something. */
    FIELD_LATENCY_P50_MS, /* Of its clients' transactions that ended since the sample before. */
    FIELD_LATENCY_P95_MS,
    FIELD_HEDGES,
    FIELD_WASTED_DISPERSAL,
    FIELD_WASTED_RETRIEVAL,
    FIELD_INTERFACE_RX, /* The kernel's counts, of its link. */
    FIELD_INTERFACE_RX_PACKETS,
    FIELDS,
};
const char *field_name(enum field f);
int field_find(const char *name); /* Or -1. */
/* As short as it is exact enough, after `before`; nothing more for NAN. */
void field_print(FILE *out, const char *before, double value);

/* series.csv: its head, and a line of it. */
void fields_head(FILE *out);
void fields_row(FILE *out, double t_s, unsigned node, const double values[FIELDS]);

/* One node, as followed. */
struct follower {
    double raw[FIELDS];   /* Counters, as it last said. */
    double total[FIELDS]; /* As they go on. */
    struct times transactions;
    bool accuses[NODES_MAX];
    double value[FIELDS]; /* All that is known of it now. */
};

void follower_init(struct follower *f);
/* Takes an answer to STATS. */
void follower_take(struct follower *f, const json_t *stats);
/* Takes a counter that comes from elsewhere. */
void follower_count(struct follower *f, enum field field, double raw);
/* It did not answer: nothing is known but what does not depend on it. */
void follower_missed(struct follower *f);
/* Fills in who is accused by how many. */
void followers_accusers(struct follower followers[], unsigned count);

#endif
