#include "node/request_log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/feed.h"
#include "node/json.h"

static_assert((int)REQUEST_LEAVES_MAX <= (int)CLIENT_LEAVES_MAX, "the answer has room for them");

static const char gone[] = "this node has no such block: it went on from a snapshot; ask another";

/* Events as an answer has them. */
struct frame {
    struct writer w;
    uint32_t count;
};

static void add_frame(void *context, const struct feed_event *event,
                      const struct client_cursor *next)
{
    struct frame *f = context;
    uint8_t bytes[FEED_PART * CLIENT_LEAF_SIZE];
    struct writer w = writer_of(bytes, sizeof(bytes));
    (void)next;
    for (uint32_t i = 0; i < event->count; i++) {
        write_bytes(&w, event->results[i].id.bytes, HASH_SIZE);
        write_u8(&w, (uint8_t)event->results[i].outcome);
    }
    const struct client_event told = {feed_block(&event->block), event->first, event->count,
                                      writer_result(&w)};
    client_event_add(&f->w, &told);
    f->count++;
}

/* What is final: each transaction once. */
static json_t *outcomes_of(const struct feed_event *event)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < event->count; i++) {
        const struct result *of = &event->results[i];
        const struct client_result result =
            request_outcome(&of->id, event->block.delivery.position, event->first + i, of->outcome);
        if (outcome_final(of->outcome))
            json_array_append_new(array, json_outcome(&of->id, &result));
    }
    return array;
}

/* As server-sent events. */
static void add_text(void *context, const struct feed_event *event,
                     const struct client_cursor *next)
{
    const struct client_block block = feed_block(&event->block);
    json_t *o = json_block(&block);
    json_object_set_new(o, "outcomes", outcomes_of(event));
    char *text = json_text(o);
    fprintf(context, "id: %" PRIu64, next->position);
    if (next->index > 0)
        fprintf(context, ".%" PRIu32, next->index);
    fprintf(context, "\ndata: %s\n\n", text);
    free(text);
}

/* So many as an answer has room for. 0, FEED_GONE or a store_error. */
static int each_event(struct store_view *ledger, struct request *r,
                      void (*add)(void *context, const struct feed_event *event,
                                  const struct client_cursor *next),
                      void *context)
{
    struct feed_event *event = malloc(sizeof(*event));
    unsigned leaves = 0;
    int status = 0;
    if (!event)
        abort();
    r->nothing_yet = true;
    for (unsigned i = 0; i < CLIENT_EVENTS_MAX && leaves + FEED_PART <= REQUEST_LEAVES_MAX; i++) {
        if ((status = feed_next(ledger, &r->next, event)))
            break;
        add(context, event, &r->next);
        leaves += event->count;
        r->nothing_yet = false;
    }
    free(event);
    return status == FEED_END || !r->nothing_yet ? 0 : status;
}

static int begin(struct store_view *ledger, struct request *r)
{
    struct executor_state state;
    r->next = r->client.cursor;
    if (r->next.position != CLIENT_FROM_END)
        return 0;
    const int error = executor_state(ledger, &state);
    if (!error)
        r->next = r->client.cursor = (struct client_cursor){.position = state.height};
    return error;
}

static int stream(struct store_view *ledger, struct request *r)
{
    size_t size = 0;
    FILE *out = open_memstream(&r->text, &size);
    if (!out)
        abort();
    const int status = each_event(ledger, r, add_text, out);
    if (fclose(out) != 0)
        abort();
    r->answer.events.items = slice_of(r->text, size);
    return status;
}

static int frame(struct store_view *ledger, struct request *r)
{
    r->text = malloc(REQUEST_EVENTS_BYTES);
    if (!r->text)
        abort();
    struct frame f = {.w = writer_of((uint8_t *)r->text, REQUEST_EVENTS_BYTES)};
    const int status = each_event(ledger, r, add_frame, &f);
    assert(f.w.ok);
    r->answer.events.count = f.count;
    r->answer.events.items = writer_result(&f.w);
    return status;
}

void request_events(struct store_view *ledger, struct request *r)
{
    int status = begin(ledger, r);
    if (status == 0)
        status = r->form == REQUEST_STREAM ? stream(ledger, r) : frame(ledger, r);
    r->answer.events.next = r->next;
    if (status == FEED_GONE)
        r->answer.result = (struct client_result){.status = CLIENT_INVALID,
                                                  .reason = slice_of(gone, strlen(gone))};
    else if (status != 0)
        r->answer.result =
            (struct client_result){.status = CLIENT_OVERLOADED, .retry_ms = REQUEST_UNREADABLE_MS};
}

struct blocks {
    json_t *array;
    size_t most;
};

static int visit(void *context, const struct executor_entry *entry)
{
    const struct blocks *b = context;
    const struct client_block block = feed_block(entry);
    if (json_array_size(b->array) >= b->most)
        return FEED_END;
    json_array_append_new(b->array, json_block(&block));
    return 0;
}

void request_blocks(struct store_view *ledger, struct request *r)
{
    struct executor_state state = {0};
    struct blocks b = {json_array(), r->count};
    uint64_t from = r->client.position;
    int status = 0;
    if (from == CLIENT_FROM_END && (status = executor_state(ledger, &state)) == 0)
        from = state.height > r->count ? state.height - r->count : 0;
    if (status == 0)
        status = executor_entries(ledger, from, visit, &b);
    r->text = json_text(b.array);
    r->answer.json = slice_of(r->text, strlen(r->text));
    if (status != 0 && status != FEED_END)
        r->answer.result.status = CLIENT_UNKNOWN;
}
