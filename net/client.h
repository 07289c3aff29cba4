/* What a client says to a node and what the node answers: bytes alone, no socket. Format 1.
 *
 * A node has a ZeroMQ ROUTER with CURVE (the server key is the node's key of cluster.conf, any
 * client key will do, ZAP domain "client"); a client is a DEALER. A message is one frame, the
 * routing id not counted:
 *
 *   request  version u8 = 1 | id u64 | kind u8 | body
 *   answer   version u8 = 1 | id u64 | kind u8 | status u8 | fields of the status | body, if OK
 *
 * The id is the client's own and comes back with the answer. Every request has exactly one
 * answer; answers may come in any order. A request that does not decode is answered with kind
 * NONE, status MALFORMED and, when that could be read, its id.
 *
 *   kind     body of the request                  body of the answer when OK
 *   SUBMIT   count u32, so many: length u32, bytes  count u32, so many results, in order
 *   TX       count u32, so many ids               the same
 *   ACCOUNT  public key                           struct client_account
 *   BLOCK    position u64                         struct client_block
 *   STATUS   -                                    JSON
 *   STATS    -                                    JSON
 *   RECEIPT  id                                   JSON (node/receipt.h); PENDING: it is executed, and
 *                                                 no checkpoint that is signed stands for it yet
 *   HOLDING  public key                           JSON (node/holding.h); PENDING: at the next checkpoint
 *   CONSISTENCY  height u64                       JSON (node/consistency.h); PENDING: no signed
 *                                                 checkpoint is as high yet
 *   QUERY    1 to 4096 bytes                    bytes: what an application of its own makes of them; INVALID:
 *                                                 it says no, or there is none
 *   EVENTS   cursor: position u64, index u32      the cursor after them, count u32, so many events:
 *                                                 struct client_event
 *
 * Events are what was executed, from a cursor on: each block of the log, in order, with what became
 * of its transactions, in parts if they are many. They are the leaves of its tree (node/executor.h), so
 * that whoever follows from the first block on can hash them up to the root that nodes sign; of an
 * application that does not look inside blocks there are none. What is told is durable and final: who
 * goes on with the cursor that came with the last answer, at any time, misses nothing. If there is
 * nothing yet, the answer comes when there is, or, with count 0, after some seconds.
 *
 * Fixed width, canonical: what decodes encodes to itself, and a frame with anything left over is
 * malformed. Decoders never allocate and never read past the end; slices borrow from the frame. */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "crypto/hash.h"

enum {
    CLIENT_VERSION = 1,
    CLIENT_FRAME_SIZE_MAX = 1 << 20,
    CLIENT_HEADER_SIZE = 1 + 8 + 1,
    CLIENT_COUNT_MAX = 4096,                /* Transactions of a SUBMIT, ids of a TX. */
    CLIENT_TRANSACTION_SIZE_MAX = 64 << 10, /* Each is 1 to so many bytes. */
    CLIENT_REASON_MAX = 120,                /* Characters, printable ASCII, at least one. */
    CLIENT_QUERY_MAX = 4096,                /* Bytes. */
    CLIENT_KEY_SIZE = 32,
    CLIENT_EVENTS_MAX = 64,   /* Of an answer, ... */
    CLIENT_LEAVES_MAX = 4096, /* ... and of leaves in all of them. */
    CLIENT_LEAF_SIZE = HASH_SIZE + 1,
};

enum client_kind {
    CLIENT_NONE, /* Of an answer alone. */
    CLIENT_SUBMIT,
    CLIENT_TX,
    CLIENT_ACCOUNT,
    CLIENT_BLOCK,
    CLIENT_STATUS,
    CLIENT_STATS,
    CLIENT_RECEIPT,
    CLIENT_HOLDING,
    CLIENT_CONSISTENCY,
    CLIENT_EVENTS,
    CLIENT_QUERY,
    CLIENT_KINDS,
};

enum client_status {
    CLIENT_OK,         /* A transaction of SUBMIT: taken, and durable at this node. */
    CLIENT_PENDING,    /* A transaction that waits at this node or is in a block of its. */
    CLIENT_EXECUTED,   /* A transaction that has its place and its final outcome. */
    CLIENT_DROPPED,    /* A transaction that this node had and that was refused at its place. */
    CLIENT_OVERLOADED, /* Nothing was done; try again after retry_ms. */
    CLIENT_MALFORMED,  /* Not a request, not a transaction. */
    CLIENT_INVALID,    /* What it asks for cannot be, for this reason. */
    CLIENT_UNKNOWN,    /* No such transaction, account or block here, or not yet. */
    CLIENT_STATUSES,
};

