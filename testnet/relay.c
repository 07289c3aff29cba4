#include "testnet/relay.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    HEADER = sizeof(struct virtio_net_hdr), /* Before each packet: checksum and batch to come. */
    PACKET_MAX = HEADER + UINT16_MAX,
    IP_HEADER = 20,
    IP_DESTINATION = 16,
    READS = 64,       /* Packets of one site before the next one has its turn. */
    REST_NS = 200000, /* Between two looks at everything: to wake for each packet costs more than
                       * to move it. */
};

struct packet {
    struct packet *next;
    uint64_t due_ns;
    uint32_t size;
    uint8_t bytes[];
};

struct pair {
    struct packet *first, *last;
    uint64_t last_due_ns;
};

struct relay {
    struct relay_paths *paths;
    const int *tuns;
    unsigned sites;
    uint64_t random;
    size_t bytes;
    struct pair pairs[RELAY_SITES_MAX * RELAY_SITES_MAX]; /* [from * sites + to] */
    uint32_t heap[RELAY_SITES_MAX * RELAY_SITES_MAX];     /* Pairs, the earliest packet first. */
    unsigned heap_size;
};

struct relay_paths *relay_paths_make(void)
{
    void *memory = mmap(NULL, sizeof(struct relay_paths), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void relay_paths_free(struct relay_paths *paths)
{
    if (paths)
        munmap(paths, sizeof *paths);
}

static uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t due_of(const struct relay *r, unsigned at)
{
    return r->pairs[r->heap[at]].first->due_ns;
}

static void swap(struct relay *r, unsigned a, unsigned b)
{
    const uint32_t pair = r->heap[a];
    r->heap[a] = r->heap[b];
    r->heap[b] = pair;
}

static void heap_add(struct relay *r, uint32_t pair)
{
    unsigned at = r->heap_size++;
    r->heap[at] = pair;
    for (; at > 0 && due_of(r, at) < due_of(r, (at - 1) / 2); at = (at - 1) / 2)
        swap(r, at, (at - 1) / 2);
}

/* The first pair's first packet is another one now, or there is none. */
static void heap_settle(struct relay *r)
{
    if (!r->pairs[r->heap[0]].first) {
        r->heap[0] = r->heap[--r->heap_size];
        if (r->heap_size == 0)
            return;
    }
    for (unsigned at = 0;;) {
        unsigned least = at;
        for (unsigned child = 2 * at + 1; child <= 2 * at + 2 && child < r->heap_size; child++)
            if (due_of(r, child) < due_of(r, least))
                least = child;
        if (least == at)
            return;
        swap(r, at, least);
        at = least;
    }
}

/* xorshift64*: which packets are lost need not be unpredictable, only repeatable. */
static bool lost(struct relay *r, uint32_t loss_ppm)
{
    if (loss_ppm == 0)
        return false;
    r->random ^= r->random >> 12;
    r->random ^= r->random << 25;
    r->random ^= r->random >> 27;
    return (r->random * 0x2545f4914f6cdd1dull >> 32) % 1000000 < loss_ppm;
}

/* The site that an IPv4 packet is for, or RELAY_SITES_MAX. */
static unsigned destination(const struct relay *r, const uint8_t *ip, size_t size)
{
    if (size < IP_HEADER || ip[0] >> 4 != 4)
        return RELAY_SITES_MAX;
    const uint8_t *to = ip + IP_DESTINATION;
    if (to[0] != 10 || to[1] != 88 || to[2] != 0 || to[3] < 1 || to[3] > r->sites)
        return RELAY_SITES_MAX;
    return to[3] - 1u;
}

static void take(struct relay *r, unsigned from, const uint8_t *bytes, size_t size, uint64_t now_ns)
{
    const unsigned to = destination(r, bytes + HEADER, size - HEADER);
    if (to == RELAY_SITES_MAX)
        return;
    struct relay_path *path = &r->paths->path[from][to];
    if (path->cut) {
        r->paths->cut++;
        return;
    }
    if (lost(r, path->loss_ppm)) {
        r->paths->lost++;
        return;
    }
    struct packet *p = r->bytes + size <= RELAY_BYTES_MAX ? malloc(sizeof *p + size) : NULL;
    if (!p) {
        r->paths->overflowed++;
        return;
    }
    struct pair *pair = &r->pairs[from * r->sites + to];
    /* It has waited to be taken, and will wait to be given, for half a rest each. */
    const uint64_t delay_ns = path->delay_us * 1000ull;
    *p = (struct packet){.due_ns = now_ns + delay_ns - (delay_ns > REST_NS ? REST_NS : delay_ns),
                         .size = (uint32_t)size};
    if (p->due_ns < pair->last_due_ns) /* The delay was made shorter: nobody is overtaken. */
        p->due_ns = pair->last_due_ns;
    pair->last_due_ns = p->due_ns;
    memcpy(p->bytes, bytes, size);
    r->bytes += size;
    const bool idle = !pair->first;
    if (idle)
        pair->first = p;
    else
        pair->last->next = p;
    pair->last = p;
    if (idle)
        heap_add(r, from * r->sites + to);
}

static void take_all(struct relay *r, unsigned from)
{
    static uint8_t bytes[PACKET_MAX];
    const uint64_t now_ns = clock_ns();
    for (unsigned k = 0; k < READS; k++) {
        const ssize_t size = read(r->tuns[from], bytes, sizeof bytes);
        if (size < (ssize_t)HEADER)
            return;
        take(r, from, bytes, (size_t)size, now_ns);
    }
}

static void give_due(struct relay *r, uint64_t now_ns)
{
    while (r->heap_size > 0 && due_of(r, 0) <= now_ns) {
        const uint32_t at = r->heap[0];
        struct pair *pair = &r->pairs[at];
        struct packet *p = pair->first;
        pair->first = p->next;
        heap_settle(r);
        const unsigned from = at / r->sites;
        const unsigned to = at % r->sites;
        /* A write that fails is a packet that the site has no room for: lost, as on any link. */
        if (r->paths->path[from][to].cut)
            r->paths->cut++;
        else if (write(r->tuns[to], p->bytes, p->size) == (ssize_t)p->size)
            r->paths->forwarded++;
        else
            r->paths->lost++;
        const uint64_t late_us = (now_ns - p->due_ns) / 1000;
        if (late_us > r->paths->late_us_max)
            r->paths->late_us_max = late_us;
        r->bytes -= p->size;
        free(p);
    }
}

/* Packets are as punctual as the one that carries them: before all that compute. */
static void hurry(void)
{
    const struct sched_param first = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_RR, &first);
}

/* Takes what there is, or waits for it until something is due. */
static void wait_for_more(struct relay *r, int poll)
{
    struct epoll_event events[RELAY_SITES_MAX];
    struct timespec wait = {.tv_sec = 1};
    if (r->heap_size > 0) {
        const uint64_t now_ns = clock_ns();
        const uint64_t left_ns = due_of(r, 0) > now_ns ? due_of(r, 0) - now_ns : 0;
        wait = (struct timespec){.tv_sec = (time_t)(left_ns / 1000000000u),
                                 .tv_nsec = (long)(left_ns % 1000000000u)};
    }
    const int ready = epoll_pwait2(poll, events, RELAY_SITES_MAX, &wait, NULL);
    if (ready < 0 && errno != EINTR)
        _exit(1);
    for (int k = 0; k < ready; k++)
        take_all(r, events[k].data.u32);
}

void relay_run(struct relay_paths *paths, const int tuns[], unsigned sites)
{
    struct relay *r = calloc(1, sizeof *r);
    const int poll = epoll_create1(EPOLL_CLOEXEC);
    if (!r || poll < 0)
        _exit(1);
    r->paths = paths;
    r->tuns = tuns;
    r->sites = sites;
    r->random = paths->seed | 1;
    for (unsigned i = 0; i < sites; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, tuns[i], &event) != 0)
            _exit(1);
    }
    hurry();
    for (;;) {
        const uint64_t now_ns = clock_ns();
        give_due(r, now_ns);
        const struct timespec rest = {.tv_nsec = REST_NS};
        nanosleep(&rest, NULL);
        wait_for_more(r, poll);
    }
}
