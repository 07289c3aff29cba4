/* A small cluster of drivers on memory stores. Time goes in rounds of 5 ms: what is sent in one
 * round arrives in the next, in order; jobs come back in the next; what is delivered in one
 * is executed in the next. A test decides which frames pass, and may change them. */
#ifndef TESTS_CORE_FIXTURE_H
#define TESTS_CORE_FIXTURE_H

#include "crypto/identity.h"
#include "node/core.h"
#include "node/records.h"
#include "node/work.h"
#include "storage/store_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MEMBERS_MAX = 7,
    ROUND_MS = 5,
    RETRY_MS = 50,
    OPEN_DISPERSALS = 16,
    WINDOW = 8,
    POOL_MAX = 1024,
    LEDGER_MAX = 8192,
    ENDED = 64, /* Epochs; fewer are delivered and not executed. */
};

struct post { /* A frame on its way. */
    struct post *next;
    node_id from, to;
    enum driver_lane lane;
    uint64_t tag;
    uint8_t *bytes;
    size_t size;
};

struct member {
    node_id id;
    bool up;
    bool broken; /* Its store failed outside of the driver. */
    char path[24];
    struct store *store;
    struct driver *driver;
    struct job *jobs; /* Done, to be handed back. */
    struct {
        uint64_t id;
        epoch_id marked; /* In the own block of this epoch; 0: waits. */
        bool done;
    } pool[POOL_MAX];
    unsigned pool_count;
    struct delivery ledger[LEDGER_MAX];
    uint64_t ids[LEDGER_MAX]; /* Transactions executed, in order. */
    unsigned height, id_count;
    epoch_id ended;            /* All of it is delivered, ... */
    unsigned ended_ids[ENDED]; /* ... and what ids there were then. */
    epoch_id executed;
    unsigned executed_height, executed_ids; /* What is durable. */
    struct hash log_root;                   /* Of it. */
    unsigned faults[MEMBERS_MAX][FAULT_COUNT];
};

static struct cluster {
    struct quorum quorum;
    uint64_t link_horizon;
    enum node_mode mode;
    bool fetch_all;
    struct hash chain;
    struct coin_public coin;
    struct coin_secret secrets[MEMBERS_MAX];
    struct identity_secret identities[MEMBERS_MAX];
    struct identity_key keys[MEMBERS_MAX];
    struct code code;
    struct member members[MEMBERS_MAX];
    struct nodeset away;    /* All frames to and from these are lost. */
    struct nodeset lagging; /* These execute nothing. */
    /* Whether a frame leaves; it may be changed in place, and made shorter. */
    bool (*passes)(struct post *post);
    bool (*waits)(const struct post *post); /* Whether it does not leave in this round. */
    bool (*job_comes)(const struct member *m, const struct job *job); /* Back in this round. */
    bool may_fail; /* A store may; then its member is down. */
    struct post *posts, **posts_end;
    uint64_t now_ms;
    uint64_t submitted;
    uint32_t transaction_size; /* 8 at least. */
} cluster;

static uint64_t seed;
static uint32_t lag_target_ms; /* Of members that are opened; 0: any. */
static size_t carried_bytes;   /* The same. */
static uint32_t block_delay_ms = 20, retry_ms = RETRY_MS;
static uint64_t checkpoint_epochs; /* 0: none. */
static uint32_t checkpoint_delay_ms = UINT32_MAX;
static epoch_id executes_through = UINT64_MAX;
static const struct checkpoint_record
    *installed; /* What the ledger of whom is opened began with. */

static inline uint64_t below(uint64_t limit) /* splitmix64 */
{
    uint64_t x = seed += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return (x ^ x >> 31) % limit;
}

/* ---- Ports ---- */

/* One that waits already is not put in again, as net/queue.h has it. */
static inline bool post_waits(node_id from, node_id to, enum driver_lane lane, uint64_t tag)
{
    const struct post *p = cluster.posts;
    while (p && (p->from != from || p->to != to || p->lane != lane || p->tag != tag))
        p = p->next;
    return p != NULL;
}

