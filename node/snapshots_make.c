/* A snapshot of what a view of a ledger holds. */
#include <stdlib.h>
#include <string.h>

#include "node/accounts.h"
#include "node/executor_record.h"
#include "node/executor_snapshot.h"
#include "node/snapshots_private.h"

enum { PIECES_AT_A_TIME = 256 };

/* What is being made. */
struct making {
    struct store *store;
    struct snapshot_head head;
    struct history delivered;
    uint8_t *runs;
    size_t runs_capacity;
    uint8_t *accounts;    /* Of PIECES_AT_A_TIME pieces, ... */
    uint64_t first, last; /* ... those with these indices, the last one not included. */
    struct hash *roots;
};

static void note_delivered(void *context, epoch_id epoch, node_id proposer)
{
    struct making *m = context;
    history_set(&m->delivered, epoch, proposer);
}

static void note_run(void *context, const uint8_t bytes[CHECKPOINT_RUN_SIZE])
{
    struct making *m = context;
    const size_t used = m->head.runs * CHECKPOINT_RUN_SIZE;
    if (used + CHECKPOINT_RUN_SIZE > m->runs_capacity) {
        m->runs_capacity = 2 * (used + CHECKPOINT_RUN_SIZE);
        m->runs = realloc(m->runs, m->runs_capacity);
        if (!m->runs)
            abort();
    }
    memcpy(m->runs + used, bytes, CHECKPOINT_RUN_SIZE);
    m->head.runs++;
}

/* What was delivered is what the ledger's entries say. */
static int find_delivered(struct making *m, struct store_view *ledger, struct quorum q,
                          uint64_t horizon)
{
    const epoch_id epoch = m->head.checkpoint.epoch;
    const uint64_t span = history_span(horizon);
    uint64_t *bits = calloc(1, history_memory(q.n, span));
    if (!bits)
        abort();
    history_init(&m->delivered, q.n, true, span, bits);
    history_advance(&m->delivered, epoch);
    const int error =
        executor_delivered(ledger, epoch > horizon ? epoch - horizon : 0, note_delivered, m);
    if (!error) {
        m->head.checkpoint.delivered_root = checkpoint_delivered(&m->delivered, epoch, horizon);
        checkpoint_runs(&m->delivered, epoch, horizon, note_run, m);
    }
    free(bits);
    return error;
}

static int find_state(struct making *m, struct store_view *ledger)
{
    struct slice value;
    struct meta meta;
    int error = store_view_get(ledger, LEDGER_META, meta_key(), &value);
    if (!error)
        error = meta_decode(value, &meta);
    if (error)
        return error;
    m->head.log = meta.log;
    m->head.checkpoint = (struct checkpoint){.epoch = meta.state.epoch,
                                             .height = meta.state.height,
                                             .log_root = meta.state.log_root,
                                             .state_root = meta.state.state_root};
    error = accounts_count(ledger, &m->head.accounts);
    return error == STORE_MISSING ? 0 : error; /* The application has none. */
}

static int take_account(void *context, const struct account *a)
{
    struct making *m = context;
    if (a->index >= m->head.accounts)
        return STORE_CORRUPT;
    if (a->index < m->first || a->index >= m->last)
        return 0;
    struct writer w = writer_of(m->accounts + (a->index - m->first) * SNAPSHOT_ACCOUNT_SIZE,
                                SNAPSHOT_ACCOUNT_SIZE);
    write_bytes(&w, a->key.bytes, sizeof a->key.bytes);
    write_u64(&w, a->balance);
    write_u64(&w, a->sequence.lowest);
    write_u64(&w, a->sequence.used);
    return 0;
}

static int put_pieces(struct making *m, const uint8_t *bytes, uint32_t first, uint32_t end_piece)
{
    const epoch_id epoch = m->head.checkpoint.epoch;
    const uint32_t runs = snapshot_run_pieces(&m->head);
    int error = store_begin(m->store);
    if (error)
        return error;
    for (uint32_t i = first; i < end_piece && !error; i++) {
        const struct slice piece = slice_of(bytes, snapshot_piece_size(&m->head, i));
        if (i >= runs)
            m->roots[i - runs] = snapshot_piece_root(&m->head, piece);
        error = snapshots_put_piece(m->store, epoch, i, piece);
        bytes += piece.size;
    }
    if (!error)
        return store_commit(m->store);
    store_abort(m->store);
    return error;
}

/* Accounts stand by key and pieces by index: as many pieces at a time as there is room for. */
static int make_accounts(struct making *m, struct store_view *ledger)
{
    const uint64_t at_a_time = (uint64_t)PIECES_AT_A_TIME * SNAPSHOT_PIECE_ENTRIES;
    const uint32_t runs = snapshot_run_pieces(&m->head), pieces = snapshot_pieces(&m->head);
    int error = 0;
    for (uint32_t piece = runs; piece < pieces && !error; piece += PIECES_AT_A_TIME) {
        const uint32_t end_piece =
            pieces - piece < PIECES_AT_A_TIME ? pieces : piece + PIECES_AT_A_TIME;
        m->first = (uint64_t)(piece - runs) * SNAPSHOT_PIECE_ENTRIES;
        m->last = m->first + at_a_time;
        error = accounts_each(ledger, take_account, m);
        if (!error)
            error = put_pieces(m, m->accounts, piece, end_piece);
    }
    return error;
}

static bool is_state(const struct making *m)
{
    const uint64_t pieces = snapshot_pieces(&m->head) - snapshot_run_pieces(&m->head);
    const struct hash root = merkle_root(m->roots, pieces);
    return hash_equal(&root, &m->head.checkpoint.state_root);
}

static int make_state(struct making *m, struct store_view *ledger)
{
    const uint64_t pieces = snapshot_pieces(&m->head) - snapshot_run_pieces(&m->head);
    m->roots = calloc(pieces + 1, sizeof *m->roots);
    m->accounts = malloc((pieces < PIECES_AT_A_TIME ? pieces + 1 : PIECES_AT_A_TIME) *
                         (size_t)SNAPSHOT_PIECE_SIZE_MAX);
    if (!m->roots || !m->accounts)
        abort();
    const int error = make_accounts(m, ledger);
    return error || is_state(m) ? error : STORE_CORRUPT;
}

int snapshots_make(struct store *s, struct store_view *ledger, struct quorum q,
                   uint64_t link_horizon, const struct application_port *application)
{
    struct making m = {.store = s};
    int error = find_state(&m, ledger);
    if (!error)
        error = find_delivered(&m, ledger, q, link_horizon);
    if (!error)
        error = put_pieces(&m, m.runs, 0, snapshot_run_pieces(&m.head));
    if (!error)
        error = application ? snapshots_make_opaque(s, ledger, application, &m.head, &m.roots)
                            : make_state(&m, ledger);
    if (!error)
        error = snapshots_complete(s, &m.head, q, m.roots);
    free(m.accounts);
    free(m.roots);
    free(m.runs);
    return error;
}
