#include "tests/transport_fixture.h"

#include "net/transport_private.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void messages_of_several_parts_are_dropped(void **state)
{
    (void)state;
    struct node n = open_node(0);
    void *context = zmq_ctx_new();
    void *s = raw_dial(context, secrets[1], peers[0].endpoints[LANE_VOTES], peers[0].curve_public);
    uint32_t number = 1;
    for (unsigned i = 0; i < 3; i++) {
        zmq_send(s, &number, 4, ZMQ_SNDMORE);
        zmq_send(s, &number, 4, ZMQ_SNDMORE);
        zmq_send(s, &number, 4, 0);
    }
    number = 2;
    zmq_send(s, &number, 4, 0);
    expect_frame(NULL, &n, 1, LANE_VOTES, 2);
    expect_nothing(NULL, &n);
    zmq_close(s);
    zmq_ctx_term(context);
    close_node(&n);
}

static void keeps_the_order_within_a_lane(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    struct node a = open_node(1);
    struct node b = open_node(0);
    for (uint32_t i = 0; i < COUNT; i++) {
        for (enum lane lane = 0; lane < LANES; lane++)
            assert_true(send_frame(&a, 0, lane, 7, 0, i, 10 + i));
    }
    uint32_t next[LANES] = {0};
    for (unsigned i = 0; i < COUNT * LANES; i++) {
        struct transport_frame f;
        assert_true(arrives(&a, &b, &f, PATIENCE_MS));
        assert_int_equal(f.bytes.size, 10 + next[f.lane]);
        assert_int_equal(number_of(&f), next[f.lane]++);
    }
    close_node(&b);
    close_node(&a);
}

/* While the peer is down nothing has left: the lower order goes first, what was taken back does
 * not go, and what comes twice goes once. */
static void a_peer_that_comes_up_late_gets_what_is_queued(void **state)
{
    (void)state;
    struct node a = open_node(1);
    assert_true(send_frame(&a, 0, LANE_RETRIEVAL, 9, 1, 1, 100));
    assert_true(send_frame(&a, 0, LANE_RETRIEVAL, 8, 2, 2, 100));
    assert_true(send_frame(&a, 0, LANE_RETRIEVAL, 7, 3, 3, 100));
    assert_true(send_frame(&a, 0, LANE_RETRIEVAL, 1, 1, 4, 100));
    push_out_for(&a, QUIET_MS);
    assert_int_equal(transport_queued(a.transport, 0, LANE_RETRIEVAL), 300);
    assert_int_equal(transport_drop(a.transport, 0, LANE_RETRIEVAL, 2), 1);
    assert_int_equal(transport_drop(a.transport, 0, LANE_RETRIEVAL, 2), 0);
    assert_int_equal(transport_drop(a.transport, 0, LANE_DISPERSAL, 3), 0);
    assert_int_equal(transport_drop(a.transport, 2, LANE_RETRIEVAL, 3), 0);

    struct node b = open_node(0);
    expect_frame(&a, &b, 1, LANE_RETRIEVAL, 3);
    expect_frame(&a, &b, 1, LANE_RETRIEVAL, 1);
    expect_nothing(&a, &b);
    close_node(&b);
    close_node(&a);
}

/* What is sent while nobody has noticed that the peer is gone may be lost: it is sent again, as
 * the core would, and may then arrive more than once. */
static void expect_in_the_end(struct node *from, struct node *to, node_id receiver, enum lane lane)
{
    struct transport_frame f;
    bool got = false;
    for (uint64_t end = now_ms() + PATIENCE_MS; !got && now_ms() < end;) {
        send_frame(from, receiver, lane, 0, 1, 9, 100);
        got = arrives(from, to, &f, 50);
    }
    assert_true(got);
    assert_int_equal(f.lane, lane);
    while (arrives(from, to, &f, QUIET_MS))
        ;
}

static void expect_reach(struct node *from, node_id to, bool expected)
{
    uint64_t end = now_ms() + PATIENCE_MS;
    while (transport_reaches(from->transport, to) != expected && now_ms() < end)
        push_out_for(from, 10);
    assert_int_equal(transport_reaches(from->transport, to), expected);
}

