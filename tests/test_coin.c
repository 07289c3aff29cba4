#include "crypto/coin.h"
#include "crypto/group.h"
#include "crypto/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A coin with the shares that all nodes made of one toss. */
static struct {
    struct coin_public keys;
    struct coin_secret secrets[NODES_MAX];
    struct coin_name name;
    struct coin_share shares[NODES_MAX];
} toss;

static void deal(unsigned n)
{
    struct hash seed = hash_bytes(slice_of(&n, sizeof n));
    assert_true(coin_deal(quorum_of(n), &seed, &toss.keys, toss.secrets));
    toss.name = (struct coin_name){
        .chain = hash_bytes(slice_of("chain", 5)), .epoch = 7, .proposer = 3, .round = 2};
}

static void make_shares(void)
{
    for (unsigned i = 0; i < toss.keys.quorum.n; i++)
        coin_share_make(&toss.secrets[i], &toss.name, &toss.shares[i]);
}

/* The value from the shares of these nodes. */
static bool combine(const uint16_t from[], unsigned count)
{
    struct coin_share chosen[NODES_MAX];
    for (unsigned i = 0; i < count; i++)
        chosen[i] = toss.shares[from[i]];
    return coin_combine(&toss.keys, &toss.name, from, chosen, count);
}

static bool combine_from(unsigned first)
{
    uint16_t from[NODES_MAX];
    unsigned count = quorum_some(toss.keys.quorum);
    for (unsigned i = 0; i < count; i++)
        from[i] = (uint16_t)(first + i);
    return combine(from, count);
}

static const unsigned sizes[] = {1, 4, 5, 7, 16, 128};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void a_secret_matches_its_own_public_share_alone(void **state)
{
    (void)state;
    static const struct coin_secret zero;
    for (unsigned s = 0; s < 4; s++) {
        deal(sizes[s]);
        for (uint16_t i = 0; i < sizes[s]; i++) {
            for (uint16_t j = 0; j < sizes[s]; j++)
                assert_int_equal(coin_secret_matches(&toss.keys, i, &toss.secrets[j]), i == j);
            assert_false(coin_secret_matches(&toss.keys, i, &zero));
        }
        assert_false(coin_secret_matches(&toss.keys, (uint16_t)sizes[s], &toss.secrets[0]));
        assert_false(coin_secret_matches(&toss.keys, UINT16_MAX, &toss.secrets[0]));
    }
}

static void another_seed_deals_another_coin(void **state)
{
    (void)state;
    struct coin_secret dealt[2];
    for (unsigned i = 0; i < 2; i++) {
        deal(4 + i); /* Of the same degree; the seed follows from the number of nodes. */
        dealt[i] = toss.secrets[0];
    }
    assert_memory_not_equal(&dealt[0], &dealt[1], sizeof *dealt);
}

/* *a -= b */
static void subtract(struct coin_secret *a, struct coin_secret b)
{
    assert_true(secp256k1_ec_seckey_negate(group_context(), b.scalar));
    assert_true(secp256k1_ec_seckey_tweak_add(group_context(), a->scalar, b.scalar));
}

/* If the polynomial's coefficients followed from one another, fewer than f+1 secrets would tell
 * the coin. */
static void the_coefficients_differ(void **state)
{
    (void)state;
    deal(7);
    /* p(x) = c[0] + c[1] x + c[2] x^2, from its differences at 1, 2 and 3. */
    const struct coin_secret *p = toss.secrets;
    struct coin_secret first = p[1], second = p[2], c[3];
    subtract(&first, p[0]);
    subtract(&second, p[1]);
    c[2] = second;
    subtract(&c[2], first);
    assert_true(secp256k1_ec_seckey_tweak_mul(group_context(), c[2].scalar, scalar_reciprocal(2)));
    c[1] = first;
    for (unsigned i = 0; i < 3; i++)
        subtract(&c[1], c[2]);
    c[0] = p[0];
    subtract(&c[0], c[1]);
    subtract(&c[0], c[2]);
    for (unsigned i = 0; i < 3; i++)
        assert_memory_not_equal(&c[i], &c[(i + 1) % 3], sizeof *c);
}

