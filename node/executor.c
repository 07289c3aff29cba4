#include "node/executor.h"

#include "node/executor_record.h"
#include "node/log_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct executor {
    struct executor_options options;
    struct store *store;
    struct meta meta; /* With what is executed of the epoch that is open. */
    bool open;        /* A transaction is: some of the next epoch was delivered. */
    bool failed;
    struct slice transactions[APPLICATION_BATCH];
    struct result results[APPLICATION_BATCH];
    uint8_t row[APPLICATION_BATCH * RESULT_SIZE];
};

static int fail(struct executor *x, int error)
{
    if (error) {
        store_abort(x->store);
        x->open = false;
        x->failed = true;
    }
    return error;
}

static int begin(struct executor *x)
{
    if (x->open)
        return 0;
    int error = store_begin(x->store);
    x->open = !error;
    return error;
}

/* Writes the sums with the application's state, and makes it all durable. */
static int commit(struct executor *x)
{
    const struct application_port *application = &x->options.application;
    uint8_t bytes[META_SIZE];

    int error = application->commit(application->state, &x->meta.state.state_root);
    if (error)
        return error;
    x->meta.state.height = x->meta.log.count;
    x->meta.state.log_root = merkle_frontier_root(&x->meta.log);
    struct slice value = meta_encode(&x->meta, bytes);
    if ((error = store_put(x->store, LEDGER_META, meta_key(), &value, 1)))
        return error;
    x->open = false;
    error = store_commit(x->store);
    if (!error && application->committed)
        application->committed(application->state);
    return error;
}

static int genesis(struct executor *x)
{
    const struct application_port *application = &x->options.application;

    x->meta = (struct meta){.chain = x->options.chain, .n = x->options.quorum.n};
    snprintf(x->meta.application, sizeof x->meta.application, "%s", application->name);
    int error = begin(x);
    if (error || (error = application->genesis(application->state)))
        return error;
    return commit(x);
}

static int load(struct executor *x)
{
    struct store_view *view;
    struct slice value;
    int error = store_view_open(x->store, &view);
    if (error)
        return error;
    error = store_view_get(view, LEDGER_META, meta_key(), &value);
    if (!error)
        error = meta_decode(value, &x->meta);
    store_view_close(view);
    return error;
}

static bool same_ledger(const struct executor *x)
{
    return hash_equal(&x->meta.chain, &x->options.chain) && x->meta.n == x->options.quorum.n &&
           strcmp(x->meta.application, x->options.application.name) == 0;
}

int executor_open(const struct executor_options *options, struct store *ledger,
                  struct executor **executor, char *message, size_t message_size)
{
    assert(strlen(options->application.name) <= APPLICATION_NAME_MAX);
    struct executor *x = calloc(1, sizeof *x);
    *executor = x;
    if (!x) {
        options->application.close(options->application.state);
        snprintf(message, message_size, "no memory for the executor");
        return -1;
    }
    x->options = *options;
    x->store = ledger;

    int error = load(x);
    if (error == STORE_MISSING)
        error = fail(x, genesis(x));
    if (!error && same_ledger(x))
        return 0;
    if (error)
        snprintf(message, message_size, "the ledger cannot be opened: %s",
                 error == STORE_CORRUPT ? "its records are not of this format"
                                        : store_message(ledger));
    else
        snprintf(message, message_size, "the ledger is that of another chain (application %s)",
                 x->meta.application);
    executor_close(x);
    *executor = NULL;
    return -1;
}

void executor_close(struct executor *x)
{
    if (!x)
        return;
    if (x->open)
        store_abort(x->store);
    x->options.application.close(x->options.application.state);
    free(x);
}

static int index_put(struct executor *x, uint64_t position, uint32_t index,
                     const struct result *result)
{
    uint8_t bytes[PLACE_SIZE];
    struct executor_place place = {position, index, result->outcome};
    struct slice value = place_encode(&place, bytes);
    return store_put(x->store, LEDGER_TRANSACTIONS, hash_slice(&result->id), &value, 1);
}

