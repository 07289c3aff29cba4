/* Where the peers are; asking again for what has not come, and answering. Nothing is queued for
 * anyone: what a peer lacks follows from its word and our state. */
#include "node/core.h"

enum {
    WANT_RECENT = 64,    /* Epochs below the first unsealed one that are always asked about. */
    WANT_SEGMENT = 256,  /* Of one proposer at a time, and of all together about ... */
    WANT_IN_ALL = 4096,  /* ... so many: each answer is read from the store. */
    WANT_BACKOFF = 16,   /* Times retry_ms, while asking brings nothing; ... */
    WANT_RARELY = 512,   /* ... and where a vote for what is not complete is the only reason. */
    ASK_CHECKPOINTS = 2, /* When it executes, and when that was lost. */
    WANT_BUSY = 4,       /* Times what a dispersal may take, while other things go on. */
    WORD_IDLE = 20,      /* Times retry_ms: our word, though nothing happened. */
};

static uint64_t max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }

static void answer_votes(struct node *n, node_id to, epoch_id epoch,
                         const struct nodeset *proposers, struct effects *out)
{
    if (epoch >= n->first_unsealed &&
        (!node_in_flight(n, epoch) || node_epoch(n, epoch)->id != epoch))
        return; /* Nothing was said in it. */
    struct effect *e = effects_add(out, EFFECT_ANSWER_VOTES, epoch, 0);
    e->to = to;
    e->answer.proposers = *proposers;
}

static void answer_roots(node_id to, struct epoch_run run, const struct nodeset *proposers,
                         struct effects *out)
{
    struct effect *e = effects_add(out, EFFECT_ANSWER_ROOTS, run.first, 0);
    e->to = to;
    e->answer.proposers = *proposers;
    e->answer.run = run;
}

void status_word(struct node *n, node_id from, const struct word *word, struct effects *out)
{
    propose_heard(n, from);
    struct word *known = &n->peers[from].word;
    const epoch_id before = known->first_unsealed;
    known->first_unsealed = max_u64(known->first_unsealed, word->first_unsealed);
    known->agreed = max_u64(known->agreed, word->agreed);
    known->executed = max_u64(known->executed, word->executed);
    if (known->first_unsealed == before)
        return;
    /* What came into its window: say what we have said of it. */
    const epoch_id window = n->options.epoch_window;
    const epoch_id first = max_u64(before + window, known->first_unsealed);
    const epoch_id last = known->first_unsealed + window - 1;
    const struct nodeset all = nodeset_full(n->quorum.n);
    bool some = false;
    for (epoch_id e = first; e <= last && e < n->first_unsealed + window; e++)
        if (e < n->first_unsealed || node_epoch(n, e)->id == e) {
            answer_votes(n, from, e, &all, out);
            some = true;
        }
    if (!some)
        return;
    answer_roots(from, (struct epoch_run){first, last}, &all, out);
    propose_peer_window(n, from, first, last, out);
}

static unsigned segment(const struct node *n)
{
    const unsigned each = WANT_IN_ALL / n->quorum.n;
    return each < WANT_SEGMENT ? each : WANT_SEGMENT;
}

/* Of one proposer, in one go: recent ones, older ones, and what is needed of it. */
static unsigned may_want(const struct node *n)
{
    const unsigned recent = WANT_RECENT + n->options.epoch_window, each = segment(n);
    return (recent < each ? recent : each) + each + 1 + DELIVERY_WINDOW;
}

/* Once per retry_ms a node asks about all agreements in flight, and of each proposer about the
 * recent dispersals, a segment of the older ones, and those that it needs next. Answers of half
 * a retry_ms are bounded by that. */
static struct peer *asker(struct node *n, node_id from)
{
    struct peer *p = &n->peers[from];
    const unsigned window = n->options.epoch_window;
    if (n->now_ms >= p->may_ask_ms) {
        p->may_ask_ms = n->now_ms + n->options.retry_ms / 2;
        p->checkpoints_left = ASK_CHECKPOINTS;
        p->ping_left = true;
        p->votes_left = n->quorum.n * window;
        p->roots_left = n->quorum.n * may_want(n) + LINKED_AHEAD;
    }
    return p;
}

