#include "node/external_wire.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "net/clock.h"
#include "node/external.h"
#include "node/log.h"

enum { LOOK_MS = 100, MONITOR_SIZE = 64, WAITS_MS = 3000 };

void wire_init(struct wire *w, void *zmq, const char *endpoint, const atomic_bool *stop)
{
    *w = (struct wire){.zmq = zmq, .endpoint = endpoint, .stop = stop};
    w->answer = malloc(sizeof(zmq_msg_t));
    if (!w->answer)
        abort();
    zmq_msg_init(w->answer);
}

static void shut(struct wire *w)
{
    if (w->socket)
        zmq_socket_monitor(w->socket, NULL, 0);
    if (w->monitor)
        zmq_close(w->monitor);
    if (w->socket)
        zmq_close(w->socket);
    w->socket = w->monitor = NULL;
    w->connected = false;
}

void wire_close(struct wire *w)
{
    shut(w);
    if (w->answer)
        zmq_msg_close(w->answer);
    free(w->answer);
    w->answer = NULL;
}

static void set(void *socket, int option, int value)
{
    (void)zmq_setsockopt(socket, option, &value, sizeof value);
}

static bool open_socket(struct wire *w)
{
    char monitor[MONITOR_SIZE];
    snprintf(monitor, sizeof monitor, "inproc://application-%p-%u", (void *)w, w->opened++);
    w->socket = zmq_socket(w->zmq, ZMQ_DEALER);
    w->monitor = zmq_socket(w->zmq, ZMQ_PAIR);
    if (!w->socket || !w->monitor)
        return false;
    set(w->socket, ZMQ_LINGER, 0);
    set(w->monitor, ZMQ_LINGER, 0);
    set(w->socket, ZMQ_IMMEDIATE, 1); /* Nothing waits for an application that is not there. */
    return zmq_socket_monitor(w->socket, monitor,
                              ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) == 0 &&
           zmq_connect(w->monitor, monitor) == 0 && zmq_connect(w->socket, w->endpoint) == 0;
}

/* Reads what the monitor has to say; false when a connection that there was has ended. */
static bool watch(struct wire *w)
{
    bool ended = false;
    for (;;) {
        uint8_t event[6];
        char address[256];
        if (zmq_recv(w->monitor, event, sizeof event, ZMQ_DONTWAIT) < 0)
            break;
        (void)zmq_recv(w->monitor, address, sizeof address, ZMQ_DONTWAIT);
        uint16_t number;
        memcpy(&number, event, sizeof number);
        if (number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            w->connected = true;
        else
            ended |= w->connected;
    }
    return !ended;
}

bool wire_alive(struct wire *w) { return w->socket && watch(w) && w->connected; }

/* Until the socket is ready for `events`. */
static enum wire_answer await(struct wire *w, short events, uint64_t deadline_ms)
{
    const uint64_t begun_ms = clock_ms();
    for (;;) {
        zmq_pollitem_t items[] = {{.socket = w->socket, .events = events},
                                  {.socket = w->monitor, .events = ZMQ_POLLIN}};
        zmq_poll(items, 2, LOOK_MS);
        if (!watch(w)) /* What can be read or written may be another connection already. */
            return WIRE_LOST;
        if (items[0].revents)
            return WIRE_OK;
        if (atomic_load(w->stop)) /* Who answers is heard, to the end of an epoch. */
            return WIRE_STOPPED;
        if (clock_ms() >= deadline_ms)
            return WIRE_LATE;
        if (deadline_ms == UINT64_MAX && clock_ms() - begun_ms > WAITS_MS)
            log_limited(LOG_LEVEL_WARN, "application", (uint64_t)events, "%s %s",
                        events == ZMQ_POLLOUT ? "nobody listens yet, execution waits at"
                                              : "an answer takes long at",
                        w->endpoint);
    }
}

static bool send_frames(struct wire *w, const char *word, const struct slice frames[],
                        unsigned count)
{
    bool sent = zmq_send(w->socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) == 0 &&
                zmq_send(w->socket, word, strlen(word), count ? ZMQ_SNDMORE : 0) >= 0;
    for (unsigned i = 0; i < count && sent; i++)
        sent = zmq_send(w->socket, frames[i].data, frames[i].size,
                        i + 1 < count ? ZMQ_SNDMORE : 0) >= 0;
    return sent;
}

static enum wire_answer refuse(struct wire *w, const char *what)
{
    snprintf(w->reason, sizeof w->reason, "%s", what);
    return WIRE_NO;
}

/* The reason is a line for people, whatever it is. */
static enum wire_answer take_no(struct wire *w)
{
    const char *text = zmq_msg_data(w->answer);
    const size_t size = zmq_msg_size(w->answer);
    size_t k = 0;
    for (; k < size && k < sizeof w->reason - 1; k++)
        w->reason[k] = text[k] >= ' ' && text[k] <= '~' ? text[k] : '?';
    w->reason[k] = '\0';
    return WIRE_NO;
}

/* Frame `index` of an answer is in w->answer; the first is empty, the second the word. */
static void take_frame(const struct wire *w, unsigned index, bool *ok, bool *no, uint64_t *first)
{
    const size_t size = zmq_msg_size(w->answer);
    const void *data = zmq_msg_data(w->answer);
    if (index == 1) {
        *ok = size == 2 && memcmp(data, "ok", 2) == 0;
        *no = size == 2 && memcmp(data, "no", 2) == 0;
    }
    if (index == 2 && first && size == sizeof *first) {
        memcpy(first, data, sizeof *first);
        *first = be64toh(*first);
    }
}

static enum wire_answer receive(struct wire *w, unsigned answers, uint64_t *first,
                                struct slice *last)
{
    bool ok = false, no = false;
    unsigned frames = 0;
    size_t bytes = 0;
    do {
        if (zmq_msg_recv(w->answer, w->socket, frames ? 0 : ZMQ_DONTWAIT) < 0)
            return WIRE_LOST;
        bytes += zmq_msg_size(w->answer);
        take_frame(w, frames++, &ok, &no, first);
    } while (zmq_msg_more(w->answer));
    if (no)
        return frames > 2 && zmq_msg_size(w->answer) > 0 ? take_no(w)
                                                         : refuse(w, "no, without a reason");
    if (!ok || frames != 2 + answers || bytes > EXTERNAL_ANSWER_MAX)
        return refuse(w, "its answer is none; see the list of messages in node/external.h");
    *last = slice_of(zmq_msg_data(w->answer), zmq_msg_size(w->answer));
    return WIRE_OK;
}

enum wire_answer wire_ask(struct wire *w, const char *word, const struct slice frames[],
                          unsigned count, int timeout_ms, unsigned answers, uint64_t *first,
                          struct slice *last)
{
    const uint64_t deadline_ms = timeout_ms < 0 ? UINT64_MAX : clock_ms() + (uint64_t)timeout_ms;
    enum wire_answer answer = WIRE_LOST;
    *w->reason = '\0';
    if (w->socket || open_socket(w))
        answer = await(w, ZMQ_POLLOUT, deadline_ms);
    if (answer == WIRE_OK && !send_frames(w, word, frames, count))
        answer = WIRE_LOST;
    if (answer == WIRE_OK)
        answer = await(w, ZMQ_POLLIN, deadline_ms);
    if (answer == WIRE_OK)
        answer = receive(w, answers, first, last);
    if (answer != WIRE_OK && answer != WIRE_NO)
        shut(w); /* An answer that comes later is of nobody's interest. */
    return answer;
}
