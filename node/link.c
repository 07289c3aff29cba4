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

enum { DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS, EDGES_MAX = LINK_RUNS_MAX * NODES_MAX };

/* Sorts by one digit after the other, the least first. Returns which of the two arrays holds the
 * result. A digit that all have in common, as in most runs of most blocks, is passed over. */
static uint32_t *sort(uint32_t *values, uint32_t *other, unsigned count, uint32_t max)
{
    for (unsigned shift = 0; shift < 32 && max >> shift > 0; shift += DIGIT_BITS) {
        uint32_t ends[DIGITS] = {0};
        for (unsigned i = 0; i < count; i++)
            ends[values[i] >> shift & (DIGITS - 1)]++;
        if (count == 0 || ends[values[0] >> shift & (DIGITS - 1)] == count)
            continue;
        for (unsigned digit = 1; digit < DIGITS; digit++)
            ends[digit] += ends[digit - 1];
        for (unsigned i = count; i > 0; i--)
            other[--ends[values[i - 1] >> shift & (DIGITS - 1)]] = values[i - 1];
        uint32_t *swap = values;
        values = other;
        other = swap;
    }
    return values;
}

unsigned link_cover(const struct epoch_run *const lists[], const uint8_t counts[],
                    unsigned list_count, unsigned needed, epoch_id low, epoch_id high,
                    struct epoch_run covered[])
{
    assert(list_count <= NODES_MAX);
    assert(needed > 0);
    if (low > high)
        return 0;
    assert(high - low < UINT32_MAX);
    /* Where runs begin, and where they have just ended, from `low` on. */
    uint32_t memory[3][EDGES_MAX];
    unsigned edges = 0;
    for (unsigned b = 0; b < list_count; b++)
        for (unsigned r = 0; r < counts[b]; r++) {
            const struct epoch_run run = lists[b][r];
            if (run.last < low || run.first > high)
                continue;
            memory[0][edges] = run.first > low ? (uint32_t)(run.first - low) : 0;
            memory[1][edges++] = (uint32_t)((run.last < high ? run.last : high) - low) + 1;
        }
    const uint32_t max = (uint32_t)(high - low) + 1;
    const uint32_t *ends = sort(memory[1], memory[2], edges, max);
    const uint32_t *begins = sort(memory[0], ends == memory[1] ? memory[2] : memory[1], edges, max);
    unsigned count = 0, begun = 0;
    bool open = false; /* covered[count] has begun. */
    for (unsigned ended = 0; ended < edges;) {
        const uint32_t here =
            begun < edges && begins[begun] < ends[ended] ? begins[begun] : ends[ended];
        while (begun < edges && begins[begun] == here)
            begun++;
        while (ended < edges && ends[ended] == here)
            ended++;
        const bool holds = begun - ended >= needed;
        if (holds && !open)
            covered[count].first = low + here;
        else if (!holds && open)
            covered[count++].last = low + here - 1;
        open = holds;
    }
    return count;
}
