#include "crypto/coin.h"

#include "crypto/group.h"
#include "crypto/identity.h"

#include <assert.h>
#include <string.h>

static_assert((int)COIN_SCALAR_SIZE == (int)SCALAR_SIZE, "the coin's scalars are the group's");
static_assert((int)COIN_POINT_SIZE == (int)POINT_SIZE, "the coin's points are the group's");

enum { NAME_SIZE = HASH_SIZE + 8 + 2 + 1, SHARES_MAX = (NODES_MAX - 1) / 3 + 1 };

struct encoded_name {
    uint8_t bytes[NAME_SIZE];
};

static struct encoded_name name_encode(const struct coin_name *name)
{
    struct encoded_name encoded;
    struct writer w = writer_of(encoded.bytes, NAME_SIZE);
    write_slice(&w, hash_slice(&name->chain));
    write_u64(&w, name->epoch);
    write_u16(&w, name->proposer);
    write_u8(&w, name->round);
    assert(writer_result(&w).size == NAME_SIZE);
    return encoded;
}

static struct slice name_slice(const struct encoded_name *name)
{
    return slice_of(name->bytes, NAME_SIZE);
}

/* H(name). */
static void base_of(const struct encoded_name *name, secp256k1_pubkey *base)
{
    point_from_hash("DispersedLedger/coin/base", name_slice(name), base);
}

/* Node i's place on the polynomial. The secret is at 0, so no node is. */
static unsigned abscissa(unsigned node) { return node + 1; }

/* The value at `node` of the polynomial with these coefficients, by Horner's rule. */
static bool evaluate(const struct coin_secret coefficients[], unsigned count, unsigned node,
                     struct coin_secret *value)
{
    const secp256k1_context *context = group_context();
    uint8_t x[SCALAR_SIZE];
    scalar_of(abscissa(node), x);
    *value = coefficients[count - 1];
    int valid = secp256k1_ec_seckey_verify(context, value->scalar);
    for (unsigned k = count - 1; k > 0; k--) {
        valid &= secp256k1_ec_seckey_tweak_mul(context, value->scalar, x);
        valid &= secp256k1_ec_seckey_tweak_add(context, value->scalar, coefficients[k - 1].scalar);
    }
    return valid;
}

bool coin_deal(struct quorum q, const struct hash *seed, struct coin_public *keys,
               struct coin_secret secrets[])
{
    /* Degree f: f+1 values determine the polynomial, f say nothing about its value at 0. */
    struct coin_secret coefficients[SHARES_MAX];
    unsigned count = quorum_some(q);
    assert(count <= SHARES_MAX);
    for (unsigned k = 0; k < count; k++) {
        uint8_t number = (uint8_t)k;
        struct slice parts[] = {hash_slice(seed), slice_of(&number, 1)};
        struct hash h = hash_tagged("DispersedLedger/coin/coefficient", parts, 2);
        memcpy(coefficients[k].scalar, h.bytes, SCALAR_SIZE);
        secret_wipe(&h, sizeof h);
    }
    *keys = (struct coin_public){.quorum = q};
    bool dealt = true; /* Else a hash was no scalar: as likely as to guess the secret. */
    for (unsigned i = 0; i < q.n && dealt; i++)
        dealt = evaluate(coefficients, count, i, &secrets[i]) &&
                point_of_secret(secrets[i].scalar, keys->shares[i]);
    secret_wipe(coefficients, sizeof coefficients);
    return dealt;
}

bool coin_secret_matches(const struct coin_public *keys, uint16_t self,
                         const struct coin_secret *secret)
{
    uint8_t public_share[POINT_SIZE];
    return self < keys->quorum.n && point_of_secret(secret->scalar, public_share) &&
           memcmp(public_share, keys->shares[self], POINT_SIZE) == 0;
}

/* What the proof is about, and what its maker commits to before knowing the challenge: that
 * public_share = x * G and share = x * base for one x, by r * G and r * base. */
struct statement {
    uint8_t base[POINT_SIZE];
    uint8_t public_share[POINT_SIZE];
    uint8_t share[POINT_SIZE];
    uint8_t commitment_generator[POINT_SIZE];
    uint8_t commitment_base[POINT_SIZE];
};

/* Whatever this hash left out, a prover could choose after seeing the challenge. */
static struct hash challenge_of(const struct encoded_name *name, const struct statement *s)
{
    struct slice parts[] = {
        name_slice(name),
        slice_of(s->base, POINT_SIZE),
        slice_of(s->public_share, POINT_SIZE),
        slice_of(s->share, POINT_SIZE),
        slice_of(s->commitment_generator, POINT_SIZE),
        slice_of(s->commitment_base, POINT_SIZE),
    };
    return hash_tagged("DispersedLedger/coin/challenge", parts, sizeof parts / sizeof *parts);
}

void coin_share_make(const struct coin_secret *secret, const struct coin_name *name,
                     struct coin_share *share)
{
    const secp256k1_context *context = group_context();
    struct encoded_name encoded = name_encode(name);
    secp256k1_pubkey base;
    base_of(&encoded, &base);

    struct slice parts[] = {slice_of(secret->scalar, SCALAR_SIZE), name_slice(&encoded)};
    struct hash nonce = hash_tagged("DispersedLedger/coin/nonce", parts, 2);

    struct statement s;
    point_serialize(&base, s.base);
    int valid = point_of_secret(secret->scalar, s.public_share);
    valid &= point_times_secret(&base, secret->scalar, s.share);
    valid &= point_of_secret(nonce.bytes, s.commitment_generator);
    valid &= point_times_secret(&base, nonce.bytes, s.commitment_base);
    struct hash challenge = challenge_of(&encoded, &s);

