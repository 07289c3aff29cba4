/* What a node is told: three files, and the accounts' keys.
 *
 *   DIR/cluster.conf        public, the same at every node: who takes part, and the rules
 *   DIR/nodeI/node.conf     how node I runs; every key has a default but its number
 *   DIR/nodeI/node.key      its secrets, for its owner's eyes only (0600)
 *   DIR/accounts/K.key      an account's key pair (0600); no node needs it
 *
 * node/settings.h says how the files are written. The chain id names the cluster: it is the hash
 * of all values of cluster.conf but the addresses, so that neither comments, nor the order of
 * keys, nor a machine's move changes it, and any other difference does.
 *
 * Call hash_init and identity_init before anything here. Functions that can fail return 0, or -1
 * with one line in `message`. */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include "crypto/coin.h"
#include "crypto/identity.h"
#include "net/curve.h"
#include "node/mode.h"
#include "node/settings.h"

enum {
    CONFIG_FORMAT = 2, /* Of cluster.conf, and of what nodes must compute alike: it is in the chain
                        * id, so that programs which do not refuse each other and the data. */
    CONFIG_PORTS = 5,  /* A node's, from its address's port on: the lanes, clients, HTTP. */
    CONFIG_PORT_BASE = 27000,
    CONFIG_PORT_STEP = 10, /* From node to node, so that a port tells whose it is. */
    CONFIG_NAME_MAX = 63,
    CONFIG_MESSAGE_MAX = 1024,     /* Enough for any message here. */
    BLOCK_BYTES_LEAST = 132 << 10, /* block_bytes_max: one transaction, whatever was seen. */
    BLOCK_BYTES_LIMIT = 8 << 20,
};

enum application { APPLICATION_LEDGER, APPLICATION_LOG, APPLICATION_EXTERNAL };
extern const char *const application_names[];
enum retrieval_policy { RETRIEVAL_LEAN, RETRIEVAL_ALL };
enum bulk_security { BULK_CURVE, BULK_PLAIN };

struct cluster_node {
    struct address address; /* Where the others reach it; the port is the first of five. */
    uint8_t curve_public[CURVE_KEY_SIZE];
    struct identity_public identity;
};

struct balance {
    struct identity_public account;
    uint64_t amount;
    unsigned line; /* In cluster.conf. */
};

struct cluster {
    struct hash chain; /* The chain id. */
    char name[CONFIG_NAME_MAX + 1];
    enum application application;
    enum node_mode mode;
    uint64_t node_count;
    uint64_t block_bytes_max;   /* A block as it is dispersed. */
    uint64_t epoch_window;      /* Epochs in flight. */
    uint64_t open_dispersals;   /* Of one proposer, incomplete, that a node stores chunks for. */
    uint64_t link_horizon;      /* Epochs after which a dispersal is not linked any more. */
    uint64_t checkpoint_epochs; /* From one signed checkpoint to the next. */
    uint64_t version;           /* CONFIG_FORMAT. */
    struct cluster_node nodes[NODES_MAX];
    struct coin_public coin;
    struct balance *balances; /* By account, ascending. Owned: cluster_free. */
    size_t balance_count;
};

#define RETAIN_BYTES_MAX (UINT64_C(1) << 41) /* A store has room for twice as much. */

struct node_config {
    uint64_t self; /* The node's number. */
    /* Hosts to bind, without ports: those are the address's. Loopback unless configured. */
    char listen[SETTING_HOST_MAX + 1]; /* For the other nodes. */
    char client[SETTING_HOST_MAX + 1]; /* For clients over ZeroMQ. */
    char http[SETTING_HOST_MAX + 1];   /* For clients over HTTP; "none": not at all. */
    char data[SETTING_VALUE_MAX + 1];  /* The data directory; relative to node.conf. */
    /* Of app = external: the socket that it listens at; relative too. */
    char application[SETTING_VALUE_MAX + 1];
    uint64_t mempool_bytes;       /* Transactions that wait. */
    uint64_t pool_delay_ms;       /* Of what is taken, what is executed in so long; 0: all. */
    uint64_t block_bytes;         /* A block of ours is full with so much. */
    uint64_t block_bytes_min;     /* A block is worth proposing when so much waits … */
    uint64_t block_delay_ms;      /* … or so much time has passed. */
    uint64_t lag_target_s;        /* How far ordering may run ahead of execution. */
    uint64_t checkpoint_delay_ms; /* Until an executed transaction asks for a checkpoint. */
    uint64_t retry_ms;            /* At least, until what has not come is asked for again. */
    uint64_t retain_bytes;        /* Of executed blocks, for nodes that are behind. */
    enum retrieval_policy retrieval;
    enum bulk_security bulk;
    uint64_t workers;   /* Threads for heavy work; 0 in the file: as many as there are cores. */
    unsigned log_level; /* An enum log_level. */
};

struct node_key {
    uint8_t curve_secret[CURVE_KEY_SIZE];
    struct identity_secret identity;
    struct coin_secret coin;
};

struct config {
    struct cluster cluster;
    struct node_config node;
    struct node_key key;
};

/* Reads the three files of the node whose directory (DIR/nodeI) is given, and checks that they
 * belong together. On success the data directory's path is complete. */
int config_load(const char *directory, struct config *c, char *message, size_t message_size);
void config_free(struct config *c); /* Wipes the secrets. Zeroed, or freed already, is fine. */

/* Reads DIR/cluster.conf alone, for clients. */
int cluster_load(const char *path, struct cluster *c, char *message, size_t message_size);
void cluster_free(struct cluster *c);
/* What a careful operator should know about this cluster, in sentences; returns how many. */
enum { CLUSTER_WARNINGS = 2 };
unsigned cluster_warnings(const struct cluster *c, const char *warnings[CLUSTER_WARNINGS]);

/* The parsers alone; `file` is for messages. On failure nothing is left to free or to wipe. */
int config_parse_cluster(struct slice text, const char *file, struct cluster *c, char *message,
                         size_t message_size);
int config_parse_node(struct slice text, const char *file, struct node_config *c, char *message,
                      size_t message_size);
int config_parse_key(struct slice text, const char *file, struct node_key *key, char *message,
                     size_t message_size);

struct account_key {
    struct identity_secret secret;
    struct identity_public public;
};
/* Reads an account's key, which nobody else may be able to read. The caller wipes it. */
int account_key_load(const char *path, struct account_key *key, char *message, size_t message_size);

#endif