void status_want_votes(struct node *n, node_id from, const struct message *m, struct effects *out)
{
    struct peer *p = asker(n, from);
    const unsigned count = nodeset_count(&m->want_votes.proposers);
    if (count > p->votes_left)
        return;
    p->votes_left -= count;
    answer_votes(n, from, m->epoch, &m->want_votes.proposers, out);
    witness_want(n, from, m->epoch, out);
}

void status_want_checkpoint(struct node *n, node_id from, epoch_id epoch, struct effects *out)
{
    struct peer *p = asker(n, from);
    if (p->checkpoints_left == 0)
        return;
    p->checkpoints_left--;
    effects_add(out, EFFECT_ANSWER_CHECKPOINT, epoch, 0)->to = from;
}

void status_want_roots(struct node *n, node_id from, const struct message *m, struct effects *out)
{
    struct peer *p = asker(n, from);
    struct nodeset one = {0};
    nodeset_add(&one, m->proposer);
    const epoch_id top = n->first_unsealed + n->options.epoch_window - 1; /* Nothing beyond. */
    for (unsigned k = 0; k < m->want_roots.count && p->roots_left > 0; k++) {
        struct epoch_run run = m->want_roots.runs[k];
        if (run.first > top)
            return;
        if (run.last > top)
            run.last = top;
        if (run.last - run.first >= p->roots_left)
            run.last = run.first + p->roots_left - 1;
        p->roots_left -= (uint32_t)(run.last - run.first + 1);
        answer_roots(from, run, &one, out);
    }
}

void status_ping(struct node *n, node_id from, uint64_t asked_ms, struct effects *out)
{
    struct peer *p = asker(n, from);
    if (!p->ping_left)
        return;
    p->ping_left = false;
    struct effect *send = effects_add(out, EFFECT_SEND, 1, from);
    send->to = from;
    send->message = (struct message){.kind = MESSAGE_PONG, .epoch = 1, .pong = {asked_ms}};
}

/* Who asks about an epoch says its own votes to those who were never heard in it: a peer that was
 * away does not know of it, and has no reason to ask. */
static void tell_silent(struct node *n, const struct epoch *e, struct effects *out)
{
    const struct nodeset all = nodeset_full(n->quorum.n);
    for (unsigned p = 0; p < n->quorum.n; p++)
        if (p != n->self && !nodeset_has(&e->heard, p))
            answer_votes(n, (node_id)p, e->id, &all, out);
}

/* About the agreements of an epoch that are not closed here. */
static void want_votes(struct node *n, epoch_id id, struct effects *out)
{
    const struct epoch *e = node_epoch(n, id);
    struct nodeset open = nodeset_full(n->quorum.n);
    if (e->id == id)
        for (unsigned w = 0; w < NODES_MAX / 64; w++)
            open.words[w] &= ~e->closed.words[w];
    if (nodeset_empty(&open))
        return;
    if (e->id == id)
        tell_silent(n, e, out);
    struct effect *send = effects_add(out, EFFECT_SEND, id, 0);
    send->to = TO_ALL;
    send->message = (struct message){.kind = MESSAGE_WANT_VOTES, .epoch = id, .want_votes = {open}};
}

static void ask_all(const struct message *m, struct effects *out)
{
    struct effect *send = effects_add(out, EFFECT_SEND, m->epoch, m->proposer);
    send->to = TO_ALL;
    send->message = *m;
}

/* What its answers take is how long to wait before asking again. */
static void ping(const struct node *n, struct effects *out)
{
    ask_all(&(struct message){.kind = MESSAGE_PING, .epoch = 1, .ping = {n->now_ms}}, out);
}

/* The dispersals of p within [low, high] that are not complete here, as many runs as one message
 * holds. What we have said of the first of which we have is said again: who has heard nothing of it
 * has no reason to ask, and it may take its votes to complete. Returns the last epoch that was
 * looked at. */
static epoch_id want_roots(struct node *n, node_id p, epoch_id low, epoch_id high,
                           struct effects *out)
{
    struct message m = {.kind = MESSAGE_WANT_ROOTS, .epoch = 1, .proposer = p};
    epoch_id from = low;
    bool told = n->instances.siblings[p] == NONE;
    while (from <= high && m.want_roots.count < MESSAGE_RUNS_MAX) {
        const epoch_id first = history_next(&n->completed, false, p, from, high);
        if (first == 0) {
            from = high + 1;
            break;
        }
        const epoch_id after = history_next(&n->completed, true, p, first, high);
        const epoch_id last = after ? after - 1 : high;
        m.want_roots.runs[m.want_roots.count++] = (struct epoch_run){first, last};
        for (from = first; from <= last && !told && from < n->first_unsealed; from++)
            told = dispersal_tell(n, from, p, out);
        from = last + 1;
    }
    if (m.want_roots.count > 0)
        ask_all(&m, out);
    return from - 1;
}

