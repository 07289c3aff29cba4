/* What came of a run: the ledgers compared, the figures of its measured part. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/report.h"
#include "testnet/process.h"
#include "testnet/run.h"

enum { ANSWER_MAX = 1 << 18 };
/* A core busier than this for 5 s: the run is not of links. */
static const double cpu_limit = 0.85;

static const char *const latencies[] = {"p5", "p50", "p95", "p99"};

/* 1: the ledgers are equal up to the shortest, 0: they are not, -1: not known. The heights go to
 * `heights`. */
static int compare_ledgers(struct run *r, uint64_t heights[], char *message, size_t message_size)
{
    static char data[RELAY_SITES_MAX][SITES_PATH_MAX];
    static char answer[ANSWER_MAX];
    const char *argv[RELAY_SITES_MAX + 8];
    unsigned count = 0;
    argv[count++] = sites_program("ledger-cli");
    argv[count++] = "inspect";
    for (unsigned i = 0; i < r->scenario.nodes; i++) {
        sites_data(&r->sites, i, data[i]);
        argv[count++] = data[i];
    }
    argv[count++] = "--prefix";
    argv[count++] = "--json";
    argv[count] = NULL;
    answer[0] = '\0';
    const int failed = process_read(argv, answer, sizeof answer, message, message_size);
    json_t *inspected = json_loads(answer, 0, NULL);
    const json_t *directories = json_object_get(inspected, "directories");
    for (unsigned i = 0; i < r->scenario.nodes; i++)
        heights[i] =
            (uint64_t)json_integer_value(json_object_get(json_array_get(directories, i), "height"));
    const int equal = !inspected ? -1 : json_is_true(json_object_get(inspected, "equal"));
    if (equal == 0)
        snprintf(message, message_size, "the ledgers differ: %s",
                 json_string_value(json_object_get(inspected, "difference")));
    json_decref(inspected);
    return failed && equal == 1 ? -1 : equal;
}

static json_t *load_report(const struct run *r, unsigned node)
{
    char path[SITES_PATH_MAX];
    snprintf(path, sizeof path, "%.400s/load%u.json", r->options->out, node);
    return json_load_file(path, 0, NULL);
}

static json_t *latency_of(const json_t *report)
{
    const json_t *all = json_object_get(report, "latency_ms");
    json_t *local = json_object();
    for (size_t k = 0; k < sizeof latencies / sizeof *latencies; k++) {
        json_t *value = json_object_get(all, latencies[k]);
        json_object_set_new(local, latencies[k], value ? json_incref(value) : json_null());
    }
    return json_pack("{s:o, s:n}", "local", local, "all");
}

static double since_first(const struct run *r, unsigned node, enum field c)
{
    const double since = r->last[node].value[c] - r->first[node].value[c];
    return isfinite(since) ? since : 0; /* Else it is not known here. */
}

