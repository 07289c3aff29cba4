/* How fast something comes after what it is to reach, from where both were in the last seconds: of a
 * node that is behind, epochs executed and epochs agreed; of a snapshot, pieces here of all. Pure. */
#ifndef NODE_PROGRESS_H
#define NODE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum { PROGRESS_SAMPLES = 16, PROGRESS_STEP_MS = 1000 };

struct progress {
    unsigned count; /* Zeroed: nothing was noted. */
    struct {
        uint64_t at_ms, done, goal;
    } samples[PROGRESS_SAMPLES]; /* Oldest first. */
};

struct progress_rates {
    double done_s, goal_s; /* A second. */
    bool gains;            /* It comes nearer: */
    double left_s;         /* it is there after so long, if all goes on as it is. */
};

/* At most once a step counts. What goes back is something else, and all before it is forgotten. */
void progress_note(struct progress *p, uint64_t at_ms, uint64_t done, uint64_t goal);
/* False as long as less than two steps are known. */
bool progress_rates(const struct progress *p, struct progress_rates *rates);

#endif
