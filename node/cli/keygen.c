/* ledger-cli keygen: one account's key pair. */
#include <stdio.h>

#include "node/cli/arguments.h"
#include "node/cli/commands.h"
#include "node/genesis.h"

static const char usage[] =
    "usage: ledger-cli keygen FILE [options]\n"
    "Makes an account's key pair, writes it to FILE (mode 0600, never overwritten) and prints\n"
    "the public key: what others name the account by. Who has FILE can spend what the account\n"
    "holds; nobody can make it again when it is lost.\n"
    "  --json             {\"public\"}\n"
    "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage.\n";

int command_keygen(int argc, char **argv)
{
    bool json = false;
    const struct argument table[] = {
        {.name = "json", .type = ARGUMENT_FLAG, .target = &json},
        {0},
    };
    struct arguments a = {.command = "keygen", .usage = usage};
    struct identity_public account;
    char message[CONFIG_MESSAGE_MAX];
    char hex[2 * IDENTITY_PUBLIC_SIZE + 1];
    int status;
    if (!arguments_read(&a, argc, argv, table, &status))
        return status;
    if (a.count != 1)
        return say_usage(a.command, "give one file to write the key to");
    if (genesis_account(a.values[0], &account, message, sizeof message))
        return say_failed(a.command, "%s", message);
    hex_encode(slice_of(account.bytes, sizeof account.bytes), hex);
    printf(json ? "{\"public\":\"%s\"}\n" : "%s\n", hex);
    return EXIT_DONE;
}