static void a_peer_that_restarts_is_found_again(void **state)
{
    (void)state;
    struct node a = open_node(1);
    struct node b = open_node(0);
    expect_passage(&a, &b, 1, 0, 1);
    for (unsigned round = 0; round < 2; round++) {
        expect_reach(&a, 0, true);
        close_node(&b);
        expect_reach(&a, 0, false);
        b = open_node(0);
        for (enum lane lane = 0; lane < LANES; lane++)
            expect_in_the_end(&a, &b, 0, lane);
    }
    expect_passage(&a, &b, 1, 0, 2);
    expect_passage(&b, &a, 0, 1, 3);
    close_node(&b);
    close_node(&a);
}

/* A program that does not speak the protocol sits on the peer's port for a while: libzmq never
 * calls that endpoint again. */
static void a_stranger_on_the_peers_port_is_survived(void **state)
{
    (void)state;
    void *context = zmq_ctx_new();
    void *stranger = zmq_socket(context, ZMQ_PULL);
    assert_int_equal(zmq_bind(stranger, peers[0].endpoints[LANE_VOTES]), 0);
    struct transport_options o = options_of(1);
    o.redial_ms = 300;
    struct node a = open_with(o);
    assert_true(send_frame(&a, 0, LANE_VOTES, 0, 0, 1, 100));
    push_out_for(&a, QUIET_MS);
    zmq_close(stranger);
    zmq_ctx_term(context);
    struct node b = open_node(0);
    expect_frame(&a, &b, 1, LANE_VOTES, 1);
    close_node(&b);
    close_node(&a);
}

/* Sends to node 0, who is not reading. */
static void fill(struct node *n, enum lane lane, size_t size, unsigned count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(send_frame(n, 0, lane, 0, 0, i, size));
        for (uint64_t end = now_ms() + PATIENCE_MS; transport_queued(n->transport, 0, lane) > 0;) {
            push_out(n);
            assert_true(now_ms() < end);
        }
    }
}

static void a_vote_overtakes_a_backlog_of_bulk(void **state)
{
    (void)state;
    struct node a = open_node(1);
    struct node b = open_node(0);
    fill(&a, LANE_RETRIEVAL, FRAME_MAX, 20);
    assert_true(send_frame(&a, 0, LANE_VOTES, UINT64_MAX, 0, 99, 100));
    push_out_for(&a, QUIET_MS);
    struct transport_frame frames[64];
    assert_true(transport_receive(b.transport, frames, 64) > 1);
    assert_int_equal(frames[0].lane, LANE_VOTES);
    assert_int_equal(number_of(&frames[0]), 99);
    assert_int_equal(frames[1].lane, LANE_RETRIEVAL);
    assert_int_equal(number_of(&frames[1]), 0); /* All the backlog is behind the vote. */
    for (uint32_t i = 0; i < 32; i++)
        assert_true(send_frame(&a, 0, LANE_RETRIEVAL, 0, 0, i, FRAME_MAX));
    push_out(&a);
    uint64_t start = now_ms();
    close_node(&a); /* It does not wait for anyone to take what is left. */
    assert_true(now_ms() - start < 1000);
    close_node(&b);
}

/* The most that any connection of this process holds unsent, in bytes. */
static int most_unsent(void)
{
    int most = 0;
    for (int file = 0; file < 1024; file++) {
        int protocol = 0, unsent = 0;
        socklen_t size = sizeof protocol;
        if (getsockopt(file, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
            protocol == IPPROTO_TCP && ioctl(file, SIOCOUTQNSD, &unsent) == 0 && unsent > most)
            most = unsent;
    }
    return most;
}

/* A process that is node 0, until it is stopped. */
static pid_t start_node_0(void)
{
    const pid_t child = fork();
    if (child == 0) {
        struct node b = open_node(0);
        for (;;)
            push_out_for(&b, QUIET_MS);
    }
    return child;
}

/* The peer reads nothing: what waits, waits where it can be overtaken and taken back. */
static void a_kernel_holds_little_unsent(void **state)
{
    (void)state;
    const pid_t peer = start_node_0();
    struct node a = open_node(1);
    expect_reach(&a, 0, true);
    push_out_for(&a, 600); /* It has looked at the connection. */
    kill(peer, SIGSTOP);
    for (uint64_t quiet = now_ms() + 3 * QUIET_MS; now_ms() < quiet; push_out(&a)) {
        if (transport_queued(a.transport, 0, LANE_RETRIEVAL) > 0)
            continue; /* What the peer's kernel takes is sent. */
        assert_true(send_frame(&a, 0, LANE_RETRIEVAL, 0, 0, 0, FRAME_MAX));
        quiet = now_ms() + 3 * QUIET_MS;
    }
    assert_true(transport_queued(a.transport, 0, LANE_RETRIEVAL) > 0);
    assert_in_range(most_unsent(), 1, CONNECTIONS_UNSENT_MAX + FRAME_MAX);
    kill(peer, SIGKILL);
    waitpid(peer, NULL, 0);
    close_node(&a);
}

static void a_flood_of_votes_leaves_room_for_the_rest(void **state)
{
    (void)state;
    struct node a = open_node(1);
    struct node b = open_node(0);
    fill(&a, LANE_VOTES, FRAME_MAX, 20);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(send_frame(&a, 0, LANE_DISPERSAL, 0, 0, i, 100));
        assert_true(send_frame(&a, 0, LANE_RETRIEVAL, 0, 0, i, 100));
    }
    push_out_for(&a, QUIET_MS);
    struct transport_frame frames[16];
    assert_int_equal(transport_receive(b.transport, frames, 16), 16);
    assert_int_equal(frames[11].lane, LANE_VOTES);
    assert_int_equal(frames[12].lane, LANE_DISPERSAL);
    assert_int_equal(frames[14].lane, LANE_DISPERSAL);
    assert_int_equal(frames[15].lane, LANE_RETRIEVAL);
    close_node(&b);
    close_node(&a);
}

