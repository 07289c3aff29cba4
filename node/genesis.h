/* The beginning of a cluster: its keys, its coin, its first balances, and the files that carry
 * them (node/config.h says which).
 *
 * genesis_write is a trusted dealer: it makes the coin's secret and splits it, and it makes every
 * node's keys. When it returns, the coin's secret is wiped; each node's own share and keys are
 * in its node.key and nowhere else. Entropy is the kernel's, by getrandom(2).
 *
 * Functions return 0, or -1 with one line in `message`. Call hash_init and identity_init first. */
#ifndef NODE_GENESIS_H
#define NODE_GENESIS_H

#include "node/config.h"

enum {
    GENESIS_ACCOUNTS_MAX = 100000,
    GENESIS_PORT_MAX = UINT16_MAX - (CONFIG_PORTS - 1),
};

struct genesis_options {
    const char *directory; /* Made when it is not there. */
    const char *name;
    enum application application;
    enum node_mode mode;
    unsigned nodes;     /* 1 to NODES_MAX. */
    unsigned accounts;  /* 0 to GENESIS_ACCOUNTS_MAX; the log has none. */
    uint64_t balance;   /* Of each account. */
    const char *hosts;  /* One for all nodes, or one for each, with commas between. */
    unsigned base_port; /* Node I has CONFIG_PORTS ports from base_port + CONFIG_PORT_STEP * I. */
};

/* Whether the options can be carried out. */
int genesis_check(const struct genesis_options *options, char *message, size_t message_size);
/* Writes all files, cluster.conf last: without it nothing starts. Overwrites nothing. */
int genesis_write(const struct genesis_options *options, char *message, size_t message_size);

/* Makes an account's key pair and writes it to a new file. */
int genesis_account(const char *path, struct identity_public *account, char *message,
                    size_t message_size);

/* Fills `target`, at most 256 bytes, with what nobody can guess. False when the kernel cannot. */
bool genesis_entropy(void *target, size_t size);

#endif
