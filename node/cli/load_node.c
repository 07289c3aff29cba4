/* A load's dealings with one node. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "node/cli/load.h"

/* SUBMIT or TX, whichever is sent now: they are encoded one at a time. */
static uint8_t request_items[CLIENT_FRAME_SIZE_MAX - CLIENT_HEADER_SIZE - 4];

static void settle(struct load *l, struct load_item *item)
{
    assert(!item->settled);
    item->settled = true;
    l->settled++;
}

static void acknowledge(struct load *l, struct load_item *item, const struct hash *id)
{
    if (item->acknowledged)
        return;
    item->acknowledged = true;
    item->id = *id;
    l->counts.acknowledged++;
    if (l->ids) {
        char hex[2 * HASH_SIZE + 1];
        hex_encode(hash_slice(id), hex);
        if (fprintf(l->ids, "%s\n", hex) < 0 && !l->ids_error)
            l->ids_error = errno;
    }
}

static void finish(struct load *l, struct load_item *item, bool failed, uint64_t now_us)
{
    settle(l, item);
    l->last_us = now_us;
    l->counts.failed += failed;
    l->counts.executed += !failed;
    l->counts.bytes += failed ? 0 : item->size;
    if ((double)item->due_us >= (double)l->start_us + l->warmup_s * 1e6)
        histogram_add(&l->latency, now_us > item->due_us ? now_us - item->due_us : 0);
}

/* What is to be sent once more goes to another node if this one does not answer. */
static void send_again(struct load *l, struct load_item *item)
{
    item->lost = false;
    l->counts.resubmitted++;
    load_queue_add(&load_route(l, item)->waiting, item);
}

static void add_batch(struct load_node *n, struct load_queue *items)
{
    if (!items->first)
        return;
    struct load_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        abort();
    batch->items = *items;
    if (n->batches)
        n->last_batch->next = batch;
    else
        n->batches = batch;
    n->last_batch = batch;
}

/* What the node said to one transaction that was submitted. */
static void take_result(struct load *l, struct load_node *n, struct load_item *item,
                        const struct client_result *r, uint64_t now_us,
                        struct load_queue *acknowledged, struct load_queue *later)
{
    switch (r->status) {
    case CLIENT_OK:
    case CLIENT_PENDING:
        acknowledge(l, item, &r->id);
        load_queue_add(acknowledged, item);
        return;
    case CLIENT_EXECUTED:
        acknowledge(l, item, &r->id);
        finish(l, item, r->failed, now_us);
        break;
    case CLIENT_OVERLOADED:
        l->counts.overloaded++;
        if (l->no_retry) {
            settle(l, item);
            break;
        }
        n->resume_us = now_us + r->retry_ms * 1000ull;
        load_queue_add(later, item);
        return;
    case CLIENT_DROPPED:
    case CLIENT_MALFORMED:
    case CLIENT_INVALID:
    case CLIENT_UNKNOWN:
    case CLIENT_STATUSES:
        tally_add(item->acknowledged ? &l->counts.dropped : &l->counts.refused, tally_refusal(r));
        settle(l, item);
        break;
    }
    free(item);
}

static void take_submission(struct load *l, struct load_node *n, struct load_submission *s,
                            const struct client_answer *answer, uint64_t now_us)
{
    struct load_queue items = s->items;
    struct load_queue acknowledged = {0};
    struct load_queue later = {0};
    struct slice rest = answer->list.items;
    const bool list = answer->result.status == CLIENT_OK && answer->kind == CLIENT_SUBMIT;
    struct client_result result = answer->result; /* Of each, when it is of the whole. */
    struct load_item *item;
    *s = (struct load_submission){0};
    while ((item = load_queue_take(&items))) {
        if (list && !client_result_next(&rest, &result))
            result = (struct client_result){.status = CLIENT_MALFORMED};
        take_result(l, n, item, &result, now_us, &acknowledged, &later);
    }
    n->one_by_one = later.first != NULL;
    load_queue_merge(&n->waiting, &later);
    add_batch(n, &acknowledged);
}

