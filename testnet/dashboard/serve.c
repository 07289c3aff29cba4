/* ledger-dashboard serve: asks all nodes of a cluster each second, and shows what they say. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "node/cli/round.h"
#include "node/cli/target.h"
#include "node/report.h"
#include "testnet/dashboard/commands.h"
#include "testnet/live.h"

static const char usage[] =
    "usage: ledger-dashboard serve [DIR] [options]\n"
    "Serves a page that shows a cluster as it runs: throughput, epochs agreed and executed,\n"
    "traffic, latency, and which nodes are up, behind or lying. It asks the nodes at their ports\n"
    "for clients, once a second.\n" TARGET_HELP_DIRECTORY TARGET_HELP_CLUSTER
    "  --listen HOST      which of this machine's addresses (default: 127.0.0.1)\n"
    "  --port P           (default: 27999)\n"
    "  --out DIR          keeps all that is seen there, for ledger-dashboard export\n"
    "Ends with Ctrl-C. Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage.\n";

enum { ASK_US = 1000000, PATIENCE_US = 500000, POLL_MS = 100, HTTP_US = 1000000 };

struct watch {
    struct target target;
    const char *host;
    uint64_t port;
    const char *out; /* Or NULL. */
    FILE *series;
    unsigned n;
    struct connection *connections[NODES_MAX];
    struct follower followers[NODES_MAX];
    struct round round;
    uint64_t start_us, served_us;
    bool more; /* To serve at once. */
    struct recording recording;
    struct http *http;
};

static volatile sig_atomic_t ended;
static void end(int number)
{
    (void)number;
    ended = 1;
}

/* What is watched, for recording_load. */
static int write_cluster(const struct watch *w)
{
    char path[1024];
    json_t *cluster =
        json_pack("{s:O, s:O}", "about", w->recording.about, "nodes", w->recording.nodes);
    snprintf(path, sizeof path, "%.1000s/cluster.json", w->out);
    const int error = json_dump_file(cluster, path, JSON_INDENT(1));
    json_decref(cluster);
    return error ? say_failed("serve", "%s: %s", path, strerror(errno)) : EXIT_DONE;
}

static int open_series(struct watch *w)
{
    char path[1024];
    if (!w->out)
        return EXIT_DONE;
    if (mkdir(w->out, 0755) != 0 && errno != EEXIST)
        return say_failed("serve", "%s: %s", w->out, strerror(errno));
    snprintf(path, sizeof path, "%.1000s/series.csv", w->out);
    w->series = fopen(path, "wex");
    if (!w->series)
        return say_failed("serve", "%s: %s%s", path, strerror(errno),
                          errno == EEXIST ? "; give another --out" : "");
    fields_head(w->series);
    return write_cluster(w);
}

/* A node is known by its key: the answers are its own. */
static int open_all(struct watch *w)
{
    const struct cluster *c = &w->target.cluster;
    char message[CONFIG_MESSAGE_MAX];
    w->n = (unsigned)c->node_count;
    recording_init(&w->recording, c->name, w->n, LIVE_SAMPLES);
    json_object_update_new(w->recording.about,
                           json_pack("{s:s, s:s, s:s, s:i, s:i}", "scenario", c->name,
                                     "application", application_names[c->application], "mode",
                                     mode_names[c->mode], "n", (int)w->n, "f",
                                     (int)c->coin.quorum.f));
    for (unsigned i = 0; i < w->n; i++) {
        follower_init(&w->followers[i]);
        w->connections[i] = connection_open(w->target.zmq, c, i, message, sizeof message);
        if (!w->connections[i])
            return say_failed("serve", "%s", message);
        json_array_append_new(w->recording.nodes, json_pack("{s:i, s:s}", "id", (int)i, "address",
                                                            connection_address(w->connections[i])));
    }
    if (live_open(&w->recording, w->host, (uint16_t)w->port, &w->http, message, sizeof message))
        return say_failed("serve", "%s", message);
    if (open_series(w) != EXIT_DONE)
        return EXIT_FAILED;
    printf("http://%s:%u/ shows the cluster of %s; Ctrl-C ends it\n", w->host,
           (unsigned)http_port(w->http), w->target.directory);
    fflush(stdout);
    return EXIT_DONE;
}

