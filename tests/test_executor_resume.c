#include "tests/executor_fixture.h"

static void closing_anywhere_resumes_at_the_last_epoch(void **state)
{
    (void)state;
    struct store *s = store_at('a');
    struct executor *x = open_on(s, NULL);
    for (epoch_id epoch = 1; epoch <= EPOCHS; epoch++) {
        for (unsigned stop = first_of[epoch]; stop <= first_of[epoch + 1]; stop++) {
            for (unsigned i = first_of[epoch]; i < stop; i++)
                assert_int_equal(deliver(x, i), 0);
            executor_close(x);
            store_close(s);
            s = store_at('a');
            x = open_on(s, NULL);
            struct executor_state now = committed(s);
            assert_memory_equal(&now, &reference[epoch - 1], sizeof now);
        }
        struct executor_state now;
        assert_int_equal(run_epoch(x, epoch, &now), 0);
        assert_memory_equal(&now, &reference[epoch], sizeof now);
    }
    executor_close(x);
    store_close(s);
}

/* In a process of its own, which ends without a word in the middle of an epoch. */
static void die_at(unsigned stop)
{
    struct store *s = store_at('b');
    struct executor *x = open_on(s, NULL);
    struct executor_state now = committed(s);
    for (epoch_id epoch = now.epoch + 1; epoch <= EPOCHS; epoch++) {
        for (unsigned i = first_of[epoch]; i < first_of[epoch + 1]; i++) {
            if (i == stop)
                _exit(0);
            if (deliver(x, i))
                _exit(1);
        }
        if (executor_end_epoch(x, epoch, &now))
            _exit(1);
    }
    _exit(0);
}

static void a_crash_between_blocks_resumes_at_the_last_epoch(void **state)
{
    (void)state;
    if (store_memory_forget)
        skip(); /* A process's own memory. */
    for (unsigned stop = 1; stop < history_count + 3; stop += 3) {
        assert_int_equal(child(die_at, stop), 0);
        struct store *s = store_at('b');
        struct executor_state now = committed(s);
        epoch_id expected = EPOCHS;
        if (stop < history_count)
            expected = history[stop].delivery.with_epoch - 1;
        assert_memory_equal(&now, &reference[expected], sizeof now);
        store_close(s);
    }
}

/* Lets every call of the store fail, one after the other, and goes on after each. */
static void any_failure_of_the_store_leaves_the_last_epoch(void **state)
{
    (void)state;
    if (!store_memory_fail)
        skip(); /* The disk does not fail on demand. */
    struct executor_state now;
    for (epoch_id epoch = 1; epoch <= 4; epoch++) {
        int error = STORE_IO;
        for (unsigned countdown = 1; error; countdown++) {
            struct store *s = store_at('a');
            struct executor *x = open_on(s, NULL);
            store_memory_fail(s, countdown, STORE_IO);
            error = run_epoch(x, epoch, &now);
            store_memory_fail(s, 0, 0);
            executor_close(x);
            store_close(s);
            s = store_at('a');
            struct executor_state held = committed(s);
            assert_memory_equal(&held, &reference[error ? epoch - 1 : epoch], sizeof held);
            store_close(s);
            assert_in_range(countdown, 1, 100000);
        }
    }
}

static void verify_backwards(void *context, struct signature_check checks[], unsigned count)
{
    struct heard *h = context;
    for (unsigned i = count; i-- > 0;) {
        struct hash key = checks[i].transaction->id;
        key.bytes[0] ^= checks[i].transaction->signature.bytes[8];
        for (unsigned j = 0; j < h->verified; j++)
            assert_false(hash_equal(&h->ids[j], &key));
        h->ids[h->verified++] = key;
        checks[i].valid = transaction_verify(checks[i].transaction);
    }
}

/* Remembers half of what is good. */
static bool known_half(void *context, const struct hash *id, struct slice bytes)
{
    struct transaction t;
    (void)context;
    return id->bytes[1] & 1 && transaction_decode(bytes, &t) && transaction_verify(&t);
}

static void ports_change_nothing_but_the_work(void **state)
{
    (void)state;
    static struct hash ids[10000];
    unsigned verified[2];
    for (unsigned known = 0; known < 2; known++) {
        struct heard heard = {.ids = ids};
        heard.ports = (struct ledger_ports){&heard, verify_backwards, known ? known_half : NULL};
        struct store *s = store_at((char)('c' + known));
        struct executor *x = open_on(s, &heard);
        for (epoch_id epoch = 1; epoch <= EPOCHS; epoch++) {
            struct executor_state now;
            assert_int_equal(run_epoch(x, epoch, &now), 0);
            assert_memory_equal(&now, &reference[epoch], sizeof now);
        }
        for (unsigned i = 0; i < OUTCOME_COUNT; i++)
            assert_int_equal(heard.outcomes[i], reference[EPOCHS].outcomes[i]);
        verified[known] = heard.verified;
        executor_close(x);
        store_close(s);
    }
    const uint64_t *o = reference[EPOCHS].outcomes;
    /* Each that has a final outcome was verified, each once; and whatever else could matter. */
    assert_in_range(verified[0], o[OUTCOME_EXECUTED] + o[OUTCOME_FAILED_FUNDS],
                    history_count * 60u);
    assert_in_range(verified[1], verified[0] / 3, verified[0] * 2 / 3 + verified[0] / 10);
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        HISTORY_TEST(closing_anywhere_resumes_at_the_last_epoch),
        HISTORY_TEST(a_crash_between_blocks_resumes_at_the_last_epoch),
        HISTORY_TEST(any_failure_of_the_store_leaves_the_last_epoch),
        HISTORY_TEST(ports_change_nothing_but_the_work),
    };
    if (!fixture_init(argv))
        return 1;
    return cmocka_run_group_tests_name("executor_resume", tests, NULL, NULL);
}
