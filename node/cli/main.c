/* ledger-cli: keys, genesis, and everything that is asked of a cluster from outside. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/arguments.h"
#include "node/cli/commands.h"
#include "node/daemon.h"
#include "node/genesis.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"genesis", command_genesis, "make a cluster: its keys, its coin, its first balances"},
    {"keygen", command_keygen, "make an account's key pair"},
    {"status", command_status, "where each node is"},
    {"stats", command_stats, "what a node has counted"},
    {"transfer", command_transfer, "send from one account to another"},
    {"submit", command_submit, "give a node transactions made elsewhere, or payloads"},
    {"tx", command_tx, "what became of a transaction"},
    {"balance", command_balance, "what an account holds"},
    {"blocks", command_blocks, "the delivered blocks"},
    {"load", command_load, "submit transactions at a rate, and measure"},
    {"inspect", command_inspect, "read, verify and compare data directories"},
};

static void print_help(FILE *out)
{
    fputs("usage: ledger-cli COMMAND [arguments]\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("ledger-cli COMMAND --help says more; ledger-cli --version says which this is.\n"
          "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage; 3 a comparison\n"
          "found a difference.\n",
          out);
}

static int init_libraries(void)
{
    uint8_t entropy[32];
    bool ready = genesis_entropy(entropy, sizeof entropy) && hash_init() && identity_init(entropy);
    secret_wipe(entropy, sizeof entropy);
    if (ready)
        return EXIT_DONE;
    fputs("ledger-cli: the libraries for hashes and signatures do not work here\n", stderr);
    return EXIT_FAILED;
}

/* What is lost on its way to stdout was not done. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("ledger-cli: stdout");
    return status == EXIT_DONE ? EXIT_FAILED : status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return finish(EXIT_DONE);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("ledger-cli " DAEMON_VERSION);
        return finish(EXIT_DONE);
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            int status = init_libraries();
            return finish(status == EXIT_DONE ? commands[i].run(argc - 1, argv + 1) : status);
        }
    }
    fprintf(stderr, "ledger-cli: there is no command %s; type: ledger-cli --help\n", argv[1]);
    return EXIT_USAGE;
}
