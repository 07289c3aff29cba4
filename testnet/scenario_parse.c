#include "testnet/scenario_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testnet/scenario_values.h"

#define OTHER(key_name, target, field, how, usual)                                                 \
    {                                                                                              \
        .key = (key_name), .type = SETTING_OTHER, SETTING_AT(struct target, field), .read = (how), \
        .form = how##_form, .text = (usual)                                                        \
    }
#define REQUIRED(key_name, target, field, how)                                                     \
    {                                                                                              \
        .key = (key_name), .type = SETTING_OTHER, SETTING_AT(struct target, field), .read = (how), \
        .form = how##_form, .required = true                                                       \
    }

static const char *const applications[] = {"ledger", "log", NULL};
static const char *const loads[] = {"idle", "backlog", "fixed", "poisson", NULL};
static const char *const places[] = {"memory", "disk", NULL};

static const struct setting scenario_table[] = {
    {.key = "nodes",
     .type = SETTING_NUMBER,
     SETTING_AT(struct scenario, nodes),
     .required = true,
     .min = 1,
     .max = RELAY_SITES_MAX},
    {.key = "seed",
     .type = SETTING_NUMBER,
     SETTING_AT(struct scenario, seed),
     .max = UINT64_MAX,
     .number = 1},
    OTHER("scale", scenario, scale, read_scale, "1"),
    OTHER("warmup", scenario, warmup_s, read_seconds, "30 s"),
    REQUIRED("duration", scenario, duration_s, read_duration),
    {.key = "app",
     .type = SETTING_CHOICE,
     SETTING_AT(struct scenario, application),
     .choices = applications,
     .number = APPLICATION_LOG},
    OTHER("mode", scenario, mode, read_mode, "dl"),
    OTHER("retrieval", scenario, retrieval, read_retrieval, "lean"),
    OTHER("block", scenario, block_bytes, read_block, NULL),
    OTHER("lag_target", scenario, lag_target_s, read_whole_seconds, NULL),
    OTHER("retain", scenario, retain_bytes, read_retain, NULL),
    {.key = "checkpoint_epochs",
     .type = SETTING_NUMBER,
     SETTING_AT(struct scenario, checkpoint_epochs),
     .max = 1000000},
    {.key = "data",
     .type = SETTING_CHOICE,
     SETTING_AT(struct scenario, data),
     .choices = places,
     .number = SCENARIO_MEMORY},
    OTHER("height_floor", scenario, height_floor, read_share, "0.5"),
    {.key = NULL},
};

static const struct setting links_table[] = {
    OTHER("delay", scenario_text, delay_s, read_delay, "0 s"),
    {.key = "delays", .type = SETTING_TEXT, SETTING_AT(struct scenario_text, delays)},
    OTHER("loss", scenario_text, loss, read_share, "0"),
    {.key = NULL},
};

static const struct setting node_table[] = {
    REQUIRED("rate", scenario_node, rate, read_rate),
    {.key = NULL},
};

static const struct setting load_table[] = {
    {.key = "kind",
     .type = SETTING_CHOICE,
     SETTING_AT(struct scenario, load),
     .required = true,
     .choices = loads},
    OTHER("rate", scenario, load_bytes_s, read_payload_rate, NULL),
    OTHER("payload", scenario, payload_bytes, read_payload, "250 B"),
    {.key = NULL},
};

static const struct setting constant_table[] = {
    REQUIRED("rate", trace, rate, read_rate),
    OTHER("rate_step", trace, rate_step, read_rate, NULL),
    {.key = NULL},
};

static const struct setting square_table[] = {
    REQUIRED("high", trace, high, read_limited),
    REQUIRED("low", trace, low, read_limited),
    REQUIRED("period", trace, period_s, read_step),
    OTHER("step", trace, step_s, read_step, "0.5 s"),
    {.key = NULL},
};

static const struct setting gauss_markov_table[] = {
    REQUIRED("mean", trace, mean, read_limited),
    REQUIRED("deviation", trace, deviation, read_limited),
    REQUIRED("correlation", trace, correlation, read_share),
    OTHER("step", trace, step_s, read_step, "1 s"),
    {.key = NULL},
};

