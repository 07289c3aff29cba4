/* ledger-testnet: a cluster of real nodes on one machine, on links like those between sites. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node/cli/arguments.h"
#include "node/cli/program.h"
#include "testnet/check.h"
#include "testnet/compare.h"
#include "testnet/control.h"
#include "testnet/interrupt.h"
#include "testnet/run.h"

enum { CHECK_SITES = 16, RUNS_MAX = 64, DOWN_S = 90 };

#define HELP_NAME "  --name NAME      of the run: what it makes carries it (default: default)\n"
#define HELP_LOAD \
    "  --load MB/S      of payload, a node, in place of the scenario's (not with a backlog)\n"
#define HELP_RUN                                                                                \
    "  --mode M         dl, dl-coupled, hb-link or hb, in place of the scenario's\n"            \
    "  --retrieval R    lean or all\n"                                                          \
    "  --plain          on loopback, without shaping: needs no root, shows nothing of links\n"  \
    "  --dashboard      serves a page that follows the run, on loopback\n"                      \
    "  --port P         at this port (default: 27999)\n"                                        \
    "  --keep           waits until all have executed the same, and keeps their data (data/)\n" \
    "                   and the ids of what they acknowledged (loadI.ids)\n"                    \
    "  --endure         goes on when a node ends by itself: restart starts it again\n"

struct options {
    struct run_options run;
    const char *modes;
    uint64_t runs, sites;
    bool csv;
};

static const char *default_out(const char *scenario, const char *mode)
{
    static char path[RUNS_MAX + 1][SITES_PATH_MAX];
    static unsigned turn;
    char *out = path[turn++ % (RUNS_MAX + 1)];
    char stamp[32];
    const time_t now = time(NULL);
    struct tm local;
    const char *base = strrchr(scenario, '/');
    base = base ? base + 1 : scenario;
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&now, &local));
    snprintf(out, SITES_PATH_MAX, "runs/%.*s%s%s-%s", (int)strcspn(base, "."), base,
             mode ? "-" : "", mode ? mode : "", stamp);
    return out;
}

static void make_parents(const char *path)
{
    char part[SITES_PATH_MAX];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        mkdir(part, 0755);
    }
}

static bool read_arguments(struct options *o, struct arguments *a, int argc, char **argv,
                           int *status)
{
    const struct argument table[] = {
        {.name = "mode", .type = ARGUMENT_TEXT, .target = &o->run.mode},
        {.name = "modes", .type = ARGUMENT_TEXT, .target = &o->modes},
        {.name = "retrieval", .type = ARGUMENT_TEXT, .target = &o->run.retrieval},
        {.name = "load", .type = ARGUMENT_REAL, .target = &o->run.load_bytes_s},
        {.name = "out", .type = ARGUMENT_TEXT, .target = &o->run.out},
        {.name = "name", .type = ARGUMENT_TEXT, .target = &o->run.name},
        {.name = "plain", .type = ARGUMENT_FLAG, .target = &o->run.plain},
        {.name = "csv", .type = ARGUMENT_FLAG, .target = &o->csv},
        {.name = "keep", .type = ARGUMENT_FLAG, .target = &o->run.keep},
        {.name = "endure", .type = ARGUMENT_FLAG, .target = &o->run.endure},
        {.name = "dashboard", .type = ARGUMENT_FLAG, .target = &o->run.dashboard},
        {.name = "port", .type = ARGUMENT_NUMBER, .target = &o->run.port, .max = UINT16_MAX},
        {.name = "runs", .type = ARGUMENT_NUMBER, .target = &o->runs, .min = 1, .max = RUNS_MAX},
        {.name = "sites",
         .type = ARGUMENT_NUMBER,
         .target = &o->sites,
         .min = 4,
         .max = RELAY_SITES_MAX},
        {0}};
    if (!arguments_read(a, argc, argv, table, status))
        return false;
    o->run.load_bytes_s *= 1e6;
    if (settings_is_name(o->run.name) && strlen(o->run.name) <= NETWORK_NAME_MAX)
        return true;
    *status = say_usage(a->command, "--name %.40s: use at most %d letters, digits, '.', '-', '_'",
                        o->run.name, NETWORK_NAME_MAX);
    return false;
}

static const struct options defaults = {.run = {.name = "default", .ready = -1, .port = LIVE_PORT},
                                        .modes = "dl,hb-link,hb",
                                        .runs = 1,
                                        .sites = CHECK_SITES};

static bool one_scenario(struct options *o, const struct arguments *a, int *status)
{
    *status = EXIT_USAGE;
    if (a->count == 1) {
        o->run.scenario = a->values[0];
        return true;
    }
    say_usage(a->command,
              a->count == 0 ? "the scenario's file is missing" : "one scenario at a time");
    return false;
}

static int command_run(int argc, char **argv)
{
    struct options o = defaults;
    struct arguments a = {
        .command = "run",
        .usage =
            "usage: ledger-testnet run FILE [options]\n"
            "Runs a scenario to its end, compares the ledgers, and leaves figures in a "
            "directory.\n"
            "  --out DIR        that directory (default: runs/SCENARIO-TIME)\n" HELP_LOAD HELP_RUN
                HELP_NAME
            "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage; 3 the "
            "ledgers differ.\n"};
    int status;
    if (!read_arguments(&o, &a, argc, argv, &status) || !one_scenario(&o, &a, &status))
        return status;
    if (!o.run.out)
        o.run.out = default_out(o.run.scenario, o.run.mode);
    make_parents(o.run.out);
    status = run_scenario(&o.run);
    const char *const directory[] = {o.run.out};
    if (status == 0)
        status = compare_runs(directory, 1, false);
    if (status == 0)
        printf("%s\n", o.run.out);
    return status;
}

/* Each run in a process of its own: what one leaves in memory is not the next one's. It cleans up
 * when this one is interrupted or dies. */
