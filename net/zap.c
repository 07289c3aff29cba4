#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "net/transport.h"

/* ZAP (ZeroMQ RFC 27): libzmq asks here, once for each handshake that proved its key or shows a
 * password, whether to let it in. A request has seven parts with the key last (CURVE), or eight
 * with user and password (PLAIN); a reply has six. */

enum {
    PART_VERSION,
    PART_ID,
    PART_DOMAIN,
    PART_ADDRESS,
    PART_ROUTING,
    PART_MECHANISM,
    PART_KEY,
    PART_USER = PART_KEY,
    PART_PASSWORD,
    PARTS,
};
enum { PART_SIZE_MAX = 255, USER_SIZE = 12 };

struct zap {
    void *requests; /* REP; the thread's, as is `stopped`. */
    void *stopped;
    void *stop; /* The other end of `stopped`: the caller's. */
    pthread_t thread;
    atomic_uint_least64_t refused;
    unsigned count;
    struct {
        uint8_t key[CURVE_KEY_SIZE];
        char password[SEAL_PASSWORD_SIZE]; /* Empty: there is none. */
    } nodes[];
};

struct request {
    unsigned count; /* Parts received, those that did not fit too. */
    int sizes[PARTS];
    char parts[PARTS][PART_SIZE_MAX + 1];
};

static bool request_receive(void *socket, struct request *r)
{
    int more = 1;
    memset(r, 0, sizeof *r);
    for (; more; r->count++) {
        char surplus[1];
        bool kept = r->count < PARTS;
        int size = kept ? zmq_recv(socket, r->parts[r->count], PART_SIZE_MAX, 0)
                        : zmq_recv(socket, surplus, sizeof surplus, 0);
        size_t more_size = sizeof more;
        if (size < 0 || zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size))
            return false;
        if (kept)
            r->sizes[r->count] = size;
    }
    return true;
}

static bool part_is(const struct request *r, unsigned part, const char *text)
{
    return r->sizes[part] == (int)strlen(text) && !memcmp(r->parts[part], text, strlen(text));
}

static bool judge_password(const struct zap *z, const struct request *r,
                           char user[static USER_SIZE])
{
    if (r->count != PART_PASSWORD + 1 || !part_is(r, PART_DOMAIN, "bulk") ||
        r->sizes[PART_PASSWORD] != SEAL_PASSWORD_SIZE - 1)
        return false;
    for (unsigned i = 0; i < z->count; i++) {
        snprintf(user, USER_SIZE, "%u", i);
        if (part_is(r, PART_USER, user))
            return *z->nodes[i].password &&
                   !CRYPTO_memcmp(z->nodes[i].password, r->parts[PART_PASSWORD],
                                  SEAL_PASSWORD_SIZE - 1);
    }
    return false;
}

static bool judge_key(const struct zap *z, const struct request *r, char user[static USER_SIZE])
{
    user[0] = 0;
    if (r->count != PART_KEY + 1 || r->sizes[PART_KEY] != CURVE_KEY_SIZE)
        return false;
    if (part_is(r, PART_DOMAIN, "client"))
        return true;
    if (!part_is(r, PART_DOMAIN, "node"))
        return false;
    for (unsigned i = 0; i < z->count; i++) {
        if (!memcmp(z->nodes[i].key, r->parts[PART_KEY], CURVE_KEY_SIZE)) {
            snprintf(user, USER_SIZE, "%u", i);
            return true;
        }
    }
    return false;
}

/* Whether to admit; `user` becomes the User-Id of all that arrives over the connection. */
static bool judge(const struct zap *z, const struct request *r, char user[static USER_SIZE])
{
    bool admitted = false;
    if (r->count > PART_MECHANISM && part_is(r, PART_VERSION, "1.0"))
        admitted = part_is(r, PART_MECHANISM, "CURVE")   ? judge_key(z, r, user)
                   : part_is(r, PART_MECHANISM, "PLAIN") ? judge_password(z, r, user)
                                                         : false;
    if (!admitted)
        user[0] = 0;
    return admitted;
}

