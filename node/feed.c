#include "node/feed.h"

struct client_block feed_block(const struct executor_entry *entry)
{
    return (struct client_block){
        .position = entry->delivery.position,
        .epoch = entry->delivery.epoch,
        .proposer = entry->delivery.proposer,
        .with_epoch = entry->delivery.with_epoch,
        .commitment = entry->delivery.commitment,
        .bad = !entry->delivery.valid,
        .count = entry->count,
        .bytes = entry->bytes,
        .root = entry->root,
    };
}

/* What is not in the log: not yet, or not any more. */
static int absent(struct store_view *ledger, uint64_t position)
{
    struct executor_state state;
    const int error = executor_state(ledger, &state);
    return error ? error : position < state.height ? FEED_GONE : FEED_END;
}

/* From the cursor's index to the end of the part. Without outcomes in the store, the application does
 * not look inside, and the block is all that there is to tell. */
static int read_part(struct store_view *ledger, struct client_cursor *cursor,
                     struct feed_event *event)
{
    const uint32_t left = event->block.count - cursor->index;
    const uint32_t end = cursor->index + (left < FEED_PART ? left : FEED_PART);
    for (; cursor->index < end; cursor->index++) {
        const int error = executor_outcome(ledger, cursor->position, cursor->index,
                                           &event->results[event->count]);
        if (error == STORE_MISSING && cursor->index == 0) {
            cursor->index = event->block.count;
            break;
        }
        if (error)
            return error == STORE_MISSING ? STORE_CORRUPT : error;
        event->count++;
    }
    if (cursor->index == event->block.count)
        *cursor = (struct client_cursor){.position = cursor->position + 1};
    return 0;
}

int feed_next(struct store_view *ledger, struct client_cursor *cursor, struct feed_event *event)
{
    int error = executor_entry(ledger, cursor->position, &event->block);
    if (!error && cursor->index > 0 && cursor->index >= event->block.count) {
        *cursor = (struct client_cursor){.position = cursor->position + 1};
        error = executor_entry(ledger, cursor->position, &event->block);
    }
    event->first = cursor->index;
    event->count = 0;
    if (error)
        return error == STORE_MISSING ? absent(ledger, cursor->position) : error;
    return read_part(ledger, cursor, event);
}
