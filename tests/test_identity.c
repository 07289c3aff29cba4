#include "crypto/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGE_MAX = 128 };

/* A line of BIP 340's table of test vectors. */
struct vector {
    const char *secret, *public, *aux, *message, *signature;
    bool valid;
};

static void vector_parse(char *line, struct vector *v)
{
    strsep(&line, ","); /* The index. */
    v->secret = strsep(&line, ",");
    v->public = strsep(&line, ",");
    v->aux = strsep(&line, ",");
    v->message = strsep(&line, ",");
    v->signature = strsep(&line, ",");
    const char *verdict = strsep(&line, ",");
    assert_non_null(verdict);
    v->valid = strcmp(verdict, "TRUE") == 0;
    assert_true(v->valid || strcmp(verdict, "FALSE") == 0);
}

static void check_signing(const struct vector *v, struct slice message)
{
    struct identity_secret secret;
    struct identity_public key, expected_key;
    struct identity_signature signature, expected;
    uint8_t aux[32];
    assert_true(hex_decode(v->secret, secret.bytes, sizeof secret.bytes));
    assert_true(hex_decode(v->public, expected_key.bytes, sizeof expected_key.bytes));
    assert_true(hex_decode(v->aux, aux, sizeof aux));
    assert_true(hex_decode(v->signature, expected.bytes, sizeof expected.bytes));
    assert_true(identity_derive(&secret, &key));
    assert_memory_equal(key.bytes, expected_key.bytes, sizeof key.bytes);
    assert_true(identity_sign(&secret, message, aux, &signature));
    assert_memory_equal(signature.bytes, expected.bytes, sizeof signature.bytes);
}

static bool verifies(const struct vector *v, struct slice message)
{
    struct identity_public public;
    struct identity_key key;
    struct identity_signature signature;
    assert_true(hex_decode(v->public, public.bytes, sizeof public.bytes));
    assert_true(hex_decode(v->signature, signature.bytes, sizeof signature.bytes));
    return identity_parse(&public, &key) && identity_verify(&key, message, &signature);
}

static void signatures_are_those_of_bip340(void **state)
{
    (void)state;
    FILE *file = fopen("tests/vectors/bip340.csv", "r");
    assert_non_null(file);
    char line[1024];
    assert_non_null(fgets(line, sizeof line, file)); /* The heading. */
    unsigned made = 0, good = 0, bad = 0;
    while (fgets(line, sizeof line, file)) {
        struct vector v;
        uint8_t bytes[MESSAGE_MAX];
        vector_parse(line, &v);
        struct slice message = slice_of(bytes, strlen(v.message) / 2);
        assert_true(message.size <= sizeof bytes);
        assert_true(hex_decode(v.message, bytes, message.size));
        if (*v.secret) {
            check_signing(&v, message);
            made++;
        }
        assert_int_equal(verifies(&v, message), v.valid);
        *(v.valid ? &good : &bad) += 1;
    }
    fclose(file);
    assert_int_equal(made, 8);
    assert_int_equal(good, 9);
    assert_int_equal(bad, 10);
}

static void a_secret_outside_the_group_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *secret;
        bool valid;
    } cases[] = {
        {"0000000000000000000000000000000000000000000000000000000000000000", false},
        {"0000000000000000000000000000000000000000000000000000000000000001", true},
        {"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", true},
        {"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", false},
        {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct identity_secret secret;
        struct identity_public key;
        struct identity_signature signature;
        assert_true(hex_decode(cases[i].secret, secret.bytes, sizeof secret.bytes));
        assert_int_equal(identity_derive(&secret, &key), cases[i].valid);
        assert_int_equal(identity_sign(&secret, slice_of("m", 1), NULL, &signature),
                         cases[i].valid);
    }
}

static void without_randomness_a_signature_is_that_with_zeros(void **state)
{
    (void)state;
    static const uint8_t zeros[32], ones[32] = {1};
    struct identity_secret secret = {{7}};
    struct identity_signature a, b, c;
    struct slice message = slice_of("message", 7);
    assert_true(identity_sign(&secret, message, NULL, &a));
    assert_true(identity_sign(&secret, message, zeros, &b));
    assert_true(identity_sign(&secret, message, ones, &c));
    assert_memory_equal(a.bytes, b.bytes, sizeof a.bytes);
    assert_memory_not_equal(a.bytes, c.bytes, sizeof a.bytes);
}

static void a_signature_holds_for_its_message_and_key_alone(void **state)
{
    (void)state;
    struct identity_secret secret = {{1, 2, 3}}, stranger = {{4, 5, 6}};
    struct identity_public public, other;
    struct identity_key key, other_key;
    struct identity_signature signature;
    uint8_t bytes[40] = "a message of forty bytes, all of them";
    struct slice message = slice_of(bytes, sizeof bytes);
    assert_true(identity_derive(&secret, &public));
    assert_true(identity_derive(&stranger, &other));
    assert_true(identity_parse(&public, &key));
    assert_true(identity_parse(&other, &other_key));
    assert_true(identity_sign(&secret, message, NULL, &signature));
    assert_true(identity_verify(&key, message, &signature));
    assert_false(identity_verify(&other_key, message, &signature));
    assert_false(identity_verify(&key, slice_of(bytes, sizeof bytes - 1), &signature));
    assert_false(identity_verify(&key, slice_of(NULL, 0), &signature));
    for (unsigned bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(identity_verify(&key, message, &signature));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (unsigned bit = 0; bit < 8 * sizeof signature.bytes; bit++) {
        signature.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(identity_verify(&key, message, &signature));
        signature.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(identity_verify(&key, message, &signature));
}

static void a_wiped_secret_is_zeros(void **state)
{
    (void)state;
    uint8_t secret[48], zeros[32] = {0};
    memset(secret, 0xaa, sizeof secret);
    secret_wipe(secret + 8, 32);
    assert_memory_equal(secret + 8, zeros, 32);
    assert_int_equal(secret[7], 0xaa);
    assert_int_equal(secret[40], 0xaa);
}

static int setup(void **state)
{
    (void)state;
    static const uint8_t entropy[32] = {42};
    return hash_init() && identity_init(entropy) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_bip340),
        cmocka_unit_test(a_secret_outside_the_group_is_refused),
        cmocka_unit_test(without_randomness_a_signature_is_that_with_zeros),
        cmocka_unit_test(a_signature_holds_for_its_message_and_key_alone),
        cmocka_unit_test(a_wiped_secret_is_zeros),
    };
    return cmocka_run_group_tests_name("identity", tests, setup, NULL);
}
