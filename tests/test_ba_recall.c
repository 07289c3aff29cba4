/* What a machine owes to its records and to those who missed its messages. Then clusters whose
 * links lose almost everything and whose nodes restart at any time: the only messages are those
 * of ba_resend, one of them to one node at a time, and liars say anything. All correct nodes must
 * close on one bit that one of them put in, and none ever say two things where one is allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ba/ba.h"

enum { NODES = 10, STEPS_MAX = 1000000, RECORD_MAX = 1 + 5 * BA_ROUNDS_MAX };

struct cluster {
    uint64_t random;
    struct quorum quorum;
    unsigned correct; /* Nodes below are correct, the others are liars. */
    unsigned late;    /* This one is out of reach, */
    unsigned until;   /* until this step. */
    unsigned restarts;
    bool inputs[NODES];
    struct ba nodes[NODES];
    struct ba_message records[NODES][RECORD_MAX];
    unsigned recorded[NODES];
};

static struct cluster c;

static unsigned draw(unsigned below)
{
    c.random ^= c.random << 13;
    c.random ^= c.random >> 7;
    c.random ^= c.random << 17;
    return (unsigned)(c.random >> 33) % below;
}

static unsigned all_said(const struct ba *b, struct ba_message messages[])
{
    unsigned cursor = 0;
    unsigned count = 0;
    for (unsigned more = 1; more; count += more)
        more = ba_resend(b, &cursor, &messages[count], 1 + draw(7));
    return count;
}

/* What was said is recorded, and nothing in the record contradicts it. */
static void record(unsigned i, const struct ba_effects *out)
{
    for (unsigned k = 0; k < out->count; k++) {
        const struct ba_message *m = &out->messages[k];
        for (unsigned old = 0; old < c.recorded[i]; old++) {
            const struct ba_message *o = &c.records[i][old];
            bool same = o->type == m->type && o->round == m->round;
            assert_false(same && (m->type != BA_BVAL || o->values == m->values));
        }
        c.records[i][c.recorded[i]++] = *m;
    }
}

static void restart(unsigned i)
{
    struct ba_message before[RECORD_MAX + 7];
    struct ba_message after[RECORD_MAX + 7];
    if (c.nodes[i].closed)
        return;
    unsigned count = all_said(&c.nodes[i], before);
    bool started = c.nodes[i].started;
    ba_init(&c.nodes[i], c.quorum, (node_id)i);
    if (draw(2)) { /* As it was said, or as it would be said again. */
        for (unsigned k = 0; k < c.recorded[i]; k++)
            ba_recall(&c.nodes[i], &c.records[i][k]);
    } else {
        for (unsigned k = 0; k < count; k++)
            ba_recall(&c.nodes[i], &before[k]);
    }
    assert_true(c.nodes[i].started || !started);
    assert_int_equal(all_said(&c.nodes[i], after), count);
    assert_memory_equal(before, after, count * sizeof *before);
    c.restarts++;
}

static bool said_share(const struct ba *b, unsigned round)
{
    return b->sent[round] >> 2 * (BA_SHARE - BA_BVAL) & BA_BOTH;
}

/* The coin of the node's round, when f+1 correct nodes have released their shares. */
static void toss(unsigned i, struct ba_effects *out)
{
    unsigned round = c.nodes[i].round;
    unsigned shares = 0;
    for (unsigned k = 0; k < c.correct; k++)
        shares += said_share(&c.nodes[k], round);
    if (ba_round_tossed(round) && said_share(&c.nodes[i], round) && shares >= quorum_some(c.quorum))
        ba_coin(&c.nodes[i], round, (c.inputs[0] + round / 3) % 2, out);
}

