#include "node/client/ledger.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "node/accounts.h"
#include "node/application.h"
#include "node/client/outcome.h"
#include "node/libraries.h"
#include "node/transaction.h"

static_assert((int)LEDGER_ID_SIZE == (int)HASH_SIZE, "an id is a hash");
static_assert((int)LEDGER_KEY_SIZE == (int)CLIENT_KEY_SIZE, "an account is its key");
static_assert((int)LEDGER_TRANSFER_SIZE == (int)TRANSACTION_SIZE, "a transfer has one size");
static_assert((int)LEDGER_REASON_SIZE == (int)CLIENT_REASON_MAX + 1, "a reason fits");
static_assert((int)LEDGER_WINDOW == (int)SEQUENCE_WINDOW, "as the ledger has it");

enum {
    SILENT_MS = 2000,    /* A node that says nothing for so long: the next. */
    PATIENCE_MS = 10000, /* What is pending for so long is given to the next one, too. */
    EVENTS_MS = 15000,
    PAUSE_MS = 50,
};

struct ledger {
    bool open;
    struct cluster cluster;
    void *zmq;
    struct connection *connections[NODES_MAX]; /* NULL: there was no need yet. */
    unsigned node;
    char message[CONFIG_MESSAGE_MAX];
};

static int say(struct ledger *l, const char *message)
{
    snprintf(l->message, sizeof l->message, "%s", message);
    return -1;
}

/* Of the process. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *useless;
static void begin(void) { useless = libraries_init(); }

static int load(struct ledger *l, const char *path)
{
    char file[4096];
    struct stat status;
    const bool directory = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    const int size = snprintf(file, sizeof file, "%s%s", path, directory ? "/cluster.conf" : "");
    if (size < 0 || (size_t)size >= sizeof file)
        return say(l, "too long a path");
    pthread_once(&once, begin);
    if (useless)
        return say(l, useless);
    if (cluster_load(file, &l->cluster, l->message, sizeof l->message))
        return -1;
    l->zmq = zmq_ctx_new();
    return l->zmq ? 0 : say(l, "no memory for ZeroMQ");
}

struct ledger *ledger_open(const char *cluster)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (l)
        l->open = load(l, cluster) == 0;
    return l;
}

void ledger_close(struct ledger *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < NODES_MAX; i++)
        connection_close(l->connections[i]);
    if (l->zmq)
        zmq_ctx_term(l->zmq);
    cluster_free(&l->cluster);
    free(l);
}

const char *ledger_message(const struct ledger *l) { return l->message; }

void ledger_prefer(struct ledger *l, unsigned node)
{
    if (l->open)
        l->node = node % (unsigned)l->cluster.node_count;
}

/* NULL: there is no socket to be had. */
static struct connection *connect_to(struct ledger *l)
{
    struct connection **c = &l->connections[l->node];
    if (!l->open)
        return NULL;
    if (!*c)
        *c = connection_open(l->zmq, &l->cluster, l->node, l->message, sizeof l->message);
    return *c;
}

static void turn(struct ledger *l) { l->node = (l->node + 1) % (unsigned)l->cluster.node_count; }

int ledger_key(struct ledger *l, const char *text, uint8_t key[LEDGER_KEY_SIZE])
{
    struct account_key pair;
    if (hex_decode(text, key, LEDGER_KEY_SIZE))
        return 0;
    if (account_key_load(text, &pair, l->message, sizeof l->message))
        return -1;
    memcpy(key, pair.public.bytes, LEDGER_KEY_SIZE);
    secret_wipe(&pair, sizeof pair);
    return 0;
}

int ledger_transfer(struct ledger *l, const char *key_file, uint64_t sequence,
                    const uint8_t to[LEDGER_KEY_SIZE], uint64_t amount,
                    uint8_t transfer[LEDGER_TRANSFER_SIZE])
{
    struct account_key from;
    struct transaction t = {.sequence = sequence, .amount = amount};
    if (!l->open || account_key_load(key_file, &from, l->message, sizeof l->message))
        return -1;
    t.chain = l->cluster.chain;
    t.from = from.public;
    memcpy(t.to.bytes, to, LEDGER_KEY_SIZE);
    const bool is_signed = transaction_sign(&t, &from.secret);
    secret_wipe(&from, sizeof from);
    if (!is_signed)
        return say(l, "this key cannot sign");
    transaction_encode(&t, transfer);
    return 0;
}

