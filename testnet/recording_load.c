/* A recording from the directory of a run. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testnet/csv.h"
#include "testnet/recording.h"
#include "testnet/scenario.h"

enum { PATH_SIZE = 600 };

static void path_in(char path[PATH_SIZE], const char *directory, const char *name)
{
    snprintf(path, PATH_SIZE, "%.500s/%s", directory, name);
}

static double number_at(struct csv *c, int field)
{
    return *c->field[field] ? strtod(c->field[field], NULL) : NAN;
}

/* The head: where each field is, or -1. Columns of other programs are passed over. */
static int read_head(struct csv *c, int columns[FIELDS], int *time, int *node, int *width)
{
    const int count = *width = csv_next(c);
    *time = *node = -1;
    for (enum field k = 0; k < FIELDS; k++)
        columns[k] = -1;
    for (int k = 0; k < count; k++) {
        const int field = field_find(c->field[k]);
        if (field >= 0)
            columns[field] = k;
        else if (strcmp(c->field[k], "t_s") == 0)
            *time = k;
        else if (strcmp(c->field[k], "node") == 0)
            *node = k;
    }
    return count < 0 ? -1 : *time < 0 || *node < 0 ? csv_error(c, "this is no series of a run") : 0;
}

/* Reads all rows: of one node the largest number only, if there is no recording. */
static int read_rows(struct csv *c, struct recording *r, unsigned *nodes)
{
    int columns[FIELDS];
    int time, node, width, count;
    double *values = NULL;
    if (read_head(c, columns, &time, &node, &width))
        return -1;
    while ((count = csv_next(c)) > 0) {
        if (count < width || c->rest.data[-1] != '\n')
            return 0; /* The last line of a run that was cut off, perhaps inside of a number. */
        const double t = number_at(c, time);
        const unsigned long i = strtoul(c->field[node], NULL, 10);
        if (i >= NODES_MAX)
            return csv_error(c, "node %s: a cluster has at most %d", c->field[node], NODES_MAX);
        *nodes = i + 1 > *nodes ? (unsigned)i + 1 : *nodes;
        if (!r || i >= r->n) /* It came after they were counted. */
            continue;
        if (!values || t > r->t[r->count - 1])
            values = recording_add(r, t);
        for (enum field k = 0; k < FIELDS; k++)
            if (columns[k] >= 0)
                values[i * FIELDS + k] = number_at(c, columns[k]);
    }
    return count;
}

/* Its last part, however it is written. */
static void name_of(const char *directory, char name[PATH_SIZE])
{
    char real[PATH_MAX];
    const char *path = realpath(directory, real) ? real : directory;
    const char *slash = strrchr(path, '/');
    snprintf(name, PATH_SIZE, "%.500s", slash && slash[1] ? slash + 1 : path);
}

static int load_series(struct recording *r, const char *directory, char *message,
                       size_t message_size)
{
    char path[PATH_SIZE], name[PATH_SIZE];
    struct csv c;
    unsigned nodes = 0;
    path_in(path, directory, "series.csv");
    name_of(directory, name);
    for (unsigned pass = 0; pass < 2; pass++) { /* How many nodes; then what they did. */
        int error = csv_open(&c, path, message, message_size);
        if (error == 0 && pass == 1)
            recording_init(r, name, nodes, 0);
        if (error == 0)
            error = read_rows(&c, pass == 1 ? r : NULL, &nodes);
        csv_close(&c);
        if (error == 0 && nodes == 0) {
            snprintf(message, message_size, "%s: there is no sample in it yet", path);
            error = -1;
        }
        if (error) {
            recording_free(r);
            return -1;
        }
    }
    return 0;
}

/* Before a link had a rate of its own, it was told as 0; and the links are known of a node that is
 * down, too. */
static void mend_rates(struct recording *r)
{
    for (unsigned i = 0; i < r->n; i++) {
        double last[] = {NAN, NAN};
        for (size_t k = 0; k < r->count; k++) {
            double *rates = recording_at(r, k, i) + FIELD_RATE_IN;
            for (unsigned way = 0; way < 2; way++) {
                if (rates[way] == 0)
                    rates[way] = NAN;
                if (isnan(rates[way]) && isnan(recording_at(r, k, i)[FIELD_CONFIRMED_BYTES]))
                    rates[way] = last[way];
                last[way] = rates[way];
            }
        }
    }
}

/* What was done: `detail` is quoted, and may have commas. */
static void load_events(struct recording *r, const char *directory)
{
    char path[PATH_SIZE], message[CONFIG_MESSAGE_MAX];
    struct csv c;
    int count;
    path_in(path, directory, "events.csv");
    if (csv_open(&c, path, message, sizeof message) == 0)
        csv_next(&c);
    while (c.data && (count = csv_next(&c)) >= 3) {
        char detail[COMMAND_TEXT_MAX + 8] = "";
        size_t used = 0;
        for (int k = 3; k < count && used < sizeof detail; k++)
            used += (size_t)snprintf(detail + used, sizeof detail - used, "%s%s", k > 3 ? "," : "",
                                     c.field[k] + (k == 3 && *c.field[k] == '"'));
        detail[strcspn(detail, "\"")] = '\0';
        recording_event(r, number_at(&c, 0), c.field[1], c.field[2], detail);
    }
    csv_close(&c);
}

static void load_versions(struct recording *r, const char *directory)
{
    char path[PATH_SIZE], line[256];
    json_t *versions = json_array();
    path_in(path, directory, "versions.txt");
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "machine: ", 9) == 0)
            json_object_set_new(r->about, "machine", json_string(line + 9));
        else if (*line)
            json_array_append_new(versions, json_string(line));
    }
    if (file)
        fclose(file);
    json_object_set_new(r->about, "versions", versions);
}

