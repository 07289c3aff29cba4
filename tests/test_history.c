/* The ring of bitmaps against an array with a bool for each epoch there ever was. */
#include "node/history.h"
#include "node/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

enum { NODES = 3, SPAN_MAX = 576, EPOCHS = 6000, STEPS = 30000 };

struct naive {
    bool bits[NODES][EPOCHS];
    bool past;
    epoch_id base, top;
};

static struct history rings[2];
static uint64_t words[2][NODES * SPAN_MAX / 64];
static struct naive naives[2];
static uint64_t seed;

static uint64_t below(uint64_t limit) /* splitmix64 */
{
    uint64_t x = seed += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return (x ^ x >> 31) % limit;
}

static bool naive_has(const struct naive *a, epoch_id e, unsigned p)
{
    return e < a->base ? a->past : e <= a->top && a->bits[p][e];
}

static epoch_id naive_next(const struct naive *a, bool value, unsigned p, epoch_id from,
                           epoch_id to)
{
    for (epoch_id e = from ? from : 1; e <= to; e++)
        if (naive_has(a, e, p) == value)
            return e;
    return 0;
}

static epoch_id naive_last(const struct naive *a, bool value, unsigned p, epoch_id from,
                           epoch_id to)
{
    for (epoch_id e = to < a->top ? to : a->top; e >= from && e >= a->base && e > 0; e--)
        if (a->bits[p][e] == value)
            return e;
    return 0;
}

static epoch_id naive_next_without(const struct naive *set, const struct naive *clear, unsigned p,
                                   epoch_id from, epoch_id to)
{
    for (epoch_id e = from; e <= to; e++)
        if (naive_has(set, e, p) && !naive_has(clear, e, p))
            return e;
    return 0;
}

static void begin(unsigned which, bool past, uint64_t span)
{
    assert_true(span <= SPAN_MAX);
    assert_true(history_memory(NODES, span) <= sizeof words[which]);
    memset(words[which], 0, sizeof words[which]);
    memset(&naives[which], 0, sizeof naives[which]);
    history_init(&rings[which], NODES, past, span, words[which]);
    naives[which].past = past;
    naives[which].top = span - 1;
}

static void advance(unsigned which, epoch_id top)
{
    struct naive *a = &naives[which];
    history_advance(&rings[which], top);
    if ((top | 63) > a->top)
        a->top = top | 63;
    a->base = a->top + 1 - rings[which].span;
    assert_int_equal(rings[which].top, a->top);
    assert_int_equal(history_base(&rings[which]), a->base);
}

/* Epochs near the edges of ring `which` half of the time. */
static epoch_id epoch_near(unsigned which)
{
    const struct naive *a = &naives[which];
    const epoch_id about[] = {a->base, a->top, a->base + below(rings[which].span), 64, 128};
    const epoch_id e = about[below(5)] + below(70);
    return e > 68 ? e - below(68) : e;
}

static void set(unsigned which, epoch_id e, unsigned p)
{
    struct naive *a = &naives[which];
    if (e == 0 || e > a->top)
        return;
    history_set(&rings[which], e, (node_id)p);
    if (e >= a->base)
        a->bits[p][e] = true;
}

static void compare(unsigned which)
{
    const struct history *h = &rings[which];
    const struct naive *a = &naives[which];
    const unsigned p = (unsigned)below(NODES);
    const epoch_id from = below(8) ? epoch_near(which) : below(3), to = epoch_near(which);
    const bool value = below(2);
    assert_int_equal(history_has(h, to, (node_id)p), naive_has(a, to, p));
    assert_int_equal(history_next(h, value, (node_id)p, from, to),
                     naive_next(a, value, p, from, to));
    assert_int_equal(history_last(h, value, (node_id)p, from, to),
                     naive_last(a, value, p, from, to));
    if (from > 0)
        assert_int_equal(history_next_without(h, &rings[!which], (node_id)p, from, to),
                         naive_next_without(a, &naives[!which], p, from, to));
}