static void translate(const struct client_result *from, struct ledger_result *to)
{
    *to = (struct ledger_result){.height = from->height, .index = from->index};
    memcpy(to->id, from->id.bytes, LEDGER_ID_SIZE);
    snprintf(to->reason, sizeof to->reason, "%.*s", (int)from->reason.size,
             from->reason.size ? (const char *)from->reason.data : "");
    if (from->status == CLIENT_MALFORMED)
        snprintf(to->reason, sizeof to->reason, "it is no transaction");
    switch (from->status) {
    case CLIENT_OK:
    case CLIENT_PENDING: to->outcome = LEDGER_PENDING; break;
    case CLIENT_EXECUTED: to->outcome = from->failed ? LEDGER_FAILED : LEDGER_EXECUTED; break;
    case CLIENT_MALFORMED:
    case CLIENT_DROPPED:
    case CLIENT_INVALID: to->outcome = LEDGER_REFUSED; break;
    case CLIENT_OVERLOADED:
    case CLIENT_UNKNOWN:
    case CLIENT_STATUSES: to->outcome = LEDGER_UNKNOWN; break;
    }
}

static unsigned at_most(uint64_t deadline_ms, unsigned most_ms)
{
    const uint64_t now_ms = clock_ms();
    const uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 1;
    return left_ms < most_ms ? (unsigned)left_ms : most_ms;
}

/* One node's word. 0 if it is final; 1 if it has it; -1 if it is none. */
static int submit_to(struct ledger *l, struct connection *c, struct slice transaction,
                     const struct hash *known, uint64_t deadline_ms, struct ledger_result *result)
{
    struct client_result said;
    const unsigned silent_ms = at_most(deadline_ms, SILENT_MS);
    if (client_submit(c, transaction, silent_ms, &said, l->message, sizeof l->message))
        return -1;
    if (said.status == CLIENT_OVERLOADED)
        return say(l, "the nodes are overloaded, or the number is too far above the lowest unused "
                      "one");
    const struct hash id = said.id;
    if ((said.status == CLIENT_OK || said.status == CLIENT_PENDING) &&
        client_wait(c, &id, at_most(deadline_ms, PATIENCE_MS), SILENT_MS, &said, l->message,
                    sizeof l->message))
        said = (struct client_result){.status = CLIENT_PENDING, .id = id};
    if (said.status ==
        CLIENT_UNKNOWN) /* It has lost it: not its disk, but its memory of the end. */
        said = (struct client_result){.status = CLIENT_PENDING, .id = id};
    if (known && said.status == CLIENT_EXECUTED && !hash_equal(&said.id, known))
        return say(l, "a node answers for another transaction");
    translate(&said, result);
    if (result->outcome == LEDGER_UNKNOWN)
        return say(l, "the nodes cannot tell: they went on from a snapshot since");
    return result->outcome == LEDGER_PENDING;
}

/* That it is refused counts when more than f have said so: others may know how it ended. */
int ledger_submit(struct ledger *l, const void *transaction, size_t size, unsigned limit_ms,
                  struct ledger_result *result)
{
    const uint64_t deadline_ms = clock_ms() + limit_ms;
    const struct slice bytes = slice_of(transaction, size);
    struct transaction t;
    const bool known = transaction_decode(bytes, &t);
    struct nodeset refuse = {0};
    bool taken = false;
    if (size < 1 || size > CLIENT_TRANSACTION_SIZE_MAX)
        return say(l, "a transaction has 1 to 65536 bytes");
    do {
        struct connection *c = connect_to(l);
        struct ledger_result said;
        if (!c)
            return -1;
        const int status = submit_to(l, c, bytes, known ? &t.id : NULL, deadline_ms, &said);
        if (status >= 0)
            *result = said;
        if (status == 0 && said.outcome == LEDGER_REFUSED)
            nodeset_add(&refuse, l->node);
        if (status == 0 && (said.outcome != LEDGER_REFUSED ||
                            nodeset_count(&refuse) >= quorum_some(l->cluster.coin.quorum)))
            return 0;
        taken |= status > 0;
        turn(l);
        if (status != 0)
            clock_sleep_ms(at_most(deadline_ms, PAUSE_MS));
    } while (clock_ms() < deadline_ms);
    if (taken)
        result->outcome = LEDGER_PENDING;
    return taken ? 0 : -1;
}

