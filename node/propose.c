/* When to make a block, and its dispersal until it completes. */
#include "node/core.h"

enum {
    AWAY = 4,           /* Times retry_ms without a word. */
    USUAL_SHARE = 8,    /* A dispersal's time counts as one of so many for the smoothed one. */
    SIZE_SHARE = 16,    /* The usual size shrinks by one of so many with each. */
    SMALL = 4,          /* Times smaller than usual. */
    OFF_SHARE = 4,      /* How far off that it is, as one of so many for the deviation. */
    UNLOADED_MS = 1000, /* Dispersals that take longer wait in line. */
    LATE = 2,           /* Times the doubt. */
    LINES = 4,          /* So many times what answers take is normal, for all that we wait for. */
    DEVIATIONS = 4,     /* So many above the usual time are normal, and twice it is. */
    LONG_MS = 10000,    /* Blocks whose dispersal takes longer are too large for our link ... */
    SHORT_MS = 2500,    /* ... may be twice as large when it takes less; in between ... */
    GROWTH = 8,         /* ... they become larger by one part of so many. */
    BLOCK_LEAST = 4 + TRANSACTION_SIZE_MAX, /* One transaction. */
    QUIET_WINDOWS = 2, /* Times epoch_window: epochs without transactions that go on at once. */
    FAR_BEHIND = 2 * DELIVERY_AHEAD, /* Epochs: the delay doubles, with each doubling again. */
    LATE_ON_END = 8,                 /* Dispersals, until one is begun sooner. */
};

void propose_init(struct node *n)
{
    n->proposing.doubt_ms = n->options.retry_ms;
    n->proposing.block_bytes = n->options.block_bytes_max;
}

uint32_t propose_normal_ms(const struct node *n)
{
    const struct proposing *p = &n->proposing;
    const uint32_t least = n->options.retry_ms, most = BACKOFF_MAX * least;
    const uint32_t off_ms = DEVIATIONS * p->deviation_ms;
    const uint32_t normal_ms = p->usual_ms + (off_ms > p->usual_ms ? off_ms : p->usual_ms);
    const uint32_t bound_ms = normal_ms < least ? least : normal_ms > most ? most : normal_ms;
    const uint32_t line_ms = LINES * n->retrieval.answer_ms;
    return bound_ms > line_ms ? bound_ms : line_ms;
}

uint32_t propose_doubt_ms(const struct node *n)
{
    const uint32_t normal_ms = propose_normal_ms(n), doubt_ms = n->proposing.doubt_ms;
    return doubt_ms > normal_ms ? doubt_ms : normal_ms;
}

uint32_t propose_takes_ms(const struct node *n)
{
    const struct proposing *p = &n->proposing;
    return p->usual_ms > 0 ? p->usual_ms : p->doubt_ms / 2;
}

static struct own *own_find(struct node *n, epoch_id epoch)
{
    for (unsigned k = 0; k < n->options.open_dispersals; k++)
        if (n->proposing.own[k].epoch == epoch)
            return &n->proposing.own[k];
    return NULL;
}

struct nodeset propose_own(struct node *n, epoch_id epoch, uint64_t block_bytes)
{
    struct own *own = own_find(n, 0);
    assert(own); /* A dispersal is begun only when one is free. */
    *own = (struct own){.epoch = epoch,
                        .bytes = block_bytes,
                        .begun_ms = n->now_ms,
                        .sent_ms = n->now_ms,
                        .wait_ms = n->options.retry_ms,
                        .gots = 1};
    if (block_bytes > 0) /* Else it was begun before a restart. */
        stages_begun(n, epoch);
    own->deferred = defer_choose(n);
    n->proposing.own_open++;
    n->proposing.taking = 0;
    const struct nodeset all = nodeset_full(n->quorum.n);
    return nodeset_without(&all, &own->deferred);
}

/* As TCP's timer (RFC 6298): one that was repeated says nothing of what they take, and what was too
 * short stays doubled until one was not. */
