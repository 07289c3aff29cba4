/* ledger-cli query: what an application of its own says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/commands.h"
#include "node/cli/target.h"

static const char usage[] =
    "usage: ledger-cli query [DIR] TEXT [options]\n"
    "Asks the application beside a node (app = external) and prints what it answers.\n"
    "Example: ledger-cli query build/c key1 --node 2\n" TARGET_HELP_DIRECTORY TARGET_HELP_CLUSTER
        TARGET_HELP_NODE TARGET_HELP_TIMEOUT
    "  --hex              TEXT is in hex, and so is what is printed\n"
    "Exit codes: 0 done; 1 it says no, or failed; 2 wrong usage.\n";

static int print(const struct target *t, struct slice bytes, bool hex)
{
    char *text = hex ? malloc(2 * bytes.size + 1) : NULL;
    if (hex && !text)
        return say_failed(t->command, "no memory for the answer");
    if (hex) {
        hex_encode(bytes, text);
        puts(text);
    } else {
        fwrite(bytes.data, 1, bytes.size, stdout);
        putchar('\n');
    }
    free(text);
    return fflush(stdout) == 0 ? EXIT_DONE : say_failed(t->command, "it cannot be written");
}

static int ask(struct target *t, const char *text, bool hex)
{
    uint8_t bytes[CLIENT_QUERY_MAX];
    const size_t size = hex ? strlen(text) / 2 : strlen(text);
    if (size < 1 || size > sizeof bytes)
        return say_usage(t->command, "a query is 1 to %d bytes", CLIENT_QUERY_MAX);
    if (!hex)
        memcpy(bytes, text, size);
    else if (!hex_decode(text, bytes, size))
        return say_usage(t->command, "%.40s is not hex", text);
    struct client_request request = {.kind = CLIENT_QUERY, .query = slice_of(bytes, size)};
    struct client_answer answer;
    int status = target_connect(t);
    if (status != EXIT_DONE || (status = target_ask(t, &request, &answer)) != EXIT_DONE)
        return status;
    if (answer.result.status == CLIENT_INVALID)
        return say_failed(t->command, "%.*s", (int)answer.result.reason.size,
                          (const char *)answer.result.reason.data);
    return print(t, answer.bytes, hex);
}

int command_query(int argc, char **argv)
{
    struct target t = TARGET("query");
    bool hex = false;
    const struct argument table[] = {TARGET_CLUSTER(t),
                                     TARGET_NODE(t),
                                     TARGET_TIMEOUT(t),
                                     {.name = "hex", .type = ARGUMENT_FLAG, .target = &hex},
                                     {0}};
    struct arguments a = {.command = t.command, .usage = usage};
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&t, &a, 1, "the query", &status))
        return status;
    status = ask(&t, a.values[0], hex);
    target_close(&t);
    return status;
}
