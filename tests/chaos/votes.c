/* Whether any node said two different things to whoever heard it, in all its lives: one AUX, one
 * CONF and one share a round of each agreement, one TERM, one root a dispersal with GOT, READY and
 * COMPLETE, one block an epoch, one checkpoint. (Of both values BVAL is legal.)
 * usage: votes LIARS FILE...      LIARS as "5 6", or ""; FILE: what tests/chaos/heard.c wrote
 * Prints how many were compared with one heard before. 0; 1 when two differ, after a line each. */
#include "tests/chaos/heard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct said {
    uint64_t epoch;
    uint8_t kind, from, type, round, proposer;
    uint8_t values;
    bool used;
    struct hash value;
};

static struct said *table;
static size_t capacity, used;
static uint64_t heard, compared, different;
static bool lies[NODES_MAX];

static uint64_t mixed(const struct said *s)
{
    uint64_t x = s->epoch * 0x9e3779b97f4a7c15u ^ (uint64_t)s->kind << 56 ^
                 (uint64_t)s->from << 48 ^ (uint64_t)s->type << 40 ^ (uint64_t)s->round << 32 ^
                 s->proposer;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static bool same_name(const struct said *a, const struct said *b)
{
    return a->epoch == b->epoch && a->kind == b->kind && a->from == b->from && a->type == b->type &&
           a->round == b->round && a->proposer == b->proposer;
}

static struct said *slot_of(const struct said *s)
{
    size_t at = mixed(s) % capacity;
    while (table[at].used && !same_name(&table[at], s))
        at = (at + 1) % capacity;
    return &table[at];
}

static void grow(void)
{
    struct said *old = table;
    const size_t count = capacity;
    capacity = capacity ? 2 * capacity : 1 << 16;
    table = calloc(capacity, sizeof *table);
    if (!table)
        abort();
    for (size_t k = 0; k < count; k++)
        if (old[k].used)
            *slot_of(&old[k]) = old[k];
    free(old);
}

static void compare(const struct said *s)
{
    if (2 * used >= capacity)
        grow();
    struct said *known = slot_of(s);
    heard++;
    if (!known->used) {
        *known = *s;
        known->used = true;
        used++;
        return;
    }
    compared++;
    if (known->values == s->values && hash_equal(&known->value, &s->value))
        return;
    different++;
    printf("node %u said two things: kind %u type %u epoch %" PRIu64 " proposer %u round %u\n",
           s->from, s->kind, s->type, s->epoch, s->proposer, s->round);
}

static void take(const struct heard *h)
{
    if (lies[h->from % NODES_MAX] || (h->kind == MESSAGE_VOTES && h->type == BA_BVAL))
        return;
    for (unsigned p = nodeset_next(&h->proposers, 0); p < NODES_MAX;
         p = nodeset_next(&h->proposers, p + 1))
        compare(&(struct said){.epoch = h->epoch,
                               .kind = h->kind,
                               .from = h->from,
                               .type = h->type,
                               .round = h->type == BA_TERM ? 0 : h->round,
                               .proposer = (uint8_t)p,
                               .values = h->values,
                               .value = h->value});
}

int main(int argc, char **argv)
{
    struct heard h;
    char *end;
    for (const char *at = argc > 1 ? argv[1] : ""; *at; at = end) {
        const unsigned long node = strtoul(at, &end, 10);
        if (end == at || node >= NODES_MAX)
            return fprintf(stderr, "votes: %s are no nodes\n", argv[1]), 2;
        lies[node] = true;
    }
    for (int k = 2; k < argc; k++) {
        FILE *file = fopen(argv[k], "rb");
        if (!file)
            return perror(argv[k]), 1;
        while (fread(&h, sizeof h, 1, file) == 1)
            take(&h);
        fclose(file);
    }
    printf("%" PRIu64 " votes heard, %" PRIu64 " compared with one heard before, %" PRIu64
           " of them different\n",
           heard, compared, different);
    return different > 0 || compared == 0;
}
