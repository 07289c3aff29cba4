#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "net/clock.h"
#include "node/executor.h"
#include "node/external_private.h"
#include "node/log.h"

enum { SIDE_LONG_MS = 3, SIDE_RESTS = 10 };

static bool external_describe(void *state, struct slice bytes, struct mempool_item *item)
{
    (void)state;
    *item = (struct mempool_item){.bytes = bytes};
    return application_payload_id(bytes, &item->id);
}

/* Checks and queries hold up a worker, which others wait for: so one at a time, none for a while
 * after the application was too busy for one, and no checks for longer than the last one took. */
static bool side_begin(struct external *x, bool query)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += EXTERNAL_SIDE_MS / 1000;
    until.tv_nsec += EXTERNAL_SIDE_MS % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (!atomic_load(&x->alive) || (query ? pthread_mutex_timedlock(&x->mutex, &until)
                                          : pthread_mutex_trylock(&x->mutex)) != 0)
        return false;
    x->side_begun_ms = clock_ms();
    if (x->side_begun_ms >= x->side_rests_ms && (query || x->side_begun_ms >= x->checks_rest_ms))
        return true;
    pthread_mutex_unlock(&x->mutex);
    return false;
}

static void side_end(struct external *x, enum wire_answer answer)
{
    const uint64_t now_ms = clock_ms(), took_ms = now_ms - x->side_begun_ms;
    if (answer == WIRE_LATE)
        x->side_rests_ms = now_ms + EXTERNAL_REST_MS;
    if (took_ms >= SIDE_LONG_MS)
        x->checks_rest_ms = now_ms + SIDE_RESTS * took_ms;
    pthread_mutex_unlock(&x->mutex);
}

/* A courtesy: without an answer it is for execution to say. */
static enum outcome external_check(void *state, struct slice bytes)
{
    struct external *x = state;
    struct slice last;
    if (bytes.size < 1 || bytes.size > TRANSACTION_SIZE_MAX)
        return OUTCOME_MALFORMED;
    if (!side_begin(x, false))
        return OUTCOME_NONE;
    const enum wire_answer answer =
        wire_ask(&x->side, "check", &bytes, 1, EXTERNAL_SIDE_MS, 0, NULL, &last);
    side_end(x, answer);
    return answer == WIRE_NO ? OUTCOME_REFUSED : OUTCOME_NONE;
}

static int external_query(void *state, struct slice bytes, uint8_t answer[], size_t *size)
{
    struct external *x = state;
    struct slice last;
    if (!side_begin(x, true))
        return -1;
    const enum wire_answer got =
        wire_ask(&x->side, "query", &bytes, 1, EXTERNAL_SIDE_MS, 1, NULL, &last);
    static const char too_long[] = "its answer is too long";
    const bool long_one = got == WIRE_OK && last.size > *size;
    const char *reason = long_one ? too_long : x->side.reason;
    if (got != WIRE_OK || long_one)
        last = slice_of(reason, strlen(reason));
    if (got == WIRE_OK || got == WIRE_NO) {
        *size = last.size;
        memcpy(answer, last.data, last.size);
    }
    side_end(x, got);
    return long_one || got == WIRE_NO ? 1 : got == WIRE_OK ? 0 : -1;
}

static int external_genesis(void *state)
{
    struct external *x = state;
    x->root = (struct hash){{0}};
    return 0;
}

/* Which of them have had their turn: now, or before, in this batch too. */
static int mark_known(struct external *x, const struct slice transactions[], unsigned count,
                      struct result results[])
{
    for (unsigned i = 0; i < count; i++) {
        struct slice place;
        struct mempool_item item;
        const bool one = external_describe(x, transactions[i], &item);
        results[i] = (struct result){one ? item.id : (struct hash){{0}},
                                     one ? OUTCOME_NONE : OUTCOME_MALFORMED};
        const int error =
            one ? store_get(x->store, LEDGER_TRANSACTIONS, hash_slice(&item.id), &place)
                : STORE_MISSING;
        if (error == 0)
            results[i].outcome = OUTCOME_SEQUENCE_USED;
        else if (error != STORE_MISSING)
            return error;
    }
    return 0;
}

