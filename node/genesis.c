#include "node/genesis.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "node/file.h"

enum { HEX_KEY_SIZE = 2 * 33 + 1 }; /* The longest key, in hex. */

/* All that is made before anything is written. */
struct genesis {
    const struct genesis_options *options;
    char *message;
    size_t message_size;
    struct cluster_node nodes[NODES_MAX];
    struct coin_public coin;
    struct node_key keys[NODES_MAX];
    struct coin_secret shares[NODES_MAX];
    struct identity_public *accounts;
};

__attribute__((format(printf, 3, 4))) static int fail(char *message, size_t message_size,
                                                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, message_size, format, arguments);
    va_end(arguments);
    return -1;
}

bool genesis_entropy(void *target, size_t size)
{
    assert(size <= 256); /* So much comes in one call. */
    return getrandom(target, size, 0) == (ssize_t)size;
}

static bool make_identity(struct identity_secret *secret, struct identity_public *public)
{
    return genesis_entropy(secret, sizeof *secret) && identity_derive(secret, public);
}

/* The addresses that the options give to the nodes. */
static int plan_addresses(const struct genesis_options *o, struct cluster_node nodes[],
                          char *message, size_t message_size)
{
    const char *host = o->hosts;
    unsigned count = 1;
    for (const char *at = o->hosts; *at; at++)
        count += *at == ',';
    if (count != 1 && count != o->nodes)
        return fail(message, message_size, "--host: %u hosts; give one for all nodes, or %u", count,
                    o->nodes);

    for (unsigned i = 0; i < o->nodes; i++) {
        char text[SETTING_HOST_MAX + 16];
        int size = (int)strcspn(host, ",");
        int length =
            snprintf(text, sizeof text, "%.*s:%u", size, host, o->base_port + CONFIG_PORT_STEP * i);
        if (length < 0 || (size_t)length >= sizeof text ||
            !settings_address(text, &nodes[i].address))
            return fail(message, message_size,
                        "--host: %.*s is no host; give a name of at most %d characters or an IPv4 "
                        "address",
                        size, host, SETTING_HOST_MAX);
        if (count > 1)
            host += size + 1;
    }
    return 0;
}

int genesis_check(const struct genesis_options *o, char *message, size_t message_size)
{
    struct cluster_node nodes[NODES_MAX];
    uint64_t sum;
    if (o->nodes < 1 || o->nodes > NODES_MAX)
        return fail(message, message_size, "--nodes: give 1 to %d", NODES_MAX);
    if (strlen(o->name) > CONFIG_NAME_MAX || !settings_is_name(o->name))
        return fail(message, message_size, "--name: give 1 to %d letters, digits, '.', '-' and '_'",
                    CONFIG_NAME_MAX);
    if (o->accounts > GENESIS_ACCOUNTS_MAX)
        return fail(message, message_size, "--accounts: give at most %d", GENESIS_ACCOUNTS_MAX);
    if (o->accounts > 0 && o->application != APPLICATION_LEDGER)
        return fail(message, message_size, "--accounts: only the ledger has any; leave it out");
    if (__builtin_mul_overflow((uint64_t)o->accounts, o->balance, &sum))
        return fail(message, message_size, "--balance: all together exceed %" PRIu64 "; give less",
                    UINT64_MAX);
    unsigned base_port_max = GENESIS_PORT_MAX - CONFIG_PORT_STEP * (o->nodes - 1);
    if (o->base_port < 1 || o->base_port > base_port_max)
        return fail(message, message_size, "--base-port: give 1 to %u, that all ports exist",
                    base_port_max);
    return plan_addresses(o, nodes, message, message_size);
}

/* Deals the coin and makes every node's keys. */
static int make_keys(struct genesis *g)
{
    struct hash seed;
    unsigned count = g->options->nodes;
    bool made = genesis_entropy(&seed, sizeof seed) &&
                coin_deal(quorum_of(count), &seed, &g->coin, g->shares);
    secret_wipe(&seed, sizeof seed);
    for (unsigned i = 0; made && i < count; i++) {
        g->keys[i].coin = g->shares[i];
        made = make_identity(&g->keys[i].identity, &g->nodes[i].identity) &&
               curve_generate(g->nodes[i].curve_public, g->keys[i].curve_secret) == 0;
    }
    if (!made)
        return fail(g->message, g->message_size,
                    "no keys: the kernel gives no entropy, or libzmq has no CURVE");
    return 0;
}

