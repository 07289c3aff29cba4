#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/daemon_state.h"
#include "node/executor_snapshot.h"
#include "node/stores.h"

enum {
    LOOK_MS = 200,
    OFFER_MS = 3000,
    SERVE_QUEUED_MAX = 1 << 20, /* Bytes that wait for a peer: more are not put behind them. */
};

static int fail(const struct daemon *d, int error, char *message, size_t message_size)
{
    const bool damaged = error == STORE_CORRUPT || error == STORE_MISSING;
    snprintf(message, message_size, "%s/snapshots: %s", d->config.node.data,
             damaged ? "a record is damaged; move that directory away and start again"
                     : store_message(d->snapshots.making.store));
    return -1;
}

static int open_store(struct daemon *d, char *message, size_t message_size)
{
    char path[sizeof(d->config.node.data) + 16];
    snprintf(path, sizeof(path), "%s/snapshots", d->config.node.data);
    const struct store_options options = {.path = path,
                                          .size_max = DAEMON_MAP_BYTES,
                                          .tables = snapshot_tables,
                                          .table_count = SNAPSHOT_TABLES};
    struct execution_snapshots *s = &d->snapshots.making;
    pthread_mutex_init(&s->mutex, NULL);
    s->quorum = d->quorum;
    s->link_horizon = mode_horizon(d->config.cluster.mode, d->config.cluster.link_horizon);
    s->every = d->config.cluster.checkpoint_epochs;
    return store_open(&options, &s->store, message, message_size) == 0 ? 0 : -1;
}

struct installing {
    struct store_view *view;
    epoch_id epoch;
};

static int installed_piece(void *context, uint32_t index, struct slice *piece)
{
    const struct installing *i = context;
    return snapshots_piece(i->view, i->epoch, index, piece);
}

static epoch_id ledger_epoch(const struct daemon *d)
{
    struct store_view *view;
    struct executor_state state = {.epoch = 0};
    if (store_view_open(d->ledger, &view) != 0)
        return 0;
    if (executor_state(view, &state) != 0)
        state.epoch = 0; /* There is no ledger yet. */
    store_view_close(view);
    return state.epoch;
}

static int install(struct daemon *d, struct store_view *view, const struct snapshot_head *head)
{
    struct installing installing = {view, head->checkpoint.epoch};
    const struct executor_snapshot snapshot = {.chain = d->config.cluster.chain,
                                               .quorum = d->quorum,
                                               .application =
                                                   application_names[d->config.cluster.application],
                                               .head = head,
                                               .piece = installed_piece,
                                               .context = &installing};
    const int error = executor_install(d->ledger, &snapshot);
    if (error == 0)
        log_line(LOG_LEVEL_INFO, "snapshot",
                 "the ledger goes on from a snapshot epoch=%" PRIu64 " height=%" PRIu64
                 " accounts=%" PRIu64,
                 head->checkpoint.epoch, head->checkpoint.height, head->accounts);
    return error;
}

/* The newest ones; and whether the ledger is behind what f+1 have signed. */
static int look_up(struct daemon *d, bool *install_it)
{
    struct store_view *view;
    int error = store_view_open(d->snapshots.making.store, &view);
    if (error)
        return error;
    error = snapshots_last(view, d->quorum, SNAPSHOT_SIGNED, &d->snapshots.last);
    d->snapshots.known = error == 0;
    if (error == 0 || error == STORE_MISSING)
        error = snapshots_last(view, d->quorum, SNAPSHOT_UNSIGNED, &d->snapshots.unsigned_one);
    d->snapshots.made = error == 0;
    if (error == STORE_MISSING)
        error = 0;
    if (error == 0 && install_it && d->snapshots.known &&
        d->snapshots.last.checkpoint.epoch > ledger_epoch(d))
        error = install(d, view, &d->snapshots.last);
    store_view_close(view);
    return error;
}

static void ask(void *context, node_id peer, epoch_id epoch, uint32_t index)
{
    struct daemon *d = context;
    const struct message m = {
        .kind = MESSAGE_WANT_SNAPSHOT, .epoch = epoch, .snapshot = {.index = index}};
    driver_say(d->driver, peer, DRIVER_RETRIEVAL, &m);
}

static void lied(void *context, node_id peer)
{
    struct daemon *d = context;
    const struct driver_ports ports = daemon_ports(d, false);
    ports.fault(d, peer, FAULT_BAD_SNAPSHOT);
}

int daemon_open_snapshots(struct daemon *d, char *message, size_t message_size)
{
    bool install_it = true;
    char why[200];
    if (open_store(d, message, message_size) != 0)
        return -1;
    if (stores_check_snapshots(d->consensus, d->snapshots.making.store, why, sizeof why) != 0) {
        snprintf(message, message_size, "%s: %s", d->config.node.data, why);
        return -1;
    }
    const struct snapshot_rules rules = {d->quorum, d->config.cluster.chain,
                                         d->snapshots.making.link_horizon, d->identities,
                                         d->config.cluster.application == APPLICATION_EXTERNAL};
    const struct catch_up_ports ports = {d, ask, lied};
    struct store *store = d->snapshots.making.store;
    int error = snapshots_clean(store);
    if (error == 0)
        error = look_up(d, &install_it);
    if (error == 0)
        error = catch_up_open(&d->snapshots.gathering, &rules, store, &ports);
    daemon_open_asked(d);
    return error == 0 ? 0 : fail(d, error, message, message_size);
}

