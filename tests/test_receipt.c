/* Receipts of all transactions of a history; each bit of one matters; so does who has signed it. */
#include "node/receipt.h"
#include "tests/proof_fixture.h"

static int make_receipt(const struct hash *id, struct receipt *r)
{
    struct proof_source s = open_source();
    const int error = receipt_make(&s, id, r);
    close_source(&s);
    return error;
}

/* Visits the ids that have an outcome. */
static int count_receipt(void *context, struct slice key, struct slice value)
{
    struct {
        unsigned proven, early;
    } *counts = context;
    struct receipt r, again;
    struct hash id;
    char reason[PROOF_REASON_MAX];
    (void)value;
    memcpy(id.bytes, key.data, HASH_SIZE);
    const int error = make_receipt(&id, &r);
    if (error == PROOF_NOT_YET) {
        counts->early++;
        return 0;
    }
    assert_int_equal(error, 0);
    assert_int_equal(r.under.checkpoint.epoch, SIGNED);
    if (!receipt_verify(&r, &cluster, reason))
        fail_msg("%s", reason);
    char *text = receipt_text(&r);
    assert_true(receipt_parse(slice_of(text, strlen(text)), &again));
    assert_true(receipt_verify(&again, &cluster, reason));
    free(text);
    counts->proven++;
    return 0;
}

static void each_transaction_has_one_once_a_checkpoint_stands_for_it(void **state)
{
    (void)state;
    struct {
        unsigned proven, early;
    } counts = {0};
    struct store_view *view;
    struct receipt r;
    open_all(2);
    assert_int_equal(store_view_open(ledger, &view), 0);
    assert_int_equal(
        store_view_scan(view, LEDGER_TRANSACTIONS, (struct slice){0}, count_receipt, &counts), 0);
    store_view_close(view);
    assert_true(counts.proven > 100);
    assert_true(counts.early > 10); /* Of the epochs after it. */
    assert_int_equal(make_receipt(&chain, &r), STORE_MISSING);
    close_all();
}

/* Of the first transaction that there is a receipt of. */
static int take_first(void *context, struct slice key, struct slice value)
{
    struct hash id;
    (void)value;
    memcpy(id.bytes, key.data, HASH_SIZE);
    return make_receipt(&id, context) == 0;
}

static void first_receipt(struct receipt *r)
{
    struct store_view *view;
    assert_int_equal(store_view_open(ledger, &view), 0);
    assert_int_equal(store_view_scan(view, LEDGER_TRANSACTIONS, (struct slice){0}, take_first, r),
                     1);
    store_view_close(view);
}

static bool holds(const char *text, size_t size)
{
    static struct receipt r;
    char reason[PROOF_REASON_MAX];
    return receipt_parse(slice_of(text, size), &r) && receipt_verify(&r, &cluster, reason);
}

static void each_bit_of_it_matters(void **state)
{
    (void)state;
    struct receipt r;
    open_all(N);
    first_receipt(&r);
    char *text = receipt_text(&r);
    expect_each_bit_matters(text, holds);
    free(text);
    close_all();
}

static void expect(const struct receipt *r, const char *words)
{
    char reason[PROOF_REASON_MAX];
    assert_false(receipt_verify(r, &cluster, reason));
    if (!strstr(reason, words))
        fail_msg("\"%s\" and not \"%s\"", reason, words);
}

static void f_signatures_prove_nothing(void **state)
{
    (void)state;
    struct receipt r;
    char reason[PROOF_REASON_MAX];
    open_all(2);
    first_receipt(&r);
    assert_true(receipt_verify(&r, &cluster, reason));
    nodeset_remove(&r.under.signers, 0);
    expect(&r, "1 nodes have signed the checkpoint: they may all be liars, it takes 2");
    nodeset_remove(&r.under.signers, 1);
    expect(&r, "0 nodes have signed");
    close_all();
    assert_int_equal(teardown(state) || setup(state), 0);
    open_all(1); /* A node does not even give it, but one under the checkpoint before. */
    first_receipt(&r);
    assert_int_equal(r.under.checkpoint.epoch, SIGNED - EVERY);
    close_all();
}

static void signatures_are_of_the_clusters_nodes(void **state)
{
    (void)state;
    struct receipt r;
    open_all(3);
    first_receipt(&r);
    r.under.signatures[2].bytes[5] ^=
        1; /* Two good ones would be enough, but this is not as it was. */
    expect(&r, "the signature of node 2 is not its own");
    r.under.signatures[2].bytes[5] ^= 1;
    r.under.signatures[3] = r.under.signatures[2]; /* One for two. */
    nodeset_add(&r.under.signers, 3);
    expect(&r, "node 3");
    nodeset_remove(&r.under.signers, 3);
    r.under.signatures[N] = r.under.signatures[2];
    nodeset_add(&r.under.signers, N);
    expect(&r, "node 4");
    nodeset_remove(&r.under.signers, N);
    cluster.nodes[1].identity = keys[N]; /* Another cluster of the same name. */
    expect(&r, "node 1");
    cluster.chain.bytes[0] ^= 1;
    expect(&r, "of another cluster");
    close_all();
}

static void it_is_of_a_final_outcome(void **state)
{
    (void)state;
    struct receipt r;
    open_all(2);
    first_receipt(&r);
    r.result.outcome = OUTCOME_BAD_SIGNATURE;
    expect(&r, "not final");
    close_all();
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        PROOF_TEST(each_transaction_has_one_once_a_checkpoint_stands_for_it),
        PROOF_TEST(each_bit_of_it_matters),
        PROOF_TEST(f_signatures_prove_nothing),
        PROOF_TEST(signatures_are_of_the_clusters_nodes),
        PROOF_TEST(it_is_of_a_final_outcome),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("receipt", tests, NULL, NULL);
}
