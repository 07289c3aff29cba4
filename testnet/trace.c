#include "testnet/trace.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "node/cli/workload.h"
#include "testnet/command.h"
#include "testnet/csv.h"
#include "testnet/quantity.h"

uint64_t trace_scaled(double rate, double scale)
{
    const double scaled = rate * scale;
    return rate == 0 ? 0 : scaled < RATE_LEAST ? RATE_LEAST : (uint64_t)(scaled + 0.5);
}

/* A stream of its own for each node. */
static uint64_t random_of(uint64_t seed, unsigned node)
{
    uint64_t random = random_next(&seed) + node;
    return random_next(&random);
}

static double uniform(uint64_t *random) /* Below 1. */
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

static double gauss(uint64_t *random) /* Box and Muller. */
{
    const double radius = sqrt(2 * random_exponential(random));
    return radius * cos(2 * M_PI * uniform(random));
}

/* A step has the rate of its middle, so that no step is half one, half the other. */
static void fill_square(const struct trace *t, uint64_t random, double scale, uint64_t rates[],
                        size_t count)
{
    const double phase = uniform(&random);
    for (size_t i = 0; i < count; i++) {
        const double turns = phase + ((double)i + 0.5) * t->step_s / t->period_s;
        const bool high = turns - floor(turns) < 0.5;
        rates[i] = trace_scaled((double)(high ? t->high : t->low), scale);
    }
}

/* The process itself may be negative, and comes back; the link then has the least rate. */
static void fill_gauss_markov(const struct trace *t, uint64_t random, double scale,
                              uint64_t rates[], size_t count)
{
    const double mean = (double)t->mean, deviation = (double)t->deviation;
    const double keep = pow(t->correlation, t->step_s), fresh = sqrt(1 - keep * keep);
    double x = mean + deviation * gauss(&random);
    for (size_t i = 0; i < count; i++) {
        rates[i] = trace_scaled(x > 1 ? x : 1, scale);
        x = mean + keep * (x - mean) + fresh * deviation * gauss(&random);
    }
}

void trace_fill(const struct trace *t, unsigned node, uint64_t seed, double scale, uint64_t rates[],
                size_t count)
{
    const uint64_t random = random_of(seed, node);
    const uint64_t rate = t->rate == 0 ? 0 : t->rate + node * t->rate_step;
    switch (t->kind) {
    case TRACE_UNLIMITED:
    case TRACE_CONSTANT:
        for (size_t i = 0; i < count; i++)
            rates[i] = trace_scaled((double)rate, scale);
        return;
    case TRACE_SQUARE: fill_square(t, random, scale, rates, count); return;
    case TRACE_GAUSS_MARKOV: fill_gauss_markov(t, random, scale, rates, count); return;
    case TRACE_FILE: break;
    }
    assert(!"a file is read");
}

/* The file while it is read. A node's rates are filled in up to `next`. */
struct trace_file {
    struct csv csv;
    double step_s, scale;
    uint64_t *rates;
    size_t nodes, count;
    size_t next[RELAY_SITES_MAX];
    uint64_t current[RELAY_SITES_MAX];
};

static void fill_until(struct trace_file *f, uint64_t node, size_t end)
{
    for (; f->next[node] < end; f->next[node]++)
        f->rates[node * f->count + f->next[node]] = f->current[node];
}

static int read_row(struct trace_file *f, int fields)
{
    static const struct unit seconds[] = {{"", 1}, {NULL, 0}}, megabytes[] = {{"", 1e6}, {NULL, 0}};
    char *const *field = f->csv.field;
    double at_s, rate;
    uint64_t node;
    if (fields != 3 || !quantity_parse(field[0], seconds, &at_s) ||
        !settings_number(field[1], &node) || !quantity_parse(field[2], megabytes, &rate) ||
        rate > 1e12)
        return csv_error(&f->csv, "give t_s,node,MB_s, as 12,0,9.5 with a rate up to 1000000");
    if (node >= f->nodes)
        return csv_error(&f->csv, "node %s; the scenario has nodes from 0 to %zu", field[1],
                         f->nodes - 1);
    const double step = floor(at_s / f->step_s + 0.5);
    const size_t from = step < (double)f->count ? (size_t)step : f->count;
    if (f->current[node] == 0 && from > 0)
        return csv_error(&f->csv, "node %s has no rate before; begin with 0,%s,RATE", field[1],
                         field[1]);
    if (from < f->next[node])
        return csv_error(&f->csv, "node %s has a later line before; sort them by time", field[1]);
    fill_until(f, node, from);
    f->current[node] = trace_scaled(rate > 1 ? rate : 1, f->scale);
    return 0;
}

static int read_rows(struct trace_file *f)
{
    for (int rows = 0;; rows++) {
        const int fields = csv_next(&f->csv);
        if (fields < 0)
            return -1;
        if (fields == 0)
            break;
        if (rows == 0 && strcmp(f->csv.field[0], "t_s") == 0)
            continue;
        if (read_row(f, fields))
            return -1;
    }
    for (size_t node = 0; node < f->nodes; node++) {
        if (f->current[node] == 0)
            return csv_error(&f->csv, "node %zu is missing; add a line 0,%zu,RATE", node, node);
        fill_until(f, node, f->count);
    }
    return 0;
}

int trace_read(const char *path, double step_s, double scale, uint64_t *rates, unsigned nodes,
               size_t count, char *message, size_t message_size)
{
    struct trace_file f = {
        .step_s = step_s, .scale = scale, .rates = rates, .nodes = nodes, .count = count};
    assert(nodes <= RELAY_SITES_MAX);
    const int error = csv_open(&f.csv, path, message, message_size) || read_rows(&f) ? -1 : 0;
    csv_close(&f.csv);
    return error;
}
