/* Proposers that leave every dispersal half done, and a node that says anything: they cost the
 * others a bounded amount of memory and nothing else. */
#include "tests/core_liar.h"

enum { N = 4, BAD = 3, EPOCHS = 300, HORIZON = 100000, CHECKPOINT = 3 };

static unsigned instances_in_use(unsigned k)
{
    const struct instances *t = &node_of(k)->instances;
    unsigned count = 0;
    for (unsigned p = 0; p < N; p++)
        for (uint32_t at = t->siblings[p]; at != NONE; at = t->items[at].sibling_next)
            count++;
    return count;
}

static unsigned incomplete(unsigned k)
{
    const struct instances *t = &node_of(k)->instances;
    unsigned count = 0;
    for (unsigned p = 0; p < N; p++)
        for (uint32_t at = t->siblings[p]; at != NONE; at = t->items[at].sibling_next)
            count += !t->items[at].server.complete;
    return count;
}

/* Dispersals by BAD that this node said GOT for and that are not complete, as its store has
 * them. */
static unsigned promised(unsigned k)
{
    struct store *s = cluster.members[k].store;
    unsigned count = 0;
    assert_int_equal(store_begin(s), 0);
    for (epoch_id e = 1; e < word_of(0).first_unsealed + WINDOW; e++) {
        struct instance_record r;
        assert_int_equal(records_get_instance(s, e, BAD, &r), 0);
        count += r.got && !r.complete;
    }
    store_abort(s);
    return count;
}

/* What an incomplete instance costs is bounded by what is tallied: VOTES_PER_OPEN times the quota
 * for each sender and proposer, and what is held for delivery. */
static void expect_bounded(void)
{
    const unsigned tallied = VOTES_PER_OPEN * OPEN_DISPERSALS;
    const unsigned held = N * DELIVERY_WINDOW + LATE_PENDING_MAX;
    for (unsigned k = 0; k < BAD; k++) {
        const struct node *n = node_of(k);
        assert_true(instances_in_use(k) <= N * N * tallied + held);
        assert_true(n->instances.pool.used <= 2 * instances_in_use(k));
        assert_int_equal(n->instances.open, incomplete(k));
        for (unsigned p = 0; p < N; p++) {
            assert_true(n->instances.got_open[p] <= OPEN_DISPERSALS);
            for (unsigned from = 0; from < N; from++)
                assert_true(n->instances.voting[from * N + p].count <= tallied);
        }
    }
}

/* The three others order until they have sealed `epochs`; `each` is called each round. */
static void order(epoch_id epochs, void (*each)(void))
{
    const epoch_id until = word_of(0).first_unsealed + epochs;
    for (unsigned round = 0; word_of(0).first_unsealed < until; round++) {
        assert_true(round < 40 * epochs);
        if (round % 8 == 0)
            submit(round / 8 % BAD);
        each();
        cluster_round();
        expect_bounded();
    }
}

static epoch_id dispersed;

static void disperse_to_one(void)
{
    if (dispersed + 1 < word_of(0).first_unsealed + WINDOW) {
        struct dispersal d;
        dispersed++;
        dispersal_make(&d, dispersed, dispersed, NO_LIE);
        dispersal_send(&d, BAD, (node_id)(dispersed % BAD));
        for (node_id to = 0; to < BAD; to++)
            dispersal_got(&d, BAD, to);
    }
}

static void half_done_dispersals_cost_no_more_than_the_quota(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    member_crash(&cluster.members[BAD]);
    dispersed = 0;
    order(EPOCHS / 2, disperse_to_one);
    unsigned used[BAD], tallies[BAD];
    for (unsigned k = 0; k < BAD; k++) {
        used[k] = instances_in_use(k);
        tallies[k] = node_of(k)->instances.pool.used;
    }
    order(EPOCHS / 2, disperse_to_one);
    cluster_until(all_executed, 400);
    assert_true(dispersed > EPOCHS);
    for (unsigned k = 0; k < BAD; k++) {
        assert_int_equal(promised(k), OPEN_DISPERSALS); /* All that is allowed, no more. */
        assert_int_equal(node_of(k)->instances.got_open[BAD], OPEN_DISPERSALS);
        assert_true(instances_in_use(k) <= used[k] + N * DELIVERY_WINDOW);
        assert_true(node_of(k)->instances.pool.used <= tallies[k] + N * DELIVERY_WINDOW);
    }
}

