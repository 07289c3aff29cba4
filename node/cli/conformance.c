/* ledger-cli conformance: whether an application keeps the protocol of node/external.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/arguments.h"
#include "node/cli/commands.h"
#include "node/cli/conformance.h"
#include "node/file.h"

enum {
    TRANSACTIONS_MIN = 10,
    FILE_SIZE_MAX = 64 << 20,
    KILLS_MAX = 100000,
    EPOCH_PARTS = 8, /* An epoch has at most that part of all transactions, or so. */
    GAP_MAX = 3,
};

static const char usage[] =
    "usage: ledger-cli conformance [options] TRANSACTIONS -- COMMAND [ARGUMENT ...]\n"
    "Plays a node to an application in a process of its own, and says whether it keeps the\n"
    "protocol that node/external.h describes. It runs COMMAND ARGUMENT ... SOCKET DIRECTORY, "
    "often\n"
    "and in temporary directories, and kills it. TRANSACTIONS is a file of transactions that the\n"
    "application understands, one a line, at least 10, better 100; a line that comes again is "
    "left\n"
    "out. Those find most whose outcome depends on earlier ones, and some that fail or are none.\n"
    "Example: ledger-cli conformance transactions.txt -- python3 store.py\n"
    "  --seed S           another number, other epochs and other kills (default: 1)\n"
    "  --kills K          kill it so often (default: 20)\n"
    "Exit codes: 0 it keeps it; 1 it does not, or failed; 2 wrong usage.\n";

/* Each compares with the reference run, but for the first two. */
static const struct {
    const char *what;
    int (*run)(struct conformance *c);
} checks[] = {
    {"the first hello tells epoch 0, and a second one the same root", check_first_hello},
    {"the reference run, each epoch in one part", check_reference},
    {"cut into other parts, all comes out the same", check_parts},
    {"check and query between any two requests change nothing", check_asides},
    {"hello in the middle of an epoch forgets what was executed", check_hello_executed},
    {"hello after finish forgets what was executed", check_hello_finished},
    {"execute before any hello is answered no", check_greeting},
    {"a word that it does not know is answered no, and it goes on", check_unknown},
    {"killed and started again, it goes on from its last commit", check_kills},
    {"its state dumped and loaded, it comes to the same", check_snapshot},
    {"begun anew in an empty directory, it comes to the same root", check_anew},
};
enum { CHECKS = sizeof checks / sizeof checks[0], NEEDED = 2 };

