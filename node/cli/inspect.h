/* A data directory, read while nobody needs to run: does it hold together, and is it the same as
 * another?
 *
 * The stores are opened read-only and seen through one view each, so that a node may run beside
 * it; then what is seen is the end of some epoch. */
#ifndef NODE_CLI_INSPECT_H
#define NODE_CLI_INSPECT_H

#include <string.h>

#include "node/config.h"
#include "node/executor_record.h"
#include "node/executor_snapshot.h"

enum { INSPECT_TEXT_MAX = 400 };

struct inspection {
    const char *path; /* As it was given; kept by reference. */
    struct store *ledger;
    struct store *consensus;   /* NULL: there is no such store. Seen only for moments: what a node
                                * that runs drops meanwhile stays on its disk. */
    struct store_view *view;   /* Of the ledger. */
    struct meta meta;          /* What the ledger says of itself. */
    bool snapshot;             /* It went on from one: */
    struct snapshot_head head; /* this. There are no entries just before its height. */
    /* What was counted. */
    uint64_t accounts;
    uint64_t balances;              /* Their sum. */
    uint64_t transactions;          /* Ids that have an outcome. */
    uint64_t repeated;              /* Copies ignored of transactions that have an outcome. */
    uint64_t dropped;               /* Copies ignored of those that have none. */
    uint64_t held;                  /* Delivered blocks whose bytes are still there. */
    char problem[INSPECT_TEXT_MAX]; /* The first thing that is wrong; empty: sound. */
};

/* Opens a data directory, or the node's directory that `data` is in. 0, or -1 with `message` and
 * nothing to close. */
int inspection_open(struct inspection *i, const char *path, char *message, size_t message_size);
void inspection_close(struct inspection *i);

/* Counts, and recomputes whatever follows from the rest:
 *   - the log root from the entries, and the sums from what is in them;
 *   - each block's root from its transactions' outcomes, each outcome against the index by id;
 *   - of blocks that are still there, that their bytes are what the entry says;
 *   - the state root: each account is proven under it, and there is nothing else under it;
 *   - that all records decode. */
void inspection_verify(struct inspection *i);

enum comparison { COMPARISON_SAME, COMPARISON_PREFIX, COMPARISON_DIFFERENT };
/* Compares two ledgers entry by entry, then account by account; `text` says what was found, the
 * first difference if there is one. One that ends earlier is a prefix. */
enum comparison inspection_compare(const struct inspection *a, const struct inspection *b,
                                   char text[INSPECT_TEXT_MAX]);

/* For the parts of this: notes the first problem, and returns -1. */
__attribute__((format(printf, 2, 3))) int inspection_problem(struct inspection *i,
                                                             const char *format, ...);
/* The same for a store's error. */
int inspection_error(struct inspection *i, int error, const char *what);
int inspect_accounts(struct inspection *i);
int inspect_consensus(struct inspection *i);
static inline bool inspection_has_ids(const struct inspection *i)
{
    return strcmp(i->meta.application, application_names[APPLICATION_LOG]) != 0;
}

#endif
