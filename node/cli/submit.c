/* ledger-cli submit: transactions from a file or from stdin, in batches. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/commands.h"
#include "node/cli/outcome.h"
#include "node/cli/tally.h"

enum { BATCH_BYTES = CLIENT_FRAME_SIZE_MAX - CLIENT_HEADER_SIZE - 4, OVERLOAD_S_MAX = 60 };

static const char usage[] =
    "usage: ledger-cli submit [DIR] [options]\n"
    "Submits transactions, one a line, to a node and counts what it says to them.\n"
    "Application ledger: a line is a signed transaction in hex. Other applications: a line is\n"
    "a payload as it stands, without the end of the line; --hex: in hex there too. Empty lines "
    "are\n"
    "skipped.\n"
    "Example: seq 100 | ledger-cli submit build/c\n" TARGET_HELP_DIRECTORY TARGET_HELP_CLUSTER
        TARGET_HELP_NODE TARGET_HELP_TIMEOUT "  --file FILE        in place of stdin\n"
    "  --hex              lines are hex, whatever the application\n"
    "  --batch N          so many in one request at most (default: 500)\n"
    "  --ids FILE         write the id of each transaction that the node has, one a line\n"
    "  --json             {\"accepted\",\"pending\",\"executed\",\"refused\":{reason: count}}\n"
    "A node that is overloaded, or an account that has 64 transfers waiting, is tried again when\n"
    "the node says so, for 60 s from the last time that it took any.\n"
    "Exit codes: 0 the node has all; 1 it refused some, or failed; 2 wrong usage.\n";

struct submission {
    struct target target;
    const char *path;
    const char *ids_path;
    uint64_t batch;
    bool hex;
    FILE *input;
    FILE *ids;
    int ids_error; /* errno of the first id that could not be written. */
    uint64_t line;
    uint32_t count; /* In `items`. */
    struct writer items;
    uint64_t accepted;
    uint64_t pending;
    uint64_t executed;
    struct tally refused;
};

static void take(struct submission *s, const struct client_result *r)
{
    uint64_t *counter = r->status == CLIENT_OK         ? &s->accepted
                        : r->status == CLIENT_PENDING  ? &s->pending
                        : r->status == CLIENT_EXECUTED ? &s->executed
                                                       : NULL;
    if (!counter) {
        tally_add(&s->refused, tally_refusal(r));
        return;
    }
    (*counter)++;
    if (s->ids) {
        char hex[2 * HASH_SIZE + 1];
        hex_encode(hash_slice(&r->id), hex);
        if (fprintf(s->ids, "%s\n", hex) < 0 && !s->ids_error)
            s->ids_error = errno;
    }
}

/* Counts the results, and keeps in `items` those that were put off. Returns how long to wait. */
static uint32_t settle(struct submission *s, struct slice results)
{
    struct slice rest = writer_result(&s->items);
    struct client_result result;
    struct slice transaction;
    uint32_t retry_ms = 0;
    s->items.at = s->items.start;
    s->count = 0;
    while (client_transaction_next(&rest, &transaction) && client_result_next(&results, &result)) {
        if (result.status != CLIENT_OVERLOADED) {
            take(s, &result);
            continue;
        }
        retry_ms = result.retry_ms > retry_ms ? result.retry_ms : retry_ms;
        /* It moves towards the start, over those that are done with. */
        const size_t size = transaction.size;
        write_u32(&s->items, (uint32_t)size);
        memmove(s->items.at, transaction.data, size);
        s->items.at += size;
        s->count++;
    }
    return retry_ms;
}

/* Submits the batch until the node has taken or refused all of it. */
static int flush(struct submission *s)
{
    uint64_t deadline_ms = clock_ms() + OVERLOAD_S_MAX * 1000;
    while (s->count > 0) {
        struct client_request request = {
            .kind = CLIENT_SUBMIT, .list = {.count = s->count, .items = writer_result(&s->items)}};
        struct client_answer answer;
        const uint32_t before = s->count;
        int status = target_try(&s->target, &request, &answer);
        if (status != EXIT_DONE)
            return status;
        const bool none = answer.result.status == CLIENT_OVERLOADED; /* It has looked at none. */
        uint32_t retry_ms = none ? answer.result.retry_ms : settle(s, answer.list.items);
        if (s->count < before)
            deadline_ms = clock_ms() + OVERLOAD_S_MAX * 1000;
        if (s->count > 0 && clock_ms() + retry_ms > deadline_ms)
            return say_failed(
                s->target.command,
                "node %u has taken nothing for %d s: it is overloaded, or numbers are missing "
                "below those that wait; try again later",
                (unsigned)s->target.node, OVERLOAD_S_MAX);
        if (s->count > 0)
            clock_sleep_ms(retry_ms);
    }
    return EXIT_DONE;
}

