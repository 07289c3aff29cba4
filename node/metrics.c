#include "node/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/daemon.h"

enum kind { COUNTER, GAUGE, HISTOGRAM };

static void head(FILE *out, const char *name, enum kind kind, const char *help)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kinds[kind]);
}

static void single(FILE *out, const char *name, enum kind kind, const char *help, uint64_t value)
{
    head(out, name, kind, help);
    fprintf(out, "%s %" PRIu64 "\n", name, value);
}

static void labelled(FILE *out, const char *name, const char *label, const char *label_value,
                     uint64_t value)
{
    fprintf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, label_value, value);
}

static void bucket(FILE *out, const char *name, const char *label, const char *label_value)
{
    fprintf(out, "%s_bucket{", name);
    if (label)
        fprintf(out, "%s=\"%s\",", label, label_value);
}

/* `label` may be NULL. */
static void histogram(FILE *out, const char *name, const char *label, const char *label_value,
                      const struct times *t)
{
    char labels[64] = "";
    uint64_t count = 0;
    if (label)
        snprintf(labels, sizeof labels, "{%s=\"%s\"}", label, label_value);
    for (unsigned k = 0; k < TIMES_BOUNDS; k++) {
        count += t->counts[k];
        bucket(out, name, label, label_value);
        fprintf(out, "le=\"%g\"} %" PRIu64 "\n", (double)times_bounds_us[k] / 1e6, count);
    }
    count += t->counts[TIMES_BOUNDS];
    bucket(out, name, label, label_value);
    fprintf(out, "le=\"+Inf\"} %" PRIu64 "\n", count);
    fprintf(out, "%s_sum%s %.6f\n%s_count%s %" PRIu64 "\n", name, labels, (double)t->sum_us / 1e6,
            name, labels, count);
}

static void about(FILE *out, const struct report *r)
{
    head(out, "ledger_info", GAUGE, "What this node is: always 1.");
    fprintf(out,
            "ledger_info{version=\"" DAEMON_VERSION "\",node=\"%u\",app=\"%s\",mode=\"%s\"} 1\n",
            (unsigned)r->self, r->application, r->mode);
    single(out, "ledger_nodes", GAUGE, "Nodes of the cluster.", r->quorum.n);
    single(out, "ledger_faulty_nodes_tolerated", GAUGE, "Nodes that may be faulty without harm: f.",
           r->quorum.f);
    head(out, "ledger_state", GAUGE, "1 for the state that this node is in.");
    for (unsigned k = 0; k < NODE_STATES; k++)
        labelled(out, "ledger_state", "state", node_states[k], r->state == k);
}

static void progress(FILE *out, const struct report *r)
{
    single(out, "ledger_epoch_agreed", GAUGE, "The last epoch that is agreed here.",
           r->view.word.agreed);
    single(out, "ledger_epoch_executed", GAUGE, "The last epoch that is executed here.",
           r->view.word.executed);
    single(out, "ledger_lag_epochs", GAUGE, "Epochs agreed and not executed.",
           report_lag_epochs(r));
    single(out, "ledger_lag_bytes", GAUGE,
           "Payload of epochs agreed and not executed, guessed from the mean of one.",
           r->lag_bytes);
    single(out, "ledger_checkpoint_epoch", GAUGE,
           "The epoch of the last checkpoint that f+1 nodes signed, as far as is known here.",
           r->view.checkpoint);
    single(out, "ledger_checkpoint_signers", GAUGE, "Nodes that signed it.",
           r->view.checkpoint_signers);
    single(out, "ledger_snapshot_epoch", GAUGE,
           "The epoch of the newest signed snapshot that this node holds; 0: none.",
           r->snapshot_epoch);
    single(out, "ledger_snapshot_pieces_here", GAUGE,
           "Pieces that are here of the snapshot that this node gathers.", r->snapshot_here);
    single(out, "ledger_snapshot_pieces", GAUGE, "Pieces that it has; 0: none is gathered.",
           r->snapshot_pieces);
    single(out, "ledger_height", GAUGE, "Blocks delivered since the cluster began.", r->height);
    single(out, "ledger_confirmed_bytes_total", COUNTER,
           "Payload of transactions executed and durable here.", r->confirmed_bytes);
    single(out, "ledger_confirmed_transactions_total", COUNTER,
           "Transactions executed and durable here.", r->confirmed_transactions);
    head(out, "ledger_stage_seconds", HISTOGRAM,
         "How long an epoch was in each stage: dispersal of our block, agreement, retrieval, "
         "execution.");
    for (unsigned k = 0; k < STAGES; k++)
        histogram(out, "ledger_stage_seconds", "stage", stage_names[k], &r->view.stages[k]);
}

