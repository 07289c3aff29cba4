#include "node/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

enum { N = 4, SELF = 0, FRAMES = 64, SECTIONS = 400, FRAME_FULL = 256 << 10 };

static const struct hash chain = {{'c', 'h', 'a', 'i', 'n'}};
static const struct word word = {3, 2, 1};
static struct quorum quorum;
static struct outbox *box;
static epoch_id windows[NODES_MAX]; /* Peer p takes what is said of epochs below windows[p]. */

/* What left in the last flush. */
static struct {
    node_id to;
    unsigned first, count; /* Its sections. */
    size_t size;
    bool again;
} frames[FRAMES];
static unsigned frame_count;
static struct message sections[SECTIONS];
static uint8_t root_bytes[SECTIONS][N * (1 + HASH_SIZE)];
static unsigned section_count;

static bool takes(void *context, node_id peer, epoch_id epoch)
{
    assert_ptr_equal(context, &box);
    assert_in_range(peer, 0, quorum.n - 1);
    return epoch < windows[peer];
}

static void keep(void *context, node_id to, bool again, struct slice frame)
{
    assert_ptr_equal(context, &box);
    assert_true(to != SELF);
    assert_true(frame_count < FRAMES);
    struct reader r = reader_of(frame);
    struct word read;
    assert_true(message_header_decode(&r, &chain, &read));
    assert_memory_equal(&read, &word, sizeof word);
    frames[frame_count].to = to;
    frames[frame_count].first = section_count;
    frames[frame_count].size = frame.size;
    frames[frame_count].again = again;
    while (message_decode(&r, quorum, SELF, to, &sections[section_count])) {
        struct message *m = &sections[section_count];
        if (m->kind == MESSAGE_ROOTS && quorum.n == N) { /* The frame is lent for the call. */
            memcpy(root_bytes[section_count], m->roots.entries.data, m->roots.entries.size);
            m->roots.entries.data = root_bytes[section_count];
        }
        section_count++;
        frames[frame_count].count++;
        assert_true(section_count < SECTIONS);
    }
    assert_true(r.ok);
    frame_count++;
}

static bool flush(void)
{
    memset(frames, 0, sizeof frames);
    frame_count = section_count = 0;
    return outbox_flush(box, &chain, &word, &(struct outbox_port){&box, takes, keep});
}

static void begin(unsigned n)
{
    outbox_free(box);
    quorum = quorum_of(n);
    box = outbox_new(quorum, SELF);
    for (unsigned p = 0; p < NODES_MAX; p++)
        windows[p] = 100;
}

static int setup(void **state)
{
    (void)state;
    begin(N);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    outbox_free(box);
    box = NULL;
    return 0;
}

static const struct ba_message aux_one = {BA_AUX, 0, BA_ONE};
static struct hash root_of(unsigned i) { return (struct hash){{(uint8_t)i, (uint8_t)(i >> 8)}}; }

static void vote(node_id to, epoch_id epoch, node_id proposer, struct ba_message m)
{
    outbox_vote(box, to, epoch, proposer, &m);
}

static void root(node_id to, epoch_id epoch, node_id proposer, enum vid_vote kind, unsigned i)
{
    const struct hash h = root_of(i);
    outbox_root(box, to, epoch, proposer, kind, &h);
}

/* ---- */

static void nothing_is_sent_when_nothing_was_said(void **state)
{
    (void)state;
    assert_false(flush());
    assert_int_equal(frame_count, 0);
    vote(TO_ALL, 1, 0, aux_one);
    assert_true(flush());
    assert_int_equal(frame_count, N - 1);
    assert_false(flush()); /* What was sent is not sent again. */
    assert_int_equal(frame_count, 0);
}

