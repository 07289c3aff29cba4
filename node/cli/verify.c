/* ledger-cli verify: whether a proof holds. It asks no node. */
#include <inttypes.h>
#include <stdio.h>

#include "node/cli/commands.h"
#include "node/cli/proof_file.h"
#include "node/cli/target.h"

static const char usage[] =
    "usage: ledger-cli verify PROOF --cluster FILE [--since EARLIER]\n"
    "Checks the file of a receipt against the cluster.conf, or the directory that it is in, and "
    "asks\n"
    "no node: that f+1 nodes or more have signed what it stands on, that the transaction, and "
    "what\n"
    "became of it, is in that, and that nothing of it was changed. Prints what is proven.\n"
    "Or what ledger-cli holding has printed: what an account held at a checkpoint.\n"
    "Or what ledger-cli consistency has printed: that the ledger was only added to since EARLIER.\n"
    "  --since EARLIER    the file of the proof that consistency was given\n"
    "  --json             {\"id\",\"outcome\",\"height\",\"index\",\"epoch\",\"signers\"},\n"
    "                     {\"account\",\"balance\",\"sequence\",\"epoch\",\"signers\"}, or\n"
    "                     {\"since_height\",\"since_epoch\",\"height\",\"epoch\",\"signers\"}\n"
    "Exit codes: 0 proven; 1 failed; 2 wrong usage; 3 not proven, for the reason on stderr.\n";

static void print_receipt(const struct target *t, const struct receipt *r)
{
    char id[2 * HASH_SIZE + 1];
    hex_encode(hash_slice(&r->result.id), id);
    printf(t->json ? "{\"id\":\"%s\",\"outcome\":\"%s\",\"height\":%" PRIu64
                     ",\"index\":%u,\"epoch\":%" PRIu64 ",\"signers\":%u}\n"
                   : "transaction %s: %s at height %" PRIu64 ", index %u; under the checkpoint of "
                     "epoch %" PRIu64 ", which %u nodes have signed\n",
           id, outcome_name(r->result.outcome), r->block.delivery.position, r->index,
           r->under.checkpoint.epoch, nodeset_count(&r->under.signers));
}

static void print_holding(const struct target *t, const struct holding *h)
{
    const struct account *a = &h->proof.account;
    char key[2 * IDENTITY_PUBLIC_SIZE + 1];
    hex_encode(slice_of(a->key.bytes, sizeof a->key.bytes), key);
    printf(t->json ? "{\"account\":\"%s\",\"balance\":%" PRIu64 ",\"sequence\":%" PRIu64
                     ",\"epoch\":%" PRIu64 ",\"signers\":%u}\n"
                   : "account %s: balance %" PRIu64 ", next sequence number %" PRIu64
                     ", at the checkpoint of epoch %" PRIu64 ", which %u nodes have signed\n",
           key, a->balance, a->sequence.lowest, h->under.checkpoint.epoch,
           nodeset_count(&h->under.signers));
}

static void print_consistency(const struct target *t, const struct checkpoint *since,
                              const struct proof_checkpoint *under)
{
    printf(t->json ? "{\"since_height\":%" PRIu64 ",\"since_epoch\":%" PRIu64 ",\"height\":%" PRIu64
                     ",\"epoch\":%" PRIu64 ",\"signers\":%u}\n"
                   : "the log of height %" PRIu64 ", of epoch %" PRIu64 ", is how that of height "
                     "%" PRIu64 " begins; it is that of epoch %" PRIu64
                     ", which %u nodes have signed\n",
           since->height, since->epoch, under->checkpoint.height, under->checkpoint.epoch,
           nodeset_count(&under->signers));
}

static bool verify_consistency(const struct target *t, const struct consistency *c,
                               const struct proof_file *since, char reason[PROOF_REASON_MAX])
{
    const struct proof_checkpoint *under = proof_file_under(since);
    if (c->height != under->checkpoint.height) {
        snprintf(reason, PROOF_REASON_MAX, "it is about another height than EARLIER");
        return false;
    }
    if (!proof_signed(under, &t->cluster, reason) ||
        !consistency_verify(c, &under->checkpoint.log_root, &t->cluster, reason))
        return false;
    print_consistency(t, &under->checkpoint, &c->under);
    return true;
}

static int verify(const struct target *t, const char *path, const char *since_path)
{
    static struct proof_file proof, since;
    char reason[PROOF_REASON_MAX];
    int status = proof_file_read(t->command, path, &proof);
    if (status == EXIT_DONE && since_path)
        status = proof_file_read(t->command, since_path, &since);
    if (status != EXIT_DONE)
        return status;
    const bool added = proof.kind == PROOF_CONSISTENCY;
    if (added != (since_path != NULL))
        return say_usage(t->command,
                         added ? "%s is proof of an addition: give --since, what it "
                                 "was made for"
                               : "%s needs no --since",
                         path);
    bool proven = false;
    if (added)
        proven = verify_consistency(t, &proof.consistency, &since, reason);
    else if (proof.kind == PROOF_HOLDING &&
             (proven = holding_verify(&proof.holding, &t->cluster, reason)))
        print_holding(t, &proof.holding);
    else if (proof.kind == PROOF_RECEIPT &&
             (proven = receipt_verify(&proof.receipt, &t->cluster, reason)))
        print_receipt(t, &proof.receipt);
    if (proven)
        return EXIT_DONE;
    say_failed(t->command, "%s: not proven: %s", path, reason);
    return EXIT_DIFFERENT;
}

int command_verify(int argc, char **argv)
{
    struct target t = TARGET("verify");
    const char *since = NULL;
    bool given = false;
    const struct argument table[] = {
        {.name = "cluster", .type = ARGUMENT_TEXT, .target = &t.path, .given = &given},
        {.name = "since", .type = ARGUMENT_TEXT, .target = &since},
        TARGET_JSON(t),
        {0}};
    struct arguments a = {.command = t.command, .usage = usage};
    int status;
    if (!arguments_read(&a, argc, argv, table, &status))
        return status;
    if (a.count != 1)
        return say_usage(t.command, "give the file of one proof");
    if (!given)
        return say_usage(t.command, "give --cluster: what it is proven to is whom you trust");
    status = target_open(&t);
    if (status == EXIT_DONE)
        status = verify(&t, a.values[0], since);
    target_close(&t);
    return status;
}
