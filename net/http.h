/* An HTTP server for what is read: GET and HEAD, over libmicrohttpd.
 *
 * It has no thread: whoever owns it polls one file and calls http_serve. The handler is called
 * there, once a request, and answers at once. Any bytes may come in. Bounded: connections (16, of
 * one address 8), what a request may take, how long one may be idle, and be answered in, and how many
 * are answered in one call. Not encrypted, and anyone who reaches it may read, or hold the
 * connections of his address for that long: it listens on loopback unless told otherwise. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http; /* Opaque. */

struct http_request {
    const char *path; /* Without what follows a '?'. */
    void *connection; /* For http_argument. */
};
/* What follows `name`= in the address, or NULL. */
const char *http_argument(const struct http_request *request, const char *name);

struct http_answer {
    unsigned status;  /* 200, 404, 503. */
    const char *type; /* Its media type. */
    char *text;       /* From malloc; the server frees it. */
    size_t size;
};
/* A text that is copied. */
void http_say(struct http_answer *answer, unsigned status, const char *text);

struct http_options {
    const char *host; /* An address of this machine, or a name. */
    uint16_t port;    /* 0: any free one. */
    void (*handle)(void *context, const struct http_request *request, struct http_answer *answer);
    void *context;
    unsigned request_ms; /* For a request and its answer; 0: a minute. */
};

/* 0, or -1 with `message`: a port in use names the port and what to do. */
int http_open(const struct http_options *options, struct http **http, char *message,
              size_t message_size);
void http_close(struct http *h); /* NULL is fine. */
uint16_t http_port(const struct http *h);
/* The file to poll for reading: when it is readable, and once a second all the same, since idle
 * connections are let go there, http_serve is to be called. True: there is more to do at once, which
 * the file does not tell. */
int http_file(const struct http *h);
bool http_serve(struct http *h);

#endif
