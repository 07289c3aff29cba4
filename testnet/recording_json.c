#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/daemon.h"
#include "testnet/recording.h"

enum {
    SAMPLES_MAX = 600,        /* A pixel and more each. */
    VALUES_MAX = 700000,      /* About 6 MB of text. */
    LIVE_VALUES_MAX = 200000, /* Who serves them does other things beside. */
    FORMAT = 1,
};

static void put(FILE *out, const char *key, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    if (!text)
        abort();
    fprintf(out, "\"%s\":%s,", key, text);
    free(text);
}

static void put_number(FILE *out, const char *before, double value)
{
    if (isfinite(value))
        field_print(out, before, value);
    else
        fprintf(out, "%snull", before);
}

static bool is_known(const struct recording *r, enum field field)
{
    for (size_t k = 0; k < r->count; k++)
        for (unsigned i = 0; i < r->n; i++)
            if (!isnan(recording_at(r, k, i)[field]))
                return true;
    return false;
}

/* One sample of so many is shown. Counters lose nothing by it; of gauges it is as they were. */
static size_t step_of(const struct recording *r, size_t first, unsigned runs, bool live)
{
    const size_t row = (size_t)r->n * FIELDS * runs;
    const size_t values = live ? LIVE_VALUES_MAX : VALUES_MAX;
    const size_t most = values / row < SAMPLES_MAX ? values / row : SAMPLES_MAX;
    return 1 + (r->count - first) / (most + 1);
}

/* From `first` on, so that the last one is among them. */
static void put_series(FILE *out, const struct recording *r, size_t first, size_t step, bool live)
{
    const char *between = "";
    first += r->count > first ? (r->count - 1 - first) % step : 0;
    fputs("\"t\":[", out);
    for (size_t k = first; k < r->count; k += step, between = ",")
        fprintf(out, "%s%.3f", between, r->t[k]);
    fputs("],\"fields\":{", out);
    const char *between_fields = "";
    for (enum field field = 0; field < FIELDS; field++) {
        if (!live && !is_known(r, field))
            continue;
        fprintf(out, "%s\"%s\":[", between_fields, field_name(field));
        between_fields = ",";
        for (unsigned i = 0; i < r->n; i++) {
            fputs(i > 0 ? ",[" : "[", out);
            for (size_t k = first; k < r->count; k += step)
                put_number(out, k > first ? "," : "", recording_at(r, k, i)[field]);
            fputc(']', out);
        }
        fputc(']', out);
    }
    fputs("}", out);
}

static json_t *events_after(const struct recording *r, double after)
{
    json_t *events = json_array();
    size_t k;
    json_t *event;
    json_array_foreach(r->events, k, event)
    {
        if (json_number_value(json_object_get(event, "t")) > after)
            json_array_append(events, event);
    }
    return events;
}

static void put_run(FILE *out, const struct recording *r, unsigned runs, bool live, double after)
{
    json_t *name = json_string(r->name);
    json_t *events = events_after(r, after);
    size_t first = 0;
    while (first < r->count && r->t[first] < after + 0.001) /* Three digits are told. */
        first++;
    fputc('{', out);
    put(out, "name", name);
    fprintf(out, "\"complete\":%s,", r->complete ? "true" : "false");
    put(out, "about", r->about);
    put(out, "figures", r->figures);
    put(out, "nodes", r->nodes);
    put(out, "events", events);
    put_series(out, r, first, step_of(r, first, runs, live), live);
    fputc('}', out);
    json_decref(name);
    json_decref(events);
}

char *recording_json(const struct recording *const runs[], unsigned count, bool live, double after,
                     size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (!out)
        abort();
    fprintf(out,
            "{\"format\":%d,\"program\":\"ledger-dashboard " DAEMON_VERSION "\",\"live\":%s,"
            "\"runs\":[",
            FORMAT, live ? "true" : "false");
    for (unsigned k = 0; k < count; k++) {
        if (k > 0)
            fputc(',', out);
        put_run(out, runs[k], count, live, after);
    }
    fputs("]}\n", out);
    if (fclose(out) != 0)
        abort(); /* No memory. */
    return text;
}