static void step(unsigned now)
{
    struct ba_effects out = {.fault = FAULT_NONE};
    struct ba_message messages[RECORD_MAX + 7];
    unsigned to = draw(c.correct);
    unsigned from = draw(c.quorum.n);
    if (now < c.until && (to == c.late || from == c.late))
        return;
    if (from == to) {
        if (draw(4) == 0)
            restart(to);
        else if (draw(2))
            ba_propose(&c.nodes[to], c.inputs[to], &out);
        else
            toss(to, &out);
    } else if (from >= c.correct) {
        struct ba_message lie = {(uint8_t)draw(6), (uint8_t)draw(c.nodes[to].round + 5u),
                                 (uint8_t)draw(4)};
        ba_receive(&c.nodes[to], (node_id)from, &lie, &out);
    } else {
        unsigned count = all_said(&c.nodes[from], messages);
        struct ba_message *m = count ? &messages[draw(count)] : NULL;
        if (m && m->type != BA_SHARE) {
            ba_receive(&c.nodes[to], (node_id)from, m, &out);
            assert_int_equal(out.fault, FAULT_NONE);
        }
    }
    record(to, &out);
}

static bool all_closed(void)
{
    for (unsigned i = 0; i < c.correct; i++)
        if (!c.nodes[i].closed)
            return false;
    return true;
}

/* Returns how many restarts there were. */
static unsigned run(uint64_t seed)
{
    memset(&c, 0, sizeof c);
    c.random = seed * 0x9e3779b97f4a7c15u;
    c.quorum = quorum_of(1 + (unsigned)seed % NODES);
    c.correct = c.quorum.n - draw(c.quorum.f + 1u);
    c.late = draw(c.correct);
    c.until = draw(2) ? draw(20000) : 0;
    unsigned ones = draw(3);
    for (unsigned i = 0; i < c.correct; i++) {
        ba_init(&c.nodes[i], c.quorum, (node_id)i);
        c.inputs[i] = ones == 2 ? draw(2) : ones;
    }
    unsigned now = 0;
    while (now < STEPS_MAX && !all_closed())
        step(now++);
    assert_true(now < STEPS_MAX);
    bool put_in = false;
    for (unsigned i = 0; i < c.correct; i++) {
        assert_true(c.nodes[i].decided);
        assert_int_equal(c.nodes[i].decision, c.nodes[0].decision);
        put_in |= c.inputs[i] == c.nodes[0].decision;
    }
    assert_true(put_in);
    return c.restarts;
}

static void clusters_that_lose_messages_and_restart_agree(void **state)
{
    (void)state;
    unsigned restarts = 0;
    for (uint64_t seed = 1; seed <= 400; seed++)
        restarts += run(seed);
    assert_true(restarts > 1000);
}

/* A node that comes when the others have nearly done has from resends of N-f all that it needs. */
static void a_fresh_peer_reaches_the_decision_from_what_others_resend(void **state)
{
    (void)state;
    static struct ba nodes[3];
    static struct ba fresh;
    struct ba_effects out;
    struct ba_message said[RECORD_MAX + 7];
    static const struct ba_message story[] = {
        {BA_BVAL, 0, BA_ONE},  {BA_BVAL, 0, BA_ZERO},  {BA_AUX, 0, BA_ZERO},  {BA_BVAL, 1, BA_ONE},
        {BA_BVAL, 1, BA_ZERO}, {BA_AUX, 1, BA_ONE},    {BA_BVAL, 2, BA_ZERO}, {BA_AUX, 2, BA_ZERO},
        {BA_CONF, 2, BA_ZERO}, {BA_SHARE, 2, BA_ZERO}, {BA_BVAL, 3, BA_ZERO}, {BA_AUX, 3, BA_ZERO},
    };
    c.random = 1;
    ba_init(&fresh, quorum_of(4), 3);
    for (node_id i = 0; i < 3; i++) {
        ba_init(&nodes[i], quorum_of(4), i);
        for (size_t k = 0; k < sizeof story / sizeof *story; k++)
            ba_recall(&nodes[i], &story[k]);
        unsigned count = all_said(&nodes[i], said);
        assert_int_equal(count, sizeof story / sizeof *story);
        for (unsigned k = 0; k < count; k++)
            if (said[k].type != BA_SHARE)
                ba_receive(&fresh, i, &said[k], &out);
    }
    ba_coin(&fresh, 2, false, &out);
    assert_true(out.decided && !fresh.decision);
    assert_int_equal(fresh.round, 4);
}

