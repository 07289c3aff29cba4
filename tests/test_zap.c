#include "tests/transport_fixture.h"

/* The secret of an unknown key, or the peers with a wrong key of the server's: both are node 1
 * in all else. */
static struct node open_impostor(bool knows_server)
{
    static struct transport_peer misled[NODES];
    uint8_t ignored[CURVE_KEY_SIZE];
    struct transport_options o = options_of(1);
    memcpy(misled, peers, sizeof misled);
    o.peers = misled;
    for (unsigned lane = 0; lane < LANES; lane++) /* Node 1 itself is running. */
        snprintf(o.listen[lane], sizeof o.listen[lane], "tcp://127.0.0.1:*");
    if (knows_server)
        assert_int_equal(curve_generate(ignored, o.curve_secret), 0);
    else
        assert_int_equal(curve_generate(misled[0].curve_public, ignored), 0);
    return open_with(o);
}

static void expect_no_plain_text(struct node *server)
{
    void *context = zmq_ctx_new();
    void *sockets[2];
    for (unsigned i = 0; i < 2; i++) {
        sockets[i] = zmq_socket(context, ZMQ_PUSH);
        zmq_setsockopt(sockets[i], ZMQ_LINGER, &(int){0}, sizeof(int));
        if (i == 1)
            zmq_setsockopt(sockets[i], ZMQ_PLAIN_USERNAME, "1", 1);
        assert_int_equal(zmq_connect(sockets[i], peers[0].endpoints[LANE_VOTES]), 0);
        assert_int_equal(zmq_send(sockets[i], "vote", 4, 0), 4);
    }
    expect_nothing(NULL, server);
    for (unsigned i = 0; i < 2; i++)
        zmq_close(sockets[i]);
    zmq_ctx_term(context);
}

static void admits_the_clusters_keys_and_nothing_else(void **state)
{
    (void)state;
    struct node server = open_node(0);
    struct node right = open_node(1);
    struct node other = open_node(2);
    expect_passage(&right, &server, 1, 0, 1);
    expect_passage(&other, &server, 2, 0, 2);
    assert_int_equal(zap_refused(server.zap), 0);

    struct node stranger = open_impostor(true);
    for (enum lane lane = 0; lane < LANES; lane++)
        assert_true(send_frame(&stranger, 0, lane, 0, 0, 3, 100));
    expect_nothing(&stranger, &server);
    assert_true(zap_refused(server.zap) >= LANES);
    close_node(&stranger);

    struct node misled = open_impostor(false);
    for (enum lane lane = 0; lane < LANES; lane++)
        assert_true(send_frame(&misled, 0, lane, 0, 0, 4, 100));
    expect_nothing(&misled, &server);
    struct transport_counts counts;
    transport_counts(misled.transport, &counts);
    assert_int_equal(counts.traffic.tx_bytes[LANE_VOTES], 0);
    close_node(&misled);

    expect_no_plain_text(&server);
    expect_passage(&right, &server, 1, 0, 5);
    expect_passage(&other, &server, 2, 0, 6);
    close_node(&other);
    close_node(&right);
    close_node(&server);
}

/* Whether a key that is not a node's gets a message into a socket of this domain. */
static bool domain_admits_any_key(void *context, const char *domain)
{
    char endpoint[64] = "";
    size_t size = sizeof endpoint;
    uint8_t ignored[CURVE_KEY_SIZE], secret[CURVE_KEY_SIZE];
    assert_int_equal(curve_generate(ignored, secret), 0);
    void *pull = zmq_socket(context, ZMQ_PULL);
    zmq_setsockopt(pull, ZMQ_CURVE_SERVER, &(int){1}, sizeof(int));
    zmq_setsockopt(pull, ZMQ_CURVE_SECRETKEY, secrets[0], CURVE_KEY_SIZE);
    zmq_setsockopt(pull, ZMQ_ZAP_DOMAIN, domain, strlen(domain));
    assert_int_equal(zmq_bind(pull, "tcp://127.0.0.1:*"), 0);
    zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, endpoint, &size);
    void *push = raw_dial(context, secret, endpoint, peers[0].curve_public);
    zmq_send(push, "hello", 5, 0);
    zmq_pollitem_t item = {pull, 0, ZMQ_POLLIN, 0};
    bool admitted = zmq_poll(&item, 1, QUIET_MS) == 1;
    zmq_close(push);
    zmq_close(pull);
    return admitted;
}

static void clients_may_have_any_key_and_unknown_domains_none(void **state)
{
    (void)state;
    struct node n = open_node(0);
    assert_true(domain_admits_any_key(n.context, "client"));
    assert_int_equal(zap_refused(n.zap), 0);
    assert_false(domain_admits_any_key(n.context, "node"));
    uint64_t refused = zap_refused(n.zap);
    assert_true(refused > 0);
    assert_false(domain_admits_any_key(n.context, "clients"));
    assert_true(zap_refused(n.zap) > refused);
    close_node(&n);
}

