/* ledger-cli inspect: what data directories hold, checked and compared offline. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/commands.h"
#include "node/cli/inspect.h"
#include "node/cli/json.h"
#include "node/cli/target.h"

enum { HASH_SHOWN = 16 };

static const char usage[] =
    "usage: ledger-cli inspect DIR [DIR...] [options]\n"
    "Opens nodes' directories (or their data directories) read-only, no node needed, and "
    "recomputes\n"
    "what is recorded in them: the log root from the log's entries, each block's root and the "
    "index\n"
    "of transactions from their outcomes, the state root from the accounts, all sums. Prints for\n"
    "each: height, executed epoch, transactions executed and failed, copies ignored of those\n"
    "(repeated) and of transactions that never got an outcome (dropped), the sum of all balances,\n"
    "the roots. Several are compared with the first, block by block and account by account.\n"
    "Example: ledger-cli inspect build/c/node*\n"
    "  --prefix           a ledger that ends earlier and is equal so far is no difference\n"
    "  --ids FILE         each id in FILE (hex, one a line) must have an outcome in each ledger,\n"
    "                     and has it exactly once; in those that went on from a snapshot it may\n"
    "                     be missing, if another one has it\n"
    "  --cluster PATH     the cluster.conf, or its directory: the ledgers must be of this chain\n"
    "                     and the sum of balances that of its genesis\n"
    "  --json             "
    "{\"equal\",\"difference\",\"directories\":[{\"directory\",\"sound\",...}]}\n"
    "Exit codes: 0 sound and equal; 1 failed, for the reason on stderr; 2 wrong usage; 3 "
    "something\n"
    "is not as it should be, or differs: the first such thing is printed.\n";

struct options {
    struct target target;
    const char *ids;
    bool prefix;
    bool cluster_given;
};

struct comparer {
    struct options *options;
    unsigned count;
    struct inspection *all;
    uint64_t ids;                          /* Lines of the file of ids. */
    char difference[INSPECT_TEXT_MAX * 2]; /* The first; empty: none. */
};

static void note(struct comparer *c, const char *path, const char *text)
{
    if (c->difference[0] == '\0')
        snprintf(c->difference, sizeof c->difference, "%.300s: %s", path, text);
}

/* The ledgers against the genesis that they should have grown from. */
static void check_genesis(struct comparer *c)
{
    const struct cluster *cluster = &c->options->target.cluster;
    uint64_t supply = 0;
    for (size_t k = 0; k < cluster->balance_count; k++)
        supply += cluster->balances[k].amount;
    for (unsigned k = 0; k < c->count; k++) {
        struct inspection *i = &c->all[k];
        if (!hash_equal(&i->meta.chain, &cluster->chain))
            inspection_problem(i, "this is a ledger of another chain");
        else if (i->balances != supply && !i->problem[0])
            inspection_problem(
                i, "the balances add up to %" PRIu64 ", those of the genesis to %" PRIu64,
                i->balances, supply);
    }
}

/* A ledger that went on from a snapshot need not know it, if another one does. */
static void check_id(struct comparer *c, const struct hash *id)
{
    char hex[2 * HASH_SIZE + 1];
    struct executor_place place;
    bool anywhere = false;
    for (unsigned k = 0; k < c->count && !anywhere; k++)
        anywhere = executor_transaction(c->all[k].view, id, &place) == 0;
    hex_encode(hash_slice(id), hex);
    for (unsigned k = 0; k < c->count; k++)
        if (!(anywhere && c->all[k].snapshot) &&
            executor_transaction(c->all[k].view, id, &place) != 0)
            inspection_problem(&c->all[k], "transaction %s is not in the ledger", hex);
}

