/* SHA-256 (FIPS 180-4, through OpenSSL), with domain separation: values of different
 * kinds never collide. Trees use the prefixes of RFC 9162; everything else the tagged
 * hash of BIP 340, SHA256(SHA256(tag) || SHA256(tag) || message).
 *
 * Safe from any thread. The algorithm is fetched once a process and the context made
 * once a thread: a fetch a call costs three times the hash of a small message. */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "crypto/bytes.h"

enum {
    HASH_SIZE = 32,
    HASH_PART_SIZE = 16 << 10,
    HASH_PARTS_SIZE_MAX = 9 << 20,
};

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
/* What is large, as a leaf whose data are the digests of its parts of HASH_PART_SIZE (the last
 * may be shorter): SHA256(0x00 || SHA256(part 0) || SHA256(part 1) ...). Parts depend on nothing
 * before them, so that a CPU with AVX-512 hashes 16 at a time (libipsec-mb), 2.3 times as fast as one
 * after the other, and one with SHA's own instructions two, 1.7 times as fast; with the same result.
 * `count` messages of `size` bytes, at most HASH_PARTS_SIZE_MAX, lie one after the other at `data`;
 * each becomes a leaf. */
void hash_parts(const uint8_t *data, size_t size, unsigned count, struct hash leaves[]);
bool hash_equal(const struct hash *a, const struct hash *b);
static inline struct slice hash_slice(const struct hash *h)
{
    return slice_of(h->bytes, HASH_SIZE);
}

#endif
