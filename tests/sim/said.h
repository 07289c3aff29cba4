/* What correct nodes said that can be said once only: no word of theirs is ever another, whatever
 * their disks did between. */
#ifndef TESTS_SIM_SAID_H
#define TESTS_SIM_SAID_H

#include "node/message.h"

struct said {
    struct {
        uint64_t what, value; /* Hashes; 0: free. */
    } * places;
    size_t count, capacity;
};

void said_free(struct said *s);
/* False: `who` has said something else in the place of `m`. */
bool said_add(struct said *s, node_id who, const struct message *m);

#endif
