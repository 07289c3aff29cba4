#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "net/clock.h"
#include "net/intake.h"
#include "node/daemon_state.h"
#include "node/executor_snapshot.h"
#include "node/external.h"
#include "node/ledger.h"
#include "node/libraries.h"
#include "node/stores.h"
#include "node/verify.h"

enum {
    /* Descriptors: a socket has one for its mailbox, a connection one; to each peer three of both
     * go out and three connections come in, and while one is made anew there are two. */
    DESCRIPTORS_PEER = 3 * 4,
    DESCRIPTORS_OTHER = 200, /* Stores, listening sockets, threads' queues, logs. */
    CARRIED_BYTES = 16 << 10,
};

static int fail(char *message, size_t message_size, const char *what)
{
    snprintf(message, message_size, "%s: %s", what, strerror(errno));
    return -1;
}

int daemon_check(const char *directory, char *message, size_t message_size)
{
    static struct config config;
    const char *error = libraries_init();
    if (error) {
        snprintf(message, message_size, "%s", error);
        return -1;
    }
    if (config_load(directory, &config, message, message_size) != 0)
        return -1;
    char chain[2 * HASH_SIZE + 1];
    hex_encode(hash_slice(&config.cluster.chain), chain);
    const char *warnings[CLUSTER_WARNINGS];
    unsigned count = cluster_warnings(&config.cluster, warnings);
    int used = snprintf(message, message_size,
                        "%s is in order: node %" PRIu64 " of %" PRIu64 ", chain %.16s", directory,
                        config.node.self, config.cluster.node_count, chain);
    for (unsigned i = 0; i < count && used >= 0 && (size_t)used < message_size; i++)
        used += snprintf(message + used, message_size - (size_t)used, "\nwarning: %s", warnings[i]);
    config_free(&config);
    return 0;
}

/* All threads inherit the mask: signals are read by the loop. */
static int open_signals(struct daemon *d, char *message, size_t message_size)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return d->signals < 0 ? fail(message, message_size, "cannot wait for signals") : 0;
}

static int check_descriptors(const struct daemon *d, char *message, size_t message_size)
{
    rlim_t needed = (rlim_t)DESCRIPTORS_PEER * (d->quorum.n - 1u) + CLIENTS_CONNECTIONS_MAX +
                    HTTP_CONNECTIONS_MAX + DESCRIPTORS_OTHER;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return fail(message, message_size, "cannot read the limit of open files");
    /* All that there may be, and no more than what strangers open is counted of (net/intake.h). */
    const rlim_t most = limit.rlim_max < INTAKE_FILES_MAX ? limit.rlim_max : INTAKE_FILES_MAX;
    if (limit.rlim_cur != most) {
        limit.rlim_cur = most;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= needed)
        return 0;
    snprintf(message, message_size,
             "%u nodes and %d clients' connections need %llu open files, and the limit is %llu; "
             "raise it "
             "(ulimit -n %llu, or LimitNOFILE= of the service)",
             (unsigned)d->quorum.n, CLIENTS_CONNECTIONS_MAX, (unsigned long long)needed,
             (unsigned long long)limit.rlim_cur, (unsigned long long)needed);
    return -1;
}

static int open_store(const struct daemon *d, const char *name, const char *const tables[],
                      unsigned table_count, struct store **store, char *message,
                      size_t message_size)
{
    char path[sizeof(d->config.node.data) + 16];
    snprintf(path, sizeof(path), "%s/%s", d->config.node.data, name);
    const struct store_options options = {
        .path = path, .size_max = DAEMON_MAP_BYTES, .tables = tables, .table_count = table_count};
    return store_open(&options, store, message, message_size) == 0 ? 0 : -1;
}

static int open_stores(struct daemon *d, char *message, size_t message_size)
{
    if (mkdir(d->config.node.data, 0700) != 0 && errno != EEXIST) {
        snprintf(
            message, message_size,
            "%s: cannot be made: %s; make the directory above it, or correct data in node.conf",
            d->config.node.data, strerror(errno));
        return -1;
    }
    char why[DAEMON_MESSAGE_MAX / 2];
    if (open_store(d, "consensus", consensus_tables, CONSENSUS_TABLES, &d->consensus, message,
                   message_size) != 0 ||
        open_store(d, "ledger", ledger_tables, LEDGER_TABLE_COUNT, &d->ledger, message,
                   message_size) != 0)
        return -1;
    if (stores_check(d->consensus, d->ledger, &d->config.cluster.chain, why, sizeof(why)) == 0)
        return daemon_open_snapshots(d, message, message_size);
    snprintf(message, message_size, "%s: %s", d->config.node.data, why);
    return -1;
}

static void verify(void *context, struct signature_check checks[], unsigned count)
{
    const struct daemon_checks *c = context;
    verify_all(c->workers, checks, count);
}

static bool known(void *context, const struct hash *id, struct slice bytes)
{
    (void)id;
    const struct daemon_checks *c = context;
    return known_has(c->known, bytes);
}

