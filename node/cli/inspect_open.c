#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/cli/inspect.h"
#include "node/driver.h"

enum { PATH_SIZE = 4096 };

int inspection_problem(struct inspection *i, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (i->problem[0] == '\0')
        vsnprintf(i->problem, sizeof i->problem, format, values);
    va_end(values);
    return -1;
}

int inspection_error(struct inspection *i, int error, const char *what)
{
    switch (error) {
    case STORE_MISSING: return inspection_problem(i, "%s: there is no record of it", what);
    case STORE_CORRUPT: return inspection_problem(i, "%s: its record does not decode", what);
    default: return inspection_problem(i, "%s: %s", what, store_message(i->ledger));
    }
}

static int open_store(const char *directory, const char *name, const char *const tables[],
                      unsigned count, struct store **store, char *message, size_t message_size)
{
    char path[PATH_SIZE + sizeof "/consensus"];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    const struct store_options options = {
        .path = path, .tables = tables, .table_count = count, .read_only = true};
    return store_open(&options, store, message, message_size);
}

/* PATH/ledger is there, or PATH/data/ledger. */
static bool find_data(const char *path, char data[PATH_SIZE])
{
    static const char *const places[] = {"", "/data"};
    for (unsigned k = 0; k < 2; k++) {
        char ledger[PATH_SIZE + sizeof "/ledger/data.mdb"];
        snprintf(data, PATH_SIZE, "%s%s", path, places[k]);
        snprintf(ledger, sizeof ledger, "%s/ledger/data.mdb", data);
        if (access(ledger, F_OK) == 0)
            return true;
    }
    return false;
}

static int open_all(struct inspection *i, char *message, size_t message_size)
{
    char data[PATH_SIZE];
    char consensus[PATH_SIZE + sizeof "/consensus"];
    if (!find_data(i->path, data)) {
        snprintf(message, message_size,
                 "%.300s: no ledger here; name a node's directory, or its data directory", i->path);
        return -1;
    }
    if (open_store(data, "ledger", ledger_tables, LEDGER_TABLE_COUNT, &i->ledger, message,
                   message_size))
        return -1;
    if (store_view_open(i->ledger, &i->view)) {
        snprintf(message, message_size, "%s", store_message(i->ledger));
        return -1;
    }
    struct slice value;
    int error = store_view_get(i->view, LEDGER_META, meta_key(), &value);
    if (error || meta_decode(value, &i->meta)) {
        snprintf(message, message_size, "%.300s: the ledger has no genesis that can be read",
                 i->path);
        return -1;
    }
    error = executor_installed(i->view, quorum_of(NODES_MAX), &i->head);
    i->snapshot = error == 0;
    if (error && error != STORE_MISSING) {
        snprintf(message, message_size, "%.300s: the snapshot it began with cannot be read",
                 i->path);
        return -1;
    }
    snprintf(consensus, sizeof consensus, "%s/consensus", data);
    if (access(consensus, F_OK) != 0)
        return 0;
    return open_store(data, "consensus", consensus_tables, CONSENSUS_TABLES, &i->consensus, message,
                      message_size);
}

int inspection_open(struct inspection *i, const char *path, char *message, size_t message_size)
{
    memset(i, 0, sizeof *i);
    i->path = path;
    if (open_all(i, message, message_size) == 0)
        return 0;
    inspection_close(i);
    return -1;
}

void inspection_close(struct inspection *i)
{
    store_view_close(i->view);
    store_close(i->consensus);
    store_close(i->ledger);
    i->view = NULL;
    i->consensus = i->ledger = NULL;
}
