/* A TCP socket that listens. */
#ifndef NET_HTTP_LISTEN_H
#define NET_HTTP_LISTEN_H

#include <stddef.h>
#include <stdint.h>

/* The socket; `bound` is its port, which was free if 0 was asked for. Or -1 with `message`. */
int http_listen(const char *host, uint16_t port, uint16_t *bound, char *message,
                size_t message_size);
/* Says why nothing is served at this address. -1. */
int http_cannot_listen(const char *host, uint16_t port, const char *why, const char *what_to_do,
                       char *message, size_t message_size);

#endif
