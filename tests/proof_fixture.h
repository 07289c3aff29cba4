/* A ledger with checkpoints that nodes have signed, and those who are to believe it. */
#ifndef TESTS_PROOF_FIXTURE_H
#define TESTS_PROOF_FIXTURE_H

#include "node/consistency.h"
#include "node/records.h"
#include "tests/consensus_fixture.h"
#include "tests/executor_fixture.h"

enum { EVERY = 5, SIGNED = EPOCHS / EVERY * EVERY };

static struct store *ledger, *consensus;
static struct cluster cluster;
static struct identity_signature signatures[NODES_MAX];

/* What the ledger is now, as so many nodes have signed it. */
static inline void sign_checkpoint(const struct executor_state *state, unsigned signers)
{
    struct checkpoint_record r = {.checkpoint = {.epoch = state->epoch,
                                                 .height = state->height,
                                                 .log_root = state->log_root,
                                                 .state_root = state->state_root},
                                  .signatures = signatures};
    const struct hash digest = checkpoint_digest(&chain, &r.checkpoint);
    for (unsigned i = 0; i < signers; i++) {
        nodeset_add(&r.signers, i);
        assert_true(identity_sign(&secrets[i], hash_slice(&digest), NULL, &signatures[i]));
    }
    assert_int_equal(store_begin(consensus), 0);
    assert_int_equal(records_put_checkpoint(consensus, &r, EVERY), 0);
    assert_int_equal(store_commit(consensus), 0);
}

/* The history from an epoch on, up to another, with checkpoints: the last by so many, those before by
 * all. */
static inline void run_on(epoch_id from, epoch_id last, unsigned signers)
{
    struct executor_state state;
    struct executor *x = open_on(ledger, NULL);
    for (epoch_id e = from; e <= last; e++) {
        assert_int_equal(run_epoch(x, e, &state), 0);
        if (e % EVERY == 0)
            sign_checkpoint(&state, e == SIGNED ? signers : N);
    }
    executor_close(x);
}

static inline void open_until(epoch_id last, unsigned signers)
{
    ledger = store_at('a');
    consensus = consensus_at('b');
    run_on(1, last, signers);
    cluster = (struct cluster){.chain = chain, .node_count = N};
    for (unsigned i = 0; i < N; i++)
        cluster.nodes[i].identity = keys[i];
}

static inline void open_all(unsigned signers) { open_until(EPOCHS, signers); }

static inline void close_all(void)
{
    store_close(ledger);
    store_close(consensus);
}

static inline struct proof_source open_source(void)
{
    struct proof_source s = {.chain = chain, .quorum = quorum_of(N), .checkpoint_epochs = EVERY};
    assert_int_equal(store_view_open(ledger, &s.ledger), 0);
    assert_int_equal(store_view_open(consensus, &s.consensus), 0);
    return s;
}

static inline void close_source(const struct proof_source *s)
{
    store_view_close(s->ledger);
    store_view_close(s->consensus);
}

static inline int make_consistency(uint64_t height, struct consistency *c)
{
    struct proof_source s = open_source();
    const int error = consistency_make(&s, height, c);
    close_source(&s);
    return error;
}

/* Whether a text is a proof, and of what it claims. With a bit changed, cut, or longer it is none. */
static inline void expect_each_bit_matters(char *text, bool (*holds)(const char *text, size_t size))
{
    const size_t size = strlen(text);
    assert_true(holds(text, size));
    for (size_t bit = 0; bit < 8 * size; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        if (holds(text, size))
            fail_msg("bit %zu of %zu", bit, 8 * size);
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t less = 0; less < size; less++)
        assert_false(holds(text, less));
    char *more = malloc(size + 1);
    memcpy(more, text, size);
    more[size] = ' ';
    assert_false(holds(more, size + 1));
    free(more);
}

static inline int setup_all(void **state)
{
    if (history_count == 0)
        make_history();
    return setup(state);
}

#define PROOF_TEST(name) cmocka_unit_test_setup_teardown(name, setup_all, teardown)

#endif
