/* sim --seed N [--trace]           one run
 * sim --first N --seeds M          many; --file F: also the seeds kept in F
 * sim ... --nodes N --mode M       of so many nodes, in this mode; else the seed draws both
 * sim --seed N --every-call S      the run again and again: the disk of node 0 fails, is full, or
 *                                  fails at a commit that has happened, from its first call on,
 *                                  from that and S more, and so on to the last
 * sim ... --complete               fails unless everything that can happen has happened */
#include "crypto/hash.h"
#include "crypto/identity.h"
#include "storage/store.h"
#include "tests/sim/sim.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct runs {
    struct sim_options options;
    struct sim_tally tally;
    uint64_t passed, failed;
};

static uint64_t seed_now;

static void run(struct runs *r, uint64_t seed, unsigned nodes, enum node_mode mode)
{
    char report[1024] = "";
    r->options.seed = seed_now = seed;
    r->options.nodes = nodes;
    r->options.mode = mode;
    if (sim_run(&r->options, &r->tally, report, sizeof report) == SIM_PASSED) {
        r->passed++;
        return;
    }
    r->failed++;
    printf("seed %llu%s%.0u: %s\n", (unsigned long long)seed, nodes ? " nodes " : "", nodes,
           report);
    fflush(stdout);
}

/* Until the call at which it is to fail is never made. */
static void run_every_call(struct runs *r, uint64_t seed, unsigned nodes, enum node_mode mode,
                           uint64_t step)
{
    static const int errors[] = {STORE_IO, STORE_FULL, STORE_IO};
    for (unsigned k = 0; k < 3; k++) {
        uint64_t call = 1, reached;
        do {
            reached = r->tally.failed_calls;
            r->options.fail_call = call;
            r->options.fail_error = errors[k];
            r->options.fail_unsure = k == 2;
            run(r, seed, nodes, mode);
            call += step;
        } while (r->tally.failed_calls > reached);
    }
    r->options.fail_call = 0;
}

/* The mode of a name; MODES: there is none. */
static enum node_mode mode_of(const char *name)
{
    unsigned mode = 0;
    while (mode < MODES && strcmp(name, mode_names[mode]) != 0)
        mode++;
    return (enum node_mode)mode;
}

/* Lines of "seed nodes mode"; 0 nodes: drawn, no mode: dl. # begins a comment. */
static int run_file(struct runs *r, const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        return 1;
    }
    char line[256];
    while (fgets(line, sizeof line, f)) {
        unsigned long long seed;
        unsigned nodes = 0;
        char mode[16] = "dl";
        line[strcspn(line, "#")] = 0;
        if (sscanf(line, "%llu %u %15s", &seed, &nodes, mode) >= 1)
            run(r, seed, nodes, mode_of(mode));
    }
    fclose(f);
    return 0;
}

/* Returns how many kinds of happening did not happen. */
static unsigned print_tally(const struct sim_tally *t)
{
    unsigned missing = 0;
    printf("happened:");
#define X(name)                                             \
    printf(" " #name "=%llu", (unsigned long long)t->name); \
    missing += t->name == 0;
    TALLY_MAP(X)
#undef X
    printf("\nruns:");
    for (unsigned k = 0; k < MODES; k++) {
        printf(" %s=%llu", mode_names[k], (unsigned long long)t->runs[k]);
        missing += t->runs[k] == 0;
    }
    printf("\ntold:");
    for (unsigned k = 0; k < LIES; k++) {
        printf(" %s=%llu", lie_names[k], (unsigned long long)t->told[k]);
        missing += t->told[k] == 0;
    }
    printf("\ncaught:");
    for (unsigned k = 1; k < FAULT_COUNT; k++) {
        printf(" %s=%llu", fault_name((enum fault)k), (unsigned long long)t->caught[k]);
        /* What the protocol never sends does not decode: the machines' own check is never met. And
         * snapshots are the daemon's. */
        missing += t->caught[k] == 0 && k != FAULT_NOT_ALLOWED && k != FAULT_BAD_SNAPSHOT;
    }
    printf("\n");
    return missing;
}

static void say_seed(int signal)
{
    (void)signal;
    dprintf(STDOUT_FILENO, "seed %llu: CRASHED\n", (unsigned long long)seed_now);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},  {"first", required_argument, NULL, 'f'},
        {"seeds", required_argument, NULL, 'm'}, {"nodes", required_argument, NULL, 'n'},
        {"file", required_argument, NULL, 'F'},  {"trace", no_argument, NULL, 't'},
        {"complete", no_argument, NULL, 'c'},    {"every-call", required_argument, NULL, 'e'},
        {"mode", required_argument, NULL, 'M'},  {0}};
    struct runs *r = calloc(1, sizeof *r);
    uint64_t first = 1, seeds = 0, every = 0;
    unsigned nodes = 0;
    enum node_mode mode = MODES;
    bool complete = false;
    const char *file = NULL;
    signal(SIGABRT, say_seed);
    if (!r || !hash_init() || !identity_init(NULL))
        return 1;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 's':
            first = strtoull(optarg, NULL, 10);
            seeds = 1;
            break;
        case 'f': first = strtoull(optarg, NULL, 10); break;
        case 'm': seeds = strtoull(optarg, NULL, 10); break;
        case 'n': nodes = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'F': file = optarg; break;
        case 'M':
            if ((mode = mode_of(optarg)) == MODES)
                return 2;
            break;
        case 't': r->options.trace = true; break;
        case 'c': complete = true; break;
        case 'e': every = strtoull(optarg, NULL, 10); break;
        default: return 2;
        }
    if (nodes > 16) {
        fprintf(stderr, "sim: at most 16 nodes\n");
        return 2;
    }
    if (file && run_file(r, file))
        return 1;
    for (uint64_t k = 0; k < seeds; k++)
        if (every > 0)
            run_every_call(r, first + k, nodes, mode, every);
        else
            run(r, first + k, nodes, mode);
    const unsigned missing = print_tally(&r->tally);
    if (complete && missing > 0)
        printf("%u kinds of happening did not happen: these seeds show too little\n", missing);
    printf("sim: %llu passed, %llu failed\n", (unsigned long long)r->passed,
           (unsigned long long)r->failed);
    const bool bad = r->failed > 0 || (complete && missing > 0);
    free(r);
    return bad;
}
