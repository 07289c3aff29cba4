/* Agreements of the epochs in flight, and their coins. */
#include "node/core.h"

void epoch_open(struct node *n, epoch_id e)
{
    struct epoch *slot = node_epoch(n, e);
    if (slot->id == e) {
        slot->active = true;
        return;
    }
    assert(slot->id < n->first_unsealed); /* Sealed, and given away. */
    struct ba *bas = slot->bas;
    struct toss *tosses = slot->tosses;
    *slot = (struct epoch){
        .id = e, .active = true, .bas = bas, .tosses = tosses, .changed_ms = n->now_ms};
    for (unsigned j = 0; j < n->quorum.n; j++) {
        ba_init(&bas[j], n->quorum, n->self);
        toss_init(&tosses[j], n->quorum, n->self, tosses[j].rounds[0].shares);
    }
    history_advance(&n->completed, e + n->options.epoch_window);
}

static void apply(struct node *n, struct epoch *e, node_id j, const struct ba_effects *b,
                  node_id from, struct effects *out);

static void toss_work(const struct epoch *e, node_id j, enum work_kind kind, unsigned round,
                      struct effects *out)
{
    struct effect *work = effects_add(out, EFFECT_WORK, e->id, j);
    work->work.kind = kind;
    work->work.round = (uint8_t)round;
    work->work.toss = &e->tosses[j];
}

static void toss_apply(struct node *n, struct epoch *e, node_id j, unsigned round,
                       const struct toss_effects *t, node_id from, struct effects *out)
{
    if (t->fault != FAULT_NONE)
        effects_fault(out, from, t->fault);
    if (t->make)
        toss_work(e, j, WORK_SHARE, round, out);
    if (t->count)
        toss_work(e, j, WORK_TOSS, round, out);
    if (t->known) {
        struct ba_effects b;
        ba_coin(&e->bas[j], round, t->value, &b);
        n->view.coins_tossed++;
        apply(n, e, j, &b, n->self, out);
    }
}

/* What an agreement says: recorded, then sent to all. */
static void say(struct node *n, struct epoch *e, node_id j, const struct ba_message *m,
                struct effects *out)
{
    e->changed_ms = n->now_ms;
    n->progress++;
    effects_add(out, EFFECT_RECORD_VOTE, e->id, j)->vote = *m;
    if (m->type == BA_SHARE) {
        struct toss_effects t;
        toss_release(&e->tosses[j], m->round, &t);
        toss_apply(n, e, j, m->round, &t, n->self, out); /* A value never comes of it at once. */
        return;
    }
    struct effect *send = effects_add(out, EFFECT_SEND_VOTE, e->id, j);
    send->to = TO_ALL;
    send->vote = *m;
}

/* Everything but what follows for the other agreements of the epoch: that is for settle. */
static void apply(struct node *n, struct epoch *e, node_id j, const struct ba_effects *b,
                  node_id from, struct effects *out)
{
    if (b->fault != FAULT_NONE)
        effects_fault(out, from, b->fault);
    for (unsigned k = 0; k < b->count; k++)
        say(n, e, j, &b->messages[k], out);
    const struct ba *ba = &e->bas[j];
    toss_advance(&e->tosses[j], ba->round);
    if (ba->round > n->view.rounds_max)
        n->view.rounds_max = ba->round;
    if (b->decided) {
        n->view.agreements++;
        n->view.rounds += ba->round; /* Over: one that is decided has gone on. */
        nodeset_add(&e->decided, j);
        if (ba->decision)
            nodeset_add(&e->ones, j);
        n->progress++;
    }
    if (b->closed) {
        nodeset_add(&e->closed, j);
        n->view.late_closed += e->agreed;
        n->progress++;
    }
}

static void settle(struct node *n, struct epoch *e, struct effects *out)
{
    const struct quorum q = n->quorum;
    if (!e->zeros_put && nodeset_count(&e->ones) >= quorum_all(q)) {
        e->zeros_put = true;
        for (unsigned j = 0; j < q.n; j++) {
            struct ba_effects b;
            ba_propose(&e->bas[j], false, &b);
            apply(n, e, (node_id)j, &b, n->self, out);
        }
    }
    if (!e->agreed && nodeset_count(&e->decided) == q.n) {
        e->agreed = true;
        n->view.accepted += nodeset_count(&e->ones);
        n->progress++;
        stages_agreed(n, e->id);
        delivery_agreed(n, e);
    }
    if (!e->sealed && nodeset_count(&e->closed) == q.n)
        epoch_seal(n, out);
}