static const struct setting file_table[] = {
    {.key = "file", .type = SETTING_TEXT, SETTING_AT(struct trace, file), .required = true},
    OTHER("step", trace, step_s, read_step, "1 s"),
    {.key = NULL},
};

static const struct {
    const char *section;
    const struct setting *table;
} traces[] = {
    [TRACE_CONSTANT] = {"rates constant", constant_table},
    [TRACE_SQUARE] = {"rates square", square_table},
    [TRACE_GAUSS_MARKOV] = {"rates gauss-markov", gauss_markov_table},
    [TRACE_FILE] = {"rates file", file_table},
};
enum { TRACE_KINDS = sizeof traces / sizeof *traces };

/* A scenario's file while it is read. */
struct scenario_reader {
    struct settings *settings;
    struct scenario *scenario;
    struct scenario_text *text;
    struct settings_section *section; /* Open now; NULL: [events], or none yet. */
    unsigned events_line;             /* Where [events] begins; 0 when it has not come. */
    struct settings_section scenario_section, links_section, load_section, trace_section;
    struct settings_section node_sections[RELAY_SITES_MAX];
};

static struct settings_section *find_node(struct scenario_reader *r, unsigned *node)
{
    for (*node = 0; *node < r->scenario->nodes; ++*node) {
        char name[16];
        snprintf(name, sizeof name, "node %u", *node);
        if (strcmp(name, r->settings->section) == 0)
            return &r->node_sections[*node];
    }
    return NULL;
}

static int begin_section(struct scenario_reader *r, struct settings_section *section,
                         const struct setting table[], void *target)
{
    struct settings *s = r->settings;
    if (section->line)
        return settings_error(s, "[%s] comes a second time; put all of it at line %u", s->section,
                              section->line);
    settings_begin(section, table, target, s->line);
    r->section = section;
    return 0;
}

static int begin_trace(struct scenario_reader *r, enum trace_kind kind)
{
    if (r->trace_section.line && r->text->trace.kind != kind)
        return settings_error(r->settings, "[%s] stands at line %u already; keep one [rates ...]",
                              traces[r->text->trace.kind].section, r->trace_section.line);
    r->text->trace.kind = kind;
    return begin_section(r, &r->trace_section, traces[kind].table, &r->text->trace);
}

static int begin_events(struct scenario_reader *r)
{
    if (r->events_line)
        return settings_error(r->settings, "[events] comes a second time; put all of it at line %u",
                              r->events_line);
    r->events_line = r->settings->line;
    r->section = NULL;
    return 0;
}

static int open_section(struct scenario_reader *r)
{
    struct settings *s = r->settings;
    unsigned node;
    if (strcmp(s->section, "scenario") == 0)
        return begin_section(r, &r->scenario_section, scenario_table, r->scenario);
    /* The others need its numbers. */
    if (!r->scenario_section.line)
        return settings_error(s, "[%s] comes too early; begin with [scenario]", s->section);
    const unsigned line = s->line;
    if (settings_finish(s, r->section ? r->section : &r->scenario_section))
        return -1;
    s->line = line;
    if (strcmp(s->section, "links") == 0)
        return begin_section(r, &r->links_section, links_table, r->text);
    if (strcmp(s->section, "load") == 0)
        return begin_section(r, &r->load_section, load_table, r->scenario);
    if (strcmp(s->section, "events") == 0)
        return begin_events(r);
    for (unsigned kind = TRACE_CONSTANT; kind < TRACE_KINDS; kind++)
        if (strcmp(s->section, traces[kind].section) == 0)
            return begin_trace(r, kind);
    struct settings_section *section = find_node(r, &node);
    if (section)
        return begin_section(r, section, node_table, &r->text->nodes[node]);
    return settings_error(s,
                          "unknown section [%s]; known: scenario, links, rates constant, rates "
                          "square, rates gauss-markov, rates file, node 0 to node %u, load, events",
                          s->section, (unsigned)r->scenario->nodes - 1);
}