static int by_bytes(const void *a, const void *b)
{
    const struct slice *x = *(const struct slice *const *)a, *y = *(const struct slice *const *)b;
    const int order = memcmp(x->data, y->data, x->size < y->size ? x->size : y->size);
    if (order != 0)
        return order;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* A node gives an application the same bytes once: lines that come again are left out. */
static void leave_out_copies(struct conformance *c)
{
    struct slice **sorted = calloc(c->count + 1, sizeof(struct slice *));
    size_t kept = 0;
    if (!sorted)
        abort();
    for (size_t k = 0; k < c->count; k++)
        sorted[k] = &c->transactions[k];
    qsort(sorted, c->count, sizeof(struct slice *), by_bytes);
    for (size_t k = c->count; k-- > 1;)
        if (slice_equal(*sorted[k - 1], *sorted[k]))
            sorted[k]->size = 0;
    for (size_t k = 0; k < c->count; k++)
        if (c->transactions[k].size > 0)
            c->transactions[kept++] = c->transactions[k];
    c->count = kept;
    free(sorted);
}

/* The lines of the file that are not empty. An exit code. */
static int read_transactions(struct conformance *c, const char *command, const char *path,
                             uint8_t **data)
{
    char message[512];
    size_t size;
    if (file_read(path, FILE_SIZE_MAX, data, &size, message, sizeof message))
        return say_failed(command, "%s", message);
    c->transactions = calloc(size / 2 + 1, sizeof *c->transactions);
    if (!c->transactions)
        abort();
    for (size_t at = 0, line = 1; at < size; line++) {
        const uint8_t *end = memchr(*data + at, '\n', size - at);
        const size_t length = end ? (size_t)(end - (*data + at)) : size - at;
        if (length > SUBJECT_TRANSACTION_MAX)
            return say_failed(command, "%s: line %zu is %zu bytes: a transaction is at most %d",
                              path, line, length, SUBJECT_TRANSACTION_MAX);
        if (length > 0)
            c->transactions[c->count++] = slice_of(*data + at, length);
        at += length + 1;
    }
    leave_out_copies(c);
    if (c->count < TRANSACTIONS_MIN)
        return say_failed(command, "%s: %zu different transactions are too few: give at least %d",
                          path, c->count, TRANSACTIONS_MIN);
    return EXIT_DONE;
}

/* Some epochs have one transaction, some have many; those without any are not given. */
static void plan(struct conformance *c)
{
    uint64_t number = 0;
    c->outcomes = calloc(c->count + 1, 1);
    c->came = calloc(c->count + 1, 1);
    c->epochs = calloc(c->count + 1, sizeof *c->epochs);
    if (!c->outcomes || !c->came || !c->epochs)
        abort();
    for (size_t at = 0; at < c->count;) {
        const size_t left = c->count - at, most = c->count / EPOCH_PARTS + 1;
        size_t size = conformance_below(c, 3) == 0 ? 1 : 1 + conformance_below(c, most);
        size = size < left ? size : left;
        number += 1 + conformance_below(c, GAP_MAX);
        c->epochs[c->epoch_count++] =
            (struct planned_epoch){.number = number, .first = at, .count = size};
        at += size;
    }
}

static bool run_check(struct conformance *c, unsigned k)
{
    c->parts = false;
    c->between = NULL;
    c->before = NULL;
    c->aside = NULL;
    c->context[0] = c->remark[0] = '\0';
    const bool passed = checks[k].run(c) == 0;
    if (passed)
        printf("ok: %s%s\n", checks[k].what, c->remark);
    else
        printf("FAILED: %s: %s%s%s%s\n", checks[k].what, c->context, c->subject.why,
               c->aside ? "; beside it, it was asked " : "", c->aside ? c->aside : "");
    fflush(stdout);
    return passed;
}

static int run_checks(struct conformance *c, const char *command)
{
    unsigned passed = 0, failed = 0, k;
    for (k = 0; k < CHECKS && (failed == 0 || passed >= NEEDED); k++)
        if (run_check(c, k))
            passed++;
        else
            failed++;
    printf("%u passed, %u failed\n", passed, failed);
    if (failed == 0)
        return EXIT_DONE;
    if (k < CHECKS)
        say_failed(command, "%u more were not done: they compare with the reference run",
                   CHECKS - k);
    return say_failed(command, "what it has left behind, and what it said (output), is in %s",
                      c->subject.home);
}

int command_conformance(int argc, char **argv)
{
    static struct conformance c = {.kills = 20, .random = 1};
    const struct argument table[] = {
        {.name = "seed", .type = ARGUMENT_NUMBER, .target = &c.random, .max = UINT64_MAX},
        {.name = "kills", .type = ARGUMENT_NUMBER, .target = &c.kills, .min = 1, .max = KILLS_MAX},
        {0},
    };
    struct arguments a = {.command = "conformance", .usage = usage};
    uint8_t *data = NULL;
    int status;
    if (!arguments_read(&a, argc, argv, table, &status))
        return status;
    if (a.count < 2)
        return say_usage(a.command,
                         "give a file of transactions, and after -- the command that runs "
                         "the application");
    c.chain = hash_bytes(slice_of(usage, sizeof usage));
    status = read_transactions(&c, a.command, a.values[0], &data);
    if (status == EXIT_DONE) {
        plan(&c);
        status = subject_open(&c.subject, a.values + 1, a.count - 1)
                     ? say_failed(a.command, "%s", c.subject.why)
                     : run_checks(&c, a.command);
        subject_close(&c.subject, status != EXIT_DONE);
    }
    free(c.transactions);
    free(c.outcomes);
    free(c.came);
    free(c.epochs);
    free(data);
    return status;
}
