/* Asking all nodes at once what they have counted (CLIENT_STATS), and taking what they answer in
 * time: a round. What comes later than its round is dropped. */
#ifndef NODE_CLI_ROUND_H
#define NODE_CLI_ROUND_H

#include <jansson.h>

#include "node/client/connection.h"

struct round {
    bool open; /* Answers are waited for. */
    uint64_t asked_us;
    bool asked[NODES_MAX], answered[NODES_MAX];
};

/* Begins one, at clock_us; nobody is asked yet. */
void round_begin(struct round *r, uint64_t now_us);
/* Once a node and round. One without a connection yet is not asked. */
void round_ask(struct round *r, unsigned node, struct connection *c);
/* An answer of this round, for the caller to json_decref; NULL: no more are here. Whatever else
 * has come is read and dropped, so that a connection does not fill up. */
json_t *round_receive(struct round *r, unsigned node, struct connection *c);
/* True once a round: all who were asked have answered, or `patience_us` have passed. */
bool round_ends(struct round *r, uint64_t now_us, uint64_t patience_us);

#endif
