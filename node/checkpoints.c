/* What all sign of the ledger: our own checkpoints, as epochs are executed, and the others'
 * signatures of the same. A node takes signatures only of what it has executed itself; what came
 * before is asked for again, and answered from the store. Who dies after it has executed one, and the
 * next epoch, and has neither signed yet nor seen another's signature, leaves that one out: what the
 * ledger was then, it does not know any more. */
#include "node/core.h"

static struct checkpoint_slot *slot_of(struct node *n, epoch_id epoch)
{
    const uint64_t every = n->options.checkpoint_epochs;
    if (every == 0 || epoch == 0 || epoch % every != 0)
        return NULL;
    return &n->checkpoints.slots[epoch / every % CHECKPOINTS_OPEN];
}

static struct checkpoint_slot *slot_find(struct node *n, epoch_id epoch)
{
    struct checkpoint_slot *s = slot_of(n, epoch);
    return s && s->epoch == epoch ? s : NULL;
}

static void slot_open(struct checkpoint_slot *s, epoch_id epoch)
{
    struct identity_signature *signatures = s->signatures;
    struct hash *others = s->others;
    *s = (struct checkpoint_slot){.epoch = epoch, .others = others, .signatures = signatures};
    s->checkpoint.epoch = epoch;
}

void checkpoints_delivered(struct node *n, epoch_id epoch)
{
    struct checkpoint_slot *s = slot_of(n, epoch);
    if (!s)
        return;
    slot_open(s, epoch);
    s->checkpoint.delivered_root =
        checkpoint_delivered(&n->delivered, epoch, n->options.link_horizon);
}

void checkpoints_executed(struct node *n, const struct executed *x, struct effects *out)
{
    struct checkpoint_slot *s = slot_find(n, x->epoch);
    if (!s || s->executed)
        return;
    s->executed = true;
    s->checkpoint.height = x->height;
    s->checkpoint.log_root = x->log_root;
    s->checkpoint.state_root = x->state_root;
    n->checkpoints.last = x->epoch;
    n->checkpoints.asked_ms = n->now_ms;
    n->checkpoints.wait_ms = propose_normal_ms(n);
    struct effect *e = effects_add(out, EFFECT_CHECKPOINT, x->epoch, n->self);
    e->checkpoint = (struct checkpoint_record){.checkpoint = s->checkpoint};
}

/* Shown once f+1 have signed. */
static void has_signers(struct node *n, const struct checkpoint_slot *s)
{
    const unsigned count = nodeset_count(&s->signers);
    if (count < quorum_some(n->quorum) || s->epoch < n->view.checkpoint)
        return;
    n->view.checkpoint = s->epoch;
    n->view.checkpoint_signers = count;
}

static void say(const struct node *n, const struct checkpoint_slot *s, struct effects *out)
{
    struct effect *e = effects_add(out, EFFECT_SEND, s->epoch, n->self);
    e->to = TO_ALL;
    e->message.kind = MESSAGE_CHECKPOINT;
    e->message.epoch = s->epoch;
    e->message.checkpoint.digest = s->digest;
    e->message.checkpoint.signature = s->signatures[n->self];
}

static void known(struct node *n, struct checkpoint_slot *s, const struct checkpoint_record *r,
                  const struct hash *digest)
{
    s->known = true;
    s->digest = *digest;
    s->signers = r->signers;
    for (unsigned p = nodeset_next(&s->signers, 0); p < NODES_MAX;
         p = nodeset_next(&s->signers, p + 1))
        s->signatures[p] = r->signatures[p];
    has_signers(n, s);
}

static void say_or_sign(struct node *n, const struct checkpoint_slot *s, struct effects *out)
{
    if (nodeset_has(&s->signers, n->self)) { /* Before a restart. */
        say(n, s, out);
        return;
    }
    struct effect *e = effects_add(out, EFFECT_WORK, s->epoch, n->self);
    e->work.kind = WORK_SIGN;
    e->work.root = s->digest;
}

/* Those who have executed it too. What they said when they did came too early for us. */
static void ask(struct node *n, const struct checkpoint_slot *s, struct effects *out)
{
    for (unsigned p = 0; p < n->quorum.n; p++) {
        if (p == n->self || nodeset_has(&s->signers, p) || nodeset_has(&s->bad, p) ||
            n->peers[p].word.executed < s->epoch)
            continue;
        struct effect *e = effects_add(out, EFFECT_SEND, s->epoch, n->self);
        e->to = (node_id)p;
        e->message.kind = MESSAGE_WANT_CHECKPOINT;
        e->message.epoch = s->epoch;
    }
}

void checkpoints_looked(struct node *n, const struct event *event, struct effects *out)
{
    const struct checkpoint_record *r = &event->checkpoint.record;
    struct checkpoint_slot *s = slot_find(n, r->checkpoint.epoch);
    if (!s || s->known)
        return;
    known(n, s, r, &event->checkpoint.digest);
    say_or_sign(n, s, out);
    ask(n, s, out);
}