static inline void post_tagged(node_id from, node_id to, enum driver_lane lane, uint64_t tag,
                               struct slice frame)
{
    struct post *p = malloc(sizeof *p);
    uint8_t *bytes = malloc(frame.size);
    assert_true(p && bytes);
    memcpy(bytes, frame.data, frame.size);
    *p = (struct post){NULL, from, to, lane, tag, bytes, frame.size};
    if (nodeset_has(&cluster.away, from) || nodeset_has(&cluster.away, to) ||
        (cluster.passes && !cluster.passes(p)) || (tag != 0 && post_waits(from, to, lane, tag))) {
        free(bytes);
        free(p);
        return;
    }
    *cluster.posts_end = p;
    cluster.posts_end = &p->next;
}

static inline void post_frame(node_id from, node_id to, enum driver_lane lane, struct slice frame)
{
    post_tagged(from, to, lane, 0, frame);
}

static inline void port_send(void *context, node_id to, enum driver_lane lane, uint64_t order,
                             uint64_t tag, struct slice frame)
{
    (void)order;
    post_tagged(((struct member *)context)->id, to, lane, tag, frame);
}

static inline void port_drop(void *context, node_id to, enum driver_lane lane, uint64_t tag)
{
    const node_id from = ((struct member *)context)->id;
    struct post **link = &cluster.posts, *p;
    while ((p = *link) != NULL) {
        if (p->from != from || p->to != to || p->lane != lane || p->tag != tag) {
            link = &p->next;
            continue;
        }
        *link = p->next;
        free(p->bytes);
        free(p);
    }
    cluster.posts_end = link;
}

static inline size_t port_queued(void *context, node_id to, enum driver_lane lane)
{
    size_t bytes = 0;
    for (const struct post *p = cluster.posts; p; p = p->next)
        if (p->from == ((struct member *)context)->id && p->to == to &&
            (lane == DRIVER_LANES || p->lane == lane))
            bytes += p->size;
    return bytes;
}

static inline void port_work(void *context, struct job *job)
{
    struct member *m = context;
    job_run(job);
    struct job **end = &m->jobs;
    while (*end)
        end = &(*end)->next;
    job->next = NULL;
    *end = job;
}

static inline uint32_t port_take(void *context, epoch_id epoch, struct writer *w)
{
    struct member *m = context;
    static const uint8_t filler[TRANSACTION_SIZE_MAX];
    const uint32_t size = cluster.transaction_size;
    uint32_t count = 0;
    for (unsigned k = 0; k < m->pool_count; k++)
        if (!m->pool[k].marked && (size_t)(w->end - w->at) >= 4 + size) {
            m->pool[k].marked = epoch;
            write_u32(w, size);
            write_u64(w, m->pool[k].id);
            write_bytes(w, filler, size - 8);
            count++;
        }
    return count;
}

static inline void port_given_up(void *context, epoch_id epoch)
{
    struct member *m = context;
    for (unsigned k = 0; k < m->pool_count; k++)
        if (m->pool[k].marked == epoch && !m->pool[k].done)
            m->pool[k].marked = 0;
}

static inline void port_deliver(void *context, const struct delivery *d)
{
    struct member *m = context;
    assert_int_equal(d->position, m->height);
    assert_true(m->height < LEDGER_MAX);
    m->ledger[m->height++] = *d;
    if (!d->valid)
        return;
    struct store_view *view;
    struct slice bytes, one;
    struct block b;
    int error = store_view_open(m->store, &view);
    if (!error)
        error = driver_block(view, d->epoch, d->proposer, &bytes);
    if (error) {
        assert_true(cluster.may_fail && error == STORE_IO);
        m->broken = true;
        store_view_close(view);
        return;
    }
    assert_true(block_decode(bytes, cluster.quorum, d->epoch, &b));
    while (block_next(&b.transactions, &one)) {
        struct reader r = reader_of(one);
        assert_true(m->id_count < LEDGER_MAX);
        m->ids[m->id_count++] = read_u64(&r);
    }
    store_view_close(view);
}

static inline void report_pool(struct member *m)
{
    uint64_t bytes = 0;
    for (unsigned k = 0; k < m->pool_count; k++)
        bytes += m->pool[k].marked ? 0 : 4 + cluster.transaction_size;
    driver_pool(m->driver, bytes);
}

static inline void port_end_epoch(void *context, epoch_id epoch)
{
    struct member *m = context;
    if (m->broken)
        return;
    m->ended = epoch;
    m->ended_ids[epoch % ENDED] = m->id_count;
}

