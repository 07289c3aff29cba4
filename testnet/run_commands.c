/* What can be done to a run while it runs. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "testnet/run.h"

double run_time(const struct run *r) { return (double)(clock_us() - r->zero_us) / 1e6; }

static void cut(struct run *r, const uint8_t group[])
{
    for (unsigned i = 0; i < r->scenario.nodes; i++)
        for (unsigned j = 0; j < r->scenario.nodes; j++)
            r->network.paths->path[i][j].cut = group && group[i] != group[j];
}

static int say(char *answer, size_t size, const char *text)
{
    snprintf(answer, size, "%s", text);
    return -1;
}

static int change_node(struct run *r, const struct command *c, char *answer, size_t size)
{
    const bool runs = r->sites.site[c->node].node != 0;
    const bool paused = r->sites.site[c->node].paused;
    if (c->kind == COMMAND_PAUSE || c->kind == COMMAND_RESUME) {
        if (!runs || paused == (c->kind == COMMAND_PAUSE))
            return say(answer, size, runs ? "that it is already" : "that node does not run");
        sites_pause(&r->sites, c->node, !paused);
        return 0;
    }
    if (c->kind == COMMAND_KILL) {
        if (!runs)
            return say(answer, size, "that node does not run");
        sites_kill(&r->sites, c->node);
        return 0;
    }
    if (runs)
        return say(answer, size, "that node runs: kill it first");
    return c->kind == COMMAND_REPLACE ? sites_replace(&r->sites, c->node, answer, size)
                                      : sites_start(&r->sites, c->node, answer, size);
}

double run_link_rate(struct run *r, unsigned node, double now_s)
{
    const struct scenario *s = &r->scenario;
    const double begin_s = s->warmup_s;
    const double from_s = fmax(r->link[node].until_s, begin_s);
    const double to_s = fmin(now_s, begin_s + s->duration_s);
    if (r->sites.network && to_s > from_s) {
        const double bytes = r->link[node].set ? (double)r->network.rate_in[node] * (to_s - from_s)
                                               : scenario_bytes(s, node, from_s, to_s);
        r->link[node].unlimited |= bytes == 0;
        r->link[node].bytes += bytes;
        r->link[node].until_s = to_s;
    }
    if (!r->sites.network || r->link[node].unlimited || to_s <= begin_s)
        return NAN;
    return r->link[node].bytes / (to_s - begin_s);
}

static int change_links(struct run *r, const struct command *c, char *answer, size_t size)
{
    if (!r->sites.network)
        return say(answer, size, "on loopback (--plain) links have no rates and are never cut");
    if (c->kind == COMMAND_RATE) {
        run_link_rate(r, c->node, run_time(r)); /* What it was until now counts. */
        r->link[c->node].set = true;
        return network_rate(&r->network, c->node, c->rate, c->rate, answer, size);
    }
    cut(r, c->kind == COMMAND_PARTITION ? c->group : NULL);
    return 0;
}

static void print(char **at, char *end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void print(char **at, char *end, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(*at, (size_t)(end - *at), format, arguments);
    va_end(arguments);
    *at += size > 0 && size < end - *at ? size : 0;
}

static void describe(const struct run *r, char *answer, size_t size)
{
    char *at = answer;
    char *end = answer + size;
    print(&at, end, "node  state    agreed  executed    height  confirmed MB  link MB/s  RSS MB\n");
    for (unsigned i = 0; i < r->scenario.nodes; i++) {
        const struct sample *s = &r->sampler.last[i];
        const char *state = r->sites.site[i].node == 0 ? "killed"
                            : r->sites.site[i].paused  ? "paused"
                            : s->answered              ? "runs"
                                                       : "silent";
        print(&at, end, "%4u  %-7s  %6.0f  %8.0f  %8.0f  %12.1f  ", i, state,
              s->value[FIELD_EPOCH_AGREED], s->value[FIELD_EPOCH_EXECUTED], s->value[FIELD_HEIGHT],
              s->value[FIELD_CONFIRMED_BYTES] / 1e6);
        if (r->sites.network && r->network.rate_out[i])
            print(&at, end, "%9.3f", (double)r->network.rate_out[i] / 1e6);
        else
            print(&at, end, "%9s", "-");
        print(&at, end, "  %6.0f\n", s->value[FIELD_RSS_BYTES] / 1e6);
    }
}

void run_event(struct run *r, const char *kind, int of_node, const char *detail)
{
    const double at_s = run_time(r);
    char node[12] = "";
    if (of_node >= 0)
        snprintf(node, sizeof node, "%d", of_node);
    fprintf(r->events, "%.3f,%s,%s,\"%s\"\n", at_s, kind, node, detail);
    if (r->http)
        recording_event(&r->recording, at_s, kind, node, detail);
    fflush(r->events);
}

int run_command(struct run *r, const struct command *c, const char *text, char *answer,
                size_t answer_size)
{
    int error = 0;
    switch (c->kind) {
    case COMMAND_KILL:
    case COMMAND_RESTART:
    case COMMAND_REPLACE:
    case COMMAND_PAUSE:
    case COMMAND_RESUME: error = change_node(r, c, answer, answer_size); break;
    case COMMAND_RATE:
    case COMMAND_PARTITION:
    case COMMAND_HEAL: error = change_links(r, c, answer, answer_size); break;
    case COMMAND_STATUS: describe(r, answer, answer_size); return 0;
    case COMMAND_DOWN: r->over = true; break;
    case COMMAND_KINDS: break;
    }
    if (error)
        return error;
    const char *detail = strchr(text, ' ');
    const bool of_node =
        c->kind != COMMAND_PARTITION && c->kind != COMMAND_HEAL && c->kind != COMMAND_DOWN;
    run_event(r, command_names[c->kind], of_node ? (int)c->node : -1, detail ? detail + 1 : "");
    return 0;
}
