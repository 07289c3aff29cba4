#include "net/http.h"

#include <assert.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/http_listen.h"

enum {
    REQUEST_BYTES_MAX = 16 << 10, /* Of a connection: its request's lines, and the answer's. */
    STREAM_BLOCK = 16 << 10,
    IDLE_S = 10,
    REQUEST_MS = 60000,
    LOOK_MS = 500,
    ROUNDS_MAX = 16, /* Of one http_serve. */
    ANSWERS_MAX = 4, /* The same; one round alone may have all connections' requests. */
};

/* A request, from its first line to its end. */
struct http_call {
    struct http *http;
    struct MHD_Connection *connection;
    struct http_call *next, **link; /* Of all. */
    char *body;
    size_t body_size, body_room;
    bool post, too_large;
    bool deferred, suspended;
    bool held, turn; /* All of it is here, and others are first; not any more. */
    bool gone;       /* Nobody is there any more. */
    bool answered;   /* With `answer`, which is sent when it is resumed. */
    struct http_answer answer;
    struct http_stream stream; /* Its answer, if `read` is not NULL. */
    void (*forget)(void *context);
    void *context;
};

/* Who speaks a byte at a time is never idle. */
struct caller {
    struct MHD_Connection *connection; /* NULL: free. */
    uint64_t since_ms;
    bool waits; /* For us: its time is not counted. */
};

struct http {
    struct http_options options;
    struct caller callers[HTTP_CONNECTIONS_MAX];
    struct http_call *calls;
    struct MHD_Daemon *daemon;
    int listener; /* The daemon's, once there is one. */
    int file;
    uint16_t port;
    unsigned answers; /* In this http_serve. */
    unsigned held;
    bool pending;
    bool closing;
    uint64_t looked_ms; /* When those who wait were looked at. */
};

const char *http_argument(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->call->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->call->connection, MHD_HEADER_KIND, name);
}

uint64_t http_client(const struct http_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    uint64_t key = 0;
    if (address && address->sa_family == AF_INET)
        memcpy(&key, &((const struct sockaddr_in *)address)->sin_addr, sizeof(struct in_addr));
    if (address && address->sa_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(six)) /* Where one socket listens for both. */
            memcpy(&key, six->s6_addr + 12, sizeof(struct in_addr));
        else /* The network: whoever has one has all of it. */
            memcpy(&key, six, sizeof(key));
    }
    return key;
}

void http_say(struct http_answer *answer, unsigned status, const char *text)
{
    *answer = (struct http_answer){
        .status = status, .type = "text/plain; charset=utf-8", .text = strdup(text)};
    if (!answer->text)
        abort();
    answer->size = strlen(text);
}

/* From now on it waits for us, or we for it. */
static void set_waits(struct MHD_Connection *connection, bool waits)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct caller *caller = info ? info->socket_context : NULL;
    if (caller)
        *caller = (struct caller){caller->connection, clock_ms(), waits};
}

static void suspend(struct http_call *call)
{
    assert(!call->suspended);
    call->suspended = true;
    set_waits(call->connection, true);
    MHD_suspend_connection(call->connection);
}

static void resume(struct http_call *call)
{
    if (!call->suspended)
        return;
    if (call->held) {
        call->held = false;
        call->turn = true;
        call->http->held--;
    }
    call->suspended = false;
    call->http->pending = true; /* libmicrohttpd's file is not made readable. */
    set_waits(call->connection, call->stream.read != NULL);
    MHD_resume_connection(call->connection);
}

static ssize_t read_stream(void *context, uint64_t position, char *bytes, size_t size)
{
    struct http_call *call = context;
    (void)position;
    if (call->gone || call->http->closing)
        return MHD_CONTENT_READER_END_OF_STREAM;
    const ssize_t count = call->stream.read(call->stream.context, bytes, size);
    if (count == 0)
        suspend(call);
    return count < 0 ? MHD_CONTENT_READER_END_OF_STREAM : count;
}

/* Has the answer's text or stream, or, if there is none, nobody has. */
static struct MHD_Response *response_of(struct http_call *call, struct http_answer *answer)
{
    if (!answer->stream.read) {
        struct MHD_Response *response =
            MHD_create_response_from_buffer(answer->size, answer->text, MHD_RESPMEM_MUST_FREE);
        if (!response)
            free(answer->text);
        answer->text = NULL;
        return response;
    }
    call->stream = answer->stream;
    set_waits(call->connection, true);
    MHD_set_connection_option(call->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, call,
                                             NULL);
}

