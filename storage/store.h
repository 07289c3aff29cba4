/* What a node remembers: ordered tables of records, durable in groups.
 *
 * Two implementations of this header: store_lmdb.c for the daemon and store_memory.c, which
 * fails and crashes on demand, for the simulator. A store is one LMDB environment in one
 * directory with one writer. Writes happen between store_begin and store_commit: after the
 * commit they are on the disk, without it they never were. Nothing turns the sync off.
 *
 * A node has two: what consensus must remember, and the ledger. They commit apart, each by one
 * thread. Other threads and processes read through views.
 *
 * Functions that can fail return 0 or a negative enum store_error; store_message says what
 * happened and what to do, in words. After an error in a transaction the caller aborts it: every
 * other call in it, the commit too, returns the error again. */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include "crypto/bytes.h"

enum store_error {
    STORE_MISSING = -1, /* No such record. The only one that is no failure. */
    STORE_FULL = -2,    /* The map's size, or the disk, is used up. */
    STORE_CORRUPT = -3, /* Not a store of this format, or a record does not decode. */
    STORE_IO = -4,      /* The system said no. */
    STORE_BUSY = -5,    /* Another process has it open for writing. */
};

enum {
    STORE_TABLES_MAX = 16,
    STORE_KEY_SIZE_MAX = 511, /* LMDB's. */
};

struct store; /* Opaque. */

struct store_options {
    const char *path;          /* A directory; made (0700) when it is not there. */
    size_t size_max;           /* Of the map, in bytes. The last 1/16 is left to deletions. */
    const char *const *tables; /* Names; a table is known by its index. */
    unsigned table_count;
    bool read_only; /* For inspection: store_begin is not allowed, the directory must exist. */
};

/* On failure *store is NULL and `message` says why. A store that is open for writing is locked
 * against a second process (and a second store_open of the same path: STORE_BUSY). To inspect a
 * path that is open is for another process: this one uses views. */
int store_open(const struct store_options *options, struct store **store, char *message,
               size_t message_size);
void store_close(struct store *s);                /* Aborts an open transaction. NULL is fine. */
const char *store_message(const struct store *s); /* After a failure, on the same thread. */

/* What a transaction frees can be used from the second one after it. */
int store_begin(struct store *s);
int store_commit(struct store *s); /* Ends the transaction, whatever it returns. */
void store_abort(struct store *s); /* Nothing when there is none. */

/* In a transaction. Keys are 1 to STORE_KEY_SIZE_MAX bytes, ordered as memcmp; the value is
 * the concatenation of `count` parts, none of them lent by store_get, and replaces what was
 * there. */
int store_put(struct store *s, unsigned table, struct slice key, const struct slice parts[],
              unsigned count);
/* STORE_MISSING when there was none. */
int store_delete(struct store *s, unsigned table, struct slice key);
/* In a transaction: sees its own writes. The value is lent until the next put or delete, or
 * the end of the transaction. */
int store_get(struct store *s, unsigned table, struct slice key, struct slice *value);
/* In a transaction: calls visit for each record with key >= `from` (empty: all) in ascending
 * order, until it returns nonzero; returns that, or an error, or 0. `visit` must not write. */
typedef int (*store_visit)(void *context, struct slice key, struct slice value);
int store_scan(struct store *s, unsigned table, struct slice from, store_visit visit,
               void *context);

/* A view is the store as it was committed last, unchanged while the view lasts. Any thread, one
 * thread a view; short, since the pages that it sees cannot be used again. */
struct store_view;
int store_view_open(struct store *s, struct store_view **view);
void store_view_close(struct store_view *v); /* NULL is fine. */
/* Values are lent until the view closes. */
int store_view_get(struct store_view *v, unsigned table, struct slice key, struct slice *value);
int store_view_scan(struct store_view *v, unsigned table, struct slice from, store_visit visit,
                    void *context);
/* The last record of a table; STORE_MISSING when it is empty. */
int store_view_last(struct store_view *v, unsigned table, struct slice *key, struct slice *value);

/* Bytes of its file that nothing uses: what comes goes there first. */
size_t store_reusable(struct store *s);
/* Bytes in use by what is committed, of size_max: to say early that it gets full. */
size_t store_used(struct store *s);

#endif
