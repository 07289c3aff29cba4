/* Dispersals: who holds a chunk, what was said, what completed. */
#include "node/core.h"
#include "vid/code.h"

static bool voted_by(const struct instance *i, node_id from)
{
    return nodeset_has(&i->server.voted[0], from) || nodeset_has(&i->server.voted[1], from) ||
           nodeset_has(&i->server.voted[2], from);
}

/* Who has said anything; the machine forgets it when it completes. */
static struct nodeset voters(const struct instance *i)
{
    struct nodeset all = i->server.voted[0];
    for (unsigned w = 0; w < NODES_MAX / 64; w++)
        all.words[w] |= i->server.voted[1].words[w] | i->server.voted[2].words[w];
    return all;
}

static struct voting *voting(struct node *n, node_id from, node_id proposer)
{
    return &n->instances.voting[(size_t)from * n->quorum.n + proposer];
}

/* Another process has our key, or we lost our data and have dispersed before: what all others have
 * is ours now. */
static void not_ours(struct node *n, struct instance *i, struct effects *out)
{
    i->block = BLOCK_NONE;
    i->count = 0;
    effects_fault(out, n->self, FAULT_EQUIVOCATION);
}

static void completed(struct node *n, struct instance *i, struct effects *out)
{
    if (i->block != BLOCK_NONE && !hash_equal(&i->chunk_root, &i->server.root))
        not_ours(n, i, out);
    if (i->server.sent_got || i->checking)
        n->instances.got_open[i->proposer]--;
    history_set(&n->completed, i->epoch, i->proposer);
    n->instances.open--;
    n->view.completed++;
    instance_save(n, i, out);
    if (i->chunk_size > 0 && hash_equal(&i->chunk_root, &i->server.root))
        ahead_dispersed(n, i->epoch, i->chunk_size);
    if (i->proposer == n->self) {
        propose_completed(n, i->epoch);
        stages_complete(n, i->epoch);
        /* Who has not got its chunk can fetch k now: it need not wait for this one too. */
        effects_add(out, EFFECT_WITHDRAW, i->epoch, i->proposer);
    }
    if (i->block == BLOCK_GOOD && i->count > 0)
        delivery_payload(n, i->epoch, i->proposer);
    if (node_in_flight(n, i->epoch))
        epoch_completed(n, i->epoch, i->proposer, out);
    if (delivery_fetches(n, i))
        retrieval_want(n, i);
}

static void send_root(const struct instance *i, enum vid_vote vote, const struct hash *root,
                      bool as_got, struct effects *out)
{
    struct effect *send = effects_add(out, EFFECT_SEND_ROOT, i->epoch, i->proposer);
    send->to = TO_ALL;
    send->root.vote = vote;
    send->root.root = *root;
    send->root.as_got = as_got;
}

/* What the machine says after a step, made durable and sent. `before`: whose votes it held. */
static void apply(struct node *n, struct instance *i, const struct vid_server_effects *e,
                  const struct nodeset *before, node_id from, struct effects *out)
{
    for (unsigned k = e->completed ? nodeset_next(before, 0) : NODES_MAX; k < NODES_MAX;
         k = nodeset_next(before, k + 1))
        if (k != n->self)
            voting(n, (node_id)k, i->proposer)->count--;
    if (e->fault != FAULT_NONE)
        effects_fault(out, from, e->fault);
    if (e->send_ready) {
        if (!e->completed)
            instance_save(n, i, out);
        const struct vid_server *s = &i->server;
        send_root(i, VID_READY, &s->ready_root,
                  s->sent_got && hash_equal(&s->got_root, &s->ready_root), out);
    }
    if (e->completed)
        completed(n, i, out);
}

static void say_got(struct node *n, struct instance *i, const struct hash *root,
                    struct effects *out)
{
    const struct nodeset before = voters(i);
    struct vid_server_effects e;
    vid_server_got(&i->server, &n->instances.pool, n->quorum, n->self, root, &e);
    instance_save(n, i, out);
    send_root(i, VID_GOT, root, false, out);
    apply(n, i, &e, &before, n->self, out);
}

