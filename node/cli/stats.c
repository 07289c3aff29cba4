/* ledger-cli stats: the counters of one node. */
#include <stdio.h>
#include <stdlib.h>

#include "node/cli/commands.h"
#include "node/cli/outcome.h"

static const char usage[] =
    "usage: ledger-cli stats [DIR] I [options]\n"
    "Prints what node I has counted since its start: bytes by lane, what it confirmed, epochs,\n"
    "rounds and coins of agreement, faults of peers, memory, time of CPU.\n" TARGET_HELP_DIRECTORY
        TARGET_HELP_CLUSTER TARGET_HELP_TIMEOUT "  --json             on one line\n"
    "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage.\n";

static int ask(struct target *t)
{
    struct client_request request = {.kind = CLIENT_STATS};
    struct client_answer answer;
    int status = target_connect(t);
    if (status != EXIT_DONE || (status = target_ask(t, &request, &answer)) != EXIT_DONE)
        return status;
    json_t *stats = json_loadb((const char *)answer.json.data, answer.json.size, 0, NULL);
    if (!stats)
        return say_failed(t->command, "what node %u answered is no JSON", (unsigned)t->node);
    if (t->json) {
        json_print(stats);
        return EXIT_DONE;
    }
    json_dumpf(stats, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(stats);
    return EXIT_DONE;
}

int command_stats(int argc, char **argv)
{
    struct target t = TARGET("stats");
    const struct argument table[] = {TARGET_CLUSTER(t), TARGET_TIMEOUT(t), TARGET_JSON(t), {0}};
    struct arguments a = {.command = t.command, .usage = usage};
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&t, &a, 1, "the node's number", &status))
        return status;
    char *end;
    t.node = strtoul(a.values[0], &end, 10);
    if (end == a.values[0] || *end != '\0')
        return say_usage(t.command, "%s is no node's number; as in: ledger-cli stats build/c 0",
                         a.values[0]);
    status = ask(&t);
    target_close(&t);
    return status;
}