const char *client_status_name(enum client_status status); /* "OK", "PENDING" ... */

/* A status and its fields. */
struct client_result {
    enum client_status status;
    struct hash id;      /* OK, PENDING, EXECUTED, DROPPED: of the transaction. */
    uint64_t height;     /* EXECUTED: the position of its block in the log ... */
    uint32_t index;      /* ... and its place in the block. */
    bool failed;         /* EXECUTED: its number is used up, and it did nothing else. */
    uint32_t retry_ms;   /* OVERLOADED */
    struct slice reason; /* DROPPED, INVALID, and EXECUTED if it failed. */
};

#define CLIENT_FROM_END UINT64_MAX /* A position: what is executed from now on. */

/* Where to go on: what was told of is all before this transaction of this block. */
struct client_cursor {
    uint64_t position;
    uint32_t index; /* 0: nor of the block. */
};

struct client_request {
    uint64_t id;
    enum client_kind kind;
    union {
        struct {
            uint32_t count;           /* 1 to CLIENT_COUNT_MAX */
            struct slice items;       /* SUBMIT: for client_transaction_next. TX: count ids. */
        } list;                       /* SUBMIT, TX */
        uint8_t key[CLIENT_KEY_SIZE]; /* ACCOUNT, HOLDING */
        uint64_t position;            /* BLOCK; CONSISTENCY: a height */
        struct hash transaction;      /* RECEIPT */
        struct client_cursor cursor;  /* EVENTS */
        struct slice query;           /* QUERY */
    };
};

struct client_account {
    uint64_t balance;
    uint64_t sequence; /* The lowest unused number. */
    uint64_t used;     /* Bit i: number sequence + i is used; bit 0 never is. */
};

struct client_block { /* An entry of the log. */
    uint64_t position;
    uint64_t epoch;
    uint16_t proposer;
    uint64_t with_epoch; /* The epoch that delivered it. */
    struct hash commitment;
    bool bad;         /* It takes its place and is empty. */
    uint32_t count;   /* Of transactions. */
    uint64_t bytes;   /* Of transactions. */
    struct hash root; /* Over the transactions and their outcomes. */
};

/* A block, or some of it. */
struct client_event {
    struct client_block block;
    uint32_t first; /* Transaction that the leaves are of, ... */
    uint32_t count;
    struct slice leaves; /* ... each its id | outcome u8 (node/application.h). */
};

struct client_answer {
    uint64_t id;
    enum client_kind kind;
    struct client_result result; /* Its id has no meaning here. Unless OK, this is all. */
    union {
        struct {
            uint32_t count;
            struct slice items; /* For client_result_next. */
        } list;                 /* SUBMIT, TX */
        struct client_account account;
        struct client_block block;
        struct {
            struct client_cursor next;
            uint32_t count;
            struct slice items; /* For client_event_next. */
        } events;
        struct slice json;  /* STATUS, STATS, RECEIPT, HOLDING, CONSISTENCY */
        struct slice bytes; /* QUERY */
    };
};

/* A request that keeps the rules above; w->ok says whether it fitted. */
void client_request_encode(struct writer *w, const struct client_request *request);
/* False when it does not decode; then request->id is its id, or 0 if there was none. */
bool client_request_decode(struct slice frame, struct client_request *request);
/* Appends a transaction to the items of a SUBMIT, and steps through those decoded. */
void client_transaction_add(struct writer *w, struct slice transaction);
bool client_transaction_next(struct slice *rest, struct slice *transaction);

void client_answer_encode(struct writer *w, const struct client_answer *answer);
bool client_answer_decode(struct slice frame, struct client_answer *answer);
/* Appends a result to the items of an answer to SUBMIT or TX, and steps through those decoded.
 * In a list, OK has the id of its transaction. */
void client_result_add(struct writer *w, const struct client_result *result);
bool client_result_next(struct slice *rest, struct client_result *result);
/* The same of an answer to EVENTS. */
void client_event_add(struct writer *w, const struct client_event *event);
bool client_event_next(struct slice *rest, struct client_event *event);

#endif
