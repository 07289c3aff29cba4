/* Signed transfers of one account in hex, a line each: what `ledger-cli submit` takes.
 * usage: transfers CLUSTER.CONF FROM.key TO.key COUNT */
#include <stdio.h>
#include <stdlib.h>

#include "node/config.h"
#include "node/transaction.h"

int main(int argc, char **argv)
{
    static struct cluster cluster;
    static char message[CONFIG_MESSAGE_MAX];
    struct account_key from, to;
    if (argc != 5 || !hash_init() || !identity_init(NULL))
        return 2;
    if (cluster_load(argv[1], &cluster, message, sizeof message) != 0 ||
        account_key_load(argv[2], &from, message, sizeof message) != 0 ||
        account_key_load(argv[3], &to, message, sizeof message) != 0) {
        fprintf(stderr, "transfers: %s\n", message);
        return 1;
    }
    for (uint64_t sequence = 0; sequence < strtoull(argv[4], NULL, 10); sequence++) {
        struct transaction t = {.chain = cluster.chain,
                                .from = from.public,
                                .sequence = sequence,
                                .to = to.public,
                                .amount = 1};
        uint8_t bytes[TRANSACTION_SIZE];
        char hex[2 * TRANSACTION_SIZE + 1];
        if (!transaction_sign(&t, &from.secret))
            return 1;
        transaction_encode(&t, bytes);
        hex_encode(slice_of(bytes, sizeof bytes), hex);
        puts(hex);
    }
    cluster_free(&cluster);
    return 0;
}
