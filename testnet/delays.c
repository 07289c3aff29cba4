#include "testnet/delays.h"

#include <stdio.h>
#include <string.h>

#include "testnet/csv.h"
#include "testnet/quantity.h"
#include "testnet/scenario_values.h"

enum { SITE_NAME_MAX = 63 };

/* The header of a matrix: `site`, then the names. */
static int read_sites(struct csv *csv, unsigned count, char names[][SITE_NAME_MAX + 1])
{
    const int fields = csv_next(csv);
    if (fields < 0)
        return -1;
    if (fields == 0 || strcmp(csv->field[0], "site") != 0)
        return csv_error(csv, "no head; begin with site, then the names of all sites");
    if ((unsigned)fields - 1 < count)
        return csv_error(csv, "%d sites; the scenario has %u nodes", fields - 1, count);
    for (unsigned i = 0; i < count; i++)
        snprintf(names[i], SITE_NAME_MAX + 1, "%s", csv->field[i + 1]);
    return 0;
}

static int read_matrix(struct csv *csv, unsigned sites, uint32_t delay_us[][RELAY_SITES_MAX])
{
    static const struct unit milliseconds[] = {{"", 1e3}, {NULL, 0}}; /* In us. */
    char names[RELAY_SITES_MAX][SITE_NAME_MAX + 1];
    if (read_sites(csv, sites, names))
        return -1;
    for (unsigned from = 0; from < sites; from++) {
        const int fields = csv_next(csv);
        if (fields < 0)
            return -1;
        if (fields == 0 || strcmp(csv->field[0], names[from]) != 0)
            return csv_error(csv, "no row of %s; sites have rows in the order of the head",
                             names[from]);
        if ((unsigned)fields - 1 < sites)
            return csv_error(csv, "%d delays; give one to each site of the head", fields - 1);
        for (unsigned to = 0; to < sites; to++) {
            double us;
            if (!quantity_parse(csv->field[to + 1], milliseconds, &us) || us > DELAY_MOST_S * 1e6)
                return csv_error(csv, "%.40s is no delay; give ms from 0 to %d", csv->field[to + 1],
                                 DELAY_MOST_S * 1000);
            delay_us[from][to] = from == to ? 0 : (uint32_t)(us + 0.5);
        }
    }
    return 0;
}

int delays_read(const char *path, unsigned sites, uint32_t delay_us[][RELAY_SITES_MAX],
                char *message, size_t message_size)
{
    struct csv csv;
    const bool failed =
        csv_open(&csv, path, message, message_size) || read_matrix(&csv, sites, delay_us);
    csv_close(&csv);
    return failed ? -1 : 0;
}
