/* A threshold coin on secp256k1: any f+1 nodes can toss it, no f can foresee it
 * (Cachin, Kursawe, Shoup 2000).
 *
 * The coin named m has the base point H(m). Node i's share is x_i * H(m), with a
 * Chaum-Pedersen proof that its logarithm is that of the node's public share x_i * G. Any
 * f+1 valid shares interpolate to x * H(m), whose hash gives the value; all choices of
 * f+1 shares give the same one.
 *
 * Secrets are multiplied in constant time only (secp256k1_ecdh with a hash callback that
 * returns the point, and the seckey functions). The proof's nonce is derived from the secret
 * and the whole name: a repeated one would give x_i away. Needs identity_init. All of it is
 * pure and safe from any thread. */
#ifndef CRYPTO_COIN_H
#define CRYPTO_COIN_H

#include "crypto/hash.h"
#include "crypto/quorum.h"

enum {
    COIN_SCALAR_SIZE = 32,
    COIN_POINT_SIZE = 33, /* Compressed. */
    COIN_SHARE_SIZE = COIN_POINT_SIZE + 2 * COIN_SCALAR_SIZE,
};

struct coin_secret {
    uint8_t scalar[COIN_SCALAR_SIZE];
};

struct coin_public {
    struct quorum quorum;
    uint8_t shares[NODES_MAX][COIN_POINT_SIZE]; /* x_i * G */
};

/* Which toss: never two alike in the life of a key. */
struct coin_name {
    struct hash chain;
    uint64_t epoch;
    uint16_t proposer;
    uint8_t round;
};

struct coin_share {
    uint8_t point[COIN_POINT_SIZE];
    uint8_t challenge[COIN_SCALAR_SIZE];
    uint8_t response[COIN_SCALAR_SIZE];
};

/* Deals a coin from a secret seed, for key generation only: the dealer knows the secret. */
bool coin_deal(struct quorum q, const struct hash *seed, struct coin_public *keys,
               struct coin_secret secrets[]);
/* Whether `secret` belongs to the public share of `self`. */
bool coin_secret_matches(const struct coin_public *keys, uint16_t self,
                         const struct coin_secret *secret);
void coin_share_make(const struct coin_secret *secret, const struct coin_name *name,
                     struct coin_share *share);
bool coin_share_verify(const struct coin_public *keys, const struct coin_name *name, uint16_t from,
                       const struct coin_share *share);
/* The value from exactly f+1 verified shares of different nodes. */
bool coin_combine(const struct coin_public *keys, const struct coin_name *name,
                  const uint16_t from[], const struct coin_share shares[], unsigned count);

void coin_share_encode(struct writer *w, const struct coin_share *share);
void coin_share_decode(struct reader *r, struct coin_share *share);

#endif