static void the_quota_holds_across_a_restart(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    member_crash(&cluster.members[BAD]);
    dispersed = 0;
    for (unsigned time = 0; time < 4; time++) {
        order(2 * OPEN_DISPERSALS, disperse_to_one);
        member_crash(&cluster.members[time % BAD]);
        member_open(&cluster.members[time % BAD]);
    }
    order(2 * OPEN_DISPERSALS, disperse_to_one);
    cluster_until(all_executed, 400);
    for (unsigned k = 0; k < BAD; k++)
        assert_int_equal(promised(k), OPEN_DISPERSALS);
}

static void nothing(void) {}

static void what_is_past_the_horizon_gives_its_place_back(void **state)
{
    (void)state;
    enum { SHORT = 64, SWEEP = 16 }; /* Not each epoch. */
    cluster_open(N, SHORT);
    member_crash(&cluster.members[BAD]);
    dispersed = 0;
    for (unsigned time = 0; time < 3; time++) {
        order(4 * OPEN_DISPERSALS, disperse_to_one);
        cluster_until(all_executed, 400);
        for (unsigned k = 0; k < BAD; k++)
            assert_int_equal(node_of(k)->instances.got_open[BAD], OPEN_DISPERSALS);
        order(SHORT + 2 * WINDOW + SWEEP, nothing);
        cluster_until(all_executed, 400);
        for (unsigned k = 0; k < BAD; k++) {
            assert_int_equal(node_of(k)->instances.got_open[BAD], 0);
            assert_true(instances_in_use(k) <= N * DELIVERY_WINDOW);
        }
        dispersed = word_of(0).first_unsealed;
    }
}

/* BAD's own GOT for a dispersal of its that is none. */
static void vote_on(epoch_id epoch)
{
    uint8_t entry[1 + HASH_SIZE] = {BAD};
    const struct message m = {.kind = MESSAGE_ROOTS,
                              .epoch = epoch,
                              .roots = {VID_GOT, 1, slice_of(entry, sizeof entry)}};
    speak(BAD, 0, DRIVER_VOTES, &m);
    cluster_round();
}

/* Which of the first `count` epochs are tallied at 0 is told as a run, for they are one. */
static struct epoch_run tallied(epoch_id count)
{
    struct epoch_run run = {0, 0};
    unsigned in_all = 0;
    for (epoch_id e = 1; e <= count; e++)
        if (instance_find(node_of(0), e, BAD)) {
            run.first = run.first == 0 ? e : run.first;
            run.last = e;
            in_all++;
        }
    assert_int_equal(in_all, run.last - run.first + 1);
    return run;
}

static void the_oldest_of_what_a_sender_votes_on_are_tallied(void **state)
{
    (void)state;
    enum { MOST = VOTES_PER_OPEN * OPEN_DISPERSALS, FIRST = 11, LAST = FIRST + MOST - 1, GAP = 20 };
    cluster_open(N, HORIZON);
    member_crash(&cluster.members[BAD]);
    order(LAST + 10, nothing);
    cluster_until(all_executed, 400);
    for (epoch_id e = FIRST; e <= LAST + 1; e++)
        if (e != GAP)
            vote_on(e);
    vote_on(GAP);
    for (unsigned more = 0; more < FIRST; more++) {
        const struct epoch_run run = tallied(LAST + 5);
        assert_int_equal(run.first, FIRST - more);
        assert_int_equal(run.last, LAST - more);
        vote_on(run.last + 1); /* Of no use before those. */
        vote_on(LAST + 5);
        assert_int_equal(tallied(LAST + 5).last, run.last);
        if (run.first > 1)
            vote_on(run.first - 1);
    }
}

