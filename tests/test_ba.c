/* The rules of the binary agreement one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ba/ba.h"

enum { ME = 0 };

static struct ba b;
static struct ba_effects out;

static void begin(unsigned n) { ba_init(&b, quorum_of(n), ME); }

static void hear(node_id from, enum ba_type type, unsigned round, unsigned values)
{
    ba_receive(&b, from, &(struct ba_message){(uint8_t)type, (uint8_t)round, (uint8_t)values},
               &out);
}

/* The message from nodes first to last. */
static void hear_all(node_id first, node_id last, enum ba_type type, unsigned round,
                     unsigned values)
{
    for (node_id from = first; from <= last; from++)
        hear(from, type, round, values);
}

static void expect(unsigned i, enum ba_type type, unsigned round, unsigned values)
{
    assert_in_range(i, 0, out.count - 1);
    assert_int_equal(out.messages[i].type, type);
    assert_int_equal(out.messages[i].round, round);
    assert_int_equal(out.messages[i].values, values);
}

static void expect_one(enum ba_type type, unsigned round, unsigned values)
{
    assert_int_equal(out.count, 1);
    expect(0, type, round, values);
}

static void expect_none(void) { assert_int_equal(out.count, 0); }

/* Everyone says both, with AUX(0) and AUX(1), so that the round ends with both values. */
static void hear_mixed_round(unsigned round)
{
    hear_all(1, 3, BA_BVAL, round, BA_ONE);
    hear_all(1, 3, BA_BVAL, round, BA_ZERO);
    hear_all(1, 1, BA_AUX, round, BA_ONE);
    hear_all(2, 3, BA_AUX, round, BA_ZERO);
    if (ba_round_tossed(round))
        hear_all(1, 3, BA_CONF, round, BA_BOTH);
}

static void begin_in_round(unsigned round)
{
    begin(4);
    ba_propose(&b, true, &out);
    for (unsigned r = 0; r < round; r++) {
        hear_mixed_round(r);
        if (ba_round_tossed(r))
            ba_coin(&b, r, true, &out);
    }
    assert_int_equal(b.round, round);
    assert_false(b.decided);
}

static void only_what_the_protocol_says_is_valid(void **state)
{
    (void)state;
    static const struct {
        struct ba_message m;
        bool valid;
    } cases[] = {
        {{BA_BVAL, 0, BA_ZERO}, true},     {{BA_BVAL, 199, BA_ONE}, true},
        {{BA_BVAL, 200, BA_ONE}, false},   {{BA_BVAL, 0, BA_NEITHER}, false},
        {{BA_BVAL, 0, BA_BOTH}, false},    {{BA_BVAL, 0, 4}, false},
        {{BA_AUX, 7, BA_ONE}, true},       {{BA_AUX, 7, BA_BOTH}, false},
        {{BA_CONF, 2, BA_BOTH}, true},     {{BA_CONF, 5, BA_ZERO}, true},
        {{BA_CONF, 2, BA_NEITHER}, false}, {{BA_CONF, 2, 4}, false},
        {{BA_CONF, 0, BA_ONE}, false},     {{BA_CONF, 4, BA_ONE}, false},
        {{BA_TERM, 0, BA_ONE}, true},      {{BA_TERM, 1, BA_ONE}, false},
        {{BA_TERM, 0, BA_BOTH}, false},    {{BA_SHARE, 2, BA_ONE}, false},
        {{0, 0, BA_ONE}, false},           {{6, 0, BA_ONE}, false},
    };
    begin(4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ba_message_valid(&cases[i].m), cases[i].valid);
        ba_receive(&b, 1, &cases[i].m, &out);
        if (!cases[i].valid)
            assert_int_equal(out.fault, FAULT_NOT_ALLOWED);
    }
}

static void the_own_bit_is_put_in_once_and_in_round_0(void **state)
{
    (void)state;
    begin(4);
    ba_propose(&b, false, &out);
    expect_one(BA_BVAL, 0, BA_ZERO);
    ba_propose(&b, true, &out);
    expect_none();
    begin(4);
    hear_mixed_round(0);
    assert_int_equal(b.round, 1);
    ba_propose(&b, true, &out);
    expect_none();
    begin(4);
    hear_all(1, 2, BA_BVAL, 0, BA_ONE);
    ba_propose(&b, true, &out); /* Relayed already. */
    expect_none();
    assert_true(b.started);
}

