/* The nodes of a run: a process each, in its site, with a load beside it and a connection to ask. */
#ifndef TESTNET_SITES_H
#define TESTNET_SITES_H

#include "node/client/connection.h"
#include "testnet/network.h"
#include "testnet/scenario.h"

enum {
    SITES_PATH_MAX = 512,
    SITES_PORT = CONFIG_PORT_BASE,
};

struct site {
    pid_t node; /* 0: it does not run. */
    pid_t load;
    bool paused;
    bool refused; /* Its load did not take what it was told. */
    bool lost;    /* Its load has ended for another reason. */
    int signal;   /* That ended its node by itself; 0: none did. */
    void *zmq;
    struct connection *connection;
};

struct sites {
    const struct scenario *scenario;
    struct network *network;   /* NULL: all on loopback. */
    const char *run;           /* Its name. */
    const char *out;           /* The run's directory. */
    char data[SITES_PATH_MAX]; /* Where data directories are; a directory of tmpfs, or of `out`. */
    bool tmpfs;
    bool keep; /* Data stays, in `out`, and loads write the ids acknowledged to loadI.ids. */
    struct cluster cluster;
    struct site site[RELAY_SITES_MAX];
};

/* Functions return 0, or -1 with one line in `message`. */

/* Makes the cluster's files in OUT/cluster, for the scenario. */
int sites_make(struct sites *s, char *message, size_t message_size);
int sites_start(struct sites *s, unsigned node, char *message, size_t message_size);
/* Without its data, which is removed. */
int sites_replace(struct sites *s, unsigned node, char *message, size_t message_size);
void sites_kill(struct sites *s, unsigned node);
void sites_pause(struct sites *s, unsigned node, bool pause); /* Or lets it go on. */
/* Opens a connection to each node, in its site. */
int sites_connect(struct sites *s, char *message, size_t message_size);
/* Starts the load for so many seconds; its report goes to OUT/loadI.json. */
int sites_load(struct sites *s, unsigned node, double warmup_s, double duration_s, char *message,
               size_t message_size);
/* A node that has ended by itself: its number, or -1. Its pid is 0 then; so is that of a load. */
int sites_ended(struct sites *s);
/* A node whose load ended at once, with wrong usage: then nobody loads it; or -1. */
int sites_refused(const struct sites *s);
/* The next whose load has ended otherwise before its time, once each; -1: there is none. */
int sites_lost(struct sites *s);
/* Loads end with their reports; who does not in time is killed. Returns how many. */
unsigned sites_stop_loads(struct sites *s);
/* They, and nodes by SIGTERM. */
int sites_stop(struct sites *s, char *message, size_t message_size);
/* Everything but what a person reads afterwards goes. */
void sites_close(struct sites *s);
/* Where a node keeps its data, and where its settings are. */
void sites_data(const struct sites *s, unsigned node, char path[SITES_PATH_MAX]);
void sites_directory(const struct sites *s, unsigned node, char path[SITES_PATH_MAX]);
/* A tmpfs directory of a run of this name, if it is left. */
void sites_remove(const char *run);
void sites_remove_tree(const char *path);

/* The installed program of this name: beside this one, else by PATH. */
const char *sites_program(const char *name);

#endif
