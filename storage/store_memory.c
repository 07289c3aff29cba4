/* The store in memory: it fails and crashes on demand and is the same in every run.
 *
 * A table is a map that is never changed, only made anew. So what is committed, a transaction and
 * a view are an array of maps each, and commit, abort and crash say which of them stay. */
#include "storage/store_memory.h"
#include "storage/treap.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_OVERHEAD = 64 }; /* What a record counts beside its bytes; about LMDB's. */

/* What a path holds, open or not. */
struct disk {
    struct disk *next;
    char *path;
    char *tables; /* Their names, a space after each. */
    unsigned table_count;
    struct treap *maps[STORE_TABLES_MAX]; /* As committed. */
    size_t used;
    unsigned opened;
    bool locked;
};

static struct disk *disks;

struct store {
    struct disk *disk;
    struct store_view *views;
    struct treap *maps[STORE_TABLES_MAX]; /* As the transaction sees them. */
    size_t used;
    size_t size_max;
    bool read_only;
    bool begun;
    int error; /* What went wrong in the transaction: it cannot be committed any more. */
    unsigned countdown;
    int failure;
    bool unsure;     /* Nothing fails before the commit, and that happens. */
    bool was_unsure; /* It has. */
    char message[256];
};

struct store_view {
    struct store *store;
    struct store_view *next;
    struct treap *maps[STORE_TABLES_MAX];
};

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    assert(memory != NULL); /* A simulator without memory has nothing to tell. */
    return memory;
}

/* Makes `target` the same as `source`. */
static void share(struct treap *target[], struct treap *const source[])
{
    for (unsigned t = 0; t < STORE_TABLES_MAX; t++) {
        struct treap *old = target[t];
        target[t] = treap_retain(source[t]);
        treap_release(old);
    }
}

static void drop(struct treap *maps[])
{
    static struct treap *const none[STORE_TABLES_MAX];
    share(maps, none);
}

/* ---- Disks, opening and closing ---- */

static struct disk **disk_find(const char *path)
{
    struct disk **at = &disks;
    while (*at != NULL && strcmp((*at)->path, path) != 0)
        at = &(*at)->next;
    return at;
}

static char *join(const char *const names[], unsigned count)
{
    size_t size = 1;
    for (unsigned i = 0; i < count; i++)
        size += strlen(names[i]) + 1;
    char *joined = allocate(size);
    for (unsigned i = 0; i < count; i++)
        strcat(strcat(joined, names[i]), " ");
    return joined;
}

int store_open(const struct store_options *options, struct store **store, char *message,
               size_t message_size)
{
    assert(options->table_count > 0);
    assert(options->table_count <= STORE_TABLES_MAX);
    *store = NULL;
    struct disk **at = disk_find(options->path), *d = *at;
    if (d == NULL && options->read_only) {
        snprintf(message, message_size, "%s: there is no store here", options->path);
        return STORE_IO;
    }
    if (d != NULL && d->locked && !options->read_only) {
        snprintf(message, message_size, "%s: this store is open already", options->path);
        return STORE_BUSY;
    }
    char *tables = join(options->tables, options->table_count);
    if (d == NULL) {
        d = *at = allocate(sizeof *d);
        *d = (struct disk){.tables = tables, .table_count = options->table_count};
        d->path = join(&options->path, 1);
        d->path[strlen(options->path)] = '\0';
    } else {
        bool same = strcmp(d->tables, tables) == 0;
        if (!same)
            snprintf(message, message_size, "%s: this store has the tables %sand not %s",
                     options->path, d->tables, tables);
        free(tables);
        if (!same)
            return STORE_CORRUPT;
    }
    struct store *s = allocate(sizeof *s);
    *s = (struct store){
        .disk = d, .size_max = options->size_max, .read_only = options->read_only, .used = d->used};
    d->opened++;
    d->locked |= !s->read_only;
    *store = s;
    return 0;
}

static void view_free(struct store_view *v)
{
    drop(v->maps);
    free(v);
}

void store_memory_crash(struct store *s)
{
    while (s->views != NULL) {
        struct store_view *v = s->views;
        s->views = v->next;
        view_free(v);
    }
    store_abort(s);
    s->disk->opened--;
    s->disk->locked &= s->read_only;
    free(s);
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    assert(s->views == NULL);
    store_memory_crash(s); /* There is nothing that only an orderly end would save. */
}

void store_memory_forget(const char *path)
{
    struct disk **at = disk_find(path), *d = *at;
    if (d == NULL)
        return;
    assert(d->opened == 0);
    *at = d->next;
    drop(d->maps);
    free(d->path);
    free(d->tables);
    free(d);
}

const char *store_message(const struct store *s) { return s->message; }
size_t store_reusable(struct store *s)
{
    (void)s;
    return 0;
}

size_t store_used(struct store *s) { return s->disk->used; }

/* ---- Failures ---- */

void store_memory_fail(struct store *s, unsigned countdown, int error)
{
    assert(countdown == 0 || error < 0);
    s->countdown = countdown;
    s->failure = error;
}

