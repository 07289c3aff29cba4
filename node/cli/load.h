/* A load on a cluster, and what became of it. */
#ifndef NODE_CLI_LOAD_H
#define NODE_CLI_LOAD_H

#include <stdio.h>

#include "node/cli/histogram.h"
#include "node/cli/tally.h"
#include "node/cli/target.h"
#include "node/cli/workload.h"

enum {
    LOAD_SUBMISSIONS_MAX = 8, /* Requests with transactions in flight, to one node. */
    LOAD_SILENT_US = 3000000, /* A node that owes answers for so long is given up for now, */
    LOAD_ABSENT_US = 500000,  /* and one that there is no connection to, sooner. */
    LOAD_PING_US = 500000,    /* How often it is asked whether it is back. */
};

/* Transactions in one request that is not answered yet. */
struct load_submission {
    uint64_t request; /* Its id; 0: this place is free. */
    struct load_queue items;
};

/* Transactions that were acknowledged together. A node puts them into its blocks in the order in
 * which it took them, so that it is enough to ask after the first; when that is executed, after
 * the rest. */
struct load_batch {
    struct load_batch *next;
    struct load_queue items;
    bool ask_all;
};

struct load_asked {
    struct load_batch *batch;
    struct load_item *item;
};

struct load_node {
    unsigned id;
    struct connection *connection;
    struct load_queue waiting; /* To be submitted. */
    struct load_submission submissions[LOAD_SUBMISSIONS_MAX];
    uint64_t resume_us; /* Overloaded until then, */
    bool one_by_one;    /* and until a submission was taken whole, one at a time: what is put off
                           is costly for both, and the first of those that wait are taken. */
    struct load_batch *batches; /* Oldest first. */
    struct load_batch *last_batch;
    uint64_t poll_request; /* The id of the question after outcomes; 0: there is none now. */
    uint64_t next_poll_us;
    uint32_t asked_count;
    struct load_asked asked[CLIENT_COUNT_MAX];
    uint64_t heard_us; /* When it last answered, or owed nothing. */
    uint64_t ping_us;
    bool silent;
    bool blocked; /* There was something to send, and the connection did not take it. */
};

struct load_counts {
    uint64_t acknowledged;
    uint64_t executed;
    uint64_t failed;
    uint64_t bytes;       /* Of those executed. */
    uint64_t resubmitted; /* Sent once more, since a node fell silent or had lost them. */
    uint64_t overloaded;  /* Put off by a node: so often, or without retry so many. */
    struct tally dropped;
    struct tally refused;
};

struct load {
    struct target target;
    /* What to do. */
    uint64_t clients; /* Closed loop: so many wait for their own transaction. */
    double rate;      /* Open loop: so many a second. 0: closed. */
    uint64_t count;
    double duration_s;
    uint64_t poll_ms; /* From one question after outcomes to the next: how late, at most, an
                         execution is seen. */
    double warmup_s;  /* No latencies of what begins in these. */
    bool even;        /* Open loop, but not Poisson. */
    uint64_t drain_s;
    uint64_t batch;
    bool one_node; /* All to target.node. */
    bool presign;
    bool no_retry; /* What is put off is not sent again. */
    const char *ids_path;
    const char *part_text;
    unsigned part, parts; /* Of the accounts: every parts-th, from number `part` on. */
    /* How it goes. */
    struct workload workload;
    struct load_queue presigned;
    unsigned node_count;
    struct load_node *nodes;
    FILE *ids;
    int ids_error;    /* errno of the first id that could not be written. */
    uint64_t random;  /* Of arrivals. */
    uint64_t begun;   /* Transactions that were due. */
    uint64_t settled; /* Those of them whose end is known. */
    uint64_t start_us;
    uint64_t last_us; /* The last execution. */
    struct load_counts counts;
    struct histogram latency; /* us, from due to seen executed. */
};

/* 0, or an exit code after a line on stderr. */
int load_run(struct load *l);
void load_report(const struct load *l);
void load_progress(const struct load *l, bool last); /* On a terminal only. */

/* load_node.c: takes what a node has answered, and sends what is to be sent. */
void load_node_step(struct load *l, struct load_node *n, uint64_t now_us);
void load_node_free(struct load_node *n);
/* Where an item goes now; load_run.c. */
struct load_node *load_route(struct load *l, const struct load_item *item);

#endif