static void votes_are_taken_by_and_by(void **state)
{
    (void)state;
    struct node a = open_node(1);
    struct node b = open_node(0);
    for (unsigned k = 0; k < 2; k++) {
        fill(&a, LANE_VOTES, FRAME_MAX, 24);
        push_out_for(&a, QUIET_MS);
    }
    struct transport_frame frames[64];
    assert_int_equal(transport_receive(b.transport, frames, 64), (2 << 20) / FRAME_MAX);
    assert_true(transport_more(b.transport));
    assert_int_equal(transport_receive(b.transport, frames, 64), 48 - (2 << 20) / FRAME_MAX);
    close_node(&b);
    close_node(&a);
}

static uint64_t
    uncounted[NODES * LANES]; /* By the intake of a transport, of each connection to it. */
static unsigned connections, owned;

static void see_uncounted(void *transport, const struct connection *c)
{
    const struct transport *t = transport;
    for (unsigned k = 0; k < t->intake.port_count && !c->listening; k++)
        if (c->own_port == t->intake.ports[k].number) {
            uncounted[connections++] = c->received - t->intake.files[c->file].taken;
            owned += t->intake.files[c->file].owner == 1 + 1;
        }
}

/* What frames have on the wire is counted to the byte, or it would add up where something always
 * waits: only the handshake is not. */
static void frames_are_counted_as_on_the_wire(void **state)
{
    (void)state;
    enum { HANDSHAKE_MAX = 1024 };
    struct node a = open_node(1);
    struct node b = open_node(0);
    b.transport->intake.looked_ms = UINT64_MAX / 2; /* It does not look. */
    for (uint32_t i = 0; i < 3000; i++) {
        assert_true(send_frame(&a, 0, LANE_VOTES, 0, 0, i, 4 + i / 10 + i % 7 * 40));
        expect_frame(&a, &b, 1, LANE_VOTES, i);
    }
    connections = owned = 0;
    connections_each(see_uncounted, b.transport);
    assert_true(connections >= LANES);
    assert_int_equal(owned, 1); /* By which something came, from node 1. */
    for (unsigned k = 0; k < connections; k++)
        assert_in_range(uncounted[k], 0, HANDSHAKE_MAX);
    close_node(&b);
    close_node(&a);
}

static void a_full_queue_drops_and_counts(void **state)
{
    (void)state;
    struct node a = open_node(1); /* Nobody else is up. */
    struct transport_counts counts;
    for (uint32_t i = 0; i < 32; i++)
        assert_true(send_frame(&a, 0, LANE_DISPERSAL, 0, 0, i, FRAME_MAX));
    assert_false(send_frame(&a, 0, LANE_DISPERSAL, 0, 0, 32, 100));
    assert_false(send_frame(&a, 0, LANE_DISPERSAL, 0, 0, 33, 100));
    assert_true(send_frame(&a, 0, LANE_RETRIEVAL, 0, 0, 34, 100));
    assert_true(send_frame(&a, 2, LANE_DISPERSAL, 0, 0, 35, 200));
    transport_counts(a.transport, &counts);
    assert_int_equal(counts.dropped_frames[LANE_VOTES], 0);
    assert_int_equal(counts.dropped_frames[LANE_DISPERSAL], 2);
    assert_int_equal(counts.dropped_frames[LANE_RETRIEVAL], 0);
    assert_int_equal(counts.queued_bytes[LANE_DISPERSAL], 32 * FRAME_MAX + 200);
    assert_int_equal(transport_queued(a.transport, 0, LANE_DISPERSAL), 32 * FRAME_MAX);
    close_node(&a);
}

