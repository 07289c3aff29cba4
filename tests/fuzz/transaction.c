/* Transactions of the application `ledger`. */
#include "node/transaction.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct transaction t;
    uint8_t again[TRANSACTION_SIZE];
    static bool ready;
    if (!ready)
        fuzz_require(hash_init() && identity_init(NULL));
    ready = true;
    if (!transaction_decode(slice_of(data, size), &t))
        return 0;
    fuzz_require(size == TRANSACTION_SIZE);
    transaction_encode(&t, again);
    fuzz_require(memcmp(again, data, size) == 0);
    (void)transaction_verify(&t);
    return 0;
}
