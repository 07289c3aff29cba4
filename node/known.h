/* Transactions whose signatures this process has verified, so that none is verified twice.
 *
 * It remembers bytes, not ids: a copy with the same id and another signature is another copy.
 * It may forget (two meet in one place, and the later stays), never be wrong. Any thread. */
#ifndef NODE_KNOWN_H
#define NODE_KNOWN_H

#include "crypto/hash.h"

enum { KNOWN_COUNT = 1 << 16 }; /* 2 MiB: what waits or is in flight here, at some 250 bytes. */

struct known;

struct known *known_new(void);    /* NULL when there is no memory. */
void known_free(struct known *k); /* NULL is fine. */
void known_add(struct known *k, struct slice transaction);
bool known_has(struct known *k, struct slice transaction);

#endif