/* Counts one that delivery waits for by name, and asks about it, unless it is complete here. */
static unsigned want_one(const struct node *n, epoch_id e, node_id p, struct effects *out)
{
    struct hash root;
    if (node_completed(n, e, p, &root))
        return 0;
    struct message m = {.kind = MESSAGE_WANT_ROOTS, .epoch = 1, .proposer = p};
    m.want_roots.count = 1;
    m.want_roots.runs[0] = (struct epoch_run){e, e};
    if (out)
        ask_all(&m, out);
    return 1;
}

/* The dispersals that delivery waits for by name; returns how many are not complete here. */
static unsigned want_needed(struct node *n, struct effects *out)
{
    const struct delivery_state *d = &n->delivery;
    const struct window_epoch *w = &d->window[d->epoch % DELIVERY_WINDOW];
    unsigned count = 0;
    if (w->epoch == d->epoch && w->known && !w->loading)
        for (unsigned j = nodeset_next(&w->accepted, 0); j < NODES_MAX;
             j = nodeset_next(&w->accepted, j + 1))
            count += want_one(n, d->epoch, (node_id)j, out);
    for (unsigned k = 0; d->stage == DELIVERY_LINK && k < d->linked_count; k++) {
        const unsigned at = (d->linked_head + k) % LINKED_AHEAD;
        count += want_one(n, d->linked[at].epoch, d->linked[at].proposer, out);
    }
    return count;
}

/* Nothing of what was in flight long ago is on its way any more: the epochs that delivery comes to next
 * are asked about before it waits for each of them. */
static void want_next(struct node *n, struct effects *out)
{
    const epoch_id first = n->delivery.epoch + 1, window = n->options.epoch_window;
    epoch_id last = n->delivery.epoch + DELIVERY_WINDOW - 1;
    if (n->agreed < last + window)
        last = n->agreed > window ? n->agreed - window : 0;
    for (unsigned p = 0; first <= last && p < n->quorum.n; p++)
        want_roots(n, (node_id)p, first, last, out);
}

static bool waits(struct node *n)
{
    for (epoch_id id = n->first_unsealed; node_in_flight(n, id); id++)
        if (node_epoch(n, id)->id == id && node_epoch(n, id)->active && !node_epoch(n, id)->sealed)
            return true;
    unsigned ahead = 0; /* One alone may be lying; of f+1 one is not. */
    for (unsigned p = 0; p < n->quorum.n; p++) {
        if (n->instances.got_open[p] > 0)
            return true;
        ahead += n->peers[p].word.first_unsealed > n->first_unsealed;
    }
    return ahead >= quorum_some(n->quorum) || want_needed(n, NULL) > 0;
}

/* Goes on from where it stopped in [low, high], and round again. */
static void want_some(struct node *n, node_id p, epoch_id *cursor, epoch_id low, epoch_id high,
                      struct effects *out)
{
    if (low > high)
        return;
    if (*cursor < low || *cursor > high)
        *cursor = low;
    const epoch_id end = high - *cursor < segment(n) ? high : *cursor + segment(n) - 1;
    *cursor = want_roots(n, p, *cursor, end, out) + 1;
}

/* What is recent and what is older, a part of each at a time, until all was asked about. */
static void ask_again(struct node *n, struct effects *out)
{
    for (epoch_id e = n->first_unsealed; node_in_flight(n, e); e++)
        want_votes(n, e, out);
    want_needed(n, out);
    const epoch_id high = n->first_unsealed + n->options.epoch_window - 1;
    const epoch_id base = max_u64(history_base(&n->completed), delivery_horizon(n));
    const epoch_id recent = n->first_unsealed > WANT_RECENT ? n->first_unsealed - WANT_RECENT : 1;
    const epoch_id low = max_u64(recent, base);
    for (unsigned p = 0; p < n->quorum.n; p++) {
        want_some(n, (node_id)p, &n->peers[p].want_recent, low, high, out);
        want_some(n, (node_id)p, &n->peers[p].want_older, base, low - 1, out);
    }
    ping(n, out);
}

