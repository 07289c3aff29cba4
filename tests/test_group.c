#include "crypto/group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char order[] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
static const char zero[] = "0000000000000000000000000000000000000000000000000000000000000000";

static void small_numbers_have_their_reciprocals(void **state)
{
    (void)state;
    uint8_t one[SCALAR_SIZE];
    scalar_of(1, one);
    for (unsigned value = 1; value < NODES_MAX; value++) {
        uint8_t product[SCALAR_SIZE];
        scalar_of(value, product);
        assert_true(
            secp256k1_ec_seckey_tweak_mul(group_context(), product, scalar_reciprocal(value)));
        assert_memory_equal(product, one, SCALAR_SIZE);
    }
}

static void a_number_becomes_a_big_endian_scalar(void **state)
{
    (void)state;
    uint8_t scalar[SCALAR_SIZE], expected[SCALAR_SIZE] = {0};
    memset(scalar, 0xff, sizeof scalar);
    scalar_of(0, scalar);
    assert_memory_equal(scalar, expected, SCALAR_SIZE);
    expected[SCALAR_SIZE - 1] = 0x80;
    scalar_of(0x80, scalar);
    assert_memory_equal(scalar, expected, SCALAR_SIZE);
    expected[SCALAR_SIZE - 2] = 0x12;
    scalar_of(0x1280, scalar);
    assert_memory_equal(scalar, expected, SCALAR_SIZE);
}

/* Two ways to the same point, by different code of the library, for either parity of y. */
static void secret_and_public_products_agree(void **state)
{
    (void)state;
    secp256k1_pubkey base, product;
    point_from_hash("test", slice_of("base", 4), &base);
    for (unsigned value = 1; value < 40; value++) {
        uint8_t scalar[SCALAR_SIZE], secret[POINT_SIZE], public[POINT_SIZE];
        struct hash h = hash_leaf(slice_of(&value, sizeof value));
        memcpy(scalar, h.bytes, SCALAR_SIZE);
        product = base;
        assert_true(secp256k1_ec_pubkey_tweak_mul(group_context(), &product, scalar));
        point_serialize(&product, public);
        assert_true(point_times_secret(&base, scalar, secret));
        assert_memory_equal(secret, public, POINT_SIZE);
        assert_true(point_parse(secret, &product));
    }
}

static void a_secret_that_is_no_scalar_has_no_product(void **state)
{
    (void)state;
    static const char *const bad[] = {order, zero};
    secp256k1_pubkey base;
    point_from_hash("test", slice_of("base", 4), &base);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t scalar[SCALAR_SIZE], product[POINT_SIZE];
        assert_true(hex_decode(bad[i], scalar, SCALAR_SIZE));
        assert_false(point_of_secret(scalar, product));
        assert_false(point_times_secret(&base, scalar, product));
    }
}

static void each_tag_and_seed_has_its_own_point(void **state)
{
    (void)state;
    enum { SEEDS = 64, POINTS = 2 * SEEDS };
    static uint8_t points[POINTS][POINT_SIZE];
    for (unsigned i = 0; i < POINTS; i++) {
        secp256k1_pubkey point, again;
        uint8_t seed = (uint8_t)(i % SEEDS);
        const char *tag = i < SEEDS ? "one" : "two";
        point_from_hash(tag, slice_of(&seed, 1), &point);
        point_from_hash(tag, slice_of(&seed, 1), &again);
        assert_memory_equal(&point, &again, sizeof point);
        point_serialize(&point, points[i]);
        assert_int_equal(points[i][0], 2);
        for (unsigned j = 0; j < i; j++)
            assert_memory_not_equal(points[i], points[j], POINT_SIZE);
    }
}

static int setup(void **state)
{
    (void)state;
    return hash_init() && group_init(NULL) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_numbers_have_their_reciprocals),
        cmocka_unit_test(a_number_becomes_a_big_endian_scalar),
        cmocka_unit_test(secret_and_public_products_agree),
        cmocka_unit_test(a_secret_that_is_no_scalar_has_no_product),
        cmocka_unit_test(each_tag_and_seed_has_its_own_point),
    };
    return cmocka_run_group_tests_name("group", tests, setup, NULL);
}