/* ---- A correct proposer whose chunks do not arrive ---- */

static bool passes_to_0(struct post *p)
{
    return p->from != BAD || p->lane != DRIVER_DISPERSAL || p->to == 0;
}

static void a_proposer_starts_no_more_than_may_be_open_and_goes_on_when_they_complete(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    cluster.passes = passes_to_0;
    for (unsigned k = 0; k < 3 * OPEN_DISPERSALS; k++) {
        submit(BAD);
        order(4, nothing);
    }
    struct node_view v;
    node_view(node_of(BAD), &v);
    assert_int_equal(node_of(BAD)->proposing.own_open, OPEN_DISPERSALS);
    assert_int_equal(promised(BAD), OPEN_DISPERSALS);
    assert_int_equal(promised(0), OPEN_DISPERSALS);
    assert_true(v.word.agreed + WINDOW >= word_of(0).agreed); /* It votes with the others. */
    cluster.passes = NULL;
    cluster_until(all_executed, 4000);
    cluster_run(32 * RETRY_MS / ROUND_MS + 100); /* What the quota refused comes again by then. */
    expect_one_ledger();
    expect_no_faults();
    assert_int_equal(node_of(BAD)->proposing.own_open, 0);
    for (unsigned k = 0; k < N; k++)
        assert_int_equal(promised(k), 0);
}

/* ---- A disk that is nearly full ---- */

static void who_has_no_room_for_chunks_says_no_got_and_goes_on_when_it_has(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    for (unsigned k = 0; k < 2; k++)
        driver_disk(cluster.members[k].driver, true);
    submit(2);
    cluster_run(400);
    assert_int_equal(word_of(2).executed, 0); /* Two of four do not promise to keep it. */
    for (unsigned k = 0; k < 2; k++) {
        const struct instance *i = instance_find(node_of(k), 1, 2);
        struct node_view v;
        node_view(node_of(k), &v);
        assert_true(i && !i->server.sent_got && !i->has_chunk);
        assert_true(v.wasted_chunks > 0);
    }
    driver_disk(cluster.members[1].driver, false);
    cluster_until(all_executed, 2000);
    struct instance_record r;
    struct store *s = cluster.members[0].store;
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(records_get_instance(s, 1, 2, &r), 0);
    store_abort(s);
    assert_true(r.complete && !r.got);
    expect_one_ledger();
    expect_no_faults();
}

/* ---- Back after long ---- */

static uint64_t chunk_ms; /* When one was last sent to 2 or 3. */

static bool passes_among_0_and_1(struct post *p)
{
    if (p->from < 2 && p->to < 2)
        return true;
    if (p->from == 0 && p->lane == DRIVER_DISPERSAL)
        chunk_ms = cluster.now_ms;
    return false;
}

/* The chunk is sent ever more rarely to those who do not answer, and was just sent. */
static void who_was_away_for_long_gets_its_chunk_when_it_speaks(void **state)
{
    (void)state;
    cluster_open(N, 100);
    cluster.passes = passes_among_0_and_1;
    submit(0);
    cluster_run(2000);
    for (unsigned rounds = 0; chunk_ms != cluster.now_ms; rounds++) {
        assert_true(rounds < 1000);
        cluster_round();
    }
    cluster.passes = NULL;
    nodeset_add(&cluster.away, 3);
    member_crash(&cluster.members[2]);
    member_open(&cluster.members[2]);
    cluster_until(all_executed, 100);
    expect_no_faults();
}

static unsigned chunks_to_2;

static bool chunks_to_2_are_lost(struct post *p)
{
    if (p->from != 0 || p->to != 2 || p->lane != DRIVER_DISPERSAL)
        return true;
    chunks_to_2++;
    return false;
}

