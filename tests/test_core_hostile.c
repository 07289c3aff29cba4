/* What liars would have of one correct node: its table of instances, its time, its fetches. */
#include "node/driver_private.h"
#include "tests/core_liar.h"

static void say_root(node_id from, node_id to, epoch_id epoch, node_id proposer, enum vid_vote vote,
                     const struct hash *root)
{
    uint8_t entry[1 + HASH_SIZE] = {(uint8_t)proposer};
    memcpy(entry + 1, root->bytes, HASH_SIZE);
    const struct message m = {
        .kind = MESSAGE_ROOTS, .epoch = epoch, .roots = {vote, 1, slice_of(entry, sizeof entry)}};
    speak(from, to, DRIVER_VOTES, &m);
}

/* ---- The table of instances ---- */

enum { EPOCHS = 640, HERE = 0 };

static struct hash own_roots[EPOCHS + WINDOW + 1]; /* Of HERE's dispersals, as it says. */

static bool note_own_roots(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (p->from == HERE && section_next(&r, p, &m))
        for (unsigned k = 0; m.kind == MESSAGE_ROOTS && k < m.roots.count; k++) {
            node_id proposer;
            struct hash root;
            message_root_entry(&m, k, &proposer, &root);
            if (proposer == HERE && m.epoch <= EPOCHS + WINDOW)
                own_roots[m.epoch] = root;
        }
    return true;
}

/* Four of the six others end an epoch in which nothing of HERE's was accepted. */
static void end_epoch(epoch_id e)
{
    struct message m = {.kind = MESSAGE_VOTES, .epoch = e};
    for (node_id from = 1; from <= 4; from++) {
        m.votes.vote = (struct ba_message){BA_TERM, 0, BA_ONE};
        m.votes.proposers = (struct nodeset){{0x7e}};
        speak(from, HERE, DRIVER_VOTES, &m);
        m.votes.vote.values = BA_ZERO;
        m.votes.proposers = (struct nodeset){{1 << HERE}};
        speak(from, HERE, DRIVER_VOTES, &m);
    }
}

/* Our READY outlives the votes that it followed from, when these give way to those on older
 * instances. A table full of such has room for our own dispersals all the same. */
static void instances_left_with_our_ready_alone_leave_room_for_our_own(void **state)
{
    (void)state;
    cluster_open(7, 2000);
    memset(own_roots, 0, sizeof own_roots);
    for (unsigned k = 0; k < 7; k++)
        if (k != HERE)
            member_crash(&cluster.members[k]);
    cluster.passes = note_own_roots;
    while (word_of(HERE).first_unsealed <= EPOCHS) {
        const epoch_id first = word_of(HERE).first_unsealed;
        for (epoch_id e = first; e < first + WINDOW; e++)
            end_epoch(e);
        cluster_round();
    }
    for (epoch_id block = EPOCHS; block > 0; block -= 64) {
        for (epoch_id e = block - 63; e <= block; e++)
            for (node_id p = 1; p < 7; p++) {
                const struct hash root = hash_bytes(slice_of(&(uint64_t){e << 8 | p}, 8));
                for (node_id from = 1; from <= 3; from++)
                    say_root(from, HERE, e, p, VID_READY, &root);
            }
        cluster_run(2);
    }
    /* One of its own completes: now it may disperse another. */
    const epoch_id last = node_of(HERE)->proposing.last;
    epoch_id own = 1;
    while (hash_equal(&own_roots[own], &(struct hash){{0}}))
        own++;
    for (node_id from = 1; from <= 4; from++)
        say_root(from, HERE, own, HERE, VID_READY, &own_roots[own]);
    submit(HERE);
    cluster_run(10);
    assert_true(node_of(HERE)->proposing.last > last);
    assert_int_equal(node_of(HERE)->proposing.own_open, OPEN_DISPERSALS);
}

/* ---- Questions ---- */

enum { TIMES = 1000, SEALED = 3200 };

static struct node *asked;
static struct effects answers;
static uint64_t asked_ms = 1000;

static struct node_options small = {.quorum = {4, 1},
                                    .epoch_window = WINDOW,
                                    .open_dispersals = OPEN_DISPERSALS,
                                    .link_horizon = 10000,
                                    .block_bytes_max = 1 << 20,
                                    .retry_ms = RETRY_MS};

static void node_open(void)
{
    const size_t size = node_memory_size(&small);
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    const unsigned count = node_effects_max(&small);
    answers = (struct effects){0, count, calloc(count, sizeof *answers.items)};
    assert_true(memory && answers.items);
    memset(memory, 0, size);
    asked = node_init(memory, size, &small);
    node_restore_height(asked, SEALED + 1, SEALED, SEALED);
    const struct event first = {.type = EVENT_TICK, .now_ms = asked_ms};
    node_step(asked, &first, &answers);
}

