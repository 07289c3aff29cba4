#include "node/retention.h"

/* What is not here any more, whatever the snapshot stands for. */
static epoch_id gone(const struct retention *r)
{
    return r->held > r->by_all ? r->held : r->by_all;
}

epoch_id retention_hold(const struct retention *r)
{
    const epoch_id from = gone(r);
    if (!r->full || from >= r->last)
        return r->held;
    const epoch_id part = (r->last - from) / RETENTION_PARTS;
    return from + (part > 0 ? part : 1);
}

bool retention_wants(const struct retention *r)
{
    const epoch_id next = (r->executed / r->every + 1) * r->every;
    const bool used_up = r->full && gone(r) >= r->last && r->executed > r->by_all;
    const bool asked = r->asked > r->last && next >= r->asked;
    const bool waits = r->made > r->last && next <= r->made + RETENTION_UNSIGNED * r->every;
    /* What the last one stands for goes by and by. */
    const bool given = r->given_full && r->executed >= r->last + r->every;
    return (used_up || given || asked) && !waits && next > r->last;
}

bool retention_offers(struct retention_peer *p, epoch_id executed, epoch_id held, epoch_id begun,
                      uint64_t now_ms)
{
    if (p->since_ms == 0 || p->executed != executed)
        *p = (struct retention_peer){executed, now_ms};
    return executed < held || (executed < begun && now_ms >= p->since_ms + RETENTION_STUCK_MS);
}
