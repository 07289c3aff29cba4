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
    uint64_t link_horizon;
};

/* The last epoch of which, once `executed` is, no block is delivered any more. 0: none. */
epoch_id settle_over(const struct settler *s, epoch_id executed);
void settle(const struct settler *s, const struct execution_report *report);

#endif
