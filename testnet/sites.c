#include "testnet/sites.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "node/cli/arguments.h"
#include "node/transaction.h"
#include "testnet/process.h"

enum {
    STOP_S = 60,
    TEXT_MAX = 64,
    BACKLOG_BYTES = 24 << 20, /* Of transactions that a node's load keeps under way, ... */
    CLIENTS_MAX = 1000000,    /* ... but no more than it takes. */
};

const char *sites_program(const char *name)
{
    static char path[2][SITES_PATH_MAX];
    static unsigned turn;
    char *found = path[turn++ % 2];
    const ssize_t size = readlink("/proc/self/exe", found, SITES_PATH_MAX - TEXT_MAX);
    if (size > 0) {
        found[size] = '\0';
        snprintf(strrchr(found, '/') + 1, TEXT_MAX, "%s", name);
        if (access(found, X_OK) == 0)
            return found;
    }
    snprintf(found, SITES_PATH_MAX, "%s", name);
    return found;
}

static int namespace_of(const struct sites *s, unsigned node)
{
    return s->network ? s->network->namespaces[node] : -1;
}

static int start(struct sites *s, unsigned node, const char *option, char *message,
                 size_t message_size)
{
    char directory[SITES_PATH_MAX];
    char log[SITES_PATH_MAX];
    sites_directory(s, node, directory);
    snprintf(log, sizeof log, "%.400s/node%u.log", s->out, node);
    const char *const argv[] = {sites_program("ledger-node"), option ? option : directory,
                                option ? directory : NULL, NULL};
    const pid_t pid = process_start(argv, namespace_of(s, node), log, log, message, message_size);
    if (pid < 0)
        return -1;
    s->site[node].node = pid;
    return 0;
}

int sites_start(struct sites *s, unsigned node, char *message, size_t message_size)
{
    return start(s, node, NULL, message, message_size);
}

int sites_replace(struct sites *s, unsigned node, char *message, size_t message_size)
{
    char data[SITES_PATH_MAX];
    sites_data(s, node, data);
    sites_remove_tree(data);
    return start(s, node, "--lost-data", message, message_size);
}

void sites_kill(struct sites *s, unsigned node)
{
    struct site *site = &s->site[node];
    if (site->node == 0)
        return;
    kill(site->node, SIGKILL);
    waitpid(site->node, NULL, 0);
    site->node = 0;
    site->paused = false;
}

void sites_pause(struct sites *s, unsigned node, bool pause)
{
    struct site *site = &s->site[node];
    if (site->node && site->paused != pause)
        kill(site->node, pause ? SIGSTOP : SIGCONT);
    site->paused = site->node && pause;
}

/* libzmq's threads make its sockets, and are where the thread was that made the context's first. */
int sites_connect(struct sites *s, char *message, size_t message_size)
{
    for (unsigned i = 0; i < s->scenario->nodes; i++) {
        struct site *site = &s->site[i];
        if (s->network)
            network_enter(s->network, i);
        site->zmq = zmq_ctx_new();
        if (site->zmq)
            site->connection = connection_open(site->zmq, &s->cluster, i, message, message_size);
        else
            snprintf(message, message_size, "no ZeroMQ: %s", zmq_strerror(errno));
        if (s->network)
            network_leave();
        if (!site->connection)
            return -1;
    }
    return 0;
}

