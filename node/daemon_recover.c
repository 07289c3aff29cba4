#include <stdio.h>
#include <stdlib.h>

#include "node/daemon_state.h"
#include "node/executor_snapshot.h"

/* After a crash the pool may still hold what is executed (the ledger commits first), and does not
 * know what is in blocks of ours that are not executed (marks are in memory). Both follow from
 * the stores. What had left the pool before, and was submitted once more, waits. */

/* Epochs of blocks of ours, ascending. */
struct epochs {
    epoch_id *items;
    size_t count;
    size_t capacity;
};

static void add(struct epochs *e, epoch_id epoch)
{
    if (e->count == e->capacity) {
        e->capacity = e->capacity ? 2 * e->capacity : 64;
        e->items = realloc(e->items, e->capacity * sizeof(*e->items));
        if (!e->items)
            abort();
    }
    e->items[e->count++] = epoch;
}

static int compare(const void *left, const void *right)
{
    epoch_id a = *(const epoch_id *)left;
    epoch_id b = *(const epoch_id *)right;
    return (a > b) - (a < b);
}

struct recovery {
    struct daemon *daemon;
    struct store_view *consensus;
    struct store_view *ledger;
    struct epochs stored;   /* Blocks of ours in the consensus store; */
    struct epochs executed; /* those that the ledger has, ... */
    struct epochs late;     /* ... and those that it has and the pool may not have heard of. */
    epoch_id base;          /* All that is executed up to here is late too. */
    uint64_t removed;
};

static int note_stored(void *context, struct slice key, struct slice value)
{
    struct recovery *r = context;
    struct reader k = reader_of(key);
    epoch_id epoch = read_u64(&k);
    node_id proposer = read_u8(&k);
    (void)value;
    if (!reader_finished(&k))
        return STORE_CORRUPT;
    if (proposer == r->daemon->self)
        add(&r->stored, epoch);
    return 0;
}

static void note_executed(void *context, epoch_id epoch, node_id proposer)
{
    struct recovery *r = context;
    if (proposer == r->daemon->self)
        add(&r->executed, epoch);
}

static void note_late(void *context, epoch_id epoch, node_id proposer)
{
    struct recovery *r = context;
    if (proposer == r->daemon->self)
        add(&r->late, epoch);
}

static void sort(struct epochs *e)
{
    if (e->count > 0)
        qsort(e->items, e->count, sizeof(epoch_id), compare);
}

static bool has(const struct epochs *e, epoch_id epoch)
{
    return e->count > 0 && bsearch(&epoch, e->items, e->count, sizeof(epoch), compare);
}

static void remove_executed(void *context, uint32_t index, const struct hash *id)
{
    struct recovery *r = context;
    struct executor_place place;
    (void)index;
    if (executor_transaction(r->ledger, id, &place) == 0)
        r->removed += mempool_remove(r->daemon->mempool, id);
}

/* Marks what a block of ours holds, or, if the application leaves no other trace of what it
 * executed, takes it out of the pool. */
static int go_through(struct recovery *r, epoch_id epoch, bool executed)
{
    struct daemon *d = r->daemon;
    struct slice bytes;
    struct block block;
    int status = driver_block(r->consensus, epoch, d->self, &bytes);
    if (status != 0)
        return status;
    if (!block_decode(bytes, d->quorum, epoch, &block))
        return STORE_CORRUPT;
    struct slice transaction;
    for (uint32_t i = 0; block_next(&block.transactions, &transaction); i++) {
        struct mempool_item item;
        if (!d->application.describe(d->application.state, transaction, &item))
            continue;
        if (executed)
            r->removed += mempool_remove(d->mempool, &item.id);
        else
            mempool_mark(d->mempool, epoch, i, &item.id);
    }
    return 0;
}

/* With which epoch a block was delivered a snapshot does not say: if it is of later than the pool
 * knows, all that it stands for is late. */
static int find_base(struct recovery *r, epoch_id settled)
{
    struct snapshot_head head;
    const int error = executor_installed(r->ledger, r->daemon->quorum, &head);
    if (error == 0 && head.checkpoint.epoch > settled)
        r->base = head.checkpoint.epoch;
    return error == STORE_MISSING ? 0 : error;
}

static int recover(struct recovery *r)
{
    struct daemon *d = r->daemon;
    mempool_each(d->mempool, remove_executed, r);
    int status = store_view_scan(r->consensus, TABLE_BLOCKS, (struct slice){0}, note_stored, r);
    if (status != 0 || r->stored.count == 0)
        return status;
    /* No block is delivered with an epoch before its own. */
    const epoch_id first = r->stored.items[0], settled = mempool_settled_through(d->mempool);
    status = executor_delivered(r->ledger, first, note_executed, r);
    if (status == 0 && !d->application.execute)
        status = executor_delivered(r->ledger, first > settled ? first : settled + 1, note_late, r);
    if (status != 0 || (status = find_base(r, settled)) != 0)
        return status;
    sort(&r->executed);
    sort(&r->late);
    const struct cluster *cluster = &d->config.cluster;
    const uint64_t horizon = mode_horizon(cluster->mode, cluster->link_horizon);
    for (size_t i = 0; i < r->stored.count && status == 0; i++) {
        epoch_id epoch = r->stored.items[i];
        bool executed = has(&r->executed, epoch);
        bool given_up = !executed && epoch + horizon <= d->executed.epoch;
        bool late = epoch <= r->base || has(&r->late, epoch);
        if (!given_up && (!executed || (!d->application.execute && late)))
            status = go_through(r, epoch, executed);
    }
    return status;
}

int daemon_recover(struct daemon *d, char *message, size_t message_size)
{
    struct recovery r = {.daemon = d};
    struct mempool_view view;
    mempool_view(d->mempool, &view);
    mempool_settled(d->mempool, d->executed.epoch); /* When this has returned. */
    if (view.count == 0)
        return 0;
    int status = store_view_open(d->consensus, &r.consensus);
    if (status == 0)
        status = store_view_open(d->ledger, &r.ledger);
    if (status == 0)
        status = recover(&r);
    store_view_close(r.consensus);
    store_view_close(r.ledger);
    free(r.stored.items);
    free(r.executed.items);
    free(r.late.items);
    if (status != 0) {
        snprintf(message, message_size,
                 "what waits to be proposed cannot be read back: a record is damaged (%d)", status);
        return -1;
    }
    mempool_view(d->mempool, &view);
    log_line(LOG_LEVEL_INFO, "mempool", "read back waiting=%llu marked=%llu removed=%llu",
             (unsigned long long)(view.count - view.marked), (unsigned long long)view.marked,
             (unsigned long long)r.removed);
    return 0;
}