static void by_purpose(FILE *out, const char *name, const uint64_t values[LANES])
{
    for (unsigned lane = 0; lane < LANES; lane++)
        labelled(out, name, "purpose", lane_names[lane], values[lane]);
}

static void by_peer(FILE *out, const struct report *r, const char *name, bool received)
{
    for (unsigned i = 0; i < r->quorum.n; i++) {
        const struct transport_traffic *t = &r->peers[i].traffic;
        for (unsigned lane = 0; i != r->self && lane < LANES; lane++)
            fprintf(out, "%s{purpose=\"%s\",peer=\"%u\"} %" PRIu64 "\n", name, lane_names[lane], i,
                    received ? t->rx_bytes[lane] : t->tx_bytes[lane]);
    }
}

static void traffic(FILE *out, const struct report *r)
{
    head(out, "ledger_received_bytes_total", COUNTER,
         "Of frames of peers, and of clients. Small chunks travel with votes.");
    by_peer(out, r, "ledger_received_bytes_total", true);
    labelled(out, "ledger_received_bytes_total", "purpose", "clients", r->clients.rx_bytes);
    head(out, "ledger_sent_bytes_total", COUNTER,
         "Of frames to peers, and to clients. Small chunks travel with votes.");
    by_peer(out, r, "ledger_sent_bytes_total", false);
    labelled(out, "ledger_sent_bytes_total", "purpose", "clients", r->clients.tx_bytes);
    head(out, "ledger_queued_bytes", GAUGE, "Of frames that wait for connections.");
    by_purpose(out, "ledger_queued_bytes", r->lanes.queued_bytes);
    head(out, "ledger_dropped_frames_total", COUNTER, "Not sent, for want of room in a queue.");
    by_purpose(out, "ledger_dropped_frames_total", r->lanes.dropped_frames);
    single(out, "ledger_refused_frames_total", COUNTER, "Received with a seal that is none.",
           r->lanes.refused_frames);
    single(out, "ledger_refused_connections_total", COUNTER, "Of keys that are no node's.",
           r->refused_connections);
    single(out, "ledger_cut_connections_total", COUNTER,
           "By which more came than one message may have, or that were too many.",
           r->lanes.cut_connections + r->clients.cut_connections);
    static const char *const delays[][2] = {
        {"ledger_vote_delay_p50_seconds",
         "Half of what TCP says a round trip took for votes, in the last minute or two: the "
         "median."},
        {"ledger_vote_delay_p99_seconds", "The same: what one in a hundred exceeds."}};
    for (unsigned k = 0; k < 2; k++) {
        head(out, delays[k][0], GAUGE, delays[k][1]);
        if (r->lanes.vote_delay_ms[k] > 0) /* Else it is not known. */
            fprintf(out, "%s %g\n", delays[k][0], r->lanes.vote_delay_ms[k] / 1e3);
    }
}

static void peers(FILE *out, const struct report *r)
{
    static const char *const names[] = {"ledger_peer_connected", "ledger_peer_epoch_agreed",
                                        "ledger_peer_epoch_executed"};
    static const char *const helps[] = {"Whether a peer is connected.",
                                        "The last epoch that a peer says is agreed there.",
                                        "The last epoch that a peer says is executed there."};
    for (unsigned k = 0; k < 3; k++) {
        head(out, names[k], GAUGE, helps[k]);
        for (unsigned i = 0; i < r->quorum.n; i++) {
            const struct report_peer *p = &r->peers[i];
            const uint64_t values[] = {p->connected, p->word.agreed, p->word.executed};
            if (i != r->self)
                fprintf(out, "%s{peer=\"%u\"} %" PRIu64 "\n", names[k], i, values[k]);
        }
    }
    head(out, "ledger_faults_total", COUNTER, "What peers were caught at.");
    for (unsigned kind = FAULT_NONE + 1; kind < FAULT_COUNT; kind++)
        for (unsigned i = 0; i < r->quorum.n; i++)
            if (r->faults[kind][i])
                fprintf(out, "ledger_faults_total{kind=\"%s\",peer=\"%u\"} %" PRIu64 "\n",
                        fault_name((enum fault)kind), i, r->faults[kind][i]);
}

static void agreement(FILE *out, const struct report *r)
{
    single(out, "ledger_agreements_total", COUNTER, "Binary agreements decided.",
           r->view.agreements);
    single(out, "ledger_agreement_rounds_total", COUNTER,
           "Rounds that were over when agreements were decided.", r->view.rounds);
    single(out, "ledger_coins_tossed_total", COUNTER, "Coins that were really tossed.",
           r->view.coins_tossed);
    single(out, "ledger_blocks_held_back_total", COUNTER,
           "Blocks of ours that might carry hardly any transactions: execution is too far behind.",
           r->view.held_back);
}

