#include "node/recent.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    struct recent_end end;
    uint32_t older; /* In its chain: 1 + place, or 0. */
};

/* A ring; each chain of the index leads from newer to older. */
struct recent {
    uint64_t seed, added;
    uint32_t newest[RECENT_COUNT]; /* Of each chain: 1 + place, or 0. */
    struct slot slots[RECENT_COUNT];
};

struct recent *recent_new(uint64_t seed)
{
    struct recent *r = calloc(1, sizeof(struct recent));
    if (r)
        r->seed = seed | 1;
    return r;
}

void recent_free(struct recent *r) { free(r); }

static uint32_t chain_of(const struct recent *r, const struct hash *id)
{
    uint64_t word;
    memcpy(&word, id->bytes, sizeof(word));
    return (uint32_t)(word * r->seed >> (64 - RECENT_BITS));
}

/* The oldest slot is the last of its chain. */
static void forget(struct recent *r, uint32_t place)
{
    uint32_t *link = &r->newest[chain_of(r, &r->slots[place].end.id)];
    while (*link != place + 1)
        link = &r->slots[*link - 1].older;
    *link = 0;
}

void recent_add(struct recent *r, const struct recent_end *end)
{
    uint32_t place = (uint32_t)(r->added % RECENT_COUNT);
    if (r->added >= RECENT_COUNT)
        forget(r, place);
    r->added++;
    uint32_t *newest = &r->newest[chain_of(r, &end->id)];
    r->slots[place] = (struct slot){.end = *end, .older = *newest};
    *newest = place + 1;
}

const struct recent_end *recent_find(const struct recent *r, const struct hash *id)
{
    for (uint32_t at = r->newest[chain_of(r, id)]; at; at = r->slots[at - 1].older)
        if (hash_equal(&r->slots[at - 1].end.id, id))
            return &r->slots[at - 1].end;
    return NULL;
}
