/* The core's memory, recovery, and its step. */
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
    const size_t tallies = 2 * count;
    struct instances t = {.capacity = (uint32_t)count, .free = NONE,
                          .bucket_count = bucket_count(count)};
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
    uint32_t *covered_count = carve(c, size * sizeof *covered_count);
    uint8_t *seen = carve(c, link_seen_size_max(o->quorum));
    struct own *own = carve(c, o->open_dispersals * sizeof *own);
    if (!n)
        return;
    n->delivery.runs = runs;
    n->delivery.run_counts = run_counts;
    n->delivery.covered = covered;
    n->delivery.covered_count = covered_count;
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
    uint32_t *outstanding = carve(c, size * sizeof *outstanding);
    uint32_t *received = carve(c, FETCH_SLOTS * size * sizeof *received);
    uint64_t *heard = carve(c, FETCH_SLOTS * size * sizeof *heard);
    if (!n)
        return;
    history_init(&n->completed, o->quorum.n, true, span, bits[0]);
    history_init(&n->delivered, o->quorum.n, true, span, bits[1]);
    history_init(&n->payload, o->quorum.n, false, span, bits[2]);
    n->peers = peers;
    n->retrieval.outstanding = outstanding;
    n->retrieval.pending_head = n->retrieval.pending_tail = NONE;
    for (unsigned s = 0; s < FETCH_SLOTS; s++) {
        n->retrieval.slots[s].received = received + s * size;
        n->retrieval.slots[s].heard_ms = heard + s * size;
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
    n->quorum = options->quorum;
    n->self = options->self;
    n->first_unsealed = 1;
    n->delivery.epoch = 1;
    n->want_wait_ms = options->retry_ms;
    for (unsigned p = 0; p < n->quorum.n; p++)
        n->peers[p].word.first_unsealed = 1;
    return n;
}

unsigned node_effects_max(const struct node_options *options)
{
    /* The most comes of one vote in all agreements at once, each answered by as many messages
     * as one step of an agreement has, recorded and sent; twice, as zeros may be put in. */
    const unsigned size = options->quorum.n;
    return 64 + size * (4 * BA_MESSAGES_MAX + 64) + 4 * DELIVERY_WINDOW * size +
           8 * LINKED_AHEAD + FETCH_SLOTS * 2 * size + options->open_dispersals * size;
}

void node_restore_height(struct node *n, epoch_id first_unsealed, epoch_id executed,
                         uint64_t height)
{
    n->first_unsealed = first_unsealed;
    n->agreed = first_unsealed - 1;
    n->delivery.executed = executed;
    n->delivery.epoch = executed + 1;
    n->delivery.height = height;
    history_advance(&n->completed, first_unsealed + n->options.epoch_window);
    history_advance(&n->delivered, n->delivery.epoch + DELIVERY_WINDOW);
    history_advance(&n->payload, n->delivery.epoch + DELIVERY_WINDOW);
}

void node_restore_sealed(struct node *n, epoch_id epoch, const struct nodeset *accepted)
{
    if (!node_in_flight(n, epoch))
        return;
    epoch_open(n, epoch);
    struct epoch *e = node_epoch(n, epoch);
    e->zeros_put = e->agreed = e->sealed = true;
    e->ones = *accepted;
    e->decided = e->closed = nodeset_full(n->quorum.n);
}

void node_restore_delivered(struct node *n, epoch_id epoch, node_id proposer)
{
    history_set(&n->delivered, epoch, proposer);
    if (epoch <= n->completed.top)
        history_set(&n->completed, epoch, proposer);
}

void node_restore_instance(struct node *n, epoch_id epoch, node_id proposer,
                           const struct instance_record *r)
{
    if (r->complete) {
        if (epoch <= n->completed.top)
            history_set(&n->completed, epoch, proposer);
        if (r->block == BLOCK_GOOD && r->count > 0 && epoch <= n->payload.top)
            history_set(&n->payload, epoch, proposer);
        return; /* Delivery's window, or a link, brings it up. */
    }
    if (history_has(&n->delivered, epoch, proposer) || (!r->got && !r->ready))
        return;
    struct instance *i = instance_restore(n, epoch, proposer, r);
    assert(i);
    if (r->got)
        n->instances.got_open[proposer]++;
}

