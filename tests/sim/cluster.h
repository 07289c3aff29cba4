/* The nodes of a simulated cluster, what they run on, and the weather. Private to tests/sim. */
#ifndef TESTS_SIM_CLUSTER_H
#define TESTS_SIM_CLUSTER_H

#include "node/driver.h"
#include "storage/store_memory.h"
#include "tests/sim/check.h"
#include "tests/sim/network.h"
#include "tests/sim/said.h"
#include "tests/sim/sim.h"

enum { SIM_NODES_MAX = 16, INBOX_MAX = 4096, TRANSACTION_SIZE = 16, LARGE_SIZE = 40000 };

struct sim_transaction { /* In a node's pool: durable, as a real one's. */
    uint64_t id;
    uint32_t size;
    epoch_id marked; /* In the block of this epoch; 0: waits. */
    bool done;
};

struct sim_entry { /* Of a node's ledger. */
    struct delivery delivery;
    uint32_t first, count; /* In its executed ids. */
};

struct sim_node {
    struct sim *sim;
    node_id id;    /* As it calls itself. */
    node_id place; /* In nodes: its id, or n for a twin. */
    bool up;
    uint32_t life;
    bool liar;
    struct liar lying;
    struct store *store;
    struct driver *driver;
    char path[32];
    struct {
        node_id from;
        uint8_t *bytes;
        size_t size;
    } inbox[INBOX_MAX];
    unsigned inbox_count;
    bool flush_due;
    int broken;       /* How its store failed outside of the driver. */
    uint64_t free_us; /* When its link is done with what was sent, */
    uint64_t disk_us; /* and its disk with what was committed. */
    struct sim_transaction *pool;
    size_t pool_count, pool_capacity, pool_first;
    /* Its ledger: entries up to executed_entries are durable, the others staged. */
    struct sim_entry *entries;
    size_t entry_count, entry_capacity, executed_entries;
    uint64_t executed_taken; /* Transactions of correct nodes in the durable part. */
    uint64_t *ids;
    size_t id_count, id_capacity;
    struct executed executed;
    uint64_t execute_us; /* When its executor is done with what was delivered. */
};

struct sim {
    struct sim_options options;
    struct prng prng;
    struct network network;
    bool fetch_all;
    uint64_t link_horizon;
    uint64_t checkpoint_epochs; /* 0: none. */
    uint32_t lag_target_ms;
    struct quorum quorum;
    struct code code;
    struct hash chain;
    struct coin_public coin;
    struct coin_secret *secrets;
    struct identity_secret *identities;
    struct identity_key *keys;
    struct check *check;
    struct said said;
    struct sim_node nodes[SIM_NODES_MAX + 1];
    /* A liar may run twice, with one key: what each of the two says reaches its own side only. The
     * second is nodes[n]. */
    bool twins;
    node_id twin_of;
    struct nodeset twin_side;
    struct sim_tally *tally;
    /* Weather, drawn once. */
    uint32_t delay_us, loss_per_mille, repeat_per_mille, crash_per_mille, partition_per_mille;
    uint32_t work_us, execute_us, commit_us;
    unsigned epoch_window;
    uint64_t fire_us; /* At most so long under fire. */
    bool many_epochs;
    bool large; /* Transactions of up to LARGE_SIZE: chunks go in several pieces. */
    uint64_t bytes_per_s[SIM_NODES_MAX]; /* 0: no limit. */
    uint64_t submissions, submitted;
    struct nodeset side; /* A partition: those in it and those not. Empty: none. */
    bool healed;
    uint64_t last_arrival_us[SIM_NODES_MAX][SIM_NODES_MAX];
    char failure[512];
};

/* ports.c */
void sim_ports(struct sim_node *n, struct driver_ports *ports);
void sim_wake(struct sim_node *n);
/* nodes.c */
void sim_node_open(struct sim_node *n);
void sim_node_crash(struct sim_node *n);
/* A store error: the node is to be crashed. */
int sim_node_flush(struct sim_node *n);
void sim_node_executed(struct sim_node *n, epoch_id epoch);
void sim_node_submit(struct sim_node *n, uint64_t id, uint32_t size);
void sim_node_report_pool(struct sim_node *n);

/* sim.c: a process dies, and is started again after a while. */
void sim_crash(struct sim *s, struct sim_node *n);
/* weather.c */
unsigned sim_draw_size(struct sim *s);
void sim_draw_weather(struct sim *s);
void sim_draw_mode(struct sim *s);
/* Crashes, failing disks and partitions, now and then. */
void sim_weather(struct sim *s);
/* It is good from now on. */
void sim_heal(struct sim *s);

/* All that run: the twin too. */
static inline unsigned sim_places(const struct sim *s) { return s->quorum.n + s->twins; }

static inline bool sim_correct(const struct sim *s, unsigned node) { return !s->nodes[node].liar; }

#endif