void store_memory_unsure(struct store *s) { s->unsure = true; }
bool store_memory_was_unsure(const struct store *s) { return s->was_unsure; }

/* Every function that can fail asks this first. */
static int fails(struct store *s)
{
    if (s->countdown == 0)
        return 0;
    if (s->countdown > 1) {
        s->countdown--;
        return 0;
    }
    if (s->unsure)
        return 0;
    snprintf(s->message, sizeof s->message, "%s: the store was told to fail", s->disk->path);
    return s->failure;
}

static int fails_in_transaction(struct store *s, unsigned table)
{
    assert(s->begun);
    assert(table < s->disk->table_count);
    int error = fails(s);
    if (s->error == 0)
        s->error = error;
    return s->error;
}

/* ---- Transactions ---- */

int store_begin(struct store *s)
{
    assert(!s->read_only);
    assert(!s->begun);
    int error = fails(s);
    if (error != 0)
        return error;
    share(s->maps, s->disk->maps);
    s->used = s->disk->used;
    s->begun = true;
    s->error = 0;
    return 0;
}

int store_commit(struct store *s)
{
    const bool unsure = s->unsure && s->countdown == 1 && s->error == 0;
    s->unsure = s->unsure && !unsure;
    s->was_unsure = s->was_unsure || unsure;
    int error = fails_in_transaction(s, 0);
    if (error == 0 || unsure) {
        share(s->disk->maps, s->maps);
        s->disk->used = s->used;
    }
    store_abort(s);
    return error;
}

void store_abort(struct store *s)
{
    drop(s->maps);
    s->begun = false;
}

static void assert_key(struct slice key)
{
    assert(key.size >= 1);
    assert(key.size <= STORE_KEY_SIZE_MAX);
}

static size_t footprint(struct slice key, size_t value_size)
{
    return RECORD_OVERHEAD + key.size + value_size;
}

/* The footprint of the record that is there, or 0. */
static size_t stored(const struct store *s, unsigned table, struct slice key)
{
    struct slice value;
    return treap_get(s->maps[table], key, &value) ? footprint(key, value.size) : 0;
}

int store_put(struct store *s, unsigned table, struct slice key, const struct slice parts[],
              unsigned count)
{
    assert_key(key);
    int error = fails_in_transaction(s, table);
    if (error != 0)
        return error;
    size_t size = 0;
    for (unsigned i = 0; i < count; i++)
        size += parts[i].size;
    assert(size <= UINT32_MAX);
    s->used += footprint(key, size) - stored(s, table, key);
    s->maps[table] = treap_put(s->maps[table], key, parts, count);
    if (s->used <= s->size_max)
        return 0;
    snprintf(s->message, sizeof s->message, "%s: the store has reached its size limit",
             s->disk->path);
    return s->error = STORE_FULL;
}

int store_delete(struct store *s, unsigned table, struct slice key)
{
    assert_key(key);
    int error = fails_in_transaction(s, table);
    if (error != 0)
        return error;
    size_t size = stored(s, table, key);
    if (size == 0)
        return STORE_MISSING;
    s->used -= size;
    s->maps[table] = treap_delete(s->maps[table], key);
    return 0;
}

static int get(const struct treap *map, struct slice key, struct slice *value)
{
    assert_key(key);
    return treap_get(map, key, value) ? 0 : STORE_MISSING;
}

int store_get(struct store *s, unsigned table, struct slice key, struct slice *value)
{
    int error = fails_in_transaction(s, table);
    return error != 0 ? error : get(s->maps[table], key, value);
}

int store_scan(struct store *s, unsigned table, struct slice from, store_visit visit, void *context)
{
    int error = fails_in_transaction(s, table);
    return error != 0 ? error : treap_scan(s->maps[table], from, visit, context);
}

/* ---- Views ---- */

int store_view_open(struct store *s, struct store_view **view)
{
    *view = NULL;
    int error = fails(s);
    if (error != 0)
        return error;
    struct store_view *v = allocate(sizeof *v);
    v->store = s;
    v->next = s->views;
    s->views = v;
    share(v->maps, s->disk->maps);
    *view = v;
    return 0;
}

void store_view_close(struct store_view *v)
{
    if (v == NULL)
        return;
    struct store_view **at = &v->store->views;
    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
    view_free(v);
}

static int view_fails(struct store_view *v, unsigned table)
{
    assert(table < v->store->disk->table_count);
    return fails(v->store);
}

int store_view_get(struct store_view *v, unsigned table, struct slice key, struct slice *value)
{
    int error = view_fails(v, table);
    return error != 0 ? error : get(v->maps[table], key, value);
}

int store_view_scan(struct store_view *v, unsigned table, struct slice from, store_visit visit,
                    void *context)
{
    int error = view_fails(v, table);
    return error != 0 ? error : treap_scan(v->maps[table], from, visit, context);
}

int store_view_last(struct store_view *v, unsigned table, struct slice *key, struct slice *value)
{
    int error = view_fails(v, table);
    if (error != 0)
        return error;
    return treap_last(v->maps[table], key, value) ? 0 : STORE_MISSING;
}
