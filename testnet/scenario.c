#include "testnet/scenario.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/file.h"
#include "testnet/delays.h"
#include "testnet/scenario_parse.h"

enum { SCENARIO_FILE_SIZE_MAX = 1 << 20, RATE_COUNT_MAX = 100000 };

/* A file beside the scenario's. */
static char *beside(const char *path, const char *name)
{
    const char *slash = name[0] == '/' ? NULL : strrchr(path, '/');
    char *joined;
    const int length = slash ? (int)(slash - path + 1) : 0;
    return asprintf(&joined, "%.*s%s", length, path, name) < 0 ? NULL : joined;
}

static int make_links(struct settings *s, const struct scenario_text *text, struct scenario *c)
{
    c->loss = text->loss > 0;
    for (unsigned from = 0; from < c->nodes; from++) {
        for (unsigned to = 0; to < c->nodes; to++) {
            c->delay_us[from][to] = from == to ? 0 : (uint32_t)(text->delay_s * 1e6 + 0.5);
            c->loss_ppm[from][to] = from == to ? 0 : (uint32_t)(text->loss * 1e6 + 0.5);
        }
    }
    if (text->delays[0] == '\0')
        return 0;
    s->line = text->links_line;
    if (text->delay_s > 0)
        return settings_error(s, "both delay and delays; keep one");
    char *path = beside(s->file, text->delays);
    if (!path)
        return settings_error(s, "no memory for delays");
    const int error =
        delays_read(path, (unsigned)c->nodes, c->delay_us, s->message, s->message_size);
    free(path);
    return error;
}

static int make_rates(struct settings *s, const struct scenario_text *text, struct scenario *c)
{
    const struct trace *t = &text->trace;
    const double total_s = c->warmup_s + c->duration_s;
    const bool still = t->kind == TRACE_UNLIMITED || t->kind == TRACE_CONSTANT;
    s->line = text->rates_line;
    c->rate_step_s = still ? total_s : t->step_s;
    const double count = ceil(total_s / c->rate_step_s);
    if (count > RATE_COUNT_MAX)
        return settings_error(s, "%.0f steps of %g s; give a step by which they are at most %d",
                              count, c->rate_step_s, RATE_COUNT_MAX);
    c->rate_count = (size_t)count;
    c->rates = calloc(c->nodes * c->rate_count, sizeof *c->rates);
    if (!c->rates)
        return settings_error(s, "no memory for rates");
    if (t->kind == TRACE_FILE) {
        char *path = beside(s->file, t->file);
        const int error = !path
                              ? settings_error(s, "no memory for rates")
                              : trace_read(path, t->step_s, c->scale, c->rates, (unsigned)c->nodes,
                                           c->rate_count, s->message, s->message_size);
        free(path);
        if (error)
            return -1;
    }
    for (unsigned node = 0; node < c->nodes; node++) {
        const bool own = text->nodes[node].given;
        const struct trace constant = {.kind = TRACE_CONSTANT, .rate = text->nodes[node].rate};
        if (own || t->kind != TRACE_FILE)
            trace_fill(own ? &constant : t, node, c->seed, c->scale,
                       c->rates + node * c->rate_count, c->rate_count);
    }
    return 0;
}

/* The name is the file's. */
static int take_name(const char *path, struct scenario *s, char *message, size_t message_size)
{
    static const char ending[] = ".conf";
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t size = strlen(name);
    if (size >= sizeof ending && strcmp(name + size - (sizeof ending - 1), ending) == 0)
        size -= sizeof ending - 1;
    if (size <= SCENARIO_NAME_MAX) {
        memcpy(s->name, name, size);
        if (settings_is_name(s->name))
            return 0;
    }
    snprintf(message, message_size,
             "%s: the file's name is the scenario's; give it 1 to %d letters, digits, '.', '-' "
             "and '_', then .conf",
             path, SCENARIO_NAME_MAX);
    return -1;
}

int scenario_load_file(const char *path, struct scenario *s, char *message, size_t message_size)
{
    uint8_t *data = NULL;
    size_t size = 0;
    *s = (struct scenario){.nodes = 0};
    if (take_name(path, s, message, message_size) ||
        file_read(path, SCENARIO_FILE_SIZE_MAX, &data, &size, message, message_size))
        return -1;
    struct settings settings;
    struct scenario_text text;
    settings_open(&settings, slice_of(data, size), path, message, message_size);
    const bool failed = scenario_parse(&settings, s, &text) || make_links(&settings, &text, s) ||
                        make_rates(&settings, &text, s);
    free(data);
    if (failed)
        scenario_free(s);
    return failed ? -1 : 0;
}

void scenario_free(struct scenario *s)
{
    free(s->rates);
    free(s->events);
    s->rates = NULL;
    s->events = NULL;
    s->rate_count = s->event_count = 0;
}

uint64_t scenario_rate(const struct scenario *s, unsigned node, double at_s)
{
    const double step = at_s / s->rate_step_s;
    const size_t last = s->rate_count - 1;
    const size_t i = step <= 0 ? 0 : step < (double)last ? (size_t)step : last;
    return s->rates[node * s->rate_count + i];
}

double scenario_bytes(const struct scenario *s, unsigned node, double from_s, double to_s)
{
    double bytes = 0;
    for (size_t i = 0; i < s->rate_count; i++) {
        const double from = fmax((double)i * s->rate_step_s, from_s);
        const double to = fmin((double)(i + 1) * s->rate_step_s, to_s);
        if (to > from)
            bytes += (to - from) * (double)s->rates[node * s->rate_count + i];
    }
    return bytes;
}

uint64_t scenario_rate_max(const struct scenario *s)
{
    uint64_t most = 0;
    for (size_t i = 0; i < s->nodes * s->rate_count; i++) {
        if (s->rates[i] == 0)
            return 0;
        most = s->rates[i] > most ? s->rates[i] : most;
    }
    for (size_t i = 0; i < s->event_count; i++) {
        const struct command *c = &s->events[i].command;
        if (c->kind != COMMAND_RATE)
            continue;
        if (c->rate == 0)
            return 0;
        most = c->rate > most ? c->rate : most;
    }
    return most;
}