/* What the node said became of one transaction. */
static void take_outcome(struct load *l, struct load_item *item, const struct client_result *r,
                         uint64_t now_us)
{
    switch (r->status) {
    case CLIENT_EXECUTED: finish(l, item, r->failed, now_us); break;
    case CLIENT_DROPPED:
        tally_add(&l->counts.dropped, r->reason);
        settle(l, item);
        break;
    case CLIENT_UNKNOWN:
        /* A payload stays in the pool that took it until it is executed, and after a restart the
         * node does not remember where that was. The ledger knows each id for ever, so that a
         * transfer unknown to both is lost. */
        if (l->workload.application == APPLICATION_LOG)
            finish(l, item, false, now_us);
        else
            item->lost = true;
        break;
    case CLIENT_OK:
    case CLIENT_PENDING:
    case CLIENT_OVERLOADED:
    case CLIENT_MALFORMED:
    case CLIENT_INVALID:
    case CLIENT_STATUSES: break;
    }
}

/* Takes out what is settled or lost; a batch whose first is, is asked after as a whole, once. */
static void sweep(struct load *l, struct load_node *n, struct load_batch *batch)
{
    struct load_queue all = batch->items;
    struct load_item *item;
    batch->items = (struct load_queue){0};
    batch->ask_all = !batch->ask_all && all.first && (all.first->settled || all.first->lost);
    while ((item = load_queue_take(&all))) {
        if (item->settled)
            free(item);
        else if (item->lost)
            send_again(l, item);
        else
            load_queue_add(&batch->items, item);
    }
    if (batch->ask_all && batch->items.first)
        n->next_poll_us = 0;
}

static void sweep_batches(struct load_node *n)
{
    struct load_batch *batch = n->batches;
    n->batches = n->last_batch = NULL;
    while (batch) {
        struct load_batch *next = batch->next;
        if (batch->items.first) {
            batch->next = NULL;
            if (n->last_batch)
                n->last_batch->next = batch;
            else
                n->batches = batch;
            n->last_batch = batch;
        } else {
            free(batch);
        }
        batch = next;
    }
}

static void take_poll(struct load *l, struct load_node *n, const struct client_answer *answer,
                      uint64_t now_us)
{
    struct slice rest = answer->list.items;
    struct client_result result;
    n->poll_request = 0;
    n->next_poll_us = now_us + l->poll_ms * 1000;
    if (answer->result.status == CLIENT_OVERLOADED)
        n->next_poll_us = now_us + answer->result.retry_ms * 1000ull;
    for (uint32_t k = 0; k < n->asked_count && client_result_next(&rest, &result); k++)
        take_outcome(l, n->asked[k].item, &result, now_us);
    for (uint32_t k = 0; k < n->asked_count;) {
        struct load_batch *batch = n->asked[k].batch;
        bool changed = false;
        for (; k < n->asked_count && n->asked[k].batch == batch; k++)
            changed = changed || n->asked[k].item->settled || n->asked[k].item->lost;
        if (changed)
            sweep(l, n, batch);
        else
            batch->ask_all = false;
    }
    n->asked_count = 0;
    sweep_batches(n);
}

static void receive(struct load *l, struct load_node *n, uint64_t now_us)
{
    struct client_answer answer;
    while (connection_receive(n->connection, &answer)) {
        n->heard_us = now_us;
        n->silent = false;
        if (answer.id == n->poll_request && n->poll_request) {
            take_poll(l, n, &answer, now_us);
            continue;
        }
        for (unsigned k = 0; k < LOAD_SUBMISSIONS_MAX; k++)
            if (n->submissions[k].request && n->submissions[k].request == answer.id)
                take_submission(l, n, &n->submissions[k], &answer, now_us);
    }
}

/* Gives up on what a silent node owes. What it has acknowledged it has on its disk; a transfer
 * goes to another node all the same, since executed once is by its id, while a payload would be
 * there twice. */
static void take_back(struct load *l, struct load_node *n)
{
    struct load_queue all = {0};
    n->poll_request = 0;
    n->asked_count = 0;
    for (unsigned k = 0; k < LOAD_SUBMISSIONS_MAX; k++) {
        load_queue_merge(&all, &n->submissions[k].items);
        n->submissions[k].request = 0;
    }
    for (struct load_batch *b = n->batches; b && l->workload.application == APPLICATION_LEDGER;
         b = b->next)
        load_queue_merge(&all, &b->items);
    sweep_batches(n);
    l->counts.resubmitted += all.count;
    load_queue_merge(&all, &n->waiting);

    struct load_queue moved[NODES_MAX] = {0};
    struct load_item *item;
    while ((item = load_queue_take(&all)))
        load_queue_add(&moved[load_route(l, item) - l->nodes], item);
    for (unsigned k = 0; k < l->node_count; k++)
        load_queue_merge(&l->nodes[k].waiting, &moved[k]);
}