void daemon_close_snapshots(struct daemon *d)
{
    if (!d->snapshots.making.store)
        return;
    store_close(d->snapshots.making.store);
    pthread_mutex_destroy(&d->snapshots.making.mutex);
}

const struct checkpoint_record *daemon_installed(struct daemon *d)
{
    struct store_view *view;
    if (store_view_open(d->ledger, &view) != 0)
        return NULL;
    struct snapshot_head *head = &d->snapshots.installed;
    const int error = executor_installed(view, d->quorum, head);
    store_view_close(view);
    d->snapshots.installed_record =
        (struct checkpoint_record){head->checkpoint, head->signers, head->signatures};
    return error == 0 ? &d->snapshots.installed_record : NULL;
}

/* A snapshot of this epoch or before is of no use. None is to who has not found out yet whether it
 * is new, or has lost what it said: with a snapshot it would look as if it knew. */
static epoch_id behind(const struct daemon *d)
{
    const epoch_id lost = driver_lost(d->driver);
    return lost == LOST_NOT_KNOWN || d->mute == MUTE_NEW ? UINT64_MAX
           : lost > d->executed.epoch                    ? lost - 1
                                                         : d->executed.epoch;
}

static void hear_offer(struct daemon *d, node_id from, struct slice head)
{
    struct catch_up *c = &d->snapshots.gathering;
    const epoch_id before = c->last[from].epoch;
    catch_up_offer(c, from, behind(d), head, d->now_ms);
    if (c->last[from].epoch != before)
        log_limited(LOG_LEVEL_INFO, "snapshot", from, "peer %u offers a snapshot epoch=%" PRIu64,
                    (unsigned)from, c->last[from].epoch);
}

void daemon_hear_snapshot(struct daemon *d, node_id from, const struct message *m)
{
    if (m->kind == MESSAGE_WANT_SNAPSHOT && m->snapshot.index == SNAPSHOT_ANY) {
        daemon_hear_want(d, from, m->epoch);
        return;
    }
    if (m->kind == MESSAGE_WANT_SNAPSHOT) {
        const unsigned k = d->snapshots.wanted[from].count;
        if (k == DAEMON_WANTED)
            return; /* It is asked for again. */
        d->snapshots.wanted[from].count++;
        d->snapshots.wanted[from].items[k].epoch = m->epoch;
        d->snapshots.wanted[from].items[k].index = m->snapshot.index;
        return;
    }
    if (pthread_mutex_trylock(&d->snapshots.making.mutex) != 0)
        return;
    if (m->kind == MESSAGE_OFFER)
        hear_offer(d, from, m->offer.head);
    else if (catch_up_piece(&d->snapshots.gathering, from, m, d->now_ms) != 0)
        log_limited(LOG_LEVEL_ERROR, "snapshot", 0, "a piece cannot be stored: %s",
                    store_message(d->snapshots.making.store));
    pthread_mutex_unlock(&d->snapshots.making.mutex);
}

static void serve(struct daemon *d, struct store_view *view, node_id peer, epoch_id epoch,
                  uint32_t index)
{
    struct snapshot_head head;
    struct hash path[MERKLE_LOG_DEPTH_MAX];
    unsigned length = 0;
    struct message m = {.kind = MESSAGE_SNAPSHOT, .epoch = epoch, .snapshot = {.index = index}};
    if (transport_queued(d->transport, peer, LANE_RETRIEVAL) > SERVE_QUEUED_MAX ||
        snapshots_head(view, d->quorum, epoch, &head) != 0 || index >= snapshot_pieces(&head) ||
        snapshots_piece(view, epoch, index, &m.snapshot.data) != 0)
        return;
    if (index >= snapshot_run_pieces(&head) &&
        snapshots_path(view, &head, index, path, &length) != 0)
        return; /* It is not complete here. */
    m.snapshot.path = slice_of(path, length * sizeof path[0]);
    driver_say(d->driver, peer, DRIVER_RETRIEVAL, &m);
}

static void serve_all(struct daemon *d)
{
    struct store_view *view = NULL;
    for (unsigned p = 0; p < d->quorum.n; p++) {
        const unsigned count = d->snapshots.wanted[p].count;
        d->snapshots.wanted[p].count = 0;
        if (count > 0 && !view && store_view_open(d->snapshots.making.store, &view) != 0)
            return;
        for (unsigned k = 0; k < count; k++)
            serve(d, view, (node_id)p, d->snapshots.wanted[p].items[k].epoch,
                  d->snapshots.wanted[p].items[k].index);
    }
    store_view_close(view);
}