static void ask(struct watch *w, uint64_t now_us)
{
    round_begin(&w->round, now_us);
    for (unsigned i = 0; i < w->n; i++)
        round_ask(&w->round, i, w->connections[i]);
}

static void take(struct watch *w, uint64_t now_us)
{
    for (unsigned i = 0; i < w->n; i++) {
        json_t *stats;
        while ((stats = round_receive(&w->round, i, w->connections[i]))) {
            follower_take(&w->followers[i], stats);
            json_decref(stats);
        }
    }
    if (!round_ends(&w->round, now_us, PATIENCE_US))
        return;
    double *values = recording_add(&w->recording, (double)(w->round.asked_us - w->start_us) / 1e6);
    for (unsigned i = 0; i < w->n; i++)
        if (!w->round.answered[i])
            follower_missed(&w->followers[i]);
    followers_accusers(w->followers, w->n);
    for (unsigned i = 0; i < w->n; i++) {
        const double *value = w->followers[i].value;
        memcpy(values + (size_t)i * FIELDS, value, FIELDS * sizeof *values);
        if (w->series && w->round.answered[i])
            fields_row(w->series, w->recording.t[w->recording.count - 1], i, value);
    }
    if (w->series)
        fflush(w->series);
}

static void wait_for_more(struct watch *w, uint64_t now_us)
{
    zmq_pollitem_t items[NODES_MAX + 1];
    for (unsigned i = 0; i < w->n; i++)
        items[i] =
            (zmq_pollitem_t){.socket = connection_socket(w->connections[i]), .events = ZMQ_POLLIN};
    items[w->n] = (zmq_pollitem_t){.fd = http_file(w->http), .events = ZMQ_POLLIN};
    zmq_poll(items, (int)w->n + 1, w->more ? 0 : POLL_MS);
    if (!items[w->n].revents && !w->more && now_us - w->served_us < HTTP_US)
        return;
    w->served_us = now_us;
    w->more = http_serve(w->http);
}

static int watch(struct watch *w)
{
    int status = target_open(&w->target);
    if (status != EXIT_DONE || (status = open_all(w)) != EXIT_DONE)
        return status;
    const struct sigaction action = {.sa_handler = end};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    uint64_t next_us = w->start_us = clock_us();
    while (!ended) {
        const uint64_t now_us = clock_us();
        if (now_us >= next_us) {
            ask(w, now_us);
            next_us += ASK_US;
            if (next_us < now_us) /* This machine slept. */
                next_us = now_us + ASK_US;
        }
        take(w, now_us);
        wait_for_more(w, now_us);
    }
    return EXIT_DONE;
}

int command_serve(int argc, char **argv)
{
    static struct watch w;
    w = (struct watch){.target = TARGET("serve"), .host = "127.0.0.1", .port = LIVE_PORT};
    const struct argument table[] = {
        TARGET_CLUSTER(w.target),
        {.name = "listen", .type = ARGUMENT_TEXT, .target = &w.host},
        {.name = "out", .type = ARGUMENT_TEXT, .target = &w.out},
        {.name = "port", .type = ARGUMENT_NUMBER, .target = &w.port, .max = UINT16_MAX},
        {0}};
    struct arguments a = {.command = "serve", .usage = usage};
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&w.target, &a, 0, "", &status))
        return status;
    status = watch(&w);
    http_close(w.http);
    if (w.series && fclose(w.series) != 0)
        status = say_failed("serve", "%s/series.csv: %s", w.out, strerror(errno));
    for (unsigned i = 0; i < w.n; i++)
        connection_close(w.connections[i]);
    recording_free(&w.recording);
    target_close(&w.target);
    return status;
}