static void retrieval(FILE *out, const struct report *r)
{
    const struct node_retrieval *v = &r->retrieval;
    single(out, "ledger_retrieval_window_bytes", GAUGE, "So much is asked for at a time.",
           v->window_bytes);
    single(out, "ledger_retrieval_asked_bytes", GAUGE, "So much is asked for now.", v->asked_bytes);
    single(out, "ledger_retrieval_requests", GAUGE, "For a chunk each, unanswered.", v->requests);
    single(out, "ledger_retrieval_sources", GAUGE, "Peers that are asked.", v->sources);
    single(out, "ledger_retrieval_fetching_blocks", GAUGE, "Blocks being fetched.", v->fetching);
    single(out, "ledger_retrieval_waiting_blocks", GAUGE, "Blocks to be fetched.", v->waiting);
    single(out, "ledger_retrieval_blocks_total", COUNTER, "Blocks fetched.", r->view.fetched);
    single(out, "ledger_retrieval_hedges_total", COUNTER,
           "Chunks asked of one peer more because another is late.", r->view.fetch_retries);
    head(out, "ledger_wasted_bytes_total", COUNTER,
         "Of chunks received for nothing, in whatever frame.");
    labelled(out, "ledger_wasted_bytes_total", "purpose", lane_names[LANE_DISPERSAL],
             r->view.wasted_chunks);
    labelled(out, "ledger_wasted_bytes_total", "purpose", lane_names[LANE_RETRIEVAL],
             r->view.wasted_pieces);
}

static void clients(FILE *out, const struct report *r)
{
    single(out, "ledger_client_requests_total", COUNTER, "Requests of clients.",
           r->clients.requests);
    single(out, "ledger_client_overloaded_total", COUNTER,
           "Requests, or transactions, that were told to come again.", r->clients.overloaded);
    single(out, "ledger_client_malformed_total", COUNTER, "Requests that are none.",
           r->clients.malformed);
    single(out, "ledger_mempool_transactions", GAUGE, "Taken, and not executed yet.",
           r->pool.count);
    single(out, "ledger_mempool_bytes", GAUGE, "What they take, with their records.",
           r->pool.charged);
    single(out, "ledger_mempool_limit_bytes", GAUGE, "What they may take.", r->mempool_bytes_max);
    single(out, "ledger_in_hand_bytes", GAUGE,
           "Of clients' transactions: not executed by f+1 nodes yet.", r->in_hand);
    single(out, "ledger_admission_limit_bytes", GAUGE,
           "So many may be in hand, as it is now; more is put off.", r->admission_limit);
    head(out, "ledger_transaction_seconds", HISTOGRAM,
         "From taking a transaction of a client here until it is executed, or finally refused, "
         "here.");
    histogram(out, "ledger_transaction_seconds", NULL, NULL, &r->pool.stays);
}

static void machine(FILE *out, const struct report *r)
{
    static const char *const stores[REPORT_STORES] = {"consensus", "ledger"};
    head(out, "ledger_commit_seconds", HISTOGRAM, "Commits of what consensus remembers.");
    histogram(out, "ledger_commit_seconds", NULL, NULL, r->commits);
    head(out, "ledger_store_bytes", GAUGE, "In use.");
    for (unsigned k = 0; k < REPORT_STORES; k++)
        labelled(out, "ledger_store_bytes", "store", stores[k], r->store_bytes[k]);
    head(out, "ledger_store_limit_bytes", GAUGE, "What may be in use.");
    for (unsigned k = 0; k < REPORT_STORES; k++)
        labelled(out, "ledger_store_limit_bytes", "store", stores[k], r->store_bytes_max);
    single(out, "ledger_core_memory_bytes", GAUGE, "Of the protocol: set aside at the start.",
           r->core_bytes);
    single(out, "ledger_resident_memory_bytes", GAUGE, "Of the process.", r->rss_bytes);
    head(out, "ledger_cpu_seconds_total", COUNTER, "Of the process.");
    fprintf(out, "ledger_cpu_seconds_total %.3f\n", r->cpu_s);
}

char *metrics_text(const struct report *r, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (!out)
        abort();
    about(out, r);
    progress(out, r);
    agreement(out, r);
    retrieval(out, r);
    traffic(out, r);
    peers(out, r);
    clients(out, r);
    machine(out, r);
    if (fclose(out) != 0)
        abort(); /* No memory. */
    return text;
}
