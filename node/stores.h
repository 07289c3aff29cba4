/* Whether the two stores of a node belong to it and to one another. */
#ifndef NODE_STORES_H
#define NODE_STORES_H

#include "crypto/hash.h"
#include "storage/store.h"

/* Before either is used. The consensus store holds the id of its chain from the first start on,
 * written before the ledger's genesis. Refused, -1 with `message`: a consensus store of another
 * chain, one that is not there beside a ledger (what this node has voted would be forgotten), and
 * a ledger that is not there beside a consensus store that holds more than the id. A ledger of
 * another chain is refused by executor_open. */
int stores_check(struct store *consensus, struct store *ledger, const struct hash *chain,
                 char *message, size_t message_size);

/* Refused too: snapshots beside a consensus store that holds nothing, for a node would begin with one
 * as if it knew what it has voted. */
int stores_check_snapshots(struct store *consensus, struct store *snapshots, char *message,
                           size_t message_size);

#endif
