/* The command line of one command, read by a table: every option is --name or --name VALUE. */
#ifndef NODE_CLI_ARGUMENTS_H
#define NODE_CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_DIFFERENT };

enum argument_type {
    ARGUMENT_FLAG,   /* bool: no value. */
    ARGUMENT_NUMBER, /* uint64_t, min to max. */
    ARGUMENT_REAL,   /* double, above 0. */
    ARGUMENT_TEXT,   /* const char *: borrowed from the command line. */
};

struct argument {
    const char *name; /* NULL ends a table. */
    enum argument_type type;
    void *target; /* Holds the default before. */
    uint64_t min, max;
    bool *given; /* Set when it is there, if not NULL. */
};

struct arguments {
    const char *command; /* For messages. */
    const char *usage;   /* All that --help says. */
    int count;           /* Of what is no option, in order. */
    char **values;
};

/* Fills in the targets and what is no option. False: the command has to return *status, since
 * --help was answered or a mistake was reported. */
bool arguments_read(struct arguments *a, int argc, char **argv, const struct argument table[],
                    int *status);

/* Whose command line it is, for messages. */
extern const char *arguments_program;

/* One line on stderr, `PROGRAM COMMAND: ...`; they return EXIT_FAILED and EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int say_failed(const char *command, const char *format, ...);
__attribute__((format(printf, 2, 3))) int say_usage(const char *command, const char *format, ...);

#endif