/* Requests that libzmq itself never makes: a handler that trusts them reads what is not there. */
static void odd_requests_are_refused(void **state)
{
    (void)state;
    char key[CURVE_KEY_SIZE + 1] = {0};
    struct node n = open_node(0);
    memcpy(key, peers[1].curve_public, CURVE_KEY_SIZE);
    const struct {
        const char *version, *domain, *mechanism;
        size_t key_size;
        unsigned more;
        const char *status;
    } cases[] = {
        {"1.0", "node", "CURVE", 32, 0, "200"}, {"2.0", "node", "CURVE", 32, 0, "400"},
        {"1.0", "nod", "CURVE", 32, 0, "400"},  {"1.0", "node", "NULL", 32, 0, "400"},
        {"1.0", "node", "CURVE", 33, 0, "400"}, {"1.0", "node", "CURVE", 32, 9, "400"},
    };
    void *s = zmq_socket(n.context, ZMQ_REQ);
    zmq_setsockopt(s, ZMQ_LINGER, &(int){0}, sizeof(int));
    assert_int_equal(zmq_connect(s, "inproc://zeromq.zap.01"), 0);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char parts[6][300] = {{0}};
        zmq_send(s, cases[i].version, strlen(cases[i].version), ZMQ_SNDMORE);
        zmq_send(s, "77", 2, ZMQ_SNDMORE);
        zmq_send(s, cases[i].domain, strlen(cases[i].domain), ZMQ_SNDMORE);
        zmq_send(s, parts[0], sizeof parts[0], ZMQ_SNDMORE); /* An address that is too long. */
        zmq_send(s, "", 0, ZMQ_SNDMORE);
        zmq_send(s, cases[i].mechanism, strlen(cases[i].mechanism), ZMQ_SNDMORE);
        zmq_send(s, key, cases[i].key_size, cases[i].more ? ZMQ_SNDMORE : 0);
        for (unsigned k = cases[i].more; k > 0; k--)
            zmq_send(s, "more", 4, k > 1 ? ZMQ_SNDMORE : 0);
        for (unsigned k = 0; k < 6; k++)
            zmq_recv(s, parts[k], sizeof parts[k] - 1, 0);
        assert_string_equal(parts[0], "1.0");
        assert_string_equal(parts[1], "77");
        assert_string_equal(parts[2], cases[i].status);
        assert_string_equal(parts[4], i == 0 ? "1" : "");
    }
    assert_int_equal(zap_refused(n.zap), 5);
    zmq_close(s);
    close_node(&n);
}

/* Every node calls the votes lane of `n`, which is node `self`. */
static void call_from_all(struct node *n, node_id self, bool one_arrives)
{
    void *context = zmq_ctx_new();
    void *sockets[NODES];
    for (uint32_t i = 0; i < NODES; i++) {
        const char *endpoint = peers[self].endpoints[LANE_VOTES];
        sockets[i] = raw_dial(context, secrets[i], endpoint, peers[self].curve_public);
        zmq_send(sockets[i], &i, sizeof i, 0);
    }
    if (one_arrives)
        expect_frame(NULL, n, 1, LANE_VOTES, 1);
    expect_nothing(NULL, n);
    for (unsigned i = 0; i < NODES; i++)
        zmq_close(sockets[i]);
    zmq_ctx_term(context);
}

/* Names that no peer has: the node's own, and those past the last. */
static void frames_of_others_than_peers_are_dropped(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 2; count++) {
        struct transport_options o = options_of(0);
        o.node_count = count;
        struct node n = open_with(o);
        call_from_all(&n, 0, count == 2);
        assert_int_equal(zap_refused(n.zap), 0);
        close_node(&n);
    }
}

/* Connections come about when nobody checks keys, but nothing that arrives has a sender. */
static void without_a_key_check_nobody_has_a_name(void **state)
{
    (void)state;
    struct transport_options o = options_of(1);
    struct node n = {.context = o.zmq_context = zmq_ctx_new()};
    assert_int_equal(transport_open(&o, &n.transport, message, sizeof message), 0);
    call_from_all(&n, 1, false);
    close_node(&n);
}

static void the_public_key_follows_from_the_secret(void **state)
{
    (void)state;
    uint8_t public[CURVE_KEY_SIZE], secret[CURVE_KEY_SIZE], again[CURVE_KEY_SIZE];
    assert_int_equal(curve_generate(public, secret), 0);
    assert_int_equal(curve_public(secret, again), 0);
    assert_memory_equal(public, again, CURVE_KEY_SIZE);
    assert_memory_not_equal(public, peers[0].curve_public, CURVE_KEY_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(admits_the_clusters_keys_and_nothing_else, fresh),
        cmocka_unit_test_setup(clients_may_have_any_key_and_unknown_domains_none, fresh),
        cmocka_unit_test_setup(odd_requests_are_refused, fresh),
        cmocka_unit_test_setup(frames_of_others_than_peers_are_dropped, fresh),
        cmocka_unit_test_setup(without_a_key_check_nobody_has_a_name, fresh),
        cmocka_unit_test_setup(the_public_key_follows_from_the_secret, fresh),
    };
    alarm(60); /* What hangs has failed. */
    return cmocka_run_group_tests_name("zap", tests, NULL, NULL);
}
