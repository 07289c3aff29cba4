/* ledger-dashboard: a cluster as it runs, or what runs have left, to look at. */
#include "node/cli/program.h"
#include "testnet/dashboard/commands.h"

static const struct command_entry commands[] = {
    {"serve", command_serve, "watch a cluster: a page that follows it"},
    {"export", command_export, "write what runs have left as a page, tables, pictures"},
    {0},
};

int main(int argc, char **argv)
{
    return program_main("ledger-dashboard", commands,
                        "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage.\n",
                        argc, argv);
}
