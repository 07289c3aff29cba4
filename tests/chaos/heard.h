/* What a node heard of the others' votes, written down as it came, for tests/chaos/votes.c. */
#ifndef TESTS_CHAOS_HEARD_H
#define TESTS_CHAOS_HEARD_H

#include "node/message.h"

/* One kind of vote on several proposals, or what is said of one. */
struct heard {
    uint64_t epoch;
    uint8_t kind; /* enum message_kind */
    uint8_t from;
    uint8_t type; /* VOTES: enum ba_type; ROOTS: enum vid_vote. */
    uint8_t round;
    uint8_t values; /* VOTES */
    uint8_t unused[3];
    struct nodeset proposers;
    struct hash value; /* ROOTS, CHECKPOINT, CHUNK: what was said. SHARE: of it. */
};

extern node_id heard_self; /* Who this process is: known when its core is opened (lies.c). */

#endif
