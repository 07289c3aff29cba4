/* Numbers with a unit, as people write them: 1.5MB/s, 100 ms, 35 %. */
#ifndef TESTNET_QUANTITY_H
#define TESTNET_QUANTITY_H

#include <stdbool.h>

struct unit {
    const char *name; /* NULL ends a table. Empty: a number alone. */
    double factor;
};

/* Digits, perhaps with a point, then perhaps a blank, and a unit: the number times the unit's
 * factor. False when it is anything else. */
bool quantity_parse(const char *text, const struct unit units[], double *value);

#endif