    /* response = challenge * x + r */
    struct coin_secret response = *secret;
    valid &= secp256k1_ec_seckey_tweak_mul(context, response.scalar, challenge.bytes);
    valid &= secp256k1_ec_seckey_tweak_add(context, response.scalar, nonce.bytes);
    group_declassify(&valid, sizeof valid);
    /* The secret is a scalar, and hashes are but once in 2^128. */
    assert(valid);

    memcpy(share->point, s.share, POINT_SIZE);
    memcpy(share->challenge, challenge.bytes, SCALAR_SIZE);
    memcpy(share->response, response.scalar, SCALAR_SIZE);
    secret_wipe(&nonce, sizeof nonce);
}

/* *point = response * base - challenge * point: the commitment, if the response is right.
 * Given no base, that is G. */
static bool recommit(secp256k1_pubkey *point, const secp256k1_pubkey *base,
                     const uint8_t response[SCALAR_SIZE],
                     const uint8_t minus_challenge[SCALAR_SIZE])
{
    const secp256k1_context *context = group_context();
    if (!secp256k1_ec_pubkey_tweak_mul(context, point, minus_challenge))
        return false;
    if (!base)
        return secp256k1_ec_pubkey_tweak_add(context, point, response);
    secp256k1_pubkey answer = *base, minus = *point;
    const secp256k1_pubkey *terms[] = {&answer, &minus};
    return secp256k1_ec_pubkey_tweak_mul(context, &answer, response) &&
           secp256k1_ec_pubkey_combine(context, point, terms, 2);
}

bool coin_share_verify(const struct coin_public *keys, const struct coin_name *name, uint16_t from,
                       const struct coin_share *share)
{
    assert(from < keys->quorum.n);
    secp256k1_pubkey base, public_share, point;
    if (!point_parse(keys->shares[from], &public_share) || !point_parse(share->point, &point))
        return false;
    struct encoded_name encoded = name_encode(name);
    base_of(&encoded, &base);

    struct statement s;
    point_serialize(&base, s.base);
    memcpy(s.public_share, keys->shares[from], POINT_SIZE);
    memcpy(s.share, share->point, POINT_SIZE);

    uint8_t minus_challenge[SCALAR_SIZE];
    memcpy(minus_challenge, share->challenge, SCALAR_SIZE);
    if (!secp256k1_ec_seckey_negate(group_context(), minus_challenge) ||
        !recommit(&public_share, NULL, share->response, minus_challenge) ||
        !recommit(&point, &base, share->response, minus_challenge))
        return false;
    point_serialize(&public_share, s.commitment_generator);
    point_serialize(&point, s.commitment_base);
    struct hash challenge = challenge_of(&encoded, &s);
    return memcmp(challenge.bytes, share->challenge, SCALAR_SIZE) == 0;
}

/* Lagrange: the weight of value i in the value at 0, the product over the other j of
 * x_j / (x_j - x_i). */
static void weigh(const uint16_t from[], unsigned count, unsigned i, uint8_t weight[SCALAR_SIZE])
{
    const secp256k1_context *context = group_context();
    scalar_of(1, weight);
    int valid = 1;
    for (unsigned j = 0; j < count; j++) {
        if (j == i)
            continue;
        assert(from[j] != from[i]);
        bool below = from[j] < from[i];
        unsigned distance = below ? from[i] - from[j] : from[j] - from[i];
        uint8_t x[SCALAR_SIZE];
        scalar_of(abscissa(from[j]), x);
        valid &= secp256k1_ec_seckey_tweak_mul(context, weight, x);
        valid &= secp256k1_ec_seckey_tweak_mul(context, weight, scalar_reciprocal(distance));
        if (below)
            valid &= secp256k1_ec_seckey_negate(context, weight);
    }
    assert(valid);
}

bool coin_combine(const struct coin_public *keys, const struct coin_name *name,
                  const uint16_t from[], const struct coin_share shares[], unsigned count)
{
    assert(count == quorum_some(keys->quorum));
    assert(count <= SHARES_MAX);
    const secp256k1_context *context = group_context();
    secp256k1_pubkey points[SHARES_MAX], sum;
    const secp256k1_pubkey *terms[SHARES_MAX];
    int valid = 1;
    for (unsigned i = 0; i < count; i++) {
        assert(from[i] < keys->quorum.n);
        uint8_t weight[SCALAR_SIZE];
        weigh(from, count, i, weight);
        valid &= point_parse(shares[i].point, &points[i]);
        valid &= secp256k1_ec_pubkey_tweak_mul(context, &points[i], weight);
        terms[i] = &points[i];
    }
    valid &= secp256k1_ec_pubkey_combine(context, &sum, terms, count);
    assert(valid); /* The shares were verified. */

    uint8_t point[POINT_SIZE];
    point_serialize(&sum, point);
    struct encoded_name encoded = name_encode(name);
    struct slice parts[] = {name_slice(&encoded), slice_of(point, POINT_SIZE)};
    return hash_tagged("DispersedLedger/coin/value", parts, 2).bytes[0] & 1;
}

void coin_share_encode(struct writer *w, const struct coin_share *share)
{
    write_bytes(w, share->point, COIN_POINT_SIZE);
    write_bytes(w, share->challenge, COIN_SCALAR_SIZE);
    write_bytes(w, share->response, COIN_SCALAR_SIZE);
}

void coin_share_decode(struct reader *r, struct coin_share *share)
{
    read_into(r, share->point, COIN_POINT_SIZE);
    read_into(r, share->challenge, COIN_SCALAR_SIZE);
    read_into(r, share->response, COIN_SCALAR_SIZE);
}