/* Those who have signed what this node's own is of, once they are f+1. */
static int sign(struct daemon *d)
{
    struct snapshot_head *head = &d->snapshots.unsigned_one;
    struct checkpoint_record r;
    struct store_view *view;
    int error = store_view_open(d->consensus, &view);
    if (error)
        return error;
    error = driver_checkpoint(view, d->quorum, head->checkpoint.epoch, &r, head->signatures);
    store_view_close(view);
    if (error)
        return error == STORE_MISSING ? 0 : error;
    const struct hash ours = checkpoint_digest(&d->config.cluster.chain, &head->checkpoint);
    const struct hash theirs = checkpoint_digest(&d->config.cluster.chain, &r.checkpoint);
    if (!hash_equal(&ours, &theirs) || nodeset_count(&r.signers) < quorum_some(d->quorum))
        return 0;
    head->signers = r.signers;
    error = snapshots_sign(d->snapshots.making.store, d->quorum, head);
    if (error == 0)
        log_line(LOG_LEVEL_INFO, "snapshot",
                 "a snapshot stands for all through epoch=%" PRIu64 " accounts=%" PRIu64
                 " pieces=%" PRIu32,
                 head->checkpoint.epoch, head->accounts, snapshot_pieces(head));
    return error ? error : look_up(d, NULL);
}

void daemon_describe_snapshots(const struct daemon *d, struct report *r)
{
    const struct catch_up *c = &d->snapshots.gathering;
    if (d->snapshots.known)
        r->snapshot_epoch = d->snapshots.last.checkpoint.epoch;
    if (!c->gathering)
        return;
    r->snapshot_here = c->here;
    r->snapshot_pieces = snapshot_pieces(&c->head);
}

/* To whom lacks what is gone here, and who asks. */
static void offer(struct daemon *d)
{
    uint8_t bytes[SNAPSHOT_HEAD_SIZE_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    if (!d->snapshots.known || d->now_ms < d->snapshots.offered_ms + OFFER_MS)
        return;
    d->snapshots.offered_ms = d->now_ms;
    snapshot_head_encode(&w, &d->snapshots.last);
    const struct message m = {.kind = MESSAGE_OFFER,
                              .epoch = d->snapshots.last.checkpoint.epoch,
                              .offer = {writer_result(&w)}};
    for (unsigned p = 0; p < d->quorum.n; p++) {
        if (p == d->self || d->words[p].first_unsealed == 0 ||
            !transport_reaches(d->transport, (node_id)p)) {
            d->snapshots.others[p].since_ms = 0;
            continue;
        }
        if (retention_offers(&d->snapshots.others[p], d->words[p].executed, driver_held(d->driver),
                             d->snapshots.installed.checkpoint.epoch, d->now_ms) ||
            nodeset_has(&d->snapshots.askers, p))
            driver_say(d->driver, (node_id)p, DRIVER_RETRIEVAL, &m);
    }
    d->snapshots.askers = (struct nodeset){0}; /* They ask again. */
}

static int look(struct daemon *d)
{
    struct catch_up *c = &d->snapshots.gathering;
    int error = 0;
    const bool was = c->gathering;
    if (d->executed.epoch != d->snapshots.executed || d->snapshots.moved_ms == 0) {
        d->snapshots.executed = d->executed.epoch;
        d->snapshots.moved_ms = d->now_ms;
    }
    const epoch_id made = atomic_exchange(&d->snapshots.making.made, 0);
    if (made > 0) {
        error = look_up(d, NULL);
        asked_made(&d->snapshots.asked, made, d->now_ms);
    }
    if (error == 0 && d->snapshots.made)
        error = sign(d);
    if (error == 0)
        error = catch_up_tick(c, behind(d), d->now_ms - d->snapshots.moved_ms, d->now_ms,
                              &d->snapshots.again);
    if (error == 0 && catch_up_waits(c) && d->now_ms - d->snapshots.moved_ms >= CATCH_UP_STILL_MS)
        daemon_want_snapshot(d, 0, true);
    if (c->gathering && !was)
        log_line(LOG_LEVEL_INFO, "snapshot",
                 "what this node lacks is gone elsewhere: gathering a snapshot epoch=%" PRIu64
                 " pieces=%" PRIu32,
                 c->head.checkpoint.epoch, snapshot_pieces(&c->head));
    if (d->snapshots.again)
        log_line(LOG_LEVEL_INFO, "snapshot",
                 "gathered epoch=%" PRIu64 " pieces=%" PRIu32 " bytes=%" PRIu64 " ms=%" PRIu64
                 ": beginning with it",
                 c->head.checkpoint.epoch, snapshot_pieces(&c->head), c->bytes,
                 d->now_ms - c->begun_ms);
    return error;
}

int daemon_look_after_snapshots(struct daemon *d, char *message, size_t message_size)
{
    serve_all(d);
    if (d->now_ms < d->snapshots.looked_ms + LOOK_MS)
        return 0;
    d->snapshots.looked_ms = d->now_ms;
    if (daemon_look_after_lost(d, message, message_size) != 0)
        return -1;
    daemon_retain(d);
    offer(d);
    if (pthread_mutex_trylock(&d->snapshots.making.mutex) != 0)
        return 0; /* One is being made. */
    const int error = look(d);
    pthread_mutex_unlock(&d->snapshots.making.mutex);
    return error == 0 ? 0 : fail(d, error, message, message_size);
}
