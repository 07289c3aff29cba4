#include "node/daemon.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "net/clock.h"
#include "node/daemon_state.h"
#include "node/lost.h"

enum {
    TICK_BUSY_MS = 10,
    TICK_IDLE_MS = 100,  /* Ten times a second: nothing to see in top. */
    BUSY_MS = 1000,      /* Ticks come quickly for so long after the last thing happened. */
    PEERS_MS = 250,      /* From one look at who is connected to the next. */
    GATHER_SHARE = 100,  /* Of what a dispersal takes: for so long what arrives is gathered, ... */
    GATHER_MS_MAX = 100, /* ... and no longer. */
    SHUT_MS = 15000,     /* A bulk lane that takes nothing for so long is told of. */
    HTTP_US = 500000,    /* Its idle connections are looked at so often. */
    HTTP_REST = 19,      /* For so many times what it took it rests. */
    DRAIN_MS = 3000,     /* For clients whose transactions are being checked or committed. */
    EXIT_AT_ONCE = 1,
};

/* What is waited for beside the transport's sockets. */
enum { ITEM_SIGNALS, ITEM_WORKERS, ITEM_EXECUTION, ITEM_CLIENTS, ITEM_HTTP, ITEMS };
static_assert((int)ITEMS == (int)DAEMON_ITEMS, "there is room for them");

/* Where messages take long anyway, those that arrive together are answered together: else each of
 * the N-f that a step needs costs a commit. */
static void gather(const struct daemon *d)
{
    struct node_view view;
    node_view(driver_node(d->driver), &view);
    const uint64_t share_ms = view.takes_ms / GATHER_SHARE;
    const uint64_t gather_ms = share_ms < GATHER_MS_MAX ? share_ms : GATHER_MS_MAX;
    const struct timespec rest = {.tv_nsec = (long)gather_ms * 1000000};
    if (gather_ms > 0)
        nanosleep(&rest, NULL);
}

/* Whoever asks for much waits: the node's work goes on. */
static bool http_may_serve(const struct daemon *d)
{
    return d->http && clock_us() >= d->http_us + d->http_rest_us;
}

/* How long the loop may sleep, at most, without making those wait who may be served. */
static int http_patience_ms(const struct daemon *d)
{
    const uint64_t now = clock_us(), then = d->http_us + d->http_rest_us;
    if (d->http && then > now)
        return (int)((then - now) / 1000) + 1;
    return d->http && (d->http_more || http_pending(d->http)) ? 0 : TICK_IDLE_MS;
}

static void wait(struct daemon *d)
{
    const struct pollfd own[ITEMS] = {
        [ITEM_SIGNALS] = {.fd = d->signals, .events = POLLIN},
        [ITEM_WORKERS] = {.fd = workers_fd(d->workers), .events = POLLIN},
        [ITEM_EXECUTION] = {.fd = execution_fd(d->execution), .events = POLLIN},
        [ITEM_CLIENTS] = {.fd = clients_file(d->clients), .events = POLLIN},
        [ITEM_HTTP] = {.fd = http_may_serve(d) ? http_file(d->http) : -1, .events = POLLIN},
    };
    memcpy(d->polled, own, sizeof(own));
    const unsigned count = d->draining ? 0 : transport_flush(d->transport, d->polled + ITEMS);
    d->clients_call = clients_waiting(d->clients);
    d->more |= d->clients_call;
    const bool busy = d->more || d->now_ms - d->busy_ms < BUSY_MS;
    const int tick = busy ? TICK_BUSY_MS : TICK_IDLE_MS, http = http_patience_ms(d);
    const int timeout = d->more ? 0 : http < tick ? http : tick;
    const int ready = poll(d->polled, ITEMS + count, timeout);
    transport_polled(d->transport, d->polled + ITEMS, ready > 0 ? count : 0);
    d->clients_call |= ready > 0 && d->polled[ITEM_CLIENTS].revents;
    d->now_ms = clock_ms();
    if (ready <= 0)
        return;
    d->busy_ms = d->now_ms;
    gather(d);
    d->now_ms = clock_ms();
}

/* Another chain's frames, or another version's, are the driver's to refuse; here is the sentence. */
static void note_word(struct daemon *d, const struct transport_frame *frame)
{
    struct reader r = reader_of(frame->bytes);
    struct word word;
    d->peers.of[frame->from].heard_ms = d->now_ms;
    if (message_header_decode(&r, &d->config.cluster.chain, &word)) {
        d->words[frame->from] = word;
        lost_note(d->lost.words, frame->from, &word);
    } else {
        log_limited(LOG_LEVEL_WARN, "peer", frame->from,
                    "node %u is of another chain or version: give all nodes one cluster.conf "
                    "and one version of this program peer=%u",
                    (unsigned)frame->from, (unsigned)frame->from);
    }
}

static void receive_frames(struct daemon *d)
{
    unsigned count = transport_receive(d->transport, d->frames, DAEMON_FRAMES);
    for (unsigned i = 0; i < count; i++) {
        note_word(d, &d->frames[i]);
        driver_frame(d->driver, d->frames[i].from, d->frames[i].bytes);
    }
    d->more |= transport_more(d->transport);
}