/* `20 s = kill 3` */
static int add_event(struct scenario_reader *r)
{
    struct settings *s = r->settings;
    struct scenario *c = r->scenario;
    struct scenario_event event = {.at_s = 0};
    char message[256];
    const bool before = s->key[0] == '-';
    if (!read_seconds(s->key + before, &event.at_s) ||
        event.at_s > (before ? c->warmup_s : c->duration_s))
        return settings_error(s, "event at %s; give a time from -%g s to %g s", s->key, c->warmup_s,
                              c->duration_s);
    if (before)
        event.at_s = -event.at_s;
    if (strlen(s->value) > COMMAND_TEXT_MAX)
        return settings_error(s, "an event has at most %d characters", COMMAND_TEXT_MAX);
    if (command_parse(s->value, (unsigned)c->nodes, &event.command, message, sizeof message))
        return settings_error(s, "%s", message);
    if (event.command.kind == COMMAND_DOWN || event.command.kind == COMMAND_STATUS)
        return settings_error(
            s,
            "%s is no event; give kill, restart, replace, pause, resume, rate, partition or heal",
            s->value);
    event.command.rate = trace_scaled((double)event.command.rate, c->scale);
    memcpy(event.text, s->value, strlen(s->value));
    if (c->event_count == SCENARIO_EVENTS_MAX)
        return settings_error(s, "a scenario has at most %d events", SCENARIO_EVENTS_MAX);
    if (!c->events && !(c->events = calloc(SCENARIO_EVENTS_MAX, sizeof *c->events)))
        return settings_error(s, "no memory for events");
    size_t at = c->event_count++;
    for (; at > 0 && c->events[at - 1].at_s > event.at_s; at--)
        c->events[at] = c->events[at - 1];
    c->events[at] = event;
    return 0;
}

static int read_file(struct scenario_reader *r)
{
    struct settings *s = r->settings;
    int error = 0;
    while (!error) {
        switch (settings_next(s)) {
        case SETTINGS_ERROR: return -1;
        case SETTINGS_END:
            if (!r->scenario_section.line)
                return settings_error(s, "[scenario] is missing; begin with it");
            return settings_finish(s, r->section ? r->section : &r->scenario_section);
        case SETTINGS_SECTION: error = open_section(r); break;
        case SETTINGS_VALUE:
            if (r->section)
                error = settings_assign(s, r->section);
            else if (r->events_line)
                error = add_event(r);
            else
                error = settings_error(s, "%s stands before any section; begin with [scenario]",
                                       s->key);
        }
    }
    return error;
}

static int check_load(struct scenario_reader *r)
{
    struct settings *s = r->settings;
    struct scenario *c = r->scenario;
    if (!r->load_section.line)
        return settings_error(s, "[load] is missing; add it with kind = backlog or another");
    s->line = r->load_section.line;
    const bool needed = c->load == SCENARIO_FIXED || c->load == SCENARIO_POISSON;
    if (needed && c->load_bytes_s == 0)
        return settings_error(s, "kind = %s has a rate; add a line rate = 100 kB/s",
                              loads[c->load]);
    if (!needed && c->load_bytes_s != 0)
        return settings_error(s, "kind = %s has no rate; remove it, or give kind = fixed",
                              loads[c->load]);
    c->load_bytes_s *= c->scale;
    c->block_bytes = (uint64_t)((double)c->block_bytes * c->scale + 0.5);
    if (c->block_bytes <= BLOCK_BYTES_LIMIT)
        return 0;
    s->line = r->scenario_section.line;
    return settings_error(s, "block, times the scale, is more than 8MiB; give a smaller one");
}

int scenario_parse(struct settings *settings, struct scenario *scenario, struct scenario_text *text)
{
    struct scenario_reader r = {.settings = settings, .scenario = scenario, .text = text};
    *text = (struct scenario_text){.trace.kind = TRACE_UNLIMITED};
    if (read_file(&r) || check_load(&r))
        return -1;
    text->links_line = r.links_section.line;
    text->rates_line = r.trace_section.line;
    for (unsigned i = 0; i < scenario->nodes; i++)
        text->nodes[i].given = r.node_sections[i].line > 0;
    return 0;
}
