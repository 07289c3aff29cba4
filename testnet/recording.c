#include "testnet/recording.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void recording_init(struct recording *r, const char *name, unsigned n, size_t limit)
{
    *r = (struct recording){.n = n,
                            .limit = limit,
                            .about = json_object(),
                            .figures = json_array(),
                            .nodes = json_array(),
                            .events = json_array()};
    snprintf(r->name, sizeof r->name, "%s", name);
    for (char *c = r->name; *c; c++) /* It stands in tables, pages and names of files. */
        if (!isalnum((unsigned char)*c) && !strchr(" ._-+()", *c))
            *c = '_';
}

void recording_free(struct recording *r)
{
    free(r->t);
    free(r->values);
    json_decref(r->about);
    json_decref(r->figures);
    json_decref(r->nodes);
    json_decref(r->events);
    *r = (struct recording){0};
}

static void *resized(void *memory, size_t count, size_t size)
{
    void *more = reallocarray(memory, count, size);
    if (!more)
        abort();
    return more;
}

double *recording_add(struct recording *r, double t)
{
    const size_t row = (size_t)r->n * FIELDS;
    if (r->limit != 0 && r->count == r->limit) {
        r->count--;
        memmove(r->t, r->t + 1, r->count * sizeof *r->t);
        memmove(r->values, r->values + row, r->count * row * sizeof *r->values);
    }
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 64;
        r->t = resized(r->t, r->capacity, sizeof *r->t);
        r->values = resized(r->values, r->capacity, row * sizeof *r->values);
    }
    double *values = recording_at(r, r->count, 0);
    for (size_t k = 0; k < row; k++)
        values[k] = NAN;
    r->t[r->count++] = t;
    return values;
}

void recording_event(struct recording *r, double t, const char *kind, const char *nodes,
                     const char *detail)
{
    json_array_append_new(r->events, json_pack("{s:f, s:s, s:s, s:s}", "t", t, "kind", kind,
                                               "nodes", nodes, "detail", detail));
}

void recording_figure(struct recording *r, const char *label, double value, const char *unit)
{
    if (isfinite(value))
        json_array_append_new(
            r->figures, json_pack("{s:s, s:f, s:s}", "label", label, "value", value, "unit", unit));
}