/* In 20 s it is sent to all 6 times, and then every 32 times retry_ms; and once more each time. */
static void who_speaks_and_never_says_got_is_sent_little(void **state)
{
    (void)state;
    cluster_open(N, 100);
    nodeset_add(&cluster.away, 3);
    cluster.passes = chunks_to_2_are_lost;
    chunks_to_2 = 0;
    submit(0);
    cluster_run(4000);
    assert_int_equal(cluster.members[0].executed_ids, 0);
    assert_in_range(chunks_to_2, 17, 36);
}

/* ---- Behind in execution ---- */

/* What completed and is far from being delivered is in the store alone. */
static void a_node_that_executes_nothing_votes_with_the_others_and_keeps_no_more(void **state)
{
    (void)state;
    cluster_open(N, HORIZON);
    nodeset_add(&cluster.lagging, 0);
    for (unsigned k = 0; k < EPOCHS; k++) {
        submit(k % N);
        cluster_run(4);
        assert_true(instances_in_use(0) <= N * (DELIVERY_WINDOW + WINDOW) + LATE_PENDING_MAX);
    }
    const struct node *n = node_of(0);
    assert_true(word_of(0).agreed > 100);
    assert_true(word_of(0).agreed + 2 >= word_of(1).agreed);
    assert_int_equal(word_of(0).executed, 0);
    assert_true(instances_in_use(0) <= N * (DELIVERY_WINDOW + WINDOW));
    assert_true(n->delivery.epoch <= 1 + DELIVERY_AHEAD);
    cluster.lagging = (struct nodeset){0};
    cluster_until(all_executed, 4000);
    cluster_run(100);
    expect_one_ledger();
    expect_no_faults();
}

/* ---- Anything ---- */

static struct hash any_root(void)
{
    struct hash h = {{(uint8_t)below(3)}};
    if (cluster.members[0].height > 0 && below(3) == 0)
        h = cluster.members[0].ledger[below(cluster.members[0].height)].commitment;
    return h;
}

static struct nodeset any_set(void) { return (struct nodeset){{1 + below((1 << N) - 1)}}; }

static void fill_any(struct message *m)
{
    static uint8_t entries[N * (1 + HASH_SIZE)], data[256];
    struct writer w = writer_of(entries, sizeof entries);
    switch (m->kind) {
    case MESSAGE_VOTES:
        do
            m->votes.vote =
                (struct ba_message){(uint8_t)(1 + below(5)), (uint8_t)below(7), (uint8_t)below(4)};
        while (!ba_message_valid(&m->votes.vote));
        m->votes.proposers = any_set();
        break;
    case MESSAGE_ROOTS:
        m->roots.vote = (enum vid_vote)(VID_GOT + below(3));
        m->roots.count = N;
        for (unsigned p = 0; p < N; p++) {
            const struct hash root = any_root();
            write_u8(&w, (uint8_t)p);
            write_slice(&w, hash_slice(&root));
        }
        m->roots.entries = writer_result(&w);
        break;
    case MESSAGE_SHARE: m->share.round = below(2) ? 2 : 5; break;
    case MESSAGE_WANT_VOTES:
    case MESSAGE_READY: m->ready.proposers = any_set(); break;
    case MESSAGE_WANT_ROOTS:
        m->want_roots.count = 1;
        m->want_roots.runs[0].first = 1 + below(m->epoch);
        m->want_roots.runs[0].last = below(2) ? m->epoch : UINT64_MAX - 2;
        break;
    case MESSAGE_CHECKPOINT: m->checkpoint.digest = any_root(); /* fall through */
    case MESSAGE_WANT_CHECKPOINT:
        m->epoch = (1 + word_of(0).executed / CHECKPOINT) * CHECKPOINT;
        m->epoch -= m->epoch > CHECKPOINT ? below(2) * CHECKPOINT : 0;
        break;
    case MESSAGE_OFFER: m->offer.head = slice_of(data, 1 + below(200)); break;
    case MESSAGE_WANT_SNAPSHOT: break;
    case MESSAGE_SNAPSHOT:
        m->snapshot.path = slice_of(data, below(3) * HASH_SIZE);
        m->snapshot.data = slice_of(data, 1 + below(200));
        break;
    case MESSAGE_PING:
    case MESSAGE_PONG: m->pong.asked_ms = below(2) ? below(cluster.now_ms) : UINT64_MAX; break;
    case MESSAGE_REQUEST:
        m->request.offset = MESSAGE_PIECE_SIZE * (uint32_t)below(2); /* fall through */
    case MESSAGE_CANCEL:
    case MESSAGE_NONE: m->request.root = any_root(); break;
    case MESSAGE_CHUNK:
    case MESSAGE_PIECE:
        m->chunk.header = (struct vid_header){64 * (1 + (uint32_t)below(4)), any_root()};
        m->chunk.data = slice_of(data, m->chunk.header.chunk_size);
        break;
    }
}

