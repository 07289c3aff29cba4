/* The coin tosses of one agreement. The cryptography is replaced: this file defines the two
 * functions that the machine calls, so that the linker takes no other, and counts their calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ba/toss.h"

enum { N = 7, NEEDED = 3, ME = 0, BAD = 0xbb };

static unsigned verified;
static unsigned combined;

bool coin_share_verify(const struct coin_public *keys, const struct coin_name *name, uint16_t from,
                       const struct coin_share *share)
{
    (void)keys;
    (void)name;
    verified++;
    assert_int_equal(share->point[0], from);
    return share->response[0] != BAD;
}

bool coin_combine(const struct coin_public *keys, const struct coin_name *name,
                  const uint16_t from[], const struct coin_share shares[], unsigned count)
{
    (void)keys;
    (void)name;
    assert_int_equal(count, NEEDED);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(shares[i].point[0], from[i]);
        assert_int_not_equal(shares[i].response[0], BAD);
        for (unsigned j = 0; j < i; j++)
            assert_int_not_equal(from[i], from[j]);
    }
    combined++;
    return true;
}

static struct toss t;
static struct toss_effects out;
static struct coin_share memory[TOSS_ROUNDS * N];
static struct toss_job job;
static struct toss_outcome outcome;

static void begin(void)
{
    verified = combined = 0;
    toss_init(&t, quorum_of(N), ME, memory);
}

static struct coin_share share_of(node_id from, uint8_t response)
{
    return (struct coin_share){.point = {(uint8_t)from}, .response = {response}};
}

static void hear(node_id from, unsigned round, uint8_t response)
{
    struct coin_share share = share_of(from, response);
    toss_receive(&t, 2, from, round, &share, &out);
}

static void make(unsigned round)
{
    struct coin_share share = share_of(ME, 1);
    toss_made(&t, round, &share, &out);
}

static void work(unsigned round)
{
    toss_job_fill(&t, round, &job);
    toss_job_run(&job, NULL, NULL, &outcome);
    toss_counted(&t, round, &outcome, &out);
}

static void the_value_comes_once_the_own_share_is_out_and_f1_are_here(void **state)
{
    (void)state;
    begin();
    for (node_id from = 1; from < N; from++) {
        hear(from, 2, 1);
        assert_false(out.count); /* The own share is not released. */
    }
    toss_release(&t, 2, &out);
    assert_true(out.make && out.count);
    assert_null(toss_own(&t, 2));
    make(2);
    assert_false(out.count); /* One job at a time. */
    assert_non_null(toss_own(&t, 2));
    toss_job_fill(&t, 2, &job);
    assert_int_equal(job.needed, NEEDED);
    assert_int_equal(job.from[0], ME); /* Ours needs no check, and is taken first. */
    work(2);
    assert_true(out.known && out.value && !out.count);
    assert_int_equal(verified, NEEDED - 1); /* Not the others. */
    assert_int_equal(combined, 1);
    toss_release(&t, 2, &out);
    assert_false(out.make || out.count);
}

static void the_job_starts_with_the_share_that_was_missing(void **state)
{
    (void)state;
    begin();
    toss_release(&t, 2, &out);
    assert_true(out.make && !out.count);
    make(2);
    hear(1, 2, 1);
    assert_false(out.count);
    hear(1, 2, 1); /* The same again. */
    assert_false(out.count);
    assert_int_equal(out.fault, FAULT_NONE);
    hear(2, 2, 1);
    assert_true(out.count);
    hear(3, 2, 1);
    assert_false(out.count);
    work(2);
    assert_true(out.known);
    hear(4, 2, BAD); /* Nobody looks at it. */
    assert_false(out.count);
    assert_int_equal(verified, 2);
}

static void a_bad_share_is_named_and_another_job_runs_when_enough_are_here(void **state)
{
    (void)state;
    begin();
    toss_release(&t, 2, &out);
    make(2);
    hear(1, 2, BAD);
    hear(2, 2, 1);
    assert_true(out.count);
    work(2);
    assert_false(out.known || out.count);
    assert_true(nodeset_has(&outcome.bad, 1));
    assert_int_equal(nodeset_count(&outcome.bad), 1);
    hear(1, 2, BAD); /* No second chance. */
    assert_false(out.count);
    assert_int_equal(out.fault, FAULT_NONE);
    hear(1, 2, 1);
    assert_false(out.count);
    assert_int_equal(out.fault, FAULT_EQUIVOCATION);
    verified = 0;
    hear(3, 2, 1);
    assert_true(out.count);
    work(2);
    assert_true(out.known);
    assert_int_equal(verified, 1); /* That of node 2 is known to be good. */
}

