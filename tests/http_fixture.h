/* A server on loopback, and clients that are bytes on sockets. */
#ifndef TESTS_HTTP_FIXTURE_H
#define TESTS_HTTP_FIXTURE_H

#include "net/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 2000, PART = 3000 };

static unsigned handled;

static struct http *server;
static char answer[1 << 16];

/* What is deferred is answered by the tests; a stream gives what they give. */
static struct http_call *deferred;
static unsigned forgotten;
static inline void forget(void *context)
{
    assert_ptr_equal(context, &deferred);
    forgotten++;
}

static struct {
    unsigned parts, ended, reads; /* To be read; ends, and reads without a byte, that there were. */
    size_t taken;
    bool over;
} tap;
static inline ssize_t read_tap(void *context, char *bytes, size_t size)
{
    assert_ptr_equal(context, &tap);
    assert_true(size > 0);
    if (tap.parts == 0) {
        tap.reads++;
        return tap.over ? -1 : 0;
    }
    const size_t left = PART - tap.taken, count = left < size ? left : size;
    memset(bytes, 'x', count);
    if (tap.taken == 0)
        bytes[0] = '<';
    tap.taken = (tap.taken + count) % PART;
    tap.parts -= tap.taken == 0;
    return (ssize_t)count;
}
static inline void end_tap(void *context)
{
    assert_ptr_equal(context, &tap);
    tap.ended++;
}

static inline void handle(void *context, const struct http_request *request,
                          struct http_answer *out)
{
    char text[256];
    handled++;
    if (strcmp(request->path, "/later") == 0) {
        deferred = http_defer(request, forget, &deferred);
        return;
    }
    if (strcmp(request->path, "/now") == 0) { /* Answered before it can be waited for. */
        http_say(out, 200, "at once");
        http_answer_call(http_defer(request, forget, &deferred), out);
        return;
    }
    if (strcmp(request->path, "/stream") == 0) {
        deferred = request->call;
        *out = (struct http_answer){
            .status = 200, .type = "text/plain", .stream = {read_tap, end_tap, &tap}};
        return;
    }
    if (request->post) {
        snprintf(text, sizeof text, "%zu bytes, %.5s", request->body_size,
                 request->body_size >= 5 ? request->body : "short");
        http_say(out, 200, text);
        return;
    }
    const char *after = http_argument(request, "after");
    assert_ptr_equal(context, &server);
    snprintf(text, sizeof text, "%s %s", request->path, after ? after : "-");
    http_say(out, strcmp(request->path, "/missing") == 0 ? 404 : 200, text);
}

static inline int setup(void **state)
{
    (void)state;
    char message[256];
    const struct http_options options = {
        .host = "127.0.0.1", .port = 0, .handle = handle, .context = &server};
    return http_open(&options, &server, message, sizeof message);
}

static inline int teardown(void **state)
{
    (void)state;
    http_close(server);
    return 0;
}

static inline int dial(void)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(http_port(server)),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int file = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(file >= 0);
    if (connect(file, (const struct sockaddr *)&address, sizeof address) != 0)
        fail_msg("connect: %s", strerror(errno));
    return file;
}

/* Serves until the connection has `text` in what it was told, or is closed by the server. */
static inline void serve_until(int file, const char *text)
{
    size_t size = 0;
    bool more = false;
    answer[0] = '\0';
    for (int waited = 0; waited < WAIT_MS; waited += 10) {
        struct pollfd polled[] = {{.fd = http_file(server), .events = POLLIN},
                                  {.fd = file, .events = POLLIN}};
        poll(polled, 2, 10);
        while ((polled[0].revents || more || http_pending(server)) && (more = http_serve(server)))
            ;
        if (!polled[1].revents)
            continue;
        const ssize_t got = read(file, answer + size, sizeof answer - 1 - size);
        if (got <= 0)
            return;
        size += (size_t)got;
        answer[size] = '\0';
        if (strstr(answer, text))
            return;
    }
    fail_msg("no answer with \"%s\", but \"%s\"", text, answer);
}

static inline void ask(const char *request, const char *text)
{
    const int file = dial();
    assert_int_equal(write(file, request, strlen(request)), strlen(request));
    serve_until(file, text);
    close(file);
    if (!strstr(answer, text))
        fail_msg("not \"%s\", but \"%s\"", text, answer);
}

/* A server that takes bodies, and waits as long as it is told. */
static struct http *plain;
static inline void open_server(unsigned request_ms, size_t body_max)
{
    char message[256];
    const struct http_options options = {.host = "127.0.0.1",
                                         .handle = handle,
                                         .context = &server,
                                         .request_ms = request_ms,
                                         .body_max = body_max,
                                         .idle_s = 1};
    plain = server;
    assert_int_equal(http_open(&options, &server, message, sizeof message), 0);
    memset(&tap, 0, sizeof tap);
    forgotten = 0;
    deferred = NULL;
}
static inline void close_server(void)
{
    http_close(server);
    server = plain;
}

#endif
