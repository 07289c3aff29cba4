#include "testnet/run.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "testnet/control.h"
#include "testnet/interrupt.h"

enum {
    CONNECT_S = 60, /* For all nodes to reach all others. */
    POLL_MS_MAX = 100,
    LINES_S = 10, /* Between lines of progress when nobody watches. */
    SETTLED = 3,  /* Samples. */
    SETTLE_S = 90,
};
static const double sample_s = 1;

static int fail(const char *message)
{
    fprintf(stderr, "ledger-testnet: %s\n", message);
    return -1;
}

static int perform(void *context, const char *text, char *answer, size_t answer_size)
{
    struct run *r = context;
    struct command c;
    if (command_parse(text, (unsigned)r->scenario.nodes, &c, answer, answer_size))
        return -1;
    return run_command(r, &c, text, answer, answer_size);
}

static void serve_page(struct run *r, bool call)
{
    if (!r->http || (!call && !r->http_more && run_time(r) - r->served_s < 1))
        return;
    r->served_s = run_time(r);
    r->http_more = http_serve(r->http);
}

/* Takes commands, and waits for answers until then at most. */
static void wait_for_more(struct run *r, double until_s)
{
    const unsigned count = (unsigned)r->scenario.nodes;
    zmq_pollitem_t items[RELAY_SITES_MAX + 2] = {0};
    for (unsigned i = 0; i < count; i++)
        items[i] = (zmq_pollitem_t){.socket = connection_socket(r->sites.site[i].connection),
                                    .events = ZMQ_POLLIN};
    items[count] = (zmq_pollitem_t){.fd = r->listener, .events = ZMQ_POLLIN};
    if (r->http)
        items[count + 1] = (zmq_pollitem_t){.fd = http_file(r->http), .events = ZMQ_POLLIN};
    double left_ms = (until_s - run_time(r)) * 1000;
    if (left_ms > POLL_MS_MAX)
        left_ms = POLL_MS_MAX;
    zmq_poll(items, (int)count + (r->http ? 2 : 1), left_ms < 1 ? 1 : (long)left_ms);
    serve_page(r, items[count + 1].revents != 0);
    if (items[count].revents)
        control_serve(r->listener, perform, r);
    r->interrupted = r->interrupted || interrupted;
    r->over = r->over || interrupted;
}

static int set_rates(struct run *r, double at_s, char *message, size_t message_size)
{
    if (!r->sites.network)
        return 0;
    for (unsigned i = 0; i < r->scenario.nodes; i++) {
        const uint64_t rate = scenario_rate(&r->scenario, i, at_s);
        if (!r->link[i].set && network_rate(&r->network, i, rate, rate, message, message_size))
            return -1;
    }
    return 0;
}

static int make_network(struct run *r, char *message, size_t message_size)
{
    const struct scenario *s = &r->scenario;
    const struct network_plan plan = {.name = r->options->name,
                                      .sites = (unsigned)s->nodes,
                                      .rate_max = scenario_rate_max(s),
                                      .loss = s->loss};
    if (r->options->plain)
        return 0;
    if (network_check(message, message_size) ||
        network_make(&r->network, &plan, message, message_size))
        return -1;
    r->sites.network = &r->network;
    r->network.paths->seed = s->seed;
    for (unsigned i = 0; i < s->nodes; i++)
        for (unsigned j = 0; j < s->nodes; j++) {
            r->network.paths->path[i][j].delay_us = s->delay_us[i][j];
            r->network.paths->path[i][j].loss_ppm = s->loss_ppm[i][j];
        }
    return set_rates(r, 0, message, message_size);
}

/* Whether every node says that it is connected to all others. */
static bool all_connected(struct run *r)
{
    const unsigned count = (unsigned)r->scenario.nodes;
    char message[CONFIG_MESSAGE_MAX];
    for (unsigned i = 0; i < count; i++) {
        struct client_request request = {.kind = CLIENT_STATUS};
        struct client_answer answer;
        if (connection_ask(r->sites.site[i].connection, &request, &answer, 500, message,
                           sizeof message))
            return false;
        char peers[32];
        snprintf(peers, sizeof peers, "\"peers\":%u", count - 1);
        if (!memmem(answer.json.data, answer.json.size, peers, strlen(peers)))
            return false;
    }
    return true;
}

