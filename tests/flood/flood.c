/* Floods a node, at a rate, for some seconds: what a stranger can, and what a node of the cluster can
 * that lies. Says how much it got rid of.
 * usage: flood KIND NODE_DIR TARGET SECONDS MBIT EPOCH EPOCHS_A_SECOND
 * NODE_DIR: whose keys a peer's kinds use; the last two: what is in flight. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "net/transport.h"
#include "node/config.h"
#include "node/libraries.h"
#include "node/message.h"

enum { HALF_OPEN = 2000, BLAST = 64, STEP_US = 1000 };

static struct config config;
static struct quorum quorum;
static node_id target;
static uint64_t sent; /* Bytes. */
static uint64_t seed = 88172645463325252u;

static uint64_t random_word(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct address *address(void) { return &config.cluster.nodes[target].address; }

static void *dial(void *context, int type, unsigned port, bool as_node)
{
    uint8_t secret[CURVE_KEY_SIZE], public[CURVE_KEY_SIZE];
    char endpoint[128];
    void *s = zmq_socket(context, type);
    if (as_node)
        memcpy(secret, config.key.curve_secret, CURVE_KEY_SIZE);
    else
        curve_generate(public, secret);
    curve_public(secret, public);
    zmq_setsockopt(s, ZMQ_LINGER, &(int){0}, sizeof(int));
    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, secret, CURVE_KEY_SIZE);
    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, public, CURVE_KEY_SIZE);
    zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, config.cluster.nodes[target].curve_public,
                   CURVE_KEY_SIZE);
    snprintf(endpoint, sizeof endpoint, "tcp://%s:%u", address()->host, address()->port + port);
    zmq_connect(s, endpoint);
    return s;
}

static size_t noise(uint8_t *frame, size_t least, size_t most)
{
    const size_t size = least + random_word() % (most - least + 1);
    for (size_t i = 0; i < size && i < 256; i += 8) {
        const uint64_t word = random_word();
        memcpy(frame + i, &word, 8);
    }
    return size;
}

static struct writer begin(uint8_t *frame, size_t capacity)
{
    struct writer w = writer_of(frame, capacity);
    const struct word word = {.first_unsealed = 1};
    message_header_encode(&w, &config.cluster.chain, &word);
    return w;
}

static void add(struct writer *w, const struct message *m)
{
    message_encode(w, quorum, (node_id)config.node.self, target, m);
}

/* Frames full of votes for epochs far ahead. */
static size_t future(uint8_t *frame, size_t capacity)
{
    struct writer w = begin(frame, capacity);
    for (unsigned k = 0; k < 1000; k++) {
        struct message m = {.kind = MESSAGE_VOTES, .epoch = random_word() >> 20};
        m.votes.vote = (struct ba_message){.type = BA_BVAL, .values = BA_ONE};
        nodeset_add(&m.votes.proposers, (node_id)(random_word() % quorum.n));
        add(&w, &m);
    }
    return writer_result(&w).size;
}

static epoch_id first_epoch;   /* In flight at the start, and how fast they go: */
static double epochs_a_second; /* what the caller knows. */
static double begun_at;

/* Shares of other coins, for the epochs that are in flight now: they look right until they are
 * verified. */
static size_t shares(uint8_t *frame, size_t capacity)
{
    static struct coin_share share;
    static bool made;
    const struct coin_name name = {config.cluster.chain, UINT64_MAX, 0, 2};
    if (!made)
        coin_share_make(&config.key.coin, &name, &share);
    made = true;
    struct writer w = begin(frame, capacity);
    const epoch_id first = first_epoch + (epoch_id)((now() - begun_at) * epochs_a_second);
    for (unsigned k = 0; k < 200; k++) {
        struct message m = {.kind = MESSAGE_SHARE,
                            .epoch = first + random_word() % 32,
                            .proposer = (node_id)(random_word() % quorum.n)};
        m.share.round = 2; /* The first that has one. */
        m.share.share = share;
        add(&w, &m);
    }
    return writer_result(&w).size;
}

/* Questions whose answers are long. */
static size_t requests(uint8_t *frame, size_t capacity)
{
    struct writer w = begin(frame, capacity);
    for (unsigned k = 0; k < 200; k++) {
        struct message m = {.kind = MESSAGE_REQUEST,
                            .epoch = 1 + random_word() % 2048,
                            .proposer = (node_id)(random_word() % quorum.n)};
        struct message votes = {.kind = MESSAGE_WANT_VOTES, .epoch = m.epoch};
        struct message roots = {.kind = MESSAGE_WANT_ROOTS, .proposer = m.proposer};
        votes.want_votes.proposers = nodeset_full(quorum.n);
        roots.want_roots.count = 1;
        roots.want_roots.runs[0] = (struct epoch_run){1, 4096};
        add(&w, &m);
        add(&w, &votes);
        add(&w, &roots);
    }
    return writer_result(&w).size;
}

static size_t small_noise(uint8_t *frame, size_t capacity)
{
    (void)capacity;
    return noise(frame, 20, 120);
}

static size_t large_noise(uint8_t *frame, size_t capacity)
{
    return noise(frame, capacity, capacity);
}

