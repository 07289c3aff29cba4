/* What accounts hold, proven at a checkpoint: when it can be, by whom it is believed, and each bit. */
#include "node/holding.h"
#include "tests/proof_fixture.h"

static struct wanted *wanted;

static int make(const struct identity_public *key, struct holding *h)
{
    struct proof_source s = open_source();
    const int error = holding_make(&s, wanted, key, h);
    close_source(&s);
    return error;
}

static void begin(epoch_id last, unsigned signers)
{
    open_until(last, signers);
    wanted = wanted_new();
    assert_non_null(wanted);
}

static void end(void)
{
    wanted_free(wanted);
    close_all();
}

static void expect_proven(const struct holding *h, epoch_id epoch)
{
    static struct holding again;
    char reason[PROOF_REASON_MAX];
    if (!holding_verify(h, &cluster, reason))
        fail_msg("%s", reason);
    assert_int_equal(h->under.checkpoint.epoch, epoch);
    char *text = holding_text(h);
    assert_true(holding_parse(slice_of(text, strlen(text)), &again));
    assert_true(holding_verify(&again, &cluster, reason));
    assert_int_equal(again.proof.account.balance, h->proof.account.balance);
    free(text);
}

static void at_a_checkpoint_all_can_be_proven(void **state)
{
    (void)state;
    static struct holding h;
    uint64_t supply = 0;
    begin(SIGNED, 2);
    for (unsigned i = 0; i < KEYS; i++) {
        if (make(&keys[i], &h) == STORE_MISSING)
            continue;
        expect_proven(&h, SIGNED);
        supply += h.proof.account.balance;
    }
    assert_int_equal(supply, KEYS / 2 * 1000); /* That of the genesis: none is left out. */
    end();
}

/* Between checkpoints the state is nobody's: it is proven when there is one again. */
static void later_it_waits_for_the_next(void **state)
{
    (void)state;
    static struct holding h;
    struct store_view *view;
    struct account account;
    const struct identity_public nobody = {{7}};
    begin(SIGNED - EVERY + 1, N);
    assert_int_equal(make(&keys[0], &h), PROOF_NOT_YET);
    assert_int_equal(make(&nobody, &h), STORE_MISSING);
    run_on(SIGNED - EVERY + 2, SIGNED, N);
    assert_int_equal(store_view_open(ledger, &view), 0);
    assert_int_equal(wanted_make(wanted, view, SIGNED), 0); /* As the executor's thread does. */
    assert_int_equal(accounts_read(view, &keys[0], &account), 0);
    store_view_close(view);
    run_on(SIGNED + 1, EPOCHS, N);
    assert_int_equal(make(&keys[0], &h), 0);
    expect_proven(&h, SIGNED);
    assert_int_equal(h.proof.account.balance, account.balance);
    assert_int_equal(make(&keys[1], &h), PROOF_NOT_YET); /* Nobody had asked for it. */
    end();
}

/* Epochs that changed nothing do not count. */
static void it_is_proven_while_nothing_changes(void **state)
{
    (void)state;
    static struct holding h;
    struct executor_state after;
    begin(SIGNED, 2);
    struct executor *x = open_on(ledger, NULL);
    assert_int_equal(executor_end_epoch(x, SIGNED + 1, &after), 0);
    executor_close(x);
    assert_int_equal(make(&keys[0], &h), 0);
    expect_proven(&h, SIGNED);
    end();
}

static void what_f_have_signed_is_not_given(void **state)
{
    (void)state;
    static struct holding h;
    begin(SIGNED, 1);
    assert_int_equal(make(&keys[0], &h), PROOF_NOT_YET);
    end();
}

static bool holds(const char *text, size_t size)
{
    static struct holding h;
    char reason[PROOF_REASON_MAX];
    return holding_parse(slice_of(text, size), &h) && holding_verify(&h, &cluster, reason);
}

static void each_bit_of_it_matters(void **state)
{
    (void)state;
    static struct holding h;
    begin(SIGNED, 3);
    assert_int_equal(make(&keys[0], &h), 0);
    char *text = holding_text(&h);
    expect_each_bit_matters(text, holds);
    free(text);
    end();
}

static void it_is_of_this_cluster_and_signed_by_more_than_f(void **state)
{
    (void)state;
    static struct holding h;
    char reason[PROOF_REASON_MAX];
    begin(SIGNED, 2);
    assert_int_equal(make(&keys[0], &h), 0);
    h.proof.account.balance++;
    assert_false(holding_verify(&h, &cluster, reason));
    assert_non_null(strstr(reason, "not in the state"));
    h.proof.account.balance--;
    nodeset_remove(&h.under.signers, 0);
    assert_false(holding_verify(&h, &cluster, reason));
    assert_non_null(strstr(reason, "1 nodes have signed the checkpoint"));
    cluster.chain.bytes[0] ^= 1;
    assert_false(holding_verify(&h, &cluster, reason));
    assert_non_null(strstr(reason, "of another cluster"));
    end();
}

/* Numbers above 2^63 - 1 are text, and come back. */
static void large_numbers_come_back(void **state)
{
    (void)state;
    static struct holding h, again;
    begin(SIGNED, 2);
    assert_int_equal(make(&keys[0], &h), 0);
    h.proof.account.sequence.used = UINT64_MAX - 1;
    h.proof.account.balance = 1ull << 63;
    char *text = holding_text(&h);
    assert_true(holding_parse(slice_of(text, strlen(text)), &again));
    assert_true(again.proof.account.sequence.used == UINT64_MAX - 1);
    assert_true(again.proof.account.balance == 1ull << 63);
    free(text);
    end();
}

static void those_wanted_are_bounded(void **state)
{
    (void)state;
    static struct wanted_proof p;
    struct store_view *view;
    begin(SIGNED, N);
    for (unsigned i = 0; i < 3 * WANTED_MAX; i++) { /* Nobody's keys: none has a proof. */
        struct identity_public key = {{(uint8_t)i, (uint8_t)(i >> 8), 1}};
        wanted_ask(wanted, &key);
    }
    wanted_ask(wanted, &keys[0]); /* One too many. */
    assert_int_equal(store_view_open(ledger, &view), 0);
    assert_int_equal(wanted_make(wanted, view, SIGNED), 0);
    assert_false(wanted_find(wanted, &keys[0], &p));
    for (unsigned i = 0; i < 2 * WANTED_MAX; i++) { /* The newest is found. */
        wanted_ask(wanted, &keys[i % 2]);
        assert_int_equal(wanted_make(wanted, view, i + 1), 0);
        assert_true(wanted_find(wanted, &keys[i % 2], &p));
        assert_int_equal(p.epoch, i + 1);
    }
    store_view_close(view);
    end();
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        PROOF_TEST(at_a_checkpoint_all_can_be_proven),
        PROOF_TEST(later_it_waits_for_the_next),
        PROOF_TEST(it_is_proven_while_nothing_changes),
        PROOF_TEST(what_f_have_signed_is_not_given),
        PROOF_TEST(each_bit_of_it_matters),
        PROOF_TEST(it_is_of_this_cluster_and_signed_by_more_than_f),
        PROOF_TEST(large_numbers_come_back),
        PROOF_TEST(those_wanted_are_bounded),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("holding", tests, NULL, NULL);
}