static int check_ids(struct comparer *c)
{
    const char *command = c->options->target.command;
    const char *path = c->options->ids;
    FILE *file = fopen(path, "r");
    if (!file)
        return say_failed(command, "%s: %s", path, strerror(errno));
    char line[2 * HASH_SIZE + 2];
    int status = EXIT_DONE;
    while (status == EXIT_DONE && fgets(line, sizeof line, file)) {
        struct hash id;
        line[strcspn(line, "\n")] = '\0';
        if (hex_decode(line, id.bytes, HASH_SIZE)) {
            c->ids++;
            check_id(c, &id);
        } else if (line[0] != '\0') {
            status = say_failed(command, "%s: after %" PRIu64 " ids comes a line that is none",
                                path, c->ids);
        }
    }
    fclose(file);
    return status;
}

static void compare(struct comparer *c)
{
    char text[INSPECT_TEXT_MAX];
    for (unsigned k = 0; k < c->count; k++)
        if (c->all[k].problem[0])
            note(c, c->all[k].path, c->all[k].problem);
    for (unsigned k = 1; k < c->count; k++) {
        enum comparison found = inspection_compare(&c->all[0], &c->all[k], text);
        char paths[INSPECT_TEXT_MAX];
        snprintf(paths, sizeof paths, "%.140s and %.140s", c->all[0].path, c->all[k].path);
        if (found == COMPARISON_DIFFERENT || (found == COMPARISON_PREFIX && !c->options->prefix))
            note(c, paths, text);
    }
}

static void print_table(const struct comparer *c)
{
    int width = 9;
    for (unsigned k = 0; k < c->count; k++)
        width = (int)strlen(c->all[k].path) > width ? (int)strlen(c->all[k].path) : width;
    printf("%-*s  %9s  %9s  %9s  %6s  %8s  %7s  %12s  %-*s  %-*s\n", width, "directory", "height",
           "epoch", "executed", "failed", "repeated", "dropped", "balances", HASH_SHOWN, "log root",
           HASH_SHOWN, "state root");
    for (unsigned k = 0; k < c->count; k++) {
        const struct inspection *i = &c->all[k];
        const struct executor_state *s = &i->meta.state;
        char log[2 * HASH_SIZE + 1];
        char state[2 * HASH_SIZE + 1];
        hex_encode(hash_slice(&s->log_root), log);
        hex_encode(hash_slice(&s->state_root), state);
        printf("%-*s  %9" PRIu64 "  %9" PRIu64 "  %9" PRIu64 "  %6" PRIu64 "  %8" PRIu64
               "  %7" PRIu64 "  %12" PRIu64 "  %.*s  %.*s\n",
               width, i->path, s->height, s->epoch, s->outcomes[OUTCOME_EXECUTED],
               executor_failed(s), i->repeated, i->dropped, i->balances, HASH_SHOWN, log,
               HASH_SHOWN, state);
    }
    for (unsigned k = 0; k < c->count; k++)
        if (c->all[k].snapshot)
            printf("%s went on from a snapshot: it has no entries just below height %" PRIu64 "\n",
                   c->all[k].path, c->all[k].head.checkpoint.height);
    if (c->options->ids)
        printf("%" PRIu64 " ids looked up in each\n", c->ids);
    if (c->difference[0])
        printf("DIFFERENT  %s\n", c->difference);
    else
        puts(c->count > 1 ? "sound and equal" : "sound");
}

