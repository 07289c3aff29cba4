/* Bulk lanes that are not encrypted: what nodes say passes, and nothing of anyone else's. */
#include "net/seal.h"
#include "tests/transport_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct seals *seals_of(node_id self)
{
    uint8_t publics[NODES][CURVE_KEY_SIZE];
    for (unsigned i = 0; i < NODES; i++)
        memcpy(publics[i], peers[i].curve_public, CURVE_KEY_SIZE);
    struct seals *s = seals_new(self, NODES, secrets[self],
                                (const uint8_t(*)[CURVE_KEY_SIZE])publics, message, sizeof message);
    assert_non_null(s);
    return s;
}

static struct transport_options plain_of(node_id self)
{
    struct transport_options o = options_of(self);
    o.seals = seals_of(self);
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

/* Who comes to node 0 as `user` with a password, or neither. */
static void *caller(void *context, enum lane lane, const char *user, const char *password)
{
    void *s = zmq_socket(context, ZMQ_PUSH);
    zmq_setsockopt(s, ZMQ_LINGER, &(int){0}, sizeof(int));
    if (user) {
        zmq_setsockopt(s, ZMQ_PLAIN_USERNAME, user, strlen(user));
        zmq_setsockopt(s, ZMQ_PLAIN_PASSWORD, password, strlen(password));
    }
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

/* Without a node's password, or with another's, no frame comes in, whatever its seal. */
static void who_has_no_password_is_refused(void **state)
{
    (void)state;
    struct node n = open_with(plain_of(0));
    struct seals *of_1 = seals_of(1), *of_2 = seals_of(2);
    uint8_t frame[100] = {9}, seal[SEAL_SIZE];
    char right[SEAL_PASSWORD_SIZE], of_another[SEAL_PASSWORD_SIZE], almost[SEAL_PASSWORD_SIZE];
    seal_password(of_1, 0, right);
    seal_password(of_2, 0, of_another);
    memcpy(almost, right, sizeof almost);
    almost[SEAL_PASSWORD_SIZE - 2] ^= 1;
    void *context = zmq_ctx_new();
    void *callers[] = {caller(context, LANE_RETRIEVAL, NULL, NULL),
                       caller(context, LANE_RETRIEVAL, "1", of_another),
                       caller(context, LANE_RETRIEVAL, "1", almost),
                       caller(context, LANE_RETRIEVAL, "1", "x"),
                       caller(context, LANE_RETRIEVAL, "01", right),
                       caller(context, LANE_RETRIEVAL, "0", right),
                       caller(context, LANE_RETRIEVAL, "7", right),
                       caller(context, LANE_VOTES, "1", right)}; /* These are never plain. */
    for (unsigned i = 0; i < sizeof callers / sizeof *callers; i++) {
        seal_make(of_1, 0, LANE_RETRIEVAL, slice_of(frame, sizeof frame), seal);
        say(callers[i], frame, seal, SEAL_SIZE, 0);
    }
    expect_nothing(NULL, &n);
    assert_true(zap_refused(n.zap) >= 6);
    void *last = caller(context, LANE_RETRIEVAL, "1", right);
    seal_make(of_1, 0, LANE_RETRIEVAL, slice_of(frame, sizeof frame), seal);
    say(last, frame, seal, SEAL_SIZE, 0);
    expect_frame(NULL, &n, 1, LANE_RETRIEVAL, 9);
    zmq_close(last);
    for (unsigned i = 0; i < sizeof callers / sizeof *callers; i++)
        zmq_close(callers[i]);
    zmq_ctx_term(context);
    seals_free(of_1);
    seals_free(of_2);
    close_node(&n);
}

/* Who has heard the password comes in; what it says counts only with the seal of the node. */
static void who_has_only_the_password_is_not_heard(void **state)
{
    (void)state;
    struct node n = open_with(plain_of(0));
    struct seals *of_1 = seals_of(1), *of_2 = seals_of(2);
    uint8_t frame[100] = {9}, seal[SEAL_SIZE], none[SEAL_SIZE] = {1};
    char password[SEAL_PASSWORD_SIZE];
    struct transport_counts counts;
    const struct slice bytes = slice_of(frame, sizeof frame);
    void *context = zmq_ctx_new();
    seal_password(of_1, 0, password);
    void *socket = caller(context, LANE_RETRIEVAL, "1", password);
    say(socket, frame, NULL, 0, 0);
    say(socket, frame, none, SEAL_SIZE, 0);
    seal_make(of_1, 2, LANE_RETRIEVAL, bytes, seal);
    say(socket, frame, seal, SEAL_SIZE, 0);
    seal_make(of_1, 0, LANE_DISPERSAL, bytes, seal);
    say(socket, frame, seal, SEAL_SIZE, 0);
    seal_make(of_2, 0, LANE_RETRIEVAL, bytes, seal); /* Another node's. */
    say(socket, frame, seal, SEAL_SIZE, 0);
    seal_make(of_1, 0, LANE_RETRIEVAL, bytes, seal);
    say(socket, frame, seal, SEAL_SIZE - 1, 0);
    say(socket, frame, seal, SEAL_SIZE, 1);
    say(socket, frame, NULL, 0, 2);
    expect_nothing(NULL, &n);
    transport_counts(n.transport, &counts);
    assert_int_equal(counts.refused_frames, 5);
    seal_make(of_1, 0, LANE_RETRIEVAL, bytes, seal);
    say(socket, frame, seal, SEAL_SIZE, 0);
    expect_frame(NULL, &n, 1, LANE_RETRIEVAL, 9);
    zmq_close(socket);
    zmq_ctx_term(context);
    seals_free(of_1);
    seals_free(of_2);
    close_node(&n);
}

static bool is_shut(struct node *n, node_id to, unsigned ms)
{
    transport_reaches(n->transport, to);
    return transport_shut(n->transport, to, ms);
}

static void look_for(struct node *a, struct node *b, unsigned ms)
{
    for (uint64_t end = now_ms() + ms; now_ms() < end; zmq_poll(NULL, 0, 10)) {
        push_out(a);
        push_out(b);
        is_shut(a, 0, QUIET_MS);
        is_shut(b, 1, QUIET_MS);
    }
}

/* One node encrypts, the other does not: votes pass, and it can be said what is wrong. */
static void whose_bulk_differs_is_told(void **state)
{
    (void)state;
    struct node a = open_with(plain_of(1));
    struct node b = open_node(0);
    assert_true(send_frame(&a, 0, LANE_VOTES, 0, 0, 1, 100));
    expect_frame(&a, &b, 1, LANE_VOTES, 1);
    assert_true(send_frame(&a, 0, LANE_DISPERSAL, 0, 0, 2, 100));
    assert_true(send_frame(&b, 1, LANE_RETRIEVAL, 0, 0, 3, 100));
    assert_false(is_shut(&a, 0, QUIET_MS));
    expect_nothing(&a, &b);
    expect_nothing(&b, &a);
    look_for(&a, &b, 3 * QUIET_MS);
    assert_true(is_shut(&a, 0, QUIET_MS));
    assert_true(is_shut(&b, 1, QUIET_MS));
    assert_false(is_shut(&b, 2, QUIET_MS)); /* Is not there at all. */
    close_node(&b);
    close_node(&a);
}

static void whose_bulk_is_the_same_is_not(void **state)
{
    (void)state;
    struct node a = open_with(plain_of(1));
    struct node b = open_with(plain_of(0));
    expect_passage(&a, &b, 1, 0, 1);
    look_for(&a, &b, 3 * QUIET_MS);
    assert_false(is_shut(&a, 0, QUIET_MS));
    assert_false(is_shut(&b, 1, QUIET_MS));
    close_node(&b);
    close_node(&a);
}

/* Sits on a lane of node 0, and lets in who calls: ZMTP 3.0 by hand, since libzmq's PULL says
 * nothing. */
static int answer_caller(struct node *n)
{
    static const uint8_t welcome[] = "\x04\x08\x07WELCOME",
                         ready[] = "\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PULL";
    const char *port = strrchr(peers[0].endpoints[LANE_RETRIEVAL], ':') + 1;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, [32] = 1}, said[256];
    memcpy(greeting + 12, "PLAIN", 5);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    *n = open_with(plain_of(1));
    const int file = accept(listener, NULL, NULL);
    close(listener);
    assert_int_equal(send(file, greeting, sizeof greeting, 0), sizeof greeting);
    assert_int_equal(recv(file, said, 64, MSG_WAITALL), 64);
    assert_true(recv(file, said, sizeof said, 0) > 0); /* HELLO */
    assert_int_equal(send(file, welcome, sizeof welcome - 1, 0), sizeof welcome - 1);
    assert_true(recv(file, said, sizeof said, 0) > 0); /* INITIATE */
    assert_int_equal(send(file, ready, sizeof ready - 1, 0), sizeof ready - 1);
    return file;
}

/* Nobody reads what comes from who is called: it must not be kept. */
static void who_is_called_and_speaks_is_cut(void **state)
{
    (void)state;
    static const uint8_t part[9 + 1000] = {3, [7] = 3, [8] = 0xe8}; /* More will come. */
    struct node n;
    struct transport_counts counts;
    const int file = answer_caller(&n);
    size_t said = 0;
    for (uint64_t end = now_ms() + PATIENCE_MS; now_ms() < end; push_out(&n)) {
        if (send(file, part, sizeof part, MSG_NOSIGNAL) < 0)
            break;
        said += sizeof part;
    }
    transport_counts(n.transport, &counts);
    assert_int_equal(counts.cut_connections, 1);
    assert_true(said > 16 << 10);
    close(file);
    close_node(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_nodes_say_passes_in_every_lane, fresh),
        cmocka_unit_test_setup(who_has_no_password_is_refused, fresh),
        cmocka_unit_test_setup(who_has_only_the_password_is_not_heard, fresh),
        cmocka_unit_test_setup(whose_bulk_differs_is_told, fresh),
        cmocka_unit_test_setup(whose_bulk_is_the_same_is_not, fresh),
        cmocka_unit_test_setup(who_is_called_and_speaks_is_cut, fresh),
    };
    alarm(60); /* What hangs has failed. */
    return cmocka_run_group_tests_name("transport plain", tests, NULL, NULL);
}
