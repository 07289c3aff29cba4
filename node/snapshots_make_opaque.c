/* What a snapshot has of an application elsewhere: the ids of what has had its turn, as the ledger knows
 * them, and the state as records that the application gives. */
#include <stdlib.h>
#include <string.h>

#include "node/snapshots_private.h"

enum { PIECES_A_COMMIT = 64, RECORD_SIZE = 4 };

struct packing {
    struct store *store;
    struct snapshot_head *head;
    struct hash *roots;
    uint32_t count, capacity; /* Of roots. */
    uint8_t piece[SNAPSHOT_PIECE_SIZE_MAX];
    size_t used;
};

/* In a transaction, one of many. */
static int put_piece(struct packing *p)
{
    const struct slice piece = slice_of(p->piece, p->used);
    if (p->used == 0)
        return 0;
    if (p->count == p->capacity) {
        p->capacity = 2 * p->capacity + 16;
        p->roots = realloc(p->roots, p->capacity * sizeof *p->roots);
        if (!p->roots)
            abort();
    }
    const uint32_t index = snapshot_run_pieces(p->head) + p->count;
    int error = snapshots_put_piece(p->store, p->head->checkpoint.epoch, index, piece);
    p->roots[p->count++] = hash_leaf(piece);
    p->used = 0;
    if (!error && p->count % PIECES_A_COMMIT == 0) {
        error = store_commit(p->store);
        if (!error)
            error = store_begin(p->store);
    }
    return error;
}

static int take_id(void *context, struct slice key, struct slice value)
{
    struct packing *p = context;
    (void)value;
    if (key.size != HASH_SIZE)
        return STORE_CORRUPT;
    memcpy(p->piece + p->used, key.data, HASH_SIZE);
    p->used += HASH_SIZE;
    p->head->ids++;
    return p->used == (size_t)SNAPSHOT_PIECE_ENTRIES * HASH_SIZE ? put_piece(p) : 0;
}

static int take_record(struct packing *p, struct slice record)
{
    if (record.size > sizeof p->piece - RECORD_SIZE)
        return STORE_CORRUPT;
    const int error = record.size + RECORD_SIZE > sizeof p->piece - p->used ? put_piece(p) : 0;
    struct writer w = writer_of(p->piece + p->used, sizeof p->piece - p->used);
    write_u32(&w, (uint32_t)record.size);
    write_slice(&w, record);
    p->used += writer_result(&w).size;
    return error;
}

static int pack(struct packing *p, struct store_view *ledger,
                const struct application_port *application)
{
    struct slice record = {0};
    int error = store_view_scan(ledger, LEDGER_TRANSACTIONS, (struct slice){0}, take_id, p);
    if (!error)
        error = put_piece(p);
    const uint32_t ids = p->count;
    for (bool first = true; !error; first = false) {
        error = application->record(application->state, first, &record);
        if (error || record.size == 0)
            break;
        error = take_record(p, record);
    }
    if (!error)
        error = put_piece(p);
    p->head->state_pieces = p->count - ids;
    return error;
}

int snapshots_make_opaque(struct store *s, struct store_view *ledger,
                          const struct application_port *application, struct snapshot_head *head,
                          struct hash **roots)
{
    struct packing *p = malloc(sizeof *p);
    if (!p)
        abort();
    p->store = s;
    p->head = head;
    p->roots = NULL;
    p->count = p->capacity = 0;
    p->used = 0;
    head->opaque = true;
    int error = store_begin(s);
    if (!error)
        error = pack(p, ledger, application);
    if (!error)
        error = store_commit(s);
    else
        store_abort(s);
    head->pieces_root = merkle_root(p->roots, p->count);
    *roots = p->roots;
    free(p);
    return error;
}