static void counts_what_is_sent_and_received(void **state)
{
    (void)state;
    struct node a = open_node(1);
    struct node b = open_node(0);
    struct transport_counts sent, received;
    for (enum lane lane = 0; lane < LANES; lane++) {
        for (uint32_t i = 0; i <= lane; i++) {
            assert_true(send_frame(&a, 0, lane, 0, 0, i, 1000 + lane));
            expect_frame(&a, &b, 1, lane, i);
        }
    }
    transport_counts(a.transport, &sent);
    transport_counts(b.transport, &received);
    for (unsigned lane = 0; lane < LANES; lane++) {
        assert_int_equal(sent.traffic.tx_bytes[lane], (lane + 1) * (1000 + lane));
        assert_int_equal(received.traffic.rx_bytes[lane], (lane + 1) * (1000 + lane));
        assert_int_equal(sent.traffic.rx_bytes[lane] + received.traffic.tx_bytes[lane], 0);
        assert_int_equal(sent.queued_bytes[lane] + sent.dropped_frames[lane], 0);
        assert_int_equal(transport_traffic(a.transport, 0).tx_bytes[lane],
                         sent.traffic.tx_bytes[lane]);
        assert_int_equal(transport_traffic(a.transport, 2).tx_bytes[lane], 0);
        assert_int_equal(transport_traffic(b.transport, 1).rx_bytes[lane],
                         received.traffic.rx_bytes[lane]);
    }
    close_node(&b);
    close_node(&a);
}

static void a_frame_too_large_is_refused_and_the_link_recovers(void **state)
{
    (void)state;
    struct transport_options o = options_of(1);
    o.frame_size_max[LANE_DISPERSAL] = FRAME_MAX + 1;
    struct node a = open_with(o);
    struct node b = open_node(0);
    assert_true(send_frame(&a, 0, LANE_DISPERSAL, 0, 0, 1, FRAME_MAX));
    expect_frame(&a, &b, 1, LANE_DISPERSAL, 1);
    assert_true(send_frame(&a, 0, LANE_DISPERSAL, 0, 0, 2, FRAME_MAX + 1));
    expect_nothing(&a, &b);
    assert_true(send_frame(&a, 0, LANE_DISPERSAL, 0, 0, 3, 100));
    expect_frame(&a, &b, 1, LANE_DISPERSAL, 3);
    close_node(&b);
    close_node(&a);
}

/* Polls until nothing is readable any more: what libzmq's threads have to say at first is heard. */
static void hear(struct node *n, struct pollfd polled[], unsigned count)
{
    for (unsigned k = 0; k < 100 && poll(polled, count, 20) != 0; k++) {
        transport_polled(n->transport, polled, count);
        push_out(n);
    }
}

static void polls_links_only_where_something_waits(void **state)
{
    (void)state;
    struct node a = open_node(1);
    struct pollfd polled[NODES * LANES];
    assert_int_equal(transport_flush(a.transport, polled), LANES);
    assert_true(send_frame(&a, 0, LANE_VOTES, 0, 5, 1, 100));
    assert_true(send_frame(&a, 2, LANE_RETRIEVAL, 0, 0, 2, 100));
    assert_int_equal(transport_flush(a.transport, polled), LANES + 2);
    hear(&a, polled, LANES + 2);
    assert_int_equal(poll(polled, LANES + 2, 20), 0); /* Nobody is up: it may sleep. */
    assert_int_equal(transport_drop(a.transport, 0, LANE_VOTES, 5), 1);
    assert_int_equal(transport_flush(a.transport, polled), LANES + 1);
    close_node(&a);
}

