/* Who follows the events, over HTTP: as server-sent events (WHATWG HTML 9.2). What the service has
 * told is kept until the reader has taken it, and only then it is asked for more: a slow reader is
 * paused, and holds no more than one answer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/api_private.h"

enum { PAUSE_MS = 10000 }; /* Without an event it is said where one is: who is gone is noticed. */

struct follower {
    struct api *api;
    struct http_call *call; /* NULL: it is gone. */
    bool streams;           /* It has the answer's head. */
    bool asked;             /* The service has a question of ours. */
    bool over;
    struct client_cursor next;
    char *text; /* What is to be read from `at` on. */
    size_t size, at;
};

static void answered(void *asker, const struct client_answer *from);

static bool gone(const void *asker) { return !((const struct follower *)asker)->call; }

static void ask(struct follower *f, uint32_t wait_ms)
{
    const struct service_question q = {.request = {.kind = CLIENT_EVENTS, .cursor = f->next},
                                       .form = REQUEST_STREAM,
                                       .wait_ms = wait_ms,
                                       .answer = answered,
                                       .gone = gone,
                                       .asker = f};
    f->asked = true;
    if (!service_ask(f->api->options.service, &q)) {
        f->asked = false;
        f->over = true; /* Who comes again goes on where it was. */
    }
}

static void let_go(struct follower *f)
{
    if (f->asked || f->call)
        return;
    f->api->followers--;
    free(f->text);
    free(f);
}

static ssize_t read_events(void *context, char *bytes, size_t size)
{
    struct follower *f = context;
    const size_t left = f->size - f->at;
    if (left == 0 && !f->asked && !f->over)
        ask(f, PAUSE_MS);
    if (left == 0)
        return f->over ? -1 : 0;
    const size_t count = left < size ? left : size;
    memcpy(bytes, f->text + f->at, count);
    f->at += count;
    return (ssize_t)count;
}

static void ended(void *context)
{
    struct follower *f = context;
    f->call = NULL;
    let_go(f);
}

/* The first answer says whether there is anything to follow. */
static void begin(struct follower *f, const struct client_answer *from)
{
    struct http_answer answer;
    if (from && from->result.status == CLIENT_OK) {
        f->streams = true;
        answer = (struct http_answer){
            .status = 200, .type = "text/event-stream", .stream = {read_events, ended, f}};
        http_answer_call(f->call, &answer);
        return;
    }
    if (from && from->result.status == CLIENT_OVERLOADED)
        api_overloaded(&answer, from->result.retry_ms);
    else if (from)
        api_refuse(
            &answer, 410,
            "the node cannot tell of this position: it went on from a snapshot; ask another");
    else
        api_refuse(&answer, 503, "the node stops");
    http_answer_call(f->call, &answer);
    f->call = NULL;
    let_go(f);
}

/* Without events, an id alone, which is no event: who comes again goes on there all the same. */
static void take(struct follower *f, const struct client_answer *from)
{
    const struct slice events = from->events.items;
    char id[64];
    f->next = from->events.next;
    int size = snprintf(id, sizeof(id), "id: %" PRIu64, f->next.position);
    if (f->next.index > 0)
        size += snprintf(id + size, sizeof(id) - (size_t)size, ".%" PRIu32, f->next.index);
    size += snprintf(id + size, sizeof(id) - (size_t)size, "\n\n");
    const struct slice text = events.size > 0 ? events : slice_of(id, (size_t)size);
    free(f->text);
    f->text = malloc(text.size);
    if (!f->text)
        abort();
    memcpy(f->text, text.data, text.size);
    f->size = text.size;
    f->at = 0;
}

static void answered(void *asker, const struct client_answer *from)
{
    struct follower *f = asker;
    const bool good = from && from->result.status == CLIENT_OK;
    f->asked = false;
    f->over |= !good || service_drains(f->api->options.service);
    if (good)
        take(f, from);
    if (!f->call)
        let_go(f);
    else if (f->streams)
        http_wake(f->call);
    else
        begin(f, from);
}

static void forget(void *context) { ended(context); }

/* "P" or "P.I". */
static bool read_cursor(const char *text, struct client_cursor *cursor)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    const unsigned long long position = strtoull(text, &end, 10);
    unsigned long index = 0;
    if (*end == '.' && end[1] >= '0' && end[1] <= '9')
        index = strtoul(end + 1, &end, 10);
    *cursor = (struct client_cursor){position, (uint32_t)index};
    return *end == '\0' && position <= INT64_MAX && index <= UINT32_MAX;
}

void api_follow(struct api *a, const struct http_request *request, struct http_answer *answer)
{
    struct client_cursor from = {.position = CLIENT_FROM_END};
    const char *last = http_header(request, "Last-Event-ID"); /* Of one who comes again. */
    const char *text = last ? last : http_argument(request, "from");
    if (text && !read_cursor(text, &from)) {
        api_refuse(answer, 400, "from is a position, or the id of the last event that was seen");
        return;
    }
    if (a->followers >= API_FOLLOWERS_MAX) {
        api_overloaded(answer, SERVICE_RETRY_MS);
        return;
    }
    struct follower *f = calloc(1, sizeof(*f));
    if (!f)
        abort();
    *f = (struct follower){.api = a, .next = from};
    a->followers++;
    f->call = http_defer(request, forget, f);
    ask(f, 0);
    if (f->over)
        begin(f, NULL);
}
