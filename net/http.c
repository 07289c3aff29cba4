#include "net/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 16,
    CONNECTIONS_ADDRESS_MAX = 8,  /* From one address. */
    REQUEST_BYTES_MAX = 16 << 10, /* Of a connection: its request's lines, and the answer's. */
    IDLE_S = 10,
    REQUEST_MS = 60000,
    BACKLOG = 32,
    ROUNDS_MAX = 16, /* Of one http_serve, ... */
    ANSWERS_MAX = 4, /* ... and none after so many answers. */
};

/* Who speaks a byte at a time is never idle. */
struct caller {
    struct MHD_Connection *connection; /* NULL: free. */
    uint64_t since_ms;
};

struct http {
    struct http_options options;
    struct caller callers[CONNECTIONS_MAX];
    struct MHD_Daemon *daemon;
    int listener; /* The daemon's, once there is one. */
    int file;
    uint16_t port;
    unsigned answers; /* In this http_serve. */
};

const char *http_argument(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

void http_say(struct http_answer *answer, unsigned status, const char *text)
{
    *answer = (struct http_answer){
        .status = status, .type = "text/plain; charset=utf-8", .text = strdup(text)};
    if (!answer->text)
        abort();
    answer->size = strlen(text);
}

static enum MHD_Result send_answer(struct MHD_Connection *connection,
                                   const struct http_answer *answer)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->size, answer->text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(answer->text);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", answer->type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    const enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    struct http *h = context;
    const struct http_request request = {url, connection};
    struct http_answer answer;
    (void)version;
    (void)upload;
    if (*upload_size > 0) { /* A body: read, and dropped. */
        *upload_size = 0;
        return MHD_YES;
    }
    if (!*state) { /* The first call is before the body, and may not answer if there is one. */
        *state = connection;
        return MHD_YES;
    }
    h->answers++;
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        h->options.handle(h->options.context, &request, &answer);
    else
        http_say(&answer, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET and HEAD are understood here.\n");
    return send_answer(connection, &answer);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void begins_or_ends(void *context, struct MHD_Connection *connection, void **own,
                           enum MHD_ConnectionNotificationCode code)
{
    struct http *h = context;
    for (unsigned k = 0; code == MHD_CONNECTION_NOTIFY_STARTED && k < CONNECTIONS_MAX; k++)
        if (!h->callers[k].connection) {
            h->callers[k] = (struct caller){connection, now_ms()};
            *own = &h->callers[k];
            return;
        }
    if (code == MHD_CONNECTION_NOTIFY_CLOSED && *own)
        *(struct caller *)*own = (struct caller){0};
}

/* A request ends; the next one's time begins. */
static void request_ends(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    (void)context;
    (void)state;
    (void)code;
    if (info && info->socket_context)
        ((struct caller *)info->socket_context)->since_ms = now_ms();
}

static void hang_up_on_the_slow(struct http *h)
{
    const uint64_t most_ms = h->options.request_ms ? h->options.request_ms : REQUEST_MS;
    for (unsigned k = 0; k < CONNECTIONS_MAX; k++) {
        const struct caller *c = &h->callers[k];
        if (!c->connection || now_ms() < c->since_ms + most_ms)
            continue;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info)
            shutdown(info->connect_fd, SHUT_RDWR); /* Its end is read, and then it is closed. */
    }
}

static int failed(const struct http_options *o, const char *why, const char *what_to_do,
                  char *message, size_t message_size)
{
    snprintf(message, message_size, "cannot listen on http://%s:%u: %s%s", o->host,
             (unsigned)o->port, why, what_to_do);
    return -1;
}

/* A socket that listens, or -1 with errno set. */
static int listen_at(const struct addrinfo *address)
{
    const int yes = 1;
    const int file = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (file < 0)
        return -1;
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(file, address->ai_addr, address->ai_addrlen) == 0 && listen(file, BACKLOG) == 0)
        return file;
    const int reason = errno;
    close(file);
    errno = reason;
    return -1;
}

static int open_listener(struct http *h, char *message, size_t message_size)
{
    const struct http_options *o = &h->options;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)o->port);
    const int error = getaddrinfo(o->host, service, &hints, &found);
    if (error)
        return failed(o, gai_strerror(error), "", message, message_size);
    h->listener = listen_at(found);
    freeaddrinfo(found);
    if (h->listener < 0)
        return failed(o, strerror(errno),
                      errno == EADDRINUSE ? "; stop the program that has the port" : "", message,
                      message_size);
    struct sockaddr_in6 own; /* Room for either; the port is at the same place. */
    socklen_t size = sizeof own;
    if (getsockname(h->listener, (struct sockaddr *)&own, &size) == 0)
        h->port = ntohs(own.sin6_port);
    return 0;
}

int http_open(const struct http_options *options, struct http **http, char *message,
              size_t message_size)
{
    struct http *h = calloc(1, sizeof *h);
    if (!h)
        abort();
    *h = (struct http){.options = *options, .listener = -1};
    if (open_listener(h, message, message_size)) {
        http_close(h);
        return -1;
    }
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, h->port, NULL, NULL, handle, h, MHD_OPTION_LISTEN_SOCKET, h->listener,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_ADDRESS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)REQUEST_BYTES_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
        MHD_OPTION_NOTIFY_CONNECTION, begins_or_ends, h, MHD_OPTION_NOTIFY_COMPLETED, request_ends,
        h, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        h->daemon ? MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info) {
        failed(options, "libmicrohttpd does not start", "", message, message_size);
        http_close(h);
        return -1;
    }
    h->listener = -1;
    h->file = info->epoll_fd;
    *http = h;
    return 0;
}

void http_close(struct http *h)
{
    if (!h)
        return;
    if (h->listener >= 0)
        close(h->listener);
    if (h->daemon)
        MHD_stop_daemon(h->daemon);
    free(h);
}

uint16_t http_port(const struct http *h) { return h->port; }

int http_file(const struct http *h) { return h->file; }

bool http_serve(struct http *h)
{
    h->answers = 0;
    hang_up_on_the_slow(h);
    for (unsigned k = 0; k < ROUNDS_MAX && h->answers < ANSWERS_MAX; k++) {
        MHD_UNSIGNED_LONG_LONG left_ms;
        if (MHD_run(h->daemon) != MHD_YES || MHD_get_timeout(h->daemon, &left_ms) != MHD_YES ||
            left_ms > 0)
            return false;
    }
    return true;
}
