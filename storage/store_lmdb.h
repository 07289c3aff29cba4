/* What the two halves of the LMDB store share; nobody else includes this. */
#ifndef STORAGE_STORE_LMDB_H
#define STORAGE_STORE_LMDB_H

#include "storage/store.h"

#include <lmdb.h>
#include <stdatomic.h>

struct store {
    MDB_env *env;
    MDB_txn *txn; /* The open transaction; NULL between two. */
    int error;    /* What went wrong in it: it cannot be committed any more. */
    MDB_dbi tables[STORE_TABLES_MAX];
    size_t pages[STORE_TABLES_MAX]; /* Of each table, as the transaction sees it, */
    size_t pages_used;              /* and their sum. */
    size_t pages_max;
    size_t page_size;
    unsigned table_count;
    bool read_only;
    int lock_file;
    atomic_size_t used; /* As committed, in bytes. */
    atomic_uint views;
    char path[];
};

/* The store_error for what LMDB or the system returned; store_message has the sentence. */
int store_lmdb_explain(const struct store *s, const char *doing, int rc);
/* Brings pages[table] and pages_used up to date. */
int store_lmdb_count(struct store *s, MDB_txn *txn, unsigned table);
/* Whether no page in use is past the end of the file. Before any other is looked at. */
bool store_lmdb_is_whole(MDB_env *env);

#endif
