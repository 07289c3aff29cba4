#include "node/transaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static const struct identity_secret secret = {{1, 2, 3}};
static struct transaction sample;

static int init(void **state)
{
    (void)state;
    assert_true(hash_init());
    assert_true(identity_init(NULL));
    memset(&sample.chain, 0xcc, sizeof sample.chain);
    memset(&sample.to, 0x77, sizeof sample.to);
    sample.sequence = 0x0102030405060708;
    sample.amount = 0x1112131415161718;
    assert_true(identity_derive(&secret, &sample.from));
    assert_true(transaction_sign(&sample, &secret));
    return 0;
}

static bool decodes(const uint8_t *bytes, size_t size, struct transaction *t)
{
    return transaction_decode(slice_of(bytes, size), t);
}

static void the_layout_is_the_one_described(void **state)
{
    (void)state;
    uint8_t bytes[TRANSACTION_SIZE], expected[TRANSACTION_SIZE] = {1}, *at = expected + 1;
    transaction_encode(&sample, bytes);
    memset(at, 0xcc, 32);
    memcpy(at += 32, &sample.from, 32);
    memcpy(at += 32, "\1\2\3\4\5\6\7\10\1", 9);
    memset(at += 9, 0x77, 32);
    memcpy(at += 32, "\21\22\23\24\25\26\27\30", 8);
    memcpy(at += 8, &sample.signature, 64);
    assert_ptr_equal(at + 64, expected + sizeof expected);
    assert_memory_equal(bytes, expected, sizeof bytes);

    /* The id: BIP 340's tagged hash of all before the signature. */
    uint8_t tagged[64 + TRANSACTION_SIZE - 64];
    struct hash tag = hash_bytes(slice_of("ledger/transaction", 18));
    memcpy(tagged, &tag, 32);
    memcpy(tagged + 32, &tag, 32);
    memcpy(tagged + 64, bytes, TRANSACTION_SIZE - 64);
    struct hash id = hash_bytes(slice_of(tagged, sizeof tagged));
    assert_memory_equal(&sample.id, &id, sizeof id);
}

static void decoding_undoes_encoding(void **state)
{
    (void)state;
    struct transaction t;
    uint8_t bytes[TRANSACTION_SIZE], again[TRANSACTION_SIZE];
    transaction_encode(&sample, bytes);
    assert_true(decodes(bytes, sizeof bytes, &t));
    assert_memory_equal(&t, &sample, sizeof t);
    transaction_encode(&t, again);
    assert_memory_equal(bytes, again, sizeof bytes);
    assert_true(transaction_verify(&t));
}

static void there_is_one_size_one_version_and_one_kind(void **state)
{
    (void)state;
    struct transaction t;
    uint8_t bytes[TRANSACTION_SIZE + 1] = {0};
    transaction_encode(&sample, bytes);
    for (size_t size = 0; size < sizeof bytes + 1; size++)
        if (size <= sizeof bytes)
            assert_int_equal(decodes(bytes, size, &t), size == TRANSACTION_SIZE);
    for (unsigned value = 0; value < 256; value++) {
        bytes[0] = (uint8_t)value;
        assert_int_equal(decodes(bytes, TRANSACTION_SIZE, &t), value == 1);
    }
    bytes[0] = 1;
    for (unsigned value = 0; value < 256; value++) {
        bytes[1 + 32 + 32 + 8] = (uint8_t)value;
        assert_int_equal(decodes(bytes, TRANSACTION_SIZE, &t), value == 1);
    }
}

static void no_bit_can_be_changed(void **state)
{
    (void)state;
    struct transaction t;
    uint8_t bytes[TRANSACTION_SIZE];
    transaction_encode(&sample, bytes);
    for (unsigned bit = 0; bit < 8 * TRANSACTION_SIZE; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (decodes(bytes, sizeof bytes, &t)) {
            assert_false(transaction_verify(&t));
            bool in_signature = bit / 8 >= TRANSACTION_SIZE - IDENTITY_SIGNATURE_SIZE;
            assert_int_equal(hash_equal(&t.id, &sample.id), in_signature);
        }
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void only_the_sender_can_sign(void **state)
{
    (void)state;
    struct identity_secret other = {{9}};
    struct identity_secret none = {{0}};
    struct transaction t = sample;
    assert_true(transaction_sign(&t, &other));
    assert_false(transaction_verify(&t));
    assert_false(transaction_sign(&t, &none));
    memset(&t.from, 0xff, sizeof t.from); /* No point has this coordinate. */
    assert_true(transaction_sign(&t, &secret));
    assert_false(transaction_verify(&t));
}

/* More keys than are remembered, whose first bytes are often the same; none twice in a row. */
static void a_key_is_taken_for_no_other(void **state)
{
    (void)state;
    enum { SENDERS = 2000 };
    static struct transaction all[SENDERS];
    for (unsigned k = 0; k < SENDERS; k++) {
        const struct identity_secret one = {{1, (uint8_t)k, (uint8_t)(k >> 8)}};
        all[k] = sample;
        assert_true(identity_derive(&one, &all[k].from));
        assert_true(transaction_sign(&all[k], &one));
    }
    for (unsigned twice = 0; twice < 2; twice++)
        for (unsigned k = 0; k < SENDERS; k++) {
            assert_true(transaction_verify(&all[k]));
            struct transaction t = all[k];
            t.from = all[(k + 1) % SENDERS].from;
            assert_false(transaction_verify(&t));
        }
    struct transaction t = sample;
    memset(&t.from, 0xff, sizeof t.from); /* No point has this coordinate. */
    assert_true(transaction_sign(&t, &secret));
    for (unsigned twice = 0; twice < 2; twice++)
        assert_false(transaction_verify(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_the_one_described),
        cmocka_unit_test(decoding_undoes_encoding),
        cmocka_unit_test(there_is_one_size_one_version_and_one_kind),
        cmocka_unit_test(no_bit_can_be_changed),
        cmocka_unit_test(only_the_sender_can_sign),
        cmocka_unit_test(a_key_is_taken_for_no_other),
    };
    return cmocka_run_group_tests_name("transaction", tests, init, NULL);
}
