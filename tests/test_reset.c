/* Who sends many messages and a PING among them and then breaks the connection: libzmq aborts (its
 * issue 4364) when it comes to answer a PING of a connection that broke while messages waited for
 * room. A caller speaks through a relay that holds back all it says, lets go of it at once and resets
 * the connection; the receiver reads only then. */
#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "net/socket.h"
#include "node/clients.h"
#include "tests/tcp.h"
#include "tests/transport_fixture.h"

enum { HANDSHAKE_MS = 200, HELD = 256 << 10, MESSAGES = 1000 };

/* Says a message and a PING a millisecond, for ever. */
static void call(int type, uint16_t relay, const struct socket_pass *pass)
{
    char endpoint[64];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    void *context = zmq_ctx_new();
    void *s = zmq_socket(context, type);
    zmq_setsockopt(s, ZMQ_HEARTBEAT_IVL, &(int){1}, sizeof(int));
    zmq_setsockopt(s, ZMQ_HEARTBEAT_TIMEOUT, &(int){60000}, sizeof(int));
    if (pass->secret) {
        uint8_t public[CURVE_KEY_SIZE];
        curve_public(pass->secret, public);
        zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, pass->secret, CURVE_KEY_SIZE);
        zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, public, CURVE_KEY_SIZE);
        zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, pass->server, CURVE_KEY_SIZE);
    } else {
        zmq_setsockopt(s, ZMQ_PLAIN_USERNAME, pass->user, strlen(pass->user));
        zmq_setsockopt(s, ZMQ_PLAIN_PASSWORD, pass->password, strlen(pass->password));
    }
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", relay);
    zmq_connect(s, endpoint);
    for (;;) {
        zmq_send(s, "?", 1, 0);
        poll(NULL, 0, 1);
    }
}

/* Passes on what is said for HANDSHAKE_MS, then holds back what the caller says; true when that was
 * enough. */
static bool relay(int caller, int receiver, uint8_t held[static HELD], size_t *size)
{
    const uint64_t begun = now_ms();
    *size = 0;
    while (now_ms() - begun < HANDSHAKE_MS + MESSAGES && *size < HELD / 2) {
        struct pollfd polled[2] = {{caller, POLLIN, 0}, {receiver, POLLIN, 0}};
        uint8_t bytes[4096];
        ssize_t got;
        poll(polled, 2, 10);
        if (polled[1].revents && (got = recv(receiver, bytes, sizeof bytes, 0)) > 0)
            send(caller, bytes, (size_t)got, MSG_NOSIGNAL);
        if (!polled[0].revents || (got = recv(caller, bytes, sizeof bytes, 0)) <= 0)
            continue;
        if (now_ms() - begun < HANDSHAKE_MS) {
            send(receiver, bytes, (size_t)got, MSG_NOSIGNAL);
            continue;
        }
        memcpy(held + *size, bytes, (size_t)got);
        *size += (size_t)got;
    }
    return *size >= MESSAGES;
}

struct caller {
    int listener; /* For it. */
    pid_t process;
};

/* Before this process has threads: a child would have the locks that they hold, and never get them. */
static struct caller start_caller(int type, const struct socket_pass *pass)
{
    struct caller c = {.listener = tcp_file(0, true, 0)};
    c.process = fork();
    if (c.process == 0)
        call(type, tcp_port_of(c.listener), pass);
    return c;
}

