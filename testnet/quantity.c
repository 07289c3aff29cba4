#include "testnet/quantity.h"

#include <stdlib.h>
#include <string.h>

bool quantity_parse(const char *text, const struct unit units[], double *value)
{
    const size_t size = strspn(text, "0123456789.");
    char *end;
    const double number = strtod(text, &end);
    /* strtod takes signs, exponents, hex and names too: then it ends elsewhere. */
    if (size == 0 || end != text + size)
        return false;
    end += strspn(end, " \t");
    for (const struct unit *unit = units; unit->name; unit++) {
        if (strcmp(unit->name, end) == 0) {
            *value = number * unit->factor;
            return true;
        }
    }
    return false;
}
