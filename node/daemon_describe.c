#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "node/daemon_state.h"
#include "node/report.h"

/* The latest epoch of which f+1 nodes say that it is agreed: one of them is right. */
static epoch_id credible_agreed(const struct daemon *d)
{
    epoch_id highest = 0;
    for (unsigned i = 0; i < d->quorum.n; i++) {
        unsigned count = 0;
        for (unsigned j = 0; j < d->quorum.n; j++)
            count += d->words[j].agreed >= d->words[i].agreed;
        if (count >= quorum_some(d->quorum) && d->words[i].agreed > highest)
            highest = d->words[i].agreed;
    }
    return highest;
}

static enum node_state state_of(const struct daemon *d, const struct word *word, unsigned peers)
{
    if (peers + 1 < quorum_all(d->quorum))
        return STATE_WAITING;
    epoch_id known = credible_agreed(d);
    known = known > word->agreed ? known : word->agreed;
    return known > word->executed + d->config.cluster.epoch_window ? STATE_CATCHING_UP
                                                                   : STATE_CURRENT;
}

static uint64_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double cpu_seconds(void) /* To the millisecond. */
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    const long ms = (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + (double)ms / 1e3;
}

static void count_traffic(const struct daemon *d, struct report *r)
{
    struct transport_counts lanes;
    struct clients_counts clients;
    struct mempool_view pool;
    transport_counts(d->transport, &lanes);
    clients_counts(d->clients, &clients);
    mempool_view(d->mempool, &pool);
    for (unsigned i = 0; i < LANES; i++) {
        r->rx_bytes[i] = lanes.rx_bytes[i];
        r->tx_bytes[i] = lanes.tx_bytes[i];
    }
    memcpy(r->vote_delay_ms, lanes.vote_delay_ms, sizeof r->vote_delay_ms);
    r->rx_bytes_clients = clients.rx_bytes;
    r->tx_bytes_clients = clients.tx_bytes;
    r->mempool_bytes = pool.bytes;
}

/* What is agreed and not executed, an epoch counted as the mean of those executed since the
 * start. */
static uint64_t lag_bytes(const struct daemon *d, const struct word *word)
{
    uint64_t epochs = d->executed.epoch - d->executed_at_start.epoch;
    uint64_t bytes = d->executed.bytes - d->executed_at_start.bytes;
    uint64_t lag = word->agreed > word->executed ? word->agreed - word->executed : 0;
    return epochs ? bytes / epochs * lag : 0;
}

char *daemon_describe(void *context, enum client_kind kind)
{
    const struct daemon *d = context;
    struct node_view view;
    node_view(driver_node(d->driver), &view);
    const struct word word = node_word(driver_node(d->driver));
    struct report r = {
        .chain = d->config.cluster.chain,
        .application = d->application.name,
        .mode = mode_names[d->config.cluster.mode],
        .quorum = d->quorum,
        .self = d->self,
        .peers = peers_connected(&d->peers),
        .epoch_agreed = word.agreed,
        .epoch_executed = word.executed,
        .height = d->executed.height,
        .log_root = d->executed.log_root,
        .state_root = d->executed.state_root,
    };
    r.state = state_of(d, &word, r.peers);
    if (kind == CLIENT_STATUS)
        return report_status(&r);
    count_traffic(d, &r);
    r.confirmed_bytes = d->executed.confirmed_bytes - d->executed_at_start.confirmed_bytes;
    r.confirmed_transactions =
        d->executed.outcomes[OUTCOME_EXECUTED] - d->executed_at_start.outcomes[OUTCOME_EXECUTED];
    r.lag_bytes = lag_bytes(d, &word);
    r.coins_tossed = view.coins_tossed;
    r.rounds = view.rounds_max;
    r.hedges = view.fetch_retries;
    r.wasted_chunks = view.wasted_chunks;
    r.wasted_pieces = view.wasted_pieces;
    r.commits = driver_commits(d->driver);
    r.faults = d->faults;
    r.cpu_s = cpu_seconds();
    r.rss_bytes = resident_bytes();
    return report_stats(&r);
}