static enum MHD_Result send_answer(struct http_call *call, struct http_answer *answer)
{
    struct MHD_Response *response = response_of(call, answer);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", answer->type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (answer->stream.read)
        MHD_add_response_header(response, "Connection", "close");
    if (answer->allow)
        MHD_add_response_header(response, "Allow", answer->allow);
    if (answer->retry_s) {
        char text[16];
        snprintf(text, sizeof text, "%u", answer->retry_s);
        MHD_add_response_header(response, "Retry-After", text);
    }
    const enum MHD_Result result = MHD_queue_response(call->connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* Some of a body. What is more than is taken is read, and dropped. */
static void take_body(struct http_call *call, const char *bytes, size_t size)
{
    const size_t most = call->post ? call->http->options.body_max : 0;
    call->too_large |= size > most - call->body_size;
    if (call->too_large)
        return;
    if (call->body_size + size > call->body_room) {
        const size_t twice = 2 * call->body_room, need = call->body_size + size;
        call->body_room = need > twice ? need : twice < most ? twice : most;
        call->body = realloc(call->body, call->body_room);
        if (!call->body)
            abort();
    }
    memcpy(call->body + call->body_size, bytes, size);
    call->body_size += size;
}

static void refuse(const struct http_call *call, bool known, struct http_answer *answer)
{
    if (known) {
        char text[80];
        snprintf(text, sizeof text, "At most %zu bytes are taken.\n", call->http->options.body_max);
        http_say(answer, MHD_HTTP_CONTENT_TOO_LARGE, text);
        return;
    }
    const bool posts = call->http->options.body_max > 0;
    http_say(answer, MHD_HTTP_METHOD_NOT_ALLOWED,
             posts ? "Only GET, HEAD and POST are understood here.\n"
                   : "Only GET and HEAD are understood here.\n");
    answer->allow = posts ? "GET, HEAD, POST" : "GET, HEAD";
}

/* All of a request is here. */
static enum MHD_Result answer_request(struct http_call *call, const char *url, bool get)
{
    struct http *h = call->http;
    const struct http_request request = {.path = url,
                                         .post = call->post,
                                         .body = call->body,
                                         .body_size = call->body_size,
                                         .call = call};
    struct http_answer answer = {0};
    h->answers++;
    const bool known = get || (call->post && h->options.body_max > 0);
    if (!known || (call->post && call->too_large))
        refuse(call, known, &answer);
    else
        h->options.handle(h->options.context, &request, &answer);
    if (!call->deferred)
        return send_answer(call, &answer);
    if (call->answered)
        return send_answer(call, &call->answer);
    suspend(call);
    return MHD_YES;
}

static struct http_call *new_call(struct http *h, struct MHD_Connection *connection, bool post)
{
    struct http_call *call = calloc(1, sizeof *call);
    if (!call)
        abort();
    *call = (struct http_call){
        .http = h, .connection = connection, .next = h->calls, .link = &h->calls, .post = post};
    if (call->next)
        call->next->link = &call->next;
    h->calls = call;
    return call;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    struct http_call *call = *state;
    (void)version;
    if (((struct http *)context)->closing && !(call && call->answered))
        return MHD_NO;
    if (!call) { /* The first call is before the body, and may not answer if there is one. */
        *state = new_call(context, connection, strcmp(method, "POST") == 0);
        return MHD_YES;
    }
    if (*upload_size > 0) {
        take_body(call, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (call->answered)
        return send_answer(call, &call->answer);
    if (!call->turn && call->http->answers >= ANSWERS_MAX) {
        call->held = true;
        call->http->held++;
        suspend(call);
        return MHD_YES;
    }
    return answer_request(call, url, strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);
}

struct http_call *http_defer(const struct http_request *request, void (*forget)(void *context),
                             void *context)
{
    struct http_call *call = request->call;
    call->deferred = true;
    call->forget = forget;
    call->context = context;
    return call;
}

void http_answer_call(struct http_call *call, const struct http_answer *answer)
{
    assert(call->deferred);
    assert(!call->answered);
    call->answered = true;
    call->answer = *answer;
    resume(call);
}

void http_wake(struct http_call *call) { resume(call); }

static void begins_or_ends(void *context, struct MHD_Connection *connection, void **own,
                           enum MHD_ConnectionNotificationCode code)
{
    struct http *h = context;
    for (unsigned k = 0; code == MHD_CONNECTION_NOTIFY_STARTED && k < HTTP_CONNECTIONS_MAX; k++)
        if (!h->callers[k].connection) {
            h->callers[k] = (struct caller){connection, clock_ms(), false};
            *own = &h->callers[k];
            return;
        }
    if (code == MHD_CONNECTION_NOTIFY_CLOSED && *own)
        *(struct caller *)*own = (struct caller){0};
}

static void free_call(struct http_call *call)
{
    const struct http_stream *stream = call->stream.read ? &call->stream : &call->answer.stream;
    if (stream->read)
        stream->ended(stream->context);
    assert(!call->held); /* Suspended ones do not end. */
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    free(call->answer.text);
    free(call->body);
    free(call);
}

/* A request ends; the next one's time begins. */
static void request_ends(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct http_call *call = *state;
    (void)context;
    (void)code;
    set_waits(connection, false);
    if (call)
        free_call(call);
    *state = NULL;
}

static void hang_up_on_the_slow(struct http *h)
{
    const uint64_t most_ms = h->options.request_ms ? h->options.request_ms : REQUEST_MS;
    for (unsigned k = 0; k < HTTP_CONNECTIONS_MAX; k++) {
        const struct caller *c = &h->callers[k];
        if (!c->connection || c->waits || clock_ms() < c->since_ms + most_ms)
            continue;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info)
            shutdown(info->connect_fd, SHUT_RDWR); /* Its end is read, and then it is closed. */
    }
}

int http_open(const struct http_options *options, struct http **http, char *message,
              size_t message_size)
{
    struct http *h = calloc(1, sizeof *h);
    if (!h)
        abort();
    *h = (struct http){.options = *options};
    h->listener = http_listen(options->host, options->port, &h->port, message, message_size);
    if (h->listener < 0) {
        http_close(h);
        return -1;
    }
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, h->port, NULL, NULL, handle, h,
        MHD_OPTION_LISTEN_SOCKET, h->listener, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)HTTP_CONNECTIONS_ADDRESS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)REQUEST_BYTES_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        options->idle_s ? options->idle_s : (unsigned)IDLE_S, MHD_OPTION_NOTIFY_CONNECTION,
        begins_or_ends, h, MHD_OPTION_NOTIFY_COMPLETED, request_ends, h, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        h->daemon ? MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info) {
        http_cannot_listen(options->host, options->port, "libmicrohttpd does not start", "",
                           message, message_size);
        http_close(h);
        return -1;
    }
    h->listener = -1;
    h->file = info->epoll_fd;
    *http = h;
    return 0;
}

