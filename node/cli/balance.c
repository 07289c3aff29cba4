/* ledger-cli balance: an account. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "node/cli/commands.h"
#include "node/cli/outcome.h"

static const char usage[] =
    "usage: ledger-cli balance [DIR] KEY [options]\n"
    "Prints the balance of an account and its lowest unused sequence number, as executed at one\n"
    "node. KEY is the public key in hex, or the path of the account's key file.\n"
    "An account that has never received nor sent anything has 0.\n" TARGET_HELP_DIRECTORY
        TARGET_HELP_CLUSTER TARGET_HELP_NODE TARGET_HELP_TIMEOUT
    "  --json             {\"account\",\"balance\",\"sequence\"}\n"
    "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage.\n";

static void print(const struct target *t, const struct identity_public *key,
                  const struct client_account *account)
{
    if (t->json)
        json_print(json_account(key->bytes, account));
    else
        printf("balance %" PRIu64 ", next sequence number %" PRIu64 "\n", account->balance,
               account->sequence);
}

static int ask(struct target *t, const char *text)
{
    struct client_request request = {.kind = CLIENT_ACCOUNT};
    struct client_answer answer;
    struct identity_public key;
    static_assert(sizeof key == sizeof request.key, "an account is its key");

    int status = target_key(t, text, &key);
    if (status != EXIT_DONE)
        return status;
    memcpy(request.key, &key, sizeof key);
    if ((status = target_connect(t)) != EXIT_DONE ||
        (status = target_ask(t, &request, &answer)) != EXIT_DONE)
        return status;
    if (answer.result.status == CLIENT_INVALID)
        return say_failed(t->command, "%.*s", (int)answer.result.reason.size,
                          (const char *)answer.result.reason.data);
    print(t, &key, &answer.account); /* All 0 when it is unknown. */
    return EXIT_DONE;
}

int command_balance(int argc, char **argv)
{
    struct target t = TARGET("balance");
    const struct argument table[] = {
        TARGET_CLUSTER(t), TARGET_NODE(t), TARGET_TIMEOUT(t), TARGET_JSON(t), {0}};
    struct arguments a = {.command = t.command, .usage = usage};
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&t, &a, 1, "the account's key", &status))
        return status;
    status = ask(&t, a.values[0]);
    target_close(&t);
    return status;
}
