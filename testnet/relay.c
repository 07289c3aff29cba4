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

#include "testnet/shape.h"

enum {
    HEADER = sizeof(struct virtio_net_hdr), /* Before each packet: checksum and batch to come. */
    PACKET_MAX = HEADER + UINT16_MAX,
    IP_HEADER = 20,
    IP_DESTINATION = 16,
    TCP_HEADER = 20,
    TCP_OFFSET = 12,     /* Of the header's length. */
    READS = 64,          /* Packets of one site before the next one has its turn. */
    AT_ONCE_NS = 50000,  /* A wait that ends so soon was none. */
    STALL_NS = 10000000, /* A link makes up for so much of this process' lateness. */
    REST_NS_MIN =
        200000, /* Between two looks at everything: to wake for each packet costs the ... */
    REST_NS_MAX = 2000000, /* ... machine more than to move it. No more than ... */
    REST_SHARE = 25,       /* ... the shortest delay over this. */
    REST_AGAIN_NS = 100000000,
};

struct packet {
    struct packet *next;
    uint64_t due_ns; /* At the end of its path, where the link begins. */
    uint32_t from;
    uint32_t size;
    uint32_t wire_bytes; /* IP packets on a link. */
    uint8_t bytes[];
};

struct fifo {
    struct packet *first, *last;
};

struct pair {
    struct fifo fifo;
    uint64_t last_due_ns;
};

struct link { /* The way into a site. */
    struct fifo fifo;
    uint64_t bytes;
    uint64_t free_ns; /* The packet before has passed. */
};

