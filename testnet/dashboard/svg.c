/* Pictures for papers and pages: the same colours and scales as the page, without its script. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "testnet/dashboard/commands.h"

enum { WIDTH = 720, HEIGHT = 360, LEFT = 64, RIGHT = 150, TOP = 40, BOTTOM = 44, TICKS = 5 };
enum { PATH_SIZE = 700, COLOURS = 5 };

/* Okabe and Ito's: told apart by colour-blind eyes. */
static const char *const colours[COLOURS] = {"#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9"};
static const char caps[] = "#d8dde3";

struct axes {
    FILE *out;
    double x_most, y_most; /* Both begin at 0. */
};

static double at_x(const struct axes *a, double x)
{
    return LEFT + x / a->x_most * (WIDTH - LEFT - RIGHT);
}

static double at_y(const struct axes *a, double y)
{
    return HEIGHT - BOTTOM - y / a->y_most * (HEIGHT - TOP - BOTTOM);
}

static void put_text(FILE *out, double x, double y, const char *anchor, const char *text)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    for (; *text; text++) {
        if (*text == '<' || *text == '&')
            fprintf(out, "&#%d;", *text);
        else
            fputc(*text, out);
    }
    fputs("</text>\n", out);
}

/* 1, 2 or 5 times a power of ten, of which about TICKS fit. */
static double step_of(double most)
{
    assert(most > 0 && isfinite(most));
    const double power = pow(10, floor(log10(most / TICKS)));
    const double ratio = most / TICKS / power;
    return power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
}

static FILE *begin(struct axes *a, const char *path, const char *title, const char *y_name)
{
    FILE *out = a->out = fopen(path, "we");
    if (!out)
        return NULL;
    a->x_most = a->x_most > 0 && isfinite(a->x_most) ? a->x_most : 1;
    a->y_most = a->y_most > 0 && isfinite(a->y_most) ? a->y_most : 1;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
    fputs("<g font-weight=\"bold\" font-size=\"14\">", out);
    put_text(out, LEFT, 20, "start", title);
    fputs("</g>\n", out);
    const double step = step_of(a->y_most);
    for (double y = 0; y <= a->y_most * 1.001; y += step) {
        char label[32];
        snprintf(label, sizeof label, "%g", y);
        fprintf(out, "<path d=\"M%d %.1fH%d\" stroke=\"#e3e6ea\"/>\n", LEFT, at_y(a, y),
                WIDTH - RIGHT);
        put_text(out, LEFT - 6, at_y(a, y) + 4, "end", label);
    }
    put_text(out, LEFT, TOP - 6, "start", y_name);
    return out;
}

