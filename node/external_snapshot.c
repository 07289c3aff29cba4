/* Snapshots of an application elsewhere: its state is taken out record by record, between two epochs,
 * and put into one that has less than can be given to it again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "node/external_private.h"
#include "node/log.h"
#include "node/snapshots.h"

enum { LOOK_EPOCHS = 4, DROP_AN_EPOCH = 64, RECORDS_AT_A_TIME = 1024 };

static_assert(EXTERNAL_RECORD_MAX + 4 <= SNAPSHOT_PIECE_SIZE_MAX, "a record fits into a piece");

/* Lost at the first record it is asked once more, and at a later one by the next checkpoint. */
static int ask_record(struct external *x, bool first, struct slice *record,
                      enum wire_answer *answer)
{
    uint8_t number[8];
    for (unsigned tries = first ? 2 : 1; tries > 0; tries--) {
        const int error = x->synced ? 0 : external_sync(x);
        if (error)
            return error;
        const struct slice frame = external_epoch(number, x->records);
        *answer = wire_ask(&x->wire, "dump", &frame, 1, -1, 1, NULL, record);
        if (*answer == WIRE_OK || *answer == WIRE_NO)
            break;
        x->synced = false;
        atomic_store(&x->alive, false);
    }
    return 0;
}

int external_record(void *state, bool first, struct slice *record)
{
    struct external *x = state;
    enum wire_answer answer;
    x->records = first ? 0 : x->records + 1;
    if ((!first && !x->synced) || atomic_load(&x->stop))
        return STORE_IO;
    const int error = ask_record(x, first, record, &answer);
    if (error)
        return error;
    if (answer == WIRE_OK && record->size <= EXTERNAL_RECORD_MAX)
        return 0;
    if (answer == WIRE_OK || answer == WIRE_NO)
        log_limited(LOG_LEVEL_WARN, "application", 'd', "it gives no snapshot of its state: %s",
                    answer == WIRE_NO ? x->wire.reason : "a record of it is too long");
    return STORE_IO;
}

static int ask(struct external *x, const char *word, const struct slice frames[], unsigned count)
{
    struct slice none;
    return external_judge(x, word, wire_ask(&x->wire, word, frames, count, -1, 0, NULL, &none));
}

static int give_piece(struct external *x, struct slice piece)
{
    struct slice frames[RECORDS_AT_A_TIME];
    struct reader r = reader_of(piece);
    int error = 0;
    while (!error && reader_left(&r) > 0) {
        unsigned count = 0;
        while (r.ok && count < RECORDS_AT_A_TIME && reader_left(&r) > 0)
            frames[count++] = read_slice(&r, read_u32(&r));
        error = r.ok ? ask(x, "load", frames, count) : STORE_CORRUPT;
    }
    return error;
}

static int restore(struct external *x, struct store_view *view, const struct snapshot_head *head)
{
    uint8_t bytes[8];
    const struct checkpoint *c = &head->checkpoint;
    const struct slice frames[] = {external_epoch(bytes, c->epoch), hash_slice(&c->state_root)};
    int error = ask(x, "restore", frames, 2);
    const uint32_t first = snapshot_run_pieces(head) + snapshot_id_pieces(head);
    for (uint32_t i = first; i < snapshot_pieces(head) && !error; i++) {
        struct slice piece = {0};
        error = atomic_load(&x->stop) ? external_fail(x, "the node stops")
                                      : snapshots_piece(view, c->epoch, i, &piece);
        if (!error)
            error = give_piece(x, piece);
    }
    return error ? error : ask(x, "commit", frames, 1);
}

int external_restore(struct external *x, epoch_id *epoch)
{
    struct snapshot_head head;
    struct store_view *view;
    *epoch = 0;
    if (!x->snapshots)
        return 0;
    int error = store_view_open(x->snapshots, &view);
    if (error)
        return error;
    error = snapshots_last(view, x->quorum, SNAPSHOT_SIGNED, &head);
    const bool fits = error == 0 && head.opaque && head.checkpoint.epoch >= x->base.epoch &&
                      head.checkpoint.epoch < x->epoch;
    if (error == STORE_MISSING)
        error = 0;
    if (fits) {
        *epoch = head.checkpoint.epoch;
        log_line(LOG_LEVEL_INFO, "application",
                 "the application is given a snapshot of its state epoch=%" PRIu64
                 " pieces=%" PRIu32,
                 *epoch, head.state_pieces);
        error = restore(x, view, &head);
    }
    store_view_close(view);
    return error;
}

/* The newest of which f+1 have said that it is right. */
static int find_base(struct external *x, struct inputs_base *base)
{
    struct snapshot_head head;
    struct store_view *view;
    int error = store_view_open(x->snapshots, &view);
    if (error)
        return error;
    error = snapshots_last(view, x->quorum, SNAPSHOT_SIGNED, &head);
    store_view_close(view);
    if (error == 0 && head.opaque)
        *base = (struct inputs_base){head.checkpoint.epoch, head.checkpoint.state_root, 0};
    return error == STORE_MISSING ? 0 : error;
}

int external_prune(struct external *x)
{
    struct inputs_base base = x->base;
    const bool begun = x->begun;
    bool all = true;
    int error = 0;
    if (x->snapshots && x->epoch % LOOK_EPOCHS == 0)
        error = find_base(x, &base);
    const bool moved = base.epoch > x->base.epoch && base.epoch < x->epoch;
    if (moved) {
        x->base = base;
        x->old_inputs = true;
    }
    if (!error && (moved || begun))
        error = inputs_rebase(x->store, &x->base);
    if (!error && x->old_inputs)
        error = inputs_drop(x->store, x->base.epoch, DROP_AN_EPOCH + 2 * x->parts, &all);
    x->old_inputs = !all;
    atomic_store(&x->kept, x->base.bytes);
    return error;
}
