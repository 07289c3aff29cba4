/* ledger-cli tx: what became of a transaction. */
#include "node/cli/commands.h"
#include "node/cli/outcome.h"

static const char usage[] =
    "usage: ledger-cli tx [DIR] ID [options]\n"
    "Asks a node what became of the transaction with this id (64 hex digits):\n"
    "  pending    the node has it, and it is not executed yet\n"
    "  executed   at this height (of the block in the log) and index (in the block)\n"
    "  failed     at its place, for this reason: its number is used up, nothing else happened\n"
    "  dropped    the node had it and it was ignored at its place, for this reason\n"
    "  unknown    neither in the ledger nor known to this node\n"
    "Every node knows what is executed or failed; pending and dropped are known to the node that\n"
    "took the transaction. The application log keeps no ids: there, ask the node that took it,\n"
    "soon.\n" TARGET_HELP_DIRECTORY TARGET_HELP_CLUSTER TARGET_HELP_NODE TARGET_HELP_TIMEOUT
    "  --json             {\"id\",\"outcome\"} with \"height\" and \"index\", or \"reason\"\n"
    "Exit codes: 0 known; 1 unknown, or failed to ask; 2 wrong usage.\n";

int command_tx(int argc, char **argv)
{
    struct target t = TARGET("tx");
    const struct argument table[] = {
        TARGET_CLUSTER(t), TARGET_NODE(t), TARGET_TIMEOUT(t), TARGET_JSON(t), {0}};
    struct arguments a = {.command = t.command, .usage = usage};
    struct hash id;
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&t, &a, 1, "the id", &status))
        return status;
    if (!hex_decode(a.values[0], id.bytes, HASH_SIZE))
        return say_usage(t.command, "%s is no id: give 64 hex digits", a.values[0]);

    struct client_result result;
    status = target_connect(&t);
    if (status == EXIT_DONE)
        status = outcome_ask(&t, &id, &result);
    if (status == EXIT_DONE) {
        outcome_print(&t, &id, &result);
        status = result.status == CLIENT_UNKNOWN ? outcome_failed(&t, &result) : EXIT_DONE;
    }
    target_close(&t);
    return status;
}