static void hear_all(struct ba *b, struct ba_message m, struct ba_effects *out)
{
    for (node_id from = 0; from < b->quorum.n; from++)
        if (from != b->self)
            ba_receive(b, from, &m, out);
}

static void a_recalled_machine_keeps_its_word(void **state)
{
    (void)state;
    static const struct ba_message record[] = {
        {BA_BVAL, 0, BA_ONE},  {BA_BVAL, 0, BA_ZERO}, {BA_AUX, 0, BA_ONE}, {BA_BVAL, 1, BA_ONE},
        {BA_AUX, 1, BA_ONE},   {BA_BVAL, 2, BA_ONE},  {BA_AUX, 2, BA_ONE}, {BA_CONF, 2, BA_ONE},
        {BA_BVAL, 1, BA_ZERO}, {BA_SHARE, 2, BA_ONE},
    };
    static const struct ba_message others[] = {
        {BA_AUX, 2, BA_ZERO},
        {BA_CONF, 2, BA_ZERO},
        {BA_BVAL, 1, BA_ONE},
        {BA_BVAL, 0, BA_ONE},
    };
    static struct ba b;
    struct ba_effects out;
    ba_init(&b, quorum_of(4), 0);
    for (size_t i = 0; i < sizeof record / sizeof *record; i++)
        ba_recall(&b, &record[i]);
    assert_int_equal(b.round, 2);
    assert_true(b.started && !b.decided);
    ba_propose(&b, false, &out);
    assert_int_equal(out.count, 0);
    ba_receive(&b, 1, &(struct ba_message){BA_BVAL, 2, BA_ZERO}, &out);
    ba_receive(&b, 2, &(struct ba_message){BA_BVAL, 2, BA_ZERO}, &out);
    assert_int_equal(out.count, 1); /* The relay. AUX, CONF and SHARE are said. */
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        hear_all(&b, others[i], &out);
        assert_int_equal(out.count, 0);
    }
    ba_coin(&b, 2, true, &out); /* The set of the share was {1}. */
    assert_true(out.decided && b.decision);
}

static void a_recalled_decision_stands(void **state)
{
    (void)state;
    static struct ba b;
    struct ba_effects out;
    ba_init(&b, quorum_of(4), 0);
    ba_recall(&b, &(struct ba_message){BA_TERM, 0, BA_ONE});
    assert_true(b.decided && b.decision && !b.closed);
    hear_all(&b, (struct ba_message){BA_TERM, 0, BA_ZERO}, &out); /* More liars than can be. */
    assert_int_equal(out.count, 0);
    assert_true(b.decided && b.decision && !b.closed);
}

static void a_single_node_decides_alone_and_remembers(void **state)
{
    (void)state;
    static struct ba b;
    struct ba_effects out;
    for (unsigned bit = 0; bit < 2; bit++) {
        ba_init(&b, quorum_of(1), 0);
        ba_propose(&b, bit, &out);
        assert_true(out.decided && out.closed);
        assert_int_equal(b.decision, bit);
        ba_init(&b, quorum_of(1), 0);
        for (unsigned i = 0; i < out.count; i++)
            ba_recall(&b, &out.messages[i]);
        assert_true(b.decided && b.closed);
        assert_int_equal(b.decision, bit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recalled_machine_keeps_its_word),
        cmocka_unit_test(a_recalled_decision_stands),
        cmocka_unit_test(a_single_node_decides_alone_and_remembers),
        cmocka_unit_test(clusters_that_lose_messages_and_restart_agree),
        cmocka_unit_test(a_fresh_peer_reaches_the_decision_from_what_others_resend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
