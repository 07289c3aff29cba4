#include "node/event.h"

#include <stdio.h>

struct effect *effects_add(struct effects *e, enum effect_type type, epoch_id epoch,
                           node_id proposer)
{
    assert(e->count < e->capacity);
    struct effect *effect = &e->items[e->count++];
    effect->type = type;
    effect->to = 0;
    effect->epoch = epoch;
    effect->proposer = proposer;
    return effect;
}

void effects_fault(struct effects *e, node_id peer, enum fault fault)
{
    struct effect *effect = effects_add(e, EFFECT_FAULT, 0, 0);
    effect->to = peer;
    effect->fault = fault;
}

static const char *const effect_names[] = {
    [EFFECT_RECORD_VOTE] = "record_vote",
    [EFFECT_RECORD_INSTANCE] = "record_instance",
    [EFFECT_RECORD_OUTCOME] = "outcome",
    [EFFECT_STORE_CHUNK] = "store_chunk",
    [EFFECT_STORE_BLOCK] = "store_block",
    [EFFECT_RECORD_CHECKPOINT] = "record_checkpoint",
    [EFFECT_GIVE_UP] = "give_up",
    [EFFECT_PRUNE] = "prune",
    [EFFECT_SEND_VOTE] = "send_vote",
    [EFFECT_SEND_ROOT] = "send_root",
    [EFFECT_SEND] = "send",
    [EFFECT_SEND_WORD] = "send_word",
    [EFFECT_SEND_CHUNK] = "send_chunk",
    [EFFECT_WITHDRAW] = "withdraw",
    [EFFECT_SERVE] = "serve",
    [EFFECT_UNSERVE] = "unserve",
    [EFFECT_ANSWER_VOTES] = "answer_votes",
    [EFFECT_ANSWER_ROOTS] = "answer_roots",
    [EFFECT_ANSWER_CHECKPOINT] = "answer_checkpoint",
    [EFFECT_WORK] = "work",
    [EFFECT_FETCH] = "fetch",
    [EFFECT_GATHER] = "gather",
    [EFFECT_UNFETCH] = "unfetch",
    [EFFECT_TAKE] = "take",
    [EFFECT_LOAD] = "load",
    [EFFECT_LOOK] = "look",
    [EFFECT_SEEN] = "seen",
    [EFFECT_CHECKPOINT] = "checkpoint",
    [EFFECT_OTHER_STATE] = "other_state",
    [EFFECT_GO_ON] = "go_on",
    [EFFECT_DELIVER] = "deliver",
    [EFFECT_END_EPOCH] = "end_epoch",
    [EFFECT_FAULT] = "fault",
};

static void work_detail(const struct effect *e, char *text, size_t size)
{
    if (e->work.kind == WORK_DECODE)
        snprintf(text, size, " kind=%d slot=%u", (int)e->work.kind, e->work.slot);
    else if (e->work.kind == WORK_SHARE || e->work.kind == WORK_TOSS)
        snprintf(text, size, " kind=%d round=%u", (int)e->work.kind, e->work.round);
    else
        snprintf(text, size, " kind=%d", (int)e->work.kind);
}

/* The part of the text that only some types have. */
static void detail(const struct effect *e, char *text, size_t size)
{
    static const char *const vote_names[] = {"", "bval", "aux", "conf", "share", "term"};
    static const char *const root_names[] = {"", "got", "ready", "complete"};
    text[0] = 0;
    if (e->type == EFFECT_RECORD_VOTE || e->type == EFFECT_SEND_VOTE)
        snprintf(text, size, " %s round=%u values=%u", vote_names[e->vote.type], e->vote.round,
                 e->vote.values);
    else if (e->type == EFFECT_SEND_ROOT)
        snprintf(text, size, " %s %02x%02x", root_names[e->root.vote], e->root.root.bytes[0],
                 e->root.root.bytes[1]);
    else if (e->type == EFFECT_SEND)
        snprintf(text, size, " kind=%d", (int)e->message.kind);
    else if (e->type == EFFECT_WORK)
        work_detail(e, text, size);
    else if (e->type == EFFECT_DELIVER)
        snprintf(text, size, " position=%llu with=%llu valid=%d",
                 (unsigned long long)e->delivery.position,
                 (unsigned long long)e->delivery.with_epoch, e->delivery.valid);
    else if (e->type == EFFECT_FAULT)
        snprintf(text, size, " %s", fault_name(e->fault));
}

void effect_text(const struct effect *e, char *text, size_t size)
{
    char more[96];
    detail(e, more, sizeof more);
    snprintf(text, size, "%s epoch=%llu proposer=%u to=%d%s", effect_names[e->type],
             (unsigned long long)e->epoch, e->proposer, e->to == TO_ALL ? -1 : (int)e->to, more);
}