void node_restore_checkpoint(struct node *n, const struct checkpoint_record *r,
                             const struct hash *digest)
{
    struct checkpoint_slot *s = slot_of(n, r->checkpoint.epoch);
    assert(s);
    slot_open(s, r->checkpoint.epoch);
    s->executed = true;
    s->checkpoint = r->checkpoint;
    known(n, s, r, digest);
    n->checkpoints.last = s->epoch;
}

void checkpoints_start(struct node *n, struct effects *out)
{
    struct checkpoints *c = &n->checkpoints;
    const struct checkpoint_slot *restored = slot_find(n, c->last);
    checkpoints_delivered(n, n->delivery.executed);
    c->asked_ms = n->now_ms;
    c->wait_ms = propose_normal_ms(n);
    n->delivery.busy = n->delivery.executed; /* It may have been. */
    if (restored)
        say_or_sign(n, restored, out);
}

static void add(struct node *n, struct checkpoint_slot *s, node_id signer,
                const struct identity_signature *signature, struct effects *out)
{
    nodeset_add(&s->signers, signer);
    s->signatures[signer] = *signature;
    has_signers(n, s);
    struct effect *e = effects_add(out, EFFECT_RECORD_CHECKPOINT, s->epoch, signer);
    e->checkpoint = (struct checkpoint_record){s->checkpoint, s->signers, s->signatures};
}

void checkpoints_signed(struct node *n, const struct work_result *r, struct effects *out)
{
    struct checkpoint_slot *s = slot_find(n, r->epoch);
    if (!s || !s->known || nodeset_has(&s->signers, n->self))
        return;
    add(n, s, n->self, &r->signature, out);
    say(n, s, out);
}

void checkpoints_message(struct node *n, node_id from, const struct message *m, struct effects *out)
{
    struct checkpoint_slot *s = slot_find(n, m->epoch);
    if (!s || !s->known || nodeset_has(&s->signers, from) || nodeset_has(&s->bad, from) ||
        !nodeset_add(&s->verifying, from))
        return;
    struct effect *e = effects_add(out, EFFECT_WORK, m->epoch, from);
    e->work.kind = WORK_VERIFY;
    e->work.root = m->checkpoint.digest;
    e->work.signature = &m->checkpoint.signature;
}

/* f+1 that have signed one other ledger are right: one of them is correct. */
static void differs(struct node *n, struct checkpoint_slot *s, node_id signer,
                    const struct hash *digest, struct effects *out)
{
    unsigned same = 0;
    nodeset_add(&s->differ, signer);
    s->others[signer] = *digest;
    for (unsigned p = nodeset_next(&s->differ, 0); p < NODES_MAX;
         p = nodeset_next(&s->differ, p + 1))
        same += hash_equal(&s->others[p], digest);
    if (same >= quorum_some(n->quorum))
        effects_add(out, EFFECT_OTHER_STATE, s->epoch, signer);
}

void checkpoints_verified(struct node *n, const struct work_result *r, struct effects *out)
{
    struct checkpoint_slot *s = slot_find(n, r->epoch);
    if (!s)
        return;
    nodeset_remove(&s->verifying, r->proposer);
    const bool ours = hash_equal(&r->root, &s->digest);
    if (r->valid && ours) {
        if (!nodeset_has(&s->signers, r->proposer))
            add(n, s, r->proposer, &r->signature, out);
        return;
    }
    nodeset_add(&s->bad, r->proposer);
    effects_fault(out, r->proposer, r->valid ? FAULT_OTHER_STATE : FAULT_BAD_SIGNATURE);
    if (r->valid)
        differs(n, s, r->proposer, &r->root, out);
}

/* An idle cluster does not leave its last transactions unsigned for ever. */
static void look_whether_open(struct node *n)
{
    const uint64_t every = n->options.checkpoint_epochs;
    const struct delivery_state *d = &n->delivery;
    if (every == 0 || d->busy <= d->executed / every * every)
        n->checkpoints.open_ms = 0;
    else if (n->checkpoints.open_ms == 0)
        n->checkpoints.open_ms = n->now_ms;
}

bool checkpoints_due(const struct node *n)
{
    const uint64_t open_ms = n->checkpoints.open_ms;
    return open_ms != 0 && n->now_ms >= open_ms + n->options.checkpoint_delay_ms;
}

/* Of the last one. */
void checkpoints_tick(struct node *n, struct effects *out)
{
    struct checkpoints *c = &n->checkpoints;
    look_whether_open(n);
    const struct checkpoint_slot *s = slot_find(n, c->last);
    if (!s || !s->known || n->now_ms < c->asked_ms + c->wait_ms)
        return;
    c->asked_ms = n->now_ms;
    if (c->wait_ms < BACKOFF_MAX * n->options.retry_ms)
        c->wait_ms *= 2;
    ask(n, s, out);
}
