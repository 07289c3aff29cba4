/* Chunks that nobody lied about: they were spoilt on the own disk, or on the way from more peers
 * than can lie. Seven nodes, so that three chunks make a block. */
#include "tests/core_checks.h"

#include "node/records.h"

enum { N = 7, SEEKER = 6, HORIZON = 1000, EPOCHS = 64 };

static bool no_pieces, spoil;
static bool spoilt[EPOCHS][N][N]; /* [epoch][proposer][from]: the first piece to SEEKER. */

static bool spoil_pieces(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (section_next(&r, p, &m)) {
        if (p->to != SEEKER || m.kind != MESSAGE_PIECE)
            continue;
        if (no_pieces)
            return false;
        bool *done = &spoilt[m.epoch][m.proposer][p->from];
        if (spoil && !*done)
            p->bytes[m.chunk.data.data - p->bytes] ^= 1;
        *done = true;
    }
    return true;
}

static int setup(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    no_pieces = spoil = false;
    memset(spoilt, 0, sizeof spoilt);
    cluster.passes = spoil_pieces;
    return 0;
}

static bool all_but_seeker_executed(void)
{
    nodeset_add(&cluster.away, SEEKER);
    const bool all = all_executed();
    nodeset_remove(&cluster.away, SEEKER);
    return all;
}

static uint8_t good[EPOCHS][N][4096]; /* What SEEKER keeps, before. */

/* Spoils every chunk that SEEKER keeps, or sees whether it is as before. Returns how many there are. */
static unsigned each_chunk(bool spoils)
{
    struct store *s = cluster.members[SEEKER].store;
    unsigned count = 0;
    assert_int_equal(store_begin(s), 0);
    for (epoch_id e = 1; e < EPOCHS; e++)
        for (unsigned p = 0; p < N; p++) {
            uint8_t key[RECORD_KEY_SIZE];
            struct slice value;
            driver_instance_key(key, e, (node_id)p);
            if (store_get(s, TABLE_CHUNKS, slice_of(key, sizeof key), &value))
                continue;
            uint8_t bytes[4096];
            assert_in_range(value.size, 1, sizeof bytes);
            count++;
            if (!spoils) {
                if (p != SEEKER) /* Its own block it does not fetch. */
                    assert_memory_equal(value.data, good[e][p], value.size);
                continue;
            }
            memcpy(bytes, value.data, value.size);
            memcpy(good[e][p], value.data, value.size);
            bytes[value.size - 1] ^= 1;
            const struct slice part = slice_of(bytes, value.size);
            assert_int_equal(store_put(s, TABLE_CHUNKS, slice_of(key, sizeof key), &part, 1), 0);
        }
    assert_int_equal(store_commit(s), 0);
    return count;
}

static void expect_all_good(void)
{
    const struct member *m = &cluster.members[SEEKER];
    for (unsigned k = 0; k < m->height; k++)
        assert_true(m->ledger[k].valid);
    expect_one_ledger();
}

/* And what it serves then is sound again. */
static void a_chunk_that_rotted_on_the_own_disk_is_replaced_by_anothers(void **state)
{
    (void)state;
    no_pieces = true;
    for (unsigned k = 0; k < 3; k++)
        submit(k);
    cluster_until(all_but_seeker_executed, 4000);
    member_crash(&cluster.members[SEEKER]);
    member_open(&cluster.members[SEEKER]);
    const unsigned chunks = each_chunk(true);
    assert_true(chunks >= 3);
    no_pieces = false;
    nodeset_add(&cluster.away, 0); /* While one is away nobody drops any. */
    cluster_until(all_executed, 4000);
    assert_true(each_chunk(false) >= chunks);
    nodeset_remove(&cluster.away, 0);
    cluster_until(all_executed, 4000);
    expect_all_good();
    for (unsigned k = 0; k < N; k++)
        for (unsigned p = 0; p < N; p++)
            for (unsigned f = 0; f < FAULT_COUNT; f++)
                assert_int_equal(cluster.members[k].faults[p][f], 0);
}

static void pieces_of_all_peers_that_were_spoilt_are_asked_for_again(void **state)
{
    (void)state;
    spoil = true;
    for (unsigned k = 0; k < 3; k++)
        submit(k);
    cluster_until(all_executed, 4000);
    expect_all_good();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_chunk_that_rotted_on_the_own_disk_is_replaced_by_anothers,
                                        setup, cluster_teardown),
        cmocka_unit_test_setup_teardown(pieces_of_all_peers_that_were_spoilt_are_asked_for_again,
                                        setup, cluster_teardown),
    };
    return cmocka_run_group_tests_name("core rot", tests, NULL, NULL);
}
