/* The records of the ledger store, as executor.c writes and executor_read.c reads them. */
#ifndef NODE_EXECUTOR_RECORD_H
#define NODE_EXECUTOR_RECORD_H

#include "node/executor.h"

enum {
    LEDGER_FORMAT = 2,
    ENTRY_LEAF_SIZE = 8 + 8 + 2 + HASH_SIZE + 1 + 4 + HASH_SIZE,
    ENTRY_SIZE = ENTRY_LEAF_SIZE + 8 + 8 + 4 + 8,
    RESULT_SIZE = HASH_SIZE + 1,
    PLACE_SIZE = 8 + 4 + 1,
    APPLICATION_NAME_MAX = 16,
    META_SIZE = 1 + 1 + APPLICATION_NAME_MAX + HASH_SIZE + 2 + 8 + 8 * (OUTCOME_COUNT + 3) +
                HASH_SIZE + 8 + MERKLE_LOG_DEPTH_MAX * HASH_SIZE,
};

/* The sums, with what they belong to and what the next epoch needs. */
struct meta {
    struct hash chain;
    uint16_t n;
    char application[APPLICATION_NAME_MAX + 1];
    struct merkle_frontier log;
    struct executor_state state; /* height and log_root are those of `log`. */
};

/* Of the snapshot that this ledger began with: its head, and its runs. */
struct slice snapshot_head_key(void);
struct slice snapshot_runs_key(void);
/* Each snapshot that it went on from leaves a gap in the entries: from u64, where they ended, and the
 * log as it was where they go on (merkle_frontier_encode), one after the other. */
struct slice snapshot_gaps_key(void);

struct slice meta_key(void);
struct slice meta_encode(const struct meta *m, uint8_t bytes[META_SIZE]);
int meta_decode(struct slice value, struct meta *m);

struct slice position_key(uint8_t key[8], uint64_t position);
struct slice entry_encode(const struct executor_entry *e, uint8_t bytes[ENTRY_SIZE]);
int entry_decode(struct slice value, struct executor_entry *e);

/* Results are kept in rows of APPLICATION_BATCH: `first` is a multiple of that. */
struct slice outcomes_key(uint8_t key[12], uint64_t position, uint32_t first);
void result_encode(const struct result *result, uint8_t bytes[RESULT_SIZE]);
int result_decode(struct slice value, struct result *result);

struct slice place_encode(const struct executor_place *p, uint8_t bytes[PLACE_SIZE]);
int place_decode(struct slice value, struct executor_place *p);

#endif
