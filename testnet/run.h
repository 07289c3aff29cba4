/* One run: a network, nodes on it, a load, events, and what came of it in a directory.
 *
 * OUT/ scenario.conf      what was asked for
 *      cluster/           its keys and settings (public and secret: a test's)
 *      nodeI.log loadI.json
 *      series.csv         a line a second and node
 *      events.csv         what was done to it, and when
 *      latency.csv        of each node's own transactions, by its load
 *      summary.json       the figures of the measured part
 *      versions.txt
 *      data/ loadI.ids    with `keep`: the nodes' data, and the ids of what was acknowledged
 *
 * Times count from the start of the warm-up in series.csv and events.csv. */
#ifndef TESTNET_RUN_H
#define TESTNET_RUN_H

#include "testnet/live.h"
#include "testnet/sample.h"

struct run_options {
    const char *scenario; /* Its file. */
    const char *out;      /* Made here; refused when it is there and holds no run. */
    const char *name;
    const char *mode;      /* In place of the scenario's, unless NULL; */
    const char *retrieval; /* and so on. */
    double load_bytes_s;   /* Unless 0. */
    bool plain;            /* Loopback, no shaping. */
    bool forever;          /* Until told to end: no load, no events. */
    bool dashboard;        /* A page follows the run. */
    bool keep;             /* In the end all nodes execute what is agreed, and data is kept. */
    bool endure;           /* A node that ends by itself is as one that was killed. */
    uint64_t port;         /* Its. */
    int ready; /* A line is written here when the nodes are connected, and stdin, stdout and stderr
                * left (for OUT/up.log); -1: nowhere, and they are kept. */
};

struct run {
    const struct run_options *options;
    struct scenario scenario;
    struct network network;
    struct sites sites;
    struct sampler sampler;
    struct recording recording; /* For the page, if there is one. */
    struct http *http;
    bool http_more;
    double served_s;
    int listener;
    FILE *events;
    uint64_t zero_us; /* The start of the warm-up. */
    size_t next_event;
    struct {
        bool set;              /* By command: the scenario's is over. */
        bool unlimited;        /* It was, at some time of the measured part. */
        double until_s, bytes; /* What it let through of that part, until then. */
    } link[RELAY_SITES_MAX];
    bool measuring;
    bool over; /* By command or signal. */
    bool loads_stopped;
    double settled_at; /* What was agreed in the sample before. */
    unsigned settled;  /* Samples since the load ended in which all had executed the same. */
    bool interrupted;
    bool measured;                                               /* That part is over. */
    struct sample first[RELAY_SITES_MAX], last[RELAY_SITES_MAX]; /* At its beginning and end. */
    double measured_from_s, measured_to_s;
    double first_relay_s, first_loads_s; /* Of the CPU, until then. */
    double last_relay_s, last_loads_s;
    double busy_max, busy_sum; /* In the measured part: of windows of 5 s. */
    unsigned busy_windows;
};

/* 0 when it ran to its end and the ledgers are equal; 1 failed, and 3 they differ, after a line
 * on stderr. Whatever happens, nothing is left but OUT. */
int run_scenario(const struct run_options *options);

/* run_commands.c: does a command to a run; says in `answer` how it went. */
int run_command(struct run *r, const struct command *c, const char *text, char *answer,
                size_t answer_size);
/* Notes what has happened, to a node or (-1) to none. */
void run_event(struct run *r, const char *kind, int of_node, const char *detail);
double run_time(const struct run *r); /* Seconds. */
/* The mean of a link's rate over the measured part until now. NAN: it was without limit. */
double run_link_rate(struct run *r, unsigned node, double now_s);

/* summary.c: stops what still runs, compares the ledgers, writes summary.json and latency.csv. An
 * exit code. */
int run_summary(struct run *r);

#endif
