/* A recording over HTTP: the page at /, its data at /model.json. */
#ifndef TESTNET_LIVE_H
#define TESTNET_LIVE_H

#include "net/http.h"
#include "testnet/recording.h"

enum {
    LIVE_PORT = 27999,
    LIVE_SAMPLES = 600, /* That a recording which is watched keeps. */
};

/* 0, or -1 with `message`. The recording is kept by reference; serve as net/http.h says. */
int live_open(const struct recording *r, const char *host, uint16_t port, struct http **http,
              char *message, size_t message_size);

#endif
