#include "node/settle.h"

static void leave(const struct settler *s, const struct delivery *d, uint32_t index,
                  const struct result *result)
{
    const struct recent_end end = {
        .id = result->id, .height = d->position, .index = index, .outcome = result->outcome};
    if (mempool_remove(s->mempool, &result->id))
        recent_add(s->recent, &end);
}

struct whole {
    const struct settler *settler;
    const struct delivery *delivery;
};

static void leave_marked(void *context, uint32_t index, const struct hash *id)
{
    const struct whole *w = context;
    leave(w->settler, w->delivery, index, &(struct result){*id, OUTCOME_EXECUTED});
}

/* Final outcomes hold whoever's block it was; that a copy was ignored, for good (mempool.h), only
 * of our own: another node can put a copy with a broken signature before ours. */
static void settle_block(const struct settler *s, const struct execution_block *block)
{
    const struct delivery *d = &block->delivery;
    const bool own = d->proposer == s->self;
    if (own && d->valid && !s->inside)
        mempool_marked(s->mempool, d->epoch, leave_marked, &(struct whole){s, d});
    for (uint32_t i = 0; i < block->count; i++)
        if (own || outcome_final(block->results[i].outcome))
            leave(s, d, i, &block->results[i]);
    if (own)
        mempool_release(s->mempool, d->epoch);
}

void settle(const struct settler *s, const struct execution_report *report)
{
    for (unsigned i = 0; i < report->count; i++)
        settle_block(s, &report->blocks[i]);
    mempool_settled(s->mempool, report->epoch);
}
