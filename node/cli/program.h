/* A program that is a set of commands: ledger-cli, ledger-testnet, ledger-dashboard. */
#ifndef NODE_CLI_PROGRAM_H
#define NODE_CLI_PROGRAM_H

struct command_entry {
    const char *name; /* NULL ends a table. */
    int (*run)(int argc, char **argv);
    const char *help; /* A line. */
};

/* What main does: --help, --version, or the command that is named, once libraries_init has been
 * called. `codes`: the end of --help, or "". An exit code (node/cli/arguments.h): a program whose
 * output is lost has failed. */
int program_main(const char *program, const struct command_entry commands[], const char *codes,
                 int argc, char **argv);

#endif