bool dispersal_tell(const struct node *n, epoch_id epoch, node_id proposer, struct effects *out)
{
    const struct instance *i = instance_find(n, epoch, proposer);
    if (!i || i->server.complete)
        return false;
    if (i->server.sent_got)
        send_root(i, VID_GOT, &i->server.got_root, false, out);
    if (i->server.sent_ready)
        send_root(i, VID_READY, &i->server.ready_root, false, out);
    return i->server.sent_got || i->server.sent_ready;
}

/* Epochs whose dispersals are still of use: not given up, and not ahead of the window. */
static bool of_use(const struct node *n, epoch_id epoch)
{
    return epoch < n->first_unsealed + n->options.epoch_window && epoch >= delivery_horizon(n);
}

/* What is given up no one tallies, and it holds nobody's place. */
static void give_up(struct node *n, struct instance *i)
{
    const struct nodeset from = voters(i);
    for (unsigned k = nodeset_next(&from, 0); k < NODES_MAX; k = nodeset_next(&from, k + 1))
        if (k != n->self)
            voting(n, (node_id)k, i->proposer)->count--;
    if (i->server.sent_got)
        n->instances.got_open[i->proposer]--;
    if (i->proposer == n->self)
        propose_completed(n, i->epoch);
    vid_server_release(&i->server, &n->instances.pool);
    instance_listen(n, i);
    i->wanted = false;
}

void dispersal_give_up(struct node *n)
{
    struct instances *t = &n->instances;
    for (uint32_t at = 0; at < t->used; at++) {
        struct instance *i = &t->items[at];
        if (i->epoch == 0 || i->server.complete || i->checking ||
            i->epoch + n->options.link_horizon > n->delivery.executed)
            continue;
        give_up(n, i);
        instance_retire(n, i);
    }
}

/* Room for a vote of `from` on (epoch, p): its newest incomplete instance gives way to an older
 * one, so that all senders' votes meet on the oldest. Who votes on newer ones only is told so
 * without a look at all that others hold of p. */
static bool make_room(struct node *n, node_id from, epoch_id epoch, node_id p)
{
    struct voting *v = voting(n, from, p);
    if (v->count < VOTES_PER_OPEN * n->options.open_dispersals)
        return true;
    if (epoch >= v->newest)
        return false;
    struct instances *t = &n->instances;
    struct instance *newest = NULL;
    for (uint32_t at = t->siblings[p]; at != NONE; at = t->items[at].sibling_next) {
        struct instance *i = &t->items[at];
        if (!i->server.complete && voted_by(i, from) && (!newest || i->epoch > newest->epoch))
            newest = i;
    }
    v->newest = newest ? newest->epoch : 0;
    if (epoch >= v->newest)
        return false;
    vid_server_forget(&newest->server, &t->pool, from);
    v->count--;
    instance_retire(n, newest);
    return true;
}

static void vote(struct node *n, node_id from, epoch_id epoch, node_id p, enum vid_vote kind,
                 const struct hash *root, struct effects *out)
{
    struct instances *t = &n->instances;
    struct instance *i = instance_find(n, epoch, p);
    if (i ? i->server.complete
          : history_has(&n->completed, epoch, p) || history_has(&n->delivered, epoch, p))
        return; /* A snapshot may stand for more than the ring of what is complete holds. */
    const bool first = !i || !voted_by(i, from);
    if (first && !make_room(n, from, epoch, p))
        return;
    /* Where our READY alone is left, no sender's tally holds it, and it stays: without end. */
    const size_t kept = instances_reserved(&n->options);
    if (t->pool.used + TALLIES * kept >= t->pool.capacity || (!i && t->count + kept >= t->capacity))
        return;
    i = instance_make(n, epoch, p);
    const struct nodeset before = voters(i);
    struct vid_server_effects e;
    vid_server_receive(&i->server, &t->pool, n->quorum, n->self, from, kind, root, &e);
    if (first && voted_by(i, from)) {
        struct voting *v = voting(n, from, p);
        v->count++;
        v->newest = epoch > v->newest ? epoch : v->newest;
    }
    apply(n, i, &e, &before, from, out);
    instance_retire(n, i);
}

