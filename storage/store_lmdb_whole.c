/* Whether the file has all pages that its store uses.
 *
 * LMDB maps the file and believes what its meta page says: a page past the end of a file that was
 * cut short is a SIGBUS. A file may be shorter than its meta page says, though: pages that one
 * transaction took at the end and gave back are never written. Those are in the list of free
 * pages, so a short file is whole if all that it lacks is there. */
#include "storage/store_lmdb.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/stat.h>

static _Thread_local sigjmp_buf cut_short;

static void leave(int number)
{
    (void)number;
    siglongjmp(cut_short, 1);
}

/* How many free pages are at or after `first`. LMDB keeps them in table 0, the transaction that
 * freed them -> their count and numbers. */
static size_t count_free(MDB_cursor *cursor, size_t first)
{
    MDB_val key, value;
    size_t count = 0;
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        const size_t *pages = value.mv_data;
        for (size_t i = 1; i <= pages[0]; i++)
            count += pages[i] >= first;
    }
    return count;
}

/* The list itself may be in what is lacking: then reading it raises SIGBUS. */
static bool tail_is_free(MDB_env *env, size_t first, size_t end)
{
    const struct sigaction action = {.sa_handler = leave};
    struct sigaction before;
    MDB_txn *txn;
    MDB_cursor *cursor;
    volatile size_t count = 0;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0)
        return false;
    if (mdb_cursor_open(txn, 0, &cursor) == 0) {
        sigaction(SIGBUS, &action, &before);
        if (sigsetjmp(cut_short, 1) == 0)
            count = count_free(cursor, first);
        sigaction(SIGBUS, &before, NULL);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return count == end - first;
}

bool store_lmdb_is_whole(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat status;
    int file;
    if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat) != 0 ||
        mdb_env_get_fd(env, &file) != 0 || fstat(file, &status) != 0)
        return false;
    size_t pages = (size_t)status.st_size / stat.ms_psize;
    size_t end = info.me_last_pgno + 1;
    return pages >= end || tail_is_free(env, pages, end);
}
