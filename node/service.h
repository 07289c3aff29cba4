/* Answers what clients ask, by whichever way it came: clients.h over ZeroMQ, api.h over HTTP.
 *
 * What costs time runs on the workers: hashes, signatures, and reading the ledger. What is
 * submitted goes into the mempool and is answered after the commit that made it durable, and so is
 * who asks what became of it. Whoever asks may wait for what is not there yet: it is looked for again
 * when an epoch is executed, and now and then. Bounded: the bytes in flight, and how many wait; who is
 * one too many is told of what is now, and, if that is no events yet, OVERLOADED. One thread, the
 * driver's. */
#ifndef NODE_SERVICE_H
#define NODE_SERVICE_H

#include "node/admission.h"
#include "node/recent.h"
#include "node/request.h"
#include "node/workers.h"

enum {
    SERVICE_BYTES_MAX = 64 << 20, /* In flight, of all, with what is noted of each transaction. */
    SERVICE_WAITING_MAX = 128,
    SERVICE_FOLLOWING_MAX = 96, /* Of them, for events. */
    SERVICE_WAIT_MS_MAX = 60000,
    SERVICE_RETRY_MS = 200, /* What OVERLOADED asks for, if admission does not say. */
};

struct service_options {
    struct workers *workers;
    struct request_context request;
    struct recent *recent;
    struct mempool *mempool;
    struct admission *admission;
};

struct service; /* Opaque. */

struct service *service_new(const struct service_options *options); /* NULL: no memory. */
/* After workers_stop: who has no answer is told so. NULL is fine. */
void service_free(struct service *s);

struct service_question {
    struct client_request
        request; /* Not STATUS or STATS. What it borrows stays until the answer. */
    enum request_form form;
    uint32_t count;   /* As the form says. */
    uint32_t wait_ms; /* For as long as the answer is that it is not there yet. */
    size_t bytes;     /* What the asker holds for it. */
    uint64_t client;  /* Who asks, for admission. */
    /* Once; the answer is lent. NULL: there is none, and never will be. */
    void (*answer)(void *asker, const struct client_answer *answer);
    bool (*gone)(const void *asker); /* Then nothing waits for him any longer. NULL: he stays. */
    void *asker;
};
/* True: it will be answered. False: overloaded; nothing was done. Of a submission that is not
 * admitted whole, the first transactions are taken. */
bool service_ask(struct service *s, const struct service_question *q);
/* When who was told so may ask again. */
uint32_t service_retry_ms(const struct service *s);
/* Bytes of transactions that were admitted and are not in the pool yet. */
uint64_t service_checking(const struct service *s);

/* In each round, after the commit: answers what waited for it. */
void service_committed(struct service *s);
/* In each round: an epoch was executed, or not; what waits is looked for again when it is time. */
void service_look(struct service *s, bool executed, uint64_t now_ms);
/* From now on, or not any more, submissions are answered OVERLOADED. */
void service_refuse(struct service *s, bool refuse);
/* From now on nobody waits. */
void service_drain(struct service *s);
bool service_drains(const struct service *s);
bool service_idle(const struct service *s); /* Nothing is in flight. */

/* Questions, or transactions of a submission, that were answered so. */
uint64_t service_overloaded(const struct service *s);

#endif