/* Two rings, each with its own top, as completed and delivered have. */
static void run(bool past, bool other_past, uint64_t span, uint64_t number)
{
    seed = number;
    begin(0, past, span);
    begin(1, other_past, SPAN_MAX);
    for (unsigned i = 0; i < STEPS; i++) {
        const unsigned which = (unsigned)below(2);
        struct naive *a = &naives[which];
        const uint64_t choice = below(100);
        epoch_id e = epoch_near(which);
        if (choice < 3 && a->top + 200 < EPOCHS)
            advance(which, a->top + below(130) - 64);
        else if (choice == 3 && a->top + 2 * SPAN_MAX < EPOCHS && below(20) == 0)
            advance(which, a->top + below(2 * SPAN_MAX)); /* Beyond all that was kept. */
        else if (choice < 10)                             /* Runs, for whole words of ones. */
            for (uint64_t left = below(150), p = below(NODES); left > 0; left--)
                set(which, e++, (unsigned)p);
        else if (choice < 40)
            set(which, e, (unsigned)below(NODES));
        else
            compare(which);
    }
    assert_true(naives[0].top > 3 * span); /* It went around. */
}

static void a_ring_answers_as_an_array_of_all_epochs_does(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 12; i++)
        run(i & 1, i >> 1 & 1, i % 3 == 0 ? 64 : i % 3 == 1 ? 320 : SPAN_MAX, i);
}

static void every_query_over_every_edge_agrees(void **state)
{
    (void)state;
    seed = 77;
    for (unsigned past = 0; past < 2; past++) {
        begin(0, past, 128);
        begin(1, !past, 128);
        advance(0, 200); /* Epochs 128 to 255 of the one, 64 to 191 of the other. */
        advance(1, 130);
        for (unsigned i = 0; i < 120; i++)
            set(i & 1, 60 + below(200), 0);
        for (epoch_id from = 1; from < 270; from++)
            for (epoch_id to = 1; to < 270; to++)
                for (unsigned value = 0; value < 2; value++) {
                    assert_int_equal(history_next(&rings[0], value, 0, from, to),
                                     naive_next(&naives[0], value, 0, from, to));
                    assert_int_equal(history_last(&rings[0], value, 0, from, to),
                                     naive_last(&naives[0], value, 0, from, to));
                    assert_int_equal(
                        history_next_without(&rings[value], &rings[!value], 0, from, to),
                        naive_next_without(&naives[value], &naives[!value], 0, from, to));
                }
    }
}

static void what_left_the_ring_is_as_past_says(void **state)
{
    (void)state;
    for (unsigned past = 0; past < 2; past++) {
        begin(0, past, 64);
        set(0, 5, 1);
        assert_true(history_has(&rings[0], 5, 1));
        assert_false(history_has(&rings[0], 6, 1));
        advance(0, 100000); /* The array ends long before; only what leaves is looked at. */
        assert_int_equal(history_has(&rings[0], 5, 1), past);
        assert_int_equal(history_has(&rings[0], 6, 1), past);
        history_set(&rings[0], 6, 1); /* Nothing, and nothing above changes. */
        assert_int_equal(history_has(&rings[0], 6, 1), past);
        assert_int_equal(history_next(&rings[0], true, 1, 5, UINT64_MAX / 2), past ? 5 : 0);
        assert_int_equal(history_next(&rings[0], false, 1, 5, 200000),
                         past ? history_base(&rings[0]) : 5);
        assert_int_equal(history_last(&rings[0], true, 1, 1, 200000), 0);
    }
}

static void a_ring_never_goes_back(void **state)
{
    (void)state;
    begin(0, true, 128);
    advance(0, 1000);
    const epoch_id top = rings[0].top;
    history_set(&rings[0], 1000, 2);
    for (epoch_id e = 0; e <= top; e++) {
        history_advance(&rings[0], e);
        assert_int_equal(rings[0].top, top);
    }
    assert_true(history_has(&rings[0], 1000, 2));
}

static void the_span_holds_the_horizon_below_any_window(void **state)
{
    (void)state;
    for (uint64_t horizon = 1; horizon < 300; horizon++) {
        const uint64_t span = history_span(horizon);
        assert_int_equal(span % 64, 0);
        struct history h;
        static uint64_t bits[1024 / 64];
        assert_true(history_memory(1, span) <= sizeof bits);
        history_init(&h, 1, false, span, bits);
        for (epoch_id e = 1000; e < 1000 + 130; e++) {
            history_advance(&h, e + EPOCH_WINDOW_MAX);
            assert_true(history_base(&h) <= e - horizon);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_answers_as_an_array_of_all_epochs_does),
        cmocka_unit_test(every_query_over_every_edge_agrees),
        cmocka_unit_test(what_left_the_ring_is_as_past_says),
        cmocka_unit_test(a_ring_never_goes_back),
        cmocka_unit_test(the_span_holds_the_horizon_below_any_window),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