static inline struct executed ledger_of(const struct member *m)
{
    return (struct executed){
        .epoch = m->executed, .height = m->executed_height, .log_root = m->log_root};
}

/* Makes durable what was delivered, an epoch at a time. */
static inline void execute(struct member *m)
{
    const epoch_id end = m->ended < executes_through ? m->ended : executes_through;
    while (m->executed < end && !nodeset_has(&cluster.lagging, m->id)) {
        const epoch_id epoch = ++m->executed;
        for (; m->executed_height < m->height && m->ledger[m->executed_height].with_epoch <= epoch;
             m->executed_height++) {
            const struct delivery *d = &m->ledger[m->executed_height];
            for (unsigned k = 0; d->proposer == m->id && k < m->pool_count; k++)
                m->pool[k].done = m->pool[k].done || m->pool[k].marked == d->epoch;
            m->log_root = hash_inner(&m->log_root, &d->commitment);
        }
        m->executed_ids = m->ended_ids[epoch % ENDED];
        const struct executed x = ledger_of(m);
        driver_executed(m->driver, &x);
    }
}

static inline void port_fault(void *context, node_id peer, enum fault fault)
{
    ((struct member *)context)->faults[peer][fault]++;
}

/* ---- Members ---- */

static inline int ledger_entries(void *context, epoch_id from,
                                 void (*visit)(void *driver, epoch_id epoch, node_id proposer),
                                 void *driver)
{
    const struct member *m = context;
    for (unsigned k = 0; k < m->executed_height; k++)
        if (m->ledger[k].with_epoch >= from)
            visit(driver, m->ledger[k].epoch, m->ledger[k].proposer);
    return 0;
}

/* What was taken for a block that was never stored waits again. */
static inline void restore_marks(struct member *m)
{
    struct store_view *view;
    struct slice block;
    assert_int_equal(store_view_open(m->store, &view), 0);
    for (unsigned k = 0; k < m->pool_count; k++)
        if (m->pool[k].marked && !m->pool[k].done &&
            driver_block(view, m->pool[k].marked, m->id, &block) != 0)
            m->pool[k].marked = 0;
    store_view_close(view);
}

/* False with `message` when the driver does not open. */
static inline bool member_can_open(struct member *m, char *message, size_t message_size)
{
    const struct store_options so = {.path = m->path,
                                     .size_max = 1u << 30,
                                     .tables = consensus_tables,
                                     .table_count = CONSENSUS_TABLES};
    const struct driver_options o = {.node = {.quorum = cluster.quorum,
                                              .self = m->id,
                                              .mode = cluster.mode,
                                              .fetch_all = cluster.fetch_all,
                                              .epoch_window = WINDOW,
                                              .open_dispersals = OPEN_DISPERSALS,
                                              .link_horizon = cluster.link_horizon,
                                              .checkpoint_epochs = checkpoint_epochs,
                                              .checkpoint_delay_ms = checkpoint_delay_ms,
                                              .block_bytes_max = 1 << 20,
                                              .block_bytes_min = 400,
                                              .block_delay_ms = block_delay_ms,
                                              .retry_ms = retry_ms,
                                              .lag_target_ms = lag_target_ms},
                                     .chain = cluster.chain,
                                     .coin_public = &cluster.coin,
                                     .coin_secret = &cluster.secrets[m->id],
                                     .identity = &cluster.identities[m->id],
                                     .identities = cluster.keys,
                                     .carried_bytes = carried_bytes};
    const struct driver_ports ports = {.context = m,
                                       .send = port_send,
                                       .drop = port_drop,
                                       .queued = port_queued,
                                       .work = port_work,
                                       .take = port_take,
                                       .given_up = port_given_up,
                                       .deliver = port_deliver,
                                       .end_epoch = port_end_epoch,
                                       .fault = port_fault};
    const struct driver_ledger ledger = {ledger_of(m), ledger_entries, m, installed};
    m->height = m->executed_height; /* What was delivered and not executed comes again. */
    m->id_count = m->executed_ids;
    m->ended = m->executed;
    if (store_open(&so, &m->store, message, message_size))
        return false;
    m->driver = driver_open(&o, m->store, &ports, &ledger, message, message_size);
    if (!m->driver) {
        store_close(m->store);
        return false;
    }
    m->up = true;
    m->broken = false;
    restore_marks(m);
    report_pool(m);
    return true;
}

