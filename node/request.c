#include "node/request.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/accounts.h"
#include "node/consistency.h"
#include "node/executor_snapshot.h"
#include "node/feed.h"
#include "node/holding.h"
#include "node/receipt.h"
#include "node/request_log.h"

enum { QUERY_ANSWER_MAX = CLIENT_FRAME_SIZE_MAX - 64 };

static const char too_large[] = "larger than a block has room for";
static const char no_accounts[] = "this application has no accounts";

/* The ledger cannot be read now: nothing is said of what is in it. */
static struct client_result later(void)
{
    return (struct client_result){.status = CLIENT_OVERLOADED, .retry_ms = REQUEST_UNREADABLE_MS};
}

static struct client_result with_reason(enum client_status status, const char *reason)
{
    return (struct client_result){.status = status, .reason = slice_of(reason, strlen(reason))};
}

void request_spread(struct request *r)
{
    struct slice rest = r->client.list.items;
    struct reader ids = reader_of(rest);
    for (uint32_t i = 0; i < r->client.list.count; i++) {
        struct mempool_item *item = &r->items[i].transaction;
        bool there = true;
        if (r->client.kind == CLIENT_SUBMIT)
            there = client_transaction_next(&rest, &item->bytes);
        else
            read_into(&ids, item->id.bytes, HASH_SIZE);
        assert(there);
    }
}

struct client_result request_outcome(const struct hash *id, uint64_t height, uint32_t index,
                                     enum outcome outcome)
{
    struct client_result result = {
        .status = outcome_final(outcome) ? CLIENT_EXECUTED : CLIENT_DROPPED,
        .id = *id,
        .height = height,
        .index = index,
        .failed = outcome_final(outcome) && outcome != OUTCOME_EXECUTED,
    };
    const char *text = outcome_text(outcome);
    if (outcome != OUTCOME_EXECUTED)
        result.reason = slice_of(text, strlen(text));
    return result;
}

/* Whether the ledger has it; then the result is filled in. */
static bool find_executed(struct store_view *view, struct request_item *item)
{
    const struct hash *id = &item->transaction.id;
    struct executor_place place;
    if (executor_transaction(view, id, &place) != 0)
        return false;
    item->result = request_outcome(id, place.position, place.index, place.outcome);
    return true;
}

/* By another transaction, unless this one's end is among what came with a snapshot: then this node
 * cannot tell. */
static struct client_result judge_used(struct store_view *view)
{
    uint64_t base = 0;
    if (executor_base(view, &base) != 0 || base > 0)
        return (struct client_result){.status = CLIENT_UNKNOWN};
    return with_reason(CLIENT_INVALID, outcome_text(OUTCOME_SEQUENCE_USED));
}

/* A used number is refused. One above the window is put off, and not kept: the pool holds only
 * what can be executed (mempool.h). */
static struct client_result judge_sequence(struct store_view *view, const struct mempool_item *item)
{
    struct identity_public key;
    struct account account = {0};
    memcpy(key.bytes, item->sender, sizeof(key.bytes));
    if (accounts_read(view, &key, &account) != 0)
        account.sequence = (struct sequence){0}; /* As of an account that has done nothing. */
    switch (sequence_place(&account.sequence, item->sequence)) {
    case SEQUENCE_USED: return judge_used(view);
    case SEQUENCE_ABOVE:
        return (struct client_result){.status = CLIENT_OVERLOADED, .retry_ms = REQUEST_RETRY_MS};
    case SEQUENCE_INSIDE: break;
    }
    return (struct client_result){.status = CLIENT_OK};
}

static struct client_result refuse(enum outcome outcome)
{
    if (outcome == OUTCOME_MALFORMED)
        return (struct client_result){.status = CLIENT_MALFORMED};
    return with_reason(CLIENT_INVALID, outcome_text(outcome));
}

/* The signature last: it costs the most. */
static void judge(const struct request_context *c, struct store_view *view,
                  struct request_item *item)
{
    const struct application_port *application = c->application;
    const struct slice bytes = item->transaction.bytes;
    if (bytes.size > c->transaction_size_max) {
        item->result = with_reason(CLIENT_INVALID, too_large);
        return;
    }
    if (!application->describe(application->state, bytes, &item->transaction)) {
        item->result = refuse(application->check(application->state, bytes));
        return;
    }
    if (find_executed(view, item))
        return;
    item->result = (struct client_result){.status = CLIENT_OK};
    if (application->ordered)
        item->result = judge_sequence(view, &item->transaction);
    if (item->result.status != CLIENT_OK)
        return;
    enum outcome outcome = application->check(application->state, bytes);
    if (outcome != OUTCOME_NONE) {
        item->result = refuse(outcome);
        return;
    }
    if (application->execute) /* Else nobody verifies it again. */
        known_add(c->known, bytes);
    item->result.id = item->transaction.id;
}

void request_list(const struct request_context *c, struct request *r, uint32_t first,
                  uint32_t count)
{
    struct store_view *view = NULL;
    bool readable = store_view_open(c->ledger, &view) == 0;
    for (uint32_t i = first; i < first + count; i++) {
        struct request_item *item = &r->items[i];
        if (item->result.status == CLIENT_OVERLOADED)
            continue; /* Not admitted. */
        if (!readable)
            item->result = later();
        else if (r->client.kind == CLIENT_SUBMIT)
            judge(c, view, item);
        else if (!find_executed(view, item))
            item->result = (struct client_result){.status = CLIENT_UNKNOWN};
    }
    store_view_close(view);
}

