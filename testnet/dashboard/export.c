/* ledger-dashboard export: what runs have left, for people and other programs. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "node/cli/arguments.h"
#include "testnet/dashboard/commands.h"
#include "testnet/page.h"

static const char usage[] =
    "usage: ledger-dashboard export RUN_DIR... [options]\n"
    "Writes what runs of ledger-testnet have left, several side by side. Runs that were aborted\n"
    "are shown as far as they came.\n"
    "  --html FILE      a page that needs nothing else: no network, no server\n"
    "  --json FILE      what the page draws\n"
    "  --csv DIR        series.csv (each sample of each node) and nodes.csv (a line a node)\n"
    "  --svg DIR        pictures: throughput.svg and, of each run, RUN-progress.svg\n"
    "  --grafana FILE   a dashboard of the nodes' metrics for Grafana; needs no runs\n"
    "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage.\n";

enum { RUNS_MAX = 64, MESSAGE_MAX = 1024 };

struct outputs {
    const char *html, *json, *csv, *svg, *grafana;
};

int export_text(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return -1;
    const bool written = fwrite(text, 1, size, file) == size;
    return fclose(file) == 0 && written ? 0 : -1;
}

static int failed(const char *path)
{
    return say_failed("export", "%s: %s", path, strerror(errno));
}

/* Runs of one name are told apart by their numbers. */
static void name_apart(struct recording runs[], unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        unsigned same = 1;
        for (unsigned k = 0; k < i; k++) {
            const size_t size = strlen(runs[i].name);
            same += strncmp(runs[k].name, runs[i].name, size) == 0 &&
                    (runs[k].name[size] == '\0' || runs[k].name[size] == ' ');
        }
        if (same > 1)
            snprintf(runs[i].name + strlen(runs[i].name),
                     sizeof runs[i].name - strlen(runs[i].name), " (%u)", same);
    }
}

static int write_page(const struct recording *const runs[], unsigned count, const struct outputs *o)
{
    size_t size, page_size;
    char *data = recording_json(runs, count, false, -INFINITY, &size);
    int status = EXIT_DONE;
    if (o->json && export_text(o->json, data, size))
        status = failed(o->json);
    if (o->html && status == EXIT_DONE) {
        char *page = page_html(data, &page_size);
        if (export_text(o->html, page, page_size))
            status = failed(o->html);
        free(page);
    }
    free(data);
    return status;
}

static int make_directory(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -1;
}

static int write_all(const struct recording *const runs[], unsigned count, const struct outputs *o)
{
    int status = EXIT_DONE;
    if (o->grafana && export_grafana(o->grafana))
        return failed(o->grafana);
    if (o->html || o->json)
        status = write_page(runs, count, o);
    if (status == EXIT_DONE && o->csv &&
        (make_directory(o->csv) || export_csv(runs, count, o->csv)))
        status = failed(o->csv);
    if (status == EXIT_DONE && o->svg &&
        (make_directory(o->svg) || export_svg(runs, count, o->svg)))
        status = failed(o->svg);
    return status;
}

int command_export(int argc, char **argv)
{
    static struct recording loaded[RUNS_MAX];
    const struct recording *runs[RUNS_MAX];
    struct outputs o = {0};
    const struct argument table[] = {
        {.name = "html", .type = ARGUMENT_TEXT, .target = &o.html},
        {.name = "json", .type = ARGUMENT_TEXT, .target = &o.json},
        {.name = "csv", .type = ARGUMENT_TEXT, .target = &o.csv},
        {.name = "svg", .type = ARGUMENT_TEXT, .target = &o.svg},
        {.name = "grafana", .type = ARGUMENT_TEXT, .target = &o.grafana},
        {0}};
    struct arguments a = {.command = "export", .usage = usage};
    char message[MESSAGE_MAX];
    int status;
    if (!arguments_read(&a, argc, argv, table, &status))
        return status;
    if (!o.html && !o.json && !o.csv && !o.svg && !o.grafana)
        return say_usage(a.command, "say what to write: --html FILE, for instance");
    const char *const files[] = {o.html, o.json, o.csv, o.svg, o.grafana};
    for (unsigned k = 0; k < sizeof files / sizeof *files; k++)
        if (files[k] && strcmp(files[k], "-") == 0)
            return say_usage(a.command, "- is no name for a file; for stdout, give /dev/stdout");
    if (a.count == 0 && (o.html || o.json || o.csv || o.svg))
        return say_usage(a.command, "the directory of a run is missing");
    if (a.count > RUNS_MAX)
        return say_usage(a.command, "at most %d runs at a time", RUNS_MAX);
    unsigned count = 0;
    status = EXIT_DONE;
    for (; count < (unsigned)a.count && status == EXIT_DONE; count++) {
        runs[count] = &loaded[count];
        if (recording_load(&loaded[count], a.values[count], message, sizeof message))
            status = say_failed(a.command, "%s", message);
    }
    name_apart(loaded, count);
    if (status == EXIT_DONE)
        status = write_all(runs, count, &o);
    for (unsigned i = 0; i < count; i++)
        recording_free(&loaded[i]);
    return status;
}
