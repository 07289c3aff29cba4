/* A key-value store, as store.py: "set KEY VALUE NUMBER" and "del KEY NUMBER" (the number makes those
 * differ that want the same); a query is a key of what is committed. usage: store SOCKET DIRECTORY */
#include <ledger_application.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FIELD = 202, TEXT = 512 };
static MDB_val place_key = {6, " place"}; /* With a blank: no other, and before all others. */
static MDB_env *env;
static MDB_dbi table;
static MDB_txn *txn, *view; /* For what is executed and not committed; for what is committed. */

static int must(int result) /* Succeed, or find nothing: an odd key is none. */
{
    if (result != 0 && result != MDB_NOTFOUND && result != MDB_BAD_VALSIZE)
        exit(fprintf(stderr, "store: %s\n", mdb_strerror(result)) > 0);
    return result;
}

/* The value is empty for a del. Every byte counts: between two fields is one blank. */
static bool parse(const void *bytes, size_t size, char key[FIELD], char value[FIELD])
{
    char text[TEXT] = "";
    int end = 0;
    memcpy(text, bytes, size < sizeof text ? size : 0);
    value[0] = '\0';
    sscanf(text, "del%*1[ ]%200[!-~]%*1[ ]%*20[0-9]%n", key, &end);
    sscanf(text, "set%*1[ ]%200[!-~]%*1[ ]%200[!-~]%*1[ ]%*20[0-9]%n", key, value, &end);
    return end > 0 && (size_t)end == size;
}

/* What is committed under a key, or after it; lent until the next call. */
static int find(MDB_val *key, MDB_val *value, bool after)
{
    MDB_cursor *cursor;
    mdb_txn_reset(view);
    must(mdb_txn_renew(view));
    must(mdb_cursor_open(view, table, &cursor));
    int missing = must(mdb_cursor_get(cursor, key, value, MDB_SET));
    if (after)
        missing = must(mdb_cursor_get(cursor, key, value, MDB_NEXT));
    mdb_cursor_close(cursor);
    return missing;
}

static void begin(void *none, uint8_t *place)
{
    MDB_val found;
    mdb_txn_abort(txn);
    must(mdb_txn_begin(env, none, 0, &txn));
    if (must(mdb_get(txn, table, &place_key, &found)) == 0)
        memcpy(place, found.mv_data, LEDGER_PLACE_SIZE);
}

static const char *check(void *none, const void *bytes, size_t size)
{
    char key[FIELD], value[FIELD];
    return parse(bytes, size, key, value) ? none : "not: set KEY VALUE NUMBER, or del KEY NUMBER";
}

static enum ledger_verdict execute(void *none, const void *bytes, size_t size)
{
    char name[FIELD], text[FIELD];
    if (!parse(bytes, size, name, text))
        return LEDGER_REFUSED;
    MDB_val key = {strlen(name), name}, value = {strlen(text), text};
    const int odd = *text ? mdb_put(txn, table, &key, &value, 0) : mdb_del(txn, table, &key, none);
    return must(odd) ? LEDGER_FAILED : LEDGER_EXECUTED;
}

static void commit(void *none, const uint8_t *place)
{
    MDB_val value = {LEDGER_PLACE_SIZE, (void *)place};
    must(mdb_put(txn, table, &place_key, &value, 0));
    must(mdb_txn_commit(txn));
    must(mdb_txn_begin(env, none, 0, &txn));
}

static const char *query(void *none, const void *bytes, size_t size, const void **data, size_t *n)
{
    MDB_val key = {size, (void *)bytes}, value = {0};
    const int missing = find(&key, &value, false);
    *data = value.mv_data;
    *n = value.mv_size;
    return missing ? "no such key" : none;
}

/* A pair, as a transaction: that after the one of the last call. */
static size_t dump(void *none, bool first, const void **record)
{
    static char last[FIELD], text[TEXT];
    MDB_val key = first ? place_key : (MDB_val){strlen(last), last}, value = {0, none};
    if (find(&key, &value, true))
        return 0;
    snprintf(last, sizeof last, "%.*s", (int)key.mv_size, (char *)key.mv_data);
    *record = text;
    return sprintf(text, "set %s %.*s 0", last, (int)value.mv_size, (char *)value.mv_data);
}

static void restore(void *none) { must(mdb_drop(txn, table, none != NULL)); }

int main(int argc, char **argv)
{
    if (argc != 3)
        return fprintf(stderr, "usage: store SOCKET DIRECTORY\n"), 2;
    mkdir(argv[2], 0700); /* If it is not there. */
    must(mdb_env_create(&env));
    must(mdb_env_set_mapsize(env, 1 << 30));
    must(mdb_env_open(env, argv[2], MDB_NOTLS, 0600)); /* A query beside a transaction. */
    must(mdb_txn_begin(env, NULL, MDB_RDONLY, &view));
    must(mdb_dbi_open(view, NULL, 0, &table));
    const struct ledger_application store = {NULL,   begin, check, execute, NULL,
                                             commit, query, dump,  restore, execute};
    ledger_application_serve(argv[1], &store);
    return perror("store: it cannot listen"), 1;
}
