#include "testnet/compare.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 600, RUNS_MAX = 64 };

static double number(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static const char *text(const json_t *o, const char *key)
{
    const char *value = json_string_value(json_object_get(o, key));
    return value ? value : "?";
}

static const char *ledgers(const json_t *run)
{
    const json_t *equal = json_object_get(run, "ledgers_equal");
    return json_is_true(equal) ? "equal" : json_is_false(equal) ? "DIFFER" : "?";
}

/* What else than the modes differs: then the comparison is of two things at once. */
static void print_differences(json_t *const runs[], unsigned count)
{
    static const char *const keys[] = {"scenario", "n",    "seed",   "scale", "block_bytes",
                                       "warmup_s", "data", "shaped", "mode",  "retrieval"};
    printf("differs:");
    bool any = false;
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        bool differs = false;
        for (unsigned i = 1; i < count; i++)
            differs = differs || !json_equal(json_object_get(runs[0], keys[k]),
                                             json_object_get(runs[i], keys[k]));
        if (differs)
            printf(" %s", keys[k]);
        any = any || differs;
    }
    puts(any ? "" : " nothing");
}

static double per_s(double bytes, double s) { return s > 0 ? bytes / s : 0; }

static void extremes(const json_t *run, double *least, double *most)
{
    const json_t *nodes = json_object_get(run, "nodes");
    const double measured_s = number(run, "measured_s");
    *least = 1e300;
    *most = 0;
    size_t i;
    json_t *node;
    json_array_foreach(nodes, i, node)
    {
        const double rate = per_s(number(node, "confirmed_bytes"), measured_s);
        *least = rate < *least ? rate : *least;
        *most = rate > *most ? rate : *most;
    }
}

/* Of a figure that may lie in objects: the mean, the least, the last node's, of those of which it is
 * known; of none, 0. */
struct spread {
    double mean, least, last;
};

static struct spread spread_of(const json_t *run, const char *const path[], unsigned depth)
{
    const json_t *nodes = json_object_get(run, "nodes");
    struct spread s = {0};
    unsigned count = 0;
    size_t i;
    json_t *node;
    json_array_foreach(nodes, i, node)
    {
        const json_t *value = node;
        for (unsigned k = 0; k < depth; k++)
            value = json_object_get(value, path[k]);
        if (!json_is_number(value))
            continue;
        s.last = json_number_value(value);
        s.least = count == 0 || s.last < s.least ? s.last : s.least;
        s.mean += (s.last - s.mean) / ++count;
    }
    return s;
}

static double mean_of(const json_t *run, const char *a, const char *b, const char *c)
{
    const char *const path[] = {a, b, c};
    return spread_of(run, path, c ? 3 : b ? 2 : 1).mean;
}

static void print_run(const json_t *run, double reference)
{
    const json_t *mean = json_object_get(run, "mean");
    const double rate = per_s(number(mean, "confirmed_bytes"), number(run, "measured_s"));
    double least;
    double most;
    extremes(run, &least, &most);
    char share[16] = "-"; /* Of no rate. */
    if (mean_of(run, "rate_in", NULL, NULL) > 0)
        snprintf(share, sizeof share, "%.3f", number(mean, "confirmed_over_rate"));
    printf("%-13s %3.0f  %5.2f  %-10s %-4s  %8.0f %6.3f %6.3f %6.3f  %7.2f  %5s  %9.2f  %7.0f  "
           "%-7s  "
           "%5.0f %%%s\n",
           text(run, "scenario"), number(run, "n"), number(run, "scale"), text(run, "mode"),
           text(run, "retrieval"), number(run, "block_bytes") / 1000, rate / 1e6, least / 1e6,
           most / 1e6, reference > 0 ? rate / reference : 0, share,
           number(mean, "received_over_confirmed"), number(mean, "lag_epochs"), ledgers(run),
           100 * number(run, "cpu_busy_max"),
           json_is_true(json_object_get(run, "cpu_limited")) ? "  CPU IS THE LIMIT" : "");
}

static void print_table(json_t *const runs[], unsigned count)
{
    const json_t *first = runs[0];
    const double reference = per_s(number(json_object_get(first, "mean"), "confirmed_bytes"),
                                   number(first, "measured_s"));
    if (count > 1)
        print_differences(runs, count);
    puts(
        "                                            confirmed MB/s a node                   of "
        "the "
        " received/  behind,           busiest\n"
        "scenario        n  scale  mode       asks  block KB   mean  least   most  / first   rate  "
        "confirmed   epochs  ledgers     core");
    for (unsigned i = 0; i < count; i++)
        print_run(runs[i], reference);
}

static void print_csv(const json_t *run, const char *directory)
{
    const char *const of_rate[] = {"confirmed_over_rate"};
    const struct spread share = spread_of(run, of_rate, 1);
    const double confirmed = mean_of(run, "confirmed_bytes", NULL, NULL);
    const double wasted = mean_of(run, "wasted_bytes", "dispersal", NULL) +
                          mean_of(run, "wasted_bytes", "retrieval", NULL);
    const char *name = strrchr(directory, '/');
    printf("%s,%s,%s,%s,%.0f,%g,%.0f,%.0f,%.0f,%.0f,%.4f,%.4f,%.4f,%.4f,%.4f,",
           name ? name + 1 : directory, text(run, "scenario"), text(run, "mode"),
           text(run, "retrieval"), number(run, "n"), number(run, "scale"),
           number(run, "block_bytes"), number(run, "measured_s"),
           mean_of(run, "rate_in", NULL, NULL), per_s(confirmed, number(run, "measured_s")),
           share.mean, share.least, share.last, mean_of(run, "received_over_confirmed", NULL, NULL),
           confirmed > 0 ? wasted / confirmed : 0);
    printf("%.0f,%.0f,%.1f,%.1f,%.1f,%.2f,%s\n", mean_of(run, "latency_ms", "local", "p50"),
           mean_of(run, "latency_ms", "local", "p95"), mean_of(run, "vote_delay_ms", "p50", NULL),
           mean_of(run, "vote_delay_ms", "p99", NULL), mean_of(run, "lag_epochs", NULL, NULL),
           number(run, "cpu_busy_max"), ledgers(run));
}

static void print_all_csv(json_t *const runs[], const char *const directories[], unsigned count)
{
    puts("run,scenario,mode,retrieval,n,scale,block_bytes,measured_s,rate,confirmed,of_rate,"
         "least_of_rate,last_of_rate,received_over_confirmed,wasted_over_confirmed,p50_ms,p95_ms,"
         "vote_p50_ms,vote_p99_ms,lag_epochs,busy_max,ledgers");
    for (unsigned i = 0; i < count; i++)
        print_csv(runs[i], directories[i]);
}

int compare_runs(const char *const directories[], unsigned count, bool csv)
{
    json_t *runs[RUNS_MAX] = {0};
    int status = count <= RUNS_MAX ? 0 : 1;
    for (unsigned i = 0; i < count && !status; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%.500s/summary.json", directories[i]);
        runs[i] = json_load_file(path, 0, NULL);
        if (!runs[i]) {
            fprintf(stderr, "ledger-testnet: %s: no summary of a run\n", path);
            status = 1;
        }
    }
    if (!status && csv)
        print_all_csv(runs, directories, count);
    else if (!status)
        print_table(runs, count);
    for (unsigned i = 0; i < count && i < RUNS_MAX; i++)
        json_decref(runs[i]);
    return status;
}
