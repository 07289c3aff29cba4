/* What an epoch costs a node as clusters grow: N drivers on stores in memory in one process, 100 ms
 * from each to each, a block of one small transaction of every node in every epoch. No network, no
 * disk, no executor: what is left is the protocol. */
#include "node/driver.h"
#include "node/work.h"
#include "storage/store_memory.h"
#include "tests/bench/bench.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUND_MS = 10,
    DELAY_ROUNDS = 10,
    WARM_EPOCHS = 12,
    ROUNDS_MAX = 10000,
    TRANSACTION = 1000,
};

struct post {
    struct post *next;
    node_id from, to;
    struct slice bytes; /* Behind it. */
};

struct member {
    struct store *store;
    struct driver *driver;
    struct job *jobs; /* Done, to be handed back. */
    epoch_id ended;
};

static struct {
    struct quorum quorum;
    struct member members[NODES_MAX];
    struct post *on_the_way[DELAY_ROUNDS + 1], **ends[DELAY_ROUNDS + 1]; /* By round. */
    uint64_t round;
    uint64_t bytes[DRIVER_LANES], frames;
    double work_s; /* In jobs. */
} cluster;

static node_id number_of(const struct member *m) { return (node_id)(m - cluster.members); }

static void send(void *context, node_id to, enum driver_lane lane, uint64_t order, uint64_t tag,
                 struct slice frame)
{
    (void)order, (void)tag;
    const unsigned at = (unsigned)((cluster.round + DELAY_ROUNDS) % (DELAY_ROUNDS + 1));
    struct post *p = malloc(sizeof *p + frame.size);
    if (!p)
        abort();
    uint8_t *bytes = (uint8_t *)(p + 1);
    memcpy(bytes, frame.data, frame.size);
    *p = (struct post){NULL, number_of(context), to, slice_of(bytes, frame.size)};
    *cluster.ends[at] = p;
    cluster.ends[at] = &p->next;
    cluster.bytes[lane] += frame.size;
    cluster.frames++;
}

static void drop(void *context, node_id to, enum driver_lane lane, uint64_t tag)
{
    (void)context, (void)to, (void)lane, (void)tag; /* Nothing waits here. */
}

static void work(void *context, struct job *job)
{
    struct member *m = context;
    const double start = bench_now(CLOCK_PROCESS_CPUTIME_ID);
    job_run(job);
    cluster.work_s += bench_now(CLOCK_PROCESS_CPUTIME_ID) - start;
    job->next = m->jobs;
    m->jobs = job;
}

static uint32_t take(void *context, epoch_id epoch, struct writer *w)
{
    static const uint8_t filler[TRANSACTION];
    (void)context, (void)epoch;
    if ((size_t)(w->end - w->at) < sizeof(uint32_t) + TRANSACTION)
        return 0;
    write_u32(w, TRANSACTION);
    write_bytes(w, filler, TRANSACTION);
    return 1;
}

static void given_up(void *context, epoch_id epoch) { (void)context, (void)epoch; }

static void deliver(void *context, const struct delivery *d)
{
    (void)context;
    assert(d->valid);
    (void)d;
}

static void end_epoch(void *context, epoch_id epoch) { ((struct member *)context)->ended = epoch; }

static void fault(void *context, node_id peer, enum fault which)
{
    (void)context, (void)peer, (void)which;
    abort();
}

static int no_entries(void *context, epoch_id from,
                      void (*visit)(void *driver, epoch_id epoch, node_id proposer), void *driver)
{
    (void)context, (void)from, (void)visit, (void)driver;
    return 0;
}

static struct node_options options_of(node_id self)
{
    return (struct node_options){.quorum = cluster.quorum,
                                 .self = self,
                                 .epoch_window = 8,
                                 .open_dispersals = 16,
                                 .link_horizon = 100000,
                                 .block_bytes_max = 1 << 20,
                                 .block_bytes_min = 150000,
                                 .block_delay_ms = 100,
                                 .retry_ms = 500,
                                 .lag_target_ms = 30000};
}

static void open_member(struct member *m, const struct coin_public *coin,
                        const struct coin_secret *secret)
{
    char path[32], message[256];
    snprintf(path, sizeof path, "scale/%u", number_of(m));
    store_memory_forget(path);
    const struct store_options so = {.path = path,
                                     .size_max = 1u << 30,
                                     .tables = consensus_tables,
                                     .table_count = CONSENSUS_TABLES};
    const struct driver_options o = {.node = options_of(number_of(m)),
                                     .coin_public = coin,
                                     .coin_secret = secret,
                                     .carried_bytes = 0}; /* So that a lane's bytes are its own. */
    const struct driver_ports ports = {.context = m,
                                       .send = send,
                                       .drop = drop,
                                       .work = work,
                                       .take = take,
                                       .given_up = given_up,
                                       .deliver = deliver,
                                       .end_epoch = end_epoch,
                                       .fault = fault};
    const struct driver_ledger ledger = {.entries = no_entries};
    m->ended = 0;
    if (store_open(&so, &m->store, message, sizeof message) ||
        !(m->driver = driver_open(&o, m->store, &ports, &ledger, message, sizeof message))) {
        fprintf(stderr, "bench: %s\n", message);
        abort();
    }
}

