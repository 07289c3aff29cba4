#include "testnet/sample.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { PATIENCE_US = 800000 };

static uint64_t us_of(double s) { return (uint64_t)(s * 1e6); }

int sampler_open(struct sampler *p, struct sites *sites, const char *path)
{
    *p = (struct sampler){.sites = sites, .series = fopen(path, "w")};
    if (!p->series)
        return -1;
    fields_head(p->series);
    for (unsigned i = 0; i < sites->scenario->nodes; i++)
        follower_init(&p->followers[i]);
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
    cores_look(&p->cores);
    look_at_processes(p);
    p->asked_s = at_s;
    round_begin(&p->round, us_of(at_s));
    for (unsigned i = 0; i < p->sites->scenario->nodes; i++)
        if (p->sites->site[i].node != 0)
            round_ask(&p->round, i, p->sites->site[i].connection);
}

static void note_interface(struct follower *f, const struct shape_counts *counts)
{
    follower_count(f, FIELD_INTERFACE_RX, (double)counts->received);
    follower_count(f, FIELD_INTERFACE_RX_PACKETS, (double)counts->received_packets);
}

static void take(struct sampler *p, unsigned node, const json_t *stats)
{
    struct sample *s = &p->last[node];
    struct follower *f = &p->followers[node];
    follower_take(f, stats);
    const json_t *delay = json_object_get(stats, "vote_delay_ms");
    s->vote_delay_ms[0] = json_number_value(json_object_get(delay, "p50"));
    s->vote_delay_ms[1] = json_number_value(json_object_get(delay, "p99"));
    s->rss_anon = rss_anon(p->sites->site[node].node);
    if (s->rss_anon > p->rss_anon_peak[node])
        p->rss_anon_peak[node] = s->rss_anon;
    struct shape_counts traffic;
    if (p->sites->network && network_traffic(p->sites->network, node, &traffic) == 0)
        note_interface(f, &traffic);
    memcpy(s->value, f->value, sizeof s->value);
}

/* What the links let through now; who did not answer; who is accused. */
static void complete(struct sampler *p, unsigned count, const uint64_t rate_out[],
                     const uint64_t rate_in[])
{
    for (unsigned i = 0; i < count; i++) {
        struct follower *f = &p->followers[i];
        p->last[i].answered = p->round.answered[i];
        f->value[FIELD_RATE_IN] = rate_in[i] ? (double)rate_in[i] : NAN;
        f->value[FIELD_RATE_OUT] = rate_out[i] ? (double)rate_out[i] : NAN;
        if (!p->last[i].answered)
            follower_missed(f);
    }
    followers_accusers(p->followers, count);
}

bool sampler_take(struct sampler *p, double at_s, const uint64_t rate_out[],
                  const uint64_t rate_in[])
{
    const unsigned count = (unsigned)p->sites->scenario->nodes;
    for (unsigned i = 0; i < count; i++) {
        json_t *stats;
        while ((stats = round_receive(&p->round, i, p->sites->site[i].connection))) {
            take(p, i, stats);
            json_decref(stats);
        }
    }
    if (!round_ends(&p->round, us_of(at_s), PATIENCE_US))
        return false;
    complete(p, count, rate_out, rate_in);
    for (unsigned i = 0; i < count; i++)
        if (p->last[i].answered)
            fields_row(p->series, p->asked_s, i, p->followers[i].value);
    fflush(p->series);
    return true;
}
