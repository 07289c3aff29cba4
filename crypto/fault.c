#include "crypto/fault.h"

#include <assert.h>

static const struct {
    const char *name;
    const char *text;
} faults[] = {
#define X(value, name, text) [value] = {name, text},
    FAULT_MAP(X)
#undef X
};

const char *fault_name(enum fault f)
{
    assert(f < FAULT_COUNT);
    return faults[f].name;
}

const char *fault_text(enum fault f)
{
    assert(f < FAULT_COUNT);
    return faults[f].text;
}
