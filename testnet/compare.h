/* Runs beside each other: what differed in their settings, and what came of them. */
#ifndef TESTNET_COMPARE_H
#define TESTNET_COMPARE_H

#include <stdbool.h>

/* Prints a table of run directories (the first is what others are related to), or a line of CSV
 * each under a head. 0, or 1 after a line on stderr when one holds no summary. */
int compare_runs(const char *const directories[], unsigned count, bool csv);

#endif
