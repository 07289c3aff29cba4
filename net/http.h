/* An HTTP server, over libmicrohttpd: GET, HEAD, and POST where it is wanted.
 *
 * It has no thread: whoever owns it polls one file and calls http_serve. The handler is called
 * there, once a request. It answers at once, or defers and answers later, or with a stream, which has
 * no end and whose bytes come as they are there. Any bytes may come in. Bounded: connections, of all
 * and of one address; what a request may take, and its body; how long one may be idle, and be
 * answered in; and how many are answered in one call. The time of what is deferred is its owner's to
 * bound. A stream whose reader does not read is not cut: it holds its connection, and is asked for no
 * more than the kernel takes. Not encrypted, and anyone who reaches it may ask, or hold the
 * connections of his address: it listens on loopback unless told otherwise. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    HTTP_CONNECTIONS_MAX = 64,
    HTTP_CONNECTIONS_ADDRESS_MAX = 48, /* From one address. */
};

struct http;      /* Opaque. */
struct http_call; /* Opaque: a request that is not answered yet, or by a stream. */

struct http_request {
    const char *path; /* Without what follows a '?'. */
    bool post;        /* Else GET, or HEAD, which is told from it by nobody. */
    const char *body; /* Of a POST: so many bytes, lent for the call. */
    size_t body_size;
    struct http_call *call;
};
/* What follows `name`= in the address, or a header's value, or NULL. */
const char *http_argument(const struct http_request *request, const char *name);
const char *http_header(const struct http_request *request, const char *name);

/* The same for whoever asks from the same address, and not for others. */
uint64_t http_client(const struct http_request *request);

struct http_stream {
    /* Writes at most `size` bytes. 0: there are none now; it is called again after http_wake. -1:
     * there are no more, ever. NULL: this is no stream. */
    ssize_t (*read)(void *context, char *bytes, size_t size);
    void (*ended)(void *context); /* Once, whoever ended it; the call is gone. */
    void *context;
};

struct http_answer {
    unsigned status;
    const char *type; /* Its media type. */
    char *text;       /* From malloc; the server frees it. Not of a stream. */
    size_t size;
    const char *allow; /* Of a 405: the methods that are. */
    unsigned retry_s;  /* Not 0: when to come again. */
    struct http_stream stream;
};
/* A text that is copied. */
void http_say(struct http_answer *answer, unsigned status, const char *text);

/* Within the handler: what it answers does not count, and the call is to be answered once, with
 * http_answer_call, in the handler already or later. If who asks is gone, or http_close comes first,
 * `forget` is called instead. */
struct http_call *http_defer(const struct http_request *request, void (*forget)(void *context),
                             void *context);
void http_answer_call(struct http_call *call, const struct http_answer *answer);
/* The stream that answers the call has something to read, or its end. */
void http_wake(struct http_call *call);

struct http_options {
    const char *host; /* An address of this machine, or a name. */
    uint16_t port;    /* 0: any free one. */
    void (*handle)(void *context, const struct http_request *request, struct http_answer *answer);
    void *context;
    size_t body_max;     /* Of a POST; 0: there are none. */
    unsigned request_ms; /* For a request and its answer; 0: a minute. */
    unsigned idle_s;     /* For one who does nothing; 0: ten. */
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
/* Whether a call was answered or woken since, which the file does not tell either. */
bool http_pending(const struct http *h);

#endif