/* Records what the application said of transactions `first` and on. */
static int record(struct executor *x, struct executor_entry *e, uint32_t first, unsigned count,
                  struct merkle_frontier *tree)
{
    for (unsigned i = 0; i < count; i++) {
        const struct result *result = &x->results[i];
        assert(result->outcome > OUTCOME_NONE);
        assert(result->outcome < OUTCOME_COUNT);
        struct hash leaf = executor_result_leaf(result);
        merkle_frontier_append(tree, &leaf);
        result_encode(result, &x->row[i * RESULT_SIZE]);
        x->meta.state.outcomes[result->outcome]++;
        if (result->outcome == OUTCOME_EXECUTED) {
            e->confirmed++;
            e->confirmed_bytes += x->transactions[i].size;
        }
        int error = outcome_final(result->outcome)
                        ? index_put(x, e->delivery.position, first + i, result)
                        : 0;
        if (error)
            return error;
        if (x->options.outcome)
            x->options.outcome(x->options.context, e->delivery.position, first + i, result);
    }
    uint8_t key[12];
    struct slice row = slice_of(x->row, count * RESULT_SIZE);
    return store_put(x->store, LEDGER_OUTCOMES, outcomes_key(key, e->delivery.position, first),
                     &row, 1);
}

static int execute(struct executor *x, struct executor_entry *e, const struct block *block)
{
    const struct application_port *application = &x->options.application;
    struct merkle_frontier tree = {.count = 0};
    struct slice rest = block->transactions;

    for (uint32_t first = 0; first < block->count;) {
        unsigned count = 0;
        while (count < APPLICATION_BATCH && block_next(&rest, &x->transactions[count]))
            count++;
        int error = application->execute(application->state, x->transactions, count, x->results);
        if (error || (error = record(x, e, first, count, &tree)))
            return error;
        first += count;
    }
    e->root = merkle_frontier_root(&tree);
    return 0;
}

/* For an application that does not look inside: the block's transactions are one leaf. */
static void take_whole(struct executor *x, struct executor_entry *e, const struct block *block)
{
    struct hash leaf;
    hash_parts(block->transactions.data, block->transactions.size, 1, &leaf);
    e->root = merkle_root(&leaf, block->count ? 1 : 0);
    e->confirmed = e->count;
    e->confirmed_bytes = e->bytes;
    x->meta.state.outcomes[OUTCOME_EXECUTED] += e->count;
}

static int block_put(struct executor *x, const struct executor_entry *e)
{
    uint8_t key[8], bytes[ENTRY_SIZE];
    struct slice value = entry_encode(e, bytes);
    struct hash leaf = executor_leaf(e);

    x->meta.state.bytes += e->bytes;
    x->meta.state.confirmed_bytes += e->confirmed_bytes;
    x->meta.state.bad_blocks += !e->delivery.valid;
    const int error = log_tree_put(x->store, &x->meta.log, &leaf);
    if (error)
        return error;
    merkle_frontier_append(&x->meta.log, &leaf);
    return store_put(x->store, LEDGER_ENTRIES, position_key(key, e->delivery.position), &value, 1);
}

int executor_block(struct executor *x, const struct delivery *d, struct slice bytes)
{
    struct executor_entry entry = {.delivery = *d, .root = merkle_root(NULL, 0)};
    struct block block = {.count = 0};

    assert(!x->failed);
    assert(d->position == x->meta.log.count);
    assert(d->with_epoch == x->meta.state.epoch + 1);
    assert(d->epoch <= d->with_epoch);
    assert(d->proposer < x->options.quorum.n);
    assert(d->valid || bytes.size == 0);
    /* A valid block was one when it was retrieved: the disk has changed it. */
    if (d->valid && !block_decode(bytes, x->options.quorum, d->epoch, &block))
        return fail(x, STORE_CORRUPT);
    int error = begin(x);
    if (error)
        return fail(x, error);
    entry.count = block.count;
    entry.bytes = block.transactions.size - 4ull * block.count; /* Without their lengths. */
    if (x->options.application.execute)
        error = execute(x, &entry, &block);
    else
        take_whole(x, &entry, &block);
    return fail(x, error ? error : block_put(x, &entry));
}

int executor_end_epoch(struct executor *x, epoch_id epoch, struct executor_state *state)
{
    assert(!x->failed);
    assert(epoch == x->meta.state.epoch + 1);
    int error = begin(x);
    if (error)
        return fail(x, error);
    x->meta.state.epoch = epoch;
    if ((error = commit(x)))
        return fail(x, error);
    *state = x->meta.state;
    return 0;
}
