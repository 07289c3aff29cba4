#include "node/history.h"

enum { WORD_BITS = HISTORY_WORD };

uint64_t history_span(uint64_t horizon)
{
    /* A window's epochs lie above the horizon's; the ring moves by whole words. */
    return (horizon + WORD_BITS - 1) / WORD_BITS * WORD_BITS + 4 * WORD_BITS;
}

size_t history_memory(unsigned n, uint64_t span)
{
    return (size_t)n * (span / WORD_BITS) * sizeof(uint64_t);
}

void history_init(struct history *h, unsigned n, bool past, uint64_t span, uint64_t *bits)
{
    assert(span % WORD_BITS == 0);
    *h = (struct history){.n = n, .past = past, .span = span, .top = span - 1, .bits = bits};
}

epoch_id history_base(const struct history *h) { return h->top + 1 - h->span; }

/* Epochs of one word lie in one word of the ring, since the span is whole words. */
static uint64_t *word_of(const struct history *h, node_id proposer, epoch_id epoch)
{
    assert(proposer < h->n);
    return h->bits + (proposer * h->span + epoch % h->span) / WORD_BITS;
}

void history_advance(struct history *h, epoch_id top)
{
    top |= WORD_BITS - 1;
    if (top <= h->top)
        return;
    epoch_id from = h->top + 1;
    if (top - h->top > h->span)
        from = top + 1 - h->span;
    for (epoch_id word = from; word <= top; word += WORD_BITS)
        for (unsigned p = 0; p < h->n; p++)
            *word_of(h, (node_id)p, word) = 0;
    h->top = top;
}

void history_set(struct history *h, epoch_id epoch, node_id proposer)
{
    if (epoch < history_base(h))
        return;
    assert(epoch <= h->top);
    *word_of(h, proposer, epoch) |= 1ull << epoch % WORD_BITS;
}

bool history_has(const struct history *h, epoch_id epoch, node_id proposer)
{
    if (epoch < history_base(h))
        return h->past;
    return epoch <= h->top && (*word_of(h, proposer, epoch) >> epoch % WORD_BITS & 1);
}

epoch_id history_next(const struct history *h, bool value, node_id proposer, epoch_id from,
                      epoch_id to)
{
    const epoch_id base = history_base(h);
    if (from == 0)
        from = 1;
    if (from < base) {
        if (h->past == value)
            return from <= to ? from : 0;
        from = base;
    }
    while (from <= to && from <= h->top) {
        uint64_t word = *word_of(h, proposer, from);
        word = (value ? word : ~word) >> from % WORD_BITS;
        if (word != 0) {
            const epoch_id found = from + (unsigned)__builtin_ctzll(word);
            return found <= to ? found : 0;
        }
        from = (from | (WORD_BITS - 1)) + 1;
    }
    return !value && from <= to ? from : 0;
}

epoch_id history_last(const struct history *h, bool value, node_id proposer, epoch_id from,
                      epoch_id to)
{
    if (from < history_base(h))
        from = history_base(h);
    if (from == 0)
        from = 1;
    if (to > h->top)
        to = h->top;
    while (from <= to) {
        uint64_t word = *word_of(h, proposer, to);
        word = (value ? word : ~word) << (WORD_BITS - 1 - to % WORD_BITS);
        if (word != 0) {
            const epoch_id found = to - (unsigned)__builtin_clzll(word);
            return found >= from ? found : 0;
        }
        if (to < WORD_BITS)
            return 0;
        to = (to & ~(epoch_id)(WORD_BITS - 1)) - 1;
    }
    return 0;
}

epoch_id history_next_without(const struct history *set, const struct history *clear,
                              node_id proposer, epoch_id from, epoch_id to)
{
    while (from != 0 && from <= to) {
        const epoch_id found = history_next(set, true, proposer, from, to);
        if (found == 0 || !history_has(clear, found, proposer))
            return found;
        from = history_next(clear, false, proposer, found, to);
    }
    return 0;
}
