/* What request.c does for those who read the log: blocks, and what became of what is in them. */
#ifndef NODE_REQUEST_LOG_H
#define NODE_REQUEST_LOG_H

#include "node/request.h"

/* EVENTS, in its form. */
void request_events(struct store_view *ledger, struct request *r);
/* BLOCK as REQUEST_ARRAY. */
void request_blocks(struct store_view *ledger, struct request *r);

#endif
