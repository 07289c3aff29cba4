#include <inttypes.h>
#include <unistd.h>

#include "node/accounts.h"
#include "node/cli/load.h"

struct percentile {
    const char *name;
    double quantile;
};
static const struct percentile percentiles[] = {
    {"p5", 0.05}, {"p50", 0.50}, {"p95", 0.95}, {"p99", 0.99}, {"max", 1.0}};
enum { PERCENTILES = sizeof percentiles / sizeof percentiles[0] };

/* Whether there is anything whose latency is known: what ended and did not begin in the warm-up. */
static bool any(const struct load *l) { return l->latency.count > 0; }

static double latency_ms(const struct load *l, double quantile)
{
    return (double)histogram_quantile(&l->latency, quantile) / 1000;
}

/* From the first one due to the last one seen executed. */
static double seconds(const struct load *l) { return (double)(l->last_us - l->start_us) / 1e6; }

static double a_second(const struct load *l, uint64_t count)
{
    return l->last_us > l->start_us ? (double)count / seconds(l) : 0;
}

/* Begun, and neither acknowledged nor refused. */
static uint64_t unacknowledged(const struct load *l)
{
    const uint64_t put_off = l->no_retry ? l->counts.overloaded : 0;
    return l->begun - l->counts.acknowledged - l->counts.refused.total - put_off;
}

void load_progress(const struct load *l, bool last)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (last) {
        fputs("\r\033[K", stderr);
        return;
    }
    fprintf(stderr,
            "\r%6.1f s  %" PRIu64 " sent  %" PRIu64 " acknowledged  %" PRIu64
            " executed  %.0f/s  p50 %.0f ms\033[K",
            (double)(clock_us() - l->start_us) / 1e6, l->begun, l->counts.acknowledged,
            l->counts.executed, a_second(l, l->counts.executed), latency_ms(l, 0.5));
    for (unsigned k = 0; k < l->node_count; k++)
        if (l->nodes[k].silent)
            fprintf(stderr, "  node %u is silent", l->nodes[k].id);
    fflush(stderr);
}

static void print_json(const struct load *l)
{
    const struct load_counts *c = &l->counts;
    json_t *latency = json_object();
    for (unsigned k = 0; k < PERCENTILES; k++)
        json_object_set_new(latency, percentiles[k].name,
                            any(l) ? json_real(latency_ms(l, percentiles[k].quantile))
                                   : json_null());
    json_t *o = json_object();
    json_object_set_new(o, "loop", json_string(l->rate > 0 ? "open" : "closed"));
    json_object_set_new(o, "clients", l->rate > 0 ? json_null() : json_count(l->clients));
    json_object_set_new(o, "rate", l->rate > 0 ? json_real(l->rate) : json_null());
    json_object_set_new(o, "seed", json_count(l->workload.seed));
    json_object_set_new(o, "sent", json_count(l->begun));
    json_object_set_new(o, "acknowledged", json_count(c->acknowledged));
    json_object_set_new(o, "executed", json_count(c->executed));
    json_object_set_new(o, "failed", json_count(c->failed));
    json_object_set_new(o, "dropped", tally_json(&c->dropped));
    json_object_set_new(o, "refused", tally_json(&c->refused));
    json_object_set_new(o, "unacknowledged", json_count(unacknowledged(l)));
    json_object_set_new(o, "unfinished", json_count(l->begun - l->settled));
    json_object_set_new(o, "resubmitted", json_count(c->resubmitted));
    json_object_set_new(o, "overloaded", json_count(c->overloaded));
    json_object_set_new(o, "seconds", json_real(seconds(l)));
    json_object_set_new(o, "tx_s", json_real(a_second(l, c->executed)));
    json_object_set_new(o, "bytes_s", json_real(a_second(l, c->bytes)));
    json_object_set_new(o, "latency_ms", latency);
    json_print(o);
}

void load_report(const struct load *l)
{
    const struct load_counts *c = &l->counts;
    if (l->target.json) {
        print_json(l);
        return;
    }
    printf("sent %" PRIu64 ", acknowledged %" PRIu64 ", executed %" PRIu64 ", failed %" PRIu64
           ", dropped %" PRIu64 ", refused %" PRIu64 "\n",
           l->begun, c->acknowledged, c->executed, c->failed, c->dropped.total, c->refused.total);
    tally_print(&c->dropped);
    tally_print(&c->refused);
    printf("not acknowledged %" PRIu64 ", not finished %" PRIu64 "; sent again %" PRIu64
           ", put off by a node %" PRIu64 "\n",
           unacknowledged(l), l->begun - l->settled, c->resubmitted, c->overloaded);
    if (c->overloaded > 0 && l->workload.application == APPLICATION_LEDGER)
        printf("put off: a node was full, or an account was %d transfers ahead of the ledger; more "
               "accounts go faster\n",
               SEQUENCE_WINDOW);
    printf("%.2f s, %.0f transactions/s, %.3f MB/s\n", seconds(l), a_second(l, c->executed),
           a_second(l, c->bytes) / 1e6);
    printf("latency in ms:");
    for (unsigned k = 0; k < PERCENTILES && any(l); k++)
        printf("  %s %.1f", percentiles[k].name, latency_ms(l, percentiles[k].quantile));
    if (!any(l))
        printf("  -");
    printf("\nseed %" PRIu64 "\n", l->workload.seed);
}