static int compare_results(const void *left, const void *right)
{
    const struct result *const *a = left, *const *b = right;
    const int order = memcmp(&(*a)->id, &(*b)->id, sizeof((*a)->id));
    return order ? order : (*a > *b) - (*a < *b);
}

/* The first copy of a batch has its turn. */
static void mark_repeated(struct result results[], unsigned count)
{
    static_assert(APPLICATION_BATCH <= 4096, "they fit on the stack");
    struct result *sorted[APPLICATION_BATCH];
    for (unsigned i = 0; i < count; i++)
        sorted[i] = &results[i];
    qsort(sorted, count, sizeof(struct result *), compare_results);
    for (unsigned i = 1; i < count; i++)
        if (sorted[i]->outcome == OUTCOME_NONE && hash_equal(&sorted[i]->id, &sorted[i - 1]->id))
            sorted[i]->outcome = OUTCOME_SEQUENCE_USED;
}

/* What it was given, and what it answered, for the next time. */
static int keep_part(struct external *x, const struct slice given[], unsigned count,
                     struct slice answered)
{
    size_t size = 4 + count;
    for (unsigned i = 0; i < count; i++)
        size += 4 + given[i].size;
    uint8_t *bytes = malloc(size), key[INPUT_KEY_SIZE];
    if (!bytes)
        abort();
    struct writer w = writer_of(bytes, size);
    write_u32(&w, count);
    write_slice(&w, answered);
    for (unsigned i = 0; i < count; i++) {
        write_u32(&w, (uint32_t)given[i].size);
        write_slice(&w, given[i]);
    }
    const struct slice value = writer_result(&w);
    const int error =
        store_put(x->store, LEDGER_INPUTS, input_key(key, x->epoch, x->parts), &value, 1);
    free(bytes);
    x->parts++;
    x->base.bytes += size;
    x->begun = true;
    return error;
}

static bool take_outcomes(struct slice answered, unsigned count, struct result results[])
{
    static const enum outcome outcomes[] = {OUTCOME_NONE, OUTCOME_EXECUTED, OUTCOME_FAILED,
                                            OUTCOME_REFUSED};
    unsigned next = 0;
    for (size_t i = 0; i < answered.size; i++)
        if (answered.data[i] < 1 || answered.data[i] > 3)
            return false;
    for (unsigned i = 0; i < count; i++)
        if (results[i].outcome == OUTCOME_NONE)
            results[i].outcome = outcomes[answered.data[next++]];
    return true;
}

struct slice external_epoch(uint8_t bytes[8], epoch_id epoch)
{
    struct writer w = writer_of(bytes, 8);
    write_u64(&w, epoch);
    return writer_result(&w);
}

static int external_execute(void *state, const struct slice transactions[], unsigned count,
                            struct result results[])
{
    struct external *x = state;
    struct slice frames[1 + APPLICATION_BATCH], answered;
    uint8_t epoch[8];
    unsigned fresh = 0;
    int error = mark_known(x, transactions, count, results);
    if (error)
        return error;
    mark_repeated(results, count);
    for (unsigned i = 0; i < count; i++)
        if (results[i].outcome == OUTCOME_NONE)
            frames[1 + fresh++] = transactions[i];
    if (fresh == 0)
        return 0;
    frames[0] = external_epoch(epoch, x->epoch);
    if ((error = external_ask(x, "execute", frames, 1 + fresh, 1, &answered)))
        return error;
    if (answered.size != fresh || !take_outcomes(answered, count, results))
        return external_fail(x, "the application does not answer execute with a 1, 2 or 3 for each "
                                "transaction: mend it and start the node again");
    return keep_part(x, frames + 1, fresh, answered);
}

static int external_commit(void *state, struct hash *root)
{
    struct external *x = state;
    struct slice answered;
    uint8_t key[INPUT_KEY_SIZE], epoch[8];
    if (x->begun) {
        const struct slice frame = external_epoch(epoch, x->epoch);
        int error = external_ask(x, "finish", &frame, 1, 1, &answered);
        if (error)
            return error;
        if (answered.size != HASH_SIZE)
            return external_fail(x, "the application does not answer finish with 32 bytes: mend it "
                                    "and start the node again");
        memcpy(&x->root, answered.data, HASH_SIZE);
        error =
            store_put(x->store, LEDGER_INPUTS, input_key(key, x->epoch, INPUT_ROOT), &answered, 1);
        if (error)
            return error;
    }
    *root = x->root;
    return external_prune(x);
}

