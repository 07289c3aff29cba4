/* A node that dies at any moment and comes back: it says nothing that differs from what it said
 * before, and everyone goes on. All that ever leaves node VICTIM is written down. */
#include "tests/core_liar.h"

enum { N = 4, VICTIM = 0, LIAR = 3, HORIZON = 1000, FACTS = 1 << 14 };

enum fact_kind { FACT_VOTE = 1, FACT_ROOT, FACT_SHARE, FACT_BLOCK };

/* What was said of one thing: once said, never anything else. Of BVAL both values may be said. */
static struct fact {
    uint8_t kind, type, round;
    node_id proposer;
    epoch_id epoch;
    struct hash value;
} facts[FACTS];
static unsigned fact_count, seen_conf, seen_shares;

static struct fact *fact_of(struct fact f)
{
    uint64_t mixed = f.epoch << 24 | (uint64_t)f.kind << 20 | (uint64_t)f.type << 16;
    mixed |= (uint64_t)(uint64_t)f.round << 8 | f.proposer;
    mixed *= 0x9e3779b97f4a7c15;
    for (uint64_t at = mixed >> 40;; at++) {
        struct fact *s = &facts[at % FACTS];
        if (s->kind == 0 || (s->kind == f.kind && s->type == f.type && s->round == f.round &&
                             s->proposer == f.proposer && s->epoch == f.epoch))
            return s;
    }
}

static void note(struct fact f)
{
    struct fact *s = fact_of(f);
    if (s->kind == 0) {
        assert_true(++fact_count < FACTS / 2);
        *s = f;
    }
    if (!hash_equal(&s->value, &f.value))
        fail_msg("kind %u type %u round %u of (%u, %u) was said twice, and differently", f.kind,
                 f.type, f.round, (unsigned)f.epoch, f.proposer);
}

/* BVAL is noted apart for each value. */
static uint8_t type_of(const struct ba_message *v)
{
    return (uint8_t)(v->type == BA_BVAL && v->values == BA_ONE ? BA_TERM + 1 : v->type);
}

static void note_votes(const struct message *m)
{
    const struct ba_message *v = &m->votes.vote;
    for (unsigned p = nodeset_next(&m->votes.proposers, 0); p < N;
         p = nodeset_next(&m->votes.proposers, p + 1))
        note((struct fact){FACT_VOTE, type_of(v), v->round, (node_id)p, m->epoch, {{v->values}}});
    seen_conf += v->type == BA_CONF;
}

static void note_section(const struct message *m)
{
    struct fact f = {.epoch = m->epoch, .proposer = m->proposer};
    switch ((int)m->kind) {
    case MESSAGE_VOTES: note_votes(m); break;
    case MESSAGE_ROOTS:
        f.kind = FACT_ROOT;
        f.type = (uint8_t)m->roots.vote;
        for (unsigned k = 0; k < m->roots.count; k++) {
            message_root_entry(m, k, &f.proposer, &f.value);
            note(f);
        }
        break;
    case MESSAGE_SHARE:
        f.kind = FACT_SHARE;
        f.round = m->share.round;
        f.value = hash_bytes(slice_of(&m->share.share, sizeof m->share.share));
        note(f);
        seen_shares++;
        break;
    case MESSAGE_CHUNK:
        f.kind = FACT_BLOCK;
        f.value = vid_commitment(cluster.quorum, &m->chunk.header);
        note(f);
        break;
    default: break;
    }
}

static uint32_t loss_per_mille;
static bool write_down(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (p->from == VICTIM && section_next(&r, p, &m))
        note_section(&m);
    return below(1000) >= loss_per_mille;
}

/* ---- What it remembers ---- */

static bool resends(epoch_id epoch, node_id p, unsigned type, unsigned round, unsigned values)
{
    struct ba_message messages[32];
    unsigned cursor = 0, count;
    while ((count = node_resend(node_of(VICTIM), epoch, p, &cursor, messages, 32)) > 0)
        for (unsigned k = 0; k < count; k++)
            if (messages[k].type == type && messages[k].round == round &&
                messages[k].values == values)
                return true;
    return false;
}

/* Just opened, it would say again all that it has ever said of open epochs, and every root. */
static void expect_remembered(void)
{
    struct member *m = &cluster.members[VICTIM];
    const epoch_id open = word_of(VICTIM).first_unsealed;
    struct nodeset decided, ones;
    assert_int_equal(store_begin(m->store), 0);
    for (const struct fact *f = facts; f < facts + FACTS; f++) {
        const unsigned type = f->type > BA_TERM ? BA_BVAL : f->type;
        struct instance_record r;
        if (f->kind == FACT_VOTE && f->epoch >= open) {
            assert_true(node_epoch_decisions(node_of(VICTIM), f->epoch, &decided, &ones));
            if (!node_epoch(node_of(VICTIM), f->epoch)->sealed)
                assert_true(resends(f->epoch, f->proposer, type, f->round, f->value.bytes[0]));
        }
        if (f->kind != FACT_ROOT)
            continue;
        assert_int_equal(records_get_instance(m->store, f->epoch, f->proposer, &r), 0);
        if (!r.got && !r.ready && !r.complete)
            continue; /* Pruned: all have it, and none asks. */
        assert_true(type == VID_GOT ? r.got : type == VID_READY ? r.ready : r.complete);
        assert_true(hash_equal(&f->value, type == VID_GOT     ? &r.got_root
                                          : type == VID_READY ? &r.ready_root
                                                              : &r.root));
    }
    store_abort(m->store);
}

