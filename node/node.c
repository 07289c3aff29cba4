/* The core's recovery, and its step. */
#include "node/core.h"

unsigned node_effects_max(const struct node_options *options)
{
    /* The most comes of one vote in all agreements at once, each answered by as many messages
     * as one step of an agreement has, recorded and sent; twice, as zeros may be put in. */
    const unsigned size = options->quorum.n;
    return 64 + size * (4 * BA_MESSAGES_MAX + 64) + 4 * DELIVERY_WINDOW * size + 8 * LINKED_AHEAD +
           FETCH_SLOTS * 2 * size + options->open_dispersals * size;
}

void node_restore_height(struct node *n, epoch_id first_unsealed, epoch_id executed,
                         uint64_t height)
{
    n->first_unsealed = first_unsealed;
    n->agreed = first_unsealed - 1;
    n->delivery.executed = executed;
    n->delivery.epoch = executed + 1;
    n->delivery.height = height;
    /* What a snapshot stands for is complete, however far agreement here is behind it; as much as
     * the ring holds beside what is in flight. */
    const epoch_id most = first_unsealed + n->completed.span - HISTORY_WORD;
    const epoch_id least = first_unsealed + n->options.epoch_window;
    history_advance(&n->completed, executed < least ? least : executed < most ? executed : most);
    history_advance(&n->delivered, n->delivery.epoch + DELIVERY_WINDOW);
    history_advance(&n->payload, n->delivery.epoch + DELIVERY_WINDOW);
}

void node_restore_silent(struct node *n, epoch_id through) { n->silent = through; }

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
    if (history_has(&n->delivered, epoch, proposer) || epoch < delivery_horizon(n) ||
        (!r->got && !r->ready))
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
    if (epoch > n->proposing.heard)
        n->proposing.heard = epoch; /* We voted in it: with f = 0 nobody need speak of it again. */
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
    if (b->closed)
        nodeset_add(&e->closed, proposer);
}

void node_restore_proposed(struct node *n, epoch_id epoch)
{
    if (epoch > n->proposing.last)
        n->proposing.last = epoch;
    const struct instance *i = instance_find(n, epoch, n->self);
    if (i && !i->server.complete)
        propose_own(n, epoch, 0);
}

/* After recovery: what was under way goes on. */
static void start(struct node *n, struct effects *out)
{
    n->started = true;
    ahead_start(n);
    checkpoints_start(n, out);
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
    ahead_tick(n);
    propose_tick(n, out);
    retrieval_tick(n, out);
    status_tick(n, out);
    checkpoints_tick(n, out);
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
    case MESSAGE_READY: dispersal_ready(n, from, m, out); break;
    case MESSAGE_SHARE: epoch_share(n, from, m, out); break;
    case MESSAGE_WANT_VOTES: status_want_votes(n, from, m, out); break;
    case MESSAGE_WANT_ROOTS: status_want_roots(n, from, m, out); break;
    case MESSAGE_CHUNK: dispersal_chunk(n, from, m, out); break;
    case MESSAGE_REQUEST: serve(n, from, m, EFFECT_SERVE, out); break;
    case MESSAGE_CANCEL: serve(n, from, m, EFFECT_UNSERVE, out); break;
    case MESSAGE_NONE: retrieval_none(n, from, m, out); break;
    case MESSAGE_PIECE: retrieval_piece(n, from, m, out); break;
    case MESSAGE_CHECKPOINT: checkpoints_message(n, from, m, out); break;
    case MESSAGE_WANT_CHECKPOINT: status_want_checkpoint(n, from, m->epoch, out); break;
    case MESSAGE_PING: status_ping(n, from, m->ping.asked_ms, out); break;
    case MESSAGE_PONG: pace_answered(n, from, m->pong.asked_ms); break;
    case MESSAGE_OFFER:
    case MESSAGE_WANT_SNAPSHOT:
    case MESSAGE_SNAPSHOT: break; /* The driver's owner hears of them. */
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
    case WORK_SIGN: checkpoints_signed(n, r, out); break;
    case WORK_VERIFY: checkpoints_verified(n, r, out); break;
    }
}

/* What everyone has executed no one asks for, and of an epoch that everyone has sealed no one asks
 * how it ended. The blocks that a snapshot stands for go, whoever asks; how epochs ended does not:
 * to execute is not to have closed, and who has not closed one needs to hear it. */
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
    if (executed < n->held && n->held <= n->delivery.executed)
        executed = n->held;
    if (executed <= n->pruned && sealed <= n->pruned_sealed)
        return;
    n->pruned = executed;
    n->pruned_sealed = sealed;
    effects_add(out, EFFECT_PRUNE, executed, 0)->sealed = sealed;
    retrieval_drop(n, out);
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
    case EVENT_DISK: n->disk_full = event->disk_full; break;
    case EVENT_LOADED: delivery_loaded(n, event, out); break;
    case EVENT_INSTANCE:
        if (!dispersal_looked(n, event, out))
            delivery_looked(n, event, out);
        break;
    case EVENT_SEEN: delivery_seen(n, event, out); break;
    case EVENT_GO_ON: break; /* It goes on in any step. */
    case EVENT_EXECUTED:
        delivery_executed(n, event->executed.epoch);
        checkpoints_executed(n, &event->executed, out);
        break;
    case EVENT_CHECKPOINT: checkpoints_looked(n, event, out); break;
    case EVENT_HELD:
        if (event->held > n->held)
            n->held = event->held;
        break;
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
    view->takes_ms = propose_takes_ms(n);
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
