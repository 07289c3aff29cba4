/* A node that has lost what it said: whoever lies, is missing or is far behind, it does not speak where
 * it may have spoken. */
#include "node/lost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <string.h>

enum { WINDOW = 8, CASES = 20000 };

static uint64_t seed;
static uint64_t below(uint64_t bound)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % bound;
}

/* Node 0 was at `open`; f+1 correct others were no more than a window behind. */
struct cluster_case {
    struct quorum q;
    epoch_id open, most; /* Of a correct node. */
    struct word words[NODES_MAX];
    bool lies[NODES_MAX];
};

static void make_case(struct cluster_case *c)
{
    static const unsigned sizes[] = {4, 7, 10, 13, 31};
    *c = (struct cluster_case){.q = quorum_of(sizes[below(5)])};
    unsigned near = c->q.f + 1, liars = c->q.f - 1;
    c->open = c->most = 100 + below(100000);
    for (unsigned left = c->q.n - 1, p = 1; p < c->q.n; p++, left--) {
        epoch_id at = 1 + below(c->open);
        if (below(left) < liars) {
            liars--;
            c->lies[p] = true;
            at = below(2) ? 1 + below(c->open) : below(2) ? UINT64_MAX : c->open + below(200000);
        } else if (below(left - liars) < near) {
            near--;
            at = c->open - WINDOW + below(4 * WINDOW);
        }
        c->words[p] = (struct word){.first_unsealed = at, .agreed = at - 1};
        if (!c->lies[p] && at > c->most)
            c->most = at;
    }
    assert_int_equal(near, 0);
    assert_int_equal(liars, 0);
}

static void take_away(struct cluster_case *c, unsigned count, bool liars)
{
    for (unsigned k = 0; k < count;) {
        const unsigned p = 1 + (unsigned)below(c->q.n - 1);
        if (c->words[p].first_unsealed == 0 || (liars && !c->lies[p]))
            continue;
        c->words[p] = (struct word){0};
        k++;
    }
}

static void it_never_speaks_where_it_may_have_spoken(void **state)
{
    (void)state;
    static struct cluster_case c;
    for (seed = 1; seed <= CASES; seed++) {
        const uint64_t kept = seed;
        make_case(&c);
        take_away(&c, (unsigned)below(c.q.f), false);
        assert_true(lost_least(c.words, c.q, 0, WINDOW) >= c.open + WINDOW);
        seed = kept;
    }
}

/* All are heard, or only liars are not: then what they say is of no weight. */
static void liars_do_not_keep_it_from_speaking(void **state)
{
    (void)state;
    static struct cluster_case c;
    for (seed = 1; seed <= CASES; seed++) {
        const uint64_t kept = seed;
        make_case(&c);
        take_away(&c, (unsigned)below(c.q.f), true);
        assert_true(lost_least(c.words, c.q, 0, WINDOW) <= c.most + 2 * WINDOW);
        seed = kept;
    }
}

static void too_few_say_nothing(void **state)
{
    (void)state;
    static struct cluster_case c;
    unsigned moved;
    for (seed = 1; seed <= 100; seed++) {
        const uint64_t kept = seed;
        make_case(&c);
        take_away(&c, c.q.f, false);
        assert_int_equal(lost_heard(c.words, c.q, 0, &moved), c.q.n - 1 - c.q.f);
        assert_int_equal(lost_least(c.words, c.q, 0, WINDOW), 0);
        seed = kept;
    }
}

/* What this node says of itself, which knows nothing, is not asked. */
static void its_own_word_does_not_count(void **state)
{
    (void)state;
    static struct cluster_case c;
    unsigned moved;
    seed = 5;
    make_case(&c);
    const epoch_id before = lost_least(c.words, c.q, 0, WINDOW);
    c.words[0] = (struct word){UINT64_MAX, UINT64_MAX, 0};
    assert_int_equal(lost_least(c.words, c.q, 0, WINDOW), before);
    assert_int_equal(lost_heard(c.words, c.q, 0, &moved), c.q.n - 1);
    assert_in_range(moved, 1, c.q.n - 1);
}

/* As when what a peer had queued before this node died comes last. */
static void a_word_of_earlier_takes_nothing_back(void **state)
{
    (void)state;
    struct word words[NODES_MAX] = {{0}};
    const struct word now = {90, 80, 70}, before = {40, 81, 20};
    lost_note(words, 2, &now);
    lost_note(words, 2, &before);
    assert_int_equal(words[2].first_unsealed, 90);
    assert_int_equal(words[2].agreed, 81);
    assert_int_equal(words[2].executed, 70);
    assert_int_equal(words[1].first_unsealed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_never_speaks_where_it_may_have_spoken),
        cmocka_unit_test(liars_do_not_keep_it_from_speaking),
        cmocka_unit_test(too_few_say_nothing),
        cmocka_unit_test(its_own_word_does_not_count),
        cmocka_unit_test(a_word_of_earlier_takes_nothing_back),
    };
    return cmocka_run_group_tests_name("lost", tests, NULL, NULL);
}
