/* The transaction of the application `ledger`: a transfer from one account to another.
 *
 *   version u8 = 1 | chain id (32) | from (32) | sequence u64 | kind u8 = 1 | to (32) |
 *   amount u64 | signature (64)
 *
 * The signature is that of `from` (BIP 340) over the id, the tagged hash of all bytes before it.
 * Every transaction has exactly one encoding and one size. Two copies of an id may still differ
 * in their signatures: whoever remembers a verdict on one has to remember its bytes. */
#ifndef NODE_TRANSACTION_H
#define NODE_TRANSACTION_H

#include "crypto/identity.h"

enum { TRANSACTION_SIZE = 1 + 32 + 32 + 8 + 1 + 32 + 8 + 64 };

struct transaction {
    struct hash chain;
    struct identity_public from;
    uint64_t sequence;
    struct identity_public to;
    uint64_t amount;
    struct identity_signature signature;
    struct hash id; /* Follows from the rest: set by decode and sign. */
};

/* True exactly for what transaction_encode writes. Knows nothing of the chain that it is for,
 * and does not verify. */
bool transaction_decode(struct slice bytes, struct transaction *t);
void transaction_encode(const struct transaction *t, uint8_t bytes[TRANSACTION_SIZE]);
/* Sets id and signature from the rest; `from` has to be the key of `secret`. */
bool transaction_sign(struct transaction *t, const struct identity_secret *secret);
/* Whether the signature is that of `from`. From any thread. */
bool transaction_verify(const struct transaction *t);

#endif
