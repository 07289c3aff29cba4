/* A connection to an application, and one question after the other: external.h says which. It
 * notices that the application has died, which REQ does not. One thread at a time. */
#ifndef NODE_EXTERNAL_WIRE_H
#define NODE_EXTERNAL_WIRE_H

#include <stdatomic.h>

#include "crypto/bytes.h"

enum wire_answer {
    WIRE_OK,
    WIRE_NO,      /* Or what is no answer; `reason` says which. */
    WIRE_LOST,    /* The connection, and so what was not committed. */
    WIRE_LATE,    /* No answer in time; the connection is given up. */
    WIRE_STOPPED, /* By `stop`. */
};

struct wire {
    void *zmq;
    const char *endpoint;    /* Borrowed. */
    const atomic_bool *stop; /* Looked at all the time. */
    void *socket, *monitor;  /* NULL: it is not open. */
    unsigned opened;         /* How often. */
    bool connected;          /* Since then. */
    void *answer;            /* The last frame of the last answer, a zmq_msg_t. */
    char reason[160];
};

void wire_init(struct wire *w, void *zmq, const char *endpoint, const atomic_bool *stop);
void wire_close(struct wire *w);

/* Opens it if need be and asks: a word, then frames. `timeout_ms` < 0: for ever; a connection is waited
 * for as well. OK: `answers` frames came after "ok"; `last` is the last of them, lent until the next call,
 * and `first` (if there are two, or NULL) a copy of the first, 8 bytes. */
enum wire_answer wire_ask(struct wire *w, const char *word, const struct slice frames[],
                          unsigned count, int timeout_ms, unsigned answers, uint64_t *first,
                          struct slice *last);
/* Whether the application is still there, as far as is known. */
bool wire_alive(struct wire *w);

#endif