static json_t *directory_json(const struct inspection *i)
{
    const struct executor_state *s = &i->meta.state;
    json_t *outcomes = json_object();
    for (unsigned k = OUTCOME_NONE + 1; k < OUTCOME_COUNT; k++)
        json_object_set_new(outcomes, outcome_name((enum outcome)k), json_count(s->outcomes[k]));
    json_t *o = json_pack("{s:s, s:b, s:s, s:o, s:o, s:o, s:o, s:o}", "directory", i->path, "sound",
                          i->problem[0] == '\0', "app", i->meta.application, "chain",
                          json_hash(&i->meta.chain), "height", json_count(s->height), "epoch",
                          json_count(s->epoch), "log_root", json_hash(&s->log_root), "state_root",
                          json_hash(&s->state_root));
    json_object_set_new(o, "executed", json_count(s->outcomes[OUTCOME_EXECUTED]));
    json_object_set_new(o, "failed", json_count(executor_failed(s)));
    json_object_set_new(o, "repeated", json_count(i->repeated));
    json_object_set_new(o, "dropped", json_count(i->dropped));
    json_object_set_new(o, "outcomes", outcomes);
    json_object_set_new(o, "accounts", json_count(i->accounts));
    json_object_set_new(o, "balances", json_count(i->balances));
    json_object_set_new(o, "confirmed_bytes", json_count(s->confirmed_bytes));
    json_object_set_new(o, "bad_blocks", json_count(s->bad_blocks));
    json_object_set_new(o, "blocks_held", json_count(i->held));
    json_object_set_new(o, "snapshot_height",
                        i->snapshot ? json_count(i->head.checkpoint.height) : json_null());
    json_object_set_new(o, "problem", i->problem[0] ? json_string(i->problem) : json_null());
    return o;
}

static void print_json(const struct comparer *c)
{
    json_t *directories = json_array();
    for (unsigned k = 0; k < c->count; k++)
        json_array_append_new(directories, directory_json(&c->all[k]));
    json_t *difference = c->difference[0] ? json_string(c->difference) : json_null();
    json_print(json_pack("{s:b, s:o, s:o, s:o}", "equal", c->difference[0] == '\0', "difference",
                         difference, "ids", json_count(c->ids), "directories", directories));
}

static int run(struct comparer *c, char *const paths[])
{
    struct options *o = c->options;
    char message[CONFIG_MESSAGE_MAX];
    int status = o->cluster_given ? target_open(&o->target) : EXIT_DONE;
    for (unsigned k = 0, wanted = c->count; status == EXIT_DONE && k < wanted; k++) {
        c->count = k;
        if (inspection_open(&c->all[k], paths[k], message, sizeof message))
            return say_failed(o->target.command, "%s", message);
        c->count = k + 1;
        if (o->ids && !inspection_has_ids(&c->all[k]))
            return say_failed(o->target.command, "%s: the application log keeps no ids to look up",
                              paths[k]);
        inspection_verify(&c->all[k]);
    }
    if (status == EXIT_DONE && o->cluster_given)
        check_genesis(c);
    if (status == EXIT_DONE && o->ids)
        status = check_ids(c);
    if (status != EXIT_DONE)
        return status;
    compare(c);
    if (o->target.json)
        print_json(c);
    else
        print_table(c);
    return c->difference[0] ? EXIT_DIFFERENT : EXIT_DONE;
}

int command_inspect(int argc, char **argv)
{
    struct options o = {.target = TARGET("inspect")};
    const struct argument table[] = {
        {.name = "cluster",
         .type = ARGUMENT_TEXT,
         .target = &o.target.path,
         .given = &o.cluster_given},
        {.name = "ids", .type = ARGUMENT_TEXT, .target = &o.ids},
        {.name = "prefix", .type = ARGUMENT_FLAG, .target = &o.prefix},
        TARGET_JSON(o.target),
        {0},
    };
    struct arguments a = {.command = o.target.command, .usage = usage};
    int status;
    if (!arguments_read(&a, argc, argv, table, &status))
        return status;
    if (a.count == 0)
        return say_usage(o.target.command, "give the directory of a node");
    struct comparer c = {.options = &o, .count = (unsigned)a.count};
    c.all = calloc((size_t)a.count, sizeof *c.all);
    if (!c.all)
        return say_failed(o.target.command, "no memory for %d directories", a.count);
    status = run(&c, a.values);
    for (unsigned k = 0; k < c.count; k++)
        inspection_close(&c.all[k]);
    free(c.all);
    if (o.cluster_given)
        target_close(&o.target);
    return status;
}