/* The first node that answers. */
static int ask(struct ledger *l, const struct client_request *wanted, struct client_answer *answer,
               unsigned silent_ms)
{
    for (unsigned tries = 0; !l->open || tries < l->cluster.node_count; tries++) {
        struct client_request request = *wanted;
        struct connection *c = connect_to(l);
        if (!c)
            return -1;
        if (connection_ask(c, &request, answer, silent_ms, l->message, sizeof l->message) == 0)
            return 0;
        turn(l);
    }
    return -1;
}

int ledger_find(struct ledger *l, const uint8_t id[LEDGER_ID_SIZE], unsigned limit_ms,
                struct ledger_result *result)
{
    const uint64_t deadline_ms = clock_ms() + limit_ms;
    struct client_request request = {.kind = CLIENT_TX,
                                     .list = {.count = 1, .items = slice_of(id, HASH_SIZE)}};
    for (;;) {
        struct client_answer answer;
        struct client_result said = {.status = CLIENT_UNKNOWN};
        if (ask(l, &request, &answer, SILENT_MS))
            return -1;
        struct slice rest = answer.list.items;
        client_result_next(&rest, &said);
        memcpy(said.id.bytes, id, HASH_SIZE);
        translate(&said, result);
        if (result->outcome > LEDGER_PENDING || clock_ms() >= deadline_ms)
            return 0;
        clock_sleep_ms(PAUSE_MS);
    }
}

int ledger_account(struct ledger *l, const uint8_t key[LEDGER_KEY_SIZE],
                   struct ledger_account *account)
{
    struct client_request request = {.kind = CLIENT_ACCOUNT};
    struct client_answer answer;
    memcpy(request.key, key, LEDGER_KEY_SIZE);
    if (ask(l, &request, &answer, SILENT_MS))
        return -1;
    if (answer.result.status == CLIENT_INVALID)
        return say(l, "this cluster's application has no accounts");
    *account = (struct ledger_account){answer.account.balance, answer.account.sequence};
    return 0;
}

static void visit_event(const struct client_event *event, ledger_visit visit, void *context)
{
    for (uint32_t i = 0; i < event->count; i++) {
        const uint8_t *leaf = event->leaves.data + (size_t)i * CLIENT_LEAF_SIZE;
        const enum outcome outcome = (enum outcome)leaf[HASH_SIZE];
        struct ledger_result result = {
            .outcome = LEDGER_EXECUTED, .height = event->block.position, .index = event->first + i};
        if (leaf[HASH_SIZE] >= OUTCOME_COUNT || !outcome_final(outcome))
            continue;
        memcpy(result.id, leaf, LEDGER_ID_SIZE);
        if (outcome != OUTCOME_EXECUTED) {
            result.outcome = LEDGER_FAILED;
            snprintf(result.reason, sizeof result.reason, "%s", outcome_text(outcome));
        }
        visit(context, &result);
    }
}

int ledger_events(struct ledger *l, struct ledger_cursor *cursor, ledger_visit visit, void *context)
{
    const struct client_request request = {.kind = CLIENT_EVENTS,
                                           .cursor = {cursor->position, cursor->index}};
    struct client_answer answer;
    struct client_event event;
    if (ask(l, &request, &answer, EVENTS_MS))
        return -1;
    if (answer.result.status == CLIENT_INVALID) {
        turn(l); /* It began with a snapshot; another may have all of the log. */
        return say(l, "the node that was asked has not got this part of the log");
    }
    const struct client_cursor *next = &answer.events.next;
    if (cursor->position != CLIENT_FROM_END &&
        (next->position < cursor->position ||
         (next->position == cursor->position && next->index < cursor->index))) {
        turn(l);
        return say(l, "a node goes backwards");
    }
    struct slice rest = answer.events.items;
    while (client_event_next(&rest, &event))
        visit_event(&event, visit, context);
    *cursor = (struct ledger_cursor){answer.events.next.position, answer.events.next.index};
    return 0;
}