static inline void member_open(struct member *m)
{
    char message[256];
    if (!member_can_open(m, message, sizeof message))
        fail_msg("%s", message);
}

static inline void member_crash(struct member *m)
{
    while (m->jobs) {
        struct job *j = m->jobs;
        m->jobs = j->next;
        job_free(j);
    }
    driver_close(m->driver);
    store_memory_crash(m->store);
    m->up = false;
}

static inline void drop_posts(struct post *p)
{
    while (p) {
        struct post *next = p->next;
        free(p->bytes);
        free(p);
        p = next;
    }
}

static inline void cluster_close(void)
{
    for (unsigned k = 0; k < cluster.quorum.n; k++) {
        if (cluster.members[k].up)
            member_crash(&cluster.members[k]);
        store_memory_forget(cluster.members[k].path);
    }
    drop_posts(cluster.posts);
    cluster.posts = NULL;
    cluster.quorum.n = 0;
}

/* What a test that failed left open. */
static inline int cluster_teardown(void **state)
{
    (void)state;
    cluster_close();
    return 0;
}

#define CORE_TEST(name) cmocka_unit_test_teardown(name, cluster_teardown)

static inline void cluster_open_mode(unsigned n, uint64_t link_horizon, enum node_mode mode,
                                     bool fetch_all)
{
    assert_true(n <= MEMBERS_MAX && hash_init() && identity_init(NULL));
    cluster_close(); /* The one before. */
    memset(&cluster, 0, sizeof cluster);
    cluster.quorum = quorum_of(n);
    cluster.link_horizon = link_horizon;
    cluster.mode = mode;
    cluster.fetch_all = fetch_all;
    cluster.posts_end = &cluster.posts;
    cluster.chain = hash_bytes(slice_of("core", 4));
    cluster.now_ms = 1000;
    cluster.transaction_size = 8;
    code_init(&cluster.code, cluster.quorum);
    assert_true(coin_deal(cluster.quorum, &cluster.chain, &cluster.coin, cluster.secrets));
    for (unsigned k = 0; k < n; k++) {
        struct identity_public public;
        cluster.identities[k].bytes[0] = (uint8_t)(1 + k);
        assert_true(identity_derive(&cluster.identities[k], &public) &&
                    identity_parse(&public, &cluster.keys[k]));
    }
    for (unsigned k = 0; k < n; k++) {
        struct member *m = &cluster.members[k];
        m->id = (node_id)k;
        snprintf(m->path, sizeof m->path, "core/%u", k);
        store_memory_forget(m->path);
        member_open(m);
    }
}

static inline void cluster_open(unsigned n, uint64_t link_horizon)
{
    cluster_open_mode(n, link_horizon, MODE_DL, false);
}

/* False when its store failed. */
static inline bool member_flush(struct member *m, const struct post *posts)
{
    for (const struct post *p = posts; p; p = p->next)
        if (p->to == m->id)
            driver_frame(m->driver, p->from, slice_of(p->bytes, p->size));
    struct job **link = &m->jobs, *j;
    while ((j = *link) != NULL) {
        if (cluster.job_comes && !cluster.job_comes(m, j)) {
            link = &j->next;
            continue;
        }
        *link = j->next;
        driver_worked(m->driver, j);
    }
    execute(m);
    report_pool(m);
    return driver_flush(m->driver, cluster.now_ms) == 0 && !m->broken;
}

static inline void cluster_round(void)
{
    struct post *arriving = cluster.posts, **link = &arriving, *p;
    cluster.posts = NULL;
    cluster.posts_end = &cluster.posts;
    while ((p = *link) != NULL) {
        if (!cluster.waits || !cluster.waits(p)) {
            link = &p->next;
            continue;
        }
        *link = p->next;
        p->next = NULL;
        *cluster.posts_end = p;
        cluster.posts_end = &p->next;
    }
    cluster.now_ms += ROUND_MS;
    for (unsigned k = 0; k < cluster.quorum.n; k++)
        if (cluster.members[k].up && !member_flush(&cluster.members[k], arriving)) {
            assert_true(cluster.may_fail);
            member_crash(&cluster.members[k]);
        }
    drop_posts(arriving);
}

static inline void cluster_run(unsigned rounds)
{
    while (rounds-- > 0)
        cluster_round();
}

#endif
