#include "crypto/group.h"

#include <assert.h>
#include <secp256k1_ecdh.h>
#include <string.h>

static secp256k1_context *context;
static uint8_t reciprocals[NODES_MAX][SCALAR_SIZE];

void scalar_of(unsigned value, uint8_t scalar[SCALAR_SIZE])
{
    memset(scalar, 0, SCALAR_SIZE);
    for (unsigned i = SCALAR_SIZE; value > 0; value >>= 8)
        scalar[--i] = (uint8_t)value;
}

/* By Fermat, the power with the exponent order - 2. It needs no memory and no second library. */
static void scalar_invert(uint8_t scalar[SCALAR_SIZE])
{
    static const uint8_t exponent[SCALAR_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
                                                  0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b,
                                                  0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x3f};
    uint8_t power[SCALAR_SIZE];
    scalar_of(1, power);
    int valid = 1;
    for (unsigned bit = 0; bit < 8 * SCALAR_SIZE; bit++) {
        uint8_t root[SCALAR_SIZE];
        memcpy(root, power, SCALAR_SIZE);
        valid &= secp256k1_ec_seckey_tweak_mul(context, power, root);
        if (exponent[bit / 8] >> (7 - bit % 8) & 1)
            valid &= secp256k1_ec_seckey_tweak_mul(context, power, scalar);
    }
    assert(valid);
    memcpy(scalar, power, SCALAR_SIZE);
}

const uint8_t *scalar_reciprocal(unsigned value)
{
    assert(value >= 1);
    assert(value < NODES_MAX);
    return reciprocals[value];
}

bool group_init(const uint8_t entropy[32])
{
    if (!context) {
        context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
        if (!context)
            return false;
        for (unsigned value = 1; value < NODES_MAX; value++) {
            scalar_of(value, reciprocals[value]);
            scalar_invert(reciprocals[value]);
        }
    }
    return !entropy || secp256k1_context_randomize(context, entropy);
}

const secp256k1_context *group_context(void)
{
    assert(context != NULL); /* identity_init comes first. */
    return context;
}

bool point_parse(const uint8_t bytes[POINT_SIZE], secp256k1_pubkey *point)
{
    return secp256k1_ec_pubkey_parse(group_context(), point, bytes, POINT_SIZE);
}

void point_serialize(const secp256k1_pubkey *point, uint8_t bytes[POINT_SIZE])
{
    size_t size = POINT_SIZE;
    secp256k1_ec_pubkey_serialize(group_context(), bytes, &size, point, SECP256K1_EC_COMPRESSED);
    assert(size == POINT_SIZE);
}

void point_from_hash(const char *tag, struct slice seed, secp256k1_pubkey *point)
{
    /* A hash is the x coordinate of a point every second time: 256 misses are as rare as a
     * collision. Of the two points with that coordinate, the one with the even y. */
    uint8_t bytes[POINT_SIZE] = {SECP256K1_TAG_PUBKEY_EVEN};
    for (uint8_t attempt = 0;; attempt++) {
        struct hash x = hash_tagged(tag, (struct slice[]){seed, slice_of(&attempt, 1)}, 2);
        memcpy(bytes + 1, x.bytes, HASH_SIZE);
        if (point_parse(bytes, point))
            return;
        assert(attempt < UINT8_MAX);
    }
}

bool point_of_secret(const uint8_t secret[SCALAR_SIZE], uint8_t product[POINT_SIZE])
{
    secp256k1_pubkey point;
    const int valid = secp256k1_ec_pubkey_create(group_context(), &point, secret);
    group_declassify(&valid, sizeof valid);
    group_declassify(&point, sizeof point);
    if (!valid)
        return false;
    point_serialize(&point, product);
    return true;
}

/* In place of the hash of secp256k1_ecdh: the point itself. */
static int keep_point(unsigned char *output, const unsigned char *x32, const unsigned char *y32,
                      void *data)
{
    (void)data;
    output[0] = (unsigned char)(SECP256K1_TAG_PUBKEY_EVEN | (y32[31] & 1));
    memcpy(output + 1, x32, 32);
    return 1;
}

bool point_times_secret(const secp256k1_pubkey *point, const uint8_t secret[SCALAR_SIZE],
                        uint8_t product[POINT_SIZE])
{
    const int valid = secp256k1_ecdh(group_context(), product, point, secret, keep_point, NULL);
    group_declassify(&valid, sizeof valid);
    group_declassify(product, POINT_SIZE);
    return valid;
}