static int open_ledger(struct daemon *d, char *message, size_t message_size)
{
    const struct cluster *cluster = &d->config.cluster;
    struct ledger_balance *balances = calloc(cluster->balance_count + 1, sizeof(*balances));
    if (!balances)
        abort();
    for (size_t i = 0; i < cluster->balance_count; i++)
        balances[i] =
            (struct ledger_balance){cluster->balances[i].account, cluster->balances[i].amount};
    const struct ledger_options options = {
        .chain = cluster->chain,
        .balances = balances,
        .balance_count = cluster->balance_count,
        .ports = {.context = &d->checks, .verify = verify, .known = known},
    };
    struct executor_options executor = {.chain = cluster->chain, .quorum = d->quorum};
    char why[DAEMON_MESSAGE_MAX / 2] = "";
    int status = 0;
    const struct external_options external = {.chain = cluster->chain,
                                              .socket = d->config.node.application,
                                              .quorum = d->quorum,
                                              .snapshots = d->snapshots.making.store};
    if (cluster->application == APPLICATION_EXTERNAL)
        status = external_open(&external, d->ledger, &executor.application, why, sizeof(why));
    else if (cluster->application == APPLICATION_LOG)
        executor.application = application_log();
    else
        status = ledger_open(&options, d->ledger, &executor.application, why, sizeof(why));
    d->application = executor.application;
    if (status == 0)
        status = execution_open(&executor, d->ledger, d->consensus, &d->execution, &d->executed,
                                why, sizeof(why));
    d->executed_at_start = d->executed;
    if (status == 0)
        execution_make_snapshots(d->execution, &d->snapshots.making);
    if (status == 0 && cluster->application != APPLICATION_EXTERNAL)
        execution_prove(d->execution, d->wanted, d->config.cluster.checkpoint_epochs);
    free(balances); /* The genesis is written. */
    if (status != 0)
        snprintf(message, message_size, "%s: %s", d->config.node.data, why);
    return status == 0 ? 0 : -1;
}

static int open_mempool(struct daemon *d, char *message, size_t message_size)
{
    struct mempool_options options = {
        .bytes_max = d->config.node.mempool_bytes,
        .describe = d->application.describe,
        .context = d->application.state,
    };
    if (getrandom(&options.seed, sizeof(options.seed), 0) != sizeof(options.seed))
        return fail(message, message_size, "no random numbers");
    d->mempool = mempool_open(&options, d->consensus, message, message_size);
    d->settler = (struct settler){.mempool = d->mempool,
                                  .recent = d->recent,
                                  .self = d->self,
                                  .inside = d->application.execute};
    return d->mempool ? 0 : -1;
}

static int entries(void *context, epoch_id from,
                   void (*visit)(void *driver, epoch_id epoch, node_id proposer), void *driver)
{
    const struct daemon *d = context;
    struct store_view *view;
    int status = store_view_open(d->ledger, &view);
    if (status != 0)
        return status;
    status = executor_delivered(view, from, visit, driver);
    store_view_close(view);
    return status;
}

/* Wall clocks agree better than clocks that begin at the start. */
static uint32_t phase_ms(uint64_t block_delay_ms)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    const uint64_t wall_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000;
    const uint64_t longest_ms = PROPOSE_STRETCH_MAX * block_delay_ms;
    return longest_ms ? (uint32_t)((wall_ms - clock_ms()) % longest_ms) : 0;
}

static struct driver_options driver_options(const struct daemon *d)
{
    const struct cluster *cluster = &d->config.cluster;
    const struct node_config *config = &d->config.node;
    return (struct driver_options){
        .node = {.quorum = d->quorum,
                 .self = d->self,
                 .mode = cluster->mode,
                 .fetch_all = config->retrieval == RETRIEVAL_ALL,
                 .epoch_window = (unsigned)cluster->epoch_window,
                 .open_dispersals = (unsigned)cluster->open_dispersals,
                 .link_horizon = cluster->link_horizon,
                 .checkpoint_epochs = cluster->checkpoint_epochs,
                 .checkpoint_delay_ms = (uint32_t)config->checkpoint_delay_ms,
                 .block_bytes_max = (uint32_t)cluster->block_bytes_max,
                 .block_bytes_min = (uint32_t)config->block_bytes_min,
                 .block_delay_ms = (uint32_t)config->block_delay_ms,
                 .phase_ms = phase_ms(config->block_delay_ms),
                 .retry_ms = (uint32_t)config->retry_ms,
                 .lag_target_ms = (uint32_t)config->lag_target_s * 1000},
        .chain = cluster->chain,
        .coin_public = &cluster->coin,
        .coin_secret = &d->config.key.coin,
        .identity = &d->config.key.identity,
        .identities = d->identities,
        .carried_bytes = CARRIED_BYTES,
    };
}

