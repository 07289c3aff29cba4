/* The attack on the agreement without CONF (amiller/HoneyBadgerBFT, issue 59): who schedules the
 * messages sees the coin as soon as one correct node has released its share. If the set of some
 * node is still open then, it can be made to differ from the coin, while that of another has
 * both values and follows the coin: estimates stay mixed, for ever.
 *
 * Here as a game, on the real machine: three correct nodes enter a round with mixed estimates,
 * the scheduler and the Byzantine node do what they like until the first share is out; then the
 * coin falls, and they go on, knowing it. A position in which they can end the round with mixed
 * estimates for both values of the coin is a win for them. Where there is none, every toss
 * unites the correct nodes with a probability of at least 1/2, and once united they decide in
 * one of the two fixed rounds that follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/ba_states.h"

enum { CAPACITY_LOG2 = 22 };
static const struct limits toss = {2, 3};

struct game {
    struct states before; /* No share is out. */
    struct states tossed; /* The first one has just been released; the coin has yet to fall. */
    struct states after;  /* All that follows with one value of the coin. */
    bool *mixable;        /* For a state of `after`: the round can still end mixed. */
    size_t from;
    bool any; /* Among the moves just looked at, one leads to a mixable state. */
};

static bool ends_mixed(const struct state *s, unsigned end)
{
    unsigned estimates = BA_NEITHER;
    for (unsigned i = 0; i < CORRECT; i++) {
        struct local l = local_unpack(s->node[i]);
        if (l.round != end || l.decided)
            return false;
        estimates |= said(&l, BA_BVAL, end);
    }
    return estimates == BA_BOTH;
}

static struct state beginning(unsigned round, unsigned ones)
{
    struct state s = {.coin = 0};
    for (unsigned i = 0; i < CORRECT; i++) {
        struct local l = {.input = i < ones, .given = true, .round = round};
        for (unsigned r = 0; r <= round; r++)
            l.said[r] = l.input ? BA_ONE : BA_ZERO;
        s.node[i] = local_pack(&l);
    }
    return s;
}

static void found_before(void *context, const struct state *s)
{
    struct game *g = context;
    states_add(share_out(s) ? &g->tossed : &g->before, *s, g->from);
}

static void found_after(void *context, const struct state *s)
{
    struct game *g = context;
    states_add(&g->after, *s, g->from);
}

static void look_mixable(void *context, const struct state *s)
{
    struct game *g = context;
    struct state sorted = *s;
    state_sort(&sorted);
    g->any |= g->mixable[*states_find(&g->after, &sorted) - 1];
}

/* Said is said: states only grow, and most are found after those that lead to them, so that a few
 * passes from the last to the first suffice. */
static void find_mixable(struct game *g)
{
    bool again = true;
    for (size_t i = 0; i < g->after.count; i++)
        g->mixable[i] = ends_mixed(&g->after.items[i], toss.end);
    while (again) {
        again = false;
        for (size_t i = g->after.count; i-- > 0;) {
            g->any = g->mixable[i];
            if (!g->any)
                state_moves(&g->after.items[i], toss, look_mixable, g);
            again |= g->any != g->mixable[i];
            g->mixable[i] = g->any;
        }
    }
}

/* For each state of `tossed`, whether the round can end mixed with this coin. */
static void play_coin(struct game *g, bool coin, bool can[])
{
    g->after = states_new(CAPACITY_LOG2);
    g->mixable = calloc(g->after.capacity, sizeof *g->mixable);
    for (size_t i = 0; i < g->tossed.count; i++) {
        struct state s = g->tossed.items[i];
        s.coin = 1 + coin;
        states_add(&g->after, s, i); /* State i of `after`. */
    }
    for (g->from = 0; g->from < g->after.count; g->from++) {
        struct state s = g->after.items[g->from];
        state_moves(&s, toss, found_after, g);
    }
    find_mixable(g);
    memcpy(can, g->mixable, g->tossed.count * sizeof *can);
    free(g->mixable);
    states_free(&g->after);
}

static void the_scheduler_cannot_avoid_both_values_of_the_coin(void **state)
{
    (void)state;
    struct game g = {.before = states_new(CAPACITY_LOG2), .tossed = states_new(CAPACITY_LOG2)};
    for (unsigned ones = 1; ones < CORRECT; ones++)
        states_add(&g.before, beginning(2, ones), g.before.count);
    for (; g.from < g.before.count; g.from++) {
        struct state s = g.before.items[g.from];
        state_moves(&s, toss, found_before, &g);
    }
    bool *can[2] = {calloc(g.tossed.count, sizeof(bool)), calloc(g.tossed.count, sizeof(bool))};
    size_t mixed[2] = {0, 0};
    size_t wins = 0;
    for (unsigned coin = 0; coin < 2; coin++)
        play_coin(&g, coin, can[coin]);
    for (size_t i = 0; i < g.tossed.count; i++) {
        mixed[0] += can[0][i];
        mixed[1] += can[1][i];
        if (can[0][i] && can[1][i] && wins++ == 0) {
            printf("broken: the coin game, after %zu states\n", g.before.count + i);
            for (unsigned k = 0; k < CORRECT; k++)
                local_print(g.tossed.items[i].node[k]);
        }
    }
    printf("%zu states, then %zu with the first share out: %zu stay mixed if the coin is 0, %zu "
           "if it is 1, %zu with both\n",
           g.before.count, g.tossed.count, mixed[0], mixed[1], wins);
    /* It has power over one value, or this would be no game. */
    assert_true(mixed[0] > 0 && mixed[1] > 0);
    assert_int_equal(wins, 0);
    free(can[0]);
    free(can[1]);
    states_free(&g.before);
    states_free(&g.tossed);
    forget_moves();
}

/* Why a coin is tossed at all: fixed rounds bring mixed estimates to every third one. */
static void fixed_coins_alone_unite_nobody(void **state)
{
    (void)state;
    struct limits fixed = {0, 2};
    struct game g = {.after = states_new(CAPACITY_LOG2)};
    size_t mixed = 0;
    for (unsigned ones = 1; ones < CORRECT; ones++)
        states_add(&g.after, beginning(0, ones), ones - 1);
    for (; g.from < g.after.count; g.from++) {
        struct state s = g.after.items[g.from];
        mixed += ends_mixed(&s, fixed.end);
        state_moves(&s, fixed, found_after, &g);
    }
    assert_true(mixed > 0);
    states_free(&g.after);
    forget_moves();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_coins_alone_unite_nobody),
        cmocka_unit_test(the_scheduler_cannot_avoid_both_values_of_the_coin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
