/* What the execution of an epoch means for the transactions that wait here: which leave the pool,
 * and which are free for another block. */
#ifndef NODE_SETTLE_H
#define NODE_SETTLE_H

#include "node/execution.h"
#include "node/recent.h"

struct settler {
    struct mempool *mempool;
    struct recent *recent;
    node_id self;
    bool inside; /* The application looks inside blocks: reports say what became of each. */
};

void settle(const struct settler *s, const struct execution_report *report);

#endif