static int start_nodes(struct run *r, char *message, size_t message_size)
{
    for (unsigned i = 0; i < r->scenario.nodes; i++)
        if (sites_start(&r->sites, i, message, message_size))
            return -1;
    if (sites_connect(&r->sites, message, message_size))
        return -1;
    const uint64_t deadline_ms = clock_ms() + CONNECT_S * 1000;
    while (!all_connected(r)) {
        const int ended = sites_ended(&r->sites);
        if (ended >= 0) {
            snprintf(message, message_size, "node %d ended at its start: %s/node%d.log says why",
                     ended, r->options->out, ended);
            return -1;
        }
        if (interrupted || clock_ms() > deadline_ms) {
            snprintf(message, message_size, "%s",
                     interrupted ? "interrupted" : "the nodes are not all connected after 60 s");
            return -1;
        }
        clock_sleep_ms(20);
    }
    return 0;
}

static int start_loads(struct run *r, char *message, size_t message_size)
{
    if (r->options->forever || r->scenario.load == SCENARIO_IDLE)
        return 0;
    for (unsigned i = 0; i < r->scenario.nodes; i++)
        if (sites_load(&r->sites, i, r->scenario.warmup_s, r->scenario.duration_s, message,
                       message_size))
            return -1;
    return 0;
}

static int do_events(struct run *r, char *message, size_t message_size)
{
    const struct scenario *s = &r->scenario;
    char answer[CONTROL_TEXT_MAX];
    while (!r->options->forever && r->next_event < s->event_count &&
           s->warmup_s + s->events[r->next_event].at_s <= run_time(r)) {
        const struct scenario_event *e = &s->events[r->next_event++];
        answer[0] = '\0';
        if (run_command(r, &e->command, e->text, answer, sizeof answer)) {
            snprintf(message, message_size, "%s: %s", e->text, answer);
            return -1;
        }
    }
    return 0;
}

/* A line of how it goes. */
static void show(const struct run *r)
{
    if (r->options->forever)
        return; /* It has left the terminal. */
    const unsigned count = (unsigned)r->scenario.nodes;
    const double now_s = run_time(r);
    const bool terminal = isatty(STDERR_FILENO);
    double agreed = 0, least = INFINITY, most = 0, bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct sample *p = &r->sampler.last[i];
        agreed = fmax(agreed, p->value[FIELD_EPOCH_AGREED]);
        least = fmin(least, p->value[FIELD_EPOCH_EXECUTED]);
        most = fmax(most, p->value[FIELD_EPOCH_EXECUTED]);
        bytes += p->value[FIELD_CONFIRMED_BYTES] - r->first[i].value[FIELD_CONFIRMED_BYTES];
    }
    if (!terminal && (uint64_t)now_s % LINES_S != 0)
        return;
    const double span_s = now_s - r->measured_from_s;
    fprintf(
        stderr,
        "%s%4.0f s%s  agreed %.0f  executed %.0f to %.0f  confirmed %.2f MB/s a node  cores busy "
        "%.0f %%%s",
        terminal ? "\r" : "", now_s, r->measuring ? "" : " (warm-up)", agreed, least, most,
        span_s > 0 ? bytes / count / span_s / 1e6 : 0, 100 * r->sampler.cores.busy_max,
        terminal ? "\033[K" : "\n");
}

/* The warm-up is over: from here on it counts. */
static void begin_measuring(struct run *r)
{
    r->measuring = true;
    memcpy(r->first, r->sampler.last, sizeof r->first);
    r->measured_from_s = r->sampler.asked_s;
    r->first_relay_s = r->sampler.relay_s;
    r->first_loads_s = sampler_loads_s(&r->sampler);
}

/* What comes after it, until all have settled, does not. */
static void end_measuring(struct run *r)
{
    r->measured = true;
    memcpy(r->last, r->sampler.last, sizeof r->last);
    r->measured_to_s = r->sampler.asked_s;
    r->last_relay_s = r->sampler.relay_s;
    r->last_loads_s = sampler_loads_s(&r->sampler);
}

/* Windows that began in the measured part. */
static void note_cores(struct run *r)
{
    const struct cores *c = &r->sampler.cores;
    if (!r->measuring || r->measured || r->sampler.asked_s - r->measured_from_s < CORES_WINDOW_S)
        return;
    r->busy_max = c->busy_max > r->busy_max ? c->busy_max : r->busy_max;
    r->busy_sum += c->busy_mean;
    r->busy_windows++;
}

static void record(struct run *r)
{
    if (!r->http)
        return;
    double *values = recording_add(&r->recording, r->sampler.asked_s);
    for (unsigned i = 0; i < r->recording.n; i++)
        memcpy(values + (size_t)i * FIELDS, r->sampler.followers[i].value,
               sizeof r->sampler.followers[i].value);
}