/* If that fails it is given again: nothing here depends on it. */
static void external_committed(void *state)
{
    struct external *x = state;
    struct slice last;
    uint8_t epoch[8];
    if (x->begun) {
        const struct slice frame = external_epoch(epoch, x->epoch);
        x->begun = false;
        x->parts = 0;
        const enum wire_answer answer = wire_ask(&x->wire, "commit", &frame, 1, -1, 0, NULL, &last);
        if (answer == WIRE_NO)
            log_limited(LOG_LEVEL_ERROR, "application", 'c', "it does not commit: %s",
                        x->wire.reason);
        x->synced = answer == WIRE_OK;
        atomic_store(&x->alive, x->synced);
    }
    x->epoch++;
}

static int external_idle(void *state)
{
    struct external *x = state;
    if (x->synced && !wire_alive(&x->wire)) {
        log_line(LOG_LEVEL_WARN, "application", "the application has gone");
        x->synced = false;
        atomic_store(&x->alive, false);
    }
    return x->synced ? 0 : external_try(x);
}

static uint64_t external_kept(void *state)
{
    return atomic_load(&((struct external *)state)->kept);
}

static void external_stop(void *state) { atomic_store(&((struct external *)state)->stop, true); }
static const char *external_problem(void *state) { return ((struct external *)state)->problem; }

static void external_close(void *state)
{
    struct external *x = state;
    wire_close(&x->wire);
    wire_close(&x->side);
    if (x->zmq)
        zmq_ctx_term(x->zmq);
    pthread_mutex_destroy(&x->mutex);
    free(x);
}

/* Where the ledger is. */
static int read_place(struct external *x)
{
    struct executor_state state;
    struct store_view *view;
    int error = store_view_open(x->store, &view);
    if (error)
        return error;
    error = executor_state(view, &state);
    if (!error) {
        x->epoch = state.epoch + 1;
        x->root = state.state_root;
    }
    if (error == STORE_MISSING)
        error = 0;
    if (!error)
        error = inputs_base(view, &x->base);
    x->old_inputs = x->base.epoch > 0;
    atomic_store(&x->kept, x->base.bytes);
    store_view_close(view);
    return error;
}

int external_open(const struct external_options *options, struct store *store,
                  struct application_port *port, char *message, size_t message_size)
{
    struct external *x = calloc(1, sizeof *x);
    if (!x)
        abort();
    x->chain = options->chain;
    x->store = store;
    x->snapshots = options->snapshots;
    x->quorum = options->quorum;
    x->zmq = zmq_ctx_new();
    pthread_mutex_init(&x->mutex, NULL);
    snprintf(x->endpoint, sizeof x->endpoint, "ipc://%s", options->socket);
    wire_init(&x->wire, x->zmq, x->endpoint, &x->stop);
    wire_init(&x->side, x->zmq, x->endpoint, &x->stop);
    *port = (struct application_port){.name = "external",
                                      .state = x,
                                      .describe = external_describe,
                                      .check = external_check,
                                      .query = external_query,
                                      .genesis = external_genesis,
                                      .execute = external_execute,
                                      .commit = external_commit,
                                      .record = external_record,
                                      .kept = external_kept,
                                      .committed = external_committed,
                                      .idle = external_idle,
                                      .stop = external_stop,
                                      .problem = external_problem,
                                      .close = external_close};
    if (strlen(options->socket) > EXTERNAL_NAME_MAX)
        snprintf(message, message_size,
                 "application: the path of its socket, %s, is longer than %d characters: give a "
                 "shorter one",
                 options->socket, EXTERNAL_NAME_MAX);
    else if (!x->zmq || read_place(x) != 0)
        snprintf(message, message_size, "what the application was given cannot be read: %s",
                 store_message(store));
    else
        return 0;
    external_close(x);
    return -1;
}