static void took(struct node *n, uint32_t ms)
{
    struct proposing *p = &n->proposing;
    if (ms > BACKOFF_MAX * n->options.retry_ms)
        ms = BACKOFF_MAX * n->options.retry_ms;
    const uint32_t off_ms = ms > p->usual_ms ? ms - p->usual_ms : p->usual_ms - ms;
    if (p->usual_ms == 0) {
        p->usual_ms = ms;
        p->deviation_ms = ms / 2;
    } else {
        p->usual_ms = (p->usual_ms * (USUAL_SHARE - 1) + ms) / USUAL_SHARE;
        p->deviation_ms = (p->deviation_ms * (OFF_SHARE - 1) + off_ms) / OFF_SHARE;
    }
    pace_dispersed(n, ms);
    p->doubt_ms = propose_normal_ms(n);
}

static void doubt(struct node *n)
{
    struct proposing *p = &n->proposing;
    if (n->now_ms < p->doubted_ms + p->doubt_ms)
        return; /* It has just been doubled, for one that was sent with this one. */
    p->doubted_ms = n->now_ms;
    if (p->doubt_ms < BACKOFF_MAX * n->options.retry_ms)
        p->doubt_ms *= 2;
}

/* A node whose link is slow has small blocks, so that what it takes is confirmed, if little of
 * it. */
static void fit_block(struct node *n, const struct own *own)
{
    struct proposing *p = &n->proposing;
    const uint32_t most = n->options.block_bytes_max;
    const uint64_t ms = n->now_ms - own->begun_ms;
    uint64_t bytes = p->block_bytes;
    /* Small ones say nothing of how large one may be; nor one that was begun before a restart. */
    if (ms > LONG_MS && own->bytes > BLOCK_LEAST)
        bytes = own->bytes * LONG_MS / ms;
    else if (ms <= LONG_MS && own->bytes >= bytes / 2)
        bytes += ms < SHORT_MS ? bytes : bytes / GROWTH;
    bytes = bytes < BLOCK_LEAST ? (uint64_t)BLOCK_LEAST : bytes;
    p->block_bytes = bytes < most ? (uint32_t)bytes : most;
}

/* Between large blocks there may be empty ones: what these take says nothing of when a large one is
 * late. */
static bool of_usual_size(struct proposing *p, const struct own *own)
{
    p->usual_bytes -= p->usual_bytes / SIZE_SHARE;
    if (own->bytes > p->usual_bytes)
        p->usual_bytes = own->bytes;
    return own->bytes >= p->usual_bytes / SMALL;
}

void propose_completed(struct node *n, epoch_id epoch)
{
    struct own *own = own_find(n, epoch);
    if (!own)
        return;
    fit_block(n, own);
    const bool counts = of_usual_size(&n->proposing, own);
    if (counts && !own->repeated)
        took(n, (uint32_t)(n->now_ms - own->sent_ms));
    if (!nodeset_empty(&own->deferred))
        defer_enough(n);
    own->epoch = 0;
    n->proposing.own_open--;
}

static bool epoch_agreed(const struct node *n, epoch_id e)
{
    if (e < n->first_unsealed)
        return true;
    const struct epoch *slot = node_epoch(n, e);
    return slot->id == e && slot->agreed;
}

/* The next epoch to propose in; 0 if it is above the window. */
static epoch_id next_epoch(const struct node *n)
{
    epoch_id e = n->proposing.last + 1;
    if (e < n->first_unsealed)
        e = n->first_unsealed;
    while (node_in_flight(n, e) && epoch_agreed(n, e))
        e++;
    return node_in_flight(n, e) ? e : 0;
}

/* A proposal of our own waits for agreement. */
static bool in_flight(const struct node *n)
{
    for (epoch_id e = n->proposing.last; node_in_flight(n, e); e--)
        if (!epoch_agreed(n, e) && instance_find(n, e, n->self) &&
            instance_find(n, e, n->self)->block == BLOCK_GOOD)
            return true;
    return false;
}

