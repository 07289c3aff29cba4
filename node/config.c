#include "node/config.h"

#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "node/file.h"
#include "node/log.h"

enum { NODE_FILE_SIZE_MAX = 1 << 20, WORKERS_MAX = 256 };

static const char *const retrievals[] = {"lean", "all", NULL};
static const char *const bulks[] = {"curve", "plain", NULL};
static const char *const levels[] = {"error", "warn", "info", "debug", NULL};

#define NUMBER(key_name, field, least, most, usual)                                       \
    {                                                                                     \
        .key = (key_name), .type = SETTING_NUMBER, SETTING_AT(struct node_config, field), \
        .min = (least), .max = (most), .number = (usual)                                  \
    }
#define HOST(field)                                                                 \
    {                                                                               \
        .key = #field, .type = SETTING_NAME, SETTING_AT(struct node_config, field), \
        .text = "127.0.0.1"                                                         \
    }
#define CHOICE(key_name, field, names, usual)                                             \
    {                                                                                     \
        .key = (key_name), .type = SETTING_CHOICE, SETTING_AT(struct node_config, field), \
        .choices = (names), .number = (usual)                                             \
    }

static const struct setting node_table[] = {
    {.key = "node",
     .type = SETTING_NUMBER,
     SETTING_AT(struct node_config, self),
     .required = true,
     .max = NODES_MAX - 1},
    HOST(listen),
    HOST(client),
    HOST(http),
    {.key = "data", .type = SETTING_TEXT, SETTING_AT(struct node_config, data), .text = "data"},
    {.key = "application",
     .type = SETTING_TEXT,
     SETTING_AT(struct node_config, application),
     .text = "application.sock"},
    NUMBER("mempool_bytes", mempool_bytes, 1 << 20, UINT64_C(64) << 30, 64 << 20),
    NUMBER("pool_delay_ms", pool_delay_ms, 0, 3600000, 400),
    NUMBER("block_bytes", block_bytes, 1, BLOCK_BYTES_LIMIT, BLOCK_BYTES_LIMIT),
    NUMBER("block_bytes_min", block_bytes_min, 1, BLOCK_BYTES_LIMIT, 150000),
    NUMBER("block_delay_ms", block_delay_ms, 0, 60000, 100),
    NUMBER("lag_target", lag_target_s, 1, 86400, 30),
    NUMBER("checkpoint_delay_ms", checkpoint_delay_ms, 100, 3600000, 10000),
    NUMBER("retry_ms", retry_ms, 10, 60000, 500),
    NUMBER("retain_bytes", retain_bytes, 1 << 20, RETAIN_BYTES_MAX, UINT64_C(4) << 30),
    CHOICE("retrieval", retrieval, retrievals, RETRIEVAL_LEAN),
    CHOICE("bulk", bulk, bulks, BULK_CURVE),
    NUMBER("workers", workers, 0, WORKERS_MAX, 0),
    CHOICE("log_level", log_level, levels, LOG_LEVEL_INFO),
    {.key = NULL},
};

static const struct setting key_table[] = {
    {.key = "curve_secret",
     .type = SETTING_HEX,
     SETTING_AT(struct node_key, curve_secret),
     .required = true},
    {.key = "identity_secret",
     .type = SETTING_HEX,
     SETTING_AT(struct node_key, identity.bytes),
     .required = true},
    {.key = "coin_secret",
     .type = SETTING_HEX,
     SETTING_AT(struct node_key, coin.scalar),
     .required = true},
    {.key = NULL},
};

static const struct setting account_table[] = {
    {.key = "secret",
     .type = SETTING_HEX,
     SETTING_AT(struct account_key, secret.bytes),
     .required = true},
    {.key = "public",
     .type = SETTING_HEX,
     SETTING_AT(struct account_key, public.bytes),
     .required = true},
    {.key = NULL},
};

