/* ledger-cli receipt, holding, consistency: proofs, as a node makes them; verify checks them without one. */
#include <stdio.h>
#include <string.h>

#include "node/cli/commands.h"
#include "node/cli/proof_file.h"
#include "node/cli/target.h"

enum { AGAIN_MS = 200, WAIT_S_MAX = 86400 };

/* What a node says when it has none. */
struct absent {
    const char *unknown, *not_yet;
    bool heard_of_later; /* Worth waiting for, as over HTTP, though the node does not know it. */
};

/* Prints the proof that the request asks for, as soon as there is one, or after so long says why not. */
static int ask(struct target *t, const struct client_request *wanted, uint64_t wait_s,
               const struct absent *absent)
{
    const uint64_t deadline_ms = clock_ms() + wait_s * 1000;
    for (;;) {
        struct client_request request = *wanted;
        struct client_answer answer;
        int status = target_ask(t, &request, &answer);
        if (status != EXIT_DONE)
            return status;
        if (answer.result.status == CLIENT_OK) {
            fwrite(answer.json.data, 1, answer.json.size, stdout);
            putchar('\n');
            return fflush(stdout) == 0 ? EXIT_DONE
                                       : say_failed(t->command, "the proof cannot be written");
        }
        const bool late = clock_ms() >= deadline_ms;
        if (answer.result.status == CLIENT_INVALID ||
            (answer.result.status == CLIENT_UNKNOWN && (late || !absent->heard_of_later)))
            return say_failed(t->command, "node %u %s", (unsigned)t->node, absent->unknown);
        if (late)
            return say_failed(t->command, "%s: try again soon, or give --wait 30", absent->not_yet);
        clock_sleep_ms(AGAIN_MS);
    }
}

#define WAIT(wait_s)                                                                    \
    {                                                                                   \
        .name = "wait", .type = ARGUMENT_NUMBER, .target = &(wait_s), .max = WAIT_S_MAX \
    }
#define WAIT_HELP \
    "  --wait SECONDS     until then, if there is no such checkpoint yet (default: 0)\n"

static const char receipt_usage[] =
    "usage: ledger-cli receipt [DIR] ID [options]\n"
    "Prints a receipt of the transaction with this id (64 hex digits), a line of JSON: what "
    "became\n"
    "of it, and proof of that which verify checks without a node. It can be given once a signed\n"
    "checkpoint stands for the transaction, soon after it was executed; a node keeps the last 64.\n"
    "Example: ledger-cli receipt build/c ID --wait 30 >ID.receipt\n" TARGET_HELP_DIRECTORY
        TARGET_HELP_CLUSTER TARGET_HELP_NODE TARGET_HELP_TIMEOUT WAIT_HELP
    "Exit codes: 0 done; 1 unknown, not yet, or failed to ask; 2 wrong usage.\n";

int command_receipt(int argc, char **argv)
{
    static const struct absent absent = {
        "does not know that it was executed, or lacks a part of the proof: tx says more, or ask "
        "another node",
        "it is executed, and no signed checkpoint stands for it yet", true};
    struct target t = TARGET("receipt");
    uint64_t wait_s = 0;
    const struct argument table[] = {
        TARGET_CLUSTER(t), TARGET_NODE(t), TARGET_TIMEOUT(t), WAIT(wait_s), {0}};
    struct arguments a = {.command = t.command, .usage = receipt_usage};
    struct client_request request = {.kind = CLIENT_RECEIPT};
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&t, &a, 1, "the id", &status))
        return status;
    if (!hex_decode(a.values[0], request.transaction.bytes, HASH_SIZE))
        return say_usage(t.command, "%s is no id: give 64 hex digits", a.values[0]);
    status = target_connect(&t);
    if (status == EXIT_DONE)
        status = ask(&t, &request, wait_s, &absent);
    target_close(&t);
    return status;
}

static const char holding_usage[] =
    "usage: ledger-cli holding [DIR] KEY [options]\n"
    "Prints proof of what an account held at a signed checkpoint, a line of JSON that verify "
    "checks\n"
    "without a node: at the last one, if nothing was executed since, else at the next. KEY is the\n"
    "public key in hex, or the path of the account's key file.\n"
    "Example: ledger-cli holding build/c build/c/accounts/1.key --wait 30 "
    ">1.holding\n" TARGET_HELP_DIRECTORY TARGET_HELP_CLUSTER TARGET_HELP_NODE TARGET_HELP_TIMEOUT
        WAIT_HELP
    "Exit codes: 0 done; 1 no such account, not yet, or failed to ask; 2 wrong usage.\n";

int command_holding(int argc, char **argv)
{
    static const struct absent absent = {
        "has no such account: it has never received or sent anything, or there are no accounts",
        "it is proven at the next checkpoint", true};
    struct target t = TARGET("holding");
    uint64_t wait_s = 0;
    const struct argument table[] = {
        TARGET_CLUSTER(t), TARGET_NODE(t), TARGET_TIMEOUT(t), WAIT(wait_s), {0}};
    struct arguments a = {.command = t.command, .usage = holding_usage};
    struct client_request request = {.kind = CLIENT_HOLDING};
    struct identity_public key;
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&t, &a, 1, "the account's key", &status) ||
        (status = target_key(&t, a.values[0], &key)) != EXIT_DONE)
        return status;
    memcpy(request.key, key.bytes, sizeof request.key);
    status = target_connect(&t);
    if (status == EXIT_DONE)
        status = ask(&t, &request, wait_s, &absent);
    target_close(&t);
    return status;
}

static const char consistency_usage[] =
    "usage: ledger-cli consistency [DIR] PROOF [options]\n"
    "Prints proof that the ledger was only added to since PROOF, the file of a receipt, or of "
    "what\n"
    "this command has printed before: that the log of its checkpoint is how the log of the newest\n"
    "signed one begins. Check it with ledger-cli verify --since PROOF.\n"
    "Example: ledger-cli consistency build/c ID.receipt >since.proof\n" TARGET_HELP_DIRECTORY
        TARGET_HELP_CLUSTER TARGET_HELP_NODE TARGET_HELP_TIMEOUT WAIT_HELP
    "Exit codes: 0 done; 1 not yet, or failed to ask; 2 wrong usage.\n";

int command_consistency(int argc, char **argv)
{
    static const struct absent absent = {"lacks a part of the proof: ask another node",
                                         "no signed checkpoint that it has is as high", false};
    struct target t = TARGET("consistency");
    uint64_t wait_s = 0;
    const struct argument table[] = {
        TARGET_CLUSTER(t), TARGET_NODE(t), TARGET_TIMEOUT(t), WAIT(wait_s), {0}};
    struct arguments a = {.command = t.command, .usage = consistency_usage};
    struct client_request request = {.kind = CLIENT_CONSISTENCY};
    static struct proof_file since;
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&t, &a, 1, "the file of a proof", &status))
        return status;
    status = proof_file_read(t.command, a.values[0], &since);
    if (status == EXIT_DONE)
        status = target_connect(&t);
    request.position = proof_file_under(&since)->checkpoint.height;
    if (status == EXIT_DONE)
        status = ask(&t, &request, wait_s, &absent);
    target_close(&t);
    return status;
}
