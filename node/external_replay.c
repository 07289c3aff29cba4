/* What an application that has begun anew has forgotten is given to it again, from the ledger. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/external_private.h"
#include "node/log.h"

enum {
    AGAIN_MS = 1000, /* After a no, ... */
    LOST_MS = 50,    /* ... and after a loss. */
    TRY_MS = 200,
};

int external_fail(struct external *x, const char *problem)
{
    snprintf(x->problem, sizeof x->problem, "%s", problem);
    return STORE_CORRUPT;
}

static void rest(unsigned ms)
{
    const struct timespec so_long = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&so_long, NULL);
}

int external_judge(struct external *x, const char *word, enum wire_answer answer)
{
    switch (answer) {
    case WIRE_OK: return 0;
    case WIRE_STOPPED: return external_fail(x, "the node stops");
    case WIRE_NO:
        log_limited(LOG_LEVEL_ERROR, "application", (uint64_t)word[0],
                    "%s is not answered as it should be, and asked again: %s", word,
                    x->wire.reason);
        rest(AGAIN_MS);
        break;
    case WIRE_LATE:
        log_limited(LOG_LEVEL_WARN, "application", 'n', "nobody answers at %s", x->endpoint);
        break;
    case WIRE_LOST:
        rest(LOST_MS);
        log_limited(LOG_LEVEL_WARN, "application", (uint64_t)word[0],
                    "the connection to the application was lost while it was asked to %s", word);
        break;
    }
    x->synced = false;
    atomic_store(&x->alive, false);
    return atomic_load(&x->stop) ? external_fail(x, "the node stops") : EXTERNAL_LOST;
}

struct replay {
    struct external *external;
    unsigned epochs;
};

static int replay_part(struct external *x, const struct slice epoch, struct slice value)
{
    struct reader r = reader_of(value);
    const uint32_t count = read_u32(&r);
    const struct slice wanted = read_slice(&r, count);
    if (count > value.size)
        return STORE_CORRUPT;
    struct slice *frames = calloc((size_t)count + 1, sizeof *frames), answered;
    if (!frames)
        abort();
    frames[0] = epoch;
    for (uint32_t i = 0; i < count; i++)
        frames[1 + i] = read_slice(&r, read_u32(&r));
    int error = reader_finished(&r) ? 0 : STORE_CORRUPT;
    if (!error)
        error = external_judge(
            x, "execute", wire_ask(&x->wire, "execute", frames, count + 1, -1, 1, NULL, &answered));
    free(frames);
    if (!error && !slice_equal(answered, wanted))
        return external_fail(x, "the application does not say of transactions what it said when "
                                "they were executed: it is another, or not deterministic");
    return error;
}

static int replay_root(struct external *x, const struct slice epoch, struct slice wanted)
{
    struct slice root;
    int error =
        external_judge(x, "finish", wire_ask(&x->wire, "finish", &epoch, 1, -1, 1, NULL, &root));
    if (!error && !slice_equal(root, wanted))
        return external_fail(x, "the application comes to another state than when these "
                                "transactions were executed: it is another, or not deterministic");
    return error ? error
                 : external_judge(x, "commit",
                                  wire_ask(&x->wire, "commit", &epoch, 1, -1, 0, NULL, &root));
}

static int replay_record(void *context, struct slice key, struct slice value)
{
    struct replay *replay = context;
    if (key.size != INPUT_KEY_SIZE)
        return STORE_CORRUPT;
    struct reader r = reader_of(key);
    const struct slice epoch = read_slice(&r, 8);
    if (read_u32(&r) != INPUT_ROOT)
        return replay_part(replay->external, epoch, value);
    replay->epochs++;
    return replay_root(replay->external, epoch, value);
}