/* Whether what is said of dispersals of an epoch is of use; the epoch is heard of. */
static bool hear(struct node *n, epoch_id epoch)
{
    if (!of_use(n, epoch))
        return false;
    if (node_in_flight(n, epoch)) {
        epoch_open(n, epoch);
        if (epoch > n->proposing.heard)
            n->proposing.heard = epoch;
    }
    return true;
}

/* One whose GOT did not come, or was forgotten, is asked again for all it has said. */
void dispersal_ready(struct node *n, node_id from, const struct message *m, struct effects *out)
{
    const struct nodeset *set = &m->ready.proposers;
    if (!hear(n, m->epoch))
        return;
    for (unsigned p = nodeset_next(set, 0); p < NODES_MAX; p = nodeset_next(set, p + 1)) {
        const struct instance *i = instance_find(n, m->epoch, (node_id)p);
        struct hash root;
        if (i && vid_server_said(&i->server, &n->instances.pool, from, VID_GOT, &root))
            vote(n, from, m->epoch, (node_id)p, VID_READY, &root, out);
    }
}

void dispersal_votes(struct node *n, node_id from, const struct message *m, struct effects *out)
{
    if (!hear(n, m->epoch))
        return;
    for (unsigned k = 0; k < m->roots.count; k++) {
        node_id proposer;
        struct hash root;
        message_root_entry(m, k, &proposer, &root);
        vote(n, from, m->epoch, proposer, m->roots.vote, &root, out);
    }
}

/* Whether it is to be checked; its instance is marked so. */
static bool takes_chunk(struct node *n, node_id from, const struct message *m)
{
    if (history_has(&n->delivered, m->epoch, from) || !hear(n, m->epoch))
        return false;
    struct instance *i = instance_find(n, m->epoch, from);
    const bool complete = i ? i->server.complete : history_has(&n->completed, m->epoch, from);
    if (i ? i->checking || i->has_chunk || i->block != BLOCK_NONE : complete)
        return false;
    if (!complete) {
        if (m->epoch <= n->silent || n->disk_full)
            return false; /* It comes again when there is room. */
        if (n->instances.got_open[from] >= n->options.open_dispersals)
            return false; /* It comes again when others have completed. */
        i = instance_make(n, m->epoch, from);
        if (!i)
            return false;
        n->instances.got_open[from]++;
    }
    return i->checking = true;
}

static void check(epoch_id epoch, node_id from, const struct vid_header *header,
                  struct effects *out)
{
    struct effect *e = effects_add(out, EFFECT_WORK, epoch, from);
    e->work.kind = WORK_CHECK;
    e->work.header = *header;
}

/* One that comes when its dispersal has completed without it is one of those that are fetched
 * anyway, and others can fetch it here. What completed lately is in memory, what is older is looked
 * up, one of each proposer at a time. */
static bool late(const struct node *n, node_id from, epoch_id epoch)
{
    return !instance_find(n, epoch, from) && history_has(&n->completed, epoch, from) &&
           !history_has(&n->delivered, epoch, from) && of_use(n, epoch) &&
           epoch >= history_base(&n->completed) && !nodeset_has(&n->instances.late, from);
}

void dispersal_chunk(struct node *n, node_id from, const struct message *m, struct effects *out)
{
    if (late(n, from, m->epoch)) {
        n->instances.looked =
            (struct late_chunk){m->epoch, from, (uint32_t)m->chunk.data.size, m->chunk.header};
        effects_add(out, EFFECT_LOOK, m->epoch, from);
    } else if (takes_chunk(n, from, m)) {
        check(m->epoch, from, &m->chunk.header, out);
    } else {
        n->view.wasted_chunks += m->chunk.data.size;
    }
}

