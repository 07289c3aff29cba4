/* ledger-cli status --watch: a line a node, once a second, in a terminal. */
#ifndef NODE_CLI_WATCH_H
#define NODE_CLI_WATCH_H

#include "node/cli/target.h"
#include "node/report.h"

enum { WATCH_HISTORY = 120 }; /* Seconds. */

struct watched {
    struct connection *connection;
    bool known; /* It has answered once. */
    bool asked; /* It has had the time to answer once. */
    bool answered;
    const char *state;
    uint64_t agreed, executed, peers;
    uint64_t confirmed, received[LANES]; /* Counters; and their growth in the last second: */
    double at_s;
    double confirmed_s, received_s[LANES];
    float history[WATCH_HISTORY]; /* Of confirmed_s, the newest last. */
};

enum { WATCH_LINE_MAX = 4 * 512 }; /* Bytes: a column may take four. */
/* What is said of a node, in at most `width` columns; `most`: what a full bar means. */
void watch_line(const struct watched *w, unsigned node, double most, unsigned width,
                char line[WATCH_LINE_MAX]);

/* Takes an answer to STATS that was asked for at `at_s`; NULL: there was none. */
struct json_t;
void watch_take(struct watched *w, double at_s, const struct json_t *stats);

/* Until q, Ctrl-C or the end of the input. An exit code. */
int watch_cluster(struct target *t);

#endif
