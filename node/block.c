#include "node/block.h"

enum { BLOCK_VERSION = 1 };

/* Ascending, apart by at least one epoch, within 1 .. epoch - 1. */
bool block_seen_next(struct reader *r, epoch_id epoch, struct epoch_run runs[LINK_RUNS_MAX],
                     uint8_t *count)
{
    epoch_id least = 1;

    *count = read_u8(r);
    if (*count > LINK_RUNS_MAX)
        return false;
    for (unsigned i = 0; i < *count; i++) {
        epoch_id first = read_u64(r);
        epoch_id last = read_u64(r);
        if (!r->ok || first < least || last < first || last >= epoch)
            return false;
        runs[i] = (struct epoch_run){first, last};
        /* Past the end of the numbers no run can follow: epoch is at least last + 1. */
        least = last + 1 == epoch ? epoch : last + 2;
    }
    return r->ok;
}

static bool transaction_read(struct reader *r, struct slice *transaction)
{
    uint32_t size = read_u32(r);
    if (!r->ok || size < 1 || size > TRANSACTION_SIZE_MAX)
        return false;
    *transaction = read_slice(r, size);
    return r->ok;
}

bool block_open(struct slice bytes, struct quorum q, epoch_id epoch, struct block *b)
{
    struct reader r = reader_of(bytes);

    *b = (struct block){.count = 0};
    if (read_u8(&r) != BLOCK_VERSION)
        return false;

    const uint8_t *seen = r.at;
    for (unsigned i = 0; i < q.n; i++) {
        struct epoch_run runs[LINK_RUNS_MAX];
        uint8_t count;
        if (!block_seen_next(&r, epoch, runs, &count))
            return false;
    }
    b->seen = slice_of(seen, (size_t)(r.at - seen));

    b->count = read_u32(&r);
    if (!r.ok)
        return false;
    b->transactions = slice_of(r.at, reader_left(&r));
    return block_may_hold(b->count, b->transactions.size);
}

bool block_decode(struct slice bytes, struct quorum q, epoch_id epoch, struct block *b)
{
    if (!block_open(bytes, q, epoch, b))
        return false;
    struct reader r = reader_of(b->transactions);
    struct slice transaction;
    for (uint32_t i = 0; i < b->count; i++)
        if (!transaction_read(&r, &transaction))
            return false;
    return reader_finished(&r);
}

bool block_next(struct slice *rest, struct slice *transaction)
{
    struct reader r = reader_of(*rest);
    if (!transaction_read(&r, transaction))
        return false;
    *rest = slice_of(r.at, reader_left(&r));
    return true;
}

size_t block_overhead(size_t seen_size) { return 1 + seen_size + 4; }
