/* A node's metrics, in the text format 0.0.4 of Prometheus.
 *
 * All are named ledger_, have a HELP and a TYPE, are in base units (bytes, seconds), and counters
 * end in _total. Labels are bounded by the number of nodes and the kinds there are: purpose (votes,
 * dispersal, retrieval, clients), peer (a node's number), stage (of an epoch), state, kind (of a fault),
 * store; ledger_info has what a node is. What peers have of a label is given for every peer; faults,
 * for those there were. */
#ifndef NODE_METRICS_H
#define NODE_METRICS_H

#include "node/report.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* To be freed. */
char *metrics_text(const struct report *r, size_t *size);

#endif
