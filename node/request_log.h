/* What request.c does for those who read the log: blocks, and what became of what is in them. */
#ifndef NODE_REQUEST_LOG_H
#define NODE_REQUEST_LOG_H

#include "node/request.h"

enum {
    REQUEST_LEAVES_MAX = 1024, /* Of an answer to EVENTS: a millisecond's reading. */
    REQUEST_EVENTS_BYTES = CLIENT_EVENTS_MAX * 128 + REQUEST_LEAVES_MAX * CLIENT_LEAF_SIZE,
};

/* EVENTS, in its form. */
void request_events(struct store_view *ledger, struct request *r);
/* BLOCK as REQUEST_ARRAY. */
void request_blocks(struct store_view *ledger, struct request *r);

#endif
