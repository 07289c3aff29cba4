/* ledger-cli load: sends a cluster transactions and measures what becomes of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "node/cli/commands.h"
#include "node/cli/load.h"

enum { PARTS_MAX = 1000 };

static const char usage[] =
    "usage: ledger-cli load [DIR] [options]\n"
    "Sends transactions to the nodes and waits until each is executed. Application ledger: signed\n"
    "transfers between the accounts whose keys are DIR/accounts/*.key (let nobody else use these\n"
    "meanwhile); all of one account go to one node. Application log: payloads that do not\n"
    "compress.\n"
    "Examples: ledger-cli load build/c --count 10000 --clients 500 --presign --ids ids\n"
    "          ledger-cli load build/c --rate 1000 --duration 30 --json\n" TARGET_HELP_DIRECTORY
        TARGET_HELP_CLUSTER "  --node I           all to this node (default: spread over all)\n"
    "  --clients C        closed loop: C clients, each waits for its transaction to be executed\n"
    "                     before it sends the next (default: 64)\n"
    "  --rate R           open loop: R a second on average, at the times of a Poisson process,\n"
    "                     whatever becomes of them\n"
    "  --even             open loop: at even times instead\n"
    "  --count N          so many transactions (default: as many as come about in --duration)\n"
    "  --duration S       begins none after S seconds (default: 10, or no limit with --count)\n"
    "  --warmup S         counts no latencies of those that begin in the first S seconds\n"
    "  --poll MS          asks so often what was executed (default: 5)\n"
    "  --drain S          then waits so long for what is not executed yet (default: 60)\n"
    "  --no-retry         what a node puts off is counted and not sent again\n"
    "  --presign          signs before it starts; needs --count, or --rate\n"
    "  --amount A         of each transfer (default: 1)\n"
    "  --size BYTES       of each payload, application log (default: 250)\n"
    "  --batch N          so many in one request at most (default: 1000); what waits goes "
    "together\n"
    "  --part I/N         only every N-th account, from the I-th on (from 0): for N loads at once\n"
    "  --seed S           makes arrivals, recipients and payloads repeat (default: random)\n"
    "  --ids FILE         writes the id of each transaction acknowledged, one a line\n"
    "  --timeout SECONDS  for the nodes' first answers (default: 5)\n"
    "  --json             the results as JSON\n"
    "Latency is from the time when a transaction was to be sent until the node that took it was\n"
    "seen to have executed it: it includes waiting for the sender, and up to --poll and a round "
    "trip\n"
    "until this is seen. A node that is overloaded gets the rest when it says so. When a node "
    "does\n"
    "not answer for 3 s, or cannot be reached for half a second, what it has not acknowledged "
    "goes\n"
    "to another one, and transfers that it has acknowledged too: a transfer is executed once,\n"
    "whoever has it. A payload that is sent again may be in the log twice; it is counted once.\n"
    "Exit codes: 0 all were executed, or failed for want of funds; 1 some were refused, dropped "
    "or\n"
    "not executed in time, or the load failed; 2 wrong usage.\n";

static bool read_part(struct load *l)
{
    char *end;
    const unsigned long part = strtoul(l->part_text, &end, 10);
    const unsigned long parts = *end == '/' ? strtoul(end + 1, &end, 10) : 0;
    l->part = (unsigned)part;
    l->parts = (unsigned)parts;
    return *end == '\0' && parts <= PARTS_MAX && part < parts;
}

static int finish_options(struct load *l, bool count_given, bool duration_given, bool seed_given)
{
    const char *command = l->target.command;
    if (l->rate > 0 && l->clients > 0)
        return say_usage(command, "--clients is of a closed loop and --rate of an open one");
    if (l->even && l->rate == 0)
        return say_usage(command, "--even is of an open loop: give --rate");
    if (l->rate == 0 && l->clients == 0)
        l->clients = 64;
    if (l->part_text && !read_part(l))
        return say_usage(command, "--part %.40s; give I/N, I from 0 to N-1, N at most %d",
                         l->part_text, PARTS_MAX);
    if (!count_given && !duration_given)
        l->duration_s = 10;
    if (l->presign && !count_given && l->rate == 0)
        return say_usage(command, "--presign has to know how many: give --count, or --rate");
    uint64_t *seed = &l->workload.seed;
    if (!seed_given && getrandom(seed, sizeof *seed, 0) != (ssize_t)sizeof *seed)
        return say_failed(command, "no random numbers");
    if (!seed_given)
        *seed >>= 11; /* Short enough for any reader of JSON. */
    return EXIT_DONE;
}

