/* The group of secp256k1, for identity.c and coin.c alone.
 *
 * A scalar is 32 bytes, big-endian; one that is zero or not below the order is not valid. A point
 * is 33 bytes, compressed, or the library's parsed form; the point at infinity is neither. So each
 * value has one encoding. What time depends on is said at each function: whatever is not said to
 * keep a secret takes public values only. */
#ifndef CRYPTO_GROUP_H
#define CRYPTO_GROUP_H

#include "crypto/hash.h"
#include "crypto/quorum.h"

#include <secp256k1.h>

enum { SCALAR_SIZE = 32, POINT_SIZE = 33 };

/* Makes the context that all other calls need; see identity_init. */
bool group_init(const uint8_t entropy[32]);
const secp256k1_context *group_context(void);

bool point_parse(const uint8_t bytes[POINT_SIZE], secp256k1_pubkey *point);
void point_serialize(const secp256k1_pubkey *point, uint8_t bytes[POINT_SIZE]);
/* A point whose logarithm nobody knows, from `tag` and `seed`. */
void point_from_hash(const char *tag, struct slice seed, secp256k1_pubkey *point);

/* secret * G and secret * point, keeping the secret. False when it is no valid scalar. */
bool point_of_secret(const uint8_t secret[SCALAR_SIZE], uint8_t product[POINT_SIZE]);
bool point_times_secret(const secp256k1_pubkey *point, const uint8_t secret[SCALAR_SIZE],
                        uint8_t product[POINT_SIZE]);

/* value and, for 1 to NODES_MAX - 1, 1 / value modulo the order. */
void scalar_of(unsigned value, uint8_t scalar[SCALAR_SIZE]);
const uint8_t *scalar_reciprocal(unsigned value);

/* What follows from a secret and may be known. `make ctime` follows secrets through all that is
 * computed and complains when a branch or an address depends on anything else of them. */
#ifdef CTIME
void group_declassify(const void *data, size_t size); /* tests/ctime.c */
#else
static inline void group_declassify(const void *data, size_t size) { (void)data, (void)size; }
#endif

#endif