/* What the open epoch holds already is in the transaction of the store. */
static int replay_from(struct external *x, epoch_id from, struct replay *replay)
{
    uint8_t key[INPUT_KEY_SIZE];
    struct store_view *view;
    const struct slice first = input_key(key, from, 0);
    if (x->begun)
        return store_scan(x->store, LEDGER_INPUTS, first, replay_record, replay);
    int error = store_view_open(x->store, &view);
    if (error)
        return error;
    error = store_view_scan(view, LEDGER_INPUTS, first, replay_record, replay);
    store_view_close(view);
    return error;
}

/* Whether what it has committed is of this ledger. */
static int compare(struct external *x, epoch_id epoch, struct slice root)
{
    struct store_view *view;
    struct hash ours;
    if (epoch == 0)
        return 0;
    int error = store_view_open(x->store, &view);
    if (error)
        return error;
    error = inputs_root(view, &x->base, epoch, &ours);
    store_view_close(view);
    return error || slice_equal(hash_slice(&ours), root)
               ? error
               : external_fail(x, "the state that the application has is not of this ledger: it "
                                  "belongs to another; empty its directory");
}

/* Where it is to go on: where it has committed, if what came after that is there. Else it is given a
 * snapshot. */
static int find_place(struct external *x, epoch_id *epoch, struct slice root)
{
    const bool ahead = *epoch > 0 && *epoch >= x->epoch;
    if (!ahead && *epoch >= x->base.epoch)
        return compare(x, *epoch, root);
    if (!ahead && slice_equal(hash_slice(&x->base.root), root)) {
        *epoch = x->base.epoch; /* What came until then brought nothing. */
        return 0;
    }
    const int error = external_restore(x, epoch);
    if (error || *epoch > 0)
        return error;
    if (ahead && x->trying) { /* There may be one soon: this node begins anew. */
        log_limited(LOG_LEVEL_WARN, "application", 'a',
                    "the application has executed more than this node");
        return EXTERNAL_LOST;
    }
    return external_fail(
        x, ahead ? "the application has executed more than this node: it belongs to "
                   "another, or the node's data are older; empty its directory"
                 : "the application has forgotten what this node cannot give it again, and there "
                   "is no snapshot here: restore the application's data or the node's from a "
                   "backup, or empty the node's and start it with --lost-data");
}

static int sync_once(struct external *x, int hello_ms)
{
    uint64_t epoch = UINT64_MAX;
    struct slice root;
    const struct slice frames[] = {slice_of("1", 1), hash_slice(&x->chain)};
    int error = external_judge(x, "hello",
                               wire_ask(&x->wire, "hello", frames, 2, hello_ms, 2, &epoch, &root));
    if (!error && (epoch == UINT64_MAX || root.size != HASH_SIZE))
        return external_fail(x,
                             "the application does not answer hello with an epoch of 8 bytes and a "
                             "root of 32: mend it and start the node again");
    if (error || (error = find_place(x, &epoch, root)))
        return error;
    struct replay replay = {.external = x};
    if ((error = replay_from(x, epoch + 1, &replay)))
        return error;
    x->synced = true;
    *x->problem = '\0';
    atomic_store(&x->alive, true);
    log_line(LOG_LEVEL_INFO, "application",
             "the application is there epoch=%" PRIu64 " given_again=%u", epoch, replay.epochs);
    return 0;
}

int external_sync(struct external *x)
{
    int error;
    do
        error = sync_once(x, -1);
    while (error == EXTERNAL_LOST);
    return error;
}

int external_try(struct external *x)
{
    x->trying = true;
    const int error = sync_once(x, TRY_MS);
    x->trying = false;
    return error == EXTERNAL_LOST ? 0 : error;
}

int external_ask(struct external *x, const char *word, const struct slice frames[], unsigned count,
                 unsigned answers, struct slice *last)
{
    for (;;) {
        int error = x->synced ? 0 : external_sync(x);
        if (!error)
            error = external_judge(
                x, word, wire_ask(&x->wire, word, frames, count, -1, answers, NULL, last));
        if (error != EXTERNAL_LOST)
            return error;
    }
}
