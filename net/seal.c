#include "net/seal.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_SIZE = SEAL_NONCE_SIZE - sizeof(uint64_t), KEY_SIZE = 32 };

struct pair { /* Of us and a peer. */
    uint8_t out[KEY_SIZE], in[KEY_SIZE];
};

struct seals {
    node_id self;
    unsigned node_count;
    EVP_MAC_CTX *mac;
    uint8_t random[RANDOM_SIZE];
    uint64_t count;
    struct pair pairs[];
};

static void must(bool done) /* What fails here only for want of memory. */
{
    if (!done)
        abort();
}

/* The same for both of the two, and no one else. False when `public` is no key. */
static bool agree(const uint8_t secret[CURVE_KEY_SIZE], const uint8_t public[CURVE_KEY_SIZE],
                  uint8_t shared[static KEY_SIZE])
{
    size_t size = KEY_SIZE;
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, CURVE_KEY_SIZE);
    EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public, CURVE_KEY_SIZE);
    EVP_PKEY_CTX *c = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;
    must(other && c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, other) == 1);
    const bool agreed = EVP_PKEY_derive(c, shared, &size) == 1 && size == KEY_SIZE;
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(own);
    EVP_PKEY_free(other);
    return agreed;
}

static void direction_key(const uint8_t shared[KEY_SIZE], const uint8_t from[CURVE_KEY_SIZE],
                          const uint8_t to[CURVE_KEY_SIZE], uint8_t key[static KEY_SIZE])
{
    static const char use[] = "ledger bulk lane 1";
    uint8_t text[sizeof use + 2 * CURVE_KEY_SIZE];
    memcpy(text, use, sizeof use);
    memcpy(text + sizeof use, from, CURVE_KEY_SIZE);
    memcpy(text + sizeof use + CURVE_KEY_SIZE, to, CURVE_KEY_SIZE);
    must(HMAC(EVP_sha256(), shared, KEY_SIZE, text, sizeof text, key, NULL) != NULL);
}

static bool begin(struct seals *s)
{
    EVP_MAC *poly1305 = EVP_MAC_fetch(NULL, "POLY1305", NULL);
    s->mac = poly1305 ? EVP_MAC_CTX_new(poly1305) : NULL;
    EVP_MAC_free(poly1305);
    return s->mac && RAND_bytes(s->random, RANDOM_SIZE) == 1;
}

struct seals *seals_new(node_id self, unsigned node_count, const uint8_t secret[CURVE_KEY_SIZE],
                        const uint8_t (*publics)[CURVE_KEY_SIZE], char *message,
                        size_t message_size)
{
    assert(self < node_count);
    uint8_t shared[KEY_SIZE];
    struct seals *s = calloc(1, sizeof *s + node_count * sizeof s->pairs[0]);
    must(s != NULL);
    s->self = self;
    s->node_count = node_count;
    if (!begin(s)) {
        snprintf(message, message_size, "this OpenSSL has no Poly1305, or no randomness");
        goto fail;
    }
    for (unsigned i = 0; i < node_count; i++) {
        if (i == self)
            continue;
        if (!agree(secret, publics[i], shared)) {
            snprintf(message, message_size, "what node %u has as its CURVE key is none", i);
            goto fail;
        }
        direction_key(shared, publics[self], publics[i], s->pairs[i].out);
        direction_key(shared, publics[i], publics[self], s->pairs[i].in);
    }
    OPENSSL_cleanse(shared, sizeof shared);
    return s;
fail:
    OPENSSL_cleanse(shared, sizeof shared);
    seals_free(s);
    return NULL;
}

void seals_free(struct seals *s)
{
    if (!s)
        return;
    EVP_MAC_CTX_free(s->mac);
    OPENSSL_cleanse(s->pairs, s->node_count * sizeof s->pairs[0]);
    free(s);
}

static void password_of(const uint8_t key[KEY_SIZE], char password[static SEAL_PASSWORD_SIZE])
{
    static const uint8_t use[] = "password"; /* No lane and nonce: those are longer. */
    uint8_t bytes[KEY_SIZE];
    must(HMAC(EVP_sha256(), key, KEY_SIZE, use, sizeof use, bytes, NULL) != NULL);
    for (unsigned i = 0; i < KEY_SIZE; i++)
        snprintf(password + 2 * i, 3, "%02x", bytes[i]);
    OPENSSL_cleanse(bytes, sizeof bytes);
}

void seal_password(const struct seals *s, node_id to, char password[static SEAL_PASSWORD_SIZE])
{
    assert(to < s->node_count && to != s->self);
    password_of(s->pairs[to].out, password);
}

void seal_expected(const struct seals *s, node_id from, char password[static SEAL_PASSWORD_SIZE])
{
    assert(from < s->node_count && from != s->self);
    password_of(s->pairs[from].in, password);
}

static void tag_of(struct seals *s, const uint8_t key[KEY_SIZE], uint8_t lane,
                   const uint8_t nonce[SEAL_NONCE_SIZE], struct slice frame,
                   uint8_t tag[static SEAL_TAG_SIZE])
{
    uint8_t text[1 + SEAL_NONCE_SIZE] = {lane}, once[KEY_SIZE];
    size_t size = 0;
    memcpy(text + 1, nonce, SEAL_NONCE_SIZE);
    must(HMAC(EVP_sha256(), key, KEY_SIZE, text, sizeof text, once, NULL) != NULL);
    must(EVP_MAC_init(s->mac, once, KEY_SIZE, NULL) == 1 &&
         EVP_MAC_update(s->mac, frame.data, frame.size) == 1 &&
         EVP_MAC_final(s->mac, tag, &size, SEAL_TAG_SIZE) == 1 && size == SEAL_TAG_SIZE);
    OPENSSL_cleanse(once, sizeof once);
}

void seal_make(struct seals *s, node_id to, uint8_t lane, struct slice frame,
               uint8_t seal[static SEAL_SIZE])
{
    assert(to < s->node_count && to != s->self);
    uint8_t *nonce = seal + 1;
    seal[0] = (uint8_t)s->self;
    memcpy(nonce, s->random, RANDOM_SIZE);
    memcpy(nonce + RANDOM_SIZE, &s->count, sizeof s->count);
    s->count++;
    tag_of(s, s->pairs[to].out, lane, nonce, frame, nonce + SEAL_NONCE_SIZE);
}

unsigned seal_sender(struct seals *s, uint8_t lane, struct slice frame, struct slice seal)
{
    uint8_t tag[SEAL_TAG_SIZE];
    if (seal.size != SEAL_SIZE)
        return s->node_count;
    const unsigned from = seal.data[0];
    const uint8_t *nonce = seal.data + 1;
    if (from >= s->node_count || from == s->self)
        return s->node_count;
    tag_of(s, s->pairs[from].in, lane, nonce, frame, tag);
    return CRYPTO_memcmp(tag, nonce + SEAL_NONCE_SIZE, SEAL_TAG_SIZE) == 0 ? from : s->node_count;
}
