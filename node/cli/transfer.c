/* ledger-cli transfer: makes one transfer, signs it and submits it. */
#include <stdio.h>
#include <string.h>

#include "node/cli/commands.h"
#include "node/cli/outcome.h"
#include "node/transaction.h"

enum { WAIT_S_MAX = 60 };

static const char usage[] =
    "usage: ledger-cli transfer [DIR] --from KEYFILE --to KEY --amount A [options]\n"
    "Signs a transfer of A from the account whose secret is in KEYFILE, submits it to a node, and\n"
    "prints its id and what the node said. KEY is a public key in hex, or the path of a key file.\n"
    "Example: ledger-cli transfer build/c --from build/c/accounts/0.key \\\n"
    "             --to build/c/accounts/1.key --amount 5 --wait\n" TARGET_HELP_DIRECTORY
        TARGET_HELP_CLUSTER TARGET_HELP_NODE TARGET_HELP_TIMEOUT
    "  --sequence S       the sequence number (default: the lowest that is unused in the ledger;\n"
    "                     what waits is not seen, so give it to send a second one before the\n"
    "                     first is executed, or use --wait). One that is 64 or more above it is\n"
    "                     not taken: the node is overloaded, for this account, until --timeout\n"
    "  --wait             until it is executed, 60 s at most\n"
    "  --print            print it in hex, signed, and submit nothing: for submit, or for HTTP;\n"
    "                     with --sequence no node is asked\n"
    "  --json             {\"id\",\"outcome\"} with \"height\" and \"index\", or \"reason\"\n"
    "Exit codes: 0 accepted or, with --wait, executed; 1 refused, failed or dropped, for the\n"
    "reason given; 2 wrong usage.\n";

struct options {
    const char *from;
    const char *to;
    uint64_t amount;
    uint64_t sequence;
    bool amount_given;
    bool sequence_given;
    bool wait, print;
};

/* The lowest number that the ledger has not seen used. */
static int find_sequence(struct target *t, const struct identity_public *account,
                         uint64_t *sequence)
{
    struct client_request request = {.kind = CLIENT_ACCOUNT};
    struct client_answer answer;
    memcpy(request.key, account, sizeof *account);
    int status = target_ask(t, &request, &answer);
    if (status == EXIT_DONE && answer.result.status == CLIENT_INVALID)
        return say_failed(t->command, "%.*s", (int)answer.result.reason.size,
                          (const char *)answer.result.reason.data);
    *sequence = answer.account.sequence; /* 0 for an account that is not there yet. */
    return status;
}

/* It was to be waited for, and is pending still. */
static int say_pending(struct target *t, const struct hash *id)
{
    struct client_request request = {.kind = CLIENT_STATUS};
    struct client_answer answer;
    char hex[2 * HASH_SIZE + 1];
    int status = target_ask(t, &request, &answer);
    if (status != EXIT_DONE)
        return status;
    json_t *json = json_loadb((const char *)answer.json.data, answer.json.size, 0, NULL);
    const json_int_t peers = json_integer_value(json_object_get(json, "peers"));
    json_decref(json);
    hex_encode(hash_slice(id), hex);
    return say_failed(t->command,
                      "not executed in %d s; node %u is connected to %lld peers and needs %u. It "
                      "stays there: ask with ledger-cli tx --node %u %s",
                      WAIT_S_MAX, (unsigned)t->node, (long long)peers,
                      quorum_all(t->cluster.coin.quorum) - 1u, (unsigned)t->node, hex);
}

static int submit(struct target *t, const struct options *o, const struct transaction *transfer)
{
    uint8_t bytes[TRANSACTION_SIZE];
    char hex[2 * TRANSACTION_SIZE + 1];
    struct client_result result;
    transaction_encode(transfer, bytes);
    if (o->print) {
        hex_encode(slice_of(bytes, sizeof bytes), hex);
        puts(hex);
        return EXIT_DONE;
    }
    int status = outcome_submit(t, slice_of(bytes, sizeof bytes), &result);
    if (status != EXIT_DONE)
        return status;
    bool accepted = result.status == CLIENT_OK || result.status == CLIENT_PENDING;
    if (accepted && o->wait &&
        (status = outcome_wait(t, &transfer->id, WAIT_S_MAX, &result)) != EXIT_DONE)
        return status;
    outcome_print(t, &transfer->id, &result);
    if ((result.status == CLIENT_EXECUTED && !result.failed) || (accepted && !o->wait))
        return EXIT_DONE;
    return result.status == CLIENT_PENDING ? say_pending(t, &transfer->id)
                                           : outcome_failed(t, &result);
}

static int transfer(struct target *t, const struct options *o)
{
    char message[CONFIG_MESSAGE_MAX];
    struct account_key from;
    struct transaction made = {.amount = o->amount, .sequence = o->sequence};

    int status = target_connect(t);
    if (status != EXIT_DONE || (status = target_key(t, o->to, &made.to)) != EXIT_DONE)
        return status;
    if (t->cluster.application != APPLICATION_LEDGER)
        return say_failed(t->command, "this cluster runs the application %s: it has no accounts",
                          application_names[t->cluster.application]);
    if (account_key_load(o->from, &from, message, sizeof message))
        return say_failed(t->command, "%s", message);
    made.chain = t->cluster.chain;
    made.from = from.public;
    if (!o->sequence_given)
        status = find_sequence(t, &from.public, &made.sequence);
    if (status == EXIT_DONE && !transaction_sign(&made, &from.secret))
        status = say_failed(t->command, "%s: this key cannot sign", o->from);
    secret_wipe(&from, sizeof from);
    return status == EXIT_DONE ? submit(t, o, &made) : status;
}

int command_transfer(int argc, char **argv)
{
    struct target t = TARGET("transfer");
    struct options o = {0};
    const struct argument table[] = {
        TARGET_CLUSTER(t),
        TARGET_NODE(t),
        TARGET_TIMEOUT(t),
        TARGET_JSON(t),
        {.name = "from", .type = ARGUMENT_TEXT, .target = &o.from},
        {.name = "to", .type = ARGUMENT_TEXT, .target = &o.to},
        {.name = "amount",
         .type = ARGUMENT_NUMBER,
         .target = &o.amount,
         .max = UINT64_MAX,
         .given = &o.amount_given},
        {.name = "sequence",
         .type = ARGUMENT_NUMBER,
         .target = &o.sequence,
         .max = UINT64_MAX,
         .given = &o.sequence_given},
        {.name = "wait", .type = ARGUMENT_FLAG, .target = &o.wait},
        {.name = "print", .type = ARGUMENT_FLAG, .target = &o.print},
        {0},
    };
    struct arguments a = {.command = t.command, .usage = usage};
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&t, &a, 0, "", &status))
        return status;
    if (!o.from || !o.to || !o.amount_given)
        return say_usage(t.command, "%s is missing",
                         !o.from ? "--from"
                         : !o.to ? "--to"
                                 : "--amount");
    status = transfer(&t, &o);
    target_close(&t);
    return status;
}
