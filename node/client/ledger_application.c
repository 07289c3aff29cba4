#include "node/client/ledger_application.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { TRANSACTIONS_MAX = 8192, CHAIN_SIZE = 32 };
static_assert(LEDGER_PLACE_SIZE == 8 + LEDGER_ROOT_SIZE, "a place is an epoch and its root");

struct serving {
    const struct ledger_application *application;
    void *socket;
    zmq_msg_t message;              /* The frame that was received last. */
    bool more;                      /* There is another. */
    uint64_t committed, open;       /* Epochs; 0: none is open. */
    uint8_t root[LEDGER_ROOT_SIZE]; /* Of the last one, or of that which is finished. */
    EVP_MD_CTX *hash;
    bool greeted; /* There was a hello. */
    bool finished;
    bool restoring;
    uint64_t dumped; /* Records. */
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

static bool next_number(struct serving *s, uint64_t *number)
{
    struct frame f;
    if (!next(s, &f) || f.size != sizeof *number)
        return false;
    memcpy(number, f.data, sizeof *number);
    *number = be64toh(*number);
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
    uint8_t place[LEDGER_PLACE_SIZE] = {0};
    struct frame version, f;
    if (!next(s, &version) || version.size != 1 || *(const char *)version.data != '1' ||
        !next(s, &f) || f.size != CHAIN_SIZE || s->more) {
        refuse(s, "hello 1 CHAIN is spoken here");
        return;
    }
    s->open = 0;
    s->finished = s->restoring = false;
    s->greeted = true;
    s->application->begin(s->application->context, place);
    memcpy(&s->committed, place, sizeof s->committed);
    s->committed = be64toh(s->committed);
    memcpy(s->root, place + sizeof s->committed, sizeof s->root);
    const struct frame parts[] = {{place, sizeof s->committed}, {s->root, sizeof s->root}};
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

static enum ledger_verdict execute_one(struct serving *s, const struct frame *f)
{
    const uint32_t size = htobe32((uint32_t)f->size);
    const enum ledger_verdict verdict =
        s->application->execute(s->application->context, f->data, f->size);
    if (verdict == LEDGER_EXECUTED) {
        EVP_DigestUpdate(s->hash, &size, sizeof size);
        EVP_DigestUpdate(s->hash, f->data, f->size);
    }
    return verdict;
}

static void execute(struct serving *s)
{
    uint64_t epoch;
    unsigned count = 0;
    struct frame f;
    if (!s->greeted || !next_number(s, &epoch) || !s->more || epoch <= s->committed ||
        s->finished || (s->open != 0 && s->open != epoch)) {
        refuse(s, "after hello: execute EPOCH TRANSACTION ..., of the next epoch");
        return;
    }
    if (s->open == 0) {
        EVP_DigestInit_ex(s->hash, EVP_sha256(), NULL);
        EVP_DigestUpdate(s->hash, s->root, sizeof s->root);
    }
    s->open = epoch;
    while (count < TRANSACTIONS_MAX && next(s, &f))
        s->verdicts[count++] = (uint8_t)execute_one(s, &f);
    if (s->more)
        refuse(s, "so many transactions are too many");
    else
        reply(s, "ok", &(struct frame){s->verdicts, count}, 1);
}

static void finish(struct serving *s)
{
    uint64_t epoch;
    if (!next_number(s, &epoch) || s->more || epoch != s->open || s->finished) {
        refuse(s, "finish EPOCH, the one that was executed");
        return;
    }
    if (s->application->finish)
        s->application->finish(s->application->context, epoch, s->root);
    else
        EVP_DigestFinal_ex(s->hash, s->root, NULL);
    s->finished = true;
    reply(s, "ok", &(struct frame){s->root, sizeof s->root}, 1);
}

static void commit(struct serving *s)
{
    uint64_t epoch;
    if (!next_number(s, &epoch) || s->more || epoch != s->open || !s->finished) {
        refuse(s, "commit EPOCH, the one that was finished");
        return;
    }
    const uint64_t number = htobe64(epoch);
    uint8_t place[LEDGER_PLACE_SIZE];
    memcpy(place, &number, sizeof number);
    memcpy(place + sizeof number, s->root, sizeof s->root);
    s->application->commit(s->application->context, place);
    s->committed = epoch;
    s->open = 0;
    s->finished = s->restoring = false;
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

static void dump(struct serving *s)
{
    uint64_t number;
    struct frame record = {"", 0};
    if (!s->application->dump) {
        refuse(s, "there are no snapshots here");
    } else if (!s->greeted || !next_number(s, &number) || s->more ||
               (number != 0 && number != s->dumped)) {
        refuse(s, "after hello: dump NUMBER, from 0, then the next");
    } else {
        record.size = s->application->dump(s->application->context, number == 0, &record.data);
        s->dumped = number + 1;
        reply(s, "ok", &record, 1);
    }
}

static void restore(struct serving *s)
{
    uint64_t epoch;
    struct frame root;
    if (!s->greeted || !s->application->restore || !next_number(s, &epoch) || s->open != 0 ||
        !next(s, &root) || root.size != LEDGER_ROOT_SIZE || s->more) {
        refuse(s, s->application->restore ? "after hello: restore EPOCH ROOT"
                                          : "there are no snapshots here");
        return;
    }
    memcpy(s->root, root.data, sizeof s->root);
    s->application->restore(s->application->context);
    s->open = epoch;
    s->finished = s->restoring = true;
    reply(s, "ok", NULL, 0);
}

static void load(struct serving *s)
{
    struct frame record;
    if (!s->restoring) {
        refuse(s, "after restore: load RECORD ...");
        return;
    }
    while (next(s, &record))
        if (s->application->load(s->application->context, record.data, record.size) !=
            LEDGER_EXECUTED) {
            refuse(s, "a record of it is none of this application");
            return;
        }
    reply(s, "ok", NULL, 0);
}

static const struct request {
    const char *word;
    void (*answer)(struct serving *s);
} requests[] = {{"hello", hello},   {"check", check},     {"execute", execute},
                {"finish", finish}, {"commit", commit},   {"query", query},
                {"dump", dump},     {"restore", restore}, {"load", load}};

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
    s->hash = EVP_MD_CTX_new();
    s->socket = zmq ? zmq_socket(zmq, ZMQ_REP) : NULL;
    zmq_msg_init(&s->message);
    if (s->hash && s->socket && zmq_bind(s->socket, endpoint) == 0)
        while (answer_one(s) || errno == EINTR)
            continue;
    const int error = errno;
    zmq_msg_close(&s->message);
    if (s->socket)
        zmq_close(s->socket);
    if (zmq)
        zmq_ctx_term(zmq);
    EVP_MD_CTX_free(s->hash);
    free(s);
    errno = error;
    return -1;
}
