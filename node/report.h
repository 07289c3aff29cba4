/* What a node says of itself, gathered once: the JSON of STATUS and STATS, and its metrics
 * (node/metrics.h). Counters are since the start. */
#ifndef NODE_REPORT_H
#define NODE_REPORT_H

#include "crypto/fault.h"
#include "net/transport.h"
#include "node/clients.h"
#include "node/node.h"
#include "node/progress.h"

enum node_state {
    STATE_CURRENT,
    STATE_CATCHING_UP, /* Others are further, or what is agreed is not executed yet. */
    STATE_WAITING,     /* Too few peers are connected for anything to be agreed. */
    NODE_STATES,
};
extern const char *const node_states[NODE_STATES];
extern const char *const lane_names[LANES];
extern const char *const stage_names[STAGES];

struct report_peer {
    bool connected;
    struct word word; /* As it said. */
    struct transport_traffic traffic;
};

enum { REPORT_STORES = 2 }; /* What consensus remembers, and the ledger. */

struct report {
    struct hash chain;
    const char *application;
    const char *mode;
    struct quorum quorum;
    node_id self;
    enum node_state state;
    uint64_t height;
    struct hash log_root;
    struct hash state_root;
    unsigned connected;          /* Peers. */
    struct nodeset missing;      /* Those that are not. */
    epoch_id known;              /* What f+1 say is agreed, or this node knows to be. */
    bool rates_known;            /* Of what is executed, or, when a snapshot is gathered, of its */
    struct progress_rates rates; /* pieces. */
    epoch_id snapshot_wanted;    /* The data was lost: it begins with one of this epoch or later, */
    bool lost;                   /* 0: of one that is not known yet. */
    epoch_id snapshot_epoch;     /* Of the newest that is held and signed; 0: none is. */
    uint32_t snapshot_here;      /* Of one that is gathered: pieces here, */
    uint32_t snapshot_pieces;    /* of so many; 0: none is gathered. */
    struct node_view view;
    const uint64_t (*faults)[NODES_MAX]; /* [enum fault][peer] */
    /* STATUS takes nothing of what follows. */
    struct node_retrieval retrieval;
    struct report_peer peers[NODES_MAX];
    struct transport_counts lanes;
    struct clients_counts clients;
    struct mempool_view pool;
    const struct times *commits;
    uint64_t confirmed_bytes;
    uint64_t confirmed_transactions;
    uint64_t lag_bytes;
    uint64_t refused_connections;
    double cpu_s;
    uint64_t rss_bytes;
    uint64_t core_bytes;
    uint64_t mempool_bytes_max;
    uint64_t admission_limit, in_hand; /* Bytes; admission.h */
    uint64_t store_bytes[REPORT_STORES];
    uint64_t store_bytes_max;
};

/* To be freed. */
char *report_status(const struct report *r);
char *report_stats(const struct report *r);

uint64_t report_lag_epochs(const struct report *r);

#endif
