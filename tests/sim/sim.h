/* A whole cluster in one thread, decided by one seed.
 *
 * Real drivers on memory stores; a network that delays, loses, reorders, repeats and partitions,
 * with a bandwidth for each node; nodes that crash at any moment and come back; f nodes that lie;
 * work that is done late and in any order. After each batch of a correct node the checkers look
 * at it. At the end the network heals and crashed nodes come back: every transaction that a
 * correct node took is then executed by every correct node, or the run is STUCK, whatever its
 * budget. A run that fails prints its seed; the same seed on the same commit is the same run. */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "crypto/fault.h"
#include "node/mode.h"
#include "tests/sim/liar.h"

struct sim_options {
    uint64_t seed;
    unsigned nodes;      /* 0: drawn from 4 5 6 7 8 10 16. */
    enum node_mode mode; /* MODES: drawn, dl most often. */
    bool trace;
    uint64_t fail_call; /* Not 0: no other disk fails but node 0's, at this call of it, */
    int fail_error;     /* with this error; or, from there on, */
    bool fail_unsure;   /* at a commit, which has happened all the same. */
};

/* What happened: a run in which nothing did shows nothing. */
#define TALLY_MAP(X)      \
    X(crashes)            \
    X(twins)              \
    X(disk_errors)        \
    X(disk_full)          \
    X(unsure_commits)     \
    X(slow_disks)         \
    X(large)              \
    X(later_pieces)       \
    X(many_epochs)        \
    X(restarts_mid_epoch) \
    X(lost)               \
    X(reordered)          \
    X(repeated)           \
    X(partitions)         \
    X(coins)              \
    X(rounds_over_2)      \
    X(late_closed)        \
    X(linked)             \
    X(given_up)           \
    X(taken_again)        \
    X(held_back)          \
    X(checkpoints)        \
    X(catch_ups)          \
    X(bad_blocks)         \
    X(fetch_retries)      \
    X(fetch_all)          \
    X(transactions)       \
    X(blocks)             \
    X(epochs)

struct sim_tally {
#define X(name) uint64_t name;
    TALLY_MAP(X)
#undef X
    uint64_t failed_calls; /* Runs in which `fail_call` was reached. */
    uint64_t runs[MODES];
    uint64_t told[LIES];
    uint64_t caught[FAULT_COUNT];
};

enum sim_verdict { SIM_PASSED, SIM_UNSAFE, SIM_STUCK };

/* `report` says what went wrong, in one line. Adds to `tally`. */
enum sim_verdict sim_run(const struct sim_options *o, struct sim_tally *tally, char *report,
                         size_t report_size);

#endif