/* Turns a line into a transaction, in place. */
static int convert(struct submission *s, char *line, size_t *size)
{
    if (s->hex || s->target.cluster.application == APPLICATION_LEDGER) {
        if (*size % 2 || !hex_decode(line, (uint8_t *)line, *size / 2))
            return say_failed(s->target.command, "line %" PRIu64 " is not hex", s->line);
        *size /= 2;
    }
    if (*size <= CLIENT_TRANSACTION_SIZE_MAX)
        return EXIT_DONE;
    return say_failed(s->target.command, "line %" PRIu64 ": %zu bytes, and %d is the most", s->line,
                      *size, CLIENT_TRANSACTION_SIZE_MAX);
}

static int add(struct submission *s, struct slice transaction)
{
    size_t room = (size_t)(s->items.end - s->items.at);
    if (s->count == s->batch || room < 4 + transaction.size) {
        int status = flush(s);
        if (status != EXIT_DONE)
            return status;
    }
    client_transaction_add(&s->items, transaction);
    s->count++;
    return EXIT_DONE;
}

static int submit_lines(struct submission *s)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    int status = EXIT_DONE;
    while (status == EXIT_DONE && (length = getline(&line, &capacity, s->input)) >= 0) {
        size_t size = (size_t)length;
        s->line++;
        if (size > 0 && line[size - 1] == '\n')
            line[--size] = '\0';
        if (size == 0)
            continue;
        status = convert(s, line, &size);
        if (status == EXIT_DONE)
            status = add(s, slice_of(line, size));
    }
    int error = errno;
    free(line);
    if (status == EXIT_DONE && ferror(s->input))
        return say_failed(s->target.command, "%s: cannot be read: %s", s->path ? s->path : "stdin",
                          strerror(error));
    return status == EXIT_DONE ? flush(s) : status;
}

static void report(const struct submission *s)
{
    if (s->target.json) {
        json_print(json_pack("{s:o, s:o, s:o, s:o}", "accepted", json_count(s->accepted), "pending",
                             json_count(s->pending), "executed", json_count(s->executed), "refused",
                             tally_json(&s->refused)));
        return;
    }
    printf("%" PRIu64 " accepted, %" PRIu64 " pending already, %" PRIu64
           " executed already, %" PRIu64 " refused\n",
           s->accepted, s->pending, s->executed, s->refused.total);
    tally_print(&s->refused);
}

static int run(struct submission *s)
{
    const char *command = s->target.command;
    int status = target_connect(&s->target);
    if (status != EXIT_DONE)
        return status;
    s->input = s->path ? fopen(s->path, "r") : stdin;
    if (!s->input)
        return say_failed(command, "%s: %s", s->path, strerror(errno));
    if (s->ids_path && !(s->ids = fopen(s->ids_path, "w")))
        return say_failed(command, "%s: %s", s->ids_path, strerror(errno));
    status = submit_lines(s);
    report(s);
    if (s->ids && fflush(s->ids) != 0 && !s->ids_error)
        s->ids_error = errno;
    if (s->ids_error)
        return say_failed(command, "%s: %s", s->ids_path, strerror(s->ids_error));
    return status == EXIT_DONE && s->refused.total > 0 ? EXIT_FAILED : status;
}

int command_submit(int argc, char **argv)
{
    static uint8_t items[BATCH_BYTES];
    static struct submission s;
    s = (struct submission){.target = TARGET("submit"), .batch = 500};
    s.items = writer_of(items, sizeof items);
    const struct argument table[] = {
        TARGET_CLUSTER(s.target),
        TARGET_NODE(s.target),
        TARGET_TIMEOUT(s.target),
        TARGET_JSON(s.target),
        {.name = "file", .type = ARGUMENT_TEXT, .target = &s.path},
        {.name = "ids", .type = ARGUMENT_TEXT, .target = &s.ids_path},
        {.name = "hex", .type = ARGUMENT_FLAG, .target = &s.hex},
        {.name = "batch",
         .type = ARGUMENT_NUMBER,
         .target = &s.batch,
         .min = 1,
         .max = CLIENT_COUNT_MAX},
        {0},
    };
    struct arguments a = {.command = s.target.command, .usage = usage};
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&s.target, &a, 0, "", &status))
        return status;
    status = run(&s);
    if (s.input && s.input != stdin)
        fclose(s.input);
    if (s.ids)
        fclose(s.ids);
    target_close(&s.target);
    return status;
}
