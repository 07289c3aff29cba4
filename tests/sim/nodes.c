/* A simulated node: opening, batches, crashes. */
#include "tests/sim/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ledger_entries(void *context, epoch_id from,
                          void (*visit)(void *driver, epoch_id epoch, node_id proposer),
                          void *driver)
{
    const struct sim_node *n = context;
    for (size_t k = 0; k < n->executed_entries; k++)
        if (n->entries[k].delivery.with_epoch >= from)
            visit(driver, n->entries[k].delivery.epoch, n->entries[k].delivery.proposer);
    return 0;
}

void sim_node_report_pool(struct sim_node *n)
{
    uint64_t bytes = 0;
    for (size_t k = n->pool_first; k < n->pool_count; k++)
        if (!n->pool[k].marked && !n->pool[k].done)
            bytes += 4 + n->pool[k].size;
    if (n->driver)
        driver_pool(n->driver, bytes);
}

static bool in_block(struct slice transactions, uint64_t id)
{
    struct slice one;
    while (block_next(&transactions, &one)) {
        struct reader r = reader_of(one);
        if (read_u64(&r) == id)
            return true;
    }
    return false;
}

/* Marks are rebuilt from the blocks that were stored: what was taken for a block that never came
 * to be waits again. */
static void restore_marks(struct sim_node *n)
{
    struct store_view *view;
    if (store_view_open(n->store, &view))
        return;
    for (size_t k = n->pool_first; k < n->pool_count; k++) {
        struct sim_transaction *t = &n->pool[k];
        if (!t->marked || t->done)
            continue;
        struct slice bytes;
        struct block b;
        if (driver_block(view, t->marked, n->id, &bytes) ||
            !block_decode(bytes, n->sim->quorum, t->marked, &b) || !in_block(b.transactions, t->id))
            t->marked = 0;
    }
    store_view_close(view);
}

void sim_node_open(struct sim_node *n)
{
    struct sim *s = n->sim;
    const struct store_options so = {.path = n->path,
                                     .size_max = 1u << 30,
                                     .tables = consensus_tables,
                                     .table_count = CONSENSUS_TABLES};
    char message[256];
    if (store_open(&so, &n->store, message, sizeof message)) {
        snprintf(s->failure, sizeof s->failure, "store: %s", message);
        return;
    }
    n->entry_count = n->executed_entries; /* What was staged is gone. */
    n->id_count = n->entry_count
                      ? n->entries[n->entry_count - 1].first + n->entries[n->entry_count - 1].count
                      : 0;
    struct driver_options o = {.node = {.quorum = s->quorum,
                                        .self = n->id,
                                        .mode = s->options.mode,
                                        .fetch_all = s->fetch_all,
                                        .epoch_window = s->epoch_window,
                                        .open_dispersals = s->epoch_window + 8,
                                        .link_horizon = s->link_horizon,
                                        .checkpoint_epochs = s->checkpoint_epochs,
                                        .checkpoint_delay_ms = 1000,
                                        .block_bytes_max = s->large ? 8 * LARGE_SIZE : 4096,
                                        .block_bytes_min = s->large ? LARGE_SIZE : 400,
                                        .block_delay_ms = 50,
                                        .phase_ms = 7u * n->id % 50,
                                        .retry_ms = 200,
                                        .lag_target_ms = s->lag_target_ms},
                               .chain = s->chain,
                               .coin_public = &s->coin,
                               .coin_secret = &s->secrets[n->id],
                               .identity = &s->identities[n->id],
                               .identities = s->keys,
                               .carried_bytes = s->options.seed % 3 * 1000};
    struct driver_ports ports;
    sim_ports(n, &ports);
    const struct driver_ledger ledger = {
        .executed = n->executed, .entries = ledger_entries, .context = n};
    n->driver = driver_open(&o, n->store, &ports, &ledger, message, sizeof message);
    if (!n->driver) {
        snprintf(s->failure, sizeof s->failure, "driver: %s", message);
        return;
    }
    n->up = true;
    n->broken = 0;
    n->execute_us = 0;
    restore_marks(n);
    sim_node_report_pool(n);
    if (driver_replayed(n->driver) > 0)
        s->tally->restarts_mid_epoch++;
    network_schedule(&s->network, (struct happening){.at_us = s->network.now_us + 1000,
                                                     .type = HAPPEN_TICK,
                                                     .node = n->place,
                                                     .life = n->life});
}

void sim_node_crash(struct sim_node *n)
{
    struct sim *s = n->sim;
    struct node_view view;
    node_view(driver_node(n->driver), &view);
    s->tally->coins += n->liar ? 0 : view.coins_tossed;
    network_drop_work(&s->network, n->place);
    driver_close(n->driver);
    store_memory_crash(n->store);
    n->driver = NULL;
    n->store = NULL;
    n->up = false;
    n->life++;
    n->flush_due = false;
    for (unsigned k = 0; k < n->inbox_count; k++)
        free(n->inbox[k].bytes);
    n->inbox_count = 0;
}

int sim_node_flush(struct sim_node *n)
{
    struct sim *s = n->sim;
    for (unsigned k = 0; k < n->inbox_count; k++)
        driver_frame(n->driver, n->inbox[k].from, slice_of(n->inbox[k].bytes, n->inbox[k].size));
    if (s->commit_us > 0) /* What is sent leaves after the commit. */
        n->disk_us = s->network.now_us + prng_below(&s->prng, s->commit_us + 1);
    const int error = driver_flush(n->driver, 1 + s->network.now_us / 1000);
    for (unsigned k = 0; k < n->inbox_count; k++)
        free(n->inbox[k].bytes);
    n->inbox_count = 0;
    if (!error && !n->liar)
        check_node(s->check, n->id, driver_node(n->driver));
    return error ? error : n->broken;
}

/* The executor has committed: what was staged is durable, and its transactions leave the pool. */
void sim_node_executed(struct sim_node *n, epoch_id epoch)
{
    while (n->executed_entries < n->entry_count &&
           n->entries[n->executed_entries].delivery.with_epoch <= epoch) {
        const struct sim_entry *e = &n->entries[n->executed_entries++];
        n->executed.log_root = hash_inner(&n->executed.log_root, &e->delivery.commitment);
        if (sim_correct(n->sim, e->delivery.proposer))
            n->executed_taken += e->count;
        for (size_t k = n->pool_first; k < n->pool_count; k++)
            if (e->delivery.proposer == n->id && n->pool[k].marked == e->delivery.epoch)
                n->pool[k].done = true;
    }
    while (n->pool_first < n->pool_count && n->pool[n->pool_first].done)
        n->pool_first++;
    n->executed.epoch = epoch;
    n->executed.height = n->executed_entries;
    driver_executed(n->driver, &n->executed);
    sim_wake(n);
}

void sim_node_submit(struct sim_node *n, uint64_t id, uint32_t size)
{
    if (n->pool_count == n->pool_capacity) {
        n->pool_capacity = n->pool_capacity * 2 + 64;
        n->pool = realloc(n->pool, n->pool_capacity * sizeof *n->pool);
        if (!n->pool)
            abort();
    }
    n->pool[n->pool_count++] = (struct sim_transaction){.id = id, .size = size};
    sim_node_report_pool(n);
    sim_wake(n);
}
