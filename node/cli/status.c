/* ledger-cli status: where all nodes are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "node/cli/commands.h"
#include "node/cli/json.h"
#include "node/cli/status_words.h"
#include "node/cli/target.h"
#include "node/cli/watch.h"

enum { HASH_SHOWN = 12 }; /* Digits of a root in the table. */

static const char usage[] =
    "usage: ledger-cli status [DIR] [options]\n"
    "Asks all nodes at once where they are, and prints a table:\n"
    "  state     current; catching_up: what is agreed is not executed yet; waiting: for more\n"
    "            peers, since nothing can be agreed without; snapshot N%: what it lacks is gone\n"
    "            elsewhere, and it gathers a snapshot; unreachable: it did not answer\n"
    "  agreed    the last epoch that is agreed there    executed  the last one executed\n"
    "  lag       epochs between the two                 height    blocks in its log\n"
    "  log root, state root: equal where the height is  peers     other nodes "
    "connected\n"
    "Below it, of each that is not current: how far it is, how fast, and until when, or whom it\n"
    "waits for; and of each the faults of others that it has counted since its "
    "start.\n" TARGET_HELP_DIRECTORY TARGET_HELP_CLUSTER
    "  --timeout SECONDS  wait so long for all answers together (default: 2)\n"
    "  --watch            in a terminal: follows them, once a second, with what each confirms and\n"
    "                     receives; q quits\n"
    "  --json             "
    "{\"chain\",\"app\",\"mode\",\"n\",\"f\",\"nodes\":[{\"id\",\"reachable\",...}]},\n"
    "                     with null for what an unreachable node did not say\n"
    "Exit codes: 0 done; 1 no node answered, or failed; 2 wrong usage.\n";

/* What a node says of itself, in the order in which it is shown. */
static const char *const keys[] = {
    "state",          "epoch_agreed",  "epoch_executed",  "lag_epochs",       "height",
    "log_root",       "state_root",    "peers",           "checkpoint_epoch", "checkpoint_signers",
    "snapshot_epoch", "snapshot_here", "snapshot_pieces", "behind_epochs",    "executed_per_s",
    "agreed_per_s",   "current_in_s",  "snapshot_in_s",   "snapshot_wanted",  "missing",
    "faults"};
enum { KEYS = sizeof keys / sizeof keys[0] };

struct poll {
    struct target *target;
    unsigned count; /* Of nodes. */
    unsigned answered;
    struct connection *connections[NODES_MAX];
    bool asked[NODES_MAX];
    json_t *status[NODES_MAX]; /* NULL until it answers. */
};

static int open_all(struct poll *p)
{
    char message[CONFIG_MESSAGE_MAX];
    p->count = (unsigned)p->target->cluster.node_count;
    for (unsigned i = 0; i < p->count; i++) {
        p->connections[i] =
            connection_open(p->target->zmq, &p->target->cluster, i, message, sizeof message);
        if (!p->connections[i])
            return say_failed(p->target->command, "%s", message);
    }
    return EXIT_DONE;
}

static void look_at(struct poll *p, unsigned i)
{
    struct client_request request = {.kind = CLIENT_STATUS};
    struct client_answer answer;
    if (!p->asked[i])
        p->asked[i] = connection_send(p->connections[i], &request);
    while (!p->status[i] && connection_receive(p->connections[i], &answer)) {
        if (answer.result.status == CLIENT_OVERLOADED)
            p->asked[i] = false; /* It is asked again in the next round. */
        else if (answer.kind == CLIENT_STATUS)
            p->status[i] = json_loadb((const char *)answer.json.data, answer.json.size, 0, NULL);
        p->answered += p->status[i] != NULL;
    }
}

/* Asks all and waits for all, until the timeout. */
static void ask_all(struct poll *p)
{
    const uint64_t deadline_ms = clock_ms() + p->target->timeout_s * 1000;
    for (;;) {
        zmq_pollitem_t items[NODES_MAX];
        int open = 0;
        for (unsigned i = 0; i < p->count; i++) {
            look_at(p, i);
            if (!p->status[i])
                items[open++] = (zmq_pollitem_t){.socket = connection_socket(p->connections[i]),
                                                 .events = p->asked[i] ? ZMQ_POLLIN : ZMQ_POLLOUT};
        }
        uint64_t now_ms = clock_ms();
        if (open == 0 || now_ms >= deadline_ms)
            return;
        zmq_poll(items, open, (long)(deadline_ms - now_ms));
    }
}