/* What our next block may carry of transactions, in bytes. */
static uint32_t may_carry(const struct node *n)
{
    const struct proposing *p = &n->proposing;
    if (n->rules.coupled && n->agreed > n->delivery.executed + COUPLED_LAG)
        return 0;
    if (!n->ahead.far)
        return p->block_bytes;
    if (p->carried > n->ahead.rank)
        return 0;
    return p->block_bytes < BLOCK_LEAST ? p->block_bytes : (uint32_t)BLOCK_LEAST;
}

/* f+1 have agreed on it: no block of ours is accepted in it any more, only linked. An empty one is
 * of no use then, and who comes back after long would begin as many as may be open. */
static bool is_over(const struct node *n, epoch_id e)
{
    unsigned count = 0;
    for (unsigned p = 0; p < n->quorum.n; p++)
        count += p != n->self && n->peers[p].word.agreed >= e;
    return count >= quorum_some(n->quorum);
}

/* Why to propose at all. An idle cluster is silent. */
static bool has_reason(const struct node *n, epoch_id next, uint64_t waiting)
{
    const struct proposing *p = &n->proposing;
    if (waiting > 0)
        return true;
    if (p->heard >= next && !is_over(n, next)) /* Others speak in an epoch that we are not in. */
        return true;
    /* A block with transactions was left out, ours or another's, and all that is agreed is
     * executed: our next block has seen it. Not before: a node that is behind would add to what
     * it is behind. Nor for a checkpoint, while execution has to catch up. */
    return (p->stale > 0 && n->delivery.executed == n->agreed) ||
           (checkpoints_due(n) && !n->ahead.far);
}

static uint64_t own_bytes(const struct node *n)
{
    uint64_t bytes = 0;
    for (unsigned k = 0; k < n->options.open_dispersals; k++)
        bytes += n->proposing.own[k].epoch != 0 ? n->proposing.own[k].bytes : 0;
    return bytes;
}

/* Where links are full, dispersals side by side only make one another take longer: then the next
 * begins when the last has completed, or is so late that it may never; or beside it, while f+1 wait
 * for what is ordered next. What blocks take that are larger
 * than lately nobody knows. */
static bool may_begin(const struct node *n)
{
    const struct proposing *p = &n->proposing;
    if (p->own_open == 0)
        return true;
    if (p->own_open == n->options.open_dispersals)
        return false;
    if (p->own_open == 1 && ahead_hungry(n))
        return true;
    const uint64_t first = (uint64_t)n->options.epoch_window * AHEAD_BLOCK;
    const uint64_t known = SMALL * p->usual_bytes * p->own_open;
    const bool unloaded =
        propose_takes_ms(n) <= UNLOADED_MS && own_bytes(n) < (known > first ? known : first);
    return unloaded || n->now_ms >= p->last_ms + LATE * (uint64_t)propose_doubt_ms(n);
}

/* From one block to the next. Whoever is behind in execution gains nothing from many epochs, and each
 * costs every node messages and a commit: where these are what keeps all behind, they would never come
 * back. An epoch that others have begun is not held up: they may not be behind. */
static uint64_t delay_ms(const struct node *n, epoch_id next)
{
    const epoch_id executed = n->delivery.executed, most = PROPOSE_STRETCH_MAX;
    const epoch_id behind = n->agreed > executed ? n->agreed - executed : 0;
    uint64_t stretch = 1;
    while (n->proposing.heard < next && stretch < most && behind >= FAR_BEHIND * stretch)
        stretch *= 2;
    return stretch * n->options.block_delay_ms;
}

/* Whether the delay has passed: at the tick, if it is not just after the last one. */
static bool delay_passed(const struct node *n, epoch_id next)
{
    const uint64_t ms = delay_ms(n, next), last_ms = n->proposing.last_ms;
    if (ms == 0 || n->now_ms >= last_ms + ms)
        return true;
    const uint64_t phase_ms = n->options.phase_ms;
    return n->now_ms >= last_ms + ms / 2 && (n->now_ms + phase_ms) / ms > (last_ms + phase_ms) / ms;
}

