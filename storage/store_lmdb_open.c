/* Opening and closing the store on disk, and its sentences for what goes wrong.
 *
 * DIR/data.mdb and DIR/lock.mdb are LMDB's. DIR/lock is ours: held by flock while a process has
 * the store open for writing, with its pid inside, so that the next one can name it. */
#include "storage/store_lmdb.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    READERS_MAX = 320,        /* Views at one time, of all processes. */
    RESERVE_PART = 16,        /* One page in so many is left to deletions, */
    RESERVE_PAGES = 16,       /* and so many more, for the way from a root to a leaf. */
    DISK_BYTES_MIN = 1 << 20, /* A disk with less is full. */
    RECORD_SIZE_MAX = 512     /* The format record's. */
};

/* Beyond what is there when a reader opens it. */
static const size_t READ_AHEAD = (size_t)64 << 30;

/* The format record stands in the main database beside the tables' names, which have no spaces. */
static const char format_key[] = "ledger store";
static const char format_text[] = "format 1:"; /* The tables' names follow. */

/* Views fail on any thread, so each thread has its own last words. */
static _Thread_local char last_message[1024];

__attribute__((format(printf, 2, 3))) static int say(int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(last_message, sizeof last_message, format, arguments);
    va_end(arguments);
    return error;
}

/* LMDB says EIO when a full disk took a part of what it wrote. */
static bool disk_is_full(const char *path)
{
    struct statvfs disk;
    return statvfs(path, &disk) == 0 && disk.f_bavail < DISK_BYTES_MIN / disk.f_frsize;
}

int store_lmdb_explain(const struct store *s, const char *doing, int rc)
{
    const char *path = s->path;
    if (rc == EIO && disk_is_full(path))
        rc = ENOSPC;
    const char *why = mdb_strerror(rc);
    switch (rc) {
    case 0: return 0;
    case MDB_NOTFOUND: return STORE_MISSING;
    case MDB_MAP_FULL:
        return say(STORE_FULL,
                   "%s: cannot %s: the store has reached its size limit; raise the limit and "
                   "start again, or delete old records",
                   path, doing);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return say(STORE_FULL, "%s: cannot %s: %s; make room on this disk and start again", path,
                   doing, why);
    case ENOENT:
    case ENOTDIR:
        return say(STORE_IO, "%s: cannot %s: %s; correct the path or make its parent directory",
                   path, doing, why);
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INCOMPATIBLE:
        return say(STORE_CORRUPT,
                   "%s: cannot %s: %s; this is not a store or it is damaged: name another "
                   "directory or put back a copy",
                   path, doing, why);
    case MDB_READERS_FULL:
        return say(STORE_IO, "%s: cannot %s: it has %d readers already; end some that inspect it",
                   path, doing, READERS_MAX);
    case MDB_MAP_RESIZED:
        return say(STORE_IO, "%s: cannot %s: the store has been given more room; open it again",
                   path, doing);
    default:
        return say(STORE_IO,
                   "%s: cannot %s: %s; look at the directory's permissions and at the system's "
                   "log for errors of the disk",
                   path, doing, why);
    }
}

const char *store_message(const struct store *s)
{
    assert(s != NULL);
    return last_message;
}

static int open_in(const char *path, const char *name, int flags)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return -1;
    int file = openat(directory, name, flags | O_CLOEXEC, 0600);
    int error = errno;
    close(directory);
    errno = error;
    return file;
}

static int lock(struct store *s)
{
    s->lock_file = open_in(s->path, "lock", O_RDWR | O_CREAT);
    if (s->lock_file < 0)
        return store_lmdb_explain(s, "open the file 'lock' in it", errno);
    char pid[24] = "";
    if (flock(s->lock_file, LOCK_EX | LOCK_NB) == 0) {
        /* Always of one length, so that a full disk can take it once the file is there. */
        int size = snprintf(pid, sizeof pid, "%-20ld\n", (long)getpid());
        bool written = pwrite(s->lock_file, pid, (size_t)size, 0) == size;
        return written ? 0 : store_lmdb_explain(s, "write the file 'lock' in it", errno);
    }
    if (errno != EWOULDBLOCK)
        return store_lmdb_explain(s, "lock it", errno);
    if (pread(s->lock_file, pid, sizeof pid - 1, 0) <= 0)
        return say(STORE_BUSY, "%s: another process has this store open; stop it first", s->path);
    return say(STORE_BUSY, "%s: the process with pid %ld has this store open; stop it first",
               s->path, strtol(pid, NULL, 10));
}

static size_t file_size(const struct store *s)
{
    struct stat status;
    char file[PATH_MAX];
    snprintf(file, sizeof file, "%s/data.mdb", s->path);
    return stat(file, &status) == 0 ? (size_t)status.st_size : 0;
}

size_t store_reusable(struct store *s)
{
    const size_t size = file_size(s), used = store_used(s);
    return size > used ? size - used : 0;
}

/* Who only reads maps what is there, and may come while it does: many large maps, as many nodes' stores
 * side by side have, are more than a process has addresses for. */
static size_t read_size(const struct store *s) { return READ_AHEAD + file_size(s); }

