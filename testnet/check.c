#include "testnet/check.h"

#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node/client/connection.h"
#include "testnet/control.h"
#include "testnet/interrupt.h"
#include "testnet/network.h"
#include "testnet/process.h"

enum { ANSWER_MAX = 1 << 20, TRIES = 3, STALL_MS = 5 };

/* A TCP stream's payload, of the IP packets that carry it: MTU 1500, 20 + 20 + 12 bytes before. */
static const double payload_share = 1448.0 / 1500;
static const double rate_error = 0.01;
static const double delay_error_ms = 1;

struct probe {
    unsigned from, to;
    double out_mb_s, in_mb_s; /* 10^6 bytes/s of the sender's link, and the receiver's. */
    double delay_ms, back_ms;
};
static const struct probe probes[] = {{0, 1, 10, 20, 50, 50},
                                      {1, 2, 20, 3.5, 10, 30},
                                      {2, 3, 0.7, 5, 100, 100},
                                      {3, 0, 6.3, 6.3, 1, 2}};
enum { PROBES = sizeof probes / sizeof *probes };

static int in_site(const struct network *w, unsigned site, const char *const argv[], char *output,
                   char *message, size_t message_size)
{
    network_enter(w, site);
    const int error = process_read(argv, output, ANSWER_MAX, message, message_size);
    network_leave();
    return error;
}

/* The mean round trip in ms, or -1. */
static double measure_delay(const struct network *w, const struct probe *p, char *message,
                            size_t message_size)
{
    static char output[ANSWER_MAX];
    char address[NETWORK_ADDRESS_SIZE];
    double mean = -1;
    network_address(p->to, address);
    const char *const ping[] = {"ping", "-q", "-c", "20", "-i", "0.05", "-W", "2", address, NULL};
    if (in_site(w, p->from, ping, output, message, message_size))
        return -1;
    const char *found = strstr(output, "rtt min/avg/max/mdev = ");
    if (!found || sscanf(found, "rtt min/avg/max/mdev = %*f/%lf", &mean) != 1)
        snprintf(message, message_size, "ping: no answer from %s", address);
    return mean;
}

/* What a TCP stream gets, in 10^6 bytes/s, its first seconds not counted; or -1. */
static double measure_rate(const struct network *w, const struct probe *p, char *message,
                           size_t message_size)
{
    static char output[ANSWER_MAX];
    char address[NETWORK_ADDRESS_SIZE];
    network_address(p->to, address);
    const char *const server[] = {"iperf3", "-s", "-1", NULL};
    const char *const client[] = {"iperf3", "-c", address, "-t", "10", "-O", "5", "-J", NULL};
    const pid_t pid = process_start(server, w->namespaces[p->to], "/dev/null", "/dev/null", message,
                                    message_size);
    if (pid < 0)
        return -1;
    clock_sleep_ms(300);
    const int error = in_site(w, p->from, client, output, message, message_size);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    json_t *report = json_loads(output, 0, NULL);
    const json_t *end = json_object_get(report, "end");
    const double bits =
        json_number_value(json_object_get(json_object_get(end, "sum_received"), "bits_per_second"));
    json_decref(report);
    return error || bits <= 0 ? -1 : bits / 8e6;
}

/* The delay of all paths but the one back, as in a scenario: how often the relay looks depends on
 * the shortest. */
static void set_up(struct network *w, const struct probe *p)
{
    for (unsigned from = 0; from < w->sites; from++)
        for (unsigned to = 0; to < w->sites; to++)
            w->paths->path[from][to].delay_us = (uint32_t)(p->delay_ms * 1000);
    w->paths->path[p->to][p->from].delay_us = (uint32_t)(p->back_ms * 1000);
}

/* Rates of the sender out and of the receiver in; the other ways are free. */
static int set_rates(struct network *w, const struct probe *p, char *message, size_t message_size)
{
    return network_rate(w, p->from, (uint64_t)(p->out_mb_s * 1e6), 0, message, message_size) ||
                   network_rate(w, p->to, 0, (uint64_t)(p->in_mb_s * 1e6), message, message_size)
               ? -1
               : 0;
}