static int finish(FILE *out)
{
    fputs("</svg>\n", out);
    const bool failed = ferror(out);
    return fclose(out) == 0 && !failed ? 0 : -1;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* What a node confirmed a second, in MB: as the summary says, else over all that there is. */
static double confirmed(const struct recording *r, unsigned i)
{
    const double said = number(json_array_get(r->nodes, i), "confirmed_bytes_s");
    if (isfinite(said) || r->count < 2)
        return said / 1e6;
    double first = NAN, last = NAN;
    for (size_t k = 0; k < r->count; k++) {
        const double bytes = recording_at(r, k, i)[FIELD_CONFIRMED_BYTES];
        first = isnan(first) ? bytes : first;
        last = isnan(bytes) ? last : bytes;
    }
    return (last - first) / (r->t[r->count - 1] - r->t[0]) / 1e6;
}

static double cap(const struct recording *r, unsigned i)
{
    const double warmup_s = number(r->about, "warmup_s");
    double sum = 0;
    size_t count = 0;
    for (size_t k = 0; k < r->count; k++) {
        const double rate = recording_at(r, k, i)[FIELD_RATE_IN];
        if (!isnan(rate) && !(r->t[k] < warmup_s)) {
            sum += rate;
            count++;
        }
    }
    return count > 0 ? sum / (double)count / 1e6 : NAN;
}

static void put_legend(FILE *out, unsigned line, const char *colour, const char *text)
{
    const double y = TOP + 16.0 * line;
    fprintf(out, "<rect x=\"%d\" y=\"%.1f\" width=\"10\" height=\"10\" fill=\"%s\"/>\n",
            WIDTH - RIGHT + 12, y, colour);
    put_text(out, WIDTH - RIGHT + 28, y + 9, "start", text);
}

/* Of each node a bar a run, before what its link lets in. */
static int write_throughput(const struct recording *const runs[], unsigned count, const char *path)
{
    struct axes a = {.x_most = 1};
    for (unsigned r = 0; r < count; r++) {
        a.x_most = fmax(a.x_most, runs[r]->n);
        for (unsigned i = 0; i < runs[r]->n; i++)
            a.y_most = fmax(a.y_most, fmax(confirmed(runs[r], i), cap(runs[r], i)));
    }
    FILE *out = begin(&a, path, "Throughput of each node, and its link's rate", "MB/s");
    if (!out)
        return -1;
    const double group = at_x(&a, 1) - at_x(&a, 0), bar = group * 0.8 / count;
    for (unsigned i = 0; i < (unsigned)a.x_most; i++) {
        char label[16];
        snprintf(label, sizeof label, "%u", i);
        if (a.x_most <= 32 || i % 4 == 0)
            put_text(out, at_x(&a, i) + group / 2, HEIGHT - BOTTOM + 16, "middle", label);
        for (unsigned r = 0; r < count; r++) {
            const double x = at_x(&a, i) + group * 0.1 + r * bar;
            const double rates[] = {i < runs[r]->n ? cap(runs[r], i) : NAN,
                                    i < runs[r]->n ? confirmed(runs[r], i) : NAN};
            for (unsigned k = 0; k < 2; k++)
                if (isfinite(rates[k]))
                    fprintf(out, "<path d=\"M%.1f %.1fh%.1fV%.1fh%.1fz\" fill=\"%s\"/>\n",
                            k ? x + bar * 0.15 : x, at_y(&a, 0), bar * (k ? 0.7 : 1),
                            at_y(&a, rates[k]), -bar * (k ? 0.7 : 1),
                            k ? colours[r % COLOURS] : caps);
        }
    }
    put_text(out, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8, "middle", "node");
    for (unsigned r = 0; r < count; r++)
        put_legend(out, r, colours[r % COLOURS], runs[r]->name);
    put_legend(out, count, caps, "its link's rate");
    return finish(out);
}

static void put_line(const struct axes *a, const struct recording *r, unsigned node,
                     enum field field, const char *style)
{
    bool drawing = false;
    fputs("<path d=\"", a->out);
    for (size_t k = 0; k < r->count; k++) {
        double y = -1;
        for (unsigned i = 0; i < r->n; i++) /* Of all nodes, the most. */
            if (node == r->n || i == node)
                y = fmax(y, recording_at(r, k, i)[field]);
        if (y >= 0)
            fprintf(a->out, "%c%.1f %.1f", drawing ? 'L' : 'M', at_x(a, r->t[k]), at_y(a, y));
        drawing = y >= 0;
    }
    fprintf(a->out, "\" fill=\"none\" %s/>\n", style);
}

/* How far all have agreed, and how far each node has executed. */
static int write_progress(const struct recording *r, const char *path)
{
    char title[RECORDING_NAME_MAX + 64];
    struct axes a = {.x_most = r->count > 0 ? r->t[r->count - 1] : 1};
    for (size_t k = 0; k < r->count; k++)
        for (unsigned i = 0; i < r->n; i++)
            a.y_most = fmax(a.y_most, recording_at(r, k, i)[FIELD_EPOCH_AGREED]);
    snprintf(title, sizeof title, "%s: epochs agreed, and executed by each node", r->name);
    FILE *out = begin(&a, path, title, "epochs");
    if (!out)
        return -1;
    const double step = step_of(a.x_most);
    for (double x = 0; x <= a.x_most * 1.001; x += step) {
        char label[32];
        snprintf(label, sizeof label, "%g s", x);
        put_text(out, at_x(&a, x), HEIGHT - BOTTOM + 16, "middle", label);
    }
    for (unsigned i = 0; i < r->n; i++)
        put_line(&a, r, i, FIELD_EPOCH_EXECUTED, "stroke=\"#e69f00\" stroke-opacity=\"0.7\"");
    put_line(&a, r, r->n, FIELD_EPOCH_AGREED, "stroke=\"#0072b2\" stroke-width=\"2\"");
    put_legend(out, 0, colours[0], "agreed");
    put_legend(out, 1, colours[1], "executed, a node");
    return finish(out);
}

int export_svg(const struct recording *const runs[], unsigned count, const char *directory)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.500s/throughput.svg", directory);
    int status = write_throughput(runs, count, path);
    for (unsigned r = 0; r < count && status == 0; r++) {
        snprintf(path, sizeof path, "%.500s/%s-progress.svg", directory, runs[r]->name);
        status = write_progress(runs[r], path);
    }
    return status;
}
