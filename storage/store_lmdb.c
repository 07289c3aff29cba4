/* The store on disk: an LMDB environment a directory, a named database a table. Here are its
 * transactions, records and views; store_lmdb_open.c opens it.
 *
 * LMDB copies a page before it changes it, also to delete, so an environment that is full to its
 * last page can never be emptied. Puts are therefore refused when the tables fill all but a
 * reserve, which is left to deletions. */
#include "storage/store_lmdb.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct store_view {
    struct store *store;
    MDB_txn *txn;
};

/* ---- Records, in a transaction of either kind ---- */

static MDB_val value_of(struct slice bytes) { return (MDB_val){bytes.size, (void *)bytes.data}; }

static int get(const struct store *s, MDB_txn *txn, unsigned table, struct slice key,
               struct slice *value)
{
    assert(table < s->table_count);
    assert(key.size >= 1 && key.size <= STORE_KEY_SIZE_MAX);
    MDB_val k = value_of(key), v;
    int rc = mdb_get(txn, s->tables[table], &k, &v);
    if (rc == 0)
        *value = slice_of(v.mv_data, v.mv_size);
    return store_lmdb_explain(s, "read a record", rc);
}

static int scan(const struct store *s, MDB_txn *txn, unsigned table, struct slice from,
                store_visit visit, void *context)
{
    assert(table < s->table_count);
    assert(from.size <= STORE_KEY_SIZE_MAX);
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn, s->tables[table], &cursor);
    if (rc != 0)
        return store_lmdb_explain(s, "read a table", rc);
    MDB_val k = value_of(from), v;
    int stop = 0;
    rc = mdb_cursor_get(cursor, &k, &v, from.size == 0 ? MDB_FIRST : MDB_SET_RANGE);
    while (rc == 0 && stop == 0) {
        stop = visit(context, slice_of(k.mv_data, k.mv_size), slice_of(v.mv_data, v.mv_size));
        if (stop == 0)
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return rc == 0 || rc == MDB_NOTFOUND ? stop : store_lmdb_explain(s, "read a table", rc);
}

/* ---- Transactions ---- */

int store_lmdb_count(struct store *s, MDB_txn *txn, unsigned table)
{
    MDB_stat stat;
    int rc = mdb_stat(txn, s->tables[table], &stat);
    if (rc != 0)
        return store_lmdb_explain(s, "count its pages", rc);
    size_t pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    s->pages_used = s->pages_used - s->pages[table] + pages;
    s->pages[table] = pages;
    return 0;
}

int store_begin(struct store *s)
{
    assert(!s->read_only);
    assert(s->txn == NULL);
    /* A process that was killed while it inspected the store would keep pages for ever. */
    int rc = mdb_reader_check(s->env, NULL);
    if (rc == 0)
        rc = mdb_txn_begin(s->env, NULL, 0, &s->txn);
    if (rc != 0)
        return store_lmdb_explain(s, "begin", rc);
    s->error = 0;
    for (unsigned t = 0; t < s->table_count && s->error == 0; t++)
        s->error = store_lmdb_count(s, s->txn, t);
    if (s->error != 0)
        store_abort(s);
    return s->error;
}

int store_commit(struct store *s)
{
    assert(s->txn != NULL);
    if (s->error != 0) {
        store_abort(s);
        return s->error;
    }
    int rc = mdb_txn_commit(s->txn);
    s->txn = NULL;
    if (rc == 0)
        atomic_store(&s->used, s->pages_used * s->page_size);
    return store_lmdb_explain(s, "commit", rc);
}

void store_abort(struct store *s)
{
    if (s->txn != NULL)
        mdb_txn_abort(s->txn);
    s->txn = NULL;
}

/* Once one call has failed, so do the others and the commit. */
static int keep_error(struct store *s, int error)
{
    if (error < 0 && error != STORE_MISSING)
        s->error = error;
    return error;
}

