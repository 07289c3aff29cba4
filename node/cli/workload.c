#include "node/cli/workload.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/accounts.h"
#include "node/transaction.h"

void load_queue_add(struct load_queue *q, struct load_item *item)
{
    item->next = NULL;
    if (q->last)
        q->last->next = item;
    else
        q->first = item;
    q->last = item;
    q->count++;
}

struct load_item *load_queue_take(struct load_queue *q)
{
    struct load_item *item = q->first;
    if (!item)
        return NULL;
    q->first = item->next;
    if (!q->first)
        q->last = NULL;
    q->count--;
    return item;
}

void load_queue_merge(struct load_queue *q, struct load_queue *other)
{
    struct load_queue both = {0};
    while (q->first && other->first)
        load_queue_add(&both, load_queue_take(q->first->number < other->first->number ? q : other));
    struct load_queue *rest = q->first ? q : other;
    if (!both.first) {
        both = *rest;
    } else if (rest->first) {
        both.last->next = rest->first;
        both.last = rest->last;
        both.count += rest->count;
    }
    *other = (struct load_queue){0};
    *q = both;
}

void load_queue_free(struct load_queue *q)
{
    struct load_item *item;
    while ((item = load_queue_take(q)))
        free(item);
}

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

double random_exponential(uint64_t *state)
{
    double uniform = (double)(random_next(state) >> 11) * 0x1p-53; /* Below 1. */
    return -log1p(-uniform);
}

int workload_load_accounts(struct workload *w, const char *directory, unsigned part, unsigned parts,
                           char *message, size_t message_size)
{
    char path[2048];
    size_t capacity = 0;
    for (;; w->account_count++) {
        snprintf(path, sizeof path, "%s/accounts/%zu.key", directory,
                 part + parts * w->account_count);
        if (access(path, F_OK) != 0 && errno == ENOENT)
            break;
        if (w->account_count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            struct workload_account *grown = calloc(capacity, sizeof *grown);
            if (!grown) {
                snprintf(message, message_size, "no memory for %zu accounts", capacity);
                return -1;
            }
            if (w->accounts) {
                memcpy(grown, w->accounts, w->account_count * sizeof *grown);
                secret_wipe(w->accounts, w->account_count * sizeof *grown);
            }
            free(w->accounts);
            w->accounts = grown;
        }
        if (account_key_load(path, &w->accounts[w->account_count].key, message, message_size))
            return -1;
    }
    if (w->account_count > 0)
        return 0;
    snprintf(message, message_size,
             "%s: there is no key of an account; ledger-cli genesis makes them with --accounts",
             path);
    return -1;
}

int workload_ask_sequences(struct workload *w, struct connection *c, unsigned timeout_ms,
                           char *message, size_t message_size)
{
    for (size_t k = 0; k < w->account_count; k++) {
        struct workload_account *account = &w->accounts[k];
        struct client_request request = {.kind = CLIENT_ACCOUNT};
        struct client_answer answer;
        memcpy(request.key, &account->key.public, sizeof account->key.public);
        if (connection_ask(c, &request, &answer, timeout_ms, message, message_size))
            return -1;
        account->state = answer.account; /* All 0 for one that has done nothing yet. */
        account->next = account->state.sequence;
    }
    return 0;
}

void workload_close(struct workload *w)
{
    if (w->accounts)
        secret_wipe(w->accounts, w->account_count * sizeof *w->accounts);
    free(w->accounts);
    w->accounts = NULL;
}

/* The next number that is not used: there may be used ones above the lowest unused. */
static uint64_t take_sequence(struct workload_account *account)
{
    uint64_t number = account->next;
    for (;; number++) {
        uint64_t ahead = number - account->state.sequence;
        if (ahead >= SEQUENCE_WINDOW || !(account->state.used >> ahead & 1))
            break;
    }
    account->next = number + 1;
    return number;
}

static void make_transfer(struct workload *w, struct load_item *item, uint64_t *random)
{
    struct workload_account *from = &w->accounts[w->made % w->account_count];
    size_t others = w->account_count - 1;
    size_t step = others ? 1 + random_next(random) % others : 0;
    struct transaction t = {
        .chain = w->chain,
        .from = from->key.public,
        .sequence = take_sequence(from),
        .to = w->accounts[(w->made + step) % w->account_count].key.public,
        .amount = w->amount,
    };
    bool signed_it = transaction_sign(&t, &from->key.secret);
    assert(signed_it); /* The key was checked when it was read. */
    transaction_encode(&t, item->bytes);
    item->home = (unsigned)(w->made % w->account_count);
}

static void make_payload(struct workload *w, struct load_item *item, uint64_t *random)
{
    for (uint32_t at = 0; at < item->size; at += 8) {
        uint64_t word = random_next(random);
        memcpy(item->bytes + at, &word, item->size - at < 8 ? item->size - at : 8);
    }
    item->home = (unsigned)(w->made % UINT_MAX);
}

struct load_item *workload_make(struct workload *w)
{
    bool transfers = w->application == APPLICATION_LEDGER;
    size_t size = transfers ? TRANSACTION_SIZE : w->payload_size;
    struct load_item *item = malloc(sizeof *item + size);
    if (!item)
        abort();
    uint64_t random = w->seed;
    random = random_next(&random) + w->made; /* A stream of its own for each. */
    random = random_next(&random);
    *item = (struct load_item){.number = w->made, .size = (uint32_t)size};
    if (transfers)
        make_transfer(w, item, &random);
    else
        make_payload(w, item, &random);
    w->made++;
    return item;
}
