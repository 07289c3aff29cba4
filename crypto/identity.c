#include "crypto/identity.h"

#include "crypto/group.h"

#include <openssl/crypto.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_schnorrsig.h>
#include <string.h>

static_assert(sizeof(struct identity_key) == sizeof(secp256k1_xonly_pubkey),
              "a parsed key is the library's");

bool identity_init(const uint8_t entropy[32]) { return group_init(entropy); }

bool identity_derive(const struct identity_secret *secret, struct identity_public *key)
{
    const secp256k1_context *context = group_context();
    secp256k1_pubkey full;
    secp256k1_xonly_pubkey x_only;
    return secp256k1_ec_pubkey_create(context, &full, secret->bytes) &&
           secp256k1_xonly_pubkey_from_pubkey(context, &x_only, NULL, &full) &&
           secp256k1_xonly_pubkey_serialize(context, key->bytes, &x_only);
}

bool identity_parse(const struct identity_public *key, struct identity_key *parsed)
{
    secp256k1_xonly_pubkey x_only;
    bool valid = secp256k1_xonly_pubkey_parse(group_context(), &x_only, key->bytes);
    memcpy(parsed->opaque, x_only.data, sizeof parsed->opaque);
    return valid;
}

bool identity_sign(const struct identity_secret *secret, struct slice message, const uint8_t *aux,
                   struct identity_signature *signature)
{
    const secp256k1_context *context = group_context();
    secp256k1_schnorrsig_extraparams parameters = SECP256K1_SCHNORRSIG_EXTRAPARAMS_INIT;
    parameters.ndata = (void *)aux; /* It is only read; NULL stands for zeros. */
    secp256k1_keypair pair;
    bool signed_it = secp256k1_keypair_create(context, &pair, secret->bytes) &&
                     secp256k1_schnorrsig_sign_custom(context, signature->bytes, message.data,
                                                      message.size, &pair, &parameters);
    secret_wipe(&pair, sizeof pair);
    return signed_it;
}

bool identity_verify(const struct identity_key *key, struct slice message,
                     const struct identity_signature *signature)
{
    secp256k1_xonly_pubkey x_only;
    memcpy(x_only.data, key->opaque, sizeof x_only.data);
    return secp256k1_schnorrsig_verify(group_context(), signature->bytes, message.data,
                                       message.size, &x_only);
}

void secret_wipe(void *secret, size_t size) { OPENSSL_cleanse(secret, size); }