static void read_account(const struct request_context *c, struct store_view *view,
                         const uint8_t key[CLIENT_KEY_SIZE], struct client_answer *answer)
{
    if (!c->application->ordered) {
        answer->result = with_reason(CLIENT_INVALID, no_accounts);
        return;
    }
    struct identity_public public;
    struct account account;
    memcpy(public.bytes, key, sizeof(public.bytes));
    const int error = accounts_read(view, &public, &account);
    if (error) {
        answer->result =
            error == STORE_MISSING ? (struct client_result){.status = CLIENT_UNKNOWN} : later();
        return;
    }
    answer->account = (struct client_account){
        .balance = account.balance,
        .sequence = account.sequence.lowest,
        .used = account.sequence.used,
    };
}

static void read_block(struct store_view *view, uint64_t position, struct client_answer *answer)
{
    struct executor_entry entry;
    if (executor_entry(view, position, &entry) != 0) {
        answer->result.status = CLIENT_UNKNOWN;
        return;
    }
    answer->block = feed_block(&entry);
}

/* RECEIPT, HOLDING, CONSISTENCY: 0 and the text, or why there is none. */
static int make_proof(const struct request_context *c, const struct proof_source *source,
                      struct request *r)
{
    union {
        struct receipt receipt;
        struct holding holding;
        struct consistency consistency;
    } made;
    struct identity_public key;
    int error;
    if (r->client.kind == CLIENT_RECEIPT) {
        error = receipt_make(source, &r->client.transaction, &made.receipt);
        r->text = error ? NULL : receipt_text(&made.receipt);
    } else if (r->client.kind == CLIENT_HOLDING) {
        memcpy(key.bytes, r->client.key, sizeof(key.bytes));
        error = holding_make(source, c->wanted, &key, &made.holding);
        r->text = error ? NULL : holding_text(&made.holding);
    } else {
        error = consistency_make(source, r->client.position, &made.consistency);
        r->text = error ? NULL : consistency_text(&made.consistency);
    }
    return error;
}

static void read_proof(const struct request_context *c, struct store_view *ledger,
                       struct request *r)
{
    struct proof_source source = {.ledger = ledger,
                                  .chain = c->chain,
                                  .quorum = c->quorum,
                                  .checkpoint_epochs = c->checkpoint_epochs};
    struct client_result *result = &r->answer.result;
    if (r->client.kind == CLIENT_HOLDING && !c->application->ordered) {
        *result = with_reason(CLIENT_INVALID, no_accounts);
        return;
    }
    result->status = CLIENT_UNKNOWN;
    if (store_view_open(c->consensus, &source.consensus) != 0) {
        *result = later();
        return;
    }
    const int error = make_proof(c, &source, r);
    store_view_close(source.consensus);
    if (error == PROOF_NOT_YET)
        *result = (struct client_result){.status = CLIENT_PENDING};
    if (error == PROOF_NOT_YET && r->client.kind == CLIENT_RECEIPT)
        result->id = r->client.transaction;
    if (!r->text)
        return;
    result->status = CLIENT_OK;
    r->answer.json = slice_of(r->text, strlen(r->text));
}

/* What the application says is the text. */
static void read_query(const struct request_context *c, struct request *r)
{
    static const char none[] = "this application answers no queries";
    struct client_result *result = &r->answer.result;
    size_t size = QUERY_ANSWER_MAX;
    if (!c->application->query) {
        *result = with_reason(CLIENT_INVALID, none);
        return;
    }
    r->text = malloc(size);
    if (!r->text)
        abort();
    const int got =
        c->application->query(c->application->state, r->client.query, (uint8_t *)r->text, &size);
    if (got == 0)
        r->answer.bytes = slice_of(r->text, size);
    else if (got > 0)
        *result = (struct client_result){
            .status = CLIENT_INVALID,
            .reason = slice_of(r->text, size < CLIENT_REASON_MAX ? size : CLIENT_REASON_MAX)};
    else
        *result = later();
}

bool request_proves(enum client_kind kind)
{
    return kind == CLIENT_RECEIPT || kind == CLIENT_HOLDING || kind == CLIENT_CONSISTENCY;
}

void request_read(const struct request_context *c, struct request *r)
{
    struct store_view *view = NULL;
    if (r->client.kind == CLIENT_QUERY)
        read_query(c, r);
    else if (store_view_open(c->ledger, &view) != 0)
        r->answer.result = later();
    else if (r->client.kind == CLIENT_ACCOUNT)
        read_account(c, view, r->client.key, &r->answer);
    else if (request_proves(r->client.kind))
        read_proof(c, view, r);
    else if (r->client.kind == CLIENT_EVENTS)
        request_events(view, r);
    else if (r->form == REQUEST_ARRAY)
        request_blocks(view, r);
    else
        read_block(view, r->client.position, &r->answer);
    store_view_close(view);
}