static void node_shut(void)
{
    free(answers.items);
    free(asked);
}

/* Peer 3 asks so often in one frame. Returns in how many agreements or dispersals it is told what
 * was said. */
static uint64_t ask(const struct message *m, unsigned times)
{
    uint64_t count = 0;
    while (times-- > 0) {
        const struct event e = {.type = EVENT_MESSAGE, .now_ms = asked_ms, .from = 3, .message = m};
        node_step(asked, &e, &answers);
        for (unsigned k = 0; k < answers.count; k++) {
            const struct effect *a = &answers.items[k];
            const unsigned proposers = nodeset_count(&a->answer.proposers);
            if (a->type == EFFECT_ANSWER_VOTES)
                count += proposers;
            else if (a->type == EFFECT_ANSWER_ROOTS)
                count += proposers * (a->answer.run.last - a->answer.run.first + 1);
        }
    }
    return count;
}

/* What a node that is behind asks in one go: all agreements in flight, and of each proposer the
 * recent dispersals, a segment of the older ones, and what it delivers next. A liar gets no more. */
static void a_frame_of_questions_is_answered_as_far_as_one_may_ask(void **state)
{
    (void)state;
    const unsigned n = small.quorum.n;
    const struct message votes = {
        .kind = MESSAGE_WANT_VOTES, .epoch = SEALED, .want_votes = {nodeset_full(n)}};
    struct message recent = {.kind = MESSAGE_WANT_ROOTS, .epoch = 1};
    recent.want_roots.count = 1;
    recent.want_roots.runs[0] = (struct epoch_run){SEALED - 63, SEALED + WINDOW};
    struct message older = recent;
    older.want_roots.runs[0] = (struct epoch_run){SEALED - 63 - 256, SEALED - 64};
    struct message all = recent;
    all.want_roots.count = MESSAGE_RUNS_MAX;
    for (unsigned k = 0; k < MESSAGE_RUNS_MAX; k++)
        all.want_roots.runs[k] = (struct epoch_run){200 * k + 1, 200 * k + 199};
    node_open();
    for (unsigned turn = 0; turn < 3; turn++) {
        asked_ms += RETRY_MS;
        assert_int_equal(ask(&votes, WINDOW), WINDOW * n);
        assert_int_equal(ask(&recent, n), n * (64 + WINDOW));
        assert_int_equal(ask(&older, n), n * 256);
        assert_int_equal(ask(&votes, TIMES), 0);
        assert_in_range(ask(&all, TIMES), 0, n * (1 + DELIVERY_WINDOW) + LINKED_AHEAD);
        asked_ms += RETRY_MS;
        assert_in_range(ask(&votes, TIMES), 0, WINDOW * n);
        assert_in_range(ask(&all, TIMES), 0,
                        n * (64 + WINDOW + 256 + 1 + DELIVERY_WINDOW) + LINKED_AHEAD);
        assert_int_equal(ask(&all, TIMES), 0);
    }
    node_shut();
}

/* However many nodes there are: each answer is read from the store. */
static void among_many_one_may_ask_no_more(void **state)
{
    (void)state;
    struct message all = {.kind = MESSAGE_WANT_ROOTS, .epoch = 1};
    all.want_roots.count = 1;
    all.want_roots.runs[0] = (struct epoch_run){1, UINT64_MAX - 1};
    uint64_t answers_of[2];
    for (unsigned k = 0; k < 2; k++) {
        small.quorum = quorum_of(k == 0 ? 16 : NODES_MAX);
        node_open();
        asked_ms += RETRY_MS;
        answers_of[k] = ask(&all, TIMES);
        node_shut();
    }
    small.quorum = quorum_of(4);
    assert_in_range(answers_of[0], 16 * (64 + WINDOW + 256), 6000);
    assert_in_range(answers_of[1], NODES_MAX * (2 * WINDOW), 2 * answers_of[0]);
}

/* Nothing was said of what is beyond the window. */
static void what_is_beyond_the_window_is_not_looked_up(void **state)
{
    (void)state;
    struct message m = {.kind = MESSAGE_WANT_ROOTS, .epoch = 1};
    m.want_roots.count = 2;
    m.want_roots.runs[0] = (struct epoch_run){SEALED + WINDOW, SEALED + WINDOW + 100};
    m.want_roots.runs[1] = (struct epoch_run){SEALED + WINDOW + 200, UINT64_MAX - 1};
    node_open();
    asked_ms += RETRY_MS;
    assert_int_equal(ask(&m, 1), 1);
    node_shut();
}

