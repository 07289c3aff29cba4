#include "node/snapshots_private.h"

#include <stdlib.h>
#include <string.h>

const char *const snapshot_tables[SNAPSHOT_TABLES] = {"heads", "roots", "pieces"};

static struct slice epoch_key(uint8_t key[8], epoch_id epoch)
{
    struct writer w = writer_of(key, 8);
    write_u64(&w, epoch);
    return writer_result(&w);
}

static struct slice piece_key(uint8_t key[12], epoch_id epoch, uint32_t index)
{
    struct writer w = writer_of(key, 12);
    write_u64(&w, epoch);
    write_u32(&w, index);
    return writer_result(&w);
}

static int put_head(struct store *s, const struct snapshot_head *head, bool complete)
{
    uint8_t key[8], bytes[1 + SNAPSHOT_HEAD_SIZE_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    write_u8(&w, complete);
    snapshot_head_encode(&w, head);
    const struct slice value = writer_result(&w);
    return store_put(s, SNAPSHOT_HEADS, epoch_key(key, head->checkpoint.epoch), &value, 1);
}

static int decode_head(struct slice value, struct quorum q, struct snapshot_head *head,
                       bool *complete)
{
    if (value.size < 1 || value.data[0] > 1 ||
        !snapshot_head_decode(slice_of(value.data + 1, value.size - 1), q, head))
        return STORE_CORRUPT;
    *complete = value.data[0];
    return 0;
}

/* Ends a transaction that was begun. */
static int end(struct store *s, int error)
{
    if (!error)
        return store_commit(s);
    store_abort(s);
    return error;
}

int snapshots_put_piece(struct store *s, epoch_id epoch, uint32_t index, struct slice piece)
{
    uint8_t key[12];
    return store_put(s, SNAPSHOT_PIECES, piece_key(key, epoch, index), &piece, 1);
}

static int put_roots(struct store *s, epoch_id epoch, const struct hash roots[], size_t count)
{
    uint8_t key[8];
    const struct slice value = slice_of(roots, count * HASH_SIZE);
    return count == 0 ? 0 : store_put(s, SNAPSHOT_ROOTS, epoch_key(key, epoch), &value, 1);
}

static int drop_key(struct store *s, enum snapshot_table table, struct slice key)
{
    const int error = store_delete(s, table, key);
    return error == STORE_MISSING ? 0 : error;
}

/* Keys of pieces of one epoch, or of none that has a head. */
struct pieces {
    struct store *store;
    epoch_id epoch; /* 0: of those without a head. */
    unsigned count;
    uint8_t keys[256][12];
};

static bool has_head(struct store *s, epoch_id epoch)
{
    uint8_t key[8];
    struct slice value;
    return store_get(s, SNAPSHOT_HEADS, epoch_key(key, epoch), &value) == 0;
}

static int note_piece(void *context, struct slice key, struct slice value)
{
    struct pieces *p = context;
    struct reader r = reader_of(key);
    const epoch_id epoch = read_u64(&r);
    (void)value;
    if (p->epoch != 0 && epoch != p->epoch)
        return 1;
    if (p->epoch == 0 && has_head(p->store, epoch))
        return 0;
    memcpy(p->keys[p->count++], key.data, sizeof p->keys[0]);
    return p->count == sizeof p->keys / sizeof p->keys[0];
}

static int drop_pieces(struct store *s, epoch_id epoch)
{
    struct pieces p = {.store = s, .epoch = epoch};
    do {
        uint8_t key[12];
        p.count = 0;
        int error = store_scan(s, SNAPSHOT_PIECES, piece_key(key, epoch, 0), note_piece, &p);
        for (unsigned k = 0; k < p.count && error >= 0; k++)
            error = store_delete(s, SNAPSHOT_PIECES, slice_of(p.keys[k], sizeof p.keys[k]));
        if (error < 0)
            return error;
    } while (p.count > 0);
    return 0;
}

static int drop(struct store *s, epoch_id epoch)
{
    uint8_t key[8];
    int error = drop_pieces(s, epoch);
    if (!error)
        error = drop_key(s, SNAPSHOT_ROOTS, epoch_key(key, epoch));
    return error ? error : drop_key(s, SNAPSHOT_HEADS, epoch_key(key, epoch));
}

/* Heads in one state, the newest last. */
struct heads {
    struct quorum quorum;
    enum snapshot_state state;
    unsigned count;
    epoch_id first;
    struct snapshot_head last;
};

static int note_head(void *context, struct slice key, struct slice value)
{
    struct heads *h = context;
    struct snapshot_head head;
    bool complete;
    (void)key;
    const int error = decode_head(value, h->quorum, &head, &complete);
    if (error)
        return error;
    const bool is_signed = nodeset_count(&head.signers) >= quorum_some(h->quorum);
    const enum snapshot_state state = !complete   ? SNAPSHOT_GATHERED
                                      : is_signed ? SNAPSHOT_SIGNED
                                                  : SNAPSHOT_UNSIGNED;
    if (state != h->state)
        return 0;
    if (h->count++ == 0)
        h->first = head.checkpoint.epoch;
    h->last = head;
    return 0;
}

/* In a transaction: the oldest in a state, while there are more than `most`. */
static int drop_old(struct store *s, struct quorum q, enum snapshot_state state, unsigned most)
{
    for (;;) {
        struct heads heads = {.quorum = q, .state = state};
        int error = store_scan(s, SNAPSHOT_HEADS, (struct slice){0}, note_head, &heads);
        if (error || heads.count <= most)
            return error;
        if ((error = drop(s, heads.first)))
            return error;
    }
}

/* Of those not signed yet, this is the only one; of those signed, two are kept. */
int snapshots_complete(struct store *s, const struct snapshot_head *head, struct quorum q,
                       const struct hash roots[])
{
    int error = store_begin(s);
    if (error)
        return error;
    error = put_roots(s, head->checkpoint.epoch, roots,
                      snapshot_pieces(head) - snapshot_run_pieces(head));
    if (!error)
        error = put_head(s, head, true);
    if (!error)
        error = drop_old(s, q, SNAPSHOT_UNSIGNED, 1);
    return end(s, error ? error : drop_old(s, q, SNAPSHOT_SIGNED, SNAPSHOTS_KEPT));
}

int snapshots_sign(struct store *s, struct quorum q, const struct snapshot_head *head)
{
    int error = store_begin(s);
    if (error)
        return error;
    error = put_head(s, head, true);
    return end(s, error ? error : drop_old(s, q, SNAPSHOT_SIGNED, SNAPSHOTS_KEPT));
}

int snapshots_begin(struct store *s, const struct snapshot_head *head)
{
    const int error = store_begin(s);
    return error ? error : end(s, put_head(s, head, false));
}

int snapshots_put(struct store *s, const struct snapshot_head *head, uint32_t index,
                  struct slice piece)
{
    const int error = store_begin(s);
    return error ? error : end(s, snapshots_put_piece(s, head->checkpoint.epoch, index, piece));
}

/* Whether the pieces of a view are what the head says; their roots on the way. */
static int check(struct store_view *v, const struct snapshot_head *head, uint64_t link_horizon,
                 struct hash roots[], bool *fits)
{
    const uint32_t runs = snapshot_run_pieces(head), pieces = snapshot_pieces(head);
    struct checkpoint_runs_root delivered;
    checkpoint_runs_begin(&delivered, head->checkpoint.epoch, link_horizon);
    *fits = false;
    for (uint32_t i = 0; i < pieces; i++) {
        struct slice piece;
        const int error = snapshots_piece(v, head->checkpoint.epoch, i, &piece);
        if (error)
            return error;
        if (!snapshot_piece_fits(head, i, piece.size))
            return 0;
        for (size_t at = 0; i < runs && at < piece.size; at += CHECKPOINT_RUN_SIZE)
            checkpoint_runs_add(&delivered, piece.data + at);
        if (i >= runs)
            roots[i - runs] = snapshot_piece_root(head, piece);
    }
    const struct hash delivered_root = checkpoint_runs_end(&delivered);
    const struct hash root = merkle_root(roots, pieces - runs);
    *fits = hash_equal(&delivered_root, &head->checkpoint.delivered_root) &&
            hash_equal(&root, snapshot_root(head));
    return 0;
}

int snapshots_finish(struct store *s, struct quorum q, const struct snapshot_head *head,
                     uint64_t link_horizon, bool *fits)
{
    struct hash *roots = calloc(snapshot_pieces(head) + 1u, sizeof *roots);
    struct store_view *view;
    if (!roots)
        abort();
    int error = store_view_open(s, &view);
    if (!error) {
        error = check(view, head, link_horizon, roots, fits);
        store_view_close(view);
    }
    if (!error)
        error = *fits ? snapshots_complete(s, head, q, roots)
                      : snapshots_abandon(s, head->checkpoint.epoch);
    free(roots);
    return error;
}

int snapshots_abandon(struct store *s, epoch_id epoch)
{
    uint8_t key[8];
    struct slice value;
    int error = store_begin(s);
    if (error)
        return error;
    error = store_get(s, SNAPSHOT_HEADS, epoch_key(key, epoch), &value);
    if (!error && (value.size == 0 || value.data[0] == 0))
        error = drop(s, epoch);
    return end(s, error == STORE_MISSING ? 0 : error);
}

int snapshots_clean(struct store *s)
{
    const int error = store_begin(s);
    return error ? error : end(s, drop_pieces(s, 0));
}

int snapshots_last(struct store_view *v, struct quorum q, enum snapshot_state state,
                   struct snapshot_head *head)
{
    struct heads heads = {.quorum = q, .state = state};
    const int error = store_view_scan(v, SNAPSHOT_HEADS, (struct slice){0}, note_head, &heads);
    *head = heads.last;
    return error ? error : heads.count > 0 ? 0 : STORE_MISSING;
}

int snapshots_head(struct store_view *v, struct quorum q, epoch_id epoch,
                   struct snapshot_head *head)
{
    uint8_t key[8];
    struct slice value;
    bool is_complete;
    const int error = store_view_get(v, SNAPSHOT_HEADS, epoch_key(key, epoch), &value);
    return error ? error : decode_head(value, q, head, &is_complete);
}

int snapshots_piece(struct store_view *v, epoch_id epoch, uint32_t index, struct slice *piece)
{
    uint8_t key[12];
    return store_view_get(v, SNAPSHOT_PIECES, piece_key(key, epoch, index), piece);
}

int snapshots_path(struct store_view *v, const struct snapshot_head *head, uint32_t index,
                   struct hash path[MERKLE_LOG_DEPTH_MAX], unsigned *length)
{
    uint8_t key[8];
    struct slice value;
    const uint32_t runs = snapshot_run_pieces(head), pieces = snapshot_pieces(head);
    assert(index >= runs);
    assert(index < pieces);
    const int error =
        store_view_get(v, SNAPSHOT_ROOTS, epoch_key(key, head->checkpoint.epoch), &value);
    if (error)
        return error;
    struct hash *roots = calloc(pieces - runs, sizeof *roots);
    if (!roots)
        abort();
    const bool all = value.size == (pieces - runs) * sizeof *roots;
    if (all) {
        memcpy(roots, value.data, value.size);
        *length = merkle_path(roots, pieces - runs, index - runs, path);
    }
    free(roots);
    return all ? 0 : STORE_CORRUPT;
}
