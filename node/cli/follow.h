/* What follow knows of the log: where it is, what is to be printed, and, to verify, the hash of all that
 * went before. */
#ifndef NODE_CLI_FOLLOW_H
#define NODE_CLI_FOLLOW_H

#include <stdio.h>

#include "node/config.h"
#include "node/consistency.h"
#include "node/json.h"

struct follow {
    const char *command;
    const struct cluster *cluster;
    const char *state; /* A file, or NULL. */
    bool verify, json;
    struct client_cursor next;
    struct merkle_frontier log, block; /* verify: up to `next`. */
    struct client_block told;          /* verify: of the block that `next` is in. */
    uint64_t finals;                   /* verify: transactions of it that are final. */
    bool saved;                        /* The state, at least once. */
    json_t *waiting;                   /* Events to be printed; verify: once they are proven. */
    uint64_t printed;                  /* Blocks. */
};

/* They return 0, or an exit code after a line on stderr. EXIT_DIFFERENT: the node lies. */
int follow_load(struct follow *f); /* From the state's file, if there is one. */
int follow_take(struct follow *f, const struct client_event *event);
bool follow_waits(const struct follow *f);  /* For a proof. */
bool follow_enough(const struct follow *f); /* To be proven before more is taken. */
/* Whether the log up to here is proven by this text. */
int follow_prove(struct follow *f, struct slice text);
int follow_print(struct follow *f); /* What waits; then the state is written. */
void follow_free(struct follow *f);

#endif
