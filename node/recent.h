/* What became of the transactions that left the mempool lately, the newest RECENT_COUNT.
 *
 * The ledger knows for ever what it executed by id; this knows, in memory, what it does not: why
 * one was dropped, and the places of those of the application `log`. One thread. */
#ifndef NODE_RECENT_H
#define NODE_RECENT_H

#include "node/application.h"

enum { RECENT_BITS = 18, RECENT_COUNT = 1 << RECENT_BITS };

struct recent_end {
    struct hash id;
    uint64_t height; /* Its place. */
    uint32_t index;
    enum outcome outcome; /* What became of its copy there; not final: it was dropped. */
};

struct recent;

/* `seed`: random, so that nobody can choose ids that meet in the index. NULL when there is no memory. */
struct recent *recent_new(uint64_t seed);
void recent_free(struct recent *r); /* NULL is fine. */
void recent_add(struct recent *r, const struct recent_end *end);
/* The last one added with this id that is still known, lent until the next call; or NULL. */
const struct recent_end *recent_find(const struct recent *r, const struct hash *id);

#endif