static void bval_is_relayed_at_f1_and_a_candidate_at_2f1(void **state)
{
    (void)state;
    begin(7); /* f = 2 */
    hear_all(1, 2, BA_BVAL, 0, BA_ZERO);
    hear_all(1, 2, BA_BVAL, 0, BA_ZERO);
    hear_all(1, 2, BA_BVAL, 0, BA_ONE); /* Both from one sender. */
    assert_int_equal(out.fault, FAULT_NONE);
    expect_none();
    hear(3, BA_BVAL, 0, BA_ZERO);
    expect_one(BA_BVAL, 0, BA_ZERO); /* Ours is the fourth. */
    hear(4, BA_BVAL, 0, BA_ZERO);
    expect_one(BA_AUX, 0, BA_ZERO);
    hear(3, BA_BVAL, 0, BA_ONE);
    expect_one(BA_BVAL, 0, BA_ONE);
    hear(4, BA_BVAL, 0, BA_ONE); /* A second candidate, no second AUX. */
    expect_none();
}

static void unanimous_ones_decide_in_two_message_delays(void **state)
{
    (void)state;
    begin(4);
    ba_propose(&b, true, &out);
    hear_all(1, 2, BA_BVAL, 0, BA_ONE);
    expect_one(BA_AUX, 0, BA_ONE);
    hear(1, BA_AUX, 0, BA_ONE);
    expect_none();
    hear(2, BA_AUX, 0, BA_ONE);
    assert_true(out.decided && b.decision);
    assert_int_equal(out.count, 2);
    expect(0, BA_TERM, 0, BA_ONE);
    expect(1, BA_BVAL, 1, BA_ONE); /* And goes on. */
    /* Decides once only: round 1 has the other coin, round 2 is tossed, round 3 is 1 again. */
    for (unsigned r = 1; r < 4; r++) {
        hear_all(1, 3, BA_BVAL, r, BA_ONE);
        hear_all(1, 3, BA_AUX, r, BA_ONE);
        if (ba_round_tossed(r)) {
            hear_all(1, 2, BA_CONF, r, BA_ONE);
            expect_one(BA_SHARE, r, BA_ONE); /* Decided nodes release their share too. */
            ba_coin(&b, r, true, &out);
        }
        assert_false(out.decided);
    }
    assert_int_equal(b.round, 4);
}

static void aux_counts_only_for_candidates_and_again_when_one_is_added(void **state)
{
    (void)state;
    begin(4);
    ba_propose(&b, true, &out);
    hear_all(1, 3, BA_AUX, 0, BA_ZERO); /* Before any BVAL(0). */
    hear_all(1, 2, BA_BVAL, 0, BA_ONE);
    expect_one(BA_AUX, 0, BA_ONE);
    hear(1, BA_BVAL, 0, BA_ZERO);
    expect_none();
    hear(2, BA_BVAL, 0, BA_ZERO);
    assert_int_equal(b.round, 1); /* Relay, candidate, AUX done with both: the coin is 1. */
    assert_false(b.decided);
    assert_int_equal(out.count, 2);
    expect(0, BA_BVAL, 0, BA_ZERO);
    expect(1, BA_BVAL, 1, BA_ONE);
}

/* 2f+1 is no N-f where N is not 3f+1. */
static void rounds_of_eight_end_with_six(void **state)
{
    (void)state;
    begin(8);
    ba_propose(&b, true, &out);
    hear_all(1, 4, BA_BVAL, 0, BA_ONE);
    hear_all(1, 4, BA_AUX, 0, BA_ONE);
    assert_false(b.decided);
    hear(5, BA_AUX, 0, BA_ONE);
    assert_true(b.decided);
    for (unsigned r = 1; r <= 2; r++) {
        hear_all(1, 4, BA_BVAL, r, BA_ONE);
        hear_all(1, 5, BA_AUX, r, BA_ONE);
    }
    assert_int_equal(b.round, 2);
    hear_all(1, 4, BA_CONF, 2, BA_ONE);
    expect_none();
    hear(5, BA_CONF, 2, BA_ONE);
    expect_one(BA_SHARE, 2, BA_ONE);
}