static void print_json(const struct poll *p)
{
    const struct cluster *c = &p->target->cluster;
    json_t *nodes = json_array();
    for (unsigned i = 0; i < p->count; i++) {
        json_t *node = json_pack("{s:i, s:b}", "id", (int)i, "reachable", p->status[i] != NULL);
        for (unsigned k = 0; k < KEYS; k++) {
            json_t *value = json_object_get(p->status[i], keys[k]);
            json_object_set_new(node, keys[k], value ? json_incref(value) : json_null());
        }
        json_array_append_new(nodes, node);
    }
    json_print(json_pack("{s:o, s:s, s:s, s:i, s:i, s:o}", "chain", json_hash(&c->chain), "app",
                         application_names[c->application], "mode", mode_names[c->mode], "n",
                         (int)c->node_count, "f", (int)c->coin.quorum.f, "nodes", nodes));
}

static json_int_t number_of(const json_t *status, const char *key)
{
    return json_integer_value(json_object_get(status, key));
}

/* Of a node that gathers a snapshot: how much of it is here. */
static const char *state_of(const json_t *status, char text[static 32])
{
    const json_int_t pieces = number_of(status, "snapshot_pieces");
    if (pieces <= 0)
        return status_state(status);
    snprintf(text, 32, "snapshot %d%%", (int)(100 * number_of(status, "snapshot_here") / pieces));
    return text;
}

static void print_table(const struct poll *p)
{
    char text[32];

    printf("node  %-21s  %-11s  %9s  %9s  %6s  %9s  %-*s  %-*s  peers\n", "address", "state",
           "agreed", "executed", "lag", "height", HASH_SHOWN, "log root", HASH_SHOWN, "state root");
    for (unsigned i = 0; i < p->count; i++) {
        const json_t *s = p->status[i];
        printf("%4u  %-21s  ", i, connection_address(p->connections[i]));
        if (!s) {
            puts("unreachable");
            continue;
        }
        printf("%-11s  %9lld  %9lld  %6lld  %9lld  %.*s  %.*s  %5lld\n", state_of(s, text),
               (long long)number_of(s, "epoch_agreed"), (long long)number_of(s, "epoch_executed"),
               (long long)number_of(s, "lag_epochs"), (long long)number_of(s, "height"), HASH_SHOWN,
               status_hex(s, "log_root"), HASH_SHOWN, status_hex(s, "state_root"),
               (long long)number_of(s, "peers"));
    }
    for (unsigned i = 0; i < p->count; i++)
        status_tell(stdout, i, p->status[i]);
}

static int run(struct poll *p, bool watch)
{
    int status = target_open(p->target);
    if (status == EXIT_DONE && watch)
        return watch_cluster(p->target);
    if (status != EXIT_DONE || (status = open_all(p)) != EXIT_DONE)
        return status;
    ask_all(p);
    if (p->target->json)
        print_json(p);
    else
        print_table(p);
    if (p->answered > 0)
        return EXIT_DONE;
    return say_failed(p->target->command, "none of the %u nodes answered: are they running?",
                      p->count);
}

int command_status(int argc, char **argv)
{
    struct target t = TARGET("status");
    struct poll p = {.target = &t};
    bool watch = false;
    const struct argument table[] = {TARGET_CLUSTER(t),
                                     TARGET_TIMEOUT(t),
                                     TARGET_JSON(t),
                                     {.name = "watch", .type = ARGUMENT_FLAG, .target = &watch},
                                     {0}};
    struct arguments a = {.command = t.command, .usage = usage};
    int status;
    t.timeout_s = 2; /* A node that is down costs all of it. */
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&t, &a, 0, "", &status))
        return status;
    if (watch && t.json)
        return say_usage(t.command, "--watch is for a terminal: not with --json");
    status = run(&p, watch);
    for (unsigned i = 0; i < p.count; i++) {
        connection_close(p.connections[i]);
        json_decref(p.status[i]);
    }
    target_close(&t);
    return status;
}
