#include "node/service.h"

#include <assert.h>
#include <stdlib.h>

enum {
    PART_COUNT = 64,   /* Items a task looks at: some 3 ms of signatures. */
    CROWDED_MS = 1000, /* Who cannot wait for events comes again then. */
    LOOK_MS = 250,     /* What waits is looked for again at least so often, ... */
    REST_MS = 20,      /* ... and at most. */
};

struct part {
    struct task task;
    struct flight *flight;
    uint32_t first;
    uint32_t count;
};

/* A question on its way. */
struct flight {
    struct service *service;
    struct service_question question;
    struct request request;
    uint64_t until_ms; /* It may wait so long. */
    uint64_t admitted; /* Bytes of its transactions. */
    size_t bytes;      /* All that it takes. */
    struct flight *next;
    unsigned parts_left;
    unsigned part_count;
    struct part parts[];
};

struct service {
    struct service_options options;
    struct flight *uncommitted; /* Answered after the commit; the order is of no matter. */
    struct flight *waiting;
    unsigned waiting_count, following_count; /* Those for events are among those that wait. */
    uint64_t looked_ms;
    bool executed; /* Since then. */
    bool refuse, draining;
    unsigned in_flight;
    size_t bytes_in_flight;
    uint64_t checking;
    uint64_t overloaded;
    uint64_t now_ms;
    uint8_t items[CLIENT_FRAME_SIZE_MAX];
};

struct service *service_new(const struct service_options *options)
{
    struct service *s = calloc(1, sizeof(*s));
    if (s)
        s->options = *options;
    return s;
}

static void land(struct flight *f, const struct client_answer *answer)
{
    struct service *s = f->service;
    s->in_flight--;
    s->bytes_in_flight -= f->bytes;
    f->question.answer(f->question.asker, answer);
    free(f->request.items);
    free(f->request.text);
    free(f);
}

static void answer_flight(struct flight *f)
{
    struct service *s = f->service;
    struct request *r = &f->request;
    if (r->items) {
        struct writer w = writer_of(s->items, sizeof(s->items));
        for (uint32_t i = 0; i < r->client.list.count; i++)
            client_result_add(&w, &r->items[i].result);
        r->answer.list.count = r->client.list.count;
        r->answer.list.items = writer_result(&w);
    }
    land(f, &r->answer);
}

void service_free(struct service *s)
{
    if (!s)
        return;
    struct flight **const lists[] = {&s->uncommitted, &s->waiting};
    for (unsigned k = 0; k < 2; k++)
        for (struct flight *f; (f = *lists[k]);) {
            *lists[k] = f->next;
            land(f, NULL);
        }
    free(s);
}

/* Puts what the workers found good into the pool. */
static void submit(struct service *s, struct request_item *item)
{
    struct client_result *result = &item->result;
    s->overloaded += result->status == CLIENT_OVERLOADED;
    if (result->status != CLIENT_OK)
        return;
    enum mempool_answer answer = MEMPOOL_FULL;
    if (!s->refuse)
        answer = mempool_add(s->options.mempool, &item->transaction);
    else if (mempool_has(s->options.mempool, &item->transaction.id))
        answer = MEMPOOL_PENDING;
    if (answer == MEMPOOL_PENDING)
        result->status = CLIENT_PENDING;
    if (answer == MEMPOOL_FULL) {
        *result = (struct client_result){CLIENT_OVERLOADED, .retry_ms = service_retry_ms(s)};
        s->overloaded++;
    }
}

/* What the ledger does not know may wait here, or have gone lately. */
static void look_up(struct service *s, struct request_item *item)
{
    struct client_result *result = &item->result;
    const struct hash *id = &item->transaction.id;
    const struct recent_end *end = NULL;
    if (result->status != CLIENT_UNKNOWN)
        return;
    if (mempool_has(s->options.mempool, id))
        *result = (struct client_result){CLIENT_PENDING, .id = *id};
    else if ((end = recent_find(s->options.recent, id)))
        *result = request_outcome(id, end->height, end->index, end->outcome);
}

