#include "node/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/json.h"

const char *const node_states[NODE_STATES] = {"current", "catching_up", "waiting"};
const char *const lane_names[LANES] = {
    [LANE_VOTES] = "votes", [LANE_DISPERSAL] = "dispersal", [LANE_RETRIEVAL] = "retrieval"};
const char *const stage_names[STAGES] = {[STAGE_DISPERSAL] = "dispersal",
                                         [STAGE_AGREEMENT] = "agreement",
                                         [STAGE_RETRIEVAL] = "retrieval",
                                         [STAGE_EXECUTION] = "execution"};

static void put_number(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void put_text(json_t *object, const char *key, const char *value)
{
    json_object_set_new(object, key, json_string(value));
}

static void put_hash(json_t *object, const char *key, const struct hash *hash)
{
    json_object_set_new(object, key, json_hash(hash));
}

/* The only way that jansson fails here is for want of memory. */
static char *finish(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (!text)
        abort();
    return text;
}

uint64_t report_lag_epochs(const struct report *r)
{
    const struct word *w = &r->view.word;
    return w->agreed > w->executed ? w->agreed - w->executed : 0;
}

static void put_progress(json_t *o, const struct report *r)
{
    put_number(o, "epoch_agreed", r->view.word.agreed);
    put_number(o, "epoch_executed", r->view.word.executed);
    put_number(o, "lag_epochs", report_lag_epochs(r));
    put_number(o, "height", r->height);
    put_number(o, "checkpoint_epoch", r->view.checkpoint);
    put_number(o, "checkpoint_signers", r->view.checkpoint_signers);
    put_number(o, "snapshot_epoch", r->snapshot_epoch);
    put_number(o, "snapshot_here", r->snapshot_here);
    put_number(o, "snapshot_pieces", r->snapshot_pieces);
}

static void put_rate(json_t *object, const char *key, bool known, double value)
{
    json_object_set_new(object, key, known ? json_real(round(value * 100) / 100) : json_null());
}

/* How fast it comes after the others, and until when; whom it misses. */
static void put_way(json_t *o, const struct report *r)
{
    const struct word *w = &r->view.word;
    const bool snapshot = r->snapshot_pieces > 0;
    const bool behind = r->state == STATE_CATCHING_UP && !snapshot;
    const bool soon = r->rates_known && r->rates.gains;
    put_number(o, "behind_epochs", r->known > w->executed ? r->known - w->executed : 0);
    put_rate(o, "executed_per_s", r->rates_known && !snapshot, r->rates.done_s);
    put_rate(o, "agreed_per_s", r->rates_known && !snapshot, r->rates.goal_s);
    put_rate(o, "current_in_s", behind && soon, r->rates.left_s);
    put_rate(o, "snapshot_in_s", snapshot && soon, r->rates.left_s);
    json_object_set_new(o, "snapshot_wanted",
                        r->lost ? json_integer((json_int_t)r->snapshot_wanted) : json_null());
    json_t *missing = json_array();
    for (unsigned i = nodeset_next(&r->missing, 0); i < r->quorum.n;
         i = nodeset_next(&r->missing, i + 1))
        json_array_append_new(missing, json_integer(i));
    json_object_set_new(o, "missing", missing);
}

/* Only those that there were. */
static json_t *by_kind_and_peer(const struct report *r)
{
    json_t *kinds = json_object();
    for (unsigned kind = FAULT_NONE + 1; kind < FAULT_COUNT; kind++) {
        json_t *peers = json_object();
        for (unsigned peer = 0; peer < r->quorum.n; peer++) {
            char name[12];
            snprintf(name, sizeof(name), "%u", peer);
            if (r->faults[kind][peer])
                put_number(peers, name, r->faults[kind][peer]);
        }
        if (json_object_size(peers) > 0)
            json_object_set(kinds, fault_name((enum fault)kind), peers);
        json_decref(peers);
    }
    return kinds;
}

char *report_status(const struct report *r)
{
    json_t *o = json_object();
    put_hash(o, "chain", &r->chain);
    put_text(o, "app", r->application);
    put_text(o, "mode", r->mode);
    put_number(o, "n", r->quorum.n);
    put_number(o, "f", r->quorum.f);
    put_number(o, "id", r->self);
    put_text(o, "state", node_states[r->state]);
    put_progress(o, r);
    put_hash(o, "log_root", &r->log_root);
    put_hash(o, "state_root", &r->state_root);
    put_number(o, "peers", r->connected);
    put_way(o, r);
    json_object_set_new(o, "faults", by_kind_and_peer(r));
    return finish(o);
}

static json_t *by_lane(const uint64_t bytes[LANES], uint64_t clients)
{
    json_t *o = json_object();
    for (unsigned i = 0; i < LANES; i++)
        put_number(o, lane_names[i], bytes[i]);
    put_number(o, "clients", clients);
    return o;
}

/* How many took more than the bound before and up to this one, in microseconds; "more" beyond the
 * last. Only where there were any. */
static json_t *by_bound(const struct times *t)
{
    json_t *counts = json_object();
    for (unsigned k = 0; k <= TIMES_BOUNDS; k++) {
        char bound[24] = "more";
        if (k < TIMES_BOUNDS)
            snprintf(bound, sizeof(bound), "%" PRIu64, times_bounds_us[k]);
        if (t->counts[k] > 0)
            put_number(counts, bound, t->counts[k]);
    }
    return counts;
}

char *report_stats(const struct report *r)
{
    json_t *o = json_object();
    json_object_set_new(o, "rx_bytes", by_lane(r->lanes.traffic.rx_bytes, r->clients.rx_bytes));
    json_object_set_new(o, "tx_bytes", by_lane(r->lanes.traffic.tx_bytes, r->clients.tx_bytes));
    json_t *delay = json_object();
    json_object_set_new(delay, "p50", json_real(r->lanes.vote_delay_ms[0]));
    json_object_set_new(delay, "p99", json_real(r->lanes.vote_delay_ms[1]));
    json_object_set_new(o, "vote_delay_ms", delay);
    put_number(o, "confirmed_bytes", r->confirmed_bytes);
    put_number(o, "confirmed_tx", r->confirmed_transactions);
    put_progress(o, r);
    put_number(o, "lag_bytes", r->lag_bytes);
    put_number(o, "coins_tossed", r->view.coins_tossed);
    put_number(o, "ba_rounds", r->view.rounds);
    put_number(o, "hedges", r->view.fetch_retries);
    json_t *wasted = json_object();
    put_number(wasted, lane_names[LANE_DISPERSAL], r->view.wasted_chunks);
    put_number(wasted, lane_names[LANE_RETRIEVAL], r->view.wasted_pieces);
    json_object_set_new(o, "wasted_bytes", wasted);
    json_object_set_new(o, "faults", by_kind_and_peer(r));
    json_object_set_new(o, "transaction_us", by_bound(&r->pool.stays));
    json_t *stages = json_object();
    for (unsigned k = 0; k < STAGES; k++)
        json_object_set_new(stages, stage_names[k], by_bound(&r->view.stages[k]));
    json_object_set_new(o, "stage_us", stages);
    put_text(o, "state", node_states[r->state]);
    put_number(o, "peers", r->connected);
    put_number(o, "mempool_bytes", r->pool.bytes);
    put_number(o, "in_hand_bytes", r->in_hand);
    put_number(o, "admission_bytes", r->admission_limit);
    put_number(o, "put_off", r->clients.overloaded);
    put_number(o, "commits", times_count(r->commits));
    json_object_set_new(o, "cpu_s", json_real(r->cpu_s));
    put_number(o, "rss_bytes", r->rss_bytes);
    return finish(o);
}
