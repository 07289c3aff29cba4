/* Verifies many signatures at once, on the workers and the calling thread together. */
#ifndef NODE_VERIFY_H
#define NODE_VERIFY_H

#include "node/ledger.h"
#include "node/workers.h"

/* Returns when all are verified; never waits for a worker that has something better to do. Any
 * thread, between workers_start and workers_stop. */
void verify_all(struct workers *w, struct signature_check checks[], unsigned count);

#endif