/* Whether all have executed all that is agreed, and nothing comes any more, for some samples. */
static bool has_settled(struct run *r)
{
    const struct sample *first = &r->sampler.last[0];
    bool same = true;
    for (unsigned i = 0; i < r->scenario.nodes; i++) {
        const double *value = r->sampler.last[i].value;
        same = same && r->sampler.last[i].answered &&
               value[FIELD_EPOCH_EXECUTED] == first->value[FIELD_EPOCH_AGREED] &&
               value[FIELD_EPOCH_AGREED] == r->settled_at;
    }
    r->settled_at = first->value[FIELD_EPOCH_AGREED];
    r->settled = same ? r->settled + 1 : 0;
    return r->settled >= SETTLED;
}

/* Until when the load runs, and then, if all is kept, until all have executed it. */
static bool is_last(struct run *r, double sample_at_s, double end_s)
{
    if (sample_at_s < end_s)
        return false;
    if (!r->options->keep || r->options->forever)
        return true;
    if (!r->loads_stopped)
        sites_stop_loads(&r->sites);
    r->loads_stopped = true;
    if (sample_at_s >= end_s + SETTLE_S) {
        fprintf(stderr, "ledger-testnet: %d s after the load not all have executed the same\n",
                SETTLE_S);
        return true;
    }
    return has_settled(r);
}

/* Who was killed could not say why. */
static void tell_ended(const struct run *r, int node)
{
    const int signal = r->sites.site[node].signal;
    if (signal == SIGKILL)
        fprintf(stderr,
                "\nledger-testnet: node %d was killed; if memory was used up, as dmesg says: fewer "
                "nodes, or data = disk in the scenario\n",
                node);
    else
        fprintf(stderr, "\nledger-testnet: node %d ended by itself: %s/node%d.log says why\n", node,
                r->options->out, node);
}

/* What is measured then is less than was meant. At its end a load may say that not all is done. */
static void tell_lost(struct run *r, double end_s)
{
    const int node = sites_lost(&r->sites);
    if (node >= 0 && run_time(r) < end_s - 1)
        fprintf(stderr,
                "\nledger-testnet: the load of node %d has ended, and that node is offered nothing "
                "more: %s/load%d.log says why\n",
                node, r->options->out, node);
}

static int follow(struct run *r)
{
    const struct scenario *s = &r->scenario;
    const double end_s = r->options->forever ? 1e18 : s->warmup_s + s->duration_s;
    char message[NETWORK_MESSAGE_MAX];
    double next_s = 0;
    bool last = false;
    for (;;) {
        const double now_s = run_time(r);
        if (do_events(r, message, sizeof message) || set_rates(r, now_s, message, sizeof message))
            return fail(message);
        if (now_s >= next_s && !last) {
            last = is_last(r, next_s, end_s);
            sampler_ask(&r->sampler, now_s);
            next_s += sample_s;
        }
        if (sampler_take(&r->sampler, run_time(r), r->network.rate_out, r->network.rate_in)) {
            if (!r->measuring && r->sampler.asked_s >= s->warmup_s)
                begin_measuring(r);
            note_cores(r);
            if (!r->measured && r->sampler.asked_s >= end_s)
                end_measuring(r);
            record(r);
            show(r);
            if (last)
                return 0;
        }
        const int ended = sites_ended(&r->sites);
        if (ended >= 0 && r->options->endure) {
            run_event(r, "ended", ended, "");
        } else if (ended >= 0) {
            tell_ended(r, ended);
            return -1;
        }
        const int refused = sites_refused(&r->sites);
        if (refused >= 0) {
            snprintf(message, sizeof message,
                     "the load of node %d did not start: %s/load%d.log says why", refused,
                     r->options->out, refused);
            return fail(message);
        }
        tell_lost(r, end_s);
        if (r->over)
            return 0;
        wait_for_more(r, next_s);
    }
}

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "r");
    FILE *out = in ? fopen(to, "w") : NULL;
    int byte;
    while (out && (byte = getc(in)) != EOF)
        putc(byte, out);
    if (in)
        fclose(in);
    if (out)
        fclose(out);
}

static int make_directory(const struct run *r, char *message, size_t message_size)
{
    char path[SITES_PATH_MAX];
    if (mkdir(r->options->out, 0755) != 0) {
        snprintf(message, message_size, "%s: %s%s", r->options->out, strerror(errno),
                 errno == EEXIST ? "; remove it, or give another --out" : "");
        return -1;
    }
    snprintf(path, sizeof path, "%.400s/scenario.conf", r->options->out);
    copy_file(r->options->scenario, path);
    return 0;
}

