/* Blocks that others proposed. */
#include "node/block.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(slice_of(data, size));
    const struct quorum q = fuzz_quorum(&r);
    const epoch_id epoch = 1 + read_u16(&r);
    const struct slice bytes = slice_of(r.at, reader_left(&r));
    struct block b;
    if (!r.ok || !block_decode(bytes, q, epoch, &b))
        return 0;
    struct reader seen = reader_of(b.seen);
    for (unsigned p = 0; p < q.n; p++) {
        struct epoch_run runs[LINK_RUNS_MAX];
        uint8_t count;
        fuzz_require(block_seen_next(&seen, epoch, runs, &count));
        for (unsigned k = 0; k < count; k++)
            fuzz_require(runs[k].first >= 1 && runs[k].first <= runs[k].last &&
                         runs[k].last < epoch && (k == 0 || runs[k].first > runs[k - 1].last + 1));
    }
    fuzz_require(reader_finished(&seen));
    struct slice rest = b.transactions, transaction;
    size_t total = block_overhead(b.seen.size);
    uint32_t count = 0;
    for (; block_next(&rest, &transaction); count++) {
        fuzz_require(transaction.size >= 1 && transaction.size <= TRANSACTION_SIZE_MAX);
        total += 4 + transaction.size;
    }
    fuzz_require(count == b.count && total == bytes.size);
    return 0;
}
