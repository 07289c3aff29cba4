#include "node/executor_snapshot.h"

#include "node/accounts.h"
#include "node/executor_record.h"
#include "node/external_inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slice snapshot_head_key(void)
{
    static const char key[] = "snapshot";
    return slice_of(key, sizeof key - 1);
}

struct slice snapshot_runs_key(void)
{
    static const char key[] = "snapshot_runs";
    return slice_of(key, sizeof key - 1);
}

struct slice snapshot_gaps_key(void)
{
    static const char key[] = "snapshot_gaps";
    return slice_of(key, sizeof key - 1);
}

static int put_head(struct store *ledger, const struct snapshot_head *head)
{
    uint8_t bytes[SNAPSHOT_HEAD_SIZE_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    snapshot_head_encode(&w, head);
    const struct slice value = writer_result(&w);
    return store_put(ledger, LEDGER_META, snapshot_head_key(), &value, 1);
}

static int put_runs(struct store *ledger, const struct executor_snapshot *x)
{
    const uint32_t pieces = snapshot_run_pieces(x->head);
    struct slice *parts = calloc(pieces + 1u, sizeof *parts);
    int error = 0;
    if (!parts)
        abort();
    for (uint32_t i = 0; i < pieces && !error; i++)
        error = x->piece(x->context, i, &parts[i]);
    if (!error)
        error = store_put(ledger, LEDGER_META, snapshot_runs_key(), parts, pieces);
    free(parts);
    return error;
}

static int put_accounts(struct store *ledger, const struct executor_snapshot *x)
{
    struct account *accounts = calloc(SNAPSHOT_PIECE_ENTRIES, sizeof *accounts);
    const uint32_t runs = snapshot_run_pieces(x->head), pieces = snapshot_pieces(x->head);
    uint64_t first = 0;
    int error = 0;
    if (!accounts)
        abort();
    for (uint32_t i = runs; i < pieces && !error; i++) {
        struct slice piece;
        unsigned number = 0;
        if ((error = x->piece(x->context, i, &piece)))
            break;
        struct reader r = reader_of(piece);
        for (; reader_left(&r) > 0 && number < SNAPSHOT_PIECE_ENTRIES; number++) {
            struct account *a = &accounts[number];
            a->index = first + number;
            read_into(&r, a->key.bytes, sizeof a->key.bytes);
            a->balance = read_u64(&r);
            a->sequence.lowest = read_u64(&r);
            a->sequence.used = read_u64(&r);
        }
        error = r.ok ? accounts_install(ledger, accounts, number, first, x->head->accounts)
                     : STORE_CORRUPT;
        first += number;
    }
    free(accounts);
    return error;
}

static int put_id(struct store *ledger, struct slice id)
{
    struct slice there;
    const int error = store_get(ledger, LEDGER_TRANSACTIONS, id, &there);
    return error == STORE_MISSING ? store_put(ledger, LEDGER_TRANSACTIONS, id, NULL, 0) : error;
}

/* The state itself is put into the application when it is there: external_restore. */
static int put_ids(struct store *ledger, const struct executor_snapshot *x)
{
    const struct checkpoint *c = &x->head->checkpoint;
    const struct inputs_base base = {c->epoch, c->state_root, 0};
    const uint32_t first = snapshot_run_pieces(x->head);
    bool all;
    int error = inputs_rebase(ledger, &base);
    if (!error)
        error = inputs_drop(ledger, c->epoch, UINT32_MAX, &all);
    for (uint32_t i = first; i < first + snapshot_id_pieces(x->head) && !error; i++) {
        struct slice piece;
        error = x->piece(x->context, i, &piece);
        for (size_t at = 0; !error && at < piece.size; at += HASH_SIZE)
            error = put_id(ledger, slice_of(piece.data + at, HASH_SIZE));
    }
    return error;
}

enum { GAP_SIZE_MAX = 8 + 8 + MERKLE_LOG_DEPTH_MAX * HASH_SIZE };

/* The value that is there is lent until something is put: it is copied. */
static int put_gap(struct store *ledger, uint64_t from, const struct merkle_frontier *beyond)
{
    uint8_t gap[GAP_SIZE_MAX];
    struct slice before = {0};
    struct writer w = writer_of(gap, sizeof gap);
    const int error = store_get(ledger, LEDGER_META, snapshot_gaps_key(), &before);
    if (error && error != STORE_MISSING)
        return error;
    uint8_t *copy = malloc(before.size + 1);
    if (!copy)
        abort();
    if (before.size > 0)
        memcpy(copy, before.data, before.size);
    write_u64(&w, from);
    merkle_frontier_encode(beyond, &w);
    const struct slice parts[] = {slice_of(copy, before.size), writer_result(&w)};
    const int result = store_put(ledger, LEDGER_META, snapshot_gaps_key(), parts, 2);
    free(copy);
    return result;
}

/* The sums stay those of the entries that there are. */
static int put_meta(struct store *ledger, const struct executor_snapshot *x)
{
    const struct checkpoint *c = &x->head->checkpoint;
    uint8_t bytes[META_SIZE];
    struct slice value;
    struct meta meta = {.chain = x->chain, .n = x->quorum.n};
    int error = store_get(ledger, LEDGER_META, meta_key(), &value);
    if (!error)
        error = meta_decode(value, &meta);
    if (error && error != STORE_MISSING)
        return error;
    if ((error = put_gap(ledger, meta.log.count, &x->head->log)))
        return error;
    snprintf(meta.application, sizeof meta.application, "%s", x->application);
    meta.log = x->head->log;
    meta.state.epoch = c->epoch;
    meta.state.state_root = c->state_root;
    value = meta_encode(&meta, bytes);
    return store_put(ledger, LEDGER_META, meta_key(), &value, 1);
}

int executor_install(struct store *ledger, const struct executor_snapshot *snapshot)
{
    int error = store_begin(ledger);
    if (error)
        return error;
    error = snapshot->head->opaque ? put_ids(ledger, snapshot) : put_accounts(ledger, snapshot);
    if (!error)
        error = put_runs(ledger, snapshot);
    if (!error)
        error = put_head(ledger, snapshot->head);
    if (!error)
        error = put_meta(ledger, snapshot);
    if (!error)
        return store_commit(ledger);
    store_abort(ledger);
    return error;
}

int executor_installed(struct store_view *v, struct quorum q, struct snapshot_head *head)
{
    struct slice value;
    const int error = store_view_get(v, LEDGER_META, snapshot_head_key(), &value);
    if (error)
        return error;
    return snapshot_head_decode(value, q, head) ? 0 : STORE_CORRUPT;
}

int executor_gap(struct store_view *v, uint64_t from, struct merkle_frontier *beyond)
{
    struct slice value;
    const int error = store_view_get(v, LEDGER_META, snapshot_gaps_key(), &value);
    if (error)
        return error;
    struct reader r = reader_of(value);
    while (reader_left(&r) > 0) {
        const uint64_t begins = read_u64(&r);
        if (!merkle_frontier_decode(&r, beyond) || !r.ok)
            return STORE_CORRUPT;
        if (begins == from)
            return 0;
    }
    return STORE_MISSING;
}

int executor_base(struct store_view *v, uint64_t *position)
{
    struct snapshot_head head;
    const int error = executor_installed(v, quorum_of(NODES_MAX), &head);
    *position = error ? 0 : head.checkpoint.height;
    return error == STORE_MISSING ? 0 : error;
}

struct visitor {
    void (*visit)(void *context, epoch_id epoch, node_id proposer);
    void *context;
};

static int visit_entry(void *context, const struct executor_entry *entry)
{
    const struct visitor *v = context;
    v->visit(v->context, entry->delivery.epoch, entry->delivery.proposer);
    return 0;
}

static int visit_runs(struct store_view *v, epoch_id from, const struct visitor *visitor)
{
    struct slice value;
    const int error = store_view_get(v, LEDGER_META, snapshot_runs_key(), &value);
    if (error)
        return error == STORE_MISSING ? 0 : error;
    struct reader r = reader_of(value);
    while (reader_left(&r) > 0) {
        const node_id proposer = read_u8(&r);
        const epoch_id first = read_u64(&r), last = read_u64(&r);
        if (!r.ok || proposer >= NODES_MAX)
            return STORE_CORRUPT;
        for (epoch_id e = first > from ? first : from; e <= last; e++)
            visitor->visit(visitor->context, e, proposer);
    }
    return 0;
}

int executor_delivered(struct store_view *v, epoch_id from,
                       void (*visit)(void *context, epoch_id epoch, node_id proposer),
                       void *context)
{
    const struct visitor visitor = {visit, context};
    uint64_t position;
    int error = visit_runs(v, from, &visitor);
    if (!error)
        error = executor_position(v, from, &position);
    return error ? error : executor_entries(v, position, visit_entry, (void *)&visitor);
}
