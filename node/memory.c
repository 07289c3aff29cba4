/* The core's memory: given once, and the whole of its limits. */
#include "node/core.h"

/* What node_memory_size adds up and node_init carves: one list, walked twice. */
struct carver {
    uint8_t *memory; /* NULL: only add up. */
    size_t used;
};

static void *carve(struct carver *c, size_t size)
{
    void *at = c->memory ? c->memory + c->used : NULL;
    c->used += (size + 63) / 64 * 64;
    return at;
}

static uint32_t bucket_count(size_t items)
{
    uint32_t count = 64;
    while (count < items)
        count *= 2;
    return count;
}

static void carve_epochs(struct carver *c, struct node *n, const struct node_options *o)
{
    const size_t size = o->quorum.n;
    struct epoch *epochs = carve(c, o->epoch_window * sizeof *epochs);
    for (unsigned w = 0; w < o->epoch_window; w++) {
        struct ba *bas = carve(c, size * sizeof *bas);
        struct toss *tosses = carve(c, size * sizeof *tosses);
        struct coin_share *shares = carve(c, size * size * TOSS_ROUNDS * sizeof *shares);
        if (!n)
            continue;
        epochs[w].bas = bas;
        epochs[w].tosses = tosses;
        for (unsigned j = 0; j < size; j++)
            toss_init(&tosses[j], o->quorum, o->self, shares + j * size * TOSS_ROUNDS);
    }
    if (n)
        n->epochs = epochs;
}

static void carve_instances(struct carver *c, struct node *n, const struct node_options *o)
{
    const size_t size = o->quorum.n;
    const size_t count = instances_count(o);
    const size_t tallies = TALLIES * count;
    struct instances t = {
        .capacity = (uint32_t)count, .free = NONE, .bucket_count = bucket_count(count)};
    t.items = carve(c, count * sizeof *t.items);
    t.buckets = carve(c, t.bucket_count * sizeof *t.buckets);
    t.siblings = carve(c, size * sizeof *t.siblings);
    t.voting = carve(c, size * size * sizeof *t.voting);
    t.got_open = carve(c, size);
    struct vid_tally *pool = carve(c, tallies * sizeof *pool);
    if (!n)
        return;
    for (uint32_t b = 0; b < t.bucket_count; b++)
        t.buckets[b] = NONE;
    for (size_t p = 0; p < size; p++)
        t.siblings[p] = NONE;
    vid_pool_init(&t.pool, pool, (uint32_t)tallies);
    n->instances = t;
}

static void carve_delivery(struct carver *c, struct node *n, const struct node_options *o)
{
    const size_t size = o->quorum.n;
    struct epoch_run(*runs)[LINK_RUNS_MAX] = carve(c, size * size * sizeof *runs);
    uint8_t *run_counts = carve(c, size * size);
    struct epoch_run *covered = carve(c, size * size * LINK_RUNS_MAX * sizeof *covered);
    struct cover *covers = carve(c, size * sizeof *covers);
    uint8_t *seen = carve(c, link_seen_size_max(o->quorum));
    struct own *own = carve(c, o->open_dispersals * sizeof *own);
    if (!n)
        return;
    n->delivery.runs = runs;
    n->delivery.run_counts = run_counts;
    n->delivery.covers = covers;
    for (size_t p = 0; p < size; p++)
        covers[p].runs = covered + p * size * LINK_RUNS_MAX;
    n->proposing.seen = seen;
    n->proposing.own = own;
}

static void carve_rest(struct carver *c, struct node *n, const struct node_options *o)
{
    const size_t size = o->quorum.n;
    const uint64_t span = history_span(o->link_horizon);
    uint64_t *bits[3];
    for (unsigned h = 0; h < 3; h++)
        bits[h] = carve(c, history_memory(o->quorum.n, span));
    struct peer *peers = carve(c, size * sizeof *peers);
    struct witness *witnesses = carve(c, size * sizeof *witnesses);
    struct nodeset *said = carve(c, 2 * size * size * sizeof *said);
    struct epoch_bytes *epoch_bytes = carve(c, AHEAD_EPOCHS * sizeof *epoch_bytes);
    struct identity_signature *signatures = carve(c, CHECKPOINTS_OPEN * size * sizeof *signatures);
    struct hash *others = carve(c, CHECKPOINTS_OPEN * size * sizeof *others);
    struct stage_marks *stages = carve(c, STAGE_EPOCHS * sizeof *stages);
    uint32_t *outstanding = carve(c, size * sizeof *outstanding);
    struct pace *paces = carve(c, size * sizeof *paces);
    uint32_t *received = carve(c, FETCH_SLOTS * size * sizeof *received);
    uint64_t *heard = carve(c, FETCH_SLOTS * size * sizeof *heard);
    uint64_t *asked = carve(c, FETCH_SLOTS * size * sizeof *asked);
    if (!n)
        return;
    history_init(&n->completed, o->quorum.n, true, span, bits[0]);
    history_init(&n->delivered, o->quorum.n, true, span, bits[1]);
    history_init(&n->payload, o->quorum.n, false, span, bits[2]);
    n->peers = peers;
    n->witnesses = witnesses;
    for (size_t p = 0; p < size; p++)
        for (size_t value = 0; value < 2; value++)
            witnesses[p].said[value] = said + (2 * p + value) * size;
    n->ahead.epochs = epoch_bytes;
    for (unsigned s = 0; s < CHECKPOINTS_OPEN; s++) {
        n->checkpoints.slots[s].signatures = signatures + s * size;
        n->checkpoints.slots[s].others = others + s * size;
    }
    n->stages = stages;
    n->retrieval.outstanding = outstanding;
    n->retrieval.paces = paces;
    n->retrieval.pending_head = n->retrieval.pending_tail = NONE;
    for (unsigned s = 0; s < FETCH_SLOTS; s++) {
        n->retrieval.slots[s].received = received + s * size;
        n->retrieval.slots[s].heard_ms = heard + s * size;
        n->retrieval.slots[s].asked_ms = asked + s * size;
    }
}

static struct node *carve_all(struct carver *c, const struct node_options *o)
{
    struct node *n = carve(c, sizeof *n);
    carve_epochs(c, n, o);
    carve_instances(c, n, o);
    carve_delivery(c, n, o);
    carve_rest(c, n, o);
    return n;
}

size_t node_memory_size(const struct node_options *options)
{
    struct carver c = {0};
    carve_all(&c, options);
    return c.used;
}

struct node *node_init(void *memory, size_t size, const struct node_options *options)
{
    assert(options->self < options->quorum.n);
    assert(options->epoch_window >= 1 && options->epoch_window <= EPOCH_WINDOW_MAX);
    assert(options->open_dispersals >= options->epoch_window);
    assert(options->link_horizon >= options->epoch_window);
    struct carver c = {.memory = memory};
    struct node *n = carve_all(&c, options);
    assert(c.used <= size);
    n->options = *options;
    n->options.link_horizon = mode_horizon(options->mode, options->link_horizon);
    n->rules = mode_rules(options->mode);
    n->quorum = options->quorum;
    n->self = options->self;
    n->first_unsealed = 1;
    n->delivery.epoch = 1;
    n->want_wait_ms = options->retry_ms;
    for (unsigned p = 0; p < n->quorum.n; p++)
        n->peers[p].word.first_unsealed = 1;
    propose_init(n);
    pace_init(n);
    return n;
}
