/* What an application is asked, and whether its answers have the form of the protocol. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "node/cli/conformance.h"
#include "node/client/connection.h"

enum { LOOK_MS = 50, LATE_MS = 20, NUMBER_SIZE = 8, REPLY_FRAMES = 3 };

struct reply {
    bool ok;
    unsigned count;             /* Of frames, the word too. */
    size_t sizes[REPLY_FRAMES]; /* Whatever there is room for. */
    uint8_t data[REPLY_FRAMES][EXTERNAL_ANSWER_MAX];
};
static struct reply reply; /* Too large for the stack. */

static int send_frames(struct subject *s, void *socket, const struct slice frames[], size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (zmq_send(socket, frames[k].data, frames[k].size,
                     ZMQ_DONTWAIT | (k + 1 < count ? ZMQ_SNDMORE : 0)) < 0)
            return subject_why(s, "a request cannot be sent: %s", zmq_strerror(zmq_errno()));
    return 0;
}

static struct slice text(const char *word) { return slice_of(word, strlen(word)); }

static struct slice number(uint8_t bytes[NUMBER_SIZE], uint64_t value)
{
    struct writer w = writer_of(bytes, NUMBER_SIZE);
    write_u64(&w, value);
    return writer_result(&w);
}

static bool readable(void *socket, int wait_ms)
{
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    return zmq_poll(&item, 1, wait_ms) > 0;
}

static int wait_for(struct subject *s, void *socket, const char *asked, int limit_ms)
{
    const uint64_t deadline_ms = clock_ms() + (uint64_t)limit_ms;
    while (!readable(socket, LOOK_MS)) {
        if (subject_ended(s, asked))
            return -1;
        if (clock_ms() < deadline_ms)
            continue;
        if (limit_ms == SUBJECT_START_MS)
            return subject_why(
                s,
                "it does not answer hello %d s after it was started: it has to bind a "
                "REP socket to the path that is its last argument but one",
                limit_ms / 1000);
        return subject_why(s, "it does not answer %s within %d s", asked, limit_ms / 1000);
    }
    return 0;
}

static int receive(struct subject *s, void *socket, const char *asked, int limit_ms)
{
    int more = 1;
    size_t size = sizeof more;
    if (wait_for(s, socket, asked, limit_ms))
        return -1;
    for (reply.count = 0; more; reply.count++) {
        const unsigned k = reply.count < REPLY_FRAMES ? reply.count : REPLY_FRAMES - 1;
        const int got = zmq_recv(socket, reply.data[k], sizeof reply.data[k], 0);
        if (got < 0 || zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) != 0)
            return subject_why(s, "an answer cannot be read: %s", zmq_strerror(zmq_errno()));
        if (got > EXTERNAL_ANSWER_MAX)
            return subject_why(s, "its answer to %s has a frame of %d bytes: %d are the most",
                               asked, got, EXTERNAL_ANSWER_MAX);
        reply.sizes[k] = (size_t)got;
    }
    const struct slice word = slice_of(reply.data[0], reply.sizes[0]);
    reply.ok = slice_equal(word, text("ok"));
    if (!reply.ok && !slice_equal(word, text("no")))
        return subject_why(s, "its answer to %s begins neither with ok nor with no", asked);
    if (!reply.ok && reply.count != 2)
        return subject_why(s, "it says no to %s in %u frames: no and a reason were expected", asked,
                           reply.count);
    return 0;
}

/* Sends, and receives what has to be ok with so many frames after it. */
static int ask(struct subject *s, const struct slice frames[], size_t count, int limit_ms,
               unsigned expected)
{
    const char *asked = (const char *)frames[0].data;
    if (send_frames(s, s->requests, frames, count) || receive(s, s->requests, asked, limit_ms))
        return -1;
    if (!reply.ok)
        return subject_why(s, "ok was expected to %s, no came: %.*s", asked, (int)reply.sizes[1],
                           (const char *)reply.data[1]);
    if (reply.count != expected + 1)
        return subject_why(s, "its answer to %s has %u frames, not %u", asked, reply.count,
                           expected + 1);
    return 0;
}

static int take_root(struct subject *s, const char *asked, unsigned k, struct hash *root)
{
    if (reply.sizes[k] != HASH_SIZE)
        return subject_why(s, "its answer to %s has a root of %zu bytes: %d were expected", asked,
                           reply.sizes[k], HASH_SIZE);
    memcpy(root->bytes, reply.data[k], HASH_SIZE);
    return 0;
}

int ask_hello(struct subject *s, const struct hash *chain, int limit_ms, uint64_t *epoch,
              struct hash *root)
{
    const struct slice frames[] = {text("hello"), text("1"), hash_slice(chain)};
    if (ask(s, frames, 3, limit_ms, 2))
        return -1;
    if (reply.sizes[1] != NUMBER_SIZE)
        return subject_why(s, "its answer to hello has an epoch of %zu bytes: 8 were expected",
                           reply.sizes[1]);
    struct reader r = reader_of(slice_of(reply.data[1], NUMBER_SIZE));
    *epoch = read_u64(&r);
    return take_root(s, "hello", 2, root);
}