/* Who missed a tick begins each epoch a tick after the others, who wait for its block each time: for
 * ever, if it did not begin one sooner. f+1 others, because any f are liars; these can have one epoch
 * in eight begun sooner. */
void propose_compared(struct node *n, epoch_id epoch, uint64_t some_ms)
{
    struct proposing *p = &n->proposing;
    if (epoch < p->caught_up)
        return; /* It was begun before. */
    const bool late = some_ms != 0 && n->now_ms >= some_ms + n->options.block_delay_ms / 2;
    p->late = late ? p->late + 1 : 0;
}

/* Whether there is no hurry, for want of transactions: ours, and in the epochs that were delivered
 * last. A liar that is always in the next epoch would else keep all in empty ones, as fast as links
 * carry them, and who is slower at executing them would be behind for ever. */
static bool quiet(const struct node *n, epoch_id next, uint64_t waiting)
{
    return waiting == 0 && next > n->delivery.busy + QUIET_WINDOWS * n->options.epoch_window;
}

/* Whether execution here cannot keep up: then fewer and larger blocks are less to do for it, and nobody
 * hears of an execution sooner for a hurry. */
static bool behind(const struct node *n)
{
    return n->agreed > n->delivery.executed + DELIVERY_AHEAD;
}

/* For transactions, so that the block as it is dispersed is no larger than any may be. */
static uint32_t room(const struct node *n, uint32_t carries, size_t seen_size)
{
    const size_t most = n->options.block_bytes_max, overhead = block_overhead(seen_size);
    const size_t left = most > overhead ? most - overhead : 0;
    return carries < left ? carries : (uint32_t)left;
}

void propose_advance(struct node *n, struct effects *out)
{
    struct proposing *p = &n->proposing;
    if (!n->started || p->taking != 0 || !may_begin(n))
        return;
    const epoch_id e = next_epoch(n);
    const uint32_t carries = may_carry(n);
    const uint64_t waiting = carries > 0 ? p->pool_bytes : 0;
    if (e == 0 || !has_reason(n, e, waiting))
        return;
    if (n->rules.in_step && n->delivery.epoch < e)
        return; /* Not all of the epochs before is here. */
    /* Who is held back does not hurry either: empty epochs have to be executed too, and else a liar
     * that is always in the next one would keep execution behind for ever. */
    const bool held_back = n->ahead.far || carries == 0;
    const bool at_tick = held_back || behind(n) || quiet(n, e, waiting);
    const bool sooner =
        waiting < n->options.block_bytes_min && (at_tick || in_flight(n)) && !delay_passed(n, e);
    if (sooner && (at_tick || p->late < LATE_ON_END))
        return;
    epoch_open(n, e);
    struct writer w = writer_of(p->seen, link_seen_size_max(n->quorum));
    /* Without linking we have seen nothing, as if nothing had been before. */
    link_seen_encode(&n->completed, &n->delivered, n->quorum, n->rules.links ? e : 1, &w);
    struct effect *take = effects_add(out, EFFECT_TAKE, e, n->self);
    take->take.seen = writer_result(&w);
    take->take.bytes_max = room(n, carries, take->take.seen.size);
    n->view.held_back += held_back;
    p->taking = p->last = e;
    if (sooner) { /* The next one at the tick all the same. */
        p->caught_up = e;
        p->late = 0;
    } else {
        p->last_ms = n->now_ms;
    }
    if (waiting > 0)
        p->carried = e;
    if (carries > 0)
        p->pool_bytes = 0; /* The pool says what is left. */
}

/* To those of `set` who have not said GOT. READY does not excuse: it may follow from a GOT that a
 * liar showed to some alone, and then the N-f-th GOT, for which everyone else waits, is that
 * node's. False: there is nobody, as right after a restart. */