void node_restore_vote(struct node *n, epoch_id epoch, node_id proposer,
                       const struct ba_message *vote)
{
    if (!node_in_flight(n, epoch))
        return;
    epoch_open(n, epoch);
    struct epoch *e = node_epoch(n, epoch);
    if (e->sealed)
        return;
    struct ba *b = &e->bas[proposer];
    ba_recall(b, vote);
    if (vote->type == BA_SHARE) {
        struct toss_effects t;
        toss_advance(&e->tosses[proposer], b->round);
        toss_release(&e->tosses[proposer], vote->round, &t); /* Made again by epoch_start. */
    }
    if (b->decided) {
        nodeset_add(&e->decided, proposer);
        if (b->decision)
            nodeset_add(&e->ones, proposer);
    }
}

void node_restore_proposed(struct node *n, epoch_id epoch)
{
    if (epoch > n->proposing.last)
        n->proposing.last = epoch;
    const struct instance *i = instance_find(n, epoch, n->self);
    if (i && !i->server.complete)
        propose_own(n, epoch);
}

/* After recovery: what was under way goes on. */
static void start(struct node *n, struct effects *out)
{
    n->started = true;
    delivery_start(n, out);
    for (epoch_id id = n->first_unsealed; node_in_flight(n, id); id++) {
        const struct epoch *e = node_epoch(n, id);
        for (unsigned p = 0; e->id == id && !e->sealed && p < n->quorum.n; p++)
            if (history_has(&n->completed, id, (node_id)p))
                epoch_completed(n, id, (node_id)p, out);
    }
    epoch_start(n, out);
    n->want_ms = n->now_ms > n->options.retry_ms ? n->now_ms - n->options.retry_ms : 0;
}

static void tick(struct node *n, struct effects *out)
{
    if (!n->started)
        start(n, out);
    propose_tick(n, out);
    retrieval_tick(n, out);
    status_tick(n, out);
}

static void serve(struct node *n, node_id from, const struct message *m, enum effect_type type,
                  struct effects *out)
{
    (void)n;
    struct effect *e = effects_add(out, type, m->epoch, m->proposer);
    e->to = from;
    e->serve.root = m->request.root;
    e->serve.offset = m->request.offset;
}

static void receive(struct node *n, node_id from, const struct message *m, struct effects *out)
{
    switch (m->kind) {
    case MESSAGE_VOTES: epoch_votes(n, from, m, out); break;
    case MESSAGE_ROOTS: dispersal_votes(n, from, m, out); break;
    case MESSAGE_SHARE: epoch_share(n, from, m, out); break;
    case MESSAGE_WANT_VOTES: status_want_votes(n, from, m, out); break;
    case MESSAGE_WANT_ROOTS: status_want_roots(n, from, m, out); break;
    case MESSAGE_CHUNK: dispersal_chunk(n, from, m, out); break;
    case MESSAGE_REQUEST: serve(n, from, m, EFFECT_SERVE, out); break;
    case MESSAGE_CANCEL: serve(n, from, m, EFFECT_UNSERVE, out); break;
    case MESSAGE_NONE: retrieval_none(n, from, m, out); break;
    case MESSAGE_PIECE: retrieval_piece(n, from, m, out); break;
    }
}

static void worked(struct node *n, const struct work_result *r, struct effects *out)
{
    switch (r->kind) {
    case WORK_ENCODE: dispersal_encoded(n, r, out); break;
    case WORK_CHECK: dispersal_checked(n, r, out); break;
    case WORK_DECODE: retrieval_decoded(n, r, out); break;
    case WORK_SHARE: epoch_share_made(n, r, out); break;
    case WORK_TOSS: epoch_tossed(n, r, out); break;
    }
}

/* What everyone has executed no one asks for, and of an epoch that everyone has sealed no one asks
 * how it ended. */
