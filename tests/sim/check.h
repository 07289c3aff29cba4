/* What must hold after every batch, and what must have happened in the end. */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include "node/node.h"

enum { CHECK_EPOCHS = 16384, CHECK_POSITIONS = 1 << 18 };

struct check_position {
    bool known;
    bool valid;
    epoch_id epoch, with_epoch;
    node_id proposer;
    struct hash commitment;
    struct hash content; /* Of the block's transactions. */
};

struct check { /* Remembers the first correct node's answer to everything. */
    struct quorum quorum;
    struct mode_rules rules;
    struct nodeset decided[CHECK_EPOCHS], ones[CHECK_EPOCHS];
    struct nodeset root_known[CHECK_EPOCHS];
    struct hash (*roots)[NODES_MAX]; /* [CHECK_EPOCHS] */
    struct check_position *positions;
    uint64_t position_count;
    struct nodeset delivered[CHECK_EPOCHS]; /* Once each. */
    struct nodeset proposed[CHECK_EPOCHS];  /* What a correct node put into its block. */
    struct hash (*contents)[NODES_MAX];
    char failure[256]; /* Empty: all is well. */
};

struct check *check_new(struct quorum q, enum node_mode mode);
void check_free(struct check *c);
/* Agreement on bits and on roots, as one correct node knows them. */
void check_node(struct check *c, node_id who, const struct node *n);
/* A correct node has made a block with so many transactions. */
void check_proposed(struct check *c, node_id who, const struct node *n, epoch_id epoch,
                    uint32_t count, const struct hash *content);
/* Agreement on order, integrity, validity. `correct`: the proposer is. */
void check_delivery(struct check *c, node_id who, const struct delivery *d, bool correct,
                    const struct hash *content);

#endif