/* Reads a file without sections. */
static int parse_flat(struct settings *s, const struct setting table[], void *target)
{
    struct settings_section section;
    settings_begin(&section, table, target, 0);
    for (;;) {
        switch (settings_next(s)) {
        case SETTINGS_ERROR: return -1;
        case SETTINGS_END: return settings_finish(s, &section);
        case SETTINGS_SECTION:
            return settings_error(s, "[%s]: this file has no sections; remove the line",
                                  s->section);
        case SETTINGS_VALUE:
            if (settings_assign(s, &section))
                return -1;
        }
    }
}

static unsigned count_cores(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0)
        return 1;
    unsigned count = (unsigned)CPU_COUNT(&cores);
    return count < WORKERS_MAX ? count : WORKERS_MAX;
}

int config_parse_node(struct slice text, const char *file, struct node_config *c, char *message,
                      size_t message_size)
{
    struct settings s;
    *c = (struct node_config){.self = 0};
    settings_open(&s, text, file, message, message_size);
    if (parse_flat(&s, node_table, c))
        return -1;
    if (c->workers == 0)
        c->workers = count_cores();
    return 0;
}

/* Reads a file of secrets; leaves no copy of them but the target, and not that on failure. */
static int parse_secrets(struct slice text, const char *file, const struct setting table[],
                         void *target, size_t target_size, char *message, size_t message_size)
{
    struct settings s;
    settings_open(&s, text, file, message, message_size);
    int error = parse_flat(&s, table, target);
    secret_wipe(&s, sizeof s);
    if (error)
        secret_wipe(target, target_size);
    return error;
}

int config_parse_key(struct slice text, const char *file, struct node_key *key, char *message,
                     size_t message_size)
{
    return parse_secrets(text, file, key_table, key, sizeof *key, message, message_size);
}

static int load_node(const char *path, struct node_config *c, char *message, size_t message_size)
{
    uint8_t *text;
    size_t size;
    if (file_read(path, NODE_FILE_SIZE_MAX, &text, &size, message, message_size))
        return -1;
    int error = config_parse_node(slice_of(text, size), path, c, message, message_size);
    free(text);
    return error;
}

static int load_secrets(const char *path, const struct setting table[], void *target,
                        size_t target_size, char *message, size_t message_size)
{
    uint8_t *text;
    size_t size;
    if (file_read_secret(path, NODE_FILE_SIZE_MAX, &text, &size, message, message_size))
        return -1;
    int error = parse_secrets(slice_of(text, size), path, table, target, target_size, message,
                              message_size);
    secret_wipe(text, size);
    free(text);
    return error;
}

int account_key_load(const char *path, struct account_key *key, char *message, size_t message_size)
{
    struct identity_public derived;
    if (load_secrets(path, account_table, key, sizeof *key, message, message_size))
        return -1;
    if (identity_derive(&key->secret, &derived) &&
        memcmp(&derived, &key->public, sizeof derived) == 0)
        return 0;
    secret_wipe(key, sizeof *key);
    snprintf(message, message_size,
             "%s: the secret does not belong to the public key; restore the file from a copy",
             path);
    return -1;
}

/* Whether each secret is that of the node's public key: a node with another's would be refused
 * by its peers, or be taken for the other. */
static int check_key(const struct config *c, const char *path, char *message, size_t message_size)
{
    const struct cluster_node *own = &c->cluster.nodes[c->node.self];
    uint8_t curve[CURVE_KEY_SIZE];
    struct identity_public identity;
    const char *wrong = NULL;

    if (curve_public(c->key.curve_secret, curve)) {
        snprintf(message, message_size, "libzmq has no CURVE; install one built with libsodium");
        return -1;
    }
    if (memcmp(curve, own->curve_public, sizeof curve) != 0)
        wrong = "curve_secret";
    else if (!identity_derive(&c->key.identity, &identity) ||
             memcmp(&identity, &own->identity, sizeof identity) != 0)
        wrong = "identity_secret";
    else if (!coin_secret_matches(&c->cluster.coin, (uint16_t)c->node.self, &c->key.coin))
        wrong = "coin_secret";
    if (!wrong)
        return 0;
    snprintf(message, message_size,
             "%s: %s is not that of [node %" PRIu64 "] in cluster.conf; give this node its own "
             "node.key, and all nodes one cluster.conf",
             path, wrong, c->node.self);
    return -1;
}

