/* SHA-256 (FIPS 180-4, through OpenSSL), with domain separation: values of different
 * kinds never collide. Trees use the prefixes of RFC 9162; everything else the tagged
 * hash of BIP 340, SHA256(SHA256(tag) || SHA256(tag) || message).
 *
 * Safe from any thread. The algorithm is fetched once a process and the context made
 * once a thread: a fetch a call costs three times the hash of a small message. */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "crypto/bytes.h"

enum { HASH_SIZE = 32 };

struct hash {
    uint8_t bytes[HASH_SIZE];
};

/* Fetches what every other function here uses. Call once, before any thread is started.
 * False when the library has no SHA-256. Calling it again does nothing. */
bool hash_init(void);

struct hash hash_bytes(struct slice message); /* Plain SHA-256. */
struct hash hash_leaf(struct slice data);     /* SHA256(0x00 || data), RFC 9162. */
struct hash hash_inner(const struct hash *left, const struct hash *right); /* 0x01 || l || r */
/* The tagged hash of the concatenation of `count` parts. `tag` is at most 64 characters. */
struct hash hash_tagged(const char *tag, const struct slice parts[], unsigned count);
bool hash_equal(const struct hash *a, const struct hash *b);
static inline struct slice hash_slice(const struct hash *h)
{
    return slice_of(h->bytes, HASH_SIZE);
}

#endif
