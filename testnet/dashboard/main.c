/* ledger-dashboard: a cluster as it runs, or what runs have left, to look at. */
#include <stdio.h>
#include <string.h>

#include "node/cli/arguments.h"
#include "node/daemon.h"
#include "node/genesis.h"
#include "testnet/dashboard/commands.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"serve", command_serve, "watch a cluster: a page that follows it"},
    {"export", command_export, "write what runs have left as a page, tables, pictures"},
};

static void print_help(FILE *out)
{
    fputs("usage: ledger-dashboard COMMAND [arguments]\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("ledger-dashboard COMMAND --help says more; ledger-dashboard --version says which this "
          "is.\nExit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage.\n",
          out);
}

static int init_libraries(void)
{
    uint8_t entropy[32];
    if (genesis_entropy(entropy, sizeof entropy) && hash_init() && identity_init(entropy))
        return EXIT_DONE;
    fputs("ledger-dashboard: the libraries for hashes and signatures do not work here\n", stderr);
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    arguments_program = "ledger-dashboard";
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("ledger-dashboard " DAEMON_VERSION);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return init_libraries() == EXIT_DONE ? commands[i].run(argc - 1, argv + 1)
                                                 : EXIT_FAILED;
    fprintf(stderr, "ledger-dashboard: there is no command %s; type: ledger-dashboard --help\n",
            argv[1]);
    return EXIT_USAGE;
}
