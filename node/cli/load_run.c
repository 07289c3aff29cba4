/* The loop of a load: what is due when, and to which node it goes. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "node/cli/load.h"

enum { PROGRESS_US = 250000, IDLE_MS = 20 };

static volatile sig_atomic_t interrupted;

static void interrupt_once(int number)
{
    (void)number;
    interrupted = 1;
}

/* An interrupt ends the load with its report; a second one ends the program. */
static void catch_interrupt(void)
{
    struct sigaction action = {.sa_handler = interrupt_once, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
}

struct load_node *load_route(struct load *l, const struct load_item *item)
{
    if (l->one_node)
        return &l->nodes[0];
    unsigned home = item->home % l->node_count;
    for (unsigned k = 0; k < l->node_count; k++) {
        struct load_node *n = &l->nodes[(home + k) % l->node_count];
        if (!n->silent)
            return n;
    }
    return &l->nodes[home];
}

static void begin(struct load *l, uint64_t due_us)
{
    struct load_item *item = load_queue_take(&l->presigned);
    if (!item)
        item = workload_make(&l->workload);
    item->due_us = due_us;
    l->begun++;
    load_queue_add(&load_route(l, item)->waiting, item);
}

/* Begins what is due. `next_us` is when the next one of an open loop is. */
static void begin_due(struct load *l, double *next_us, uint64_t now_us, uint64_t end_us)
{
    if (l->rate == 0) {
        while (l->begun < l->count && l->begun - l->settled < l->clients)
            begin(l, now_us);
        return;
    }
    while (l->begun < l->count && *next_us <= (double)now_us && *next_us <= (double)end_us) {
        begin(l, (uint64_t)*next_us);
        *next_us += (l->even ? 1 : random_exponential(&l->random)) * 1e6 / l->rate;
    }
}

/* Waits until something has come, or has to be done. */
static void wait_for_more(const struct load *l, double next_us, uint64_t now_us)
{
    zmq_pollitem_t items[NODES_MAX];
    long timeout_ms = IDLE_MS;
    for (unsigned k = 0; k < l->node_count; k++) {
        const struct load_node *n = &l->nodes[k];
        items[k] = (zmq_pollitem_t){
            .socket = connection_socket(n->connection),
            .events = (short)(ZMQ_POLLIN | (n->blocked && !n->silent ? ZMQ_POLLOUT : 0))};
        if (n->batches && timeout_ms > (long)l->poll_ms)
            timeout_ms = (long)l->poll_ms;
    }
    if (l->rate > 0) {
        double due_ms = ceil((next_us - (double)now_us) / 1000);
        if (due_ms < (double)timeout_ms)
            timeout_ms = due_ms < 1 ? 1 : (long)due_ms;
    }
    zmq_poll(items, (int)l->node_count, timeout_ms);
}

static void loop(struct load *l)
{
    const uint64_t end_us =
        l->duration_s > 0 ? l->start_us + (uint64_t)(l->duration_s * 1e6) : UINT64_MAX;
    double next_us = (double)l->start_us;
    uint64_t progress_us = 0;
    uint64_t drain_us = 0; /* When the waiting for the rest ends; 0: it has not begun. */
    for (;;) {
        uint64_t now_us = clock_us();
        if (!drain_us) {
            begin_due(l, &next_us, now_us, end_us);
            if (interrupted || l->begun >= l->count || now_us >= end_us)
                drain_us = now_us + l->drain_s * 1000000;
        }
        for (unsigned k = 0; k < l->node_count; k++)
            load_node_step(l, &l->nodes[k], clock_us());
        if (drain_us && (interrupted || l->settled == l->begun || now_us >= drain_us))
            return;
        if (now_us >= progress_us) {
            load_progress(l, false);
            progress_us = now_us + PROGRESS_US;
        }
        wait_for_more(l, drain_us ? INFINITY : next_us, now_us);
    }
}

static int open_nodes(struct load *l)
{
    char message[CONFIG_MESSAGE_MAX];
    const struct cluster *cluster = &l->target.cluster;
    unsigned count = l->one_node ? 1 : (unsigned)cluster->node_count;
    l->nodes = calloc(count, sizeof *l->nodes);
    if (!l->nodes)
        return say_failed(l->target.command, "no memory for %u nodes", count);
    for (; l->node_count < count; l->node_count++) {
        struct load_node *n = &l->nodes[l->node_count];
        n->id = l->one_node ? (unsigned)l->target.node : l->node_count;
        n->connection = connection_open(l->target.zmq, cluster, n->id, message, sizeof message);
        if (!n->connection)
            return say_failed(l->target.command, "%s", message);
    }
    return EXIT_DONE;
}

/* Asks all at once. NULL when none has answered in time. */
static struct load_node *first_to_answer(struct load *l)
{
    const uint64_t deadline_ms = clock_ms() + l->target.timeout_s * 1000;
    bool asked[NODES_MAX] = {false};
    for (;;) {
        zmq_pollitem_t items[NODES_MAX];
        for (unsigned k = 0; k < l->node_count; k++) {
            struct connection *c = l->nodes[k].connection;
            struct client_request status = {.kind = CLIENT_STATUS};
            struct client_answer answer;
            if (connection_receive(c, &answer))
                return &l->nodes[k];
            asked[k] = asked[k] || connection_send(c, &status);
            items[k] = (zmq_pollitem_t){.socket = connection_socket(c),
                                        .events = asked[k] ? ZMQ_POLLIN : ZMQ_POLLOUT};
        }
        uint64_t now_ms = clock_ms();
        if (now_ms >= deadline_ms)
            return NULL;
        zmq_poll(items, (int)l->node_count, (long)(deadline_ms - now_ms));
    }
}

/* What the first node that answers says of the accounts: at least one has to. */
static int ask_nodes(struct load *l)
{
    char message[CONFIG_MESSAGE_MAX];
    const unsigned timeout_s = (unsigned)l->target.timeout_s;
    struct load_node *n = first_to_answer(l);
    if (!n && l->one_node)
        return say_failed(l->target.command,
                          "node %u at %s does not answer in %u s: is it running?", l->nodes[0].id,
                          connection_address(l->nodes[0].connection), timeout_s);
    if (!n)
        return say_failed(l->target.command,
                          "none of the %u nodes answers in %u s: are they running?", l->node_count,
                          timeout_s);
    if (l->workload.application == APPLICATION_LEDGER &&
        workload_ask_sequences(&l->workload, n->connection, timeout_s * 1000, message,
                               sizeof message))
        return say_failed(l->target.command, "%s", message);
    return EXIT_DONE;
}

static int open_workload(struct load *l)
{
    char message[CONFIG_MESSAGE_MAX];
    struct workload *w = &l->workload;
    w->chain = l->target.cluster.chain;
    w->application = l->target.cluster.application;
    l->random = w->seed;
    if (w->application == APPLICATION_LEDGER &&
        workload_load_accounts(w, l->target.directory, l->part, l->parts, message, sizeof message))
        return say_failed(l->target.command, "%s", message);
    return ask_nodes(l);
}

static void presign(struct load *l)
{
    uint64_t count = l->count;
    if (count == UINT64_MAX)
        count = (uint64_t)(l->rate * l->duration_s);
    for (uint64_t k = 0; k < count; k++)
        load_queue_add(&l->presigned, workload_make(&l->workload));
}

int load_run(struct load *l)
{
    int status = target_open(&l->target);
    if (status != EXIT_DONE || (status = open_nodes(l)) != EXIT_DONE ||
        (status = open_workload(l)) != EXIT_DONE)
        return status;
    if (l->ids_path && !(l->ids = fopen(l->ids_path, "w")))
        return say_failed(l->target.command, "%s: %s", l->ids_path, strerror(errno));
    if (l->presign)
        presign(l);
    catch_interrupt();
    l->start_us = l->last_us = clock_us();
    for (unsigned k = 0; k < l->node_count; k++)
        l->nodes[k].heard_us = l->start_us;
    loop(l);
    load_progress(l, true);
    if (l->ids && fflush(l->ids) != 0 && !l->ids_error)
        l->ids_error = errno;
    if (l->ids_error)
        return say_failed(l->target.command, "%s: %s", l->ids_path, strerror(l->ids_error));
    return EXIT_DONE;
}