static void prune(struct node *n, struct effects *out)
{
    epoch_id executed = n->delivery.executed;
    epoch_id sealed = n->first_unsealed - 1;
    for (unsigned p = 0; p < n->quorum.n; p++) {
        const struct word *w = &n->peers[p].word;
        if (p == n->self)
            continue;
        if (w->executed < executed)
            executed = w->executed;
        if (w->first_unsealed <= sealed)
            sealed = w->first_unsealed - 1;
    }
    if (sealed > executed)
        sealed = executed; /* Those behind in execution need the accepted sets. */
    if (executed <= n->pruned && sealed <= n->pruned_sealed)
        return;
    n->pruned = executed;
    n->pruned_sealed = sealed;
    effects_add(out, EFFECT_PRUNE, executed, 0)->sealed = sealed;
}

/* What can be done now that could not before. */
static void advance(struct node *n, struct effects *out)
{
    for (epoch_id e = n->agreed + 1;
         e < n->first_unsealed ||
         (node_in_flight(n, e) && node_epoch(n, e)->id == e && node_epoch(n, e)->agreed);
         e++)
        n->agreed = e;
    delivery_advance(n, out);
    retrieval_advance(n, out);
    propose_advance(n, out);
    prune(n, out);
}

void node_step(struct node *n, const struct event *event, struct effects *out)
{
    effects_clear(out);
    if (event->now_ms > n->now_ms)
        n->now_ms = event->now_ms;
    assert(event->type == EVENT_TICK || n->started);
    switch (event->type) {
    case EVENT_TICK: tick(n, out); break;
    case EVENT_WORD: status_word(n, event->from, &event->word, out); break;
    case EVENT_MESSAGE: receive(n, event->from, event->message, out); break;
    case EVENT_WORKED: worked(n, event->worked, out); break;
    case EVENT_POOL: n->proposing.pool_bytes = event->pool_bytes; break;
    case EVENT_LOADED: delivery_loaded(n, event, out); break;
    case EVENT_INSTANCE: delivery_looked(n, event, out); break;
    case EVENT_SEEN: delivery_seen(n, event, out); break;
    case EVENT_EXECUTED: delivery_executed(n, event->executed); break;
    }
    advance(n, out);
}

bool node_takes(const struct node *n, node_id peer, epoch_id epoch)
{
    return node_peer_takes(n, peer, epoch);
}

unsigned node_resend(const struct node *n, epoch_id epoch, node_id proposer, unsigned *cursor,
                     struct ba_message messages[], unsigned capacity)
{
    if (!node_in_flight(n, epoch) || node_epoch(n, epoch)->id != epoch ||
        node_epoch(n, epoch)->sealed)
        return 0;
    return ba_resend(&node_epoch(n, epoch)->bas[proposer], cursor, messages, capacity);
}

const struct coin_share *node_share(const struct node *n, epoch_id epoch, node_id proposer,
                                    unsigned round)
{
    if (!node_in_flight(n, epoch) || node_epoch(n, epoch)->id != epoch)
        return NULL;
    return toss_own(&node_epoch(n, epoch)->tosses[proposer], round);
}

struct word node_word(const struct node *n)
{
    return (struct word){n->first_unsealed, n->agreed, n->delivery.executed};
}

void node_view(const struct node *n, struct node_view *view)
{
    *view = n->view;
    view->word = node_word(n);
    view->proposed = n->proposing.last;
    view->height = n->delivery.height;
    view->delivering = n->delivery.epoch;
    view->fetching = n->retrieval.active;
    view->peers_executed_min = n->pruned;
    view->quiet = n->proposing.own_open == 0 && n->retrieval.active == 0 &&
                  n->delivery.executed == n->agreed && n->agreed + 1 == n->first_unsealed;
}

bool node_epoch_decisions(const struct node *n, epoch_id epoch, struct nodeset *decided,
                          struct nodeset *ones)
{
    if (!node_in_flight(n, epoch) || node_epoch(n, epoch)->id != epoch)
        return false;
    *decided = node_epoch(n, epoch)->decided;
    *ones = node_epoch(n, epoch)->ones;
    return true;
}

bool node_completed(const struct node *n, epoch_id epoch, node_id proposer, struct hash *root)
{
    const struct instance *i = instance_find(n, epoch, proposer);
    if (!i || !i->server.complete)
        return false;
    *root = i->server.root;
    return true;
}
