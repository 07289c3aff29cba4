/* Prints what is executed, from the beginning of the ledger on, until it has seen so many transactions.
 * usage: follow CLUSTER COUNT */
#include <inttypes.h>
#include <ledger.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t seen;

static void print(void *context, const struct ledger_result *result)
{
    (void)context;
    for (unsigned i = 0; i < LEDGER_ID_SIZE; i++)
        printf("%02x", result->id[i]);
    printf(" %s at height %" PRIu64 ", index %" PRIu32 "\n",
           result->outcome == LEDGER_EXECUTED ? "executed" : "failed", result->height,
           result->index);
    seen++;
}

int main(int argc, char **argv)
{
    struct ledger_cursor cursor = {0, 0};
    if (argc != 3)
        return fprintf(stderr, "usage: follow CLUSTER COUNT\n"), 2;
    struct ledger *ledger = ledger_open(argv[1]);
    while (ledger && seen < strtoull(argv[2], NULL, 10))
        if (ledger_events(ledger, &cursor, print, NULL))
            fprintf(stderr, "%s\n", ledger_message(ledger)); /* And goes on where it was. */
    ledger_close(ledger);
    return ledger ? 0 : 1;
}