static const char *hex_of(const void *bytes, size_t size, char *target)
{
    assert(2 * size < HEX_KEY_SIZE);
    hex_encode(slice_of(bytes, size), target);
    return target;
}

int genesis_account(const char *path, struct identity_public *account, char *message,
                    size_t message_size)
{
    struct identity_secret secret;
    char secret_hex[HEX_KEY_SIZE];
    char public_hex[HEX_KEY_SIZE];
    char text[512];
    if (!make_identity(&secret, account))
        return fail(message, message_size, "no key: the kernel gives no entropy");

    int size = snprintf(text, sizeof text,
                        "# An account's key pair. Who knows the secret can spend what it holds.\n"
                        "secret = %s\n"
                        "public = %s\n",
                        hex_of(&secret, sizeof secret, secret_hex),
                        hex_of(account, sizeof *account, public_hex));
    assert(size > 0 && (size_t)size < sizeof text);
    int error = file_create(path, 0600, slice_of(text, (size_t)size), message, message_size);
    secret_wipe(&secret, sizeof secret);
    secret_wipe(secret_hex, sizeof secret_hex);
    secret_wipe(text, sizeof text);
    return error;
}

static int write_accounts(struct genesis *g)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/accounts", g->options->directory);
    if (g->options->accounts > 0 && file_create_directory(path, 0700, g->message, g->message_size))
        return -1;
    for (unsigned i = 0; i < g->options->accounts; i++) {
        snprintf(path, sizeof path, "%s/accounts/%u.key", g->options->directory, i);
        if (genesis_account(path, &g->accounts[i], g->message, g->message_size))
            return -1;
    }
    return 0;
}

static int write_node_key(struct genesis *g, unsigned node)
{
    const struct node_key *key = &g->keys[node];
    char path[PATH_MAX];
    char hex[3][HEX_KEY_SIZE];
    char text[1024];
    int size = snprintf(text, sizeof text,
                        "# The secrets of node %u, for it alone. Who has them can speak as this "
                        "node;\n"
                        "# who has those of f+1 nodes knows every toss of the coin in advance.\n"
                        "curve_secret = %s\n"
                        "identity_secret = %s\n"
                        "coin_secret = %s\n",
                        node, hex_of(key->curve_secret, sizeof key->curve_secret, hex[0]),
                        hex_of(&key->identity, sizeof key->identity, hex[1]),
                        hex_of(&key->coin, sizeof key->coin, hex[2]));
    assert(size > 0 && (size_t)size < sizeof text);
    snprintf(path, sizeof path, "%s/node%u/node.key", g->options->directory, node);
    int error = file_create(path, 0600, slice_of(text, (size_t)size), g->message, g->message_size);
    secret_wipe(hex, sizeof hex);
    secret_wipe(text, sizeof text);
    return error;
}

/* The loopback address by which others reach the node, or NULL. */
static const char *loopback_of(const char *host)
{
    if (strcmp(host, "localhost") == 0)
        return "127.0.0.1";
    return strncmp(host, "127.", 4) == 0 ? host : NULL;
}

