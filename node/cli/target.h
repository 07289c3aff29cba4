/* Which cluster a command is for, and which of its nodes: what all commands that ask have in
 * common. */
#ifndef NODE_CLI_TARGET_H
#define NODE_CLI_TARGET_H

#include "node/cli/arguments.h"
#include "node/client/connection.h"

struct target {
    const char *command;
    const char *path; /* cluster.conf, or the directory that it is in. */
    uint64_t node;    /* The one to ask. */
    uint64_t timeout_s;
    bool json;
    /* After target_open. */
    char directory[1024]; /* Where cluster.conf is. */
    struct cluster cluster;
    void *zmq;
    struct connection *connection;
};

#define TARGET(name)                                   \
    {                                                  \
        .command = (name), .path = ".", .timeout_s = 5 \
    }

#define TARGET_CLUSTER(t)                                             \
    {                                                                 \
        .name = "cluster", .type = ARGUMENT_TEXT, .target = &(t).path \
    }
#define TARGET_NODE(t)                                                                     \
    {                                                                                      \
        .name = "node", .type = ARGUMENT_NUMBER, .target = &(t).node, .max = NODES_MAX - 1 \
    }
#define TARGET_TIMEOUT(t)                                                               \
    {                                                                                   \
        .name = "timeout", .type = ARGUMENT_NUMBER, .target = &(t).timeout_s, .min = 1, \
        .max = 3600                                                                     \
    }
#define TARGET_JSON(t)                                             \
    {                                                              \
        .name = "json", .type = ARGUMENT_FLAG, .target = &(t).json \
    }

/* The same in every command's help. */
#define TARGET_HELP_DIRECTORY \
    "  DIR                the cluster's directory, where cluster.conf is (default: this one)\n"
#define TARGET_HELP_CLUSTER "  --cluster FILE     the cluster.conf itself, in place of DIR\n"
#define TARGET_HELP_NODE    "  --node I           the node to ask (default: 0)\n"
#define TARGET_HELP_TIMEOUT "  --timeout SECONDS  wait so long for a node's answer (default: 5)\n"

/* Takes DIR from the arguments if there are more than `needed`, and complains of what is then too
 * much or too little; `needed` is what the usage says follows DIR. */
bool target_arguments(struct target *t, struct arguments *a, int needed, const char *missing,
                      int *status);
/* Reads cluster.conf; then _connect opens a connection to `node`. 0, or EXIT_FAILED or EXIT_USAGE
 * after a line on stderr. */
int target_open(struct target *t);
int target_connect(struct target *t);
void target_close(struct target *t);

/* connection_ask, saying what went wrong. */
int target_ask(struct target *t, struct client_request *request, struct client_answer *answer);
/* The same, but OVERLOADED is an answer. */
int target_try(struct target *t, struct client_request *request, struct client_answer *answer);

/* A public key: given in hex, or as the path of its key file. 0, or EXIT_USAGE or EXIT_FAILED
 * after a line on stderr. */
int target_key(const struct target *t, const char *text, struct identity_public *key);

#endif
