/* What was executed, in order, for whoever follows the ledger: net/client.h's EVENTS. */
#ifndef NODE_FEED_H
#define NODE_FEED_H

#include "net/client.h"
#include "node/executor.h"

enum { FEED_PART = 256 }; /* Transactions of a block that one event tells of. */

struct feed_event {
    struct executor_entry block;
    uint32_t first, count;
    struct result results[FEED_PART]; /* Of the transactions from `first` on. */
};

enum {
    FEED_END = 1,  /* There is none yet. */
    FEED_GONE = 2, /* This node has no such block, and never will: a snapshot stands for it. */
};
/* The event at a cursor, which goes on. 0, FEED_END, FEED_GONE or a store_error. An index beyond its
 * block's last is that of the next block. Any thread. */
int feed_next(struct store_view *ledger, struct client_cursor *cursor, struct feed_event *event);
/* A block of the log as clients are told of it. */
struct client_block feed_block(const struct executor_entry *entry);

#endif
