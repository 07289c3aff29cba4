/* What the workers do for one request of a client: all that needs the ledger, hashes or
 * signatures. What also needs the mempool is left to the thread that owns it. */
#ifndef NODE_REQUEST_H
#define NODE_REQUEST_H

#include "net/client.h"
#include "node/executor.h"
#include "node/known.h"
#include "node/wanted.h"

enum {
    REQUEST_RETRY_MS = 20,        /* For a number above the window: about a block's time. */
    REQUEST_UNREADABLE_MS = 1000, /* For a ledger that cannot be read. */
};

struct request_context {
    struct store *ledger, *consensus;
    struct hash chain;
    struct quorum quorum;
    uint64_t checkpoint_epochs;
    const struct application_port *application;
    size_t transaction_size_max; /* What fits into a block. */
    struct known *known;
    struct wanted *wanted;
};

/* Items of a list: a SUBMIT's transactions, a TX's ids. */
struct request_item {
    struct mempool_item transaction; /* TX: the id alone. */
    struct client_result result;
};

/* How it is to be answered. */
enum request_form {
    REQUEST_PLAIN,  /* As net/client.h says. */
    REQUEST_ARRAY,  /* BLOCK: `count` blocks, or fewer at the end of the log: a JSON array.
                     * From CLIENT_FROM_END: the last ones. */
    REQUEST_STREAM, /* EVENTS: as server-sent events; the id of each is the cursor after it. */
};
struct request {
    struct client_request client;
    enum request_form form;
    uint32_t count;
    struct client_answer answer; /* ARRAY: if OK, its `json`. STREAM: its items are the text. */
    struct client_cursor next;   /* EVENTS, in any form: where they go on, ... */
    bool nothing_yet;            /* ... and that there are none. */
    struct request_item *items;  /* client.list.count of them, SUBMIT and TX. */
    char *text;                  /* What the answer borrows from; owned by the caller. */
};

/* Fills in the items' bytes or ids. */
void request_spread(struct request *r);
/* Looks at items first .. first + count - 1, but for those that are OVERLOADED already. Afterwards a
 * submitted one that is OK may go into the pool, one whose number is above its sender's window is
 * OVERLOADED, and a TX's that is UNKNOWN may still be in the pool. From any thread. */
void request_list(const struct request_context *c, struct request *r, uint32_t first,
                  uint32_t count);
/* What a client hears of a transaction of which this became at its place. */
struct client_result request_outcome(const struct hash *id, uint64_t height, uint32_t index,
                                     enum outcome outcome);
/* Whether what is asked for is a proof, a JSON text. */
bool request_proves(enum client_kind kind);
/* Fills in the answer to any other. From any thread. */
void request_read(const struct request_context *c, struct request *r);

#endif