void epoch_votes(struct node *n, node_id from, const struct message *m, struct effects *out)
{
    if (!node_in_flight(n, m->epoch)) {
        witness_votes(n, from, m, out);
        return;
    }
    epoch_open(n, m->epoch);
    struct epoch *e = node_epoch(n, m->epoch);
    if (e->sealed)
        return;
    nodeset_add(&e->heard, from);
    if (m->epoch > n->proposing.heard)
        n->proposing.heard = m->epoch;
    for (unsigned j = nodeset_next(&m->votes.proposers, 0); j < NODES_MAX;
         j = nodeset_next(&m->votes.proposers, j + 1)) {
        struct ba_effects b;
        ba_receive(&e->bas[j], from, &m->votes.vote, &b);
        apply(n, e, (node_id)j, &b, from, out);
    }
    settle(n, e, out);
}

void epoch_completed(struct node *n, epoch_id id, node_id proposer, struct effects *out)
{
    epoch_open(n, id);
    struct epoch *e = node_epoch(n, id);
    if (proposer == n->self)
        propose_compared(n, id, e->some_ms);
    else if (++e->others == quorum_some(n->quorum))
        e->some_ms = n->now_ms;
    if (e->sealed)
        return;
    struct ba_effects b;
    ba_propose(&e->bas[proposer], true, &b);
    apply(n, e, proposer, &b, n->self, out);
    settle(n, e, out);
}

static struct epoch *unsealed(struct node *n, epoch_id id)
{
    if (!node_in_flight(n, id) || node_epoch(n, id)->id != id || node_epoch(n, id)->sealed)
        return NULL;
    return node_epoch(n, id);
}

void epoch_share(struct node *n, node_id from, const struct message *m, struct effects *out)
{
    struct epoch *e = unsealed(n, m->epoch);
    if (!e)
        return;
    struct toss_effects t;
    toss_receive(&e->tosses[m->proposer], e->bas[m->proposer].round, from, m->share.round,
                 &m->share.share, &t);
    toss_apply(n, e, m->proposer, m->share.round, &t, from, out);
    settle(n, e, out);
}

void epoch_share_made(struct node *n, const struct work_result *r, struct effects *out)
{
    struct epoch *e = unsealed(n, r->epoch);
    if (!e)
        return;
    struct toss_effects t;
    toss_made(&e->tosses[r->proposer], r->round, &r->share, &t);
    struct effect *send = effects_add(out, EFFECT_SEND, e->id, r->proposer);
    send->to = TO_ALL;
    send->message = (struct message){.kind = MESSAGE_SHARE,
                                     .epoch = e->id,
                                     .proposer = r->proposer,
                                     .share = {r->round, r->share}};
    toss_apply(n, e, r->proposer, r->round, &t, n->self, out);
    settle(n, e, out);
}

void epoch_tossed(struct node *n, const struct work_result *r, struct effects *out)
{
    struct epoch *e = unsealed(n, r->epoch);
    if (!e)
        return;
    for (unsigned j = nodeset_next(&r->toss.bad, 0); j < NODES_MAX;
         j = nodeset_next(&r->toss.bad, j + 1))
        effects_fault(out, (node_id)j, FAULT_BAD_SHARE);
    struct toss_effects t;
    toss_counted(&e->tosses[r->proposer], r->round, &r->toss, &t);
    toss_apply(n, e, r->proposer, r->round, &t, n->self, out);
    settle(n, e, out);
}

void epoch_seal(struct node *n, struct effects *out)
{
    for (epoch_id id = n->first_unsealed; node_in_flight(n, id); id++) {
        struct epoch *e = node_epoch(n, id);
        if (e->id == id && !e->sealed && nodeset_count(&e->closed) == n->quorum.n) {
            assert(e->agreed);
            e->sealed = true;
            struct effect *record = effects_add(out, EFFECT_RECORD_OUTCOME, id, 0);
            record->outcome.accepted = e->ones;
            record->outcome.first_unsealed = 0;
            n->progress++;
        }
    }
    while (node_epoch(n, n->first_unsealed)->id == n->first_unsealed &&
           node_epoch(n, n->first_unsealed)->sealed) {
        n->first_unsealed++;
        history_advance(&n->completed, n->first_unsealed + n->options.epoch_window);
    }
    if (out->count > 0 && out->items[out->count - 1].type == EFFECT_RECORD_OUTCOME)
        out->items[out->count - 1].outcome.first_unsealed = n->first_unsealed;
}

void epoch_start(struct node *n, struct effects *out)
{
    for (epoch_id id = n->first_unsealed; node_in_flight(n, id); id++) {
        struct epoch *e = node_epoch(n, id);
        if (e->id != id || e->sealed)
            continue;
        for (unsigned j = 0; j < n->quorum.n; j++)
            for (unsigned k = 0; k < TOSS_ROUNDS; k++) {
                const struct toss_round *t = &e->tosses[j].rounds[k];
                if (t->used && t->released && !t->own)
                    toss_work(e, (node_id)j, WORK_SHARE, t->round, out);
            }
        settle(n, e, out);
    }
}
