/* What is known of a run, or of a cluster that is watched: the fields of each node over time, and
 * what was done to it. What a dashboard shows, live or exported, is one of these. */
#ifndef TESTNET_RECORDING_H
#define TESTNET_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include "testnet/fields.h"

enum { RECORDING_NAME_MAX = 63 };

struct recording {
    char name[RECORDING_NAME_MAX + 1];
    bool complete; /* It came to its end. */
    unsigned n;    /* Nodes. */
    size_t count, capacity;
    size_t limit;   /* Samples, at most: then the oldest goes. 0: all are kept. */
    double *t;      /* [count], seconds, ascending. */
    double *values; /* [count][n][FIELDS]; NAN: not known. */
    /* Owned. What was run; figures, each with label, value and unit; of each node what does not
     * change; what was done, and when. */
    json_t *about, *figures, *nodes, *events;
};

/* Of the name, what is no letter, digit or the like becomes _. */
void recording_init(struct recording *r, const char *name, unsigned n, size_t limit);
void recording_free(struct recording *r); /* Zeroed is fine. */
/* The values of a new sample, all NAN, to be filled in: [n][FIELDS]. */
double *recording_add(struct recording *r, double t);
static inline double *recording_at(const struct recording *r, size_t sample, unsigned node)
{
    return r->values + (sample * r->n + node) * FIELDS;
}
void recording_event(struct recording *r, double t, const char *kind, const char *nodes,
                     const char *detail);
/* A figure; not if the value is not finite. Units: B/s, B, ms, s, ratio, times, count. */
void recording_figure(struct recording *r, const char *label, double value, const char *unit);

/* recording_load.c: from the directory of a run, even of one that was aborted. 0, or -1 with
 * `message` and nothing to free. */
int recording_load(struct recording *r, const char *directory, char *message, size_t message_size);

/* recording_json.c: what the page draws (testnet/page/model.js). Of samples and events only those
 * later than `after`. Live, each field; else those of which something is known. Of many
 * samples as many as can be seen. To be freed. */
char *recording_json(const struct recording *const runs[], unsigned count, bool live, double after,
                     size_t *size);

#endif