static void the_same_vote_of_one_epoch_becomes_one_bitmap(void **state)
{
    (void)state;
    static const struct {
        epoch_id epoch;
        node_id proposer;
        struct ba_message vote;
        unsigned section;
    } said[] = {
        {5, 3, {BA_AUX, 0, BA_ONE}, 0},  {5, 0, {BA_AUX, 0, BA_ONE}, 0},
        {5, 0, {BA_AUX, 0, BA_ZERO}, 1}, {5, 0, {BA_AUX, 1, BA_ONE}, 2},
        {5, 0, {BA_BVAL, 0, BA_ONE}, 3}, {6, 0, {BA_AUX, 0, BA_ONE}, 4},
        {5, 2, {BA_AUX, 0, BA_ONE}, 0},  {6, 1, {BA_AUX, 0, BA_ONE}, 4},
        {5, 3, {BA_AUX, 0, BA_ONE}, 0},
    };
    static const unsigned sets[] = {1 << 3 | 1 << 0 | 1 << 2, 1, 1, 1, 1 << 0 | 1 << 1};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        vote(TO_ALL, said[i].epoch, said[i].proposer, said[i].vote);
    flush();
    assert_int_equal(frame_count, N - 1);
    for (unsigned f = 0; f < frame_count; f++) {
        assert_int_equal(frames[f].to, f + 1);
        assert_int_equal(frames[f].count, 5);
        for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
            const struct message *m = &sections[frames[f].first + said[i].section];
            assert_int_equal(m->kind, MESSAGE_VOTES);
            assert_int_equal(m->epoch, said[i].epoch);
            assert_memory_equal(&m->votes.vote, &said[i].vote, sizeof said[i].vote);
            assert_int_equal(m->votes.proposers.words[0], sets[said[i].section]);
        }
    }
}

static void roots_of_one_kind_and_epoch_become_one_ascending_list(void **state)
{
    (void)state;
    root(TO_ALL, 5, 3, VID_GOT, 13);
    root(TO_ALL, 5, 1, VID_READY, 21);
    root(TO_ALL, 5, 0, VID_GOT, 10);
    root(TO_ALL, 6, 2, VID_GOT, 32);
    root(TO_ALL, 5, 2, VID_GOT, 12);
    root(TO_ALL, 5, 0, VID_READY, 20);
    flush();
    static const struct {
        epoch_id epoch;
        enum vid_vote vote;
        unsigned count, proposers[3], roots[3];
    } expected[] = {
        {5, VID_GOT, 3, {0, 2, 3}, {10, 12, 13}},
        {5, VID_READY, 2, {0, 1}, {20, 21}},
        {6, VID_GOT, 1, {2}, {32}},
    };
    assert_int_equal(frame_count, N - 1);
    for (unsigned f = 0; f < frame_count; f++) {
        assert_int_equal(frames[f].count, 3);
        for (unsigned s = 0; s < 3; s++) {
            const struct message *m = &sections[frames[f].first + s];
            assert_int_equal(m->kind, MESSAGE_ROOTS);
            assert_int_equal(m->epoch, expected[s].epoch);
            assert_int_equal(m->roots.vote, expected[s].vote);
            assert_int_equal(m->roots.count, expected[s].count);
            for (unsigned k = 0; k < m->roots.count; k++) {
                node_id proposer;
                struct hash h;
                message_root_entry(m, k, &proposer, &h);
                const struct hash right = root_of(expected[s].roots[k]);
                assert_int_equal(proposer, expected[s].proposers[k]);
                assert_true(hash_equal(&h, &right));
            }
        }
    }
}

static void the_root_named_last_is_said(void **state)
{
    (void)state;
    root(1, 5, 3, VID_GOT, 13);
    root(1, 5, 2, VID_GOT, 12);
    root(1, 6, 3, VID_GOT, 63);
    root(1, 5, 3, VID_GOT, 33);
    flush();
    assert_int_equal(frame_count, 1);
    assert_int_equal(frames[0].count, 2);
    assert_int_equal(sections[0].roots.count, 2);
    for (unsigned k = 0; k < 2; k++) {
        node_id proposer;
        struct hash h;
        message_root_entry(&sections[0], k, &proposer, &h);
        const struct hash right = root_of(k == 0 ? 12 : 33);
        assert_int_equal(proposer, 2 + k);
        assert_true(hash_equal(&h, &right));
    }
}

/* A root takes its own room, not that of all nodes'. */
static void it_is_full_before_it_is_large(void **state)
{
    (void)state;
    unsigned epochs = 1;
    begin(NODES_MAX);
    for (; !outbox_full(box); epochs++) {
        assert_true(epochs < 10000);
        root(1, epochs, epochs % NODES_MAX, VID_COMPLETE, epochs);
    }
    assert_in_range(epochs, 2000, 10000);
    flush();
    assert_false(outbox_full(box));
    root(2, 1, 1, VID_COMPLETE, 1); /* The place of one that was sent. */
    flush();
    assert_int_equal(frame_count, 1);
    assert_int_equal(frames[0].to, 2);
    assert_int_equal(frames[0].count, 1);
}

