#include "testnet/sample.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static const double patience_s = 0.8;

static const char *const keys[COUNTERS][2] = {
    [COUNTER_CONFIRMED_BYTES] = {"confirmed_bytes"},
    [COUNTER_CONFIRMED_TX] = {"confirmed_tx"},
    [COUNTER_RX_VOTES] = {"rx_bytes", "votes"},
    [COUNTER_RX_DISPERSAL] = {"rx_bytes", "dispersal"},
    [COUNTER_RX_RETRIEVAL] = {"rx_bytes", "retrieval"},
    [COUNTER_RX_CLIENTS] = {"rx_bytes", "clients"},
    [COUNTER_TX_VOTES] = {"tx_bytes", "votes"},
    [COUNTER_TX_DISPERSAL] = {"tx_bytes", "dispersal"},
    [COUNTER_TX_RETRIEVAL] = {"tx_bytes", "retrieval"},
    [COUNTER_TX_CLIENTS] = {"tx_bytes", "clients"},
    [COUNTER_HEDGES] = {"hedges"},
    [COUNTER_WASTED_DISPERSAL] = {"wasted_bytes", "dispersal"},
    [COUNTER_WASTED_RETRIEVAL] = {"wasted_bytes", "retrieval"},
    [COUNTER_CPU_MS] = {"cpu_s"},
};

int sampler_open(struct sampler *p, struct sites *sites, const char *path)
{
    *p = (struct sampler){.sites = sites, .series = fopen(path, "w")};
    if (!p->series)
        return -1;
    fputs("t_s,node,epoch_agreed,epoch_executed,confirmed_bytes,confirmed_tx,rx_votes,"
          "rx_dispersal,rx_retrieval,tx_votes,tx_dispersal,tx_retrieval,rate_in,rate_out,"
          "lag_bytes,cpu_s,rss_bytes\n",
          p->series);
    return 0;
}

void sampler_close(struct sampler *p)
{
    if (p->series)
        fclose(p->series);
    p->series = NULL;
}

static uint64_t rss_anon(pid_t pid)
{
    char path[64];
    char line[256];
    uint64_t kilobytes = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "RssAnon: %" SCNu64, &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return kilobytes * 1024;
}

/* What ended has used no less than it had when it was last seen. */
static void look_at_processes(struct sampler *p)
{
    const struct sites *s = p->sites;
    if (s->network)
        p->relay_s = cores_used_s(s->network->relay);
    for (unsigned i = 0; i < s->scenario->nodes; i++) {
        const double used_s = cores_used_s(s->site[i].load);
        if (used_s > p->load_s[i])
            p->load_s[i] = used_s;
    }
}

double sampler_loads_s(const struct sampler *p)
{
    double sum = 0;
    for (unsigned i = 0; i < p->sites->scenario->nodes; i++)
        sum += p->load_s[i];
    return sum;
}

void sampler_ask(struct sampler *p, double at_s)
{
    struct client_request request = {.kind = CLIENT_STATS};
    cores_look(&p->cores);
    look_at_processes(p);
    p->waiting = true;
    p->asked_s = at_s;
    for (unsigned i = 0; i < p->sites->scenario->nodes; i++) {
        const struct site *site = &p->sites->site[i];
        p->asked[i] = site->node != 0 && connection_send(site->connection, &request);
        p->last[i].answered = false;
    }
}

static uint64_t number(const json_t *stats, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(stats, key));
}

static uint64_t counter(const json_t *stats, enum counter c)
{
    const json_t *value = json_object_get(stats, keys[c][0]);
    if (keys[c][1])
        value = json_object_get(value, keys[c][1]);
    return c == COUNTER_CPU_MS ? (uint64_t)(json_number_value(value) * 1000)
                               : (uint64_t)json_integer_value(value);
}

static void add(struct sampler *p, unsigned node, enum counter c, uint64_t raw)
{
    uint64_t *before = &p->raw[node][c];
    p->last[node].total[c] += raw >= *before ? raw - *before : raw;
    *before = raw;
}

static void take(struct sampler *p, unsigned node, const json_t *stats)
{
    struct sample *s = &p->last[node];
    for (enum counter c = 0; c < COUNTER_INTERFACE_RX; c++)
        add(p, node, c, counter(stats, c));
    s->answered = true;
    s->at_s = p->asked_s;
    s->epoch_agreed = number(stats, "epoch_agreed");
    s->epoch_executed = number(stats, "epoch_executed");
    s->height = number(stats, "height");
    s->lag_bytes = number(stats, "lag_bytes");
    s->rss_bytes = number(stats, "rss_bytes");
    const json_t *delay = json_object_get(stats, "vote_delay_ms");
    s->vote_delay_ms[0] = json_number_value(json_object_get(delay, "p50"));
    s->vote_delay_ms[1] = json_number_value(json_object_get(delay, "p99"));
    s->rss_anon = rss_anon(p->sites->site[node].node);
    if (s->rss_anon > p->rss_anon_peak[node])
        p->rss_anon_peak[node] = s->rss_anon;
    struct network_traffic traffic;
    if (p->sites->network && network_traffic(p->sites->network, node, &traffic) == 0)
        add(p, node, COUNTER_INTERFACE_RX, traffic.received);
}

static void write_line(struct sampler *p, unsigned node, uint64_t rate_out, uint64_t rate_in)
{
    const struct sample *s = &p->last[node];
    const uint64_t *t = s->total;
    fprintf(p->series,
            "%.3f,%u,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
            ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
            ",%.3f,%" PRIu64 "\n",
            s->at_s, node, s->epoch_agreed, s->epoch_executed, t[COUNTER_CONFIRMED_BYTES],
            t[COUNTER_CONFIRMED_TX], t[COUNTER_RX_VOTES], t[COUNTER_RX_DISPERSAL],
            t[COUNTER_RX_RETRIEVAL], t[COUNTER_TX_VOTES], t[COUNTER_TX_DISPERSAL],
            t[COUNTER_TX_RETRIEVAL], rate_in, rate_out, s->lag_bytes,
            (double)t[COUNTER_CPU_MS] / 1000, s->rss_bytes);
}

bool sampler_take(struct sampler *p, double at_s, const uint64_t rate_out[],
                  const uint64_t rate_in[])
{
    const unsigned count = (unsigned)p->sites->scenario->nodes;
    bool all = true;
    for (unsigned i = 0; i < count; i++) {
        struct client_answer answer;
        while (connection_receive(p->sites->site[i].connection, &answer)) {
            json_t *stats =
                answer.kind == CLIENT_STATS && answer.result.status == CLIENT_OK
                    ? json_loadb((const char *)answer.json.data, answer.json.size, 0, NULL)
                    : NULL;
            if (stats && p->waiting)
                take(p, i, stats);
            json_decref(stats);
        }
        all = all && (p->last[i].answered || !p->asked[i]);
    }
    if (!p->waiting || (!all && at_s - p->asked_s < patience_s))
        return false;
    p->waiting = false;
    for (unsigned i = 0; i < count; i++)
        if (p->last[i].answered)
            write_line(p, i, rate_out[i], rate_in[i]);
    fflush(p->series);
    return true;
}