static int check_node(const struct config *c, const char *path, char *message, size_t message_size)
{
    if (c->node.self >= c->cluster.node_count) {
        snprintf(message, message_size,
                 "%s: node = %" PRIu64 ", but cluster.conf has nodes 0 to %" PRIu64
                 "; give one of these",
                 path, c->node.self, c->cluster.node_count - 1);
        return -1;
    }
    if (c->node.block_bytes_min > c->cluster.block_bytes_max) {
        snprintf(message, message_size,
                 "%s: block_bytes_min = %" PRIu64 " exceeds block_bytes_max = %" PRIu64
                 " of cluster.conf; give less",
                 path, c->node.block_bytes_min, c->cluster.block_bytes_max);
        return -1;
    }
    if (c->node.block_bytes_min > c->node.block_bytes) {
        snprintf(message, message_size,
                 "%s: block_bytes_min = %" PRIu64 " exceeds block_bytes = %" PRIu64 "; give less",
                 path, c->node.block_bytes_min, c->node.block_bytes);
        return -1;
    }
    return 0;
}

/* directory/name, and false when that is too long. */
static bool join(const char *directory, const char *name, char *path, size_t size)
{
    int length = snprintf(path, size, "%s/%s", directory, name);
    return length >= 0 && (size_t)length < size;
}

/* A path of node.conf is relative to it. */
static bool complete_path(const char *directory, char path[SETTING_VALUE_MAX + 1])
{
    char complete[SETTING_VALUE_MAX + 1];
    if (path[0] == '/')
        return true;
    if (!join(directory, path, complete, sizeof complete))
        return false;
    memcpy(path, complete, sizeof complete);
    return true;
}

/* DIR/cluster.conf of DIR/nodeI, without "..": but for a link, which may lead elsewhere. */
static bool join_cluster(const char *directory, char *path, size_t size)
{
    struct stat status;
    size_t end = strlen(directory);
    while (end > 1 && directory[end - 1] == '/')
        end--;
    size_t name = end;
    while (name > 0 && directory[name - 1] != '/')
        name--;
    snprintf(path, size, "%.*s", (int)end, directory);
    if (name == end || directory[name] == '.' || lstat(path, &status) != 0 ||
        S_ISLNK(status.st_mode))
        return join(directory, "../cluster.conf", path, size);
    int written = snprintf(path, size, "%.*scluster.conf", (int)name, directory);
    return written >= 0 && (size_t)written < size;
}

int config_load(const char *directory, struct config *c, char *message, size_t message_size)
{
    char cluster[PATH_MAX];
    char node[PATH_MAX];
    char key[PATH_MAX];

    memset(c, 0, sizeof *c);
    if (!join_cluster(directory, cluster, sizeof cluster) ||
        !join(directory, "node.conf", node, sizeof node) ||
        !join(directory, "node.key", key, sizeof key)) {
        snprintf(message, message_size, "%s: too long a path; use a shorter one", directory);
        return -1;
    }
    if (load_node(node, &c->node, message, message_size) ||
        cluster_load(cluster, &c->cluster, message, message_size) ||
        check_node(c, node, message, message_size) ||
        load_secrets(key, key_table, &c->key, sizeof c->key, message, message_size) ||
        check_key(c, key, message, message_size)) {
        config_free(c);
        return -1;
    }
    const bool data = complete_path(directory, c->node.data);
    if (!data || !complete_path(directory, c->node.application)) {
        snprintf(message, message_size, "%s: %s: too long a path; use a shorter one", node,
                 data ? "application" : "data");
        config_free(c);
        return -1;
    }
    return 0;
}

void config_free(struct config *c)
{
    cluster_free(&c->cluster);
    secret_wipe(&c->key, sizeof c->key);
}