static void tell_word(struct node *n, struct effects *out)
{
    const struct word word = node_word(n);
    const bool moved = word.first_unsealed != n->told.first_unsealed ||
                       word.agreed != n->told.agreed || word.executed != n->told.executed;
    const uint64_t wait = (uint64_t)n->options.retry_ms * (moved ? 1 : WORD_IDLE);
    if (n->told_ms != 0 && n->now_ms < n->told_ms + wait)
        return;
    n->told = word;
    n->told_ms = n->now_ms;
    effects_add(out, EFFECT_SEND_WORD, 0, 0)->to = TO_ALL;
}

/* Whether to ask for what `mark` stands for: after what is normal here, then ever more rarely. What
 * came after it was asked for says nothing of how long it would have taken (Karn's rule for TCP's
 * timer): then it is only by halves that we wait less again. */
static bool waited(const struct node *n, struct asking *a, uint64_t mark)
{
    if (a->mark != mark || a->wait_ms == 0) {
        const uint32_t normal_ms = propose_normal_ms(n), half_ms = a->asked ? a->wait_ms / 2 : 0;
        *a = (struct asking){mark, n->now_ms, half_ms > normal_ms ? half_ms : normal_ms, false};
        return false;
    }
    if (n->now_ms < a->since_ms + a->wait_ms)
        return false;
    a->since_ms = n->now_ms;
    a->asked = true;
    if (a->wait_ms < WANT_BACKOFF * n->options.retry_ms)
        a->wait_ms *= 2;
    return true;
}

/* What holds up everything else is asked for however much else there is that comes: liars can
 * always make something come. That alone: the rest may well be on its way. */
static void ask_held_up(struct node *n, struct effects *out)
{
    const struct epoch *e = node_epoch(n, n->first_unsealed);
    if (e->id != n->first_unsealed || !e->active) {
        n->for_epoch.wait_ms = 0;
    } else if (waited(n, &n->for_epoch, e->changed_ms)) {
        want_votes(n, e->id, out);
        for (unsigned p = 0; p < n->quorum.n; p++)
            want_roots(n, (node_id)p, e->id, e->id, out);
        ping(n, out);
    }
    if (want_needed(n, NULL) == 0) {
        n->for_needed.wait_ms = 0;
    } else if (waited(n, &n->for_needed, n->delivery.height)) {
        want_needed(n, out);
        want_next(n, out);
        ping(n, out);
    }
}

/* How rarely it asks at last, times retry_ms; 0: there is nothing to ask about. What was voted on and
 * is not complete may be anybody's, or a liar's. */
static unsigned backoff(struct node *n)
{
    return waits(n) ? WANT_BACKOFF : n->instances.open > 0 ? WANT_RARELY : 0;
}

void status_tick(struct node *n, struct effects *out)
{
    tell_word(n, out);
    const uint32_t first = propose_normal_ms(n);
    const unsigned times = backoff(n);
    const uint64_t most = max_u64(first, (uint64_t)times * n->options.retry_ms);
    if (times == 0) {
        n->want_ms = n->now_ms;
        n->want_wait_ms = first;
        return;
    }
    if (n->progress != n->want_progress) {
        n->want_progress = n->progress;
        n->moved_ms = n->now_ms;
        n->want_wait_ms = first;
    }
    if (n->want_wait_ms > most)
        n->want_wait_ms = (uint32_t)most;
    /* What is missing may well be on its way while other things come. */
    const bool quiet = n->now_ms >= max_u64(n->want_ms, n->moved_ms) + n->want_wait_ms;
    const bool busy = n->moved_ms > n->want_ms &&
                      n->now_ms >= n->want_ms + (uint64_t)WANT_BUSY * propose_doubt_ms(n);
    if (!quiet && !busy) {
        ask_held_up(n, out);
        return;
    }
    n->want_ms = n->now_ms;
    n->for_epoch.since_ms = n->for_needed.since_ms = n->now_ms; /* They are asked for with it. */
    if (n->want_wait_ms < most)
        n->want_wait_ms *= 2;
    ask_again(n, out);
}
