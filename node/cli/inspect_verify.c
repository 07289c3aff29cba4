/* The log: entries, outcomes, the index of transactions, and blocks that are still there. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "node/block.h"
#include "node/cli/inspect.h"
#include "node/driver.h"
#include "node/log_tree.h"
#include "node/transaction.h"

/* What is recomputed on the way through the log. */
struct walk {
    struct inspection *i;
    struct merkle_frontier log;
    struct executor_state sums;
    epoch_id with_epoch; /* Of the entry before. */
    uint64_t rows;       /* Of outcomes, that there should be; */
    uint64_t nodes;      /* of the log, inner ones. */
};

static int check_place(struct walk *w, uint64_t position, uint32_t index,
                       const struct result *result)
{
    struct inspection *i = w->i;
    struct executor_place place;
    char what[80];
    snprintf(what, sizeof what, "position %" PRIu64 ", transaction %" PRIu32, position, index);
    int error = executor_transaction(i->view, &result->id, &place);
    if (error && error != STORE_MISSING)
        return inspection_error(i, error, what);
    if (!outcome_final(result->outcome)) {
        i->repeated += !error;
        i->dropped += error == STORE_MISSING;
        return 0;
    }
    if (error)
        return inspection_problem(i, "%s: its id is not in the index", what);
    if (place.position == position && place.index == index && place.outcome == result->outcome)
        return 0;
    return inspection_problem(
        i, "%s: the index has its id at position %" PRIu64 ", %" PRIu32 ", %s, but here it is %s",
        what, place.position, place.index, outcome_name(place.outcome),
        outcome_name(result->outcome));
}

/* Outcomes first .. first + count - 1 of a block. */
static int check_row(struct walk *w, const struct executor_entry *e, uint32_t first, uint32_t count,
                     struct merkle_frontier *tree)
{
    uint8_t key[12];
    struct slice row;
    int error = store_view_get(w->i->view, LEDGER_OUTCOMES,
                               outcomes_key(key, e->delivery.position, first), &row);
    if (error || row.size != (size_t)count * RESULT_SIZE)
        return inspection_problem(
            w->i, "position %" PRIu64 ": no outcomes of transactions from %" PRIu32 " on",
            e->delivery.position, first);
    w->rows++;
    for (uint32_t k = 0; k < count; k++) {
        struct result result;
        if (result_decode(slice_of(row.data + k * RESULT_SIZE, RESULT_SIZE), &result))
            return inspection_problem(w->i,
                                      "position %" PRIu64 ": outcome %" PRIu32 " does not decode",
                                      e->delivery.position, first + k);
        struct hash leaf = executor_result_leaf(&result);
        merkle_frontier_append(tree, &leaf);
        w->sums.outcomes[result.outcome]++;
        if (check_place(w, e->delivery.position, first + k, &result))
            return -1;
    }
    return 0;
}

static int check_outcomes(struct walk *w, const struct executor_entry *e)
{
    struct merkle_frontier tree = {.count = 0};
    const uint64_t executed = w->sums.outcomes[OUTCOME_EXECUTED];
    for (uint32_t first = 0; first < e->count; first += APPLICATION_BATCH) {
        uint32_t left = e->count - first;
        if (check_row(w, e, first, left < APPLICATION_BATCH ? left : APPLICATION_BATCH, &tree))
            return -1;
    }
    struct hash root = merkle_frontier_root(&tree);
    if (!hash_equal(&root, &e->root))
        return inspection_problem(
            w->i, "position %" PRIu64 ": the root over its outcomes is not the entry's",
            e->delivery.position);
    if (w->sums.outcomes[OUTCOME_EXECUTED] - executed != e->confirmed)
        return inspection_problem(
            w->i,
            "position %" PRIu64 ": the entry says %" PRIu32 " executed, the outcomes %" PRIu64,
            e->delivery.position, e->confirmed, w->sums.outcomes[OUTCOME_EXECUTED] - executed);
    return 0;
}

