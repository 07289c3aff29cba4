/* A key-value store, as store.py: an application in a process of its own, beside a node. Transactions
 * are "set KEY VALUE NUMBER" and "del KEY NUMBER"; the number makes those differ that want the same. A
 * query is a key, and sees what is committed. usage: store SOCKET DIRECTORY */
#include <ledger_application.h>
#include <lmdb.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FIELD = 201, TEXT = 512 };
static struct {
    uint64_t epoch;
    uint8_t root[LEDGER_ROOT_SIZE];
} last; /* As it was committed, or will be. Its key has a blank, and so is no other. */
static MDB_val last_key = {6, " state"}, last_value = {sizeof last, &last};
static MDB_env *env;
static MDB_dbi table;
static MDB_txn *txn, *view; /* What is executed and not committed, or NULL; for queries. */
static EVP_MD_CTX *hash;

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

static void begin(void *none, uint64_t *epoch, uint8_t *root)
{
    MDB_val found;
    mdb_txn_abort(txn);
    must(mdb_txn_begin(env, NULL, 0, &txn));
    memset(&last, 0, sizeof last);
    if (must(mdb_get(txn, table, &last_key, &found)) == 0)
        memcpy(&last, found.mv_data, sizeof last);
    mdb_txn_abort(txn);
    txn = none;
    *epoch = last.epoch;
    memcpy(root, last.root, sizeof last.root);
}

static const char *check(void *none, const void *bytes, size_t size)
{
    char key[FIELD], value[FIELD];
    return parse(bytes, size, key, value) ? none : "not: set KEY VALUE NUMBER, or del KEY NUMBER";
}

static enum ledger_verdict execute(void *none, const void *bytes, size_t size)
{
    char name[FIELD], text[FIELD];
    if (!txn) {
        must(mdb_txn_begin(env, none, 0, &txn));
        EVP_DigestInit(hash, EVP_sha256());
        EVP_DigestUpdate(hash, last.root, sizeof last.root);
    }
    if (!parse(bytes, size, name, text))
        return LEDGER_REFUSED;
    MDB_val key = {strlen(name), name}, value = {strlen(text), text};
    if (must(*text ? mdb_put(txn, table, &key, &value, 0) : mdb_del(txn, table, &key, NULL)))
        return LEDGER_FAILED;
    EVP_DigestUpdate(hash, bytes, size);
    EVP_DigestUpdate(hash, "\n", 1);
    return LEDGER_EXECUTED;
}

static void finish(void *none, uint64_t epoch, uint8_t *root)
{
    last.epoch = epoch;
    EVP_DigestFinal(hash, last.root, none);
    memcpy(root, last.root, sizeof last.root);
}

static void commit(void *none)
{
    must(mdb_put(txn, table, &last_key, &last_value, 0));
    must(mdb_txn_commit(txn));
    txn = none;
}

static const char *query(void *none, const void *bytes, size_t size, const void **data, size_t *n)
{
    MDB_val key = {size, (void *)bytes}, value = {0};
    mdb_txn_reset(view); /* What it lent is not needed any more. */
    must(mdb_txn_renew(view));
    const int missing = must(mdb_get(view, table, &key, &value));
    *data = value.mv_data;
    *n = value.mv_size;
    return missing ? "no such key" : none;
}

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
    hash = EVP_MD_CTX_new();
    ledger_application_serve(
        argv[1], &(struct ledger_application){NULL, begin, check, execute, finish, commit, query});
    return perror("store: it cannot listen"), 1;
}
