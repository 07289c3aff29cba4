#include "crypto/quorum.h"

unsigned nodeset_next(const struct nodeset *s, unsigned from)
{
    while (from < NODES_MAX) {
        uint64_t rest = s->words[from / 64] >> (from % 64);
        if (rest)
            return from + (unsigned)__builtin_ctzll(rest);
        from = (from / 64 + 1) * 64;
    }
    return NODES_MAX;
}

struct nodeset nodeset_full(unsigned n)
{
    assert(n <= NODES_MAX);
    struct nodeset s = {0};
    for (unsigned id = 0; id < n; id++)
        nodeset_add(&s, id);
    return s;
}