static void shares_verify_and_are_made_again_the_same(void **state)
{
    (void)state;
    for (unsigned s = 0; s < SIZES; s++) {
        deal(sizes[s]);
        make_shares();
        for (uint16_t i = 0; i < sizes[s]; i++) {
            struct coin_share again;
            assert_true(coin_share_verify(&toss.keys, &toss.name, i, &toss.shares[i]));
            coin_share_make(&toss.secrets[i], &toss.name, &again);
            assert_memory_equal(&again, &toss.shares[i], sizeof again);
        }
    }
}

static void disjoint_sets_of_shares_give_one_value(void **state)
{
    (void)state;
    for (unsigned s = 1; s < SIZES; s++) {
        deal(sizes[s]);
        unsigned count = quorum_some(toss.keys.quorum);
        for (uint8_t round = 0; round < 8; round++) {
            toss.name.round = round;
            make_shares();
            bool value = combine_from(0);
            assert_int_equal(combine_from(count), value);
            assert_int_equal(combine_from(sizes[s] - count), value);
        }
    }
}

static void every_set_of_shares_gives_the_value_in_any_order(void **state)
{
    (void)state;
    static const unsigned small[] = {4, 7};
    for (unsigned s = 0; s < 2; s++) {
        deal(small[s]);
        unsigned count = quorum_some(toss.keys.quorum);
        for (uint64_t epoch = 0; epoch < 8; epoch++) {
            toss.name.epoch = epoch;
            make_shares();
            bool value = combine_from(0);
            for (unsigned set = 0; set < 1u << small[s]; set++) {
                if ((unsigned)__builtin_popcount(set) != count)
                    continue;
                uint16_t up[NODES_MAX], down[NODES_MAX];
                unsigned found = 0;
                for (unsigned i = 0; i < small[s]; i++)
                    if (set >> i & 1)
                        up[found++] = (uint16_t)i;
                for (unsigned i = 0; i < count; i++)
                    down[i] = up[count - 1 - i];
                assert_int_equal(combine(up, count), value);
                assert_int_equal(combine(down, count), value);
            }
        }
    }
}

/* With a wrong sum the value would be right half the time; here it is right always. The secret
 * itself, which no node has, tells: with one node, share 0 is the secret times the base. */
static void the_value_is_that_of_the_secret_at_zero(void **state)
{
    (void)state;
    static const struct coin_public alone = {.quorum = {.n = 1, .f = 0}};
    static const uint16_t self = 0;
    deal(4);
    /* The line through the secrets at 1 and 2 meets zero at twice the first less the second. */
    struct coin_secret whole = toss.secrets[0];
    assert_true(secp256k1_ec_seckey_tweak_add(group_context(), whole.scalar, whole.scalar));
    subtract(&whole, toss.secrets[1]);
    for (toss.name.epoch = 0; toss.name.epoch < 32; toss.name.epoch++) {
        struct coin_share share;
        make_shares();
        coin_share_make(&whole, &toss.name, &share);
        assert_int_equal(coin_combine(&alone, &toss.name, &self, &share, 1), combine_from(1));
    }
}

static void values_are_fair_over_names(void **state)
{
    (void)state;
    deal(4);
    unsigned ones = 0;
    for (unsigned i = 0; i < 200; i++) {
        toss.name.epoch = i / 40;
        toss.name.proposer = (uint16_t)(i / 10 % 4);
        toss.name.round = (uint8_t)(i % 10);
        coin_share_make(&toss.secrets[0], &toss.name, &toss.shares[0]);
        coin_share_make(&toss.secrets[1], &toss.name, &toss.shares[1]);
        ones += combine_from(0);
    }
    /* The deviation is 7: fewer than one fair coin in 10,000 leaves this range. */
    assert_in_range(ones, 70, 130);
}

