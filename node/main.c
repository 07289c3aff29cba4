/* ledger-node: one node of a cluster, in the foreground. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/daemon.h"
#include "node/log.h"

static const char usage[] =
    "usage: ledger-node [options] DIRECTORY\n"
    "Runs the node whose node.conf and node.key are in DIRECTORY; cluster.conf is beside it.\n"
    "  --check-config         reads the files, says whether they are in order, and ends\n"
    "  --log-level LEVEL      error, warn, info or debug; else what node.conf says\n"
    "  --lost-data            its data was lost, or it never ran and the others have moved: votes "
    "for\n"
    "                         nothing until it has a snapshot of theirs; for an empty data "
    "directory\n"
    "  -v, --verbose          the same as --log-level debug: every event and effect\n"
    "      --help             this text\n"
    "      --version\n"
    "Logs to stderr. SIGTERM or SIGINT ends it in order, a second one at once.\n"
    "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage.\n";

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum { OPTION_CHECK = 256, OPTION_LEVEL, OPTION_LOST, OPTION_HELP, OPTION_VERSION };

static const struct option options[] = {
    {"check-config", no_argument, NULL, OPTION_CHECK},
    {"log-level", required_argument, NULL, OPTION_LEVEL},
    {"lost-data", no_argument, NULL, OPTION_LOST},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

static int misused(const char *what, const char *value)
{
    fprintf(stderr, "ledger-node: %s%s\n%s", what, value, usage);
    return EXIT_USAGE;
}

/* -1 when there is no such level. */
static int level_of(const char *name)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

static int check_config(const char *directory)
{
    char message[DAEMON_MESSAGE_MAX] = "";
    const int status = daemon_check(directory, message, sizeof(message));
    if (status == 0)
        puts(message);
    else
        fprintf(stderr, "ledger-node: %s\n", message);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILED;
}

static int run(const char *directory, int level, bool lost_data)
{
    char message[DAEMON_MESSAGE_MAX] = "";
    struct daemon *d = NULL;
    int status;
    do {
        status = daemon_open(directory, level, lost_data, &d, message, sizeof(message));
        if (status != 0) {
            fprintf(stderr, "ledger-node: %s\n", message);
            return EXIT_FAILED;
        }
        status = daemon_run(d, message, sizeof(message));
        daemon_close(d);
        lost_data = false;
    } while (status == DAEMON_AGAIN);
    if (status != 0)
        log_line(LOG_LEVEL_ERROR, "daemon", "%s", message);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    bool check = false, lost_data = false;
    int level = -1;
    int option;
    while ((option = getopt_long(argc, argv, "v", options, NULL)) != -1) {
        switch (option) {
        case OPTION_CHECK: check = true; break;
        case OPTION_LEVEL:
            level = level_of(optarg);
            if (level < 0)
                return misused("no such log level: ", optarg);
            break;
        case OPTION_LOST: lost_data = true; break;
        case 'v': level = LOG_LEVEL_DEBUG; break;
        case OPTION_HELP: fputs(usage, stdout); return EXIT_SUCCESS;
        case OPTION_VERSION: puts("ledger-node " DAEMON_VERSION); return EXIT_SUCCESS;
        default: fputs(usage, stderr); return EXIT_USAGE;
        }
    }
    if (optind + 1 != argc)
        return misused("give the directory of one node", "");

    return check ? check_config(argv[optind]) : run(argv[optind], level, lost_data);
}
