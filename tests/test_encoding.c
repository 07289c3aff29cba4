#include "vid/encoding.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct code code;
static struct quorum quorum;
static uint64_t seed;

static uint64_t random_u64(void) /* splitmix64 */
{
    uint64_t x = seed += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

static void cluster(unsigned n)
{
    quorum = quorum_of(n);
    code_init(&code, quorum);
}

/* Chunks under one header, whether an encoding or not, and a retriever's copy of them. */
static struct {
    struct vid_encoding sealed;
    struct vid_proof proofs[NODES_MAX], given_proofs[NODES_MAX];
    size_t chunk_size;
    alignas(64) uint8_t whole[1 << 19];
    alignas(64) uint8_t given[1 << 19];
    uint8_t content[1 << 17];
    size_t content_size;
} x;

static uint8_t *whole(unsigned i) { return x.whole + i * x.chunk_size; }
static uint8_t *given(unsigned i) { return x.given + i * x.chunk_size; }
static struct slice chunk(unsigned i) { return slice_of(whole(i), x.chunk_size); }

static void encode(size_t size)
{
    x.content_size = size;
    for (size_t i = 0; i < size; i++)
        x.content[i] = (uint8_t)random_u64();
    x.chunk_size = code_chunk_size(&code, size);
    assert_true(x.chunk_size * quorum.n <= sizeof x.whole);
    vid_encode(quorum, &code, slice_of(x.content, size), x.whole, &x.sealed);
    for (unsigned i = 0; i < quorum.n; i++)
        vid_encoding_proof(&x.sealed, i, &x.proofs[i]);
}

/* What a lying proposer does: a tree with true proofs over whatever the chunks are. */
static void seal_again(void)
{
    struct hash leaves[NODES_MAX];
    hash_parts(x.whole, x.chunk_size, quorum.n, leaves);
    merkle_tree_build(&x.sealed.tree, leaves, quorum.n);
    x.sealed.header.chunk_size = (uint32_t)x.chunk_size;
    x.sealed.header.tree_root = merkle_tree_root(&x.sealed.tree);
    x.sealed.commitment = vid_commitment(quorum, &x.sealed.header);
    for (unsigned i = 0; i < quorum.n; i++)
        vid_encoding_proof(&x.sealed, i, &x.proofs[i]);
}

static void give(const struct nodeset *present)
{
    for (unsigned i = 0; i < quorum.n; i++) {
        if (nodeset_has(present, i))
            memcpy(given(i), whole(i), x.chunk_size);
        else
            memset(given(i), 0xa5, x.chunk_size);
        x.given_proofs[i] = nodeset_has(present, i) ? x.proofs[i] : (struct vid_proof){0};
    }
}

static struct nodeset liars;

static enum vid_result decode(const struct nodeset *present)
{
    struct vid_encoding found;
    struct slice block;
    enum vid_result result = vid_decode(quorum, &code, &x.sealed.header, present, x.given,
                                        x.given_proofs, &found, &block, &liars);
    if (result == VID_RETRIEVED) {
        assert_true(slice_equal(block, slice_of(x.content, x.content_size)));
        assert_true(hash_equal(&found.commitment, &x.sealed.commitment));
        assert_memory_equal(x.given, x.whole, x.chunk_size * quorum.n);
        for (unsigned i = 0; i < quorum.n; i++) {
            struct vid_proof proof;
            vid_encoding_proof(&found, i, &proof);
            assert_true(vid_chunk_verify(quorum, &found.header, i, slice_of(given(i), x.chunk_size),
                                         &proof));
        }
    }
    assert_int_equal(nodeset_empty(&liars), result != VID_BAD_CHUNKS);
    return result;
}

static struct nodeset random_subset(void)
{
    struct nodeset s = {0};
    while (nodeset_count(&s) < quorum_data(quorum))
        nodeset_add(&s, (unsigned)(random_u64() % quorum.n));
    return s;
}

/* Calls `test` for every k of n nodes, or for 20 random k when there are too many. */
static void for_subsets(void (*test)(const struct nodeset *present))
{
    for (uint64_t mask = 0; quorum.n <= 7 && mask < 1u << quorum.n; mask++) {
        struct nodeset present = {{mask}};
        if (nodeset_count(&present) == quorum_data(quorum))
            test(&present);
    }
    for (unsigned run = 0; quorum.n > 7 && run < 20; run++) {
        struct nodeset present = random_subset();
        test(&present);
    }
}

static void assert_retrieved(const struct nodeset *present)
{
    give(present);
    assert_int_equal(decode(present), VID_RETRIEVED);
}

static void assert_bad_proposer(const struct nodeset *present)
{
    give(present);
    assert_int_equal(decode(present), VID_BAD_PROPOSER);
}

static const unsigned counts[] = {4, 5, 7, 16, 128};
enum { COUNTS = sizeof counts / sizeof *counts };

static void every_k_chunks_are_the_block(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 7; n++) {
        cluster(n);
        size_t sizes[] = {0, 1, 55, 56, 57, 64u * code.data_count - 8, 100000};
        for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            encode(sizes[i]);
            for_subsets(assert_retrieved);
        }
    }
    for (unsigned c = 3; c < COUNTS; c++) {
        cluster(counts[c]);
        encode(10000);
        for_subsets(assert_retrieved);
    }
}