/* The attack: returns when it is over. */
static void attack(struct caller c, uint16_t port)
{
    static uint8_t held[HELD];
    size_t size;
    const int caller = accept(c.listener, NULL, NULL);
    const int receiver = tcp_file(port, false, 0);
    assert_true(relay(caller, receiver, held, &size));
    assert_int_equal(send(receiver, held, size, MSG_NOSIGNAL), size);
    poll(NULL, 0, 50);
    setsockopt(receiver, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(receiver);
    kill(c.process, SIGKILL);
    waitpid(c.process, NULL, 0);
    close(caller);
    close(c.listener);
    poll(NULL, 0, 50);
}

static uint16_t port_in(const char *endpoint)
{
    return (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
}

/* Whoever aborts is a child, whose end says so. */
static void survives(void (*receive)(void))
{
    int status;
    const pid_t child = fork();
    if (child == 0) {
        receive();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void be_attacked(struct transport_options options, enum lane lane,
                        const struct socket_pass *pass)
{
    const struct caller caller = start_caller(ZMQ_PUSH, pass);
    struct node n = open_with(options);
    struct transport_frame frames[256];
    struct pollfd polled[NODES * LANES];
    unsigned received = 0;
    attack(caller, port_in(peers[0].endpoints[lane]));
    for (uint64_t end = now_ms() + QUIET_MS; now_ms() < end;) {
        received += transport_receive(n.transport, frames, 256);
        const unsigned count = transport_flush(n.transport, polled);
        poll(polled, count, 5);
        transport_polled(n.transport, polled, count);
    }
    _exit(received > MESSAGES / 10 ? 0 : 1);
}

static void receive_votes(void)
{
    const struct socket_pass pass = {.secret = secrets[1], .server = peers[0].curve_public};
    be_attacked(options_of(0), LANE_VOTES, &pass);
}

static struct seals *seals_of(node_id self)
{
    uint8_t publics[NODES][CURVE_KEY_SIZE];
    for (unsigned i = 0; i < NODES; i++)
        memcpy(publics[i], peers[i].curve_public, CURVE_KEY_SIZE);
    return seals_new(self, NODES, secrets[self], (const uint8_t(*)[CURVE_KEY_SIZE])publics, message,
                     sizeof message);
}

/* What comes in without a seal is not counted: to go on is all. */
static void receive_plain(void)
{
    struct transport_options o = options_of(0);
    struct seals *of_1 = seals_of(1);
    struct socket_pass pass = {.user = "1"};
    o.seals = seals_of(0);
    seal_password(of_1, 0, pass.password);
    const struct caller caller = start_caller(ZMQ_PUSH, &pass);
    struct node n = open_with(o);
    struct transport_frame frames[256];
    struct transport_counts counts;
    attack(caller, port_in(peers[0].endpoints[LANE_RETRIEVAL]));
    struct pollfd polled[NODES * LANES];
    for (uint64_t end = now_ms() + QUIET_MS; now_ms() < end;) {
        transport_receive(n.transport, frames, 256);
        transport_polled(n.transport, polled, transport_flush(n.transport, polled));
        poll(NULL, 0, 5);
    }
    transport_counts(n.transport, &counts);
    _exit(0);
}

static void receive_clients(void)
{
    static uint8_t secret[CURVE_KEY_SIZE], public[CURVE_KEY_SIZE];
    static struct admission admission;
    struct clients_options o = {
        .zmq_context = zmq_ctx_new(),
        .endpoint = peers[0].endpoints[0],
        .service = service_new(&(struct service_options){.admission = &admission})};
    struct clients *c;
    struct clients_counts counts;
    const struct socket_pass pass = {.secret = secret, .server = peers[0].curve_public};
    curve_generate(public, secret);
    memcpy(o.curve_secret, secrets[0], CURVE_KEY_SIZE);
    const struct caller caller = start_caller(ZMQ_DEALER, &pass);
    if (clients_open(&o, &c, message, sizeof message))
        _exit(2);
    attack(caller, port_in(peers[0].endpoints[0]));
    for (uint64_t end = now_ms() + QUIET_MS; now_ms() < end; poll(NULL, 0, 1))
        clients_receive(c);
    clients_counts(c, &counts);
    _exit(counts.malformed > MESSAGES / 10 ? 0 : 1);
}

static void of_a_peer_in_a_lane(void **state)
{
    (void)state;
    survives(receive_votes);
}

static void of_a_peer_in_a_plain_lane(void **state)
{
    (void)state;
    survives(receive_plain);
}

static void of_a_client(void **state)
{
    (void)state;
    survives(receive_clients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(of_a_peer_in_a_lane, fresh),
        cmocka_unit_test_setup(of_a_peer_in_a_plain_lane, fresh),
        cmocka_unit_test_setup(of_a_client, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
