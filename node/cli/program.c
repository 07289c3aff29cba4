#include "node/cli/program.h"

#include <stdio.h>
#include <string.h>

#include "node/cli/arguments.h"
#include "node/daemon.h"
#include "node/libraries.h"

static void print_help(FILE *out, const struct command_entry commands[], const char *codes)
{
    fprintf(out, "usage: %s COMMAND [arguments]\n", arguments_program);
    for (const struct command_entry *c = commands; c->name; c++)
        fprintf(out, "  %-10s %s\n", c->name, c->help);
    fprintf(out, "%s COMMAND --help says more; %s --version says which this is.\n%s",
            arguments_program, arguments_program, codes);
}

/* What is lost on its way to stdout was not done. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "%s: ", arguments_program);
    perror("stdout");
    return status == EXIT_DONE ? EXIT_FAILED : status;
}

static int run(const struct command_entry *command, int argc, char **argv)
{
    const char *error = libraries_init();
    if (!error)
        return command->run(argc, argv);
    fprintf(stderr, "%s: %s\n", arguments_program, error);
    return EXIT_FAILED;
}

int program_main(const char *program, const struct command_entry commands[], const char *codes,
                 int argc, char **argv)
{
    arguments_program = program;
    if (argc < 2) {
        print_help(stderr, commands, codes);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout, commands, codes);
        return finish(EXIT_DONE);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("%s " DAEMON_VERSION "\n", program);
        return finish(EXIT_DONE);
    }
    for (const struct command_entry *c = commands; c->name; c++)
        if (strcmp(argv[1], c->name) == 0)
            return finish(run(c, argc - 1, argv + 1));
    fprintf(stderr, "%s: there is no command %s; type: %s --help\n", program, argv[1], program);
    return EXIT_USAGE;
}