static const struct {
    const char *name;
    unsigned port; /* From the first on: lanes, clients. */
    bool as_node;
    size_t capacity;
    size_t (*make)(uint8_t *frame, size_t capacity);
} floods[] = {
    {"client-small", LANES, false, 120, small_noise},
    {"client-large", LANES, false, 1 << 20, large_noise},
    {"peer-small", LANE_VOTES, true, 120, small_noise},
    {"peer-large", LANE_DISPERSAL, true, 512 << 10, large_noise},
    {"peer-future", LANE_VOTES, true, 512 << 10, future},
    {"peer-shares", LANE_VOTES, true, 512 << 10, shares},
    {"peer-requests", LANE_VOTES, true, 512 << 10, requests},
};

/* At a rate, in blasts; whatever is not taken is not sent. */
static void flood(unsigned kind, double seconds, double bytes_a_second)
{
    void *context = zmq_ctx_new();
    uint8_t *frame = malloc(floods[kind].capacity);
    void *s = dial(context, floods[kind].as_node ? ZMQ_PUSH : ZMQ_DEALER, floods[kind].port,
                   floods[kind].as_node);
    const double begun = now();
    for (double t; (t = now() - begun) < seconds;) {
        if ((double)sent > t * bytes_a_second) {
            usleep(STEP_US);
            continue;
        }
        for (unsigned k = 0; k < BLAST && (double)sent <= t * bytes_a_second; k++) {
            const size_t size = floods[kind].make(frame, floods[kind].capacity);
            if (zmq_send(s, frame, size, ZMQ_DONTWAIT) < 0) {
                usleep(STEP_US);
                break;
            }
            sent += size;
        }
    }
    zmq_close(s);
    zmq_ctx_term(context);
}

/* Handshakes, one after another, as node or as nobody the node knows. */
static void reconnect(bool as_node, double seconds)
{
    void *context = zmq_ctx_new();
    for (const double begun = now(); now() - begun < seconds; sent++) {
        void *s =
            dial(context, as_node ? ZMQ_PUSH : ZMQ_DEALER, as_node ? LANE_VOTES : LANES, as_node);
        zmq_send(s, "?", 1, ZMQ_DONTWAIT);
        usleep(2 * STEP_US);
        zmq_close(s);
    }
    zmq_ctx_term(context);
}

/* Connections to all ports that say half a greeting, and then a byte now and then. */
static void half_open(double seconds)
{
    int files[HALF_OPEN];
    const double begun = now();
    for (unsigned k = 0; k < HALF_OPEN; k++) {
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)(address()->port + k % CONFIG_PORTS))};
        inet_pton(AF_INET, address()->host, &to.sin_addr);
        files[k] = socket(AF_INET, SOCK_STREAM, 0);
        fcntl(files[k], F_SETFL, O_NONBLOCK);
        connect(files[k], (const struct sockaddr *)&to, sizeof to);
    }
    for (unsigned k = 0; now() - begun < seconds; k = (k + 1) % HALF_OPEN) {
        if (send(files[k], "\xff", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
            sent++;
        usleep(STEP_US);
    }
    for (unsigned k = 0; k < HALF_OPEN; k++)
        close(files[k]);
}

/* Bytes of no protocol, to all ports. */
static void garbage(double seconds, double bytes_a_second)
{
    static uint8_t bytes[64 << 10];
    int file = -1;
    const double begun = now();
    for (double t; (t = now() - begun) < seconds;) {
        if ((double)sent > t * bytes_a_second) {
            usleep(STEP_US);
            continue;
        }
        struct sockaddr_in to = {
            .sin_family = AF_INET,
            .sin_port = htons((uint16_t)(address()->port + random_word() % CONFIG_PORTS))};
        inet_pton(AF_INET, address()->host, &to.sin_addr);
        file = socket(AF_INET, SOCK_STREAM, 0);
        connect(file, (const struct sockaddr *)&to, sizeof to);
        noise(bytes, sizeof bytes, sizeof bytes);
        const ssize_t said = send(file, bytes, sizeof bytes, MSG_NOSIGNAL);
        sent += said > 0 ? (uint64_t)said : 0;
        close(file);
    }
}

int main(int count, char **arguments)
{
    char message[CONFIG_MESSAGE_MAX];
    if (count != 8) {
        fprintf(stderr, "usage: flood KIND NODE_DIR TARGET SECONDS MBIT EPOCH EPOCHS_A_SECOND\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    const char *reason = libraries_init();
    if (reason || config_load(arguments[2], &config, message, sizeof message) != 0) {
        fprintf(stderr, "flood: %s\n", reason ? reason : message);
        return 1;
    }
    quorum = quorum_of((unsigned)config.cluster.node_count);
    target = (node_id)atoi(arguments[3]);
    first_epoch = (epoch_id)atoll(arguments[6]);
    epochs_a_second = atof(arguments[7]);
    begun_at = now();
    const double seconds = atof(arguments[4]), rate = atof(arguments[5]) * 1e6 / 8;
    const char *kind = arguments[1];
    bool known = true;
    if (!strcmp(kind, "half-open"))
        half_open(seconds);
    else if (!strcmp(kind, "garbage"))
        garbage(seconds, rate);
    else if (!strcmp(kind, "client-reconnects") || !strcmp(kind, "peer-reconnects"))
        reconnect(kind[0] == 'p', seconds);
    else
        known = false;
    for (unsigned k = 0; k < sizeof floods / sizeof floods[0]; k++) {
        if (strcmp(kind, floods[k].name) != 0)
            continue;
        flood(k, seconds, rate);
        known = true;
    }
    if (!known) {
        fprintf(stderr, "flood: no kind %s\n", kind);
        return 2;
    }
    printf("%llu\n", (unsigned long long)sent);
    return 0;
}