/* 0 within the bounds, 3 outside, 1 not measured. */
static int measure(struct network *w, const struct probe *p, char *message, size_t message_size)
{
    const double rate = p->out_mb_s < p->in_mb_s ? p->out_mb_s : p->in_mb_s;
    const double wanted_ms = p->delay_ms + p->back_ms;
    set_up(w, p);
    if (network_rate(w, p->from, 0, 0, message, message_size) ||
        network_rate(w, p->to, 0, 0, message, message_size))
        return 1;
    const double delay_ms = measure_delay(w, p, message, message_size);
    if (delay_ms < 0 || set_rates(w, p, message, message_size))
        return 1;
    const double got = measure_rate(w, p, message, message_size);
    if (got < 0)
        return 1;
    const double off = got / payload_share / rate - 1;
    const bool fine = fabs(off) <= rate_error && fabs(delay_ms - wanted_ms) <= delay_error_ms;
    printf("%2u -> %-2u  %8.3f  %8.3f  %+6.2f %%  %8.1f  %8.1f  %+6.2f ms  %s\n", p->from, p->to,
           rate, got / payload_share, 100 * off, wanted_ms, delay_ms, delay_ms - wanted_ms,
           fine ? "" : "OFF");
    fflush(stdout);
    return fine ? 0 : 3;
}

/* What is off while the machine stood still says nothing of the links: it is measured again. */
static int probe(struct network *w, const struct probe *p, char *message, size_t message_size)
{
    for (unsigned k = 1;; k++) {
        w->paths->late_us_max = 0;
        const int status = measure(w, p, message, message_size);
        const double late_ms = (double)w->paths->late_us_max / 1000;
        if (status != 3 || late_ms < STALL_MS || k == TRIES || interrupted)
            return status;
        printf("the machine stood still for %.1f ms: again\n", late_ms);
    }
}

static double seconds_since(uint64_t us) { return (double)(clock_us() - us) / 1e6; }

static int perform(void *context, const char *text, char *answer, size_t answer_size)
{
    (void)context;
    if (strcmp(text, "down") == 0)
        return interrupted = 1, 0;
    snprintf(answer, answer_size, "a check has this name, and it has no nodes");
    return -1;
}

static int check_all(const char *run, unsigned sites, int listener)
{
    char message[NETWORK_MESSAGE_MAX] = "";
    struct network w;
    int worst = 0;
    const struct network_plan plan = {.name = run, .sites = sites, .rate_max = 20000000};
    uint64_t start_us = clock_us();
    if (network_check(message, sizeof message) ||
        network_make(&w, &plan, message, sizeof message)) {
        fprintf(stderr, "ledger-testnet check: %s\n", message);
        return 1;
    }
    printf("%u sites up in %.2f s\n", sites, seconds_since(start_us));
    puts("            MB/s of IP packets           round trip, ms\n"
         "sites      target  measured      off    target  measured      off");
    for (unsigned k = 0; k < PROBES && worst != 1; k++) {
        const int status = probe(&w, &probes[k], message, sizeof message);
        if (status == 1 && !interrupted)
            fprintf(stderr, "ledger-testnet check: %s\n", message);
        worst = status == 1 ? 1 : status > worst ? status : worst;
        control_serve(listener, perform, NULL);
        if (interrupted)
            worst = 1;
    }
    printf("relay: %llu packets\n", (unsigned long long)w.paths->forwarded);
    start_us = clock_us();
    network_close(&w);
    printf("down in %.2f s\n", seconds_since(start_us));
    return worst;
}

int check_links(const char *run, unsigned sites)
{
    char message[NETWORK_MESSAGE_MAX] = "";
    const int listener = control_listen(run, message, sizeof message);
    if (listener < 0) {
        fprintf(stderr, "ledger-testnet check: %s\n", message);
        return 1;
    }
    interrupt_catch();
    const int status = check_all(run, sites, listener);
    close(listener);
    return status;
}