static int open_files(struct run *r, char *message, size_t message_size)
{
    char path[SITES_PATH_MAX];
    snprintf(path, sizeof path, "%.400s/events.csv", r->options->out);
    r->events = fopen(path, "w");
    if (r->events)
        fputs("t_s,kind,nodes,detail\n", r->events);
    snprintf(path, sizeof path, "%.400s/series.csv", r->options->out);
    if (r->events && sampler_open(&r->sampler, &r->sites, path) == 0)
        return 0;
    snprintf(message, message_size, "%s: %s", path, strerror(errno));
    return -1;
}

/* On loopback of where this runs, not of a site. */
static int open_page(struct run *r, char *message, size_t message_size)
{
    const struct scenario *s = &r->scenario;
    if (!r->options->dashboard)
        return 0;
    recording_init(&r->recording, s->name, (unsigned)s->nodes, LIVE_SAMPLES);
    json_object_update_new(r->recording.about,
                           json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:f, s:f, s:b}", "scenario",
                                     s->name, "mode", s->mode, "retrieval", s->retrieval, "n",
                                     (int)s->nodes, "f", (int)quorum_of((unsigned)s->nodes).f,
                                     "seed", (json_int_t)s->seed, "scale", s->scale, "warmup_s",
                                     s->warmup_s, "shaped", !r->options->plain));
    for (unsigned i = 0; i < s->nodes; i++)
        json_array_append_new(r->recording.nodes, json_pack("{s:i}", "id", (int)i));
    if (live_open(&r->recording, "127.0.0.1", (uint16_t)r->options->port, &r->http, message,
                  message_size))
        return -1;
    fprintf(stderr, "http://127.0.0.1:%u/ shows this run\n", (unsigned)http_port(r->http));
    return 0;
}

static int prepare(struct run *r, char *message, size_t message_size)
{
    r->listener = control_listen(r->options->name, message, message_size);
    return r->listener < 0 || open_page(r, message, message_size) ||
                   make_directory(r, message, message_size) ||
                   open_files(r, message, message_size) || make_network(r, message, message_size) ||
                   sites_make(&r->sites, message, message_size) ||
                   start_nodes(r, message, message_size)
               ? -1
               : 0;
}

/* Says that the nodes are connected, and goes on without a terminal, or pipe, of who started it. */
static int leave_terminal(const struct run *r, char *message, size_t message_size)
{
    char path[SITES_PATH_MAX];
    snprintf(path, sizeof path, "%.400s/up.log", r->options->out);
    const int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool left = log >= 0 && null >= 0;
    left = left && dprintf(r->options->ready, "ready\n") > 0;
    left = left && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
           dup2(log, STDERR_FILENO) >= 0;
    if (!left)
        snprintf(message, message_size, "%s: %s", path, strerror(errno));
    close(r->options->ready);
    if (log >= 0)
        close(log);
    if (null >= 0)
        close(null);
    return left ? 0 : -1;
}

static int carry_out(struct run *r)
{
    char message[NETWORK_MESSAGE_MAX] = "";
    if (prepare(r, message, sizeof message))
        return fail(message), 1;
    if (r->options->ready >= 0 && leave_terminal(r, message, sizeof message))
        return fail(message), 1;
    r->zero_us = clock_us();
    if (start_loads(r, message, sizeof message))
        return fail(message), 1;
    const int error = follow(r);
    if (r->options->forever)
        return error ? 1 : 0;
    if (isatty(STDERR_FILENO))
        fputc('\n', stderr);
    if (!r->measured)
        end_measuring(r);
    const int status = run_summary(r);
    return error || r->interrupted ? 1 : status;
}

int run_scenario(const struct run_options *options)
{
    static struct run run; /* Large. */
    char message[CONFIG_MESSAGE_MAX];
    run = (struct run){.options = options, .listener = -1};
    struct scenario *s = &run.scenario;
    if (scenario_load_file(options->scenario, s, message, sizeof message))
        return fail(message), 1;
    if (options->mode)
        snprintf(s->mode, sizeof s->mode, "%s", options->mode);
    if (options->retrieval)
        snprintf(s->retrieval, sizeof s->retrieval, "%s", options->retrieval);
    if (options->load_bytes_s > 0) {
        if (s->load_bytes_s == 0)
            return fail("--load: this scenario's load has no rate"), scenario_free(s), 1;
        s->load_bytes_s = options->load_bytes_s;
    }
    run.sites = (struct sites){
        .scenario = s, .run = options->name, .out = options->out, .keep = options->keep};
    interrupt_catch();
    const int status = carry_out(&run);
    sites_close(&run.sites);
    if (run.sites.network)
        network_close(&run.network);
    sampler_close(&run.sampler);
    http_close(run.http);
    recording_free(&run.recording);
    if (run.events)
        fclose(run.events);
    if (run.listener >= 0)
        close(run.listener);
    scenario_free(s);
    return status;
}
