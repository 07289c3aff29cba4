/* A consensus store in the directory of one test. */
#ifndef TESTS_CONSENSUS_FIXTURE_H
#define TESTS_CONSENSUS_FIXTURE_H

#include "node/driver.h"
#include "tests/ledger_fixture.h"

static inline struct store *consensus_at(char name)
{
    const struct store_options options = {.path = store_path(name),
                                          .size_max = 64 << 20,
                                          .tables = consensus_tables,
                                          .table_count = CONSENSUS_TABLES};
    struct store *s;
    if (store_open(&options, &s, message, sizeof message))
        fail_msg("%s", message);
    return s;
}

#endif
