/* ledger-cli genesis: the files with which a cluster begins. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/arguments.h"
#include "node/cli/commands.h"
#include "node/genesis.h"

static const char usage[] =
    "usage: ledger-cli genesis DIR --nodes N [options]\n"
    "Makes the keys of a cluster of N nodes and deals its coin, and writes DIR/cluster.conf\n"
    "(public, for every node), DIR/nodeI/ (node I's settings and secrets) and DIR/accounts/.\n"
    "Overwrites nothing. Run it on a machine you trust: it sees all secrets.\n"
    "  --nodes N          1 to 128; of N nodes, (N-1)/3 may be faulty, so 4 is the least useful\n"
    "  --app APP          ledger: accounts and transfers (default); log: opaque payloads, "
    "ordered;\n"
    "                     external: what a program of yours beside each node makes of them\n"
    "  --mode MODE        dl (default), or a baseline to compare with: dl-coupled, hb-link, hb\n"
    "  --accounts A       make A accounts, their keys in DIR/accounts/K.key (default: 0)\n"
    "  --balance B        what each of them holds at the beginning (default: 1000000)\n"
    "  --host H,H,...     where the nodes are: one host for all, or one for each, in order\n"
    "                     (default: 127.0.0.1)\n"
    "  --base-port P      node I uses ports P + 10 I to P + 10 I + 4 (default: 27000)\n"
    "  --name NAME        the cluster's name (default: ledger)\n"
    "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage.\n";

static void print_dealer(const struct genesis_options *o)
{
    struct quorum q = quorum_of(o->nodes);
    printf("\nThis machine was the trusted dealer of the cluster's coin: for a moment it knew the "
           "coin's\nsecret, and it made all keys of all nodes. The coin's secret is forgotten; the "
           "keys are in\n%s/nodeI/node.key. Whoever reads ",
           o->directory);
    if (quorum_some(q) == 1)
        printf("one of these files");
    else
        printf("%u of these files", quorum_some(q));
    printf(" foresees every toss, and can then\nhold up agreement, though not break it; with each "
           "file comes the power to speak as its node.\nSo run this where you trust the machine, "
           "and keep no node's directory here but one that runs here.\n");
}

static bool is_on_this_machine(const struct cluster *c)
{
    for (unsigned i = 0; i < c->node_count; i++)
        if (strncmp(c->nodes[i].address.host, "127.", 4) != 0)
            return false;
    return true;
}

static void print_steps(const struct genesis_options *o, const struct cluster *c)
{
    if (is_on_this_machine(c)) {
        printf(
            "\nAll nodes are on this machine, so there is nothing to copy. Start each, with the\n"
            "ledger-node that is beside this program: ledger-node %s/nodeI\n",
            o->directory);
        return;
    }
    printf("\nCopy to each machine cluster.conf and its own directory, side by side, and nothing "
           "else.\nLet the other nodes reach its first three ports; clients reach the fourth once "
           "node.conf\nsays client = 0.0.0.0. Start it there: ledger-node nodeI\n");
    for (unsigned i = 0; i < c->node_count; i++) {
        const struct address *address = &c->nodes[i].address;
        printf("  %s (ports %u to %u, clients %u): %s/cluster.conf and %s/node%u\n", address->host,
               address->port, address->port + 2u, address->port + 3u, o->directory, o->directory,
               i);
    }
}

/* Says what was made, from what was written. */
static int report(const struct genesis_options *o, const struct cluster *c)
{
    char hex[2 * HASH_SIZE + 1];
    hex_encode(hash_slice(&c->chain), hex);
    printf("%s: %u node%s, ", o->directory, o->nodes, o->nodes == 1 ? "" : "s");
    if (c->coin.quorum.f > 0)
        printf("of which %u may be faulty", (unsigned)c->coin.quorum.f);
    else
        printf("none of which may be faulty");
    if (o->accounts > 0)
        printf("; %u account%s of %" PRIu64 " each", o->accounts, o->accounts == 1 ? "" : "s",
               o->balance);
    printf("\nchain %s\n", hex);
    const char *warnings[CLUSTER_WARNINGS];
    unsigned count = cluster_warnings(c, warnings);
    for (unsigned i = 0; i < count; i++)
        printf("warning: %s\n", warnings[i]);
    print_dealer(o);
    print_steps(o, c);
    if (o->accounts > 0)
        printf("\n%s/accounts/K.key is account K's key: for its owner, and for no node.\n",
               o->directory);
    return EXIT_DONE;
}

static int make(const struct genesis_options *o)
{
    char message[CONFIG_MESSAGE_MAX];
    char path[PATH_MAX];
    struct cluster *c = calloc(1, sizeof *c);
    if (!c)
        return say_failed("genesis", "no memory");
    snprintf(path, sizeof path, "%s/cluster.conf", o->directory);
    int error =
        genesis_write(o, message, sizeof message) || cluster_load(path, c, message, sizeof message);
    int status = error ? say_failed("genesis", "%s", message) : report(o, c);
    cluster_free(c);
    free(c);
    return status;
}

int command_genesis(int argc, char **argv)
{
    uint64_t nodes = 0;
    uint64_t accounts = 0;
    uint64_t base_port = CONFIG_PORT_BASE;
    const char *application = "ledger";
    const char *mode = mode_names[MODE_DL];
    struct genesis_options o = {.name = "ledger", .hosts = "127.0.0.1", .balance = 1000000};
    const struct argument table[] = {
        {.name = "nodes", .type = ARGUMENT_NUMBER, .target = &nodes, .min = 1, .max = NODES_MAX},
        {.name = "app", .type = ARGUMENT_TEXT, .target = &application},
        {.name = "mode", .type = ARGUMENT_TEXT, .target = &mode},
        {.name = "accounts",
         .type = ARGUMENT_NUMBER,
         .target = &accounts,
         .max = GENESIS_ACCOUNTS_MAX},
        {.name = "balance", .type = ARGUMENT_NUMBER, .target = &o.balance, .max = UINT64_MAX},
        {.name = "host", .type = ARGUMENT_TEXT, .target = &o.hosts},
        {.name = "base-port",
         .type = ARGUMENT_NUMBER,
         .target = &base_port,
         .min = 1,
         .max = GENESIS_PORT_MAX},
        {.name = "name", .type = ARGUMENT_TEXT, .target = &o.name},
        {0},
    };
    struct arguments a = {.command = "genesis", .usage = usage};
    char message[CONFIG_MESSAGE_MAX];
    int status;

    if (!arguments_read(&a, argc, argv, table, &status))
        return status;
    if (a.count != 1 || nodes == 0)
        return say_usage(a.command, "give one directory, and --nodes N");
    while (application_names[o.application] &&
           strcmp(application, application_names[o.application]) != 0)
        o.application++;
    if (!application_names[o.application])
        return say_usage(a.command, "--app %s: give ledger, log or external", application);
    while (o.mode < MODES && strcmp(mode, mode_names[o.mode]) != 0)
        o.mode++;
    if (o.mode == MODES)
        return say_usage(a.command, "--mode %s: give dl, dl-coupled, hb-link or hb", mode);
    o.directory = a.values[0];
    o.nodes = (unsigned)nodes;
    o.accounts = (unsigned)accounts;
    o.base_port = (unsigned)base_port;
    if (genesis_check(&o, message, sizeof message))
        return say_usage(a.command, "%s", message);
    return make(&o);
}