static bool send_again(struct node *n, const struct own *own, const struct nodeset *set,
                       struct effects *out)
{
    bool sent = false;
    const struct instance *i = instance_find(n, own->epoch, n->self);
    assert(i);
    for (unsigned to = nodeset_next(set, 0); to < NODES_MAX; to = nodeset_next(set, to + 1))
        if (to != n->self && !nodeset_has(&own->deferred, to) &&
            !nodeset_has(&i->server.voted[VID_GOT - 1], to) &&
            node_peer_takes(n, (node_id)to, own->epoch)) {
            effects_add(out, EFFECT_SEND_CHUNK, own->epoch, n->self)->to = (node_id)to;
            sent = true;
        }
    return sent;
}

/* Who is heard after a silence may have been away when the chunk was sent. If it does not say GOT,
 * it gets it once more, however long the others still have to wait. */
void propose_heard(struct node *n, node_id peer)
{
    struct peer *p = &n->peers[peer];
    const uint32_t least_ms = AWAY * n->options.retry_ms, normal_ms = propose_normal_ms(n);
    const bool back = n->now_ms >= p->heard_ms + (least_ms > normal_ms ? least_ms : normal_ms);
    p->heard_ms = n->now_ms;
    if (back)
        p->back_ms = n->now_ms;
    for (unsigned k = 0; back && k < n->options.open_dispersals; k++) {
        struct own *own = &n->proposing.own[k];
        if (own->epoch != 0 && nodeset_add(&own->again, peer))
            nodeset_add(&own->back, peer);
    }
}

/* While nobody knows what they take: a dispersal to which nodes answer is on its way to the others,
 * and takes no less than it has taken. Not later, when liars could answer one by one just to put it
 * off that what is lost is sent again. */
static void see_answers(struct node *n, struct own *own)
{
    struct proposing *p = &n->proposing;
    const struct instance *i = instance_find(n, own->epoch, n->self);
    assert(i);
    const unsigned gots = nodeset_count(&i->server.voted[VID_GOT - 1]);
    const uint64_t ms = LATE * (n->now_ms - own->begun_ms);
    const uint32_t most = BACKOFF_MAX * n->options.retry_ms;
    /* How long ago one was begun that is from before a restart nobody knows. */
    if (p->usual_ms == 0 && own->bytes > 0 && gots > own->gots && p->doubt_ms < ms)
        p->doubt_ms = ms < most ? (uint32_t)ms : most;
    own->gots = gots;
}

void propose_tick(struct node *n, struct effects *out)
{
    const uint32_t retry = n->options.retry_ms;
    const struct nodeset all = nodeset_full(n->quorum.n);
    for (unsigned k = 0; k < n->options.open_dispersals; k++) {
        struct own *own = &n->proposing.own[k];
        if (own->epoch == 0)
            continue;
        see_answers(n, own);
        if (n->now_ms < own->sent_ms + retry)
            continue;
        if (n->now_ms < own->sent_ms + own->wait_ms ||
            n->now_ms < own->sent_ms + propose_doubt_ms(n)) {
            send_again(n, own, &own->back, out);
            own->back = (struct nodeset){0};
            continue;
        }
        if (!nodeset_empty(&own->deferred))
            defer_needed(n);
        own->deferred = (struct nodeset){0};
        const bool sent = send_again(n, own, &all, out);
        if (sent)
            doubt(n);
        if (sent && own->wait_ms < BACKOFF_MAX * retry)
            own->wait_ms *= 2;
        own->repeated = true;
        own->sent_ms = n->now_ms;
        own->back = own->again = (struct nodeset){0};
    }
}

void propose_peer_window(struct node *n, node_id peer, epoch_id from, epoch_id to,
                         struct effects *out)
{
    for (unsigned k = 0; k < n->options.open_dispersals; k++) {
        const struct own *own = &n->proposing.own[k];
        const epoch_id e = own->epoch;
        if (e >= from && e <= to && e != 0 && !nodeset_has(&own->deferred, peer))
            effects_add(out, EFFECT_SEND_CHUNK, e, n->self)->to = peer;
    }
}
