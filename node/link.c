#include "node/link.h"

size_t link_seen_size_max(struct quorum q)
{
    return q.n * (1 + LINK_RUNS_MAX * 2 * sizeof(uint64_t));
}

/* The completed run that holds `epoch`, within [low, high]. */
static struct epoch_run run_around(const struct history *h, node_id p, epoch_id epoch, epoch_id low,
                                   epoch_id high)
{
    const epoch_id before = history_last(h, false, p, low, epoch);
    const epoch_id after = history_next(h, false, p, epoch, high);
    return (struct epoch_run){before ? before + 1 : low, after ? after - 1 : high};
}

/* Runs of one proposer into `runs`, ascending. */
static unsigned runs_of(const struct history *h, const struct history *delivered, node_id p,
                        epoch_id low, epoch_id high, struct epoch_run runs[LINK_RUNS_MAX])
{
    struct epoch_run newest[LINK_NEWEST];
    unsigned new_count = 0;
    epoch_id end = high;
    while (new_count < LINK_NEWEST && end >= low) {
        const epoch_id last = history_last(h, true, p, low, end);
        if (last == 0)
            break;
        newest[new_count] = run_around(h, p, last, low, last);
        end = newest[new_count++].first - 1;
    }
    unsigned count = 0;
    if (new_count == LINK_NEWEST) { /* Older ones are left, below `end`. */
        epoch_id from = low;
        while (count < LINK_OLDEST && from <= end) {
            const epoch_id open = history_next_without(h, delivered, p, from, end);
            if (open == 0)
                break;
            runs[count] = run_around(h, p, open, low, end);
            from = runs[count++].last + 1;
        }
    }
    while (new_count > 0)
        runs[count++] = newest[--new_count];
    return count;
}

void link_seen_encode(const struct history *completed, const struct history *delivered,
                      struct quorum q, epoch_id epoch, struct writer *w)
{
    epoch_id low = history_base(completed);
    if (low == 0)
        low = 1;
    for (unsigned p = 0; p < q.n; p++) {
        struct epoch_run runs[LINK_RUNS_MAX];
        const unsigned count =
            epoch > low ? runs_of(completed, delivered, (node_id)p, low, epoch - 1, runs) : 0;
        write_u8(w, (uint8_t)count);
        for (unsigned i = 0; i < count; i++) {
            write_u64(w, runs[i].first);
            write_u64(w, runs[i].last);
        }
    }
}

bool link_seen_decode(struct reader *r, struct quorum q, epoch_id epoch,
                      struct epoch_run (*runs)[LINK_RUNS_MAX], uint8_t *counts)
{
    for (unsigned p = 0; p < q.n; p++) {
        const uint8_t count = read_u8(r);
        if (count > LINK_RUNS_MAX)
            return false;
        epoch_id least = 1;
        for (unsigned i = 0; i < count; i++) {
            const epoch_id first = read_u64(r);
            const epoch_id last = read_u64(r);
            if (!r->ok || first < least || last < first || last >= epoch || last > UINT64_MAX - 2)
                return false;
            least = last + 2;
            if (runs)
                runs[p][i] = (struct epoch_run){first, last};
        }
        if (counts)
            counts[p] = count;
    }
    return r->ok;
}

unsigned link_cover(const struct epoch_run *const lists[], const uint8_t counts[],
                    unsigned list_count, unsigned needed, epoch_id low, epoch_id high,
                    struct epoch_run covered[])
{
    assert(list_count <= NODES_MAX);
    assert(needed > 0);
    uint8_t at[NODES_MAX] = {0};
    unsigned count = 0;
    bool open = false; /* covered[count] has begun. */
    epoch_id here = low;
    while (here <= high) {
        /* How many lists hold `here`, and where that can change next. */
        unsigned holding = 0;
        epoch_id change = high + 1;
        for (unsigned b = 0; b < list_count; b++) {
            while (at[b] < counts[b] && lists[b][at[b]].last < here)
                at[b]++;
            if (at[b] == counts[b])
                continue;
            const struct epoch_run *run = &lists[b][at[b]];
            const bool holds = run->first <= here;
            holding += holds;
            const epoch_id next = holds ? run->last + 1 : run->first;
            if (next < change)
                change = next;
        }
        if (holding >= needed && !open) {
            assert(count < LINK_RUNS_MAX * list_count);
            covered[count].first = here;
            open = true;
        } else if (holding < needed && open) {
            covered[count++].last = here - 1;
            open = false;
        }
        here = change;
    }
    if (open)
        covered[count++].last = high;
    return count;
}
