#include "testnet/fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "node/report.h"

/* Where STATS has a field: one or two keys; none: it comes from elsewhere. */
static const struct {
    const char *name;
    const char *key[2];
    bool counter;
} fields[FIELDS] = {
    [FIELD_EPOCH_AGREED] = {"epoch_agreed", {"epoch_agreed"}, false},
    [FIELD_EPOCH_EXECUTED] = {"epoch_executed", {"epoch_executed"}, false},
    [FIELD_CONFIRMED_BYTES] = {"confirmed_bytes", {"confirmed_bytes"}, true},
    [FIELD_CONFIRMED_TX] = {"confirmed_tx", {"confirmed_tx"}, true},
    [FIELD_RX_VOTES] = {"rx_votes", {"rx_bytes", "votes"}, true},
    [FIELD_RX_DISPERSAL] = {"rx_dispersal", {"rx_bytes", "dispersal"}, true},
    [FIELD_RX_RETRIEVAL] = {"rx_retrieval", {"rx_bytes", "retrieval"}, true},
    [FIELD_TX_VOTES] = {"tx_votes", {"tx_bytes", "votes"}, true},
    [FIELD_TX_DISPERSAL] = {"tx_dispersal", {"tx_bytes", "dispersal"}, true},
    [FIELD_TX_RETRIEVAL] = {"tx_retrieval", {"tx_bytes", "retrieval"}, true},
    [FIELD_RATE_IN] = {"rate_in", {NULL}, false},
    [FIELD_RATE_OUT] = {"rate_out", {NULL}, false},
    [FIELD_LAG_BYTES] = {"lag_bytes", {"lag_bytes"}, false},
    [FIELD_CPU_S] = {"cpu_s", {"cpu_s"}, true},
    [FIELD_RSS_BYTES] = {"rss_bytes", {"rss_bytes"}, false},
    [FIELD_RX_CLIENTS] = {"rx_clients", {"rx_bytes", "clients"}, true},
    [FIELD_TX_CLIENTS] = {"tx_clients", {"tx_bytes", "clients"}, true},
    [FIELD_HEIGHT] = {"height", {"height"}, false},
    [FIELD_PEERS] = {"peers", {"peers"}, false},
    [FIELD_STATE] = {"state", {NULL}, false},
    [FIELD_ACCUSERS] = {"accusers", {NULL}, false},
    [FIELD_LATENCY_P50_MS] = {"latency_p50_ms", {NULL}, false},
    [FIELD_LATENCY_P95_MS] = {"latency_p95_ms", {NULL}, false},
    [FIELD_HEDGES] = {"hedges", {"hedges"}, true},
    [FIELD_WASTED_DISPERSAL] = {"wasted_dispersal", {"wasted_bytes", "dispersal"}, true},
    [FIELD_WASTED_RETRIEVAL] = {"wasted_retrieval", {"wasted_bytes", "retrieval"}, true},
    [FIELD_INTERFACE_RX] = {"interface_rx", {NULL}, false},
    [FIELD_INTERFACE_RX_PACKETS] = {"interface_rx_packets", {NULL}, false},
};

static const double number_max = 9007199254740992; /* 2^53: beyond, a double is not exact. */

const char *field_name(enum field f) { return fields[f].name; }

int field_find(const char *name)
{
    for (int f = 0; f < FIELDS; f++)
        if (strcmp(fields[f].name, name) == 0)
            return f;
    return -1;
}

void field_print(FILE *out, const char *before, double value)
{
    fputs(before, out);
    if (!isnan(value))
        fprintf(out, value == floor(value) ? "%.0f" : "%.3f", value);
}

void fields_head(FILE *out)
{
    fputs("t_s,node", out);
    for (enum field k = 0; k < FIELDS; k++)
        fprintf(out, ",%s", field_name(k));
    fputc('\n', out);
}

void fields_row(FILE *out, double t_s, unsigned node, const double values[FIELDS])
{
    fprintf(out, "%.3f,%u", t_s, node);
    for (enum field k = 0; k < FIELDS; k++)
        field_print(out, ",", values[k]);
    fputc('\n', out);
}

void follower_init(struct follower *f)
{
    memset(f, 0, sizeof *f);
    for (unsigned k = 0; k < FIELDS; k++)
        f->value[k] = NAN;
}

