/* All that the correct servers of a small cluster can be brought to by a proposer that gives
 * different nodes different chunks and by f Byzantine nodes that say anything to anyone.
 *
 * A state is what the correct nodes said: GOT, READY and COMPLETE, each for one of two roots or
 * for none. Whatever a node was told before it spoke may as well have come just then; so each
 * node takes its next step after any subset of what the others said and after any votes of the
 * Byzantine ones. It is made anew for that, with its own votes recalled: that adds restarts, at
 * any time, to the schedules. States that differ in the names of nodes are one. */
#include "vid/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { CORRECT_MAX = 5, SAID = 27, STATES = SAID * SAID * SAID * SAID * SAID };

static const struct hash roots[3] = {{{0}}, {{'a'}}, {{'b'}}};
static struct quorum quorum;
static unsigned correct; /* Nodes 0 to correct - 1; the others are Byzantine. */

/* For which root a node cast each vote: 1, 2, or 0 for none. */
struct said {
    uint8_t got, ready, complete;
};

struct state {
    struct said nodes[CORRECT_MAX];
};

static uint8_t visited[STATES];
static uint32_t found[STATES]; /* The states' keys, in the order of discovery. */
static uint32_t found_count;
static unsigned complete_count;

static void require(bool holds, const char *what, const struct state *s)
{
    if (holds)
        return;
    print_error("%s: node: got ready complete\n", what);
    for (unsigned i = 0; i < correct; i++)
        print_error("%u: %c %c %c\n", i, "-ab"[s->nodes[i].got], "-ab"[s->nodes[i].ready],
                    "-ab"[s->nodes[i].complete]);
    fail();
}

/* A server, its pool and whether it did anything. It can be copied. */
struct machine {
    struct vid_server server;
    struct vid_pool pool;
    struct vid_tally tallies[2];
    node_id self;
    bool acted;
};

static struct vid_pool *pool_of(struct machine *m)
{
    m->pool.tallies = m->tallies;
    return &m->pool;
}

static void recall(struct machine *m, enum vid_vote vote, unsigned root)
{
    if (root)
        vid_server_recall(&m->server, pool_of(m), m->self, vote, &roots[root]);
}

static void machine_init(struct machine *m, unsigned self, const struct said *own)
{
    *m = (struct machine){.self = (node_id)self};
    vid_pool_init(&m->pool, m->tallies, 2);
    vid_server_init(&m->server);
    recall(m, VID_GOT, own->got);
    recall(m, VID_READY, own->ready);
    recall(m, VID_COMPLETE, own->complete);
}

static void hear(struct machine *m, unsigned from, enum vid_vote vote, unsigned root)
{
    struct vid_server_effects e;
    if (!root)
        return;
    vid_server_receive(&m->server, pool_of(m), quorum, m->self, (node_id)from, vote, &roots[root],
                       &e);
    m->acted = m->acted || e.send_ready || e.completed;
}

static void hear_all(struct machine *m, unsigned from, const struct said *said)
{
    hear(m, from, VID_GOT, said->got);
    hear(m, from, VID_READY, said->ready);
    hear(m, from, VID_COMPLETE, said->complete);
}

static uint8_t number_of(bool voted, const struct hash *root)
{
    return voted ? (hash_equal(root, &roots[1]) ? 1 : 2) : 0;
}

static struct said said_by(const struct machine *m)
{
    return (struct said){number_of(m->server.sent_got, &m->server.got_root),
                         number_of(m->server.sent_ready, &m->server.ready_root),
                         number_of(m->server.complete, &m->server.root)};
}

static unsigned said_key(const struct said *s) { return s->got + 3u * s->ready + 9u * s->complete; }

static bool said_equal(const struct said *x, const struct said *y)
{
    return said_key(x) == said_key(y);
}

/* The votes that a Byzantine node can make count at one receiver: GOT for either root or none,
 * and READY or COMPLETE, which is READY too, for either root or none. */
enum { CHOICES = 15 };

static struct said choice_of(unsigned choice)
{
    unsigned second = choice / 3; /* None, READY a, READY b, COMPLETE a, COMPLETE b. */
    return (struct said){.got = (uint8_t)(choice % 3),
                         .ready = (uint8_t)(second <= 2 ? second : 0),
                         .complete = (uint8_t)(second > 2 ? second - 2 : 0)};
}

/* Whether one who said `all` can be heard to have said `part`. */
static bool said_part(const struct said *part, const struct said *all)
{
    return (!part->got || part->got == all->got) && (!part->ready || part->ready == all->ready) &&
           (!part->complete || part->complete == all->complete);
}

/* The first to complete needs no chunk of anyone's: enough correct nodes hold theirs. */
static void check_safety(const struct state *s)
{
    unsigned root = 0, holders = 0;
    for (unsigned i = 0; i < correct; i++) {
        unsigned completed = s->nodes[i].complete;
        require(!root || !completed || root == completed, "two roots are complete", s);
        root = completed ? completed : root;
    }
    for (unsigned i = 0; i < correct; i++)
        holders += s->nodes[i].got == root;
    require(!root || holders >= quorum_data(quorum), "complete, and too few hold chunks", s);
    complete_count += root != 0;
}