/* False: it is no transaction of this application. */
static bool id_of(const struct inspection *i, struct slice bytes, struct hash *id)
{
    struct transaction t = {0};
    if (strcmp(i->meta.application, application_names[APPLICATION_EXTERNAL]) == 0)
        return application_payload_id(bytes, id);
    const bool decodes = transaction_decode(bytes, &t);
    *id = t.id;
    return decodes;
}

/* Whether the transactions of a block are those whose outcomes the ledger has. */
static bool same_transactions(const struct walk *w, const struct executor_entry *e,
                              const struct block *block)
{
    struct slice rest = block->transactions;
    struct slice bytes;
    for (uint32_t index = 0; block_next(&rest, &bytes); index++) {
        struct hash id;
        struct result result;
        if (executor_outcome(w->i->view, e->delivery.position, index, &result))
            return false;
        const bool decodes = id_of(w->i, bytes, &id);
        if (decodes != (result.outcome != OUTCOME_MALFORMED) ||
            (decodes && !hash_equal(&id, &result.id)))
            return false;
    }
    return true;
}

static bool same_bytes(const struct executor_entry *e, const struct block *block)
{
    struct hash leaf;
    hash_parts(block->transactions.data, block->transactions.size, 1, &leaf);
    struct hash root = merkle_root(&leaf, block->count ? 1 : 0);
    return hash_equal(&root, &e->root);
}

/* Whether the stored block, if there is one, is what was executed. */
static bool is_as_held(struct walk *w, const struct executor_entry *e, struct store_view *view)
{
    struct inspection *i = w->i;
    struct slice bytes;
    struct block block;
    if (driver_block(view, e->delivery.epoch, e->delivery.proposer, &bytes))
        return true;
    i->held++;
    return block_decode(bytes, quorum_of(i->meta.n), e->delivery.epoch, &block) &&
           block.count == e->count &&
           (inspection_has_ids(i) ? same_transactions(w, e, &block) : same_bytes(e, &block));
}

static int check_held(struct walk *w, const struct executor_entry *e)
{
    struct inspection *i = w->i;
    struct store_view *view;
    if (!i->consensus || !e->delivery.valid)
        return 0;
    const int error = store_view_open(i->consensus, &view);
    if (error)
        return inspection_error(i, error, "the consensus store");
    const bool same = is_as_held(w, e, view);
    store_view_close(view);
    if (same)
        return 0;
    return inspection_problem(i,
                              "position %" PRIu64 ": the block that is stored is not the one "
                              "that was executed",
                              e->delivery.position);
}

/* What a snapshot stands for, as f+1 have signed it. */
static void skip_gap(struct walk *w)
{
    struct merkle_frontier beyond;
    while (w->i->snapshot && executor_gap(w->i->view, w->log.count, &beyond) == 0 &&
           beyond.count > w->log.count)
        w->log = beyond;
}

static int check_node(void *context, struct slice key, const struct hash *node)
{
    struct walk *w = context;
    struct slice value;
    w->nodes++;
    if (store_view_get(w->i->view, LEDGER_LOG, key, &value) == 0 && value.size == HASH_SIZE &&
        memcmp(value.data, node->bytes, HASH_SIZE) == 0)
        return 0;
    return inspection_problem(w->i, "position %" PRIu64 ": an inner node of the log is wrong",
                              w->log.count);
}

static int check_entry(void *context, struct slice key, struct slice value)
{
    struct walk *w = context;
    struct executor_entry e;
    struct reader r = reader_of(key);
    uint64_t found = read_u64(&r);
    if (found != w->log.count)
        skip_gap(w);
    const uint64_t position = w->log.count;
    if (!reader_finished(&r) || found != position)
        return inspection_problem(w->i, "position %" PRIu64 ": there is no entry", position);
    if (entry_decode(value, &e) || e.delivery.position != position)
        return inspection_problem(w->i, "position %" PRIu64 ": the entry does not decode",
                                  position);
    if (e.delivery.with_epoch < w->with_epoch || e.delivery.with_epoch > w->i->meta.state.epoch ||
        e.delivery.epoch > e.delivery.with_epoch || e.delivery.proposer >= w->i->meta.n)
        return inspection_problem(
            w->i, "position %" PRIu64 ": its epoch or its proposer cannot be there", position);
    struct hash leaf = executor_leaf(&e);
    if (log_tree_completed(&w->log, &leaf, check_node, w))
        return -1;
    merkle_frontier_append(&w->log, &leaf);
    w->with_epoch = e.delivery.with_epoch;
    w->sums.bytes += e.bytes;
    w->sums.confirmed_bytes += e.confirmed_bytes;
    w->sums.bad_blocks += !e.delivery.valid;
    if (inspection_has_ids(w->i)) {
        if (check_outcomes(w, &e))
            return -1;
    } else {
        w->sums.outcomes[OUTCOME_EXECUTED] += e.count;
    }
    return check_held(w, &e);
}

