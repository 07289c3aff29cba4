/* A store of three tables in a directory of its own beside the test program.
 *
 * The same tests are linked with each implementation of storage/store.h. The functions of
 * store_memory.h are weak here: they are NULL when the store is the one on disk. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "storage/store_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#pragma weak store_memory_fail
#pragma weak store_memory_crash
#pragma weak store_memory_forget

enum { MIB = 1 << 20, LOG = 0, CHUNK, BLOCK, TABLES };

static const char *const tables[TABLES] = {"log", "chunk", "block"};
static const char *build_directory; /* Where this program is. */
static char directory[512];         /* Of one test; made by setup. */
static char path[520];              /* The store's, in it. */
static char message[1024];

static inline bool on_disk(void) { return store_memory_fail == NULL; }

static inline struct store_options options(size_t size_max, bool read_only)
{
    return (struct store_options){path, size_max, tables, TABLES, read_only};
}

static inline struct store *open_store(size_t size_max)
{
    struct store_options o = options(size_max, false);
    struct store *s;
    if (store_open(&o, &s, message, sizeof message) != 0)
        fail_msg("%s", message);
    return s;
}

static inline struct store *reopen(struct store *s, size_t size_max)
{
    store_close(s);
    return open_store(size_max);
}

static inline int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "%s/store-XXXXXX", build_directory);
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/a", directory);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock", ""};
    char name[600];
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(name, sizeof name, "%s/%s", path, names[i]);
        remove(name);
    }
    return rmdir(directory);
}

static inline struct slice text(const char *t) { return slice_of(t, strlen(t)); }

static const uint8_t big[64 * 1024] = {1, 2, 3};

static inline int put(struct store *s, unsigned table, const char *key, struct slice value)
{
    return store_put(s, table, text(key), &value, 1);
}

static inline void put_committed(struct store *s, const char *key, const char *value)
{
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(put(s, LOG, key, text(value)), 0);
    assert_int_equal(store_commit(s), 0);
}

/* Writes "key=value " for each record. */
static inline int write_visit(void *context, struct slice key, struct slice value)
{
    char *out = (char *)context;
    sprintf(out + strlen(out), "%.*s=%.*s ", (int)key.size, (const char *)key.data, (int)value.size,
            (const char *)value.data);
    return key.data[0] == 'z';
}

static inline void expect_view(struct store_view *v, unsigned table, const char *expected)
{
    char out[4096] = "";
    assert_int_equal(store_view_scan(v, table, text(""), write_visit, out), 0);
    assert_string_equal(out, expected);
}

static inline void expect_committed(struct store *s, const char *expected)
{
    struct store_view *v;
    assert_int_equal(store_view_open(s, &v), 0);
    expect_view(v, LOG, expected);
    store_view_close(v);
}

static inline void expect_refused(const struct store_options *o, int error, const char *word)
{
    struct store *s = (struct store *)&message;
    assert_int_equal(store_open(o, &s, message, sizeof message), error);
    assert_null(s);
    assert_non_null(strstr(message, path));
    assert_non_null(strstr(message, word));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