static int write_node_conf(struct genesis *g, unsigned node)
{
    /* A line that begins with # and no blank shows a default. */
    static const char format[] =
        "# How node %u runs. Each setting that begins with # is shown with its default.\n"
        "# Sizes may end in k, m or g, for 2^10, 2^20 and 2^30 bytes.\n"
        "node = %u\n"
        "\n"
        "# Which of this machine's addresses to listen at: for the other nodes (ports %u to %u),\n"
        "# for clients (port %u) and for HTTP (port %u: /metrics, /healthz; none: not\n"
        "# at all). 0.0.0.0 is all of them.\n"
        "listen = %s\n"
        "client = %s\n"
        "#http = 127.0.0.1\n"
        "\n"
        "# Where the ledger is kept; relative to this file.\n"
        "#data = data\n"
        "# Where an application of its own (app = external) listens, a socket; relative too.\n"
        "#application = application.sock\n"
        "# Room for transactions that wait.\n"
        "#mempool_bytes = 64m\n"
        "# Of what clients submit so much is taken as is executed in so many milliseconds, and\n"
        "# three times what an execution takes anyway; the rest is refused at once. More of them "
        "are\n"
        "# fuller blocks and a longer wait. 0: what there is room for.\n"
        "#pool_delay_ms = 400\n"
        "# Room for blocks kept for nodes that are behind.\n"
        "#retain_bytes = 4g\n"
        "\n"
        "# A block is proposed when so many bytes wait, or after so many milliseconds.\n"
        "#block_bytes_min = 150000\n"
        "#block_delay_ms = 100\n"
        "# It is full with so many bytes, and with block_bytes_max of cluster.conf.\n"
        "#block_bytes = 8m\n"
        "# How many seconds ordering may run ahead of execution at f+1 nodes: while it is "
        "further,\n"
        "# blocks carry hardly any transactions.\n"
        "#lag_target = 30\n"
        "# After how long an idle cluster goes on, with empty blocks, to the next checkpoint: an\n"
        "# executed transaction does not wait longer than that, and them, to be signed.\n"
        "#checkpoint_delay_ms = 10000\n"
        "# After how long, at least, something that has not come is sent or asked for again; over\n"
        "# slow links it takes a multiple of what they usually take.\n"
        "#retry_ms = 500\n"
        "\n"
        "# lean fetches as many chunks as a block needs; all asks every node for its own, and in "
        "mode\n"
        "# hb fetches rejected blocks too, as the paper's prototype does: for comparisons.\n"
        "#retrieval = lean\n"
        "# curve encrypts and authenticates bulk data like everything else; plain, which then all\n"
        "# nodes say, only authenticates it: less CPU, and who taps the network reads the blocks.\n"
        "#bulk = curve\n"
        "# Threads for heavy work; 0: one a core.\n"
        "#workers = 0\n"
        "# error, warn, info or debug.\n"
        "#log_level = info\n";
    const struct address *address = &g->nodes[node].address;
    unsigned port = address->port;
    const char *loopback = loopback_of(address->host);
    char path[PATH_MAX];
    char text[sizeof format + 2 * SETTING_HOST_MAX + 64];
    int size = snprintf(text, sizeof text, format, node, node, port, port + 2, port + 3, port + 4,
                        loopback ? loopback : "0.0.0.0", loopback ? loopback : "127.0.0.1");
    assert(size > 0 && (size_t)size < sizeof text);
    snprintf(path, sizeof path, "%s/node%u/node.conf", g->options->directory, node);
    return file_create(path, 0644, slice_of(text, (size_t)size), g->message, g->message_size);
}

static int write_nodes(struct genesis *g)
{
    char path[PATH_MAX];
    for (unsigned i = 0; i < g->options->nodes; i++) {
        snprintf(path, sizeof path, "%s/node%u", g->options->directory, i);
        if (file_create_directory(path, 0700, g->message, g->message_size) ||
            write_node_conf(g, i) || write_node_key(g, i))
            return -1;
    }
    return 0;
}