static json_t *by_lane(const struct run *r, unsigned node, enum field votes, enum field clients)
{
    json_t *o = json_object();
    for (unsigned k = 0; k < LANES; k++)
        json_object_set_new(o, lane_names[k], json_real(since_first(r, node, votes + k)));
    json_object_set_new(o, "clients", json_real(since_first(r, node, clients)));
    return o;
}

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }
static json_t *or_null(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *describe_node(struct run *r, unsigned i, double measured_s, const json_t *load)
{
    const struct sample *last = &r->last[i];
    const double confirmed = since_first(r, i, FIELD_CONFIRMED_BYTES);
    const double received = since_first(r, i, FIELD_RX_VOTES) +
                            since_first(r, i, FIELD_RX_DISPERSAL) +
                            since_first(r, i, FIELD_RX_RETRIEVAL);
    const double rate = run_link_rate(r, i, r->measured_to_s);
    const double load_bytes_s = r->scenario.load_bytes_s;
    json_t *o = json_pack(
        "{s:i, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:o, s:o}", "id", (int)i, "load_bytes_s",
        or_null(load_bytes_s > 0 ? load_bytes_s : NAN), "rate_in", or_null(rate), "rate_out",
        or_null(rate), "rx_bytes", by_lane(r, i, FIELD_RX_VOTES, FIELD_RX_CLIENTS), "tx_bytes",
        by_lane(r, i, FIELD_TX_VOTES, FIELD_TX_CLIENTS), "interface_rx_bytes",
        since_first(r, i, FIELD_INTERFACE_RX), "confirmed_bytes", confirmed, "confirmed_tx",
        since_first(r, i, FIELD_CONFIRMED_TX), "confirmed_over_rate",
        or_null(confirmed / (measured_s * rate)), "received_over_confirmed",
        or_null(confirmed > 0 ? received / confirmed : NAN));
    json_t *more =
        json_pack("{s:f, s:{s:f, s:f}, s:I, s:I, s:I, s:I, s:o, s:{s:f, s:f}, s:f, s:I}", "hedges",
                  since_first(r, i, FIELD_HEDGES), "wasted_bytes", "dispersal",
                  since_first(r, i, FIELD_WASTED_DISPERSAL), "retrieval",
                  since_first(r, i, FIELD_WASTED_RETRIEVAL), "epoch_agreed",
                  (json_int_t)last->value[FIELD_EPOCH_AGREED], "epoch_executed",
                  (json_int_t)last->value[FIELD_EPOCH_EXECUTED], "lag_epochs",
                  (json_int_t)(last->value[FIELD_EPOCH_AGREED] - last->value[FIELD_EPOCH_EXECUTED]),
                  "height", (json_int_t)last->value[FIELD_HEIGHT], "latency_ms", latency_of(load),
                  "vote_delay_ms", "p50", last->vote_delay_ms[0], "p99", last->vote_delay_ms[1],
                  "cpu_s", since_first(r, i, FIELD_CPU_S), "rss_anon_peak_bytes",
                  (json_int_t)r->sampler.rss_anon_peak[i]);
    json_object_update(o, more);
    json_decref(more);
    return o;
}

/* A node with the mean of each figure, over those of which it is known. */
static json_t *mean_of(const json_t *nodes)
{
    static const char *const figures[] = {"rate_in",
                                          "rate_out",
                                          "interface_rx_bytes",
                                          "confirmed_bytes",
                                          "confirmed_tx",
                                          "confirmed_over_rate",
                                          "received_over_confirmed",
                                          "cpu_s",
                                          "epoch_agreed",
                                          "epoch_executed",
                                          "lag_epochs",
                                          "height"};
    json_t *mean = json_object();
    for (size_t k = 0; k < sizeof figures / sizeof *figures; k++) {
        double sum = 0;
        unsigned count = 0;
        size_t i;
        json_t *node;
        json_array_foreach(nodes, i, node)
        {
            const json_t *figure = json_object_get(node, figures[k]);
            sum += json_number_value(figure);
            count += json_is_number(figure);
        }
        json_object_set_new(mean, figures[k], or_null(count > 0 ? sum / count : NAN));
    }
    return mean;
}

/* What the node that is furthest has ordered: executed, or agreed and to come. */
static double ordering_bytes_s(const struct run *r, double measured_s)
{
    double most = 0;
    for (unsigned i = 0; i < r->scenario.nodes; i++) {
        const double ordered =
            since_first(r, i, FIELD_CONFIRMED_BYTES) + since_first(r, i, FIELD_LAG_BYTES);
        most = ordered > most ? ordered : most;
    }
    return ratio(most, measured_s);
}

static void write_latencies(const struct run *r, json_t *const loads[])
{
    char path[SITES_PATH_MAX];
    snprintf(path, sizeof path, "%.400s/latency.csv", r->options->out);
    FILE *file = fopen(path, "w");
    if (!file)
        return;
    fputs("node,executed,bytes_s,p5_ms,p50_ms,p95_ms,p99_ms\n", file);
    for (unsigned i = 0; i < r->scenario.nodes; i++) {
        fprintf(file, "%u,%lld,%.0f", i,
                (long long)json_integer_value(json_object_get(loads[i], "executed")),
                json_number_value(json_object_get(loads[i], "bytes_s")));
        const json_t *latency = json_object_get(loads[i], "latency_ms");
        for (size_t k = 0; k < sizeof latencies / sizeof *latencies; k++) {
            const json_t *value = json_object_get(latency, latencies[k]);
            if (json_is_number(value)) /* Else nothing has ended, and there is none. */
                fprintf(file, ",%.3f", json_number_value(value));
            else
                putc(',', file);
        }
        putc('\n', file);
    }
    fclose(file);
}

/* What of this machine a run depends on. */
static void write_machine(FILE *file)
{
    char line[256], model[200] = "";
    FILE *cpu = fopen("/proc/cpuinfo", "re");
    while (cpu && !*model && fgets(line, sizeof line, cpu))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':'))
            snprintf(model, sizeof model, " %s", strchr(line, ':') + 2);
    if (cpu)
        fclose(cpu);
    model[strcspn(model, "\n")] = '\0';
    const double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    fprintf(file, "machine: %ld cores%s, %.0f GB\n", sysconf(_SC_NPROCESSORS_ONLN), model,
            memory / 1e9);
}

