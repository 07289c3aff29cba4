/* What the tests of execution share: keys, transactions, blocks, and a ledger store in a
 * directory of its own beside the test program. */
#ifndef TESTS_LEDGER_FIXTURE_H
#define TESTS_LEDGER_FIXTURE_H

#include "crypto/merkle.h"
#include "node/ledger.h"
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

/* NULL when the store that is linked is the one on disk. */
#pragma weak store_memory_fail
#pragma weak store_memory_forget

enum { KEYS = 40 };

static struct identity_secret secrets[KEYS];
static struct identity_public keys[KEYS];
static struct hash chain;
static const char *build_directory;
static char directory[512]; /* Of one test; made by setup. */
static char message[1024];

static inline uint64_t random_next(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static inline uint64_t random_below(uint64_t *seed, uint64_t bound)
{
    return random_next(seed) % bound;
}

static inline bool fixture_init(char **argv)
{
    static char program[512];
    snprintf(program, sizeof program, "%s", argv[0]);
    build_directory = dirname(program);
    if (!hash_init() || !identity_init(NULL))
        return false;
    chain = hash_bytes(slice_of("chain", 5));
    for (unsigned i = 0; i < KEYS; i++) {
        memset(&secrets[i], (int)i + 1, sizeof secrets[i]);
        if (!identity_derive(&secrets[i], &keys[i]))
            return false;
    }
    return true;
}

static inline int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "%s/ledger-XXXXXX", build_directory);
    assert_non_null(mkdtemp(directory));
    return 0;
}

static inline const char *store_path(char name)
{
    static char path[520];
    snprintf(path, sizeof path, "%s/%c", directory, name);
    return path;
}

static inline int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock", ""};
    for (char store = 'a'; store <= 'h'; store++) {
        for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
            char name[600];
            snprintf(name, sizeof name, "%s/%s", store_path(store), names[i]);
            remove(name);
        }
        if (store_memory_forget)
            store_memory_forget(store_path(store));
    }
    return rmdir(directory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static inline struct store *store_at(char name)
{
    struct store_options options = {.path = store_path(name),
                                    .size_max = 256 << 20,
                                    .tables = ledger_tables,
                                    .table_count = LEDGER_TABLE_COUNT};
    struct store *s;
    if (store_open(&options, &s, message, sizeof message))
        fail_msg("%s", message);
    return s;
}

/* Not signed. */
static inline struct transaction transfer_of(unsigned from, uint64_t sequence, unsigned to,
                                             uint64_t amount)
{
    return (struct transaction){
        .chain = chain, .from = keys[from], .sequence = sequence, .to = keys[to], .amount = amount};
}

static inline struct transaction transfer_signed(unsigned from, uint64_t sequence, unsigned to,
                                                 uint64_t amount)
{
    struct transaction t = transfer_of(from, sequence, to, amount);
    assert_true(transaction_sign(&t, &secrets[from]));
    return t;
}

#endif
