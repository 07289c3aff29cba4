/* Tables for other programs. */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "testnet/dashboard/commands.h"

enum { PATH_SIZE = 600 };

static FILE *open_in(const char *directory, const char *name)
{
    char path[PATH_SIZE];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= PATH_SIZE) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return fopen(path, "we");
}

static int close_written(FILE *file)
{
    const bool failed = ferror(file);
    return fclose(file) == 0 && !failed ? 0 : -1;
}

static int write_series(const struct recording *const runs[], unsigned count, FILE *out)
{
    fputs("run,", out);
    fields_head(out);
    for (unsigned r = 0; r < count; r++)
        for (size_t k = 0; k < runs[r]->count; k++)
            for (unsigned i = 0; i < runs[r]->n; i++) {
                fprintf(out, "%s,", runs[r]->name);
                fields_row(out, runs[r]->t[k], i, recording_at(runs[r], k, i));
            }
    return close_written(out);
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static int write_nodes(const struct recording *const runs[], unsigned count, FILE *out)
{
    fputs("run,node,confirmed_bytes_s,load_bytes_s,p5_ms,p50_ms,p95_ms,p99_ms\n", out);
    for (unsigned r = 0; r < count; r++)
        for (unsigned i = 0; i < runs[r]->n; i++) {
            static const char *const keys[] = {"p5", "p50", "p95", "p99"};
            const json_t *node = json_array_get(runs[r]->nodes, i);
            fprintf(out, "%s,%u", runs[r]->name, i);
            field_print(out, ",", number(node, "confirmed_bytes_s"));
            field_print(out, ",", number(node, "load_bytes_s"));
            for (unsigned k = 0; k < 4; k++)
                field_print(out, ",", number(json_object_get(node, "latency_ms"), keys[k]));
            fputc('\n', out);
        }
    return close_written(out);
}

int export_csv(const struct recording *const runs[], unsigned count, const char *directory)
{
    FILE *series = open_in(directory, "series.csv");
    if (!series || write_series(runs, count, series))
        return -1;
    FILE *nodes = open_in(directory, "nodes.csv");
    return !nodes || write_nodes(runs, count, nodes) ? -1 : 0;
}
