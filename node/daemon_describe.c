#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "node/daemon_state.h"
#include "node/metrics.h"

static epoch_id agreed_of(const struct word *w) { return w->agreed; }
static epoch_id executed_of(const struct word *w) { return w->executed; }

/* The latest epoch that f+1 of the others say of themselves. */
static epoch_id said_by_some(const struct daemon *d, epoch_id (*of)(const struct word *))
{
    epoch_id highest = 0;
    for (unsigned i = 0; i < d->quorum.n; i++) {
        const epoch_id epoch = of(&d->words[i]);
        unsigned count = 0;
        for (unsigned j = 0; j < d->quorum.n; j++)
            count += of(&d->words[j]) >= epoch;
        if (count >= quorum_some(d->quorum) && epoch > highest)
            highest = epoch;
    }
    return highest;
}

epoch_id daemon_credible(const struct daemon *d) { return said_by_some(d, agreed_of); }

epoch_id daemon_settled(const struct daemon *d)
{
    const epoch_id said = said_by_some(d, executed_of);
    return said > d->executed.epoch ? said : d->executed.epoch;
}

static epoch_id known_agreed(const struct daemon *d, const struct word *word)
{
    const epoch_id known = daemon_credible(d);
    return known > word->agreed ? known : word->agreed;
}

static enum node_state state_of(const struct daemon *d, const struct report *r)
{
    if (r->connected + 1 < quorum_all(d->quorum))
        return STATE_WAITING;
    const bool near = r->known <= r->view.word.executed + d->config.cluster.epoch_window;
    return near && d->mute != MUTE_LOST ? STATE_CURRENT : STATE_CATCHING_UP;
}

/* Of a snapshot that is gathered its pieces, else what is executed of what is known to be agreed. */
void daemon_note_progress(struct daemon *d)
{
    const struct catch_up *c = &d->snapshots.gathering;
    struct node_view view;
    if (d->now_ms < d->progress_ms + PROGRESS_STEP_MS)
        return;
    d->progress_ms = d->now_ms;
    if (d->progress_of_pieces != c->gathering)
        d->progress = (struct progress){0};
    d->progress_of_pieces = c->gathering;
    node_view(driver_node(d->driver), &view);
    if (c->gathering)
        progress_note(&d->progress, d->now_ms, c->here, snapshot_pieces(&c->head));
    else
        progress_note(&d->progress, d->now_ms, view.word.executed, known_agreed(d, &view.word));
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

/* What is agreed and not executed, an epoch counted as the mean of those executed since the
 * start. */
static uint64_t lag_bytes(const struct daemon *d, const struct word *word)
{
    uint64_t epochs = d->executed.epoch - d->executed_at_start.epoch;
    uint64_t bytes = d->executed.bytes - d->executed_at_start.bytes;
    uint64_t lag = word->agreed > word->executed ? word->agreed - word->executed : 0;
    return epochs ? bytes / epochs * lag : 0;
}

static void describe_peers(const struct daemon *d, struct report *r)
{
    for (unsigned i = 0; i < d->quorum.n; i++) {
        if (i == d->self)
            continue;
        r->peers[i] = (struct report_peer){
            .connected = d->peers.of[i].connected,
            .word = d->words[i],
            .traffic = transport_traffic(d->transport, (node_id)i),
        };
    }
}

static void describe_status(const struct daemon *d, struct report *r)
{
    *r = (struct report){
        .chain = d->config.cluster.chain,
        .application = d->application.name,
        .mode = mode_names[d->config.cluster.mode],
        .quorum = d->quorum,
        .self = d->self,
        .connected = peers_connected(&d->peers),
        .height = d->executed.height,
        .log_root = d->executed.log_root,
        .state_root = d->executed.state_root,
    };
    node_view(driver_node(d->driver), &r->view);
    r->known = known_agreed(d, &r->view.word);
    r->state = state_of(d, r);
    r->faults = d->faults;
    for (unsigned i = 0; i < d->quorum.n; i++)
        if (i != d->self && !d->peers.of[i].connected)
            nodeset_add(&r->missing, i);
    r->rates_known = progress_rates(&d->progress, &r->rates);
    r->lost = d->mute == MUTE_LOST;
    r->snapshot_wanted = driver_lost(d->driver) > LOST_NOT_KNOWN ? driver_lost(d->driver) : 0;
    daemon_describe_snapshots(d, r);
}

static void describe_stats(const struct daemon *d, struct report *r)
{
    const struct executor_state *start = &d->executed_at_start;
    const struct node *node = driver_node(d->driver);
    describe_status(d, r);
    describe_peers(d, r);
    node_retrieval(node, &r->retrieval);
    transport_counts(d->transport, &r->lanes);
    clients_counts(d->clients, &r->clients);
    mempool_view(d->mempool, &r->pool);
    r->commits = driver_commits(d->driver);
    r->confirmed_bytes = d->executed.confirmed_bytes - start->confirmed_bytes;
    r->confirmed_transactions =
        d->executed.outcomes[OUTCOME_EXECUTED] - start->outcomes[OUTCOME_EXECUTED];
    r->lag_bytes = lag_bytes(d, &r->view.word);
    r->refused_connections = zap_refused(d->zap);
    r->cpu_s = cpu_seconds();
    r->rss_bytes = resident_bytes();
    r->core_bytes = d->core_bytes;
    r->mempool_bytes_max = d->config.node.mempool_bytes;
    r->admission_limit = d->admission.limit;
    r->in_hand = d->admission.in_hand;
    r->store_bytes[0] = store_used(d->consensus);
    r->store_bytes[1] = store_used(d->ledger);
    r->store_bytes_max = daemon_store_limit(d);
}

char *daemon_describe(void *context, enum client_kind kind)
{
    struct report r;
    if (kind == CLIENT_STATUS) {
        describe_status(context, &r);
        return report_status(&r);
    }
    describe_stats(context, &r);
    return report_stats(&r);
}

/* /healthz: whether it is worth asking this node for anything. */
static void answer_health(const struct daemon *d, struct http_answer *answer)
{
    struct report r;
    describe_status(d, &r);
    const bool fit = r.state != STATE_WAITING && !d->draining && !daemon_store_filling(d);
    http_say(answer, fit ? 200 : 503,
             d->draining                ? "stopping\n"
             : r.state == STATE_WAITING ? "waiting for more nodes\n"
             : !fit                     ? "the disk or a store is nearly full\n"
             : r.state == STATE_CURRENT ? "current\n"
                                        : "catching up\n");
}

void daemon_answer_http(void *context, const struct http_request *request,
                        struct http_answer *answer)
{
    const struct daemon *d = context;
    if (api_has(request->path)) {
        api_handle(d->api, request, answer);
    } else if (request->post) {
        http_say(answer, 405, "This is read.\n");
        answer->allow = "GET, HEAD";
    } else if (strcmp(request->path, "/metrics") == 0) {
        struct report r;
        describe_stats(d, &r);
        *answer = (struct http_answer){.status = 200, .type = METRICS_TYPE};
        answer->text = metrics_text(&r, &answer->size);
    } else if (strcmp(request->path, "/healthz") == 0) {
        answer_health(d, answer);
    } else {
        http_say(answer, 404,
                 "There are /metrics, /healthz and /v1/ (/v1/openapi.json says what).\n");
    }
}
