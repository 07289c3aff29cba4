/* One bit for each dispersal of the last epochs: a ring of bitmaps, exact and of one size whatever
 * pattern of epochs each proposer leaves. Three are kept: what completed here (for the blocks we
 * make, so its ring ends with the epochs in flight), and what was delivered and what carries
 * transactions (for delivery, so theirs end with its window, however far that lags). */
#ifndef NODE_HISTORY_H
#define NODE_HISTORY_H

#include "node/block.h"

enum { HISTORY_WORD = 64 }; /* Epochs: a ring's top is the last of so many. */

struct history {
    unsigned n;
    bool past;     /* What the bits are of epochs that have left the ring. Those above it: clear. */
    uint64_t span; /* Epochs kept, a multiple of 64. */
    epoch_id top;  /* Epochs top - span + 1 ... top are kept. */
    uint64_t *bits; /* [n][span / 64] */
};

/* Epochs that a ring for a horizon keeps, and its bytes. */
uint64_t history_span(uint64_t horizon);
size_t history_memory(unsigned n, uint64_t span);
void history_init(struct history *h, unsigned n, bool past, uint64_t span, uint64_t *bits);
/* Makes room for epochs up to `top`. */
void history_advance(struct history *h, epoch_id top);
/* The least epoch that is kept. */
epoch_id history_base(const struct history *h);
/* Nothing, below the ring; never above it. */
void history_set(struct history *h, epoch_id epoch, node_id proposer);
bool history_has(const struct history *h, epoch_id epoch, node_id proposer);

/* The least epoch in [from, to] whose bit is `value`; 0 if there is none. */
epoch_id history_next(const struct history *h, bool value, node_id proposer, epoch_id from,
                      epoch_id to);
/* The greatest one in [from, to] of those in the ring. */
epoch_id history_last(const struct history *h, bool value, node_id proposer, epoch_id from,
                      epoch_id to);
/* The least epoch in [from, to] whose bit is set in one ring and clear in the other. */
epoch_id history_next_without(const struct history *set, const struct history *clear,
                              node_id proposer, epoch_id from, epoch_id to);

#endif