/* It stands for a root that was named before it, also when its own section was begun first. */
static void ready_comes_after_the_got_it_stands_for(void **state)
{
    (void)state;
    outbox_ready(box, TO_ALL, 5, 1);
    vote(TO_ALL, 5, 1, aux_one);
    root(TO_ALL, 5, 2, VID_GOT, 12);
    outbox_ready(box, TO_ALL, 6, 0);
    outbox_ready(box, TO_ALL, 5, 2);
    flush();
    static const enum message_kind kinds[] = {MESSAGE_VOTES, MESSAGE_ROOTS, MESSAGE_READY,
                                              MESSAGE_READY};
    assert_int_equal(frame_count, N - 1);
    for (unsigned f = 0; f < frame_count; f++) {
        const struct message *m = &sections[frames[f].first];
        assert_int_equal(frames[f].count, 4);
        for (unsigned s = 0; s < 4; s++)
            assert_int_equal(m[s].kind, kinds[s]);
        assert_int_equal(m[2].epoch, 5);
        assert_int_equal(m[2].ready.proposers.words[0], 1 << 1 | 1 << 2);
        assert_int_equal(m[3].epoch, 6);
        assert_int_equal(m[3].ready.proposers.words[0], 1 << 0);
    }
}

static void what_only_asks_is_told_from_what_is_said_once(void **state)
{
    (void)state;
    outbox_word(box, 1);
    outbox_message(box, 2, &(struct message){.kind = MESSAGE_PING});
    outbox_message(box, 2, &(struct message){.kind = MESSAGE_REQUEST, .epoch = 1});
    outbox_message(box, 3, &(struct message){.kind = MESSAGE_PING});
    vote(3, 5, 1, aux_one);
    flush();
    assert_int_equal(frame_count, 3);
    assert_true(frames[0].again);
    assert_true(frames[1].again);
    assert_false(frames[2].again);
}

static void what_is_for_one_peer_goes_to_it_alone(void **state)
{
    (void)state;
    vote(2, 5, 0, aux_one);
    vote(TO_ALL, 5, 1, aux_one); /* Not merged with it. */
    root(3, 5, 1, VID_GOT, 1);
    root(TO_ALL, 5, 2, VID_GOT, 2);
    outbox_message(box, 1, &(struct message){.kind = MESSAGE_NONE, .epoch = 9, .proposer = 2});
    flush();
    assert_int_equal(frame_count, N - 1);
    static const unsigned counts[] = {3, 3, 3};
    for (unsigned f = 0; f < frame_count; f++)
        assert_int_equal(frames[f].count, counts[f]);
    const struct message *of_1 = &sections[frames[0].first];
    assert_int_equal(of_1[0].votes.proposers.words[0], 1 << 1);
    assert_int_equal(of_1[2].kind, MESSAGE_NONE);
    const struct message *of_2 = &sections[frames[1].first];
    assert_int_equal(of_2[0].votes.proposers.words[0], 1 << 0);
    assert_int_equal(of_2[1].votes.proposers.words[0], 1 << 1);
    assert_int_equal(of_2[2].roots.count, 1);
    const struct message *of_3 = &sections[frames[2].first];
    assert_int_equal(of_3[1].roots.entries.data[0], 1);
    assert_int_equal(of_3[2].roots.entries.data[0], 2);
}

static void what_a_peer_does_not_take_yet_is_held_back(void **state)
{
    (void)state;
    windows[1] = 8;
    windows[2] = 7;
    windows[3] = 3;
    vote(TO_ALL, 7, 0, aux_one);
    root(TO_ALL, 7, 0, VID_READY, 1);
    outbox_message(box, TO_ALL,
                   &(struct message){.kind = MESSAGE_SHARE, .epoch = 7, .share = {.round = 2}});
    vote(3, 7, 0, aux_one); /* To one peer as to all. */
    flush();
    assert_int_equal(frame_count, 1); /* None at all, where all is held. */
    assert_int_equal(frames[0].to, 1);
    assert_int_equal(frames[0].count, 3);
    vote(TO_ALL, 2, 0, aux_one);
    vote(TO_ALL, 6, 0, aux_one);
    vote(TO_ALL, 7, 0, aux_one);
    flush();
    assert_int_equal(frame_count, 3);
    for (unsigned f = 0; f < 3; f++)
        assert_int_equal(frames[f].count, 3 - f);
}

