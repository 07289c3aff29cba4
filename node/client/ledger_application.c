#include "node/client/ledger_application.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { TRANSACTIONS_MAX = 8192, CHAIN_SIZE = 32 };

struct serving {
    const struct ledger_application *application;
    void *socket;
    zmq_msg_t message;        /* The frame that was received last. */
    bool more;                /* There is another. */
    uint64_t committed, open; /* Epochs; 0: none is open. */
    bool greeted;             /* There was a hello. */
    bool finished;
    uint8_t verdicts[TRANSACTIONS_MAX];
};

struct frame {
    const void *data;
    size_t size;
};

static bool next(struct serving *s, struct frame *f)
{
    if (!s->more || zmq_msg_recv(&s->message, s->socket, 0) < 0)
        return false;
    s->more = zmq_msg_more(&s->message);
    *f = (struct frame){zmq_msg_data(&s->message), zmq_msg_size(&s->message)};
    return true;
}

static bool next_epoch(struct serving *s, uint64_t *epoch)
{
    struct frame f;
    if (!next(s, &f) || f.size != sizeof *epoch)
        return false;
    memcpy(epoch, f.data, sizeof *epoch);
    *epoch = be64toh(*epoch);
    return true;
}

static void reply(struct serving *s, const char *word, const struct frame parts[], unsigned count)
{
    zmq_send(s->socket, word, strlen(word), count ? ZMQ_SNDMORE : 0);
    for (unsigned i = 0; i < count; i++)
        zmq_send(s->socket, parts[i].data, parts[i].size, i + 1 < count ? ZMQ_SNDMORE : 0);
}

/* What is left of a request is of no interest. */
static void refuse(struct serving *s, const char *reason)
{
    struct frame rest;
    while (next(s, &rest))
        continue;
    reply(s, "no", &(struct frame){reason, strlen(reason)}, 1);
}

static void hello(struct serving *s)
{
    uint8_t root[LEDGER_ROOT_SIZE];
    struct frame version, f;
    if (!next(s, &version) || version.size != 1 || *(const char *)version.data != '1' ||
        !next(s, &f) || f.size != CHAIN_SIZE || s->more) {
        refuse(s, "hello 1 CHAIN is spoken here");
        return;
    }
    s->open = 0;
    s->finished = false;
    s->greeted = true;
    s->application->begin(s->application->context, &s->committed, root);
    const uint64_t epoch = htobe64(s->committed);
    const struct frame parts[] = {{&epoch, sizeof epoch}, {root, sizeof root}};
    reply(s, "ok", parts, 2);
}

static void check(struct serving *s)
{
    struct frame f;
    const bool one = next(s, &f) && !s->more;
    const char *reason = NULL;
    if (one && s->application->check)
        reason = s->application->check(s->application->context, f.data, f.size);
    if (!one || reason)
        refuse(s, one ? reason : "check TRANSACTION");
    else
        reply(s, "ok", NULL, 0);
}

static void execute(struct serving *s)
{
    uint64_t epoch;
    unsigned count = 0;
    struct frame f;
    if (!s->greeted || !next_epoch(s, &epoch) || !s->more || epoch <= s->committed || s->finished ||
        (s->open != 0 && s->open != epoch)) {
        refuse(s, "after hello: execute EPOCH TRANSACTION ..., of the next epoch");
        return;
    }
    s->open = epoch;
    while (count < TRANSACTIONS_MAX && next(s, &f))
        s->verdicts[count++] =
            (uint8_t)s->application->execute(s->application->context, f.data, f.size);
    if (s->more)
        refuse(s, "so many transactions are too many");
    else
        reply(s, "ok", &(struct frame){s->verdicts, count}, 1);
}

static void finish(struct serving *s)
{
    uint64_t epoch;
    uint8_t root[LEDGER_ROOT_SIZE];
    if (!next_epoch(s, &epoch) || s->more || epoch != s->open || s->finished) {
        refuse(s, "finish EPOCH, the one that was executed");
        return;
    }
    s->application->finish(s->application->context, epoch, root);
    s->finished = true;
    reply(s, "ok", &(struct frame){root, sizeof root}, 1);
}

static void commit(struct serving *s)
{
    uint64_t epoch;
    if (!next_epoch(s, &epoch) || s->more || epoch != s->open || !s->finished) {
        refuse(s, "commit EPOCH, the one that was finished");
        return;
    }
    s->application->commit(s->application->context);
    s->committed = epoch;
    s->open = 0;
    s->finished = false;
    reply(s, "ok", NULL, 0);
}

static void query(struct serving *s)
{
    struct frame f, answer = {"", 0};
    const char *reason = "there are no queries here";
    const bool one = next(s, &f) && !s->more;
    if (one && s->application->query)
        reason = s->application->query(s->application->context, f.data, f.size, &answer.data,
                                       &answer.size);
    if (!one || reason)
        refuse(s, one ? reason : "query BYTES");
    else
        reply(s, "ok", &answer, 1);
}

static const struct request {
    const char *word;
    void (*answer)(struct serving *s);
} requests[] = {{"hello", hello},   {"check", check},   {"execute", execute},
                {"finish", finish}, {"commit", commit}, {"query", query}};

static bool answer_one(struct serving *s)
{
    struct frame word;
    s->more = true;
    if (!next(s, &word))
        return false;
    for (unsigned k = 0; k < sizeof requests / sizeof requests[0]; k++)
        if (word.size == strlen(requests[k].word) &&
            memcmp(word.data, requests[k].word, word.size) == 0) {
            requests[k].answer(s);
            return true;
        }
    refuse(s, "there is no such request");
    return true;
}

int ledger_application_serve(const char *path, const struct ledger_application *application)
{
    struct serving *s = calloc(1, sizeof *s);
    char endpoint[256];
    if (!s || snprintf(endpoint, sizeof endpoint, "ipc://%s", path) >= (int)sizeof endpoint) {
        errno = s ? ENAMETOOLONG : ENOMEM;
        free(s);
        return -1;
    }
    void *zmq = zmq_ctx_new();
    s->application = application;
    s->socket = zmq ? zmq_socket(zmq, ZMQ_REP) : NULL;
    zmq_msg_init(&s->message);
    if (s->socket && zmq_bind(s->socket, endpoint) == 0)
        while (answer_one(s) || errno == EINTR)
            continue;
    const int error = errno;
    zmq_msg_close(&s->message);
    if (s->socket)
        zmq_close(s->socket);
    if (zmq)
        zmq_ctx_term(zmq);
    free(s);
    errno = error;
    return -1;
}