/* Who waits for an answer has none of its owner. */
static void give_up(struct http_call *call)
{
    if (call->deferred && !call->answered) {
        call->forget(call->context);
        call->answered = true;
        http_say(&call->answer, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping\n");
    }
    resume(call);
}

/* Suspended connections cannot be closed; and what has been answered is sent. */
static void let_go(struct http *h)
{
    h->closing = true;
    for (struct http_call *call = h->calls; call; call = call->next)
        give_up(call);
    for (unsigned k = 0; k < ROUNDS_MAX; k++)
        MHD_run(h->daemon);
}

/* libmicrohttpd does not see a suspended connection end. */
static void look_for_the_gone(struct http *h)
{
    if (clock_ms() < h->looked_ms + LOOK_MS)
        return;
    h->looked_ms = clock_ms();
    for (struct http_call *call = h->calls; call; call = call->next) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct pollfd polled = {.fd = info ? info->connect_fd : -1, .events = POLLRDHUP};
        if (!call->suspended || poll(&polled, 1, 0) <= 0)
            continue;
        call->gone = true;
        give_up(call);
    }
}

void http_close(struct http *h)
{
    if (!h)
        return;
    if (h->listener >= 0)
        close(h->listener);
    if (h->daemon) {
        let_go(h);
        MHD_stop_daemon(h->daemon);
    }
    free(h);
}

uint16_t http_port(const struct http *h) { return h->port; }

int http_file(const struct http *h) { return h->file; }

bool http_pending(const struct http *h) { return h->pending; }

/* Those who have waited longest, which are the last of all. */
static void let_in(struct http *h)
{
    unsigned later = h->held > ANSWERS_MAX ? h->held - ANSWERS_MAX : 0;
    for (struct http_call *call = h->calls; call; call = call->next)
        if (call->held && later > 0)
            later--;
        else if (call->held)
            resume(call);
}

bool http_serve(struct http *h)
{
    h->answers = 0;
    let_in(h);
    h->pending = false;
    hang_up_on_the_slow(h);
    look_for_the_gone(h);
    for (unsigned k = 0; k < ROUNDS_MAX && h->answers < ANSWERS_MAX; k++) {
        MHD_UNSIGNED_LONG_LONG left_ms;
        if (MHD_run(h->daemon) != MHD_YES || MHD_get_timeout(h->daemon, &left_ms) != MHD_YES ||
            left_ms > 0)
            return h->held > 0;
    }
    return true;
}
