/* ledger-cli receipt: proof of what became of a transaction; verify: whether that is what it is. */
#include <stdio.h>
#include <stdlib.h>

#include "node/cli/commands.h"
#include "node/cli/target.h"
#include "node/file.h"
#include "node/receipt.h"

enum { AGAIN_MS = 200 };

static const char receipt_usage[] =
    "usage: ledger-cli receipt [DIR] ID [options]\n"
    "Prints a receipt of the transaction with this id (64 hex digits), a line of JSON: what "
    "became\n"
    "of it, and proof of that which verify checks without a node. It can be given once a signed\n"
    "checkpoint stands for the transaction, soon after it was executed; a node keeps the last 64.\n"
    "Example: ledger-cli receipt build/c ID --wait 30 >ID.receipt\n" TARGET_HELP_DIRECTORY
        TARGET_HELP_CLUSTER TARGET_HELP_NODE TARGET_HELP_TIMEOUT
    "  --wait SECONDS     until then, if there is no such checkpoint yet (default: 0)\n"
    "Exit codes: 0 done; 1 unknown, not yet, or failed to ask; 2 wrong usage.\n";

static int ask(struct target *t, const struct hash *id, uint64_t wait_s)
{
    const uint64_t deadline_ms = clock_ms() + wait_s * 1000;
    for (;;) {
        struct client_request request = {.kind = CLIENT_RECEIPT, .transaction = *id};
        struct client_answer answer;
        int status = target_ask(t, &request, &answer);
        if (status != EXIT_DONE)
            return status;
        if (answer.result.status == CLIENT_OK) {
            fwrite(answer.json.data, 1, answer.json.size, stdout);
            putchar('\n');
            return fflush(stdout) == 0 ? EXIT_DONE
                                       : say_failed(t->command, "the receipt cannot be written");
        }
        if (answer.result.status == CLIENT_UNKNOWN)
            return say_failed(t->command,
                              "node %u does not know that it was executed, or lacks a "
                              "part of the proof: tx says more, or ask another node",
                              (unsigned)t->node);
        if (clock_ms() >= deadline_ms)
            return say_failed(t->command, "it is executed, and no signed checkpoint stands for it "
                                          "yet: try again soon, or give --wait 30");
        clock_sleep_ms(AGAIN_MS);
    }
}

int command_receipt(int argc, char **argv)
{
    struct target t = TARGET("receipt");
    uint64_t wait_s = 0;
    const struct argument table[] = {
        TARGET_CLUSTER(t),
        TARGET_NODE(t),
        TARGET_TIMEOUT(t),
        {.name = "wait", .type = ARGUMENT_NUMBER, .target = &wait_s, .max = 86400},
        {0}};
    struct arguments a = {.command = t.command, .usage = receipt_usage};
    struct hash id;
    int status;
    if (!arguments_read(&a, argc, argv, table, &status) ||
        !target_arguments(&t, &a, 1, "the id", &status))
        return status;
    if (!hex_decode(a.values[0], id.bytes, HASH_SIZE))
        return say_usage(t.command, "%s is no id: give 64 hex digits", a.values[0]);
    status = target_connect(&t);
    if (status == EXIT_DONE)
        status = ask(&t, &id, wait_s);
    target_close(&t);
    return status;
}

static const char verify_usage[] =
    "usage: ledger-cli verify RECEIPT --cluster FILE\n"
    "Checks a receipt's file against the cluster.conf, or the directory that it is in, and asks "
    "no\n"
    "node: that f+1 nodes or more have signed what it stands on, that the transaction, and what\n"
    "became of it, is in that, and that nothing of it was changed. Prints what is proven.\n"
    "  --json             {\"id\",\"outcome\",\"height\",\"index\",\"epoch\",\"signers\"}\n"
    "Exit codes: 0 proven; 1 failed; 2 wrong usage; 3 not proven, for the reason on stderr.\n";

static void print(const struct target *t, const struct receipt *r)
{
    char id[2 * HASH_SIZE + 1];
    hex_encode(hash_slice(&r->result.id), id);
    printf(t->json
               ? "{\"id\":\"%s\",\"outcome\":\"%s\",\"height\":%llu,\"index\":%u,\"epoch\":%llu,"
                 "\"signers\":%u}\n"
               : "transaction %s: %s at height %llu, index %u; under the checkpoint of epoch "
                 "%llu, which %u nodes have signed\n",
           id, outcome_name(r->result.outcome), (unsigned long long)r->block.delivery.position,
           r->index, (unsigned long long)r->checkpoint.epoch, nodeset_count(&r->signers));
}

static int verify(const struct target *t, const char *path)
{
    static struct receipt r;
    char message[CONFIG_MESSAGE_MAX], reason[RECEIPT_REASON_MAX];
    uint8_t *text;
    size_t size;
    if (file_read(path, RECEIPT_TEXT_MAX, &text, &size, message, sizeof message))
        return say_failed(t->command, "%s", message);
    /* The line's end is not the receipt's, but nothing else may follow. */
    const bool ended = size > 0 && text[size - 1] == '\n';
    const bool parsed = receipt_parse(slice_of(text, size - ended), &r);
    free(text);
    if (!parsed || !ended)
        snprintf(reason, sizeof reason, "this is no receipt as a node writes it");
    if (parsed && ended && receipt_verify(&r, &t->cluster, reason)) {
        print(t, &r);
        return EXIT_DONE;
    }
    say_failed(t->command, "%s: not proven: %s", path, reason);
    return EXIT_DIFFERENT;
}

int command_verify(int argc, char **argv)
{
    struct target t = TARGET("verify");
    bool given = false;
    const struct argument table[] = {
        {.name = "cluster", .type = ARGUMENT_TEXT, .target = &t.path, .given = &given},
        TARGET_JSON(t),
        {0}};
    struct arguments a = {.command = t.command, .usage = verify_usage};
    int status;
    if (!arguments_read(&a, argc, argv, table, &status))
        return status;
    if (a.count != 1)
        return say_usage(t.command, "give the file of one receipt");
    if (!given)
        return say_usage(t.command, "give --cluster: what it is proven to is whom you trust");
    status = target_open(&t);
    if (status == EXIT_DONE)
        status = verify(&t, a.values[0]);
    target_close(&t);
    return status;
}