static void write_versions(const struct run *r)
{
    char path[SITES_PATH_MAX];
    char text[1024];
    char message[256];
    snprintf(path, sizeof path, "%.400s/versions.txt", r->options->out);
    FILE *file = fopen(path, "w");
    if (!file)
        return;
    const char *const commands[][4] = {{sites_program("ledger-node"), "--version", NULL},
                                       {"uname", "-srm", NULL},
                                       {"tc", "-V", NULL}};
    for (size_t k = 0; k < sizeof commands / sizeof *commands; k++)
        if (process_read(commands[k], text, sizeof text, message, sizeof message) == 0)
            fprintf(file, "%.*s\n", (int)strcspn(text, "\n"), text);
    write_machine(file);
    fclose(file);
}

/* Who used the CPU: nodes, or what only emulates and drives. */
static json_t *describe_cpu(const struct run *r)
{
    double nodes_s = 0;
    for (unsigned i = 0; i < r->scenario.nodes; i++)
        nodes_s += since_first(r, i, FIELD_CPU_S);
    return json_pack("{s:f, s:f, s:f, s:f}", "nodes_s", nodes_s, "loads_s",
                     r->last_loads_s - r->first_loads_s, "relay_s",
                     r->last_relay_s - r->first_relay_s, "busy_mean",
                     ratio(r->busy_sum, r->busy_windows));
}

static json_t *summarize(const struct run *r, const json_t *nodes, double measured_s, int equal)
{
    const struct scenario *s = &r->scenario;
    json_t *mean = mean_of(nodes);
    json_t *o =
        json_pack("{s:i, s:s, s:s, s:s, s:i, s:i, s:I, s:f, s:f, s:f}", "format", 1, "scenario",
                  s->name, "mode", s->mode, "retrieval", s->retrieval, "n", (int)s->nodes, "f",
                  (int)r->sites.cluster.coin.quorum.f, "seed", (json_int_t)s->seed, "scale",
                  s->scale, "warmup_s", s->warmup_s, "measured_s", measured_s);
    json_t *more =
        json_pack("{s:I, s:b, s:s, s:b, s:f, s:o, s:o, s:f, s:o, s:O}", "block_bytes",
                  (json_int_t)s->block_bytes, "shaped", r->sites.network != NULL, "data",
                  r->sites.tmpfs ? "tmpfs" : "disk", "cpu_limited", r->busy_max > cpu_limit,
                  "cpu_busy_max", r->busy_max, "cpu", describe_cpu(r), "ledgers_equal",
                  equal < 0 ? json_null() : json_boolean(equal), "ordering_bytes_s",
                  ordering_bytes_s(r, measured_s), "mean", mean, "nodes", nodes);
    json_object_update(o, more);
    json_decref(more);
    return o;
}

static int judge(const struct run *r, const uint64_t heights[], int equal, const char *message)
{
    double mean = 0;
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < r->scenario.nodes; i++) {
        mean += (double)heights[i] / (double)r->scenario.nodes;
        least = heights[i] < least ? heights[i] : least;
    }
    if (r->busy_max > cpu_limit)
        fprintf(
            stderr,
            "ledger-testnet: A CORE WAS BUSY %.0f %% OF 5 s: this run says nothing about links, "
            "but about this machine (a smaller scale would mend it)\n",
            100 * r->busy_max);
    if (equal != 1) {
        fprintf(stderr, "ledger-testnet: %s\n", message);
        return equal < 0 ? 1 : 3;
    }
    if ((double)least < r->scenario.height_floor * mean) {
        fprintf(stderr,
                "ledger-testnet: the shortest ledger has %llu blocks, less than %.2f of the mean, "
                "%.0f\n",
                (unsigned long long)least, r->scenario.height_floor, mean);
        return 1;
    }
    return 0;
}

int run_summary(struct run *r)
{
    json_t *loads[RELAY_SITES_MAX];
    uint64_t heights[RELAY_SITES_MAX];
    char path[SITES_PATH_MAX];
    char message[4096] = "";
    const double measured_s = r->measured_to_s - r->measured_from_s;
    json_t *nodes = json_array();
    if (sites_stop(&r->sites, message, sizeof message))
        fprintf(stderr, "ledger-testnet: %s\n", message);
    for (unsigned i = 0; i < r->scenario.nodes; i++) {
        loads[i] = load_report(r, i);
        json_array_append_new(nodes, describe_node(r, i, measured_s, loads[i]));
    }
    write_latencies(r, loads);
    write_versions(r);
    const int equal = compare_ledgers(r, heights, message, sizeof message);
    json_t *summary = summarize(r, nodes, measured_s, equal);
    snprintf(path, sizeof path, "%.400s/summary.json", r->options->out);
    int status = judge(r, heights, equal, message);
    if (json_dump_file(summary, path, JSON_INDENT(1)) != 0) {
        fprintf(stderr, "ledger-testnet: %s: %s\n", path, strerror(errno));
        status = 1;
    }
    json_decref(summary);
    json_decref(nodes);
    for (unsigned i = 0; i < r->scenario.nodes; i++)
        json_decref(loads[i]);
    return status;
}