struct relay {
    struct relay_paths *paths;
    const int *tuns;
    unsigned sites;
    uint64_t random;
    size_t bytes;
    uint64_t looked_ns; /* All that had come by then was taken. */
    uint64_t rest_ns, rest_known_ns;
    struct link links[RELAY_SITES_MAX];
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

static void append(struct fifo *f, struct packet *p)
{
    p->next = NULL;
    if (f->first)
        f->last->next = p;
    else
        f->first = p;
    f->last = p;
}

static struct packet *take_first(struct fifo *f)
{
    struct packet *p = f->first;
    f->first = p->next;
    return p;
}

static uint64_t due_of(const struct relay *r, unsigned at)
{
    return r->pairs[r->heap[at]].fifo.first->due_ns;
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
    if (!r->pairs[r->heap[0]].fifo.first) {
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

/* The bytes of IP packets that a batch is on a link, each with headers of its own. */
static uint32_t wire_bytes(const uint8_t *packet, size_t size)
{
    struct virtio_net_hdr batch;
    memcpy(&batch, packet, sizeof batch);
    const uint8_t *ip = packet + HEADER;
    const size_t bytes = size - HEADER;
    const size_t ip_bytes = (ip[0] & 15u) * 4u;
    if (batch.gso_type == VIRTIO_NET_HDR_GSO_NONE || batch.gso_size == 0 ||
        ip_bytes + TCP_HEADER > bytes)
        return (uint32_t)bytes;
    /* The kernel's hdr_len may hold payload too. */
    const size_t header_bytes = ip_bytes + (ip[ip_bytes + TCP_OFFSET] >> 4) * 4u;
    if (header_bytes >= bytes)
        return (uint32_t)bytes;
    const size_t packets = (bytes - header_bytes + batch.gso_size - 1) / batch.gso_size;
    return (uint32_t)(bytes + (packets - 1) * header_bytes);
}

static void take(struct relay *r, unsigned from, const uint8_t *bytes, size_t size,
                 uint64_t came_ns)
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
    *p = (struct packet){.due_ns = came_ns + path->delay_us * 1000ull,
                         .from = from,
                         .size = (uint32_t)size,
                         .wire_bytes = wire_bytes(bytes, size)};
    if (p->due_ns < pair->last_due_ns) /* The delay was made shorter: nobody is overtaken. */
        p->due_ns = pair->last_due_ns;
    pair->last_due_ns = p->due_ns;
    memcpy(p->bytes, bytes, size);
    r->bytes += size;
    const bool idle = !pair->fifo.first;
    append(&pair->fifo, p);
    if (idle)
        heap_add(r, from * r->sites + to);
}

static void take_all(struct relay *r, unsigned from, uint64_t came_ns)
{
    static uint8_t bytes[PACKET_MAX];
    for (unsigned k = 0; k < READS; k++) {
        const ssize_t size = read(r->tuns[from], bytes, sizeof bytes);
        if (size < (ssize_t)HEADER)
            return;
        take(r, from, bytes, (size_t)size, came_ns);
    }
}

static void drop(struct relay *r, struct packet *p)
{
    r->bytes -= p->size;
    free(p);
}

static void give(struct relay *r, unsigned to, struct packet *p)
{
    /* A write that fails is a packet that the site has no room for: lost, as on any link. */
    if (r->paths->path[p->from][to].cut)
        r->paths->cut++;
    else if (write(r->tuns[to], p->bytes, p->size) == (ssize_t)p->size)
        r->paths->forwarded++;
    else
        r->paths->lost++;
    drop(r, p);
}

/* When the first packet of a site's link will have passed it. */
static uint64_t passed_ns(const struct relay *r, unsigned to)
{
    const struct link *l = &r->links[to];
    const struct packet *p = l->fifo.first;
    const uint64_t rate = r->paths->rate_in[to];
    const uint64_t start_ns = p->due_ns > l->free_ns ? p->due_ns : l->free_ns;
    return rate ? start_ns + p->wire_bytes * 1000000000ull / rate : start_ns;
}

static void pass_link(struct relay *r, unsigned to, uint64_t now_ns, uint64_t until_ns)
{
    struct link *l = &r->links[to];
    while (l->fifo.first) {
        const uint64_t end_ns = passed_ns(r, to);
        if (end_ns > until_ns)
            return;
        if (now_ns > end_ns && (now_ns - end_ns) / 1000 > r->paths->late_us_max)
            r->paths->late_us_max = (now_ns - end_ns) / 1000;
        /* A link whose rate has just risen has saved nothing up. */
        l->free_ns = end_ns + STALL_NS > now_ns ? end_ns : now_ns - STALL_NS;
        struct packet *p = take_first(&l->fifo);
        l->bytes -= p->wire_bytes;
        give(r, to, p);
    }
}

static void reach_link(struct relay *r, unsigned to, struct packet *p)
{
    struct link *l = &r->links[to];
    const uint64_t rate = r->paths->rate_in[to];
    if (rate && l->bytes > rate * SHAPE_FIFO_MS / 1000) {
        r->paths->overflowed++;
        drop(r, p);
        return;
    }
    l->bytes += p->wire_bytes;
    append(&l->fifo, p);
}

/* What is due half a rest from now is given now, as what was due half a rest ago would have been:
 * on the mean, packets are punctual. */
static void give_due(struct relay *r)
{
    const uint64_t now_ns = clock_ns();
    const uint64_t until_ns = now_ns + r->rest_ns / 2;
    while (r->heap_size > 0 && due_of(r, 0) <= until_ns) {
        const uint32_t at = r->heap[0];
        struct packet *p = take_first(&r->pairs[at].fifo);
        heap_settle(r);
        reach_link(r, at % r->sites, p);
    }
    for (unsigned to = 0; to < r->sites; to++)
        pass_link(r, to, now_ns, until_ns);
}

/* Packets are as punctual as the one that carries them: before all that compute. */
static void hurry(void)
{
    const struct sched_param first = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_RR, &first);
}

/* When something next leaves a path or a link; a second from now at most. */
static uint64_t next_ns(const struct relay *r, uint64_t now_ns)
{
    uint64_t next = now_ns + 1000000000u;
    if (r->heap_size > 0 && due_of(r, 0) < next)
        next = due_of(r, 0);
    for (unsigned to = 0; to < r->sites; to++)
        if (r->links[to].fifo.first && passed_ns(r, to) < next)
            next = passed_ns(r, to);
    return next;
}

/* Takes what there is, or waits for it for so long. */
static void look(struct relay *r, int poll, uint64_t wait_ns)
{
    struct epoll_event events[RELAY_SITES_MAX];
    const struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000u),
                                  .tv_nsec = (long)(wait_ns % 1000000000u)};
    const uint64_t now_ns = clock_ns();
    const int ready = epoll_pwait2(poll, events, RELAY_SITES_MAX, &wait, NULL);
    if (ready < 0 && errno != EINTR)
        _exit(1);
    /* What ended a wait has just come; else it came some time since the last look. */
    const uint64_t then_ns = clock_ns();
    const bool waited = then_ns - now_ns > AT_ONCE_NS;
    const uint64_t came_ns = waited ? then_ns : now_ns - (now_ns - r->looked_ns) / 2;
    for (int k = 0; k < ready; k++)
        take_all(r, events[k].data.u32, came_ns);
    r->looked_ns = clock_ns();
}

static void choose_rest(struct relay *r)
{
    if (r->looked_ns < r->rest_known_ns + REST_AGAIN_NS)
        return;
    uint64_t rest_ns = REST_NS_MAX;
    for (unsigned from = 0; from < r->sites; from++)
        for (unsigned to = 0; to < r->sites; to++) {
            const uint64_t share_ns = r->paths->path[from][to].delay_us * 1000ull / REST_SHARE;
            if (from != to && share_ns < rest_ns)
                rest_ns = share_ns;
        }
    r->rest_ns = rest_ns > REST_NS_MIN ? rest_ns : REST_NS_MIN;
    r->rest_known_ns = r->looked_ns;
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
        choose_rest(r);
        give_due(r);
        look(r, poll, 0); /* Answers to what was given. */
        const struct timespec rest = {.tv_nsec = (long)r->rest_ns};
        nanosleep(&rest, NULL);
        const uint64_t now_ns = clock_ns();
        const uint64_t next = next_ns(r, now_ns);
        look(r, poll, next > now_ns ? next - now_ns : 0);
    }
}
