#include "tests/sim/said.h"

#include <stdlib.h>
#include <string.h>

/* What can be said once: for a dispersal or its agreement; of a checkpoint, by all together. */
enum { VOTE, ROOT, CHUNK, CHECKPOINT };

void said_free(struct said *s)
{
    free(s->places);
    *s = (struct said){0};
}

static size_t place_of(const struct said *s, uint64_t what)
{
    size_t at = (size_t)(what * 0x9e3779b97f4a7c15u >> 32) & (s->capacity - 1);
    while (s->capacity > 0 && s->places[at].what != 0 && s->places[at].what != what)
        at = (at + 1) & (s->capacity - 1);
    return at;
}

static bool put(struct said *s, uint64_t what, uint64_t value)
{
    const size_t at = place_of(s, what);
    if (s->places[at].what != 0)
        return s->places[at].value == value;
    s->places[at].what = what;
    s->places[at].value = value;
    s->count++;
    return true;
}

static void grow(struct said *s)
{
    struct said more = {.capacity = s->capacity ? 2 * s->capacity : 1 << 14};
    more.places = calloc(more.capacity, sizeof *more.places);
    if (!more.places)
        abort();
    for (size_t k = 0; k < s->capacity; k++)
        if (s->places[k].what != 0)
            put(&more, s->places[k].what, s->places[k].value);
    said_free(s);
    *s = more;
}

static uint64_t name_of(node_id who, epoch_id epoch, node_id proposer, unsigned kind, unsigned type,
                        unsigned round)
{
    return epoch << 32 | (uint64_t)proposer << 24 | (uint64_t)who << 16 | (uint64_t)round << 8 |
           kind << 4 | type;
}

static bool add(struct said *s, node_id who, epoch_id epoch, node_id proposer, unsigned kind,
                unsigned type, unsigned round, uint64_t value)
{
    if (2 * s->count >= s->capacity)
        grow(s);
    return put(s, name_of(who, epoch, proposer, kind, type, round), value);
}

/* READY for the root of its GOT; one that never left is no one's. */
static bool add_ready(struct said *s, node_id who, const struct message *m)
{
    bool same = true;
    const struct nodeset *of = &m->ready.proposers;
    for (unsigned j = nodeset_next(of, 0); j < NODES_MAX; j = nodeset_next(of, j + 1)) {
        const uint64_t got = name_of(who, m->epoch, (node_id)j, ROOT, VID_GOT, 0);
        size_t at = place_of(s, got);
        if (s->capacity > 0 && s->places[at].what != 0)
            same &= add(s, who, m->epoch, (node_id)j, ROOT, VID_READY, 0, s->places[at].value);
    }
    return same;
}

static uint64_t short_of(const struct hash *h)
{
    uint64_t value;
    memcpy(&value, h->bytes, sizeof value);
    return value;
}

static bool add_roots(struct said *s, node_id who, const struct message *m)
{
    bool same = true;
    for (unsigned k = 0; k < m->roots.count; k++) {
        node_id proposer;
        struct hash root;
        message_root_entry(m, k, &proposer, &root);
        same &= add(s, who, m->epoch, proposer, ROOT, m->roots.vote, 0, short_of(&root));
    }
    return same;
}

static bool add_votes(struct said *s, node_id who, const struct message *m)
{
    const struct ba_message *v = &m->votes.vote;
    if (v->type == BA_BVAL)
        return true; /* Both values may be relayed. */
    bool same = true;
    const struct nodeset *of = &m->votes.proposers;
    for (unsigned j = nodeset_next(of, 0); j < NODES_MAX; j = nodeset_next(of, j + 1))
        same &= add(s, who, m->epoch, (node_id)j, VOTE, v->type, v->round, v->values);
    return same;
}

bool said_add(struct said *s, node_id who, const struct message *m)
{
    if (m->kind == MESSAGE_VOTES)
        return add_votes(s, who, m);
    if (m->kind == MESSAGE_ROOTS)
        return add_roots(s, who, m);
    if (m->kind == MESSAGE_READY)
        return add_ready(s, who, m);
    if (m->kind == MESSAGE_CHUNK)
        return add(s, who, m->epoch, who, CHUNK, 0, 0, short_of(&m->chunk.header.tree_root));
    if (m->kind == MESSAGE_CHECKPOINT) /* All say the same. */
        return add(s, 0, m->epoch, 0, CHECKPOINT, 0, 0, short_of(&m->checkpoint.digest));
    return true;
}