static int run_apart(const struct run_options *run)
{
    fflush(stdout);
    const pid_t parent = getpid();
    const pid_t child = fork();
    int status = 0;
    if (child == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
            _exit(EXIT_FAILED);
        exit(run_scenario(run));
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int command_compare(int argc, char **argv)
{
    struct options o = defaults;
    struct arguments a = {
        .command = "compare",
        .usage =
            "usage: ledger-testnet compare FILE [options]\n"
            "Runs a scenario in several modes, one after the other, with the same seed and "
            "traces, and\nprints them beside each other.\n"
            "  --modes M,M,...  (default: dl,hb-link,hb)\n"
            "  --runs N         of each (default: 1)\n"
            "  --out DIR        for the runs' directories (default: runs/SCENARIO-TIME)\n" HELP_LOAD
                HELP_RUN HELP_NAME "Exit codes: as those of run, the worst of all.\n"};
    int status;
    static char paths[RUNS_MAX][SITES_PATH_MAX];
    const char *done[RUNS_MAX];
    unsigned count = 0;
    int worst = 0;
    if (!read_arguments(&o, &a, argc, argv, &status) || !one_scenario(&o, &a, &status))
        return status;
    signal(SIGINT, SIG_IGN); /* The run's: it ends with a failure, and so does this. */
    const char *out = o.run.out ? o.run.out : default_out(o.run.scenario, NULL);
    make_parents(out);
    mkdir(out, 0755);
    for (uint64_t round = 1; round <= o.runs; round++) {
        char modes[128];
        char *rest;
        snprintf(modes, sizeof modes, "%s", o.modes);
        for (char *mode = strtok_r(modes, ",", &rest); mode && count < RUNS_MAX && worst != 1;
             mode = strtok_r(NULL, ",", &rest)) {
            snprintf(paths[count], SITES_PATH_MAX, "%.400s/%s-%u", out, mode, (unsigned)round);
            o.run.mode = mode;
            o.run.out = paths[count];
            fprintf(stderr, "%s\n", o.run.out);
            status = run_apart(&o.run);
            worst = status > worst || status == 1 ? status : worst;
            done[count] = paths[count];
            count += status != 1;
        }
    }
    if (count > 0 && (status = compare_runs(done, count, false)))
        worst = status;
    return worst;
}

static const char up_scenario[] = "# A network that waits for commands.\n"
                                  "[scenario]\nnodes = 4\nduration = 1 s\n"
                                  "[links]\ndelay = 50 ms\n[rates constant]\nrate = 10 MB/s\n"
                                  "[load]\nkind = idle\n";

/* The run goes on behind the terminal; this process ends when its nodes are connected. */
static int start_behind(struct run_options *run)
{
    int ready[2];
    char text[16];
    if (pipe(ready) != 0)
        return say_failed("up", "no pipe: %s", strerror(errno));
    const pid_t child = fork();
    if (child == 0) {
        close(ready[0]);
        setsid();
        run->ready = ready[1];
        exit(run_scenario(run));
    }
    close(ready[1]);
    interrupt_catch();
    const ssize_t size = child > 0 ? read(ready[0], text, sizeof text) : -1;
    close(ready[0]);
    if (size <= 0 && interrupted) {
        kill(child, SIGTERM);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
        return say_failed("up", "interrupted");
    }
    if (size <= 0)
        return say_failed("up", "the network did not come up; see %s", run->out);
    printf("up; its files are in %s; its clients' cluster.conf in %s/cluster\n", run->out,
           run->out);
    return 0;
}

static int command_up(int argc, char **argv)
{
    struct options o = defaults;
    struct arguments a = {
        .command = "up",
        .usage = "usage: ledger-testnet up [FILE] [options]\n"
                 "Starts the nodes and links of a scenario (default: 4 nodes, 10 MB/s, 50 ms one "
                 "way), with neither\nload nor events, and returns when they are connected. Then "
                 "status, kill, restart, rate, partition,\nheal, and at last down.\n"
                 "  --out DIR        for its files (default: runs/up-TIME)\n" HELP_RUN HELP_NAME
                 "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage.\n"};
    int status;
    if (!read_arguments(&o, &a, argc, argv, &status))
        return status;
    if (o.run.load_bytes_s > 0)
        return say_usage(a.command, "up starts no load: ledger-cli load does, or run, with --load");
    o.run.forever = true;
    o.run.out = o.run.out ? o.run.out : default_out("up", NULL);
    make_parents(o.run.out);
    if (a.count > 0 && !one_scenario(&o, &a, &status))
        return status;
    char own[] = "/tmp/ledger-testnet.XXXXXX";
    if (a.count == 0) {
        const int file = mkstemp(own);
        if (file < 0 || write(file, up_scenario, strlen(up_scenario)) < 0)
            return say_failed("up", "%s: %s", own, strerror(errno));
        close(file);
        o.run.scenario = own;
    }
    status = start_behind(&o.run);
    if (a.count == 0)
        unlink(own);
    return status;
}

/* Ends the run if it is alive, and removes what a killed one has left. */
static int command_down(int argc, char **argv)
{
    struct options o = defaults;
    struct arguments a = {.command = "down",
                          .usage = "usage: ledger-testnet down [--name NAME]\n"
                                   "Ends a run, or removes what one that was killed has left: its "
                                   "namespaces, links, processes, data.\n" HELP_NAME};
    static char answer[CONTROL_TEXT_MAX];
    char message[NETWORK_MESSAGE_MAX];
    int status;
    if (!read_arguments(&o, &a, argc, argv, &status))
        return status;
    bool alive = false;
    for (unsigned k = 0; control_send(o.run.name, "down", answer) != 1; k++) {
        alive = true;
        if (k == DOWN_S * 20)
            return say_failed("down", "the run named %s does not end", o.run.name);
        clock_sleep_ms(50);
    }
    const int left = network_remove(o.run.name, message, sizeof message);
    sites_remove(o.run.name);
    if (left < 0)
        return say_failed("down", "%s", message);
    if (alive)
        puts("down");
    else
        printf("no run named %s is alive; %d network namespaces removed\n", o.run.name, left);
    return 0;
}

static int command_check(int argc, char **argv)
{
    struct options o = defaults;
    struct arguments a = {
        .command = "check",
        .usage = "usage: ledger-testnet check [--sites N] [--name NAME]\n"
                 "Makes a network and measures rates with iperf3 and delays with ping.\n"
                 "  --sites N        at least 4 (default: 16)\n" HELP_NAME
                 "Exit codes: 0 within 1 % and 1 ms; 1 failed; 2 wrong usage; 3 off by more.\n"};
    int status;
    if (!read_arguments(&o, &a, argc, argv, &status))
        return status;
    return check_links(o.run.name, (unsigned)o.sites);
}

static int command_show(int argc, char **argv)
{
    struct options o = defaults;
    struct arguments a = {.command = "show",
                          .usage = "usage: ledger-testnet show [--csv] DIR...\n"
                                   "Prints the figures of runs beside each other.\n"
                                   "  --csv            a line a run, under a head\n"};
    int status;
    if (!read_arguments(&o, &a, argc, argv, &status))
        return status;
    if (a.count == 0)
        return say_usage(a.command, "the directory of a run is missing");
    return compare_runs((const char *const *)a.values, (unsigned)a.count, o.csv);
}

/* kill 3, rate 3 5mbit, and so on: the words as they are. */
static int command_other(int argc, char **argv)
{
    struct options o = defaults;
    struct arguments a = {
        .command = argv[0],
        .usage = "usage: ledger-testnet status | kill I | restart I | replace I | pause I | resume "
                 "I | rate I RATE | partition I,I|I,I | heal [--name NAME]\n"
                 "Does something to a run that is alive. RATE: 5mbit, 625KB/s, unlimited.\n"
                 "replace starts a killed node without its data, as on another machine.\n"
                 "Nothing passes between the groups of a partition until heal.\n" HELP_NAME};
    static char answer[CONTROL_TEXT_MAX];
    char text[COMMAND_TEXT_MAX + 1];
    size_t used;
    int status;
    if (!read_arguments(&o, &a, argc, argv, &status))
        return status;
    used = (size_t)snprintf(text, sizeof text, "%s", argv[0]);
    for (int k = 0; k < a.count && used < sizeof text; k++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %s", a.values[k]);
    if (control_send(o.run.name, text, answer))
        return say_failed(a.command, "%s", answer);
    fputs(answer, stdout);
    return 0;
}

static const struct command_entry commands[] = {
    {"run", command_run, "run a scenario to its end"},
    {"compare", command_compare, "run it in several modes, and compare"},
    {"show", command_show, "print the figures of runs beside each other"},
    {"check", command_check, "measure what the links do"},
    {"up", command_up, "start a network, and keep it"},
    {"status", command_other, "where its nodes are"},
    {"kill", command_other, "kill a node (I), with SIGKILL"},
    {"restart", command_other, "start it again (I)"},
    {"replace", command_other, "start it without its data (I), with --lost-data"},
    {"pause", command_other, "stop it where it is (I), with SIGSTOP"},
    {"resume", command_other, "let it go on (I)"},
    {"rate", command_other, "change a link's rate (I 5mbit)"},
    {"partition", command_other, "cut groups off from each other (0,1|2,3)"},
    {"heal", command_other, "undo that"},
    {"down", command_down, "end it, or remove what a killed one left"},
    {0},
};

int main(int argc, char **argv) { return program_main("ledger-testnet", commands, "", argc, argv); }
