/* For applications in C that run beside a node, in a process of their own: answers its requests (the
 * messages are in node/external.h), and calls what the application is. One thread.
 *
 *   cc store.c $(pkg-config --cflags --libs libledger lmdb libcrypto) */
#ifndef LEDGER_APPLICATION_H
#define LEDGER_APPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_ROOT_SIZE 32

enum ledger_verdict {
    LEDGER_EXECUTED = 1,
    LEDGER_FAILED = 2,  /* It had its turn, and did nothing. */
    LEDGER_REFUSED = 3, /* As if it had never come. */
};

/* What they do follows from the transactions alone, in their order. A reason is a line for people;
 * NULL: there is nothing to say against it. */
struct ledger_application {
    void *context;
    /* Forgets what was executed and not committed, and says what was committed last: epoch 0 if
     * nothing was. The node knows by the root whether that is of its ledger. */
    void (*begin)(void *context, uint64_t *epoch, uint8_t root[LEDGER_ROOT_SIZE]);
    /* Whether it makes sense, as far as can be said now. Changes nothing. NULL: all do. */
    const char *(*check)(void *context, const void *transaction, size_t size);
    enum ledger_verdict (*execute)(void *context, const void *transaction, size_t size);
    /* The state after all that was executed since the last commit has this root. */
    void (*finish)(void *context, uint64_t epoch, uint8_t root[LEDGER_ROOT_SIZE]);
    /* Makes that durable, all or nothing; the epoch and its root too. */
    void (*commit)(void *context);
    /* The answer is lent until the next call. NULL: there are none. */
    const char *(*query)(void *context, const void *bytes, size_t size, const void **answer,
                         size_t *answer_size);
};

/* Answers at this path, a socket, for ever. Returns if that cannot be, with errno. */
int ledger_application_serve(const char *path, const struct ledger_application *application);

#endif
