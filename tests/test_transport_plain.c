/* Bulk lanes that are not encrypted: what nodes say passes, and nothing of anyone else's. */
#include "net/seal.h"
#include "tests/transport_fixture.h"

static struct transport_options plain_of(node_id self)
{
    struct transport_options o = options_of(self);
    o.plain_bulk = true;
    return o;
}

static void what_nodes_say_passes_in_every_lane(void **state)
{
    (void)state;
    struct node a = open_with(plain_of(1)), b = open_with(plain_of(0)), c = open_with(plain_of(2));
    enum { COUNT = 100 };
    expect_passage(&a, &b, 1, 0, 1);
    expect_passage(&b, &a, 0, 1, 2);
    expect_passage(&c, &b, 2, 0, 3);
    for (uint32_t i = 0; i < COUNT; i++)
        for (enum lane lane = 0; lane < LANES; lane++)
            assert_true(send_frame(&a, 0, lane, 7, 0, i, i % 10 == 0 ? FRAME_MAX : 10 + i));
    uint32_t next[LANES] = {0};
    for (unsigned i = 0; i < COUNT * LANES; i++) {
        struct transport_frame f;
        assert_true(arrives(&a, &b, &f, PATIENCE_MS));
        assert_int_equal(f.from, 1);
        const uint32_t number = next[f.lane]++;
        assert_int_equal(number_of(&f), number);
        assert_int_equal(f.bytes.size, number % 10 == 0 ? FRAME_MAX : 10 + number);
    }
    close_node(&c);
    close_node(&b);
    close_node(&a);
}

static void *stranger(void *context, enum lane lane)
{
    void *s = zmq_socket(context, ZMQ_PUSH);
    zmq_setsockopt(s, ZMQ_LINGER, &(int){0}, sizeof(int));
    assert_int_equal(zmq_connect(s, peers[0].endpoints[lane]), 0);
    return s;
}

static void say(void *socket, const uint8_t *frame, const uint8_t *seal, size_t seal_size,
                unsigned more)
{
    zmq_send(socket, frame, 100, seal || more ? ZMQ_SNDMORE : 0);
    if (seal)
        zmq_send(socket, seal, seal_size, more ? ZMQ_SNDMORE : 0);
    for (; more > 0; more--)
        zmq_send(socket, "", 0, more > 1 ? ZMQ_SNDMORE : 0);
}

/* Anyone can call: what comes counts only with the seal of a node, for this node and lane. */
static void nobody_else_is_heard(void **state)
{
    (void)state;
    struct node n = open_with(plain_of(0));
    uint8_t publics[NODES][CURVE_KEY_SIZE], frame[100] = {9}, seal[SEAL_SIZE],
                                            none[SEAL_SIZE] = {1};
    unsigned bad;
    for (unsigned i = 0; i < NODES; i++)
        memcpy(publics[i], peers[i].curve_public, CURVE_KEY_SIZE);
    struct seals *s =
        seals_new(1, NODES, secrets[1], (const uint8_t(*)[CURVE_KEY_SIZE])publics, &bad);
    const struct slice bytes = slice_of(frame, sizeof frame);
    void *context = zmq_ctx_new();
    void *socket = stranger(context, LANE_RETRIEVAL);
    say(socket, frame, NULL, 0, 0);
    say(socket, frame, none, SEAL_SIZE, 0);
    seal_make(s, 2, LANE_RETRIEVAL, bytes, seal);
    say(socket, frame, seal, SEAL_SIZE, 0);
    seal_make(s, 0, LANE_DISPERSAL, bytes, seal);
    say(socket, frame, seal, SEAL_SIZE, 0);
    seal_make(s, 0, LANE_RETRIEVAL, bytes, seal);
    say(socket, frame, seal, SEAL_SIZE - 1, 0);
    say(socket, frame, seal, SEAL_SIZE, 1);
    say(socket, frame, NULL, 0, 2);
    void *votes = stranger(context, LANE_VOTES); /* These are never plain. */
    seal_make(s, 0, LANE_VOTES, bytes, seal);
    say(votes, frame, seal, SEAL_SIZE, 0);
    expect_nothing(NULL, &n);
    seal_make(s, 0, LANE_RETRIEVAL, bytes, seal);
    say(socket, frame, seal, SEAL_SIZE, 0);
    expect_frame(NULL, &n, 1, LANE_RETRIEVAL, 9);
    zmq_close(votes);
    zmq_close(socket);
    zmq_ctx_term(context);
    seals_free(s);
    close_node(&n);
}

/* One node encrypts, the other does not: votes pass, and it can be said what is wrong. */
static void whose_bulk_differs_is_told(void **state)
{
    (void)state;
    struct node a = open_with(plain_of(1));
    struct node b = open_node(0);
    assert_true(send_frame(&a, 0, LANE_VOTES, 0, 0, 1, 100));
    expect_frame(&a, &b, 1, LANE_VOTES, 1);
    assert_false(transport_shut(a.transport, 0, QUIET_MS));
    assert_true(send_frame(&a, 0, LANE_DISPERSAL, 0, 0, 2, 100));
    assert_true(send_frame(&b, 1, LANE_RETRIEVAL, 0, 0, 3, 100));
    push_out_for(&a, 10);
    assert_false(transport_shut(a.transport, 0, QUIET_MS));
    expect_nothing(&a, &b);
    expect_nothing(&b, &a);
    push_out_for(&a, QUIET_MS);
    push_out_for(&b, QUIET_MS);
    assert_true(transport_shut(a.transport, 0, QUIET_MS));
    assert_true(transport_shut(b.transport, 1, QUIET_MS));
    close_node(&b);
    close_node(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_nodes_say_passes_in_every_lane, fresh),
        cmocka_unit_test_setup(nobody_else_is_heard, fresh),
        cmocka_unit_test_setup(whose_bulk_differs_is_told, fresh),
    };
    alarm(60); /* What hangs has failed. */
    return cmocka_run_group_tests_name("transport plain", tests, NULL, NULL);
}