static int check_sums(struct walk *w)
{
    struct inspection *i = w->i;
    const struct executor_state *said = &i->meta.state;
    struct hash root = merkle_frontier_root(&w->log);
    if (w->log.count != said->height)
        return inspection_problem(i, "the log has %" PRIu64 " entries and not %" PRIu64,
                                  w->log.count, said->height);
    if (!hash_equal(&root, &said->log_root))
        return inspection_problem(i, "the log root that is recorded is not that of the entries");
    for (unsigned k = 0; k < OUTCOME_COUNT; k++)
        if (w->sums.outcomes[k] != said->outcomes[k])
            return inspection_problem(i, "%" PRIu64 " transactions are %s and not %" PRIu64,
                                      w->sums.outcomes[k], outcome_name((enum outcome)k),
                                      said->outcomes[k]);
    if (w->sums.bytes != said->bytes || w->sums.confirmed_bytes != said->confirmed_bytes ||
        w->sums.bad_blocks != said->bad_blocks)
        return inspection_problem(i, "the sums of bytes or of bad blocks are not those recorded");
    return 0;
}

static int count_place(void *context, struct slice key, struct slice value)
{
    struct inspection *i = context;
    struct executor_place place;
    if (key.size == HASH_SIZE && value.size == 0)
        return 0; /* Before the snapshot that the ledger began with. */
    if (key.size != HASH_SIZE || place_decode(value, &place))
        return inspection_problem(i, "a record of the index of transactions does not decode");
    i->transactions++;
    return 0;
}

static int count_row(void *context, struct slice key, struct slice value)
{
    uint64_t *count = context;
    (void)key;
    (void)value;
    (*count)++;
    return 0;
}

/* Nothing is there beside what the log calls for. */
static int check_counts(struct walk *w)
{
    struct inspection *i = w->i;
    uint64_t expected =
        inspection_has_ids(i) ? w->sums.outcomes[OUTCOME_EXECUTED] + executor_failed(&w->sums) : 0;
    uint64_t rows = 0, nodes = 0;
    const struct slice all = {0};
    int error = store_view_scan(i->view, LEDGER_TRANSACTIONS, all, count_place, i);
    if (!error)
        error = store_view_scan(i->view, LEDGER_OUTCOMES, all, count_row, &rows);
    if (!error)
        error = store_view_scan(i->view, LEDGER_LOG, all, count_row, &nodes);
    if (error)
        return inspection_error(i, error, "the index of transactions");
    if (i->transactions != expected)
        return inspection_problem(i, "the index has %" PRIu64 " transactions, the log %" PRIu64,
                                  i->transactions, expected);
    if (nodes != w->nodes)
        return inspection_problem(i, "there are inner nodes of the log that it does not have");
    if (rows != w->rows)
        return inspection_problem(i, "there are outcomes of blocks that are not in the log");
    return 0;
}

void inspection_verify(struct inspection *i)
{
    struct walk w = {.i = i};
    const struct slice all = {0};
    if (i->meta.n < 1 || i->meta.n > NODES_MAX) {
        inspection_problem(i, "%u nodes cannot be", (unsigned)i->meta.n);
        return;
    }
    int error = store_view_scan(i->view, LEDGER_ENTRIES, all, check_entry, &w);
    skip_gap(&w); /* One that nothing was delivered after. */
    if (error)
        inspection_error(i, error, "the log");
    else if (check_sums(&w) == 0 && check_counts(&w) == 0 && inspect_accounts(i) == 0)
        (void)inspect_consensus(i);
}