static void answer(struct zap *z)
{
    struct request r;
    char user[USER_SIZE];
    if (!request_receive(z->requests, &r))
        return;
    bool admitted = judge(z, &r, user);
    if (!admitted)
        atomic_fetch_add(&z->refused, 1);
    size_t id_size = (size_t)(r.sizes[PART_ID] < PART_SIZE_MAX ? r.sizes[PART_ID] : PART_SIZE_MAX);
    zmq_send(z->requests, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(z->requests, r.parts[PART_ID], id_size, ZMQ_SNDMORE);
    zmq_send(z->requests, admitted ? "200" : "400", 3, ZMQ_SNDMORE);
    zmq_send(z->requests, "", 0, ZMQ_SNDMORE);
    zmq_send(z->requests, user, strlen(user), ZMQ_SNDMORE);
    zmq_send(z->requests, "", 0, 0);
}

static void *run(void *argument)
{
    struct zap *z = argument;
    zmq_pollitem_t items[] = {{z->requests, 0, ZMQ_POLLIN, 0}, {z->stopped, 0, ZMQ_POLLIN, 0}};
    while (zmq_poll(items, 2, -1) >= 0 && !items[1].revents) {
        if (items[0].revents)
            answer(z);
    }
    return NULL;
}

static void destroy(struct zap *z)
{
    void *sockets[] = {z->requests, z->stopped, z->stop};
    for (unsigned i = 0; i < 3; i++) {
        if (sockets[i])
            zmq_close(sockets[i]);
    }
    free(z);
}

/* Signals are the main thread's: this one must not be interrupted, nor take them away. */
static int start_thread(struct zap *z)
{
    sigset_t all, saved;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    int error = pthread_create(&z->thread, NULL, run, z);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    return error;
}

static struct zap *new_zap(const uint8_t (*keys)[CURVE_KEY_SIZE], unsigned count,
                           const struct seals *seals, node_id self)
{
    struct zap *z = calloc(1, sizeof *z + count * sizeof z->nodes[0]);
    if (!z)
        abort();
    z->count = count;
    for (unsigned i = 0; i < count; i++) {
        memcpy(z->nodes[i].key, keys[i], CURVE_KEY_SIZE);
        if (seals && i != self)
            seal_expected(seals, (node_id)i, z->nodes[i].password);
    }
    return z;
}

int zap_start(void *zmq_context, const uint8_t (*keys)[CURVE_KEY_SIZE], unsigned count,
              const struct seals *seals, node_id self, struct zap **zap, char *message,
              size_t message_size)
{
    struct zap *z = new_zap(keys, count, seals, self);
    z->requests = zmq_socket(zmq_context, ZMQ_REP);
    z->stopped = zmq_socket(zmq_context, ZMQ_PAIR);
    z->stop = zmq_socket(zmq_context, ZMQ_PAIR);
    if (!z->requests || !z->stopped || !z->stop ||
        zmq_bind(z->requests, "inproc://zeromq.zap.01") ||
        zmq_bind(z->stopped, "inproc://zap.stop") || zmq_connect(z->stop, "inproc://zap.stop")) {
        snprintf(message, message_size, "cannot start the key check: %s", zmq_strerror(errno));
        goto fail;
    }
    int error = start_thread(z);
    if (error) {
        snprintf(message, message_size, "cannot start the key check: %s", strerror(error));
        goto fail;
    }
    *zap = z;
    return 0;
fail:
    destroy(z);
    return -1;
}

uint64_t zap_refused(const struct zap *z) { return atomic_load(&z->refused); }

void zap_stop(struct zap *z)
{
    if (!z)
        return;
    zmq_send(z->stop, "", 0, 0);
    pthread_join(z->thread, NULL);
    destroy(z);
}