static void a_share_with_a_flipped_bit_is_rejected(void **state)
{
    (void)state;
    deal(4);
    make_shares();
    uint8_t bytes[COIN_SHARE_SIZE];
    struct writer w = writer_of(bytes, sizeof bytes);
    coin_share_encode(&w, &toss.shares[2]);
    for (unsigned bit = 0; bit < 8 * COIN_SHARE_SIZE; bit++) {
        struct coin_share share;
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct reader r = reader_of(slice_of(bytes, sizeof bytes));
        coin_share_decode(&r, &share);
        assert_false(coin_share_verify(&toss.keys, &toss.name, 2, &share));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

enum { NAMES = 7 };

/* `name`, or for 1 to NAMES - 1 one that differs in one field. */
static struct coin_name variant(unsigned number)
{
    struct coin_name name = toss.name;
    switch (number) {
    case 1: name.chain.bytes[0] ^= 1; break;
    case 2: name.chain.bytes[HASH_SIZE - 1] ^= 0x80; break;
    case 3: name.epoch ^= 1; break;
    case 4: name.epoch ^= UINT64_C(1) << 63; break;
    case 5: name.proposer ^= 0x100; break;
    case 6: name.round ^= 1; break;
    default: break;
    }
    return name;
}

static void a_share_is_valid_for_its_name_and_sender_alone(void **state)
{
    (void)state;
    deal(7);
    uint8_t points[NAMES][COIN_POINT_SIZE];
    for (unsigned made = 0; made < NAMES; made++) {
        struct coin_name name = variant(made);
        struct coin_share share;
        coin_share_make(&toss.secrets[5], &name, &share);
        memcpy(points[made], share.point, COIN_POINT_SIZE);
        for (unsigned other = 0; other < made; other++) /* One share says nothing of the next. */
            assert_memory_not_equal(points[made], points[other], COIN_POINT_SIZE);
        for (unsigned read = 0; read < NAMES; read++) {
            struct coin_name other = variant(read);
            assert_int_equal(coin_share_verify(&toss.keys, &other, 5, &share), made == read);
        }
        for (uint16_t from = 0; from < 7; from++)
            assert_int_equal(coin_share_verify(&toss.keys, &name, from, &share), from == 5);
    }
}

static void numbers_that_are_no_scalars_or_points_are_rejected(void **state)
{
    (void)state;
    deal(4);
    make_shares();
    for (unsigned i = 0; i < 6; i++) {
        struct coin_share share = toss.shares[1];
        uint8_t *fields[] = {share.point, share.challenge, share.response};
        memset(fields[i / 2], i % 2 ? 0xff : 0x00, COIN_SCALAR_SIZE);
        assert_false(coin_share_verify(&toss.keys, &toss.name, 1, &share));
    }
    struct coin_public keys = toss.keys;
    memset(keys.shares[1], 0, sizeof keys.shares[1]);
    assert_false(coin_share_verify(&keys, &toss.name, 1, &toss.shares[1]));
}

/* response * base - challenge * point, by the library's other functions. */
static void commitment_of(const struct coin_share *share, const uint8_t base[COIN_POINT_SIZE],
                          const uint8_t point[COIN_POINT_SIZE], uint8_t result[COIN_POINT_SIZE])
{
    secp256k1_pubkey a, b, sum;
    const secp256k1_pubkey *terms[] = {&a, &b};
    const secp256k1_context *context = group_context();
    assert_true(point_parse(base, &a));
    assert_true(point_parse(point, &b));
    assert_true(secp256k1_ec_pubkey_tweak_mul(context, &a, share->response));
    assert_true(secp256k1_ec_pubkey_tweak_mul(context, &b, share->challenge));
    assert_true(secp256k1_ec_pubkey_negate(context, &b));
    assert_true(secp256k1_ec_pubkey_combine(context, &sum, terms, 2));
    point_serialize(&sum, result);
}

/* G, and H(name), which is the share of who has the secret one. */
static void bases_of(const struct coin_name *name, uint8_t generator[COIN_POINT_SIZE],
                     uint8_t base[COIN_POINT_SIZE])
{
    struct coin_secret one = {{0}};
    one.scalar[COIN_SCALAR_SIZE - 1] = 1;
    assert_true(point_of_secret(one.scalar, generator));
    struct coin_share share;
    coin_share_make(&one, name, &share);
    memcpy(base, share.point, COIN_POINT_SIZE);
}

/* What a challenge did not bind, a liar could choose to fit it. */
static void a_challenge_binds_the_whole_statement(void **state)
{
    (void)state;
    deal(4);
    struct coin_share share;
    coin_share_make(&toss.secrets[1], &toss.name, &share);

    uint8_t bound[43 + 5 * COIN_POINT_SIZE], generator[COIN_POINT_SIZE];
    struct writer w = writer_of(bound, sizeof bound);
    write_slice(&w, hash_slice(&toss.name.chain));
    write_u64(&w, toss.name.epoch);
    write_u16(&w, toss.name.proposer);
    write_u8(&w, toss.name.round);
    uint8_t *points = w.at, *base = points;
    bases_of(&toss.name, generator, base);
    memcpy(points + COIN_POINT_SIZE, toss.keys.shares[1], COIN_POINT_SIZE);
    memcpy(points + 2 * COIN_POINT_SIZE, share.point, COIN_POINT_SIZE);
    commitment_of(&share, generator, toss.keys.shares[1], points + 3 * COIN_POINT_SIZE);
    commitment_of(&share, base, share.point, points + 4 * COIN_POINT_SIZE);
    struct slice all = slice_of(bound, sizeof bound);
    struct hash expected = hash_tagged("DispersedLedger/coin/challenge", &all, 1);
    assert_memory_equal(share.challenge, expected.bytes, sizeof share.challenge);
}

/* Two proofs with one nonce would give the secret away. */
static void no_two_names_or_secrets_share_a_nonce(void **state)
{
    (void)state;
    deal(4);
    uint8_t generator[COIN_POINT_SIZE], base[COIN_POINT_SIZE];
    uint8_t commitments[NAMES + 1][COIN_POINT_SIZE];
    for (unsigned i = 0; i <= NAMES; i++) {
        unsigned node = i == NAMES;
        struct coin_name name = variant(i % NAMES);
        struct coin_share share;
        bases_of(&name, generator, base);
        coin_share_make(&toss.secrets[node], &name, &share);
        commitment_of(&share, generator, toss.keys.shares[node], commitments[i]);
        for (unsigned j = 0; j < i; j++)
            assert_memory_not_equal(commitments[i], commitments[j], COIN_POINT_SIZE);
    }
}

static void a_share_survives_encoding(void **state)
{
    (void)state;
    deal(4);
    make_shares();
    uint8_t bytes[COIN_SHARE_SIZE + 1];
    struct writer w = writer_of(bytes, sizeof bytes);
    coin_share_encode(&w, &toss.shares[0]);
    struct slice encoded = writer_result(&w);
    assert_int_equal(encoded.size, COIN_SHARE_SIZE);
    struct reader r = reader_of(encoded);
    struct coin_share share;
    coin_share_decode(&r, &share);
    assert_true(reader_finished(&r));
    assert_memory_equal(&share, &toss.shares[0], sizeof share);
    for (size_t size = 0; size < encoded.size; size++) {
        r = reader_of(slice_of(bytes, size));
        coin_share_decode(&r, &share);
        assert_false(r.ok);
    }
}

static int setup(void **state)
{
    (void)state;
    return hash_init() && identity_init(NULL) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_matches_its_own_public_share_alone),
        cmocka_unit_test(another_seed_deals_another_coin),
        cmocka_unit_test(the_coefficients_differ),
        cmocka_unit_test(shares_verify_and_are_made_again_the_same),
        cmocka_unit_test(disjoint_sets_of_shares_give_one_value),
        cmocka_unit_test(every_set_of_shares_gives_the_value_in_any_order),
        cmocka_unit_test(the_value_is_that_of_the_secret_at_zero),
        cmocka_unit_test(values_are_fair_over_names),
        cmocka_unit_test(a_share_with_a_flipped_bit_is_rejected),
        cmocka_unit_test(a_share_is_valid_for_its_name_and_sender_alone),
        cmocka_unit_test(numbers_that_are_no_scalars_or_points_are_rejected),
        cmocka_unit_test(a_challenge_binds_the_whole_statement),
        cmocka_unit_test(no_two_names_or_secrets_share_a_nonce),
        cmocka_unit_test(a_share_survives_encoding),
    };
    return cmocka_run_group_tests_name("coin", tests, setup, NULL);
}