static void print_cluster(const struct genesis *g, FILE *out)
{
    const struct genesis_options *o = g->options;
    char hex[HEX_KEY_SIZE];
    fprintf(out,
            "# A cluster: who takes part, and by which rules. Public, and the same at every node:\n"
            "# nodes whose files differ in anything but comments and addresses refuse each other.\n"
            "[chain]\n"
            "version = %d\n"
            "name = %s\n"
            "nodes = %u\n"
            "app = %s\n"
            "# The protocol: dl, or one of its baselines dl-coupled, hb-link, hb.\n"
            "mode = %s\n"
            "# The largest block, in bytes; up to 8m.\n"
            "block_bytes_max = 1m\n"
            "# Epochs in flight, and dispersals of one node that may be incomplete.\n"
            "epoch_window = 8\n"
            "open_dispersals = 16\n"
            "# Epochs after which a block that nobody linked is given up.\n"
            "link_horizon = 100000\n"
            "# Epochs from one signed checkpoint to the next.\n"
            "checkpoint_epochs = 100\n",
            CONFIG_FORMAT, o->name, o->nodes, application_names[o->application],
            mode_names[o->mode]);
    fprintf(out,
            "\n# address: where the others reach the node; from this port on it uses %d, one "
            "after the\n"
            "# other: votes, dispersal, retrieval, clients, HTTP. Then its public keys.\n",
            CONFIG_PORTS);
    for (unsigned i = 0; i < o->nodes; i++) {
        const struct cluster_node *node = &g->nodes[i];
        fprintf(out, "[node %u]\naddress = %s:%u\n", i, node->address.host, node->address.port);
        fprintf(out, "curve = %s\n", hex_of(node->curve_public, sizeof node->curve_public, hex));
        fprintf(out, "identity = %s\n", hex_of(&node->identity, sizeof node->identity, hex));
        fprintf(out, "coin_share = %s\n", hex_of(g->coin.shares[i], COIN_POINT_SIZE, hex));
    }
    if (o->accounts > 0)
        fprintf(out, "\n# What accounts hold before the first epoch: public key = amount.\n"
                     "[balance]\n");
    for (unsigned i = 0; i < o->accounts; i++)
        fprintf(out, "%s = %" PRIu64 "\n", hex_of(&g->accounts[i], IDENTITY_PUBLIC_SIZE, hex),
                o->balance);
}

static int write_cluster(struct genesis *g)
{
    char path[PATH_MAX];
    char *text = NULL;
    size_t size = 0;
    struct cluster *again = calloc(1, sizeof *again);
    FILE *out = open_memstream(&text, &size);

    snprintf(path, sizeof path, "%s/cluster.conf", g->options->directory);
    if (out)
        print_cluster(g, out);
    bool printed = out && !ferror(out);
    printed = out && fclose(out) == 0 && printed;
    int error = again && printed ? 0 : fail(g->message, g->message_size, "no memory");
    if (!error)
        error =
            config_parse_cluster(slice_of(text, size), path, again, g->message, g->message_size);
    if (!error) {
        cluster_free(again);
        error = file_create(path, 0644, slice_of(text, size), g->message, g->message_size);
    }
    free(again);
    free(text);
    return error;
}

/* Refuses a directory that has anything of a cluster in it, before anything is written. */
static int prepare_directory(struct genesis *g)
{
    static const char *const names[] = {"cluster.conf", "node0", "accounts"};
    const char *directory = g->options->directory;
    char path[PATH_MAX];
    struct stat status;

    if (strlen(directory) > PATH_MAX - 64)
        return fail(g->message, g->message_size, "%.60s...: too long a path; use a shorter one",
                    directory);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        if (lstat(path, &status) == 0)
            return fail(g->message, g->message_size,
                        "%s is there already, and nothing is overwritten; give another directory",
                        path);
    }
    if (stat(directory, &status) == 0 && S_ISDIR(status.st_mode))
        return 0;
    return file_create_directory(directory, 0755, g->message, g->message_size);
}

int genesis_write(const struct genesis_options *options, char *message, size_t message_size)
{
    struct genesis *g = calloc(1, sizeof *g);
    struct identity_public *accounts = calloc(options->accounts + 1u, sizeof *accounts);
    int error;
    if (g && accounts) {
        g->options = options;
        g->message = message;
        g->message_size = message_size;
        g->accounts = accounts;
        error = genesis_check(options, message, message_size) ||
                plan_addresses(options, g->nodes, message, message_size) || make_keys(g) ||
                prepare_directory(g) || write_accounts(g) || write_nodes(g) || write_cluster(g);
    } else {
        error = fail(message, message_size, "no memory");
    }
    if (g)
        secret_wipe(g, sizeof *g);
    free(g);
    free(accounts);
    return error ? -1 : 0;
}
