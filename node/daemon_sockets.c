#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "node/daemon_state.h"
#include "node/link.h"

enum {
    FRAME_MAX = 512 << 10,          /* Of votes and pieces. */
    CHUNK_OVERHEAD = 4096,          /* Of a chunk's frame: headers, proof, padding. */
    QUEUE_BYTES = 512 << 20,        /* Of all peers in one lane, */
    QUEUE_BYTES_PEER_MIN = 2 << 20, /* but for each at least this, or two frames. */
    IO_THREADS = 1, /* ZeroMQ's, for CURVE: two cost more in wakes than they gain. */
};

static int no_memory(char *message, size_t message_size)
{
    snprintf(message, message_size, "no memory for the sockets");
    return -1;
}

static void endpoint_of(char endpoint[64], const char *host, unsigned port)
{
    int size = snprintf(endpoint, 64, "tcp://%s:%u", host, port);
    assert(size > 0 && size < 64);
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static int open_transport(struct daemon *d, char *message, size_t message_size)
{
    const struct cluster *cluster = &d->config.cluster;
    static struct transport_peer peers[NODES_MAX];
    static uint8_t keys[NODES_MAX][CURVE_KEY_SIZE];
    struct transport_options options = {
        .zmq_context = d->zmq,
        .self = d->self,
        .node_count = d->quorum.n,
        .peers = peers,
    };
    size_t chunk = cluster->block_bytes_max / quorum_data(d->quorum) + CHUNK_OVERHEAD;
    for (unsigned lane = 0; lane < LANES; lane++) {
        for (unsigned i = 0; i < d->quorum.n; i++)
            endpoint_of(peers[i].endpoints[lane], cluster->nodes[i].address.host,
                        cluster->nodes[i].address.port + lane);
        endpoint_of(options.listen[lane], d->config.node.listen,
                    cluster->nodes[d->self].address.port + lane);
        options.frame_size_max[lane] = larger(FRAME_MAX, lane == LANE_DISPERSAL ? chunk : 0);
        options.queue_bytes_max[lane] =
            larger((size_t)QUEUE_BYTES / d->quorum.n,
                   larger(QUEUE_BYTES_PEER_MIN, 2 * options.frame_size_max[lane]));
    }
    for (unsigned i = 0; i < d->quorum.n; i++) {
        memcpy(peers[i].curve_public, cluster->nodes[i].curve_public, CURVE_KEY_SIZE);
        memcpy(keys[i], cluster->nodes[i].curve_public, CURVE_KEY_SIZE);
    }
    memcpy(options.curve_secret, d->config.key.curve_secret, CURVE_KEY_SIZE);
    const uint8_t(*publics)[CURVE_KEY_SIZE] = (const uint8_t(*)[CURVE_KEY_SIZE])keys;
    int status = 0;
    if (d->config.node.bulk == BULK_PLAIN) {
        d->seals =
            seals_new(d->self, d->quorum.n, options.curve_secret, publics, message, message_size);
        status = d->seals ? 0 : -1;
        options.seals = d->seals;
    }
    if (status == 0)
        status = zap_start(d->zmq, publics, d->quorum.n, d->seals, d->self, &d->zap, message,
                           message_size);
    if (status == 0)
        status = transport_open(&options, &d->transport, message, message_size);
    secret_wipe(options.curve_secret, CURVE_KEY_SIZE);
    return status;
}

int daemon_open_sockets(struct daemon *d, char *message, size_t message_size)
{
    d->zmq = zmq_ctx_new();
    if (!d->zmq)
        return no_memory(message, message_size);
    zmq_ctx_set(d->zmq, ZMQ_IO_THREADS, IO_THREADS);
    zmq_ctx_set(d->zmq, ZMQ_MAX_SOCKETS, LANES * (NODES_MAX + 1) + 64);
    if (open_transport(d, message, message_size) != 0)
        return -1;
    d->polled = calloc(DAEMON_ITEMS + transport_poll_max(d->transport), sizeof(*d->polled));
    return d->polled ? 0 : no_memory(message, message_size);
}

/* What a transaction and its length have in a block beside the largest `seen`. */
static size_t transaction_size_max(const struct daemon *d)
{
    size_t block = d->config.cluster.block_bytes_max;
    size_t taken = block_overhead(link_seen_size_max(d->quorum)) + sizeof(uint32_t);
    size_t left = block > taken ? block - taken : 0;
    return left < TRANSACTION_SIZE_MAX ? left : TRANSACTION_SIZE_MAX;
}

/* Which setting it is about. */
static void note_setting(char *message, size_t message_size)
{
    const size_t used = strlen(message);
    snprintf(message + used, message_size - used,
             " (http in node.conf says where to listen; none: not at all)");
}

static int open_service(struct daemon *d, char *message, size_t message_size)
{
    const struct service_options options = {
        .workers = d->workers,
        .request = {.ledger = d->ledger,
                    .consensus = d->consensus,
                    .chain = d->config.cluster.chain,
                    .quorum = d->quorum,
                    .checkpoint_epochs = d->config.cluster.checkpoint_epochs,
                    .application = &d->application,
                    .transaction_size_max = transaction_size_max(d),
                    .known = d->known,
                    .wanted = d->wanted},
        .recent = d->recent,
        .mempool = d->mempool,
        .admission = &d->admission,
    };
    admission_init(&d->admission, (uint32_t)d->config.node.pool_delay_ms);
    d->service = service_new(&options);
    const struct api_options api = {
        .service = d->service, .describe = daemon_describe, .context = d};
    d->api = api_new(&api);
    return d->service && d->api ? 0 : no_memory(message, message_size);
}

static int open_http(struct daemon *d, char *message, size_t message_size)
{
    const struct http_options http = {
        .host = d->config.node.http,
        .port = (uint16_t)(d->config.cluster.nodes[d->self].address.port + LANES + 1),
        .handle = daemon_answer_http,
        .context = d,
        .body_max = API_BODY_MAX,
    };
    if (strcmp(http.host, "none") == 0)
        return 0;
    if (http_open(&http, &d->http, message, message_size) == 0)
        return 0;
    note_setting(message, message_size);
    return -1;
}

int daemon_open_clients(struct daemon *d, char *message, size_t message_size)
{
    char endpoint[64];
    if (open_service(d, message, message_size) != 0)
        return -1;
    endpoint_of(endpoint, d->config.node.client,
                d->config.cluster.nodes[d->self].address.port + LANES);
    struct clients_options options = {
        .zmq_context = d->zmq,
        .endpoint = endpoint,
        .service = d->service,
        .describe = daemon_describe,
        .context = d,
    };
    memcpy(options.curve_secret, d->config.key.curve_secret, CURVE_KEY_SIZE);
    int status = clients_open(&options, &d->clients, message, message_size);
    secret_wipe(options.curve_secret, CURVE_KEY_SIZE);
    return status == 0 ? open_http(d, message, message_size) : status;
}