static unsigned frames_to_3;

static bool count_to_3(struct post *p)
{
    frames_to_3 += p->to == 3;
    return true;
}

static unsigned asked_room;

static bool has_no_room(void *context, node_id to, enum driver_lane lane, uint64_t tag, size_t size)
{
    (void)context, (void)size;
    assert_int_equal(to, 3);
    assert_int_equal(lane, DRIVER_RETRIEVAL);
    assert_true(tag != 0);
    asked_room++;
    return false;
}

/* One chunk of several pieces, so often asked for at once, serves no more than can be fetched. */
static void a_frame_of_requests_is_served_as_far_as_one_may_fetch(void **state)
{
    (void)state;
    enum { PIECES = 7 };
    static uint8_t frame[64 << 10];
    struct writer w = writer_of(frame, sizeof frame);
    struct hash root;
    struct message m = {.kind = MESSAGE_REQUEST, .epoch = 1, .proposer = 0};
    cluster_open(4, 1000);
    member_crash(&cluster.members[3]); /* It says that it has executed nothing: none prunes. */
    cluster.transaction_size = 60000;
    for (unsigned k = 0; k < 15; k++)
        submit(0);
    while (!node_completed(node_of(1), 1, 0, &root))
        cluster_round();
    m.request.root = root;
    cluster_run(100);
    message_header_encode(&w, &cluster.chain, &liar_word);
    for (unsigned k = 0; k < TIMES; k++)
        message_encode(&w, cluster.quorum, 3, 1, &m);
    assert_true(w.ok);
    cluster.passes = count_to_3;
    post_frame(3, 1, DRIVER_VOTES, writer_result(&w));
    frames_to_3 = 0;
    cluster_round();
    assert_in_range(frames_to_3, FETCH_SLOTS * PIECES, FETCH_SLOTS * PIECES + 10);
    assert_in_range(cluster.members[1].driver->deferred_capacity, 1, 2 * FETCH_SLOTS);
    /* What waits already is not made again. */
    cluster.members[1].driver->ports.takes = has_no_room;
    post_frame(3, 1, DRIVER_VOTES, writer_result(&w));
    frames_to_3 = asked_room = 0;
    cluster_round();
    assert_int_equal(asked_room, FETCH_SLOTS * PIECES);
    assert_in_range(frames_to_3, 0, 10);
}

static unsigned shares_to[4];

static bool count_share(const struct post *p, struct message *m)
{
    shares_to[p->to] += m->kind == MESSAGE_SHARE && p->from == 1;
    return false;
}

static bool count_shares(struct post *p)
{
    keep_sections(p, count_share);
    return false;
}

/* Whose agreement is in a later round, and open, is asked for the share of an earlier one again and
 * again, by two: it is made once for both. */
static void a_share_is_made_again_once_for_all_who_ask(void **state)
{
    (void)state;
    enum { SHARES = 2, ASKED = 5 };
    static uint8_t frame[4096];
    struct writer w = writer_of(frame, sizeof frame);
    struct message m = {.kind = MESSAGE_WANT_VOTES, .epoch = 1};
    cluster_open(4, 1000);
    cluster.passes = count_shares;
    submit(1);
    cluster_run(4);
    for (unsigned p = 0; p < SHARES; p++) {
        struct ba *b = &node_epoch(node_of(1), 1)->bas[p];
        b->round = 3;
        b->sent[2] |= BA_BOTH << 2 * (BA_SHARE - BA_BVAL);
        nodeset_add(&m.want_votes.proposers, p);
    }
    message_header_encode(&w, &cluster.chain, &liar_word);
    for (unsigned k = 0; k < ASKED; k++)
        message_encode(&w, cluster.quorum, 3, 1, &m);
    cluster.passes = NULL;
    post_frame(2, 1, DRIVER_VOTES, writer_result(&w));
    post_frame(3, 1, DRIVER_VOTES, writer_result(&w));
    cluster.passes = count_shares;
    memset(shares_to, 0, sizeof shares_to);
    cluster_run(1);
    unsigned jobs = 0;
    for (const struct job *j = cluster.members[1].jobs; j; j = j->next)
        jobs += j->result.kind == WORK_SHARE;
    assert_int_equal(jobs, SHARES);
    cluster_run(3);
    assert_int_equal(shares_to[2], SHARES);
    assert_int_equal(shares_to[3], SHARES);
    assert_int_equal(shares_to[0], 0);
    cluster_run(RETRY_MS / ROUND_MS); /* And then again. */
    memset(shares_to, 0, sizeof shares_to);
    cluster.passes = NULL;
    post_frame(3, 1, DRIVER_VOTES, writer_result(&w));
    cluster.passes = count_shares;
    cluster_run(4);
    assert_true(shares_to[3] >= SHARES);
}

