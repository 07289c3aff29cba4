/* Pays a list, a line each: whom, by key, and how much. The k-th line is the k-th transfer of the account,
 * so that after a crash, of this program or of any node, it is run again with the same key and the same
 * list, and nothing is paid twice. usage: pay CLUSTER KEYFILE <list */
#include <inttypes.h>
#include <ledger.h>
#include <stdio.h>

enum { LIMIT_MS = 60000 };

static int pay(struct ledger *ledger, const char *key_file, uint64_t number, const char *whom,
               uint64_t amount)
{
    uint8_t to[LEDGER_KEY_SIZE], transfer[LEDGER_TRANSFER_SIZE];
    struct ledger_result result;
    if (ledger_key(ledger, whom, to) ||
        ledger_transfer(ledger, key_file, number, to, amount, transfer) ||
        ledger_submit(ledger, transfer, sizeof transfer, LIMIT_MS, &result))
        return fprintf(stderr, "%s\n", ledger_message(ledger));
    if (result.outcome != LEDGER_EXECUTED)
        return fprintf(stderr, "not paid: %s\n", result.reason);
    printf("%" PRIu64 ": paid %" PRIu64 " at height %" PRIu64 ", index %" PRIu32 "\n", number,
           amount, result.height, result.index);
    return fflush(stdout);
}

int main(int argc, char **argv)
{
    char whom[256];
    uint64_t amount;
    if (argc != 3)
        return fprintf(stderr, "usage: pay CLUSTER KEYFILE <list\n"), 2;
    struct ledger *ledger = ledger_open(argv[1]);
    int failed = ledger == NULL;
    for (uint64_t k = 0; !failed && scanf("%255s %" SCNu64, whom, &amount) == 2; k++)
        failed = pay(ledger, argv[2], k, whom, amount) != 0;
    ledger_close(ledger);
    return failed ? 1 : 0;
}
