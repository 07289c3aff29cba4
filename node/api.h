/* The HTTP API, all that is below /v1/: JSON, as node/openapi.json says, answered by the service.
 * One thread, the driver's. */
#ifndef NODE_API_H
#define NODE_API_H

#include "net/http.h"
#include "node/service.h"

enum {
    API_BODY_MAX =
        2 * CLIENT_TRANSACTION_SIZE_MAX + 1024, /* A transaction in hex, and around it. */
    API_FOLLOWERS_MAX = 16,                     /* Of events, at a time. */
    API_BLOCKS_MAX = 100,                       /* In one answer. */
};

struct api_options {
    struct service *service;
    char *(*describe)(void *context, enum client_kind kind); /* The JSON of STATUS, to be freed. */
    void *context;
};

struct api; /* Opaque. */

struct api *api_new(const struct api_options *options); /* NULL: no memory. */
void api_free(struct api *a); /* After service_free and http_close. NULL is fine. */

bool api_has(const char *path); /* Whether it is below /v1/. */
void api_handle(struct api *a, const struct http_request *request, struct http_answer *answer);

#endif