static void shares_that_come_while_a_job_runs_start_the_next(void **state)
{
    (void)state;
    begin();
    toss_release(&t, 2, &out);
    make(2);
    hear(1, 2, BAD);
    hear(2, 2, BAD);
    assert_true(out.count);
    toss_job_fill(&t, 2, &job);
    hear(3, 2, 1);
    hear(4, 2, 1);
    assert_false(out.count);
    toss_job_run(&job, NULL, NULL, &outcome);
    toss_counted(&t, 2, &outcome, &out);
    assert_true(out.count && !out.known);
    work(2);
    assert_true(out.known);
}

static void a_second_different_share_is_a_fault_and_the_first_counts(void **state)
{
    (void)state;
    begin();
    hear(1, 2, 1);
    hear(1, 2, BAD);
    assert_int_equal(out.fault, FAULT_EQUIVOCATION);
    toss_release(&t, 2, &out);
    make(2);
    hear(2, 2, 1);
    work(2);
    assert_true(out.known);
    hear(1, 2, BAD); /* Still one when the value is known. */
    assert_int_equal(out.fault, FAULT_EQUIVOCATION);
}

static void shares_of_other_rounds_are_dropped_or_faults(void **state)
{
    (void)state;
    begin();
    hear(1, 3, 1);
    assert_int_equal(out.fault, FAULT_NOT_ALLOWED);
    hear(1, BA_ROUNDS_MAX, 1); /* 200 = 2 mod 3. */
    assert_int_equal(out.fault, FAULT_NOT_ALLOWED);
    hear(1, 8, 1);
    assert_int_equal(out.fault, FAULT_NONE);
    struct coin_share share = share_of(1, 1);
    toss_receive(&t, 3, 1, 2, &share, &out);
    assert_int_equal(out.fault, FAULT_NONE);
    assert_false(t.rounds[0].used || t.rounds[1].used);
}

static void rounds_advance(void **state)
{
    (void)state;
    begin();
    hear(1, 2, 1);
    hear(1, 5, 2); /* Both are within three rounds of round 2. */
    hear(2, 5, 1);
    assert_true(t.rounds[0].used && t.rounds[1].used);
    toss_release(&t, 2, &out);
    make(2);
    hear(2, 2, 1);
    assert_true(out.count);
    toss_job_fill(&t, 2, &job);
    toss_advance(&t, 3);
    toss_job_run(&job, NULL, NULL, &outcome);
    toss_counted(&t, 2, &outcome, &out); /* The agreement has left: no one asks. */
    assert_false(out.known || out.count);
    make(2);
    assert_null(toss_own(&t, 2));
    toss_release(&t, 5, &out);
    make(5);
    assert_true(out.count);
    work(5);
    assert_true(out.known);
    assert_null(toss_own(&t, 8));
    struct coin_share share = share_of(1, 1);
    toss_receive(&t, 6, 1, 8, &share, &out); /* In the place of round 2, anew. */
    assert_int_equal(out.fault, FAULT_NONE);
    toss_release(&t, 2, &out); /* Long gone. */
    assert_false(out.make);
    toss_receive(&t, 8, 1, 11, &share, &out); /* In that of round 5, which nobody has left. */
    assert_int_equal(nodeset_count(&t.rounds[1].have), 1);
    assert_false(t.rounds[1].released || t.rounds[1].known);
    toss_advance(&t, 12);
    assert_false(t.rounds[0].used || t.rounds[1].used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_value_comes_once_the_own_share_is_out_and_f1_are_here),
        cmocka_unit_test(the_job_starts_with_the_share_that_was_missing),
        cmocka_unit_test(a_bad_share_is_named_and_another_job_runs_when_enough_are_here),
        cmocka_unit_test(shares_that_come_while_a_job_runs_start_the_next),
        cmocka_unit_test(a_second_different_share_is_a_fault_and_the_first_counts),
        cmocka_unit_test(shares_of_other_rounds_are_dropped_or_faults),
        cmocka_unit_test(rounds_advance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