/* Whether the answer is worth waiting for another. */
static bool is_early(const struct request *r)
{
    if (r->client.kind == CLIENT_EVENTS)
        return r->answer.result.status == CLIENT_OK && r->nothing_yet;
    if (request_proves(r->client.kind))
        return r->answer.result.status == CLIENT_PENDING ||
               r->answer.result.status == CLIENT_UNKNOWN;
    for (uint32_t i = 0; r->items && i < r->client.list.count; i++)
        if (r->items[i].result.status == CLIENT_PENDING ||
            r->items[i].result.status == CLIENT_UNKNOWN)
            return true;
    return false;
}

/* True: it waits now. */
static bool put_off(struct service *s, struct flight *f)
{
    struct request *r = &f->request;
    const struct service_question *q = &f->question;
    const bool follows = r->client.kind == CLIENT_EVENTS;
    const bool gone = q->gone && q->gone(q->asker);
    if (s->draining || s->now_ms >= f->until_ms || r->client.kind == CLIENT_SUBMIT ||
        !is_early(r) || gone)
        return false;
    if (s->waiting_count >= SERVICE_WAITING_MAX ||
        (follows && s->following_count >= SERVICE_FOLLOWING_MAX)) {
        if (follows) /* Else he would ask again at once. */
            r->answer.result =
                (struct client_result){.status = CLIENT_OVERLOADED, .retry_ms = CROWDED_MS};
        return false;
    }
    f->next = s->waiting;
    s->waiting = f;
    s->waiting_count++;
    s->following_count += follows;
    return true;
}

static void finish_part(struct task *task)
{
    struct flight *f = ((struct part *)task)->flight;
    struct service *s = f->service;
    if (--f->parts_left > 0)
        return;
    const enum client_kind kind = f->request.client.kind;
    s->checking -= f->admitted;
    for (uint32_t i = 0; f->request.items && i < f->request.client.list.count; i++)
        (kind == CLIENT_SUBMIT ? submit : look_up)(s, &f->request.items[i]);
    if (put_off(s, f))
        return;
    if (f->request.items) { /* Pending is said of what is durable. */
        f->next = s->uncommitted;
        s->uncommitted = f;
    } else {
        answer_flight(f);
    }
}

static void run_part(struct task *task)
{
    struct part *p = (struct part *)task;
    struct flight *f = p->flight;
    const struct request_context *context = &f->service->options.request;
    if (f->request.items)
        request_list(context, &f->request, p->first, p->count);
    else
        request_read(context, &f->request);
}

/* Hands it to the workers, in parts. */
static void fly(struct flight *f)
{
    f->parts_left = f->part_count;
    const enum client_kind kind = f->request.client.kind;
    const enum workers_priority priority =
        request_proves(kind) || kind == CLIENT_QUERY ? WORKERS_LONG : WORKERS_SIGNATURES;
    for (unsigned i = 0; i < f->part_count; i++)
        workers_submit(f->service->options.workers, priority, &f->parts[i].task);
}

static void make_parts(struct flight *f, uint32_t count)
{
    for (unsigned i = 0; i < f->part_count; i++) {
        const uint32_t first = i * PART_COUNT;
        f->parts[i] =
            (struct part){.task = {.run = run_part, .finish = finish_part},
                          .flight = f,
                          .first = first,
                          .count = count - first < PART_COUNT ? count - first : PART_COUNT};
    }
}

/* How many of its transactions are admitted, from the first on, and their bytes. */
static uint32_t admit(struct service *s, const struct service_question *q, uint64_t *bytes)
{
    struct admission *a = s->options.admission;
    struct admission_client *client = admission_client(a, q->client);
    struct slice rest = q->request.list.items, transaction;
    uint32_t count = 0;
    for (; count < q->request.list.count && client_transaction_next(&rest, &transaction) &&
           admission_admit(a, client, transaction.size);
         count++)
        *bytes += transaction.size;
    return count;
}

