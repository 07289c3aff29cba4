/* An ordered map of bytes that is never changed, only made anew: the memory store's tables.
 *
 * A map is a counted reference to the root of a treap, NULL when empty. A change takes the caller's
 * reference and returns one to the changed map; who holds another reference still has the old one.
 * Nodes that nobody else can see are changed in place. The shape follows from the keys alone: the
 * priority of a record is a hash of its key. */
#ifndef STORAGE_TREAP_H
#define STORAGE_TREAP_H

#include "storage/store.h"

struct treap; /* Opaque. */

struct treap *treap_retain(struct treap *t); /* Returns `t`. */
void treap_release(struct treap *t);

/* Adds or replaces; the value is the concatenation of the parts. */
struct treap *treap_put(struct treap *t, struct slice key, const struct slice parts[],
                        unsigned count);
/* The key is there. */
struct treap *treap_delete(struct treap *t, struct slice key);

/* Keys and values are lent while a reference to this map is held. */
bool treap_get(const struct treap *t, struct slice key, struct slice *value);
/* As store_scan. */
int treap_scan(const struct treap *t, struct slice from, store_visit visit, void *context);
bool treap_last(const struct treap *t, struct slice *key, struct slice *value);

#endif
