#include "node/cli/arguments.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 32 };

const char *arguments_program = "ledger-cli";

static int say(int status, const char *command, const char *format, va_list values)
{
    fprintf(stderr, "%s %s: ", arguments_program, command);
    vfprintf(stderr, format, values);
    if (status == EXIT_USAGE)
        fprintf(stderr, "; type: %s %s --help", arguments_program, command);
    fputc('\n', stderr);
    return status;
}

int say_failed(const char *command, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(EXIT_FAILED, command, format, values);
    va_end(values);
    return EXIT_FAILED;
}

int say_usage(const char *command, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(EXIT_USAGE, command, format, values);
    va_end(values);
    return EXIT_USAGE;
}

static bool read_number(const struct argument *to, const char *text, const char *command)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && value >= to->min &&
        value <= to->max) {
        *(uint64_t *)to->target = value;
        return true;
    }
    say_usage(command, "--%s %s: give a number from %" PRIu64 " to %" PRIu64, to->name, text,
              to->min, to->max);
    return false;
}

static bool read_real(const struct argument *to, const char *text, const char *command)
{
    char *end;
    double value = strtod(text, &end);
    if (end != text && *end == '\0' && isfinite(value) && value > 0) {
        *(double *)to->target = value;
        return true;
    }
    say_usage(command, "--%s %s: give a number above 0", to->name, text);
    return false;
}

static bool assign(const struct argument *to, const char *text, const char *command)
{
    if (to->given)
        *to->given = true;
    switch (to->type) {
    case ARGUMENT_FLAG: *(bool *)to->target = true; return true;
    case ARGUMENT_NUMBER: return read_number(to, text, command);
    case ARGUMENT_REAL: return read_real(to, text, command);
    case ARGUMENT_TEXT: *(const char **)to->target = text; return true;
    }
    return false;
}

bool arguments_read(struct arguments *a, int argc, char **argv, const struct argument table[],
                    int *status)
{
    struct option options[OPTIONS_MAX + 2] = {{"help", no_argument, NULL, 'h'}};
    for (int i = 0; table[i].name; i++) {
        assert(i < OPTIONS_MAX);
        bool flag = table[i].type == ARGUMENT_FLAG;
        options[i + 1] = (struct option){table[i].name, flag ? no_argument : required_argument,
                                         NULL, OPTIONS_MAX + i};
    }
    int option;
    opterr = 0;
    optind = 0; /* Begins anew, whoever used getopt before. */
    *status = EXIT_USAGE;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(a->usage, stdout);
            *status = EXIT_DONE;
            return false;
        }
        if (option == '?' || option == ':') {
            say_usage(a->command, option == ':' ? "%s needs a value" : "there is no option %s",
                      argv[optind - 1]);
            return false;
        }
        if (!assign(&table[option - OPTIONS_MAX], optarg, a->command))
            return false;
    }
    a->count = argc - optind;
    a->values = argv + optind;
    return true;
}