/* Only what polling says moves a link that was full: nothing that waits is forgotten. */
static void a_full_link_goes_on_when_its_file_says_so(void **state)
{
    (void)state;
    struct node a = open_node(1);
    struct node b = open_node(0);
    struct pollfd polled[2 * NODES * LANES];
    struct transport_frame f;
    enum { FRAMES = 32 }; /* As many as the queue holds, and far more than libzmq and TCP. */
    expect_passage(&a, &b, 1, 0, 1);
    for (uint32_t i = 0; i < FRAMES; i++)
        assert_true(send_frame(&a, 0, LANE_RETRIEVAL, 0, 0, i, FRAME_MAX));
    uint32_t next = 0;
    unsigned idle = 0; /* Polls that ended without a word: ten are too many. */
    while (next < FRAMES && idle < 10) {
        const unsigned count = transport_flush(a.transport, polled);
        const unsigned more = transport_flush(b.transport, &polled[count]);
        const bool full = transport_queued(a.transport, 0, LANE_RETRIEVAL) > 0;
        assert_int_equal(count, LANES + full);
        idle += poll(polled, count + more, 500) == 0;
        transport_polled(a.transport, polled, count);
        transport_polled(b.transport, &polled[count], more);
        while (transport_receive(b.transport, &f, 1))
            assert_int_equal(number_of(&f), next++);
    }
    assert_int_equal(next, FRAMES);
    close_node(&b);
    close_node(&a);
}

/* A lane's share of the room is used up, the room is not: the rest must not wait for a new
 * frame. */
static void says_when_it_left_something(void **state)
{
    (void)state;
    struct node a = open_node(1);
    struct node b = open_node(0);
    struct transport_frame frames[8];
    enum { FRAMES = 32 };
    expect_passage(&a, &b, 1, 0, 1);
    for (uint32_t i = 0; i < FRAMES; i++)
        assert_true(send_frame(&a, 0, LANE_VOTES, 0, 0, i, 100));
    push_out_for(&a, 200); /* All have arrived, */
    push_out(&b);          /* and it has polled. */
    uint32_t next = 0;
    do {
        const unsigned count = transport_receive(b.transport, frames, 8);
        for (unsigned i = 0; i < count; i++)
            assert_int_equal(number_of(&frames[i]), next++);
    } while (transport_more(b.transport));
    assert_int_equal(next, FRAMES);
    close_node(&b);
    close_node(&a);
}

static void a_port_in_use_is_named(void **state)
{
    (void)state;
    struct node a = open_node(1);
    struct transport_options o = options_of(1);
    struct transport *second = NULL;
    o.zmq_context = a.context;
    memset(message, 0, sizeof message);
    assert_int_equal(transport_open(&o, &second, message, sizeof message), -1);
    assert_null(second);
    assert_non_null(strstr(message, peers[1].endpoints[LANE_VOTES]));
    assert_non_null(strstr(message, "choose another port"));
    snprintf(o.listen[0], sizeof o.listen[0], "tcp://nonsense");
    assert_int_equal(transport_open(&o, &second, message, sizeof message), -1);
    assert_non_null(strstr(message, "nonsense"));
    struct zap *zap = NULL;
    const uint8_t keys[1][CURVE_KEY_SIZE] = {{0}};
    assert_int_equal(zap_start(a.context, keys, 1, NULL, 0, &zap, message, sizeof message), -1);
    assert_null(zap);
    close_node(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(messages_of_several_parts_are_dropped, fresh),
        cmocka_unit_test_setup(keeps_the_order_within_a_lane, fresh),
        cmocka_unit_test_setup(a_peer_that_comes_up_late_gets_what_is_queued, fresh),
        cmocka_unit_test_setup(a_peer_that_restarts_is_found_again, fresh),
        cmocka_unit_test_setup(a_stranger_on_the_peers_port_is_survived, fresh),
        cmocka_unit_test_setup(a_vote_overtakes_a_backlog_of_bulk, fresh),
        cmocka_unit_test_setup(a_kernel_holds_little_unsent, fresh),
        cmocka_unit_test_setup(a_flood_of_votes_leaves_room_for_the_rest, fresh),
        cmocka_unit_test_setup(votes_are_taken_by_and_by, fresh),
        cmocka_unit_test_setup(frames_are_counted_as_on_the_wire, fresh),
        cmocka_unit_test_setup(a_full_queue_drops_and_counts, fresh),
        cmocka_unit_test_setup(counts_what_is_sent_and_received, fresh),
        cmocka_unit_test_setup(a_frame_too_large_is_refused_and_the_link_recovers, fresh),
        cmocka_unit_test_setup(polls_links_only_where_something_waits, fresh),
        cmocka_unit_test_setup(a_full_link_goes_on_when_its_file_says_so, fresh),
        cmocka_unit_test_setup(says_when_it_left_something, fresh),
        cmocka_unit_test_setup(a_port_in_use_is_named, fresh),
    };
    alarm(60); /* What hangs has failed. */
    return cmocka_run_group_tests_name("transport", tests, NULL, NULL);
}
