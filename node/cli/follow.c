/* ledger-cli follow: what is executed, block by block, as it is; if wanted, only what is proven. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/commands.h"
#include "node/cli/follow.h"
#include "node/cli/target.h"

enum { PATIENCE_S = 15, AGAIN_MS = 1000 }; /* A node says that there is nothing after ten. */

static const char usage[] =
    "usage: ledger-cli follow [DIR] [options]\n"
    "Prints each block that is executed, and what became of each transaction in it, from a "
    "position\n"
    "of the log on, in order and nothing twice, until it is interrupted. If the node stops, it "
    "waits.\n"
    "With --verify the node is not trusted: all of the log is read from its first block on, "
    "hashed,\n"
    "and printed when it is proven that f+1 nodes of cluster.conf have signed it, at their next\n"
    "checkpoint. A node that lies is found out: exit code 3.\n"
    "Example: ledger-cli follow build/c --from 0 --json\n" TARGET_HELP_DIRECTORY TARGET_HELP_CLUSTER
        TARGET_HELP_NODE "  --from P           from this position on (default: from now on)\n"
    "  --state FILE       go on where the last one with this file was; it is written as it goes\n"
    "  --verify           print what is proven, and nothing else\n"
    "  --count C          end after so many blocks, or some more\n"
    "  --json             a line for each block, or part of one: "
    "{\"position\",\"epoch\",\"proposer\",\n"
    "                     "
    "\"with_epoch\",\"commitment\",\"bad\",\"count\",\"bytes\",\"root\",\"outcomes\":\n"
    "                     [{\"id\",\"outcome\",\"height\",\"index\",\"reason\"}]}, of those that "
    "are final\n"
    "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage; 3 the node lies.\n";

struct options {
    uint64_t from, count;
    bool from_given, verify;
    const char *state;
};

/* Asks until there is an answer. */
static int ask(struct target *t, const struct client_request *wanted, struct client_answer *answer)
{
    char message[256];
    bool told = false;
    for (;;) {
        struct client_request request = *wanted;
        if (connection_ask(t->connection, &request, answer, (unsigned)t->timeout_s * 1000, message,
                           sizeof message) == 0)
            return EXIT_DONE;
        if (!told)
            fprintf(stderr, "%s %s: %s; asking again\n", arguments_program, t->command, message);
        told = true;
        clock_sleep_ms(AGAIN_MS);
    }
}

/* Some events, as far as the node has them. */
static int take_events(struct target *t, struct follow *f)
{
    const struct client_request request = {.kind = CLIENT_EVENTS, .cursor = f->next};
    struct client_answer answer;
    struct client_event event;
    int status = ask(t, &request, &answer);
    if (status != EXIT_DONE)
        return status;
    if (answer.result.status == CLIENT_INVALID)
        return say_failed(t->command, "node %u: %.*s", (unsigned)t->node,
                          (int)answer.result.reason.size, (const char *)answer.result.reason.data);
    struct slice rest = answer.events.items;
    while (!follow_enough(f) && client_event_next(&rest, &event))
        if ((status = follow_take(f, &event)) != EXIT_DONE)
            return status;
    if (!f->verify)
        f->next = answer.events.next;
    return EXIT_DONE;
}

/* All that was taken ends with a block: is it signed? EXIT_DONE if it is by now. */
static int prove(struct target *t, struct follow *f)
{
    const struct client_request request = {.kind = CLIENT_CONSISTENCY, .position = f->log.count};
    struct client_answer answer;
    for (;;) {
        const int status = ask(t, &request, &answer);
        if (status != EXIT_DONE)
            return status;
        if (answer.result.status == CLIENT_OK)
            return follow_prove(f, answer.json);
        if (answer.result.status == CLIENT_UNKNOWN)
            return say_failed(t->command,
                              "node %u lacks a part of the proof: ask another with --node",
                              (unsigned)t->node);
        clock_sleep_ms(AGAIN_MS);
    }
}

static int follow(struct target *t, const struct options *o, struct follow *f)
{
    while (f->printed < o->count) {
        int status = take_events(t, f);
        if (status == EXIT_DONE && f->verify && f->next.index == 0 && follow_waits(f))
            status = prove(t, f);
        if (status == EXIT_DONE)
            status = follow_print(f);
        if (status != EXIT_DONE)
            return status;
    }
    return EXIT_DONE;
}

static int run(struct target *t, const struct options *o)
{
    struct follow f = {.command = t->command,
                       .cluster = &t->cluster,
                       .state = o->state,
                       .verify = o->verify,
                       .json = t->json,
                       .next = {.position = o->from_given ? o->from : CLIENT_FROM_END}};
    if (o->verify)
        f.next.position = 0;
    int status = target_connect(t);
    if (status == EXIT_DONE)
        status = follow_load(&f);
    if (status == EXIT_DONE)
        status = follow(t, o, &f);
    follow_free(&f);
    return status;
}

int command_follow(int argc, char **argv)
{
    struct target t = TARGET("follow");
    struct options o = {.count = UINT64_MAX};
    t.timeout_s = PATIENCE_S;
    const struct argument table[] = {
        TARGET_CLUSTER(t),
        TARGET_NODE(t),
        TARGET_JSON(t),
        {.name = "from",
         .type = ARGUMENT_NUMBER,
         .target = &o.from,
         .max = INT64_MAX,
         .given = &o.from_given},
        {.name = "state", .type = ARGUMENT_TEXT, .target = &o.state},
        {.name = "verify", .type = ARGUMENT_FLAG, .target = &o.verify},
        {.name = "count", .type = ARGUMENT_NUMBER, .target = &o.count, .min = 1, .max = INT64_MAX},
        {0},
    };
    struct arguments a = {.command = t.command, .usage = usage};
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&t, &a, 0, "", &status))
        return status;
    if (o.verify && o.from_given)
        return say_usage(t.command, "with --verify the log is read from its first block on; "
                                    "--state FILE goes on where it was");
    status = run(&t, &o);
    target_close(&t);
    return status;
}
