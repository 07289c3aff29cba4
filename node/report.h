/* The JSON of STATUS and STATS, from plain numbers. */
#ifndef NODE_REPORT_H
#define NODE_REPORT_H

#include "crypto/fault.h"
#include "crypto/hash.h"
#include "crypto/quorum.h"
#include "net/transport.h"

enum node_state {
    STATE_CURRENT,
    STATE_CATCHING_UP, /* Others are further, or what is agreed is not executed yet. */
    STATE_WAITING,     /* Too few peers are connected for anything to be agreed. */
};

struct report {
    struct hash chain;
    const char *application;
    const char *mode;
    struct quorum quorum;
    node_id self;
    enum node_state state;
    uint64_t epoch_agreed;
    uint64_t epoch_executed;
    uint64_t height;
    struct hash log_root;
    struct hash state_root;
    unsigned peers; /* Connected. */
    /* Since the start. */
    uint64_t rx_bytes[LANES];
    uint64_t tx_bytes[LANES];
    double vote_delay_ms[2]; /* As the transport's. */
    uint64_t rx_bytes_clients;
    uint64_t tx_bytes_clients;
    uint64_t confirmed_bytes;
    uint64_t confirmed_transactions;
    uint64_t lag_bytes;
    uint64_t coins_tossed;
    uint64_t rounds;
    uint64_t hedges;
    uint64_t wasted_chunks; /* Bytes received for nothing (node_view). */
    uint64_t wasted_pieces;
    uint64_t commits;
    const uint64_t (*faults)[NODES_MAX]; /* [enum fault][peer] */
    uint64_t mempool_bytes;
    double cpu_s;
    uint64_t rss_bytes;
};

/* To be freed. */
char *report_status(const struct report *r);
char *report_stats(const struct report *r);

#endif