int store_put(struct store *s, unsigned table, struct slice key, const struct slice parts[],
              unsigned count)
{
    assert(s->txn != NULL);
    assert(table < s->table_count);
    assert(key.size >= 1 && key.size <= STORE_KEY_SIZE_MAX);
    if (s->error != 0)
        return s->error;
    MDB_val k = value_of(key), v = {0, NULL};
    for (unsigned i = 0; i < count; i++)
        v.mv_size += parts[i].size;
    assert(v.mv_size <= UINT32_MAX);
    int rc = mdb_put(s->txn, s->tables[table], &k, &v, MDB_RESERVE);
    if (rc != 0)
        return keep_error(s, store_lmdb_explain(s, "write a record", rc));
    uint8_t *at = v.mv_data;
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].size > 0)
            memcpy(at, parts[i].data, parts[i].size);
        at += parts[i].size;
    }
    rc = store_lmdb_count(s, s->txn, table);
    if (rc == 0 && s->pages_used > s->pages_max)
        rc = store_lmdb_explain(s, "write a record", MDB_MAP_FULL);
    return keep_error(s, rc);
}

int store_delete(struct store *s, unsigned table, struct slice key)
{
    assert(s->txn != NULL);
    assert(table < s->table_count);
    assert(key.size >= 1 && key.size <= STORE_KEY_SIZE_MAX);
    if (s->error != 0)
        return s->error;
    MDB_val k = value_of(key);
    int rc = store_lmdb_explain(s, "delete a record", mdb_del(s->txn, s->tables[table], &k, NULL));
    if (rc == 0)
        rc = store_lmdb_count(s, s->txn, table);
    return keep_error(s, rc);
}

int store_get(struct store *s, unsigned table, struct slice key, struct slice *value)
{
    assert(s->txn != NULL);
    return s->error != 0 ? s->error : keep_error(s, get(s, s->txn, table, key, value));
}

int store_scan(struct store *s, unsigned table, struct slice from, store_visit visit, void *context)
{
    assert(s->txn != NULL);
    return s->error != 0 ? s->error : scan(s, s->txn, table, from, visit, context);
}

size_t store_used(struct store *s) { return atomic_load(&s->used); }

/* ---- Views ---- */

int store_view_open(struct store *s, struct store_view **view)
{
    *view = NULL;
    struct store_view *v = malloc(sizeof *v);
    if (v == NULL)
        return store_lmdb_explain(s, "open a view", ENOMEM);
    v->store = s;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &v->txn);
    if (rc != 0) {
        free(v);
        return store_lmdb_explain(s, "open a view", rc);
    }
    atomic_fetch_add(&s->views, 1);
    *view = v;
    return 0;
}

void store_view_close(struct store_view *v)
{
    if (v == NULL)
        return;
    mdb_txn_abort(v->txn);
    atomic_fetch_sub(&v->store->views, 1);
    free(v);
}

int store_view_get(struct store_view *v, unsigned table, struct slice key, struct slice *value)
{
    return get(v->store, v->txn, table, key, value);
}

int store_view_scan(struct store_view *v, unsigned table, struct slice from, store_visit visit,
                    void *context)
{
    return scan(v->store, v->txn, table, from, visit, context);
}

int store_view_last(struct store_view *v, unsigned table, struct slice *key, struct slice *value)
{
    assert(table < v->store->table_count);
    MDB_cursor *cursor;
    MDB_val k, w;
    int rc = mdb_cursor_open(v->txn, v->store->tables[table], &cursor);
    if (rc != 0)
        return store_lmdb_explain(v->store, "read a table", rc);
    rc = mdb_cursor_get(cursor, &k, &w, MDB_LAST);
    mdb_cursor_close(cursor);
    if (rc == 0) {
        *key = slice_of(k.mv_data, k.mv_size);
        *value = slice_of(w.mv_data, w.mv_size);
    }
    return store_lmdb_explain(v->store, "read a table", rc);
}
