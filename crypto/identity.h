/* Signing keys and signatures of BIP 340 (libsecp256k1), for nodes and for accounts.
 * Safe from any thread after identity_init. */
#ifndef CRYPTO_IDENTITY_H
#define CRYPTO_IDENTITY_H

#include "crypto/hash.h"

enum { IDENTITY_SECRET_SIZE = 32, IDENTITY_PUBLIC_SIZE = 32, IDENTITY_SIGNATURE_SIZE = 64 };

struct identity_secret {
    uint8_t bytes[IDENTITY_SECRET_SIZE];
};
struct identity_public {
    uint8_t bytes[IDENTITY_PUBLIC_SIZE]; /* x only */
};
struct identity_signature {
    uint8_t bytes[IDENTITY_SIGNATURE_SIZE];
};
/* A public key once parsed: verifying with it saves the square root (5 of 42 us). */
struct identity_key {
    uint8_t opaque[64];
};

/* Makes the library's context, blinded with `entropy` (32 bytes, or NULL). Call once, before
 * any thread is started, and before anything else here or in coin.h. */
bool identity_init(const uint8_t entropy[32]);

/* False when `secret` is no valid key: zero, or not below the group's order. */
bool identity_derive(const struct identity_secret *secret, struct identity_public *key);
/* False when `key` is the x coordinate of no point. */
bool identity_parse(const struct identity_public *key, struct identity_key *parsed);
/* `aux` is 32 bytes of fresh randomness, or NULL (then the same each time). False when
 * `secret` is no valid key. */
bool identity_sign(const struct identity_secret *secret, struct slice message, const uint8_t *aux,
                   struct identity_signature *signature);
bool identity_verify(const struct identity_key *key, struct slice message,
                     const struct identity_signature *signature);
/* Overwrites a secret in a way that the compiler does not drop. */
void secret_wipe(void *secret, size_t size);

#endif
