/* What an application elsewhere was given, epoch by epoch, and what it answered, in the ledger store:
 * all since the genesis, or since a base that a snapshot stands for. */
#ifndef NODE_EXTERNAL_INPUTS_H
#define NODE_EXTERNAL_INPUTS_H

#include "crypto/hash.h"
#include "node/block.h"
#include "storage/store.h"

/* A record of LEDGER_INPUTS: a part of an epoch, or the root after it. */
enum { INPUT_KEY_SIZE = 8 + 4 };
#define INPUT_ROOT UINT32_MAX
struct slice input_key(uint8_t key[INPUT_KEY_SIZE], epoch_id epoch, uint32_t part);

/* What was given after this epoch is there, so many bytes; the state after it has this root. Zero: the
 * genesis. */
struct inputs_base {
    epoch_id epoch;
    struct hash root;
    uint64_t bytes;
};
int inputs_base(struct store_view *v, struct inputs_base *base);
/* In a transaction. */
int inputs_rebase(struct store *s, const struct inputs_base *base);
/* In a transaction: drops records of epochs up to a base, so many at the most. *all: there are no more. */
int inputs_drop(struct store *s, epoch_id base, unsigned most, bool *all);

/* The root after an epoch that is not before the base. */
int inputs_root(struct store_view *v, const struct inputs_base *base, epoch_id epoch,
                struct hash *root);

#endif