int sites_load(struct sites *s, unsigned node, double warmup_s, double duration_s, char *message,
               size_t message_size)
{
    const struct scenario *c = s->scenario;
    const bool transfers = c->application == APPLICATION_LEDGER;
    const uint64_t size = transfers ? TRANSACTION_SIZE : c->payload_bytes;
    const uint64_t clients =
        BACKLOG_BYTES / size < CLIENTS_MAX ? BACKLOG_BYTES / size : CLIENTS_MAX;
    char cluster[SITES_PATH_MAX];
    char report[SITES_PATH_MAX];
    char log[SITES_PATH_MAX];
    char ids[SITES_PATH_MAX];
    char text[7][TEXT_MAX];
    snprintf(cluster, sizeof cluster, "%.400s/cluster", s->out);
    snprintf(report, sizeof report, "%.400s/load%u.json", s->out, node);
    snprintf(log, sizeof log, "%.400s/load%u.log", s->out, node);
    snprintf(ids, sizeof ids, "%.400s/load%u.ids", s->out, node);
    snprintf(text[0], TEXT_MAX, "%u", node);
    snprintf(text[1], TEXT_MAX, "%llu", (unsigned long long)c->payload_bytes);
    snprintf(text[2], TEXT_MAX, "%.3f", warmup_s + duration_s);
    snprintf(text[3], TEXT_MAX, "%" PRIu64, c->seed * RELAY_SITES_MAX + node);
    snprintf(text[4], TEXT_MAX, "%.3f", warmup_s);
    if (c->load == SCENARIO_BACKLOG)
        snprintf(text[5], TEXT_MAX, "%" PRIu64, clients);
    else
        snprintf(text[5], TEXT_MAX, "%.6f", c->load_bytes_s / (double)size);
    snprintf(text[6], TEXT_MAX, "%u/%llu", node, (unsigned long long)c->nodes);
    const bool backlog = c->load == SCENARIO_BACKLOG;
    const char *argv[32] = {sites_program("ledger-cli"),
                            "load",
                            cluster,
                            "--node",
                            text[0],
                            "--size",
                            text[1],
                            "--duration",
                            text[2],
                            "--seed",
                            text[3],
                            backlog ? "--clients" : "--rate",
                            text[5],
                            "--drain",
                            "0",
                            "--poll",
                            backlog ? "200" : "10",
                            "--part",
                            text[6],
                            "--json"};
    unsigned count = 20;
    if (warmup_s > 0) {
        argv[count++] = "--warmup";
        argv[count++] = text[4];
    }
    if (c->load == SCENARIO_FIXED)
        argv[count++] = "--even";
    if (s->keep) {
        argv[count++] = "--ids";
        argv[count++] = ids;
    }
    const pid_t pid =
        process_start(argv, namespace_of(s, node), report, log, message, message_size);
    if (pid < 0)
        return -1;
    s->site[node].load = pid;
    return 0;
}

static bool has_ended(pid_t *pid, int *status)
{
    if (*pid == 0 || waitpid(*pid, status, WNOHANG) != *pid)
        return false;
    *pid = 0;
    return true;
}

int sites_ended(struct sites *s)
{
    int status;
    for (unsigned i = 0; i < s->scenario->nodes; i++) {
        if (has_ended(&s->site[i].load, &status)) {
            s->site[i].refused = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_USAGE;
            s->site[i].lost = status != 0 && !s->site[i].refused;
        }
        if (has_ended(&s->site[i].node, &status)) {
            s->site[i].signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
            return (int)i;
        }
    }
    return -1;
}

int sites_refused(const struct sites *s)
{
    for (unsigned i = 0; i < s->scenario->nodes; i++)
        if (s->site[i].refused)
            return (int)i;
    return -1;
}

int sites_lost(struct sites *s)
{
    for (unsigned i = 0; i < s->scenario->nodes; i++)
        if (s->site[i].lost) {
            s->site[i].lost = false;
            return (int)i;
        }
    return -1;
}

static bool wait_ended(pid_t *pid, uint64_t deadline_ms)
{
    int status;
    while (*pid && !has_ended(pid, &status)) {
        if (clock_ms() > deadline_ms) {
            kill(*pid, SIGKILL);
            waitpid(*pid, NULL, 0);
            *pid = 0;
            return false;
        }
        clock_sleep_ms(5);
    }
    return true;
}

unsigned sites_stop_loads(struct sites *s)
{
    unsigned late = 0;
    const uint64_t deadline_ms = clock_ms() + STOP_S * 1000;
    for (unsigned i = 0; i < s->scenario->nodes; i++)
        if (s->site[i].load)
            kill(s->site[i].load, SIGINT);
    for (unsigned i = 0; i < s->scenario->nodes; i++)
        late += !wait_ended(&s->site[i].load, deadline_ms);
    return late;
}

int sites_stop(struct sites *s, char *message, size_t message_size)
{
    const unsigned count = (unsigned)s->scenario->nodes;
    unsigned late = sites_stop_loads(s);
    const uint64_t deadline_ms = clock_ms() + STOP_S * 1000;
    for (unsigned i = 0; i < count; i++) {
        sites_pause(s, i, false);
        if (s->site[i].node)
            kill(s->site[i].node, SIGTERM);
    }
    for (unsigned i = 0; i < count; i++)
        late += !wait_ended(&s->site[i].node, deadline_ms);
    if (late == 0)
        return 0;
    snprintf(message, message_size, "%u processes did not end in %d s and were killed", late,
             STOP_S);
    return -1;
}

void sites_close(struct sites *s)
{
    for (unsigned i = 0; i < RELAY_SITES_MAX; i++) {
        struct site *site = &s->site[i];
        sites_kill(s, i);
        if (site->load) {
            kill(site->load, SIGKILL);
            waitpid(site->load, NULL, 0);
        }
        connection_close(site->connection);
        if (site->zmq)
            zmq_ctx_term(site->zmq);
    }
    cluster_free(&s->cluster);
    if (s->data[0] && !s->keep)
        sites_remove_tree(s->data);
}