static void look_after_peers(struct daemon *d)
{
    if (d->now_ms - d->peers_ms < PEERS_MS)
        return;
    d->peers_ms = d->now_ms;
    for (unsigned i = 0; i < d->quorum.n; i++) {
        if (i == d->self)
            continue;
        const struct address *address = &d->config.cluster.nodes[i].address;
        switch (peers_look(&d->peers, (node_id)i, transport_reaches(d->transport, (node_id)i),
                           d->now_ms)) {
        case PEER_SAME: break;
        case PEER_CAME: log_line(LOG_LEVEL_INFO, "peer", "peer %u connected", i); break;
        case PEER_WENT: log_line(LOG_LEVEL_INFO, "peer", "peer %u is gone", i); break;
        case PEER_ABSENT:
            log_line(LOG_LEVEL_INFO, "peer", "peer %u (%s:%u) cannot be reached", i, address->host,
                     (unsigned)address->port);
        }
        if (transport_shut(d->transport, (node_id)i, SHUT_MS))
            log_limited(LOG_LEVEL_WARN, "peer", i,
                        "peer %u takes votes and no chunks: give all nodes the same bulk in "
                        "node.conf, and open its second and third port peer=%u",
                        i, i);
    }
}

/* True: there was one. */
static bool receive_reports(struct daemon *d)
{
    struct execution_report *report;
    const epoch_id before = d->executed.epoch;
    while ((report = execution_next(d->execution))) {
        daemon_settle(d, report);
        log_line(LOG_LEVEL_DEBUG, "execute", "executed epoch=%" PRIu64 " height=%" PRIu64,
                 report->epoch, report->state.height);
        execution_report_free(report);
    }
    return d->executed.epoch > before;
}

/* After the commit: what it tells is what holds. */
static void serve_http(struct daemon *d)
{
    if (!http_may_serve(d))
        return;
    const bool call = d->polled[ITEM_HTTP].revents || d->http_more || http_pending(d->http);
    const uint64_t begun_us = clock_us();
    if (!call && begun_us - d->http_us < HTTP_US)
        return;
    d->http_more = http_serve(d->http);
    d->http_us = clock_us();
    d->http_rest_us = (d->http_us - begun_us) * HTTP_REST;
}

/* One round: whatever is there, one commit, and the answers that waited for it. */
static int round_of(struct daemon *d, char *message, size_t message_size)
{
    d->more = false;
    mempool_time(d->mempool, d->now_ms);
    if (!d->draining) {
        receive_frames(d);
        look_after_peers(d);
    }
    workers_finished(d->workers);
    const bool executed = receive_reports(d);
    if (execution_failed(d->execution, message, message_size))
        return -1;
    service_look(d->service, executed, d->now_ms);
    admission_look(&d->admission, d->now_ms,
                   mempool_after(d->mempool, daemon_settled(d)) + service_checking(d->service));
    daemon_look_at_disk(d);
    driver_disk(d->driver, !daemon_may_promise(d));
    service_refuse(d->service, d->draining || d->mute != MUTE_NOT || daemon_store_filling(d));
    if (d->clients_call)
        d->more |= clients_receive(d->clients);
    clients_look(d->clients, d->now_ms);
    driver_pool(d->driver, d->draining ? 0 : mempool_waiting(d->mempool));
    const int error = driver_flush(d->driver, d->now_ms);
    if (error == DRIVER_OTHER_STATE) {
        snprintf(message, message_size,
                 "this node's ledger is not what it was when it signed it, or not what f+1 others "
                 "signed: it is damaged, or another version of the program executes otherwise. "
                 "Restore its own ledger of before, or leave it off: it counts against f");
        return -1;
    }
    if (error == STORE_CORRUPT || error == STORE_MISSING) {
        snprintf(message, message_size, "%s/consensus, which has what this node promised: %s",
                 d->config.node.data, driver_reason(d->consensus, error));
        return -1;
    }
    if (error) { /* The store says what to do. */
        snprintf(message, message_size, "%s. Nothing that was acknowledged or promised is lost",
                 store_message(d->consensus));
        return -1;
    }
    service_committed(d->service);
    daemon_note_progress(d);
    serve_http(d);
    return d->draining ? 0 : daemon_look_after_snapshots(d, message, message_size);
}

static void leave_at_once(int signal_number)
{
    (void)signal_number;
    static const char text[] = "ledger-node: a second signal: leaving at once\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored;
    _exit(EXIT_AT_ONCE);
}

static void start_drain(struct daemon *d)
{
    struct signalfd_siginfo info;
    if (read(d->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    const struct sigaction action = {.sa_handler = leave_at_once};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    service_drain(d->service);
    d->draining = true;
    d->drain_ms = d->now_ms;
    log_line(LOG_LEVEL_INFO, "daemon", "stopping signal=%u", info.ssi_signo);
}

static bool drained(const struct daemon *d)
{
    const bool told = service_idle(d->service) && !(d->http && http_pending(d->http));
    return d->draining && (told || d->now_ms - d->drain_ms > DRAIN_MS);
}

int daemon_run(struct daemon *d, char *message, size_t message_size)
{
    while (!drained(d)) {
        wait(d);
        if (!d->draining && d->polled[ITEM_SIGNALS].revents)
            start_drain(d);
        if (round_of(d, message, message_size) != 0)
            return -1;
        if (d->snapshots.again)
            return DAEMON_AGAIN;
    }
    return 0;
}
