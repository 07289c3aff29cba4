/* For applications in C that run beside a node, in a process of their own: answers its requests (the
 * messages are in node/external.h), and calls what the application is. One thread.
 *
 *   cc store.c $(pkg-config --cflags --libs libledger lmdb libcrypto) */
#ifndef LEDGER_APPLICATION_H
#define LEDGER_APPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEDGER_ROOT_SIZE = 32,
    LEDGER_PLACE_SIZE = 40,
    LEDGER_RECORD_MAX = 204800,
};

enum ledger_verdict {
    LEDGER_EXECUTED = 1,
    LEDGER_FAILED = 2,  /* It had its turn, and did nothing. */
    LEDGER_REFUSED = 3, /* As if it had never come. */
};

/* What they do follows from the transactions alone, in their order. A reason is a line for people;
 * NULL: there is nothing to say against it. */
struct ledger_application {
    void *context;
    /* Forgets what was executed and not committed, and says the place of the last commit; nothing, if there
     * was none. The node knows by it whether that is of its ledger. */
    void (*begin)(void *context, uint8_t place[LEDGER_PLACE_SIZE]);
    /* Whether it makes sense, as far as can be said now. Changes nothing. NULL: all do. */
    const char *(*check)(void *context, const void *transaction, size_t size);
    enum ledger_verdict (*execute)(void *context, const void *transaction, size_t size);
    /* The state after all that was executed since the last commit has this root. NULL: it is the
     * SHA-256 of the root before, and of each transaction that was executed since, its size (4 bytes,
     * big-endian) before it. */
    void (*finish)(void *context, uint64_t epoch, uint8_t root[LEDGER_ROOT_SIZE]);
    /* Makes that durable, all or nothing, and this place with it, whatever is in it. */
    void (*commit)(void *context, const uint8_t place[LEDGER_PLACE_SIZE]);
    /* The answer is lent until the next call. NULL: there are none. */
    const char *(*query)(void *context, const void *bytes, size_t size, const void **answer,
                         size_t *answer_size);
    /* Snapshots: how a node that is far behind, or an application that has lost its data, comes to the
     * state. `dump` says the next record of what is committed, or the first, in the same order on all
     * nodes: its size, LEDGER_RECORD_MAX at the most; 0: there are no more. `restore` forgets all,
     * committed or not; what is loaded then, a record at a time, makes the state, and `commit`
     * makes it durable: a record that is not executed is none. NULL, all three: there are none. */
    size_t (*dump)(void *context, bool first, const void **record);
    void (*restore)(void *context);
    enum ledger_verdict (*load)(void *context, const void *record, size_t size);
};

/* Answers at this path, a socket, for ever. Returns if that cannot be, with errno. */
int ledger_application_serve(const char *path, const struct ledger_application *application);

#endif