static void what_is_no_vote_goes_to_whoever_it_is_for(void **state)
{
    (void)state;
    static const enum message_kind kinds[] = {MESSAGE_WANT_VOTES, MESSAGE_WANT_ROOTS,
                                              MESSAGE_REQUEST, MESSAGE_CANCEL, MESSAGE_NONE};
    windows[1] = windows[2] = windows[3] = 1;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct message m = {.kind = kinds[i], .epoch = 50, .proposer = 2};
        if (m.kind == MESSAGE_WANT_VOTES)
            nodeset_add(&m.want_votes.proposers, 3);
        if (m.kind == MESSAGE_WANT_ROOTS) {
            m.want_roots.count = 1;
            m.want_roots.runs[0] = (struct epoch_run){50, 60};
        }
        outbox_message(box, 2, &m);
        outbox_message(box, TO_ALL, &m);
        flush();
        assert_int_equal(frame_count, N - 1);
        for (unsigned f = 0; f < frame_count; f++)
            assert_int_equal(frames[f].count, frames[f].to == 2 ? 2 : 1);
        assert_int_equal(sections[0].kind, kinds[i]);
    }
}

static void a_word_leaves_alone_and_with_whatever_else_does(void **state)
{
    (void)state;
    outbox_word(box, 2);
    flush();
    assert_int_equal(frame_count, 1);
    assert_int_equal(frames[0].to, 2);
    assert_int_equal(frames[0].count, 0);
    assert_int_equal(frames[0].size, MESSAGE_HEADER_SIZE);
    outbox_word(box, TO_ALL);
    vote(3, 5, 0, aux_one);
    flush();
    assert_int_equal(frame_count, N - 1);
    for (unsigned f = 0; f < frame_count; f++)
        assert_int_equal(frames[f].count, frames[f].to == 3);
    flush();
    assert_int_equal(frame_count, 0);
}

/* 90 lists of 128 roots, 380 KB: more than one frame, less than two full ones. */
static void what_is_large_leaves_in_several_frames_in_order(void **state)
{
    (void)state;
    enum { EPOCHS = 90 };
    begin(128);
    for (epoch_id e = 1; e <= EPOCHS; e++)
        for (unsigned p = 0; p < 128; p++)
            root(1, e, (node_id)p, VID_GOT, (unsigned)e);
    vote(1, 1, 77, aux_one);
    flush();
    assert_int_equal(frame_count, 2);
    assert_int_equal(section_count, EPOCHS + 1);
    for (unsigned s = 0; s < EPOCHS; s++) {
        assert_int_equal(sections[s].epoch, s + 1);
        assert_int_equal(sections[s].roots.count, 128);
    }
    assert_int_equal(sections[EPOCHS].kind, MESSAGE_VOTES);
    assert_true(frames[0].size >= FRAME_FULL && frames[0].size < FRAME_FULL + 8192);
    assert_true(frames[1].size < FRAME_FULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_sent_when_nothing_was_said),
        TEST(the_same_vote_of_one_epoch_becomes_one_bitmap),
        TEST(roots_of_one_kind_and_epoch_become_one_ascending_list),
        TEST(the_root_named_last_is_said),
        TEST(it_is_full_before_it_is_large),
        TEST(ready_comes_after_the_got_it_stands_for),
        TEST(what_only_asks_is_told_from_what_is_said_once),
        TEST(what_is_for_one_peer_goes_to_it_alone),
        TEST(what_a_peer_does_not_take_yet_is_held_back),
        TEST(what_is_no_vote_goes_to_whoever_it_is_for),
        TEST(a_word_leaves_alone_and_with_whatever_else_does),
        TEST(what_is_large_leaves_in_several_frames_in_order),
    };
    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
