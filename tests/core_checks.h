/* What tests ask of a small cluster, and what must be true of it. */
#ifndef TESTS_CORE_CHECKS_H
#define TESTS_CORE_CHECKS_H

#include "tests/core_fixture.h"

static inline const struct node *node_of(unsigned k)
{
    return driver_node(cluster.members[k].driver);
}

static inline struct word word_of(unsigned k) { return node_word(node_of(k)); }

static inline void submit(unsigned k)
{
    struct member *m = &cluster.members[k];
    assert_true(m->pool_count < POOL_MAX);
    m->pool[m->pool_count++].id = ++cluster.submitted;
}

/* All that was submitted is executed at all that are here. */
static inline bool all_executed(void)
{
    for (unsigned k = 0; k < cluster.quorum.n; k++)
        if (cluster.members[k].up && !nodeset_has(&cluster.away, k) &&
            cluster.members[k].executed_ids < cluster.submitted)
            return false;
    return true;
}

/* Runs until `done`, which must be within so many rounds. */
static inline void cluster_until(bool (*done)(void), unsigned rounds)
{
    while (!done()) {
        if (rounds-- == 0)
            fail_msg("not done: (%u, %u, %u, %u) of %u executed", cluster.members[0].executed_ids,
                     cluster.members[1].executed_ids, cluster.members[2].executed_ids,
                     cluster.members[3].executed_ids, (unsigned)cluster.submitted);
        cluster_round();
    }
}

static inline bool same_delivery(const struct delivery *a, const struct delivery *b)
{
    return a->position == b->position && a->epoch == b->epoch && a->proposer == b->proposer &&
           a->with_epoch == b->with_epoch && hash_equal(&a->commitment, &b->commitment) &&
           a->valid == b->valid;
}

/* The ledgers of all are one; no dispersal is in it twice, nor any transaction. */
static inline void expect_one_ledger(void)
{
    const struct member *first = &cluster.members[0];
    for (unsigned k = 1; k < cluster.quorum.n; k++) {
        const struct member *m = &cluster.members[k];
        assert_int_equal(m->executed_height, first->executed_height);
        assert_int_equal(m->executed_ids, first->executed_ids);
        for (unsigned i = 0; i < first->height; i++)
            assert_true(same_delivery(&m->ledger[i], &first->ledger[i]));
        assert_memory_equal(m->ids, first->ids, first->id_count * sizeof *m->ids);
    }
    for (unsigned i = 0; i < first->height; i++)
        for (unsigned j = 0; j < i; j++)
            assert_false(first->ledger[i].epoch == first->ledger[j].epoch &&
                         first->ledger[i].proposer == first->ledger[j].proposer);
    for (unsigned i = 0; i < first->id_count; i++)
        for (unsigned j = 0; j < i; j++)
            assert_int_not_equal(first->ids[i], first->ids[j]);
}

/* No correct node was accused of anything. */
static inline void expect_no_faults(void)
{
    for (unsigned k = 0; k < cluster.quorum.n; k++)
        for (unsigned p = 0; p < cluster.quorum.n; p++)
            for (unsigned f = 1; f < FAULT_COUNT; f++)
                assert_int_equal(cluster.members[k].faults[p][f], 0);
}

/* The sections of a frame, one after another. */
static inline bool section_next(struct reader *r, const struct post *p, struct message *m)
{
    return message_decode(r, cluster.quorum, p->from, p->to, m);
}
static inline struct reader sections_of(const struct post *p)
{
    return reader_of(
        slice_of(p->bytes + MESSAGE_HEADER_SIZE, p->size - (size_t)MESSAGE_HEADER_SIZE));
}
/* Loses those sections of a frame that are not kept; of others a part may be. */
static inline void keep_sections(struct post *p,
                                 bool (*keeps)(const struct post *p, struct message *m))
{
    uint8_t *copy = malloc(p->size);
    assert_non_null(copy);
    struct writer w = writer_of(copy, p->size);
    struct reader r = sections_of(p);
    struct message m;
    write_bytes(&w, p->bytes, MESSAGE_HEADER_SIZE);
    while (section_next(&r, p, &m))
        if (keeps(p, &m))
            message_encode(&w, cluster.quorum, p->from, p->to, &m);
    assert_true(w.ok);
    p->size = writer_result(&w).size;
    memcpy(p->bytes, copy, p->size);
    free(copy);
}

#endif