static bool owes(const struct load_node *n, uint64_t now_us)
{
    bool owing = n->batches != NULL || (n->waiting.first && now_us >= n->resume_us);
    for (unsigned k = 0; k < LOAD_SUBMISSIONS_MAX && !owing; k++)
        owing = n->submissions[k].request != 0;
    return owing;
}

static void check_silence(struct load *l, struct load_node *n, uint64_t now_us)
{
    if (!n->silent && !owes(n, now_us))
        n->heard_us = now_us;
    if (!n->silent && now_us - n->heard_us > (n->blocked ? LOAD_ABSENT_US : LOAD_SILENT_US)) {
        n->silent = true;
        take_back(l, n);
    }
    if (n->silent && now_us >= n->ping_us) {
        struct client_request ping = {.kind = CLIENT_STATUS};
        (void)connection_send(n->connection, &ping);
        n->ping_us = now_us + LOAD_PING_US;
    }
}

static struct load_submission *free_submission(struct load_node *n)
{
    struct load_submission *found = NULL;
    for (unsigned k = 0; k < LOAD_SUBMISSIONS_MAX; k++) {
        if (n->submissions[k].request == 0)
            found = &n->submissions[k];
        else if (n->one_by_one)
            return NULL;
    }
    return found;
}

static void submit(const struct load *l, struct load_node *n, uint64_t now_us)
{
    struct load_submission *s;
    n->blocked = false;
    while (n->waiting.first && now_us >= n->resume_us && (s = free_submission(n))) {
        struct writer w = writer_of(request_items, sizeof request_items);
        while (n->waiting.first && s->items.count < l->batch &&
               (size_t)(w.end - w.at) >= 4 + n->waiting.first->size) {
            struct load_item *item = load_queue_take(&n->waiting);
            client_transaction_add(&w, slice_of(item->bytes, item->size));
            load_queue_add(&s->items, item);
        }
        struct client_request request = {
            .kind = CLIENT_SUBMIT,
            .list = {.count = (uint32_t)s->items.count, .items = writer_result(&w)}};
        if (!connection_send(n->connection, &request)) {
            load_queue_merge(&n->waiting, &s->items);
            n->blocked = true;
            return;
        }
        s->request = request.id;
    }
}

static void ask(struct load_node *n, struct load_batch *batch, struct load_item *item,
                struct writer *w)
{
    n->asked[n->asked_count++] = (struct load_asked){batch, item};
    write_slice(w, hash_slice(&item->id));
}

static void poll_outcomes(struct load_node *n, uint64_t now_us)
{
    if (n->poll_request || !n->batches || now_us < n->next_poll_us)
        return;
    struct writer w = writer_of(request_items, sizeof request_items);
    n->asked_count = 0;
    for (struct load_batch *b = n->batches; b && n->asked_count < CLIENT_COUNT_MAX; b = b->next)
        for (struct load_item *item = b->items.first; item && n->asked_count < CLIENT_COUNT_MAX;
             item = b->ask_all ? item->next : NULL)
            ask(n, b, item, &w);
    struct client_request request = {.kind = CLIENT_TX,
                                     .list = {.count = n->asked_count, .items = writer_result(&w)}};
    if (connection_send(n->connection, &request))
        n->poll_request = request.id;
    else
        n->blocked = true;
}

void load_node_step(struct load *l, struct load_node *n, uint64_t now_us)
{
    receive(l, n, now_us);
    check_silence(l, n, now_us);
    if (n->silent)
        return;
    submit(l, n, now_us);
    poll_outcomes(n, now_us);
}

void load_node_free(struct load_node *n)
{
    for (unsigned k = 0; k < LOAD_SUBMISSIONS_MAX; k++)
        load_queue_free(&n->submissions[k].items);
    for (struct load_batch *b = n->batches, *next; b; b = next) {
        next = b->next;
        load_queue_free(&b->items);
        free(b);
    }
    load_queue_free(&n->waiting);
    connection_close(n->connection);
}