/* Of an aborted run: what was asked for. */
static void load_scenario(struct recording *r, const char *directory)
{
    static struct scenario s; /* Large. */
    char path[PATH_SIZE], message[CONFIG_MESSAGE_MAX];
    path_in(path, directory, "scenario.conf");
    if (scenario_load_file(path, &s, message, sizeof message))
        return; /* It may need files that are not here. */
    json_object_set_new(r->about, "seed", json_integer((json_int_t)s.seed));
    json_object_set_new(r->about, "scale", json_real(s.scale));
    json_object_set_new(r->about, "warmup_s", json_real(s.warmup_s));
    scenario_free(&s);
}

static double of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static json_t *or_null(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *node_of(const json_t *summary, unsigned i)
{
    const json_t *node = json_array_get(json_object_get(summary, "nodes"), i);
    json_t *latency = json_object_get(json_object_get(node, "latency_ms"), "local");
    if (!isfinite(of(latency, "p50")))
        latency = NULL; /* None of its transactions ended. */
    const double measured_s = of(summary, "measured_s");
    return json_pack("{s:i, s:o, s:O?, s:o}", "id", (int)i, "confirmed_bytes_s",
                     or_null(of(node, "confirmed_bytes") / measured_s), "latency_ms", latency,
                     "load_bytes_s", or_null(of(node, "load_bytes_s")));
}

/* The least and the mean of a figure of all nodes of which it is known. */
static void spread(const json_t *summary, const char *key, double *mean, double *least)
{
    const json_t *nodes = json_object_get(summary, "nodes");
    unsigned count = 0;
    double sum = 0;
    *least = NAN;
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const double value = of(json_array_get(nodes, i), key);
        if (!isfinite(value))
            continue;
        count++;
        sum += value;
        *least = fmin(*least, value); /* Of one that is none and one that is: that one. */
    }
    *mean = count > 0 ? sum / count : NAN;
}

static void figures_of(struct recording *r, const json_t *summary)
{
    double mean, least;
    spread(summary, "confirmed_bytes", &mean, &least);
    recording_figure(r, "Confirmed, mean of the nodes", mean / of(summary, "measured_s"), "B/s");
    if (json_is_true(json_object_get(summary, "shaped"))) {
        spread(summary, "confirmed_over_rate", &mean, &least);
        recording_figure(r, "Of the links' rate", mean, "ratio");
        recording_figure(r, "Least of a link's rate", least, "ratio");
    }
    spread(summary, "received_over_confirmed", &mean, &least);
    recording_figure(r, "Received for each byte confirmed", mean, "times");
    spread(summary, "epoch_agreed", &mean, &least);
    recording_figure(r, "Epochs agreed, mean", mean, "count");
    spread(summary, "lag_epochs", &mean, &least);
    recording_figure(r, "Epochs behind, mean", mean, "count");
    double p50 = 0, p95 = 0, count = 0;
    for (unsigned i = 0; i < r->n; i++) {
        const json_t *latency = json_object_get(json_array_get(r->nodes, i), "latency_ms");
        if (isfinite(of(latency, "p50"))) {
            p50 += of(latency, "p50");
            p95 += of(latency, "p95");
            count++;
        }
    }
    recording_figure(r, "Latency, 50 % below", p50 / count, "ms");
    recording_figure(r, "Latency, 95 % below", p95 / count, "ms");
    recording_figure(r, "Busiest core, of 5 s", of(summary, "cpu_busy_max"), "ratio");
}

static void load_summary(struct recording *r, const char *directory)
{
    static const char *const keys[] = {"scenario", "mode",        "retrieval",    "application",
                                       "n",        "f",           "seed",         "scale",
                                       "warmup_s", "measured_s",  "block_bytes",  "data",
                                       "shaped",   "cpu_limited", "cpu_busy_max", "ledgers_equal"};
    char path[PATH_SIZE];
    path_in(path, directory, "summary.json");
    json_t *summary = json_load_file(path, 0, NULL);
    r->complete = summary != NULL;
    if (!summary)
        load_scenario(r, directory);
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        json_t *value = json_object_get(summary, keys[k]);
        if (value)
            json_object_set(r->about, keys[k], value);
    }
    if (!json_object_get(r->about, "n")) {
        json_object_set_new(r->about, "n", json_integer(r->n));
        json_object_set_new(r->about, "f", json_integer(quorum_of(r->n).f));
    }
    for (unsigned i = 0; i < r->n; i++)
        json_array_append_new(r->nodes, node_of(summary, i));
    if (summary)
        figures_of(r, summary);
    json_decref(summary);
}

/* What was watched, and has no end of its own. */
static bool load_cluster(struct recording *r, const char *directory)
{
    char path[PATH_SIZE];
    path_in(path, directory, "cluster.json");
    json_t *cluster = json_load_file(path, 0, NULL);
    json_t *nodes = json_object_get(cluster, "nodes");
    r->complete = json_is_object(json_object_get(cluster, "about")) && json_is_array(nodes) &&
                  json_array_size(nodes) >= r->n;
    if (r->complete) {
        json_object_update(r->about, json_object_get(cluster, "about"));
        json_array_extend(r->nodes, nodes);
    }
    json_decref(cluster);
    return r->complete;
}

int recording_load(struct recording *r, const char *directory, char *message, size_t message_size)
{
    *r = (struct recording){0};
    if (load_series(r, directory, message, message_size))
        return -1;
    mend_rates(r);
    load_events(r, directory);
    load_versions(r, directory);
    if (!load_cluster(r, directory))
        load_summary(r, directory);
    return 0;
}