void follower_count(struct follower *f, enum field field, double raw)
{
    const double before = f->raw[field];
    f->total[field] += raw >= before ? raw - before : raw;
    f->raw[field] = raw;
    f->value[field] = f->total[field];
}

void follower_missed(struct follower *f)
{
    for (unsigned k = 0; k < FIELDS; k++)
        if (k != FIELD_RATE_IN && k != FIELD_RATE_OUT && k != FIELD_ACCUSERS)
            f->value[k] = NAN;
}

/* By the counts of a histogram: where in its step is not known, so in proportion. */
static double quantile_ms(const struct times *t, double share)
{
    const double rank = share * (double)times_count(t);
    double below = 0;
    for (unsigned k = 0; k < TIMES_BOUNDS; k++) {
        const double here = (double)t->counts[k];
        if (here > 0 && below + here >= rank) {
            const double from = k > 0 ? (double)times_bounds_us[k - 1] : 0;
            return (from + ((double)times_bounds_us[k] - from) * (rank - below) / here) / 1000;
        }
        below += here;
    }
    return below + (double)t->counts[TIMES_BOUNDS] > 0
               ? (double)times_bounds_us[TIMES_BOUNDS - 1] / 1000
               : NAN;
}

static void take_latencies(struct follower *f, const json_t *said)
{
    struct times since = {0};
    bool restarted = false;
    struct times now = {0};
    for (unsigned k = 0; k <= TIMES_BOUNDS; k++) {
        char bound[24] = "more";
        if (k < TIMES_BOUNDS)
            snprintf(bound, sizeof bound, "%" PRIu64, times_bounds_us[k]);
        now.counts[k] = (uint64_t)json_integer_value(json_object_get(said, bound));
        restarted = restarted || now.counts[k] < f->transactions.counts[k];
    }
    for (unsigned k = 0; k <= TIMES_BOUNDS; k++)
        since.counts[k] = now.counts[k] - (restarted ? 0 : f->transactions.counts[k]);
    f->transactions = now;
    f->value[FIELD_LATENCY_P50_MS] = quantile_ms(&since, 0.5);
    f->value[FIELD_LATENCY_P95_MS] = quantile_ms(&since, 0.95);
}

/* Another version or chain is no lie. */
static bool is_lie(const char *kind)
{
    return strcmp(kind, fault_name(FAULT_MALFORMED)) != 0 &&
           strcmp(kind, fault_name(FAULT_OTHER_CHAIN)) != 0;
}

static void take_faults(struct follower *f, const json_t *faults)
{
    const char *kind, *peer;
    json_t *peers, *count;
    json_object_foreach((json_t *)faults, kind, peers)
    {
        json_object_foreach(peers, peer, count)
        {
            const unsigned long accused = strtoul(peer, NULL, 10);
            if (is_lie(kind) && accused < NODES_MAX && json_integer_value(count) > 0)
                f->accuses[accused] = true;
        }
    }
}

void follower_take(struct follower *f, const json_t *stats)
{
    for (enum field k = 0; k < FIELDS; k++) {
        const json_t *value = stats;
        for (unsigned depth = 0; depth < 2 && fields[k].key[depth]; depth++)
            value = json_object_get(value, fields[k].key[depth]);
        if (!fields[k].key[0])
            continue;
        const double number = json_is_number(value) ? json_number_value(value) : NAN;
        if (!(number >= 0 && number <= number_max)) /* A node may say anything. */
            f->value[k] = NAN;
        else if (fields[k].counter)
            follower_count(f, k, number);
        else
            f->value[k] = number;
    }
    const char *state = json_string_value(json_object_get(stats, "state"));
    f->value[FIELD_STATE] = NAN;
    for (unsigned k = 0; state && k < NODE_STATES; k++)
        if (strcmp(state, node_states[k]) == 0)
            f->value[FIELD_STATE] = k;
    take_latencies(f, json_object_get(stats, "transaction_us"));
    take_faults(f, json_object_get(stats, "faults"));
}

void followers_accusers(struct follower followers[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned accusers = 0;
        for (unsigned j = 0; j < count; j++)
            accusers += j != i && followers[j].accuses[i];
        followers[i].value[FIELD_ACCUSERS] = accusers;
    }
}