static int read_options(struct load *l, int argc, char **argv, bool *done)
{
    bool count_given = false;
    bool duration_given = false;
    bool seed_given = false;
    const struct argument table[] = {
        TARGET_CLUSTER(l->target),
        {.name = "node",
         .type = ARGUMENT_NUMBER,
         .target = &l->target.node,
         .max = NODES_MAX - 1,
         .given = &l->one_node},
        TARGET_TIMEOUT(l->target),
        TARGET_JSON(l->target),
        {.name = "clients",
         .type = ARGUMENT_NUMBER,
         .target = &l->clients,
         .min = 1,
         .max = 1000000},
        {.name = "rate", .type = ARGUMENT_REAL, .target = &l->rate},
        {.name = "count",
         .type = ARGUMENT_NUMBER,
         .target = &l->count,
         .min = 1,
         .max = UINT64_MAX - 1,
         .given = &count_given},
        {.name = "duration",
         .type = ARGUMENT_REAL,
         .target = &l->duration_s,
         .given = &duration_given},
        {.name = "even", .type = ARGUMENT_FLAG, .target = &l->even},
        {.name = "warmup", .type = ARGUMENT_REAL, .target = &l->warmup_s},
        {.name = "poll", .type = ARGUMENT_NUMBER, .target = &l->poll_ms, .min = 1, .max = 10000},
        {.name = "drain", .type = ARGUMENT_NUMBER, .target = &l->drain_s, .max = 86400},
        {.name = "no-retry", .type = ARGUMENT_FLAG, .target = &l->no_retry},
        {.name = "presign", .type = ARGUMENT_FLAG, .target = &l->presign},
        {.name = "amount",
         .type = ARGUMENT_NUMBER,
         .target = &l->workload.amount,
         .max = UINT64_MAX},
        {.name = "size",
         .type = ARGUMENT_NUMBER,
         .target = &l->workload.payload_size,
         .min = 1,
         .max = CLIENT_TRANSACTION_SIZE_MAX},
        {.name = "batch",
         .type = ARGUMENT_NUMBER,
         .target = &l->batch,
         .min = 1,
         .max = CLIENT_COUNT_MAX},
        {.name = "seed",
         .type = ARGUMENT_NUMBER,
         .target = &l->workload.seed,
         .max = UINT64_MAX,
         .given = &seed_given},
        {.name = "ids", .type = ARGUMENT_TEXT, .target = &l->ids_path},
        {.name = "part", .type = ARGUMENT_TEXT, .target = &l->part_text},
        {0},
    };
    struct arguments a = {.command = l->target.command, .usage = usage};
    int status;
    *done = !arguments_read(&a, argc, argv, table, &status) ||
            !target_arguments(&l->target, &a, 0, "", &status);
    if (*done)
        return status;
    return finish_options(l, count_given, duration_given, seed_given);
}

static bool all_executed(const struct load *l)
{
    return l->settled == l->begun && l->counts.dropped.total == 0 && l->counts.refused.total == 0;
}

int command_load(int argc, char **argv)
{
    static struct load l; /* Large: the histogram. */
    bool done;
    l = (struct load){.target = TARGET("load"),
                      .count = UINT64_MAX,
                      .parts = 1,
                      .drain_s = 60,
                      .batch = 1000,
                      .poll_ms = 5};
    l.workload.amount = 1;
    l.workload.payload_size = 250;
    int status = read_options(&l, argc, argv, &done);
    if (done || status != EXIT_DONE)
        return status;
    status = load_run(&l);
    if (l.start_us)
        load_report(&l);
    if (status == EXIT_DONE && !all_executed(&l))
        status = EXIT_FAILED;
    for (unsigned k = 0; k < l.node_count; k++)
        load_node_free(&l.nodes[k]);
    free(l.nodes);
    load_queue_free(&l.presigned);
    workload_close(&l.workload);
    if (l.ids)
        fclose(l.ids);
    target_close(&l.target);
    return status;
}
