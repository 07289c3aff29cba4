/* ledger-cli blocks: the log, as one node has it. */
#include <inttypes.h>
#include <stdio.h>

#include "node/cli/commands.h"
#include "node/cli/json.h"
#include "node/cli/target.h"

enum { HASH_SHOWN = 12 };

static const char usage[] =
    "usage: ledger-cli blocks [DIR] [options]\n"
    "Prints blocks of the log, in order: position, the epoch and the node that proposed it, the\n"
    "epoch that delivered it (a later one: it was linked), transactions, their bytes, and whether\n"
    "the block is good, or bad: not the encoding of a block, so that it is empty for "
    "all.\n" TARGET_HELP_DIRECTORY TARGET_HELP_CLUSTER TARGET_HELP_NODE TARGET_HELP_TIMEOUT
    "  --from P           begin with position P, the first being 0 (default: so that the last\n"
    "                     is shown)\n"
    "  --count C          so many (default: 20)\n"
    "  --json             an array of {\"position\",\"epoch\",\"proposer\",\"with_epoch\",\n"
    "                     \"commitment\",\"bad\",\"count\",\"bytes\",\"root\"}\n"
    "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage.\n";

struct options {
    uint64_t from;
    uint64_t count;
    bool from_given;
    uint64_t height; /* Of the log. */
};

static int find_height(struct target *t, uint64_t *height)
{
    struct client_request request = {.kind = CLIENT_STATUS};
    struct client_answer answer;
    int status = target_ask(t, &request, &answer);
    if (status != EXIT_DONE)
        return status;
    json_t *json = json_loadb((const char *)answer.json.data, answer.json.size, 0, NULL);
    *height = (uint64_t)json_integer_value(json_object_get(json, "height"));
    json_decref(json);
    return EXIT_DONE;
}

static void print_block(const struct client_block *b)
{
    char commitment[2 * HASH_SIZE + 1];
    char root[2 * HASH_SIZE + 1];
    hex_encode(hash_slice(&b->commitment), commitment);
    hex_encode(hash_slice(&b->root), root);
    printf("%9" PRIu64 "  %9" PRIu64 "  %8u  %9" PRIu64 "  %7" PRIu32 "  %9" PRIu64
           "  %-6s  %.*s  %.*s\n",
           b->position, b->epoch, (unsigned)b->proposer, b->with_epoch, b->count, b->bytes,
           b->bad                      ? "bad"
           : b->with_epoch != b->epoch ? "linked"
                                       : "good",
           HASH_SHOWN, commitment, HASH_SHOWN, root);
}

static int print_blocks(struct target *t, const struct options *o, json_t *array)
{
    if (!array)
        printf("%9s  %9s  %8s  %9s  %7s  %9s  %-6s  %-*s  %s\n", "position", "epoch", "proposer",
               "delivered", "count", "bytes", "status", HASH_SHOWN, "commitment", "root");
    uint64_t missing = 0;
    for (uint64_t i = 0; i < o->count; i++) {
        struct client_request request = {.kind = CLIENT_BLOCK, .position = o->from + i};
        struct client_answer answer;
        int status = target_ask(t, &request, &answer);
        if (status != EXIT_DONE)
            return status;
        if (answer.result.status != CLIENT_OK && o->from + i >= o->height)
            break; /* The end of the log. */
        missing += answer.result.status != CLIENT_OK;
        if (answer.result.status != CLIENT_OK)
            continue;
        if (array)
            json_array_append_new(array, json_block(&answer.block));
        else
            print_block(&answer.block);
    }
    if (missing > 0)
        fprintf(stderr,
                "ledger-cli blocks: node %u began with a snapshot and has %" PRIu64
                " of these not; ask another node\n",
                (unsigned)t->node, missing);
    return EXIT_DONE;
}

static int run(struct target *t, struct options *o)
{
    int status = target_connect(t);
    if (status == EXIT_DONE)
        status = find_height(t, &o->height);
    if (status != EXIT_DONE)
        return status;
    if (!o->from_given)
        o->from = o->height > o->count ? o->height - o->count : 0;
    json_t *array = t->json ? json_array() : NULL;
    status = print_blocks(t, o, array);
    if (array && status == EXIT_DONE)
        json_print(array);
    else
        json_decref(array);
    return status;
}

int command_blocks(int argc, char **argv)
{
    struct target t = TARGET("blocks");
    struct options o = {.count = 20};
    const struct argument table[] = {
        TARGET_CLUSTER(t),
        TARGET_NODE(t),
        TARGET_TIMEOUT(t),
        TARGET_JSON(t),
        {.name = "from",
         .type = ARGUMENT_NUMBER,
         .target = &o.from,
         .max = UINT64_MAX,
         .given = &o.from_given},
        {.name = "count", .type = ARGUMENT_NUMBER, .target = &o.count, .min = 1, .max = 1000000},
        {0},
    };
    struct arguments a = {.command = t.command, .usage = usage};
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&t, &a, 0, "", &status))
        return status;
    status = run(&t, &o);
    target_close(&t);
    return status;
}