/* One is complete: GOT and READY of correct nodes suffice for all the others, whatever Byzantine
 * ones said before they fell silent. */
static void check_totality(const struct state *start, const struct said *byzantine)
{
    struct state s = *start;
    bool changed = true, all = true, any = false;
    while (changed) {
        changed = false;
        all = true;
        for (unsigned i = 0; i < correct; i++) {
            struct machine m;
            machine_init(&m, i, &s.nodes[i]);
            for (unsigned from = correct; from < quorum.n; from++)
                hear_all(&m, from, byzantine);
            for (unsigned from = 0; from < correct; from++) {
                struct said votes = {s.nodes[from].got, s.nodes[from].ready, 0};
                if (from != i)
                    hear_all(&m, from, &votes);
            }
            changed = changed || m.acted;
            s.nodes[i] = said_by(&m);
            all = all && m.server.complete;
            any = any || start->nodes[i].complete;
        }
    }
    require(all || !any, "one is complete and another never will be", start);
}

/* Adds the state in which node `actor` has come to `m`. */
static void visit(const struct state *before, unsigned actor, const struct machine *m)
{
    struct state s = *before;
    s.nodes[actor] = said_by(m);
    for (unsigned i = 1; i < correct; i++) /* Sorted: equal nodes stand side by side. */
        for (unsigned j = i; j > 0 && said_key(&s.nodes[j - 1]) > said_key(&s.nodes[j]); j--) {
            struct said swap = s.nodes[j];
            s.nodes[j] = s.nodes[j - 1];
            s.nodes[j - 1] = swap;
        }
    uint32_t key = 0;
    for (unsigned i = 0; i < correct; i++)
        key = key * SAID + said_key(&s.nodes[i]);
    if (visited[key])
        return;
    visited[key] = 1;
    found[found_count++] = key;
    check_safety(&s);
    for (unsigned choice = 0; choice < CHOICES; choice++) {
        struct said byzantine = choice_of(choice);
        check_totality(&s, &byzantine);
    }
}

static struct state state_of(uint32_t key)
{
    struct state s = {0};
    for (unsigned i = correct; i-- > 0; key /= SAID) {
        unsigned k = key % SAID;
        s.nodes[i] = (struct said){(uint8_t)(k % 3), (uint8_t)(k / 3 % 3), (uint8_t)(k / 9)};
    }
    return s;
}

/* Lets `actor`, which has come to `m`, hear all that nodes `from` and above can tell it, until it
 * acts. Of senders that are alike the later one chooses no lower: `least`. */
static void deliver(const struct state *s, unsigned actor, const struct machine *m, unsigned from,
                    unsigned least)
{
    from += from == actor;
    if (m->acted) {
        visit(s, actor, m);
        return;
    }
    for (unsigned root = 1; from >= quorum.n && !m->server.sent_got && root <= 2; root++) {
        struct machine holder = *m;
        struct vid_server_effects e;
        vid_server_got(&holder.server, pool_of(&holder), quorum, holder.self, &roots[root], &e);
        visit(s, actor, &holder);
    }
    for (unsigned choice = least; from < quorum.n && choice < CHOICES; choice++) {
        struct said votes = choice_of(choice);
        if (from < correct && !said_part(&votes, &s->nodes[from]))
            continue;
        struct machine next = *m;
        hear_all(&next, from, &votes);
        bool alike = from >= correct ||
                     (from + 1 < correct && said_equal(&s->nodes[from], &s->nodes[from + 1]));
        deliver(s, actor, &next, from + 1, alike ? choice : 0);
    }
}

static void search(unsigned n, unsigned states)
{
    quorum = quorum_of(n);
    correct = n - quorum.f;
    assert_true(correct <= CORRECT_MAX);
    memset(visited, 0, sizeof visited);
    visited[0] = 1;
    found[0] = 0;
    found_count = 1;
    complete_count = 0;
    for (uint32_t at = 0; at < found_count; at++) {
        struct state s = state_of(found[at]);
        for (unsigned i = 0; i < correct; i++) {
            struct machine m;
            if (i > 0 && said_equal(&s.nodes[i], &s.nodes[i - 1]))
                continue; /* What that one does is the same. */
            machine_init(&m, i, &s.nodes[i]);
            if (!m.server.complete)
                deliver(&s, i, &m, 0, 0);
        }
    }
    print_message("%u nodes: %u states, %u of them with a complete node\n", n, found_count,
                  complete_count);
    assert_int_equal(found_count, states);
}

/* The numbers of states are those that a model of the rules, without machines, has too. */
static void all_states_of_four_nodes_are_safe_and_end_well(void **state)
{
    (void)state;
    search(4, 86);
}

static void all_states_of_five_nodes_are_safe_and_end_well(void **state)
{
    (void)state;
    search(5, 149);
}

static void all_states_of_seven_nodes_are_safe_and_end_well(void **state)
{
    (void)state;
    search(7, 553);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_states_of_four_nodes_are_safe_and_end_well),
        cmocka_unit_test(all_states_of_five_nodes_are_safe_and_end_well),
        cmocka_unit_test(all_states_of_seven_nodes_are_safe_and_end_well),
    };
    return cmocka_run_group_tests_name("server search", tests, NULL, NULL);
}