static void what_is_no_encoding_is_so_for_everyone(void **state)
{
    (void)state;
    for (unsigned c = 0; c < COUNTS; c++) {
        cluster(counts[c]);
        for (unsigned i = 0; i<quorum.n; i += quorum.n> 16 ? 9 : 1) { /* One chunk is another. */
            encode(300);
            whole(i)[random_u64() % x.chunk_size] ^= 1;
            seal_again();
            for_subsets(assert_bad_proposer);
        }
        for (unsigned run = 0; run < 10; run++) { /* Several are. */
            encode(300);
            unsigned spoilt = 1 + (unsigned)(random_u64() % (2u * quorum.f));
            for (unsigned i = 0; i < spoilt; i++)
                whole(i * 3 % quorum.n)[random_u64() % x.chunk_size] ^= 1;
            seal_again();
            for_subsets(assert_bad_proposer);
        }
    }
}

/* An encoding of what no block becomes. */
static void encode_content(size_t chunk_size, uint64_t length, size_t padding_at)
{
    x.chunk_size = chunk_size;
    memset(x.whole, 0, chunk_size * quorum.n);
    struct writer w = writer_of(x.whole, 8);
    write_u64(&w, length);
    if (padding_at)
        x.whole[padding_at] = 1;
    struct nodeset data = nodeset_full(code.data_count);
    code_repair(&code, &data, x.whole, chunk_size);
    seal_again();
    for_subsets(assert_bad_proposer);
}

static void content_that_is_not_well_formed_is_a_bad_proposers(void **state)
{
    (void)state;
    for (unsigned c = 0; c < COUNTS; c++) {
        cluster(counts[c]);
        size_t end = 64u * code.data_count;
        encode_content(64, end - 7, 0); /* The length is too large. */
        encode_content(64, CODE_BLOCK_SIZE_MAX + 1, 0);
        encode_content(64, UINT64_MAX, 0);
        encode_content(64, UINT64_MAX - 7, 0);
        encode_content(64, 100, 108); /* The padding is not zero. */
        encode_content(64, 0, end - 1);
        encode_content(128, end - 8, 0); /* The chunks are too large. */
        encode_content(128, 0, 0);
    }
}

static void a_chunk_size_of_no_block_is_a_bad_proposers(void **state)
{
    (void)state;
    cluster(4);
    encode(300);
    const uint32_t sizes[] = {0, 1, 63, 65, CODE_BLOCK_SIZE_MAX, UINT32_MAX - 63, UINT32_MAX};
    struct nodeset present = nodeset_full(2);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        x.sealed.header.chunk_size = sizes[i];
        assert_int_equal(decode(&present), VID_BAD_PROPOSER);
    }
}

