#include "testnet/page.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The files are in the program: no path has to be found. */
#define EMBED(symbol, file)                                                                  \
    __asm__(".section .rodata\n.globl " #symbol "\n.globl " #symbol "_end\n" #symbol         \
            ":\n.incbin \"testnet/page/" file "\"\n" #symbol "_end:\n.byte 0\n.previous\n"); \
    extern const char symbol[], symbol##_end[]

EMBED(page_index, "index.html");
EMBED(page_uplot_css, "uPlot.min.css");
EMBED(page_css, "page.css");
EMBED(page_uplot, "uPlot.esm.js");
EMBED(page_charts, "charts.js");
EMBED(page_compare, "compare.js");
EMBED(page_dom, "dom.js");
EMBED(page_model, "model.js");
EMBED(page_page, "page.js");
EMBED(page_paint, "paint.js");
EMBED(page_plots, "plots.js");
EMBED(page_run, "run.js");
EMBED(page_units, "units.js");

static void put_styles(FILE *out)
{
    fprintf(out, "<style>\n%s\n%s</style>", page_uplot_css, page_css);
}

/* Modules stay modules, in a page of one file: each is the text of an address. */
static void put_modules(FILE *out)
{
    static const struct {
        const char *name, *text, *end;
    } modules[] = {
        {"uplot", page_uplot, page_uplot_end},
        {"charts", page_charts, page_charts_end},
        {"compare", page_compare, page_compare_end},
        {"dom", page_dom, page_dom_end},
        {"model", page_model, page_model_end},
        {"page", page_page, page_page_end},
        {"paint", page_paint, page_paint_end},
        {"plots", page_plots, page_plots_end},
        {"run", page_run, page_run_end},
        {"units", page_units, page_units_end},
    };
    fputs("<script type=\"importmap\">{\"imports\":{", out);
    for (size_t k = 0; k < sizeof modules / sizeof *modules; k++) {
        const int size = (int)(modules[k].end - modules[k].text);
        unsigned char *text = malloc((size_t)size / 3 * 4 + 5);
        if (!text)
            abort();
        EVP_EncodeBlock(text, (const unsigned char *)modules[k].text, size);
        fprintf(out, "%s\n\"%s\":\"data:text/javascript;base64,%s\"", k > 0 ? "," : "",
                modules[k].name, (const char *)text);
        free(text);
    }
    fputs("}}</script>\n<script type=\"module\">import \"page\";</script>", out);
}

/* No text of a scenario, say, ends the element that it is in. */
static void put_data(FILE *out, const char *data)
{
    fputs("<script type=\"application/json\" id=\"data\">", out);
    for (const char *next; (next = strchr(data, '<')); data = next + 1)
        fprintf(out, "%.*s\\u003c", (int)(next - data), data);
    fprintf(out, "%s</script>", data);
}

char *page_html(const char *data, size_t *size)
{
    static const char *const marks[] = {"<!-- styles -->", "<!-- modules -->", "<!-- data -->"};
    char *text = NULL;
    const char *rest = page_index;
    FILE *out = open_memstream(&text, size);
    if (!out)
        abort();
    for (unsigned k = 0; k < sizeof marks / sizeof *marks; k++) {
        const char *mark = strstr(rest, marks[k]);
        if (!mark)
            abort(); /* The page is ours. */
        fwrite(rest, 1, (size_t)(mark - rest), out);
        rest = mark + strlen(marks[k]);
        if (k == 0)
            put_styles(out);
        else if (k == 1)
            put_modules(out);
        else if (data)
            put_data(out, data);
    }
    fputs(rest, out);
    if (fclose(out) != 0)
        abort(); /* No memory. */
    return text;
}