static int open_environment(struct store *s, size_t size_max)
{
    const size_t size = s->read_only ? read_size(s) : size_max;
    int rc = mdb_env_create(&s->env);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(s->env, s->table_count);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(s->env, READERS_MAX);
    if (rc == 0)
        rc = mdb_env_set_mapsize(s->env, size - size % (size_t)sysconf(_SC_PAGESIZE));
    /* MDB_NOTLS: a view belongs to whoever holds it, not to a thread. */
    if (rc == 0)
        rc = mdb_env_open(s->env, s->path, MDB_NOTLS | (s->read_only ? MDB_RDONLY : 0u), 0600);
    if (rc == 0)
        rc = mdb_reader_check(s->env, NULL);
    if (rc == ENOENT)
        return say(STORE_IO, "%s: there is no store here; name the directory of one", s->path);
    if (rc != 0)
        return store_lmdb_explain(s, "open it", rc);
    if (!store_lmdb_is_whole(s->env))
        return say(STORE_CORRUPT,
                   "%s: data.mdb is shorter than what it holds: it was cut short; put back a copy",
                   s->path);
    assert(mdb_env_get_maxkeysize(s->env) >= STORE_KEY_SIZE_MAX);

    MDB_stat stat;
    mdb_env_stat(s->env, &stat);
    s->page_size = stat.ms_psize;
    size_t pages = size_max / s->page_size;
    size_t reserve = pages / RESERVE_PART + RESERVE_PAGES;
    s->pages_max = pages > reserve ? pages - reserve : 0;
    return 0;
}

/* The environment is ours if its format record is what we would write; an empty one becomes so. */
static int check_format(struct store *s, MDB_txn *txn, const char *const tables[])
{
    char record[RECORD_SIZE_MAX];
    size_t size = (size_t)snprintf(record, sizeof record, "%s", format_text);
    for (unsigned t = 0; t < s->table_count; t++) {
        assert(strlen(tables[t]) + 2 <= sizeof record - size);
        size += (size_t)snprintf(record + size, sizeof record - size, " %s", tables[t]);
    }
    MDB_dbi main;
    MDB_stat stat = {0};
    MDB_val key = {sizeof format_key - 1, (void *)format_key};
    MDB_val found = {0, NULL};
    int rc = mdb_dbi_open(txn, NULL, 0, &main);
    if (rc == 0)
        rc = mdb_get(txn, main, &key, &found);
    if (rc == MDB_NOTFOUND && mdb_stat(txn, main, &stat) == 0 && stat.ms_entries == 0 &&
        !s->read_only) {
        MDB_val value = {size, record};
        return store_lmdb_explain(s, "write its format", mdb_put(txn, main, &key, &value, 0));
    }
    if (rc == MDB_NOTFOUND)
        return say(STORE_CORRUPT,
                   "%s: the LMDB files here were not made by this program; name another directory",
                   s->path);
    if (rc != 0)
        return store_lmdb_explain(s, "read its format", rc);
    if (found.mv_size == size && memcmp(found.mv_data, record, size) == 0)
        return 0;
    return say(STORE_CORRUPT,
               "%s: this store has \"%.*s\" and not \"%s\"; name the right directory, or use the "
               "version of the program that wrote it",
               s->path, (int)found.mv_size, (const char *)found.mv_data, record);
}

static int open_tables(struct store *s, const char *const tables[])
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, s->read_only ? MDB_RDONLY : 0, &txn);
    if (rc != 0)
        return store_lmdb_explain(s, "begin", rc);
    rc = check_format(s, txn, tables);
    for (unsigned t = 0; t < s->table_count && rc == 0; t++) {
        rc = mdb_dbi_open(txn, tables[t], s->read_only ? 0 : MDB_CREATE, &s->tables[t]);
        rc = store_lmdb_explain(s, "open a table", rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc);
        if (rc == 0)
            rc = store_lmdb_count(s, txn, t);
    }
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    atomic_store(&s->used, s->pages_used * s->page_size);
    return store_lmdb_explain(s, "make its tables", mdb_txn_commit(txn));
}

/* LMDB syncs its files but not their names. */
static int sync_name(const struct store *s, const char *directory)
{
    int file = open_in(s->path, directory, O_RDONLY | O_DIRECTORY);
    if (file < 0 && errno == EACCES)
        return 0; /* A parent that we may not read was not made by us. */
    int rc = file < 0 || fsync(file) != 0 ? errno : 0;
    if (file >= 0)
        close(file);
    return store_lmdb_explain(s, "sync the directory", rc);
}

static int open_all(struct store *s, const struct store_options *options)
{
    int rc = 0;
    if (!s->read_only) {
        if (mkdir(s->path, 0700) != 0 && errno != EEXIST)
            return store_lmdb_explain(s, "make the directory", errno);
        rc = lock(s);
    }
    if (rc == 0)
        rc = open_environment(s, options->size_max);
    if (rc == 0)
        rc = open_tables(s, options->tables);
    if (rc == 0 && !s->read_only)
        rc = sync_name(s, ".");
    if (rc == 0 && !s->read_only)
        rc = sync_name(s, "..");
    return rc;
}

int store_open(const struct store_options *options, struct store **store, char *message,
               size_t message_size)
{
    assert(options->table_count > 0);
    assert(options->table_count <= STORE_TABLES_MAX);
    size_t path_size = strlen(options->path) + 1;
    struct store *s = calloc(1, sizeof *s + path_size);
    int rc = STORE_IO;
    if (s == NULL) {
        say(rc, "%s: no memory for a store; end other programs", options->path);
    } else {
        memcpy(s->path, options->path, path_size);
        s->lock_file = -1;
        s->table_count = options->table_count;
        s->read_only = options->read_only;
        rc = open_all(s, options);
    }
    if (rc != 0) {
        snprintf(message, message_size, "%s", last_message);
        store_close(s);
        s = NULL;
    }
    *store = s;
    return rc;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    assert(atomic_load(&s->views) == 0);
    store_abort(s);
    if (s->env != NULL)
        mdb_env_close(s->env);
    if (s->lock_file >= 0)
        close(s->lock_file);
    free(s);
}