static void say_anything(void)
{
    static uint8_t frame[8 << 10];
    for (node_id to = 0; to < BAD; to++) {
        const epoch_id ends[] = {0, 1, word_of(0).first_unsealed, UINT64_MAX / 2, UINT64_MAX};
        const struct word word = {ends[below(5)], ends[below(5)], ends[below(5)]};
        struct writer w = writer_of(frame, sizeof frame);
        message_header_encode(&w, &cluster.chain, below(8) ? &(struct word){1, 0, 0} : &word);
        for (unsigned k = 0; k < 6; k++) {
            struct message m = {.kind = (enum message_kind)(1 + below(MESSAGE_LAST)),
                                .proposer = (node_id)below(N)};
            const epoch_id top = word_of(to).first_unsealed + WINDOW + 2;
            m.epoch = below(20) ? 1 + below(top) : ends[2 + below(2)];
            if (below(2)) /* Where it matters. */
                m.epoch = word_of(to).first_unsealed + below(WINDOW);
            fill_any(&m);
            message_encode(&w, cluster.quorum, BAD, to, &m);
        }
        post_frame(BAD, to, DRIVER_VOTES, writer_result(&w));
    }
    disperse_to_one();
}

static void a_node_that_says_anything_harms_no_one(void **state)
{
    (void)state;
    for (unsigned run = 0; run < 4; run++) {
        seed = run;
        dispersed = 0;
        checkpoint_epochs = CHECKPOINT;
        cluster_open(N, HORIZON);
        member_crash(&cluster.members[BAD]);
        order(EPOCHS / 4, say_anything);
        cluster_until(all_executed, 2000);
        unsigned caught = 0;
        for (unsigned k = 0; k < BAD; k++) {
            const struct member *m = &cluster.members[k];
            const unsigned height =
                m->height < cluster.members[0].height ? m->height : cluster.members[0].height;
            for (unsigned i = 0; i < height; i++)
                assert_true(same_delivery(&m->ledger[i], &cluster.members[0].ledger[i]));
            for (unsigned f = 1; f < FAULT_COUNT; f++) {
                caught += m->faults[BAD][f];
                for (unsigned p = 0; p < BAD; p++)
                    assert_int_equal(m->faults[p][f], 0);
            }
        }
        assert_true(caught > 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(half_done_dispersals_cost_no_more_than_the_quota),
        CORE_TEST(the_quota_holds_across_a_restart),
        CORE_TEST(what_is_past_the_horizon_gives_its_place_back),
        CORE_TEST(the_oldest_of_what_a_sender_votes_on_are_tallied),
        CORE_TEST(a_proposer_starts_no_more_than_may_be_open_and_goes_on_when_they_complete),
        CORE_TEST(who_has_no_room_for_chunks_says_no_got_and_goes_on_when_it_has),
        CORE_TEST(who_was_away_for_long_gets_its_chunk_when_it_speaks),
        CORE_TEST(who_speaks_and_never_says_got_is_sent_little),
        CORE_TEST(a_node_that_executes_nothing_votes_with_the_others_and_keeps_no_more),
        CORE_TEST(a_node_that_says_anything_harms_no_one),
    };
    return cmocka_run_group_tests_name("core quota", tests, NULL, NULL);
}