/* Two different votes of one round, as often as a frame holds: each is a fault, and none is kept. */
static void a_frame_of_faults_is_counted_and_not_kept(void **state)
{
    (void)state;
    enum { PAIRS = 10000 };
    static uint8_t frame[512 << 10];
    struct writer w = writer_of(frame, sizeof frame);
    cluster_open(4, 1000);
    message_header_encode(&w, &cluster.chain, &liar_word);
    for (unsigned k = 0; k < 2 * PAIRS; k++) {
        struct message m = {.kind = MESSAGE_VOTES, .epoch = 1};
        m.votes.vote = (struct ba_message){BA_AUX, 0, k % 2 ? BA_ONE : BA_ZERO};
        m.votes.proposers = nodeset_full(4);
        message_encode(&w, cluster.quorum, 3, 1, &m);
    }
    assert_true(w.ok);
    post_frame(3, 1, DRIVER_VOTES, writer_result(&w));
    cluster_round();
    cluster_round();
    assert_int_equal(cluster.members[1].faults[3][FAULT_EQUIVOCATION], 4 * PAIRS);
    assert_in_range(cluster.members[1].driver->deferred_capacity, 1, 256);
}

/* ---- Fetches ---- */

enum { QUICK = 1, SLOW = 2, MUTE = 3, PACE = 25, QUEUE = 64 };

static struct post *queue[QUEUE]; /* Of SLOW's pieces: one a tag, and one comes in PACE rounds. */
static unsigned queued, lies;

static bool queue_piece(const struct post *p, const struct message *m)
{
    for (unsigned k = 0; k < queued; k++) {
        struct reader r = sections_of(queue[k]);
        struct message other;
        if (section_next(&r, queue[k], &other) && other.epoch == m->epoch &&
            other.proposer == m->proposer && other.chunk.offset == m->chunk.offset)
            return false;
    }
    assert_true(queued < QUEUE);
    struct post *copy = malloc(sizeof *copy);
    *copy = *p;
    copy->bytes = malloc(p->size);
    memcpy(copy->bytes, p->bytes, p->size);
    queue[queued++] = copy;
    return false;
}

static bool lie_or_dawdle(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    if (p->to != HERE || !section_next(&r, p, &m) || m.kind != MESSAGE_PIECE)
        return true;
    if (p->from == MUTE)
        return false;
    if (p->from == SLOW)
        return queue_piece(p, &m);
    p->bytes[p->size - 1] ^= 1; /* The data's last byte. */
    lies++;
    return true;
}

static void next_piece(void)
{
    if (queued == 0)
        return;
    queue[0]->next = NULL;
    *cluster.posts_end = queue[0];
    cluster.posts_end = &queue[0]->next;
    memmove(queue, queue + 1, --queued * sizeof *queue);
}

/* Its chunk does not fit, which decoding finds, and then all others begin anew: once. */
static void a_quick_liar_holds_up_a_fetch_from_a_slow_peer_once(void **state)
{
    (void)state;
    cluster_open(4, 1000);
    queued = lies = 0;
    cluster.transaction_size = 60000;
    cluster.passes = lie_or_dawdle;
    for (unsigned k = 0; k < 15; k++)
        submit(MUTE);
    while (word_of(HERE).agreed < 1)
        cluster_round();
    unsigned rounds = 0;
    for (; rounds < 1000 && word_of(HERE).executed < 1; rounds++) {
        if (rounds % PACE == 0)
            next_piece();
        cluster_round();
    }
    while (queued > 0) {
        free(queue[--queued]->bytes);
        free(queue[queued]);
    }
    assert_true(rounds < 1000);
    assert_in_range(cluster.members[HERE].faults[QUICK][FAULT_BAD_PROOF], 1, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(instances_left_with_our_ready_alone_leave_room_for_our_own),
        CORE_TEST(a_frame_of_questions_is_answered_as_far_as_one_may_ask),
        CORE_TEST(among_many_one_may_ask_no_more),
        CORE_TEST(what_is_beyond_the_window_is_not_looked_up),
        CORE_TEST(a_frame_of_requests_is_served_as_far_as_one_may_fetch),
        CORE_TEST(a_share_is_made_again_once_for_all_who_ask),
        CORE_TEST(a_frame_of_faults_is_counted_and_not_kept),
        CORE_TEST(a_quick_liar_holds_up_a_fetch_from_a_slow_peer_once),
    };
    return cmocka_run_group_tests_name("core hostile", tests, NULL, NULL);
}