/* Every non-empty set of liars among those present: each sends another chunk, and every second
 * one another proof too. The rest must be as given; with true chunks the result is `honest`. */
static void assert_liars_are_named(const struct nodeset *present, enum vid_result honest)
{
    unsigned ids[NODES_MAX], count = 0;
    for (unsigned i = nodeset_next(present, 0); i < NODES_MAX; i = nodeset_next(present, i + 1))
        ids[count++] = i;
    for (unsigned run = 1; run < (quorum.n <= 7 ? 1u << count : 4u); run++) {
        uint64_t lies = quorum.n <= 7 ? run : random_u64() | 1;
        struct nodeset expected = {0};
        give(present);
        for (unsigned i = 0; i < count; i++)
            if (lies >> (i % 64) & 1) {
                nodeset_add(&expected, ids[i]);
                given(ids[i])[random_u64() % x.chunk_size] ^= 4;
                x.given_proofs[ids[i]].path[0].bytes[3] ^= (uint8_t)(i % 2);
            }
        assert_int_equal(decode(present), VID_BAD_CHUNKS);
        assert_memory_equal(&liars, &expected, sizeof liars);
        for (unsigned i = 0; i < count; i++) {
            if (!nodeset_has(&liars, ids[i]))
                assert_memory_equal(given(ids[i]), whole(ids[i]), x.chunk_size);
            memcpy(given(ids[i]), whole(ids[i]), x.chunk_size);
            x.given_proofs[ids[i]] = x.proofs[ids[i]];
        }
        assert_int_equal(decode(present), honest);
    }
}

static void liars_before_a_block(const struct nodeset *present)
{
    assert_liars_are_named(present, VID_RETRIEVED);
}

static void liars_before_none(const struct nodeset *present)
{
    assert_liars_are_named(present, VID_BAD_PROPOSER);
}

static void liars_are_named_exactly(void **state)
{
    (void)state;
    for (unsigned c = 0; c < COUNTS; c++) {
        cluster(counts[c]);
        encode(300);
        for_subsets(liars_before_a_block);
        whole(1)[0] ^= 1;
        seal_again();
        for_subsets(liars_before_none);
    }
}

static void a_false_proof_counts_only_where_proofs_are_needed(void **state)
{
    (void)state;
    cluster(4);
    encode(300);
    struct nodeset present = {{1 << 1 | 1 << 2}};
    give(&present);
    x.given_proofs[1].path[1].bytes[0] ^= 1;
    assert_int_equal(decode(&present), VID_RETRIEVED); /* The root proves the chunk. */

    whole(3)[0] ^= 1;
    seal_again();
    give(&present);
    x.given_proofs[1].path[1].bytes[0] ^= 1;
    assert_int_equal(decode(&present), VID_BAD_CHUNKS); /* Nothing else would. */
    assert_true(nodeset_has(&liars, 1));
    assert_int_equal(nodeset_count(&liars), 1);
}

static void only_the_first_k_chunks_are_used(void **state)
{
    (void)state;
    cluster(7);
    encode(300);
    struct nodeset present = {{0x7a}}; /* 1, 3 and 4 are used; 5 and 6 are not. */
    give(&present);
    given(5)[0] ^= 1;
    x.given_proofs[6].path[0].bytes[0] ^= 1;
    assert_int_equal(decode(&present), VID_RETRIEVED);

    give(&present);
    given(3)[0] ^= 1;
    given(5)[0] ^= 1;
    assert_int_equal(decode(&present), VID_BAD_CHUNKS);
    assert_int_equal(liars.words[0], 1 << 3);
}

