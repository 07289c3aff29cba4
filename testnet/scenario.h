/* What is run on a test network: a file that a person reads and writes, and what it means.
 * testnet/scenarios/ has examples, and README of that folder the keys.
 *
 * Everything random in it (traces) follows from its seed. All rates and block sizes here are scaled
 * already: a scenario says what it emulates, and `scale` by how much it is made smaller so that the
 * machine is not the limit. Delays and times are never scaled. */
#ifndef TESTNET_SCENARIO_H
#define TESTNET_SCENARIO_H

#include "node/config.h"
#include "testnet/command.h"

enum {
    SCENARIO_NAME_MAX = 31,
    SCENARIO_EVENTS_MAX = 256,
};

enum scenario_load {
    SCENARIO_IDLE,
    SCENARIO_BACKLOG, /* Every node always has more to propose than it may. */
    SCENARIO_FIXED,   /* `load_bytes_s` at each node, evenly spaced ... */
    SCENARIO_POISSON, /* ... or at random times. */
};

enum scenario_place {
    SCENARIO_MEMORY, /* tmpfs, where there is one. */
    SCENARIO_DISK,   /* Beside the results. */
};

struct scenario_event {
    double at_s;            /* From the beginning of the measured part; negative: in the warm-up. */
    struct command command; /* No STATUS or DOWN; a RATE is scaled. */
    char text[COMMAND_TEXT_MAX + 1]; /* As written: not scaled. */
};

struct scenario {
    char name[SCENARIO_NAME_MAX + 1];
    uint64_t nodes;
    uint64_t seed;
    double scale;
    double warmup_s, duration_s;
    enum application application;
    char mode[16];        /* As in cluster.conf. */
    char retrieval[16];   /* As in node.conf. */
    uint64_t block_bytes; /* Of every block when there is a backlog, scaled. 0: the node decides. */
    enum scenario_load load;
    double load_bytes_s;                      /* A node's, of payload; scaled. */
    uint64_t payload_bytes;                   /* Of each transaction. */
    double lag_target_s;                      /* As in node.conf; 0: as it is there. */
    uint64_t retain_bytes, checkpoint_epochs; /* So too. */
    enum scenario_place data;
    double height_floor; /* The shortest ledger is to reach this share of the mean height. */
    uint32_t delay_us[RELAY_SITES_MAX][RELAY_SITES_MAX]; /* One way, [from][to]. */
    uint32_t loss_ppm[RELAY_SITES_MAX][RELAY_SITES_MAX];
    bool loss;          /* Anywhere. */
    double rate_step_s; /* Rates hold for so long. */
    size_t
        rate_count;  /* Steps from the start of the warm-up to the end; after it the last holds. */
    uint64_t *rates; /* [node][step] bytes/s, both ways; 0: without limit. Owned. */
    struct scenario_event *events; /* By time. Owned. */
    size_t event_count;
};

/* The name is the file's, without .conf. 0, or -1 with one line in `message`, which names file and
 * line, and nothing to free. */
int scenario_load_file(const char *path, struct scenario *s, char *message, size_t message_size);
void scenario_free(struct scenario *s); /* Zeroed is fine. */

/* Of a node's link at a time from the start of the warm-up. */
uint64_t scenario_rate(const struct scenario *s, unsigned node, double at_s);
/* What it lets through from one time to another, if no event changes it. 0: without limit. */
double scenario_bytes(const struct scenario *s, unsigned node, double from_s, double to_s);
/* Of any link, at any time and by any event. 0: one has no limit. */
uint64_t scenario_rate_max(const struct scenario *s);

#endif