int ask_execute(struct subject *s, uint64_t epoch, const struct slice transactions[], size_t count,
                uint8_t outcomes[])
{
    uint8_t bytes[NUMBER_SIZE];
    const struct slice frames[] = {text("execute"), number(bytes, epoch)};
    for (unsigned k = 0; k < 2; k++)
        if (zmq_send(s->requests, frames[k].data, frames[k].size, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
            return subject_why(s, "a request cannot be sent: %s", zmq_strerror(zmq_errno()));
    if (send_frames(s, s->requests, transactions, count) ||
        receive(s, s->requests, "execute", SUBJECT_ANSWER_MS))
        return -1;
    if (!reply.ok)
        return subject_why(s, "epoch %" PRIu64 ": ok was expected to execute, no came: %.*s", epoch,
                           (int)reply.sizes[1], (const char *)reply.data[1]);
    if (reply.count != 2 || reply.sizes[1] != count)
        return subject_why(s,
                           "epoch %" PRIu64
                           ": its answer to execute has %u frames, the second of %zu "
                           "bytes: 2 and %zu were expected, a byte for each transaction",
                           epoch, reply.count, reply.count > 1 ? reply.sizes[1] : 0, count);
    memcpy(outcomes, reply.data[1], count);
    for (size_t k = 0; k < count; k++)
        if (outcomes[k] < 1 || outcomes[k] > 3)
            return subject_why(s,
                               "epoch %" PRIu64
                               ": its answer to execute has %u for transaction %zu of "
                               "%zu: 1, 2 or 3 was expected",
                               epoch, outcomes[k], k + 1, count);
    return 0;
}

int ask_finish(struct subject *s, uint64_t epoch, struct hash *root)
{
    uint8_t bytes[NUMBER_SIZE];
    const struct slice frames[] = {text("finish"), number(bytes, epoch)};
    return ask(s, frames, 2, SUBJECT_ANSWER_MS, 1) ? -1 : take_root(s, "finish", 1, root);
}

int send_commit(struct subject *s, uint64_t epoch)
{
    uint8_t bytes[NUMBER_SIZE];
    const struct slice frames[] = {text("commit"), number(bytes, epoch)};
    return send_frames(s, s->requests, frames, 2);
}

int ask_commit(struct subject *s, uint64_t epoch)
{
    uint8_t bytes[NUMBER_SIZE];
    const struct slice frames[] = {text("commit"), number(bytes, epoch)};
    return ask(s, frames, 2, SUBJECT_ANSWER_MS, 0);
}

bool commit_was_answered(struct subject *s)
{
    return readable(s->requests, LATE_MS) &&
           receive(s, s->requests, "commit", SUBJECT_ANSWER_MS) == 0 && reply.ok;
}

int ask_unknown(struct subject *s)
{
    const struct slice frames[] = {text("conformance"), text("of no meaning")};
    if (send_frames(s, s->requests, frames, 2) ||
        receive(s, s->requests, "the word conformance", SUBJECT_ANSWER_MS))
        return -1;
    return reply.ok ? subject_why(s, "no was expected to the word conformance, ok came") : 0;
}

int ask_ungreeted(struct subject *s, struct slice transaction)
{
    static const uint8_t epoch[8] = {[7] = 1};
    const struct slice frames[] = {text("execute"), slice_of(epoch, sizeof epoch), transaction};
    if (send_frames(s, s->requests, frames, 3) ||
        receive(s, s->requests, "execute before any hello", SUBJECT_START_MS))
        return -1;
    return reply.ok ? subject_why(s, "no was expected to execute before any hello, ok came") : 0;
}

static int send_dump(struct subject *s, uint64_t count)
{
    uint8_t bytes[NUMBER_SIZE];
    const struct slice frames[] = {text("dump"), number(bytes, count)};
    return send_frames(s, s->requests, frames, 2) ||
                   receive(s, s->requests, "dump", SUBJECT_ANSWER_MS)
               ? -1
               : 0;
}

int ask_whether_dump(struct subject *s, bool *has)
{
    const int result = send_dump(s, 0);
    *has = reply.ok;
    return result;
}

int ask_dump(struct subject *s, uint64_t count, struct slice *record)
{
    if (send_dump(s, count))
        return -1;
    if (!reply.ok || reply.count != 2 || reply.sizes[1] > EXTERNAL_RECORD_MAX)
        return subject_why(s, "its answer to dump is not ok and a record of %d bytes at the most",
                           EXTERNAL_RECORD_MAX);
    *record = slice_of(reply.data[1], reply.sizes[1]);
    return 0;
}

int ask_restore(struct subject *s, uint64_t epoch, const struct hash *root)
{
    uint8_t bytes[NUMBER_SIZE];
    const struct slice frames[] = {text("restore"), number(bytes, epoch), hash_slice(root)};
    return ask(s, frames, 3, SUBJECT_ANSWER_MS, 0);
}

int ask_load(struct subject *s, const struct slice records[], size_t count)
{
    if (zmq_send(s->requests, "load", 4, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
        return subject_why(s, "a request cannot be sent: %s", zmq_strerror(zmq_errno()));
    if (send_frames(s, s->requests, records, count) ||
        receive(s, s->requests, "load", SUBJECT_ANSWER_MS))
        return -1;
    return reply.ok && reply.count == 1
               ? 0
               : subject_why(s, "ok was expected to load, of records that it had dumped");
}

int send_aside(struct subject *s, const char *word, struct slice bytes)
{
    const struct slice frames[] = {text(word), bytes};
    return send_frames(s, s->asides, frames, 2);
}

int receive_aside(struct subject *s, const char *word)
{
    const unsigned expected = strcmp(word, "query") == 0 ? 2 : 1;
    if (receive(s, s->asides, word, SUBJECT_ANSWER_MS))
        return -1;
    if (reply.ok && reply.count != expected)
        return subject_why(s, "its answer to %s has %u frames, not %u", word, reply.count,
                           expected);
    return 0;
}
