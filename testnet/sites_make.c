/* The files of a run's nodes: keys and settings, and where their data is. */
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "node/config.h"
#include "node/file.h"
#include "testnet/process.h"
#include "testnet/sites.h"

enum {
    TMPFS_TYPE = 0x01021994,
    TEXT_MAX = 64,
    CONFIG_MAX = 1 << 20,
    BLOCK_MIN = 150000, /* block_bytes_min, unless set. */
    MEMPOOL_MB = 64,    /* More than a backlog's load keeps under way. */
};

static const char shared_memory[] = "/dev/shm";

void sites_data(const struct sites *s, unsigned node, char path[SITES_PATH_MAX])
{
    snprintf(path, SITES_PATH_MAX, "%.400s/node%u", s->data, node);
}

void sites_directory(const struct sites *s, unsigned node, char path[SITES_PATH_MAX])
{
    snprintf(path, SITES_PATH_MAX, "%.400s/cluster/node%u", s->out, node);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    remove(path);
    return 0;
}

void sites_remove_tree(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

static void tmpfs_path(const char *run, char path[SITES_PATH_MAX])
{
    snprintf(path, SITES_PATH_MAX, "%s/ledger.%s", shared_memory, run);
}

void sites_remove(const char *run)
{
    char path[SITES_PATH_MAX];
    tmpfs_path(run, path);
    sites_remove_tree(path);
}

/* Sixteen nodes on one disk would measure that disk. */
static int make_data(struct sites *s, char *message, size_t message_size)
{
    struct statfs file_system;
    char absolute[PATH_MAX]; /* A node takes what is not for relative to its own directory. */
    if (!realpath(s->out, absolute))
        return snprintf(message, message_size, "%s: %s", s->out, strerror(errno)), -1;
    s->tmpfs = !s->keep && s->scenario->data == SCENARIO_MEMORY &&
               statfs(shared_memory, &file_system) == 0 && file_system.f_type == TMPFS_TYPE;
    if (s->tmpfs)
        tmpfs_path(s->run, s->data);
    else
        snprintf(s->data, sizeof s->data, "%.400s/data", absolute);
    sites_remove_tree(s->data);
    if (mkdir(s->data, 0700) == 0)
        return 0;
    snprintf(message, message_size, "%s: %s", s->data, strerror(errno));
    return -1;
}

/* What genesis writes is for any cluster; some of it is the scenario's. 0: not of this. */
static int set_cluster(const struct sites *s, const char *key, uint64_t value, char *message,
                       size_t message_size)
{
    char path[SITES_PATH_MAX];
    char start[TEXT_MAX];
    uint8_t *text;
    size_t size;
    snprintf(path, sizeof path, "%.400s/cluster/cluster.conf", s->out);
    if (value == 0)
        return 0;
    if (file_read(path, CONFIG_MAX, &text, &size, message, message_size))
        return -1;
    const int length = snprintf(start, sizeof start, "\n%s = ", key);
    const uint8_t *end = text + size;
    const uint8_t *at = memmem(text, size, start, (size_t)length);
    const uint8_t *rest = at ? memchr(at + length, '\n', (size_t)(end - at - length)) : NULL;
    FILE *file = rest ? fopen(path, "w") : NULL;
    if (file) {
        fwrite(text, 1, (size_t)(at - text), file);
        fprintf(file, "%s%" PRIu64, start, value);
        fwrite(rest, 1, (size_t)(end - rest), file);
    }
    free(text);
    if (file && fclose(file) == 0)
        return 0;
    snprintf(message, message_size, "%s: %s cannot be set", path, key);
    return -1;
}

static int set_node(const struct sites *s, unsigned node, char *message, size_t message_size)
{
    char path[SITES_PATH_MAX];
    char data[SITES_PATH_MAX];
    char address[NETWORK_ADDRESS_SIZE] = "127.0.0.1";
    sites_directory(s, node, path);
    strcat(path, "/node.conf");
    sites_data(s, node, data);
    if (s->network)
        network_address(node, address);
    FILE *file = fopen(path, "w"); /* Of genesis' file only the number is of use here. */
    if (file) {
        fprintf(file, "node = %u\nlisten = %s\nclient = %s\ndata = %s\n", node, address, address,
                data);
        fprintf(file, "mempool_bytes = %dm\nretrieval = %s\nworkers = 1\n", MEMPOOL_MB,
                s->scenario->retrieval);
        if (s->scenario->lag_target_s > 0)
            fprintf(file, "lag_target = %.0f\n", s->scenario->lag_target_s);
        if (s->scenario->retain_bytes > 0)
            fprintf(file, "retain_bytes = %" PRIu64 "\n", s->scenario->retain_bytes);
        if (s->scenario->load == SCENARIO_BACKLOG) /* There always is one. */
            fprintf(file, "pool_delay_ms = 0\n");
        /* Full blocks when there is a backlog; else as usual, and never above the largest. */
        if (s->scenario->block_bytes > 0)
            fprintf(file, "block_bytes = %llu\n", (unsigned long long)s->scenario->block_bytes);
        if (s->scenario->block_bytes > 0 &&
            (s->scenario->load == SCENARIO_BACKLOG || s->scenario->block_bytes < BLOCK_MIN))
            fprintf(file, "block_bytes_min = %llu\n", (unsigned long long)s->scenario->block_bytes);
    }
    if (file && fclose(file) == 0)
        return 0;
    snprintf(message, message_size, "%s: %s", path, strerror(errno));
    return -1;
}

static int run_genesis(const struct sites *s, char *message, size_t message_size)
{
    static char hosts[RELAY_SITES_MAX * NETWORK_ADDRESS_SIZE];
    char directory[SITES_PATH_MAX];
    char nodes[TEXT_MAX];
    char output[4096];
    size_t used = 0;
    snprintf(hosts, sizeof hosts, "127.0.0.1");
    for (unsigned i = 0; s->network && i < s->scenario->nodes; i++) {
        char address[NETWORK_ADDRESS_SIZE];
        network_address(i, address);
        used += (size_t)snprintf(hosts + used, sizeof hosts - used, "%s%s", i ? "," : "", address);
    }
    snprintf(directory, sizeof directory, "%.400s/cluster", s->out);
    snprintf(nodes, sizeof nodes, "%u", (unsigned)s->scenario->nodes);
    const char *const argv[] = {sites_program("ledger-cli"),
                                "genesis",
                                directory,
                                "--nodes",
                                nodes,
                                "--app",
                                s->scenario->application == APPLICATION_LOG ? "log" : "ledger",
                                "--mode",
                                s->scenario->mode,
                                "--host",
                                hosts,
                                s->scenario->application == APPLICATION_LOG ? NULL : "--accounts",
                                "1000",
                                "--balance",
                                "1000000000",
                                NULL};
    return process_read(argv, output, sizeof output, message, message_size);
}

int sites_make(struct sites *s, char *message, size_t message_size)
{
    const struct scenario *c = s->scenario;
    char path[SITES_PATH_MAX];
    const uint64_t block =
        c->block_bytes && c->block_bytes < BLOCK_BYTES_LEAST ? BLOCK_BYTES_LEAST : c->block_bytes;
    if (run_genesis(s, message, message_size) ||
        set_cluster(s, "block_bytes_max", block, message, message_size) ||
        set_cluster(s, "checkpoint_epochs", c->checkpoint_epochs, message, message_size) ||
        make_data(s, message, message_size))
        return -1;
    for (unsigned i = 0; i < s->scenario->nodes; i++)
        if (set_node(s, i, message, message_size))
            return -1;
    snprintf(path, sizeof path, "%.400s/cluster/cluster.conf", s->out);
    return cluster_load(path, &s->cluster, message, message_size);
}