bool dispersal_looked(struct node *n, const struct event *event, struct effects *out)
{
    const struct late_chunk c = n->instances.looked;
    const struct instance_record *r = &event->instance.record;
    if (c.epoch != event->instance.epoch || c.proposer != event->instance.proposer)
        return false;
    n->instances.looked.epoch = 0;
    struct instance *i = NULL;
    if (r->complete && !r->chunk && r->block == BLOCK_NONE)
        i = instance_restore(n, c.epoch, c.proposer, r);
    if (!i || i->checking) {
        n->view.wasted_chunks += c.size;
        return true;
    }
    i->checking = i->late = true;
    nodeset_add(&n->instances.late, c.proposer);
    check(c.epoch, c.proposer, &c.header, out);
    return true;
}

/* Whether its block is larger than any may be, whatever it names as seen: nobody says GOT then. */
static bool too_large(const struct node *n, uint32_t chunk_size)
{
    const size_t most = n->options.block_bytes_max + block_overhead(link_seen_size_max(n->quorum));
    return chunk_size > code_chunk_size_of(quorum_data(n->quorum), most);
}

void dispersal_checked(struct node *n, const struct work_result *r, struct effects *out)
{
    struct instance *i = instance_find(n, r->epoch, r->proposer);
    assert(i);
    assert(i->checking);
    i->checking = false;
    if (i->late)
        nodeset_remove(&n->instances.late, r->proposer);
    i->late = false;
    const bool complete = i->server.complete;
    if (!of_use(n, r->epoch)) { /* Over: neither promised nor kept. */
        n->instances.got_open[r->proposer] -= !complete;
        if (!complete)
            give_up(n, i);
    } else if (!r->valid || (!complete && too_large(n, r->chunk_size))) {
        if (!complete)
            n->instances.got_open[r->proposer]--;
        effects_fault(out, r->proposer, FAULT_BAD_PROOF);
    } else if (!complete || hash_equal(&r->root, &i->server.root)) {
        i->has_chunk = true;
        i->chunk_root = r->root;
        i->chunk_size = r->chunk_size;
        effects_add(out, EFFECT_STORE_CHUNK, i->epoch, i->proposer);
        if (complete) {
            if (i->epoch > n->ahead.rank) /* Else f+1 may have executed it. */
                ahead_dispersed(n, i->epoch, i->chunk_size);
            instance_save(n, i, out);
            retrieval_own_chunk(n, i, out);
        } else {
            say_got(n, i, &r->root, out);
        }
    }
    instance_retire(n, i);
}

void dispersal_encoded(struct node *n, const struct work_result *r, struct effects *out)
{
    /* Its epoch was over before it was coded, or it has completed, with what we do not know. */
    if (!of_use(n, r->epoch) || history_has(&n->completed, r->epoch, n->self)) {
        n->proposing.taking = 0;
        return;
    }
    struct instance *i = instance_make(n, r->epoch, n->self);
    assert(i); /* Our own have room of their own. */
    i->has_chunk = true;
    i->chunk_root = r->root;
    i->block = BLOCK_GOOD;
    i->count = r->count;
    i->chunk_size = r->chunk_size;
    n->instances.got_open[n->self]++;
    effects_add(out, EFFECT_STORE_BLOCK, i->epoch, i->proposer);
    effects_add(out, EFFECT_STORE_CHUNK, i->epoch, i->proposer);
    const struct nodeset now =
        propose_own(n, r->epoch, r->chunk_size * (uint64_t)quorum_data(n->quorum));
    say_got(n, i, &r->root, out);
    for (unsigned to = nodeset_next(&now, 0); to < NODES_MAX; to = nodeset_next(&now, to + 1))
        if (to != n->self && node_peer_takes(n, (node_id)to, r->epoch))
            effects_add(out, EFFECT_SEND_CHUNK, r->epoch, n->self)->to = (node_id)to;
    instance_retire(n, i);
}