/* LIAR offers other blocks than it did before, for all open epochs. */
static void offer_other_chunks(void)
{
    for (epoch_id e = 1; e < word_of(VICTIM).first_unsealed + WINDOW; e++) {
        struct dispersal d;
        dispersal_make(&d, e, 1000 + e, NO_LIE);
        dispersal_send(&d, LIAR, VICTIM);
    }
}

static void come_back(void)
{
    member_open(&cluster.members[VICTIM]);
    expect_remembered();
    submit(VICTIM); /* What a forgotten block would be made of anew. */
    offer_other_chunks();
}

/* ---- One life, one death ---- */

static void begin(unsigned number)
{
    seed = number;
    cluster_open(N, HORIZON);
    memset(facts, 0, sizeof facts);
    fact_count = 0;
    cluster.passes = write_down;
    loss_per_mille = number % 3 ? 150 : 0;
}

static void end(void)
{
    loss_per_mille = 0;
    cluster_until(all_executed, 4000);
    cluster_run(200); /* All have heard of it, and what is left is answered. */
    expect_one_ledger();
}

static void round_with_load(unsigned round)
{
    if (round % 4 == 0 && round < 40)
        submit(round / 4 % N);
    cluster_round();
}

/* Dies after its batch number `batch`, and is away for `away` rounds. False when all was over. */
static bool die_after(unsigned batch, unsigned away)
{
    begin(batch);
    for (unsigned round = 0; round < batch; round++)
        round_with_load(round);
    member_crash(&cluster.members[VICTIM]);
    for (unsigned round = 0; round < away; round++)
        round_with_load(batch + round);
    come_back();
    const bool going = driver_replayed(cluster.members[VICTIM].driver) > 0;
    end();
    return going;
}

static void a_node_that_dies_between_any_two_batches_contradicts_nothing(void **state)
{
    (void)state;
    static const unsigned aways[] = {0, 3, 30};
    unsigned in_the_middle = 0;
    for (unsigned batch = 1; batch <= 60; batch++)
        in_the_middle +=
            die_after(batch, aways[batch % 3]) + die_after(batch, aways[batch / 3 % 3]);
    assert_true(in_the_middle > 60);
}

static void a_node_that_dies_after_each_batch_contradicts_nothing(void **state)
{
    (void)state;
    for (unsigned every = 2; every < 12; every++) {
        begin(every);
        for (unsigned round = 0; round < 120; round++) {
            round_with_load(round);
            if (round % every == 0) {
                member_crash(&cluster.members[VICTIM]);
                member_open(&cluster.members[VICTIM]);
                expect_remembered();
            }
        }
        end();
    }
}

/* In the middle of a batch: the store fails at any of its calls, and what was not committed never
 * was. */
static void a_node_whose_store_fails_at_any_call_contradicts_nothing(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (unsigned call = 1; call < 700; call += 7) {
        begin(call);
        cluster.may_fail = true;
        store_memory_fail(cluster.members[VICTIM].store, call, STORE_IO);
        for (unsigned round = 0; round < 90 && cluster.members[VICTIM].up; round++)
            round_with_load(round);
        if (cluster.members[VICTIM].up) {
            store_memory_fail(cluster.members[VICTIM].store, 0, 0);
        } else {
            failures++;
            come_back();
        }
        end();
    }
    assert_true(failures > 90);
}

static void all_that_die_at_once_go_on(void **state)
{
    (void)state;
    for (unsigned batch = 1; batch < 60; batch += 3) {
        begin(batch);
        for (unsigned round = 0; round < batch; round++)
            round_with_load(round);
        for (unsigned k = 0; k < N; k++)
            member_crash(&cluster.members[k]);
        drop_posts(cluster.posts);
        cluster.posts = NULL;
        cluster.posts_end = &cluster.posts;
        for (unsigned k = 0; k < N; k++)
            member_open(&cluster.members[k]);
        expect_remembered();
        submit(VICTIM);
        end();
        expect_no_faults();
    }
}

/* The runs above came to coins: or nothing was shown of CONF and shares. */
static void coins_were_tossed(void **state)
{
    (void)state;
    assert_true(seen_conf > 0);
    assert_true(seen_shares > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(a_node_that_dies_between_any_two_batches_contradicts_nothing),
        CORE_TEST(a_node_that_dies_after_each_batch_contradicts_nothing),
        CORE_TEST(a_node_whose_store_fails_at_any_call_contradicts_nothing),
        CORE_TEST(all_that_die_at_once_go_on),
        CORE_TEST(coins_were_tossed),
    };
    return cmocka_run_group_tests_name("core restart", tests, NULL, NULL);
}
