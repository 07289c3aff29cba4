/* A dashboard for Grafana: a panel a question, of the metrics that node/metrics.c serves. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "testnet/dashboard/commands.h"

enum { PANEL_WIDTH = 12, PANEL_HEIGHT = 8 };

static const struct {
    const char *title, *unit, *expression, *legend;
} panels[] = {
    {"Confirmed by each node", "Bps", "rate(ledger_confirmed_bytes_total[$__rate_interval])",
     "{{instance}}"},
    {"Transactions executed by each node", "ops",
     "rate(ledger_confirmed_transactions_total[$__rate_interval])", "{{instance}}"},
    {"Epochs: the last agreed by any, executed by each", "none", "max(ledger_epoch_agreed)",
     "agreed"},
    {"Epochs agreed and not executed", "none", "ledger_lag_epochs", "{{instance}}"},
    {"Received by purpose", "Bps",
     "sum by (purpose) (rate(ledger_received_bytes_total[$__rate_interval]))", "{{purpose}}"},
    {"Sent by purpose", "Bps", "sum by (purpose) (rate(ledger_sent_bytes_total[$__rate_interval]))",
     "{{purpose}}"},
    {"Received for each byte confirmed", "none",
     "sum by (instance) (rate(ledger_received_bytes_total{purpose!=\"clients\"}[5m])) / on "
     "(instance) (rate(ledger_confirmed_bytes_total[5m]) > 0)",
     "{{instance}}"},
    {"Wasted", "Bps", "sum by (instance, purpose) (rate(ledger_wasted_bytes_total[5m]))",
     "{{instance}} {{purpose}}"},
    {"An epoch's time in its stages, 95 % below", "s",
     "histogram_quantile(0.95, sum by (stage, le) "
     "(rate(ledger_stage_seconds_bucket[$__rate_interval])))",
     "{{stage}}"},
    {"Transactions, from taking to executing: 95 % below", "s",
     "histogram_quantile(0.95, sum by (instance, le) "
     "(rate(ledger_transaction_seconds_bucket[$__rate_interval])))",
     "{{instance}}"},
    {"Commits to the disk, 99 % below", "s",
     "histogram_quantile(0.99, sum by (instance, le) "
     "(rate(ledger_commit_seconds_bucket[$__rate_interval])))",
     "{{instance}}"},
    {"Votes on their way, 99 % below", "s", "ledger_vote_delay_p99_seconds", "{{instance}}"},
    {"Rounds of an agreement", "none",
     "rate(ledger_agreement_rounds_total[5m]) / rate(ledger_agreements_total[5m])", "{{instance}}"},
    {"Coins tossed", "ops", "rate(ledger_coins_tossed_total[5m])", "{{instance}}"},
    {"Retrieval: asked for, of its window", "percentunit",
     "ledger_retrieval_asked_bytes / ledger_retrieval_window_bytes", "{{instance}}"},
    {"Retrieval: chunks asked of one peer more", "ops",
     "rate(ledger_retrieval_hedges_total[$__rate_interval])", "{{instance}}"},
    {"Faults that peers were caught at, in all", "none",
     "sum by (peer, kind) (ledger_faults_total)", "node {{peer}}: {{kind}}"},
    {"Peers connected to each node", "none", "sum by (instance) (ledger_peer_connected)",
     "{{instance}}"},
    {"Mempool, of its limit", "percentunit", "ledger_mempool_bytes / ledger_mempool_limit_bytes",
     "{{instance}}"},
    {"Memory", "bytes", "ledger_resident_memory_bytes", "{{instance}}"},
    {"Cores used", "none", "rate(ledger_cpu_seconds_total[$__rate_interval])", "{{instance}}"},
    {"Stores", "bytes", "ledger_store_bytes", "{{instance}} {{store}}"},
};

static json_t *target_of(const char *id, const char *expression, const char *legend)
{
    return json_pack("{s:s, s:s, s:s}", "refId", id, "expr", expression, "legendFormat", legend);
}

int export_grafana(const char *path)
{
    json_t *list = json_array();
    for (size_t k = 0; k < sizeof panels / sizeof *panels; k++) {
        json_t *targets = json_array();
        json_array_append_new(targets, target_of("A", panels[k].expression, panels[k].legend));
        if (k == 2) /* Both lines are the story. */
            json_array_append_new(targets, target_of("B", "ledger_epoch_executed", "{{instance}}"));
        json_array_append_new(
            list,
            json_pack("{s:i, s:s, s:s, s:{s:s, s:s}, s:{s:i, s:i, s:i, s:i}, s:{s:{s:s}, s:[]}, "
                      "s:o}",
                      "id", (int)k + 1, "type", "timeseries", "title", panels[k].title,
                      "datasource", "type", "prometheus", "uid", "${datasource}", "gridPos", "x",
                      (int)(k % 2) * PANEL_WIDTH, "y", (int)(k / 2) * PANEL_HEIGHT, "w",
                      PANEL_WIDTH, "h", PANEL_HEIGHT, "fieldConfig", "defaults", "unit",
                      panels[k].unit, "overrides", "targets", targets));
    }
    json_t *dashboard = json_pack(
        "{s:s, s:s, s:i, s:s, s:{s:s, s:s}, s:{s:[{s:s, s:s, s:s, s:s}]}, s:o}", "uid",
        "dispersedledger", "title", "DispersedLedger", "schemaVersion", 39, "refresh", "5s", "time",
        "from", "now-15m", "to", "now", "templating", "list", "name", "datasource", "label",
        "Prometheus", "type", "datasource", "query", "prometheus", "panels", list);
    char *text = json_dumps(dashboard, JSON_INDENT(1));
    if (!text)
        abort();
    const int status = export_text(path, text, strlen(text));
    free(text);
    json_decref(dashboard);
    return status;
}