static void a_second_different_message_is_a_fault_and_does_not_count(void **state)
{
    (void)state;
    static const struct {
        enum ba_type type;
        unsigned round, first, second;
    } cases[] = {
        {BA_AUX, 0, BA_ONE, BA_ZERO},  {BA_AUX, 3, BA_ZERO, BA_ONE},
        {BA_CONF, 2, BA_ONE, BA_BOTH}, {BA_CONF, 2, BA_BOTH, BA_ZERO},
        {BA_TERM, 0, BA_ZERO, BA_ONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(4);
        hear(1, cases[i].type, cases[i].round, cases[i].first);
        hear(1, cases[i].type, cases[i].round, cases[i].first);
        assert_int_equal(out.fault, FAULT_NONE);
        struct ba before = b;
        hear(1, cases[i].type, cases[i].round, cases[i].second);
        assert_int_equal(out.fault, FAULT_EQUIVOCATION);
        assert_memory_equal(&before, &b, sizeof b);
    }
}

static void rounds_out_of_the_window_are_dropped(void **state)
{
    (void)state;
    begin_in_round(3);
    struct ba before = b;
    hear(1, BA_BVAL, 7, BA_ONE);
    hear(1, BA_AUX, 7, BA_ONE);
    hear(1, BA_CONF, 8, BA_ONE);
    hear(1, BA_AUX, 2, BA_ONE);
    hear(1, BA_CONF, 2, BA_ONE);
    ba_coin(&b, 2, true, &out);
    ba_coin(&b, 8, true, &out);
    assert_int_equal(out.fault, FAULT_NONE);
    assert_memory_equal(&before, &b, sizeof b);
    hear(1, BA_BVAL, 6, BA_ONE);
    hear(1, BA_AUX, 6, BA_ONE);
    assert_true(nodeset_has(&b.bval[6][1], 1));
    assert_true(nodeset_has(&b.rounds[6 % BA_ROUND_WINDOW].aux[1], 1));
}

static void a_slot_is_empty_when_its_next_round_comes_into_the_window(void **state)
{
    (void)state;
    begin_in_round(1); /* Round 0, where node 1 said AUX(1), was at the place of round 4. */
    hear(1, BA_AUX, 4, BA_ZERO);
    assert_int_equal(out.fault, FAULT_NONE);
    assert_int_equal(nodeset_count(&b.rounds[0].aux[1]), 0);
    assert_int_equal(nodeset_count(&b.rounds[0].aux[0]), 1);
}

static void bval_is_relayed_in_rounds_left_and_on_entering_but_not_ahead(void **state)
{
    (void)state;
    begin(4);
    ba_propose(&b, true, &out);
    hear_all(1, 2, BA_BVAL, 1, BA_ZERO); /* f+1, a round ahead. */
    expect_none();
    hear_all(1, 2, BA_BVAL, 0, BA_ONE);
    hear_all(1, 2, BA_AUX, 0, BA_ONE);
    assert_int_equal(b.round, 1);
    assert_int_equal(out.count, 4);
    expect(0, BA_TERM, 0, BA_ONE);
    expect(1, BA_BVAL, 1, BA_ONE);
    expect(2, BA_BVAL, 1, BA_ZERO);
    expect(3, BA_AUX, 1, BA_ZERO);
    hear_all(1, 2, BA_BVAL, 0, BA_ZERO);
    expect_one(BA_BVAL, 0, BA_ZERO);
}

static void the_share_is_released_at_conf_done_and_the_coin_used_after(void **state)
{
    (void)state;
    begin_in_round(2); /* With 0, the coin of round 1. */
    hear_all(1, 2, BA_BVAL, 2, BA_ONE);
    assert_int_equal(out.count, 2);
    expect(0, BA_BVAL, 2, BA_ONE);
    expect(1, BA_AUX, 2, BA_ONE);
    ba_coin(&b, 2, true, &out); /* Early: kept. */
    expect_none();
    hear_all(1, 2, BA_AUX, 2, BA_ONE);
    expect_one(BA_CONF, 2, BA_ONE);
    hear(1, BA_CONF, 2, BA_BOTH); /* 0 is no candidate yet. */
    hear(2, BA_CONF, 2, BA_ONE);
    expect_none();
    hear_all(1, 2, BA_BVAL, 2, BA_ZERO);
    assert_int_equal(out.count, 2);
    expect(0, BA_SHARE, 2, BA_BOTH);
    expect(1, BA_BVAL, 3, BA_ONE);
    assert_false(b.decided);
}

static void one_value_equal_to_the_toss_is_decided(void **state)
{
    (void)state;
    for (unsigned coin = 0; coin < 2; coin++) {
        begin_in_round(2);
        hear_all(1, 2, BA_BVAL, 2, BA_ONE);
        hear_all(1, 2, BA_AUX, 2, BA_ONE);
        hear_all(1, 2, BA_CONF, 2, BA_ONE);
        expect_one(BA_SHARE, 2, BA_ONE);
        ba_coin(&b, 2, coin, &out);
        assert_int_equal(b.decided, coin);
        assert_int_equal(b.round, 3);
        assert_true(b.sent[3] == BA_ONE); /* BVAL(1) and no more. */
    }
}

static void term_decides_at_f1_closes_at_2f1_and_is_no_vote(void **state)
{
    (void)state;
    begin(7);
    ba_propose(&b, true, &out);
    hear_all(1, 2, BA_TERM, 0, BA_ZERO);
    expect_none();
    assert_false(b.decided);
    hear(3, BA_TERM, 0, BA_ZERO);
    expect_one(BA_TERM, 0, BA_ZERO);
    assert_true(out.decided && !b.decision && !out.closed);
    hear(1, BA_BVAL, 0, BA_ZERO);
    hear(2, BA_BVAL, 0, BA_ZERO);
    expect_none();
    hear(3, BA_BVAL, 0, BA_ZERO);
    expect_one(BA_BVAL, 0, BA_ZERO); /* Not closed: it goes on. */
    hear(4, BA_TERM, 0, BA_ZERO);
    assert_true(out.closed && !out.decided);
    struct ba before = b;
    hear_all(4, 6, BA_BVAL, 0, BA_ZERO);
    expect_none();
    assert_memory_equal(&before, &b, sizeof b);
    unsigned cursor = 0;
    struct ba_message m[4];
    assert_int_equal(ba_resend(&b, &cursor, m, 4), 1);
    assert_int_equal(m[0].type, BA_TERM);
    assert_int_equal(ba_resend(&b, &cursor, m, 4), 0);
}

static void one_message_can_end_all_rounds_of_the_window(void **state)
{
    (void)state;
    begin_in_round(2);
    ba_coin(&b, 2, true, &out);
    ba_coin(&b, 5, false, &out);
    for (unsigned r = 3; r < 6; r++)
        hear_mixed_round(r);
    hear_mixed_round(6); /* Dropped. */
    hear_all(1, 3, BA_BVAL, 2, BA_ZERO);
    hear_all(1, 3, BA_BVAL, 2, BA_ONE);
    hear_all(1, 3, BA_CONF, 2, BA_BOTH);
    hear(1, BA_AUX, 2, BA_ZERO);
    expect_none();
    hear(2, BA_AUX, 2, BA_ZERO);
    assert_int_equal(b.round, 6);
    assert_false(b.decided);
    /* CONF, SHARE; twice BVAL, BVAL, AUX; BVAL, BVAL, AUX, CONF, SHARE; BVAL. */
    assert_int_equal(out.count, 2 + 3 + 3 + 5 + 1);
    expect(13, BA_BVAL, 6, BA_ZERO);
}

static void after_200_rounds_the_machine_stands_but_can_be_told(void **state)
{
    (void)state;
    begin_in_round(BA_ROUNDS_MAX - 1);
    assert_false(b.exhausted);
    hear_mixed_round(BA_ROUNDS_MAX - 1);
    assert_true(b.exhausted);
    assert_int_equal(b.round, BA_ROUNDS_MAX - 1);
    hear_mixed_round(BA_ROUNDS_MAX - 1);
    hear_all(1, 3, BA_BVAL, 0, BA_ZERO);
    expect_none();
    hear_all(1, 2, BA_TERM, 0, BA_ONE);
    assert_true(out.decided && out.closed);
    unsigned cursor = 0;
    struct ba_message m;
    assert_int_equal(ba_resend(&b, &cursor, &m, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_the_protocol_says_is_valid),
        cmocka_unit_test(the_own_bit_is_put_in_once_and_in_round_0),
        cmocka_unit_test(bval_is_relayed_at_f1_and_a_candidate_at_2f1),
        cmocka_unit_test(unanimous_ones_decide_in_two_message_delays),
        cmocka_unit_test(aux_counts_only_for_candidates_and_again_when_one_is_added),
        cmocka_unit_test(rounds_of_eight_end_with_six),
        cmocka_unit_test(a_second_different_message_is_a_fault_and_does_not_count),
        cmocka_unit_test(rounds_out_of_the_window_are_dropped),
        cmocka_unit_test(a_slot_is_empty_when_its_next_round_comes_into_the_window),
        cmocka_unit_test(bval_is_relayed_in_rounds_left_and_on_entering_but_not_ahead),
        cmocka_unit_test(the_share_is_released_at_conf_done_and_the_coin_used_after),
        cmocka_unit_test(one_value_equal_to_the_toss_is_decided),
        cmocka_unit_test(term_decides_at_f1_closes_at_2f1_and_is_no_vote),
        cmocka_unit_test(one_message_can_end_all_rounds_of_the_window),
        cmocka_unit_test(after_200_rounds_the_machine_stands_but_can_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