static int open_driver(struct daemon *d, bool traced, char *message, size_t message_size)
{
    const struct driver_options options = driver_options(d);
    d->core_bytes = node_memory_size(&options.node);
    const struct driver_ports ports = daemon_ports(d, traced);
    const struct driver_ledger ledger = {daemon_executed(d), entries, d, daemon_installed(d)};
    for (unsigned k = 0; k < d->quorum.n; k++)
        if (!identity_parse(&d->config.cluster.nodes[k].identity, &d->identities[k])) {
            snprintf(message, message_size, "node %u has no valid identity in cluster.conf", k);
            return -1;
        }
    d->driver = driver_open(&options, d->consensus, &ports, &ledger, message, message_size);
    return d->driver ? 0 : -1;
}

static void log_start(const struct daemon *d)
{
    const struct cluster *cluster = &d->config.cluster;
    unsigned port = cluster->nodes[d->self].address.port;
    char chain[2 * HASH_SIZE + 1];
    hex_encode(hash_slice(&cluster->chain), chain);
    log_line(LOG_LEVEL_INFO, "daemon",
             "ledger-node " DAEMON_VERSION " node=%u n=%u f=%u chain=%.16s app=%s ports=%u-%u "
             "workers=%u core_bytes=%zu epoch=%" PRIu64 " height=%" PRIu64 " replayed=%u",
             (unsigned)d->self, (unsigned)d->quorum.n, (unsigned)d->quorum.f, chain,
             d->application.name, port, port + LANES + 1, workers_threads(d->workers),
             d->core_bytes, d->executed.epoch, d->executed.height, driver_replayed(d->driver));
    const char *warnings[CLUSTER_WARNINGS];
    unsigned count = cluster_warnings(cluster, warnings);
    for (unsigned i = 0; i < count; i++)
        log_line(LOG_LEVEL_WARN, "config", "%s", warnings[i]);
}

static int open_all(struct daemon *d, const char *directory, int log_level, char *message,
                    size_t message_size)
{
    const char *error = libraries_init();
    if (error) {
        snprintf(message, message_size, "%s", error);
        return -1;
    }
    if (config_load(directory, &d->config, message, message_size) != 0)
        return -1;
    d->quorum = quorum_of((unsigned)d->config.cluster.node_count);
    d->self = (node_id)d->config.node.self;
    unsigned level = log_level < 0 ? d->config.node.log_level : (unsigned)log_level;
    log_set_level((enum log_level)level);
    d->now_ms = clock_ms();
    d->peers = (struct peers){.start_ms = d->now_ms, .retry_ms = (uint32_t)d->config.node.retry_ms};
    d->known = known_new();
    d->wanted = wanted_new();
    uint64_t seed;
    if (getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
        d->recent = recent_new(seed);
    if (!d->known || !d->recent || !d->wanted)
        return fail(message, message_size, "what was seen lately");
    d->checks.known = d->known;
    if (open_signals(d, message, message_size) != 0 ||
        check_descriptors(d, message, message_size) != 0 ||
        open_stores(d, message, message_size) != 0 ||
        workers_start((unsigned)d->config.node.workers, &d->workers, message, message_size) != 0)
        return -1;
    d->checks.workers = d->workers;
    if (open_ledger(d, message, message_size) != 0 || open_mempool(d, message, message_size) != 0 ||
        daemon_recover(d, message, message_size) != 0 ||
        daemon_open_sockets(d, message, message_size) != 0 ||
        open_driver(d, level == LOG_LEVEL_DEBUG, message, message_size) != 0 ||
        daemon_open_clients(d, message, message_size) != 0)
        return -1;
    log_start(d);
    return 0;
}

int daemon_open(const char *directory, int log_level, bool lost_data, struct daemon **daemon,
                char *message, size_t message_size)
{
    struct daemon *d = calloc(1, sizeof(*d));
    *daemon = NULL;
    if (!d)
        return fail(message, message_size, "the node");
    d->signals = -1;
    if (open_all(d, directory, log_level, message, message_size) != 0 ||
        daemon_open_lost(d, lost_data, message, message_size) != 0) {
        daemon_close(d);
        return -1;
    }
    *daemon = d;
    return 0;
}

/* The executor first, at the end of an epoch; then the workers, whose results nobody uses any
 * more but which must have come back before what they belong to goes. */
void daemon_close(struct daemon *d)
{
    if (!d)
        return;
    execution_stop(d->execution);
    workers_stop(d->workers);
    driver_close(d->driver);
    service_free(d->service);
    http_close(d->http);
    api_free(d->api);
    clients_close(d->clients);
    transport_close(d->transport);
    zap_stop(d->zap);
    seals_free(d->seals);
    if (d->zmq)
        zmq_ctx_term(d->zmq);
    mempool_close(d->mempool);
    execution_close(d->execution); /* And the application. */
    daemon_close_snapshots(d);
    store_close(d->ledger);
    store_close(d->consensus);
    known_free(d->known);
    wanted_free(d->wanted);
    recent_free(d->recent);
    if (d->signals >= 0)
        close(d->signals);
    free(d->polled);
    config_free(&d->config);
    if (d->draining)
        log_line(LOG_LEVEL_INFO, "daemon", "stopped height=%" PRIu64, d->executed.height);
    free(d);
}