static void close_member(struct member *m)
{
    char path[32];
    while (m->jobs) {
        struct job *j = m->jobs;
        m->jobs = j->next;
        job_free(j);
    }
    driver_close(m->driver);
    store_close(m->store);
    snprintf(path, sizeof path, "scale/%u", number_of(m));
    store_memory_forget(path);
}

static void free_posts(struct post *p)
{
    while (p) {
        struct post *next = p->next;
        free(p);
        p = next;
    }
}

static void turn(struct member *m, const struct post *arriving)
{
    for (const struct post *p = arriving; p; p = p->next)
        if (p->to == number_of(m))
            driver_frame(m->driver, p->from, p->bytes);
    while (m->jobs) {
        struct job *j = m->jobs;
        m->jobs = j->next;
        driver_worked(m->driver, j);
    }
    const struct executed x = {.epoch = m->ended};
    driver_executed(m->driver, &x);
    driver_pool(m->driver, TRANSACTION);
    if (driver_flush(m->driver, (cluster.round + 100) * ROUND_MS) != 0)
        abort();
}

/* Until node 0 has executed so many epochs. */
static void run_to(epoch_id epoch)
{
    for (unsigned left = ROUNDS_MAX; cluster.members[0].ended < epoch; left--) {
        if (left == 0)
            abort();
        const unsigned at = (unsigned)(cluster.round % (DELAY_ROUNDS + 1));
        struct post *arriving = cluster.on_the_way[at];
        cluster.on_the_way[at] = NULL;
        cluster.ends[at] = &cluster.on_the_way[at];
        for (unsigned k = 0; k < cluster.quorum.n; k++)
            turn(&cluster.members[k], arriving);
        free_posts(arriving);
        cluster.round++;
    }
}

static void measure(epoch_id epochs)
{
    const unsigned n = cluster.quorum.n;
    const struct node_options options = options_of(0);
    run_to(WARM_EPOCHS);
    const epoch_id first = cluster.members[0].ended;
    memset(cluster.bytes, 0, sizeof cluster.bytes);
    cluster.frames = 0;
    cluster.work_s = 0;
    const uint64_t round = cluster.round;
    const double start = bench_now(CLOCK_PROCESS_CPUTIME_ID);
    run_to(first + epochs);
    const double cpu_s = bench_now(CLOCK_PROCESS_CPUTIME_ID) - start;
    const double each = (double)n * (double)(cluster.members[0].ended - first);
    printf("epoch  N=%-3u  votes %7.1f KB sent   core and driver %7.2f ms   jobs %7.2f ms   "
           "frames to a peer %.1f   core's memory %.1f MB   every %.0f ms\n",
           n, (double)cluster.bytes[DRIVER_VOTES] / each / 1e3,
           (cpu_s - cluster.work_s) / each * 1e3, cluster.work_s / each * 1e3,
           (double)cluster.frames / each / (n - 1), (double)node_memory_size(&options) / 1e6,
           (double)(cluster.round - round) * ROUND_MS / (each / n));
    fflush(stdout);
}

static void cluster_of(unsigned n, epoch_id epochs)
{
    static struct coin_public coin;
    static struct coin_secret secrets[NODES_MAX];
    const struct hash chain = {{0}};
    cluster.quorum = quorum_of(n);
    cluster.round = 0;
    for (unsigned k = 0; k <= DELAY_ROUNDS; k++) {
        cluster.on_the_way[k] = NULL;
        cluster.ends[k] = &cluster.on_the_way[k];
    }
    if (!coin_deal(cluster.quorum, &chain, &coin, secrets))
        abort();
    for (unsigned k = 0; k < n; k++)
        open_member(&cluster.members[k], &coin, &secrets[k]);
    measure(epochs);
    for (unsigned k = 0; k <= DELAY_ROUNDS; k++)
        free_posts(cluster.on_the_way[k]);
    for (unsigned k = 0; k < n; k++)
        close_member(&cluster.members[k]);
}

void bench_scale(void)
{
    cluster_of(4, 200);
    cluster_of(16, 40);
    cluster_of(32, 16);
    cluster_of(64, 4);
    cluster.quorum = quorum_of(128); /* Which would not fit here whole. */
    const struct node_options options = options_of(0);
    printf("core's memory N=128 %.0f MB\n", (double)node_memory_size(&options) / 1e6);
}
