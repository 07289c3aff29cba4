/* Inside of the API: what its files share. */
#ifndef NODE_API_PRIVATE_H
#define NODE_API_PRIVATE_H

#include "node/api.h"
#include "node/json.h"

struct api {
    struct api_options options;
    unsigned followers;
};

/* A JSON text, which is taken, and made a line; and {"error"}, a sentence. */
void api_say(struct http_answer *answer, unsigned status, char *text);
void api_refuse(struct http_answer *answer, unsigned status, const char *sentence);
void api_overloaded(struct http_answer *answer, unsigned retry_ms);

/* A request that the service has. */
struct call {
    struct api *api;
    struct http_call *http; /* NULL: nobody waits for the answer any more. */
    bool posted;
    uint32_t wait_ms;
    struct service_question question;
    uint8_t items[]; /* A transaction, then an id. */
};

struct call *api_call(struct api *a, enum client_kind kind, size_t items);
/* Hands the call over. */
void api_ask(struct call *call, const struct http_request *request, struct http_answer *answer);
void api_submit(struct api *a, const struct http_request *request, struct http_answer *answer);

/* api_read.c: what follows `name`= in the address: absent is fine. False: it is no number, or more
 * than `max`. */
bool api_number(const struct http_request *request, const char *name, uint64_t max,
                uint64_t *value);

/* The same of `wait`; false: it is refused. */
bool api_wait(const struct http_request *request, uint32_t *wait_ms, struct http_answer *answer);

/* api_events.c */
void api_follow(struct api *a, const struct http_request *request, struct http_answer *answer);

/* api_document.c */
extern const char api_document[], api_document_end[];

#endif
