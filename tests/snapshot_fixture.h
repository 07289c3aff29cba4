/* A store of snapshots in the directory of one test. */
#ifndef TESTS_SNAPSHOT_FIXTURE_H
#define TESTS_SNAPSHOT_FIXTURE_H

#include "node/snapshots.h"
#include "tests/executor_fixture.h"

static inline struct store *snapshots_at(char name)
{
    struct store_options options = {.path = store_path(name),
                                    .size_max = 256 << 20,
                                    .tables = snapshot_tables,
                                    .table_count = SNAPSHOT_TABLES};
    struct store *s;
    if (store_open(&options, &s, message, sizeof message))
        fail_msg("%s", message);
    return s;
}

#endif