bool service_ask(struct service *s, const struct service_question *q)
{
    const struct client_request *r = &q->request;
    assert(r->kind != CLIENT_STATUS && r->kind != CLIENT_STATS);
    const bool submits = r->kind == CLIENT_SUBMIT, list = submits || r->kind == CLIENT_TX;
    const uint32_t count = list ? r->list.count : 1;
    const unsigned parts = (count + PART_COUNT - 1) / PART_COUNT;
    const size_t flight_bytes = sizeof(struct flight) + parts * sizeof(struct part);
    const size_t items_bytes = list ? count * sizeof(struct request_item) : 0;
    const size_t bytes = q->bytes + flight_bytes + items_bytes;
    uint64_t admitted_bytes = 0;
    if (s->bytes_in_flight + bytes > SERVICE_BYTES_MAX || (submits && s->refuse)) {
        s->overloaded++;
        return false;
    }
    const uint32_t admitted = submits ? admit(s, q, &admitted_bytes) : count;
    if (admitted == 0) {
        s->overloaded += count;
        return false;
    }
    struct flight *f = calloc(1, flight_bytes);
    struct request_item *items = list ? calloc(1, items_bytes) : NULL;
    if (!f || (list && !items))
        abort();
    const uint32_t wait_ms = q->wait_ms < SERVICE_WAIT_MS_MAX ? q->wait_ms : SERVICE_WAIT_MS_MAX;
    f->service = s;
    f->question = *q;
    f->request = (struct request){.client = *r,
                                  .answer = {.id = r->id, .kind = r->kind},
                                  .form = q->form,
                                  .count = q->count,
                                  .items = items};
    f->until_ms = s->now_ms + wait_ms;
    f->part_count = parts;
    f->bytes = bytes;
    f->admitted = admitted_bytes;
    if (list)
        request_spread(&f->request);
    for (uint32_t i = admitted; i < count; i++)
        items[i].result =
            (struct client_result){CLIENT_OVERLOADED, .retry_ms = service_retry_ms(s)};
    s->in_flight++;
    s->bytes_in_flight += bytes;
    s->checking += admitted_bytes;
    make_parts(f, count);
    fly(f);
    return true;
}

void service_committed(struct service *s)
{
    while (s->uncommitted) {
        struct flight *f = s->uncommitted;
        s->uncommitted = f->next;
        answer_flight(f);
    }
}

/* What was found is found anew. */
static void look_again(struct service *s)
{
    struct flight *f = s->waiting;
    s->waiting = NULL;
    s->waiting_count = s->following_count = 0;
    for (struct flight *next; f; f = next) {
        next = f->next;
        free(f->request.text);
        f->request.text = NULL;
        f->request.answer =
            (struct client_answer){.id = f->request.client.id, .kind = f->request.client.kind};
        fly(f);
    }
}

void service_look(struct service *s, bool executed, uint64_t now_ms)
{
    s->now_ms = now_ms;
    s->executed |= executed;
    const uint64_t pause_ms = s->draining ? 0 : s->executed ? REST_MS : LOOK_MS;
    if (now_ms < s->looked_ms + pause_ms)
        return;
    s->looked_ms = now_ms;
    s->executed = false;
    look_again(s);
}

void service_refuse(struct service *s, bool refuse) { s->refuse = refuse; }
void service_drain(struct service *s) { s->draining = true; }
bool service_drains(const struct service *s) { return s->draining; }
bool service_idle(const struct service *s) { return s->in_flight == 0; }
uint64_t service_checking(const struct service *s) { return s->checking; }
uint32_t service_retry_ms(const struct service *s)
{
    return s->refuse ? SERVICE_RETRY_MS : admission_retry_ms(s->options.admission);
}
uint64_t service_overloaded(const struct service *s) { return s->overloaded; }