static void a_proof_proves_one_chunk_in_one_place(void **state)
{
    (void)state;
    for (unsigned c = 0; c < COUNTS; c++) {
        cluster(counts[c]);
        encode(64u * code.data_count - 8);
        const struct vid_header *header = &x.sealed.header;
        for (unsigned i = 0; i < quorum.n; i++)
            for (unsigned j = 0; j < quorum.n; j++) {
                const struct vid_proof *proof = &x.proofs[i];
                assert_int_equal(vid_chunk_verify(quorum, header, j, chunk(i), proof), i == j);
                assert_int_equal(vid_chunk_verify(quorum, header, i, chunk(j), proof), i == j);
            }
        struct slice first = chunk(0);
        assert_false(vid_chunk_verify(quorum, header, quorum.n, first, &x.proofs[0]));
        assert_false(vid_chunk_verify(quorum, header, UINT32_MAX, first, &x.proofs[0]));
        x.sealed.header.chunk_size++; /* The leaf is of another size. */
        assert_false(vid_chunk_verify(quorum, header, 0, first, &x.proofs[0]));
        x.sealed.header.chunk_size--;
        x.whole[7] ^= 1;
        assert_false(vid_chunk_verify(quorum, header, 0, chunk(0), &x.proofs[0]));
    }
}

static void a_commitment_binds_n_k_chunk_size_and_root(void **state)
{
    (void)state;
    struct vid_header header = {64, {{1}}}, larger = {128, {{1}}}, other = {64, {{2}}};
    const struct hash all[] = {
        vid_commitment((struct quorum){7, 2}, &header),
        vid_commitment((struct quorum){8, 2}, &header), /* n and k */
        vid_commitment((struct quorum){9, 3}, &header), /* n, the same k */
        vid_commitment((struct quorum){7, 1}, &header), /* k */
        vid_commitment((struct quorum){7, 2}, &larger),
        vid_commitment((struct quorum){7, 2}, &other),
    };
    for (unsigned i = 0; i < 6; i++)
        for (unsigned j = 0; j < 6; j++)
            assert_int_equal(hash_equal(&all[i], &all[j]), i == j);
}

/* The values are another implementation's, which shares no code with this one. */
static void known_blocks_have_known_commitments(void **state)
{
    (void)state;
    static const struct {
        unsigned n, size;
        const char *commitment;
    } known[] = {
        {4, 0, "1635f9e32dd5a6ebd166d21fe5ac59f6e26e6c19e9b5829ab84228d26d92dfa4"},
        {7, 200, "15ccf758ba83fdd84abc65827271f477942ceb43da037dca84709ff1ad17d245"},
        {4, 70000, "90a878299780535ab0c48118be31ea9e2a444ba52c61eabb5b4e2c579e8ba2af"},
    };
    for (unsigned c = 0; c < 3; c++) {
        cluster(known[c].n);
        static uint8_t block[70000];
        uint8_t commitment[HASH_SIZE];
        for (unsigned i = 0; i < known[c].size; i++)
            block[i] = (uint8_t)i;
        vid_encode(quorum, &code, slice_of(block, known[c].size), x.whole, &x.sealed);
        assert_true(hex_decode(known[c].commitment, commitment, HASH_SIZE));
        assert_memory_equal(x.sealed.commitment.bytes, commitment, HASH_SIZE);
    }
}

static int start(void **state)
{
    (void)state;
    seed = 1;
    return hash_init() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_k_chunks_are_the_block),
        cmocka_unit_test(what_is_no_encoding_is_so_for_everyone),
        cmocka_unit_test(content_that_is_not_well_formed_is_a_bad_proposers),
        cmocka_unit_test(a_chunk_size_of_no_block_is_a_bad_proposers),
        cmocka_unit_test(liars_are_named_exactly),
        cmocka_unit_test(a_false_proof_counts_only_where_proofs_are_needed),
        cmocka_unit_test(only_the_first_k_chunks_are_used),
        cmocka_unit_test(a_proof_proves_one_chunk_in_one_place),
        cmocka_unit_test(a_commitment_binds_n_k_chunk_size_and_root),
        cmocka_unit_test(known_blocks_have_known_commitments),
    };
    return cmocka_run_group_tests_name("encoding", tests, start, NULL);
}
