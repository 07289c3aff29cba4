#include "testnet/network.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testnet/process.h"

enum {
    BATCH_BYTES = 16384,  /* Packets to one peer that travel as one, at most. */
    BUFFER_MIN = 4 << 20, /* Of a socket. */
    BUFFER_MAX = 64 << 20,
    ROUND_TRIP_MS_MAX = 800, /* Two delays of 200 ms and two full FIFOs. */
    PATH_SIZE = 320,
    FILES_MAX = 4096, /* More than are ever open before a relay is started. */
};

static int home = -1; /* Our own namespace. */

static void name_of(const char *run, unsigned site, char name[PATH_SIZE])
{
    snprintf(name, PATH_SIZE, "ledger.%s.%u", run, site);
}

void network_address(unsigned site, char address[NETWORK_ADDRESS_SIZE])
{
    snprintf(address, NETWORK_ADDRESS_SIZE, "10.88.0.%u", (site + 1) & 0xff);
}

int network_check(char *message, size_t message_size)
{
    if (geteuid() != 0) {
        snprintf(message, message_size,
                 "shaped links need root (network namespaces, TUN, tc): run it as root, or with "
                 "--plain for loopback without shaping");
        return -1;
    }
    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        snprintf(message, message_size,
                 "/dev/net/tun: %s; load the module tun, or use --plain for loopback without "
                 "shaping",
                 strerror(errno));
        return -1;
    }
    return 0;
}

void network_enter(const struct network *w, unsigned site)
{
    if (setns(w->namespaces[site], CLONE_NEWNET) != 0)
        abort();
}

void network_leave(void)
{
    if (setns(home, CLONE_NEWNET) != 0)
        abort();
}

/* What is asked of the kernel by a file of /proc/sys/net, of the namespace that this is called in. */
static int set(const char *key, const char *value, char *message, size_t message_size)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/proc/sys/net/ipv4/%s", key);
    const int file = open(path, O_WRONLY | O_CLOEXEC);
    const bool done = file >= 0 && write(file, value, strlen(value)) == (ssize_t)strlen(value);
    if (!done)
        snprintf(message, message_size, "%s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    return done ? 0 : -1;
}

/* TCP as it should be on long paths. Socket buffers: twice what the link and its FIFOs hold. */
static int tune(uint64_t rate_max, char *message, size_t message_size)
{
    uint64_t buffer = rate_max > 0 ? 2 * rate_max * ROUND_TRIP_MS_MAX / 1000 : BUFFER_MAX;
    if (buffer < BUFFER_MIN)
        buffer = BUFFER_MIN;
    if (buffer > BUFFER_MAX)
        buffer = BUFFER_MAX;
    char sizes[64];
    snprintf(sizes, sizeof sizes, "4096 131072 %llu", (unsigned long long)buffer);
    return set("tcp_rmem", sizes, message, message_size) ||
                   set("tcp_wmem", sizes, message, message_size) ||
                   set("tcp_slow_start_after_idle", "0", message, message_size) ||
                   set("tcp_no_metrics_save", "1", message, message_size)
               ? -1
               : 0;
}

/* A TUN in the namespace that this is called in: its file, or -1. */
static int make_tun(bool batches, char *message, size_t message_size)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    snprintf(request.ifr_name, sizeof request.ifr_name, "wan");
    const int file = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    const unsigned long offload = batches ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN : TUN_F_CSUM;
    if (file >= 0 && ioctl(file, TUNSETIFF, &request) == 0 &&
        ioctl(file, TUNSETOFFLOAD, offload) == 0)
        return file;
    snprintf(message, message_size, "a TUN device: %s", strerror(errno));
    if (file >= 0)
        close(file);
    return -1;
}

static int configure(const char *namespace, unsigned site, char *message, size_t message_size)
{
    char text[1024];
    char address[NETWORK_ADDRESS_SIZE];
    network_address(site, address);
    snprintf(text, sizeof text,
             "link set lo up\n"
             "address add %s/32 dev wan\n"
             "link set wan mtu 1500 txqueuelen 1000 gso_max_size %d up\n"
             "route add 10.88.0.0/24 dev wan src %s initcwnd 40 initrwnd 40 congctl cubic\n",
             address, BATCH_BYTES, address);
    const char *const ip[] = {"ip", "-n", namespace, "-batch", "-", NULL};
    return process_run(ip, text, message, message_size);
}

/* The site's devices; its TUN's file, or -1. */
static int make_site(struct network *w, const struct network_plan *plan, unsigned site,
                     char *message, size_t message_size)
{
    char name[PATH_SIZE];
    char path[PATH_SIZE + 16];
    name_of(w->name, site, name);
    snprintf(path, sizeof path, "/run/netns/%s", name);
    w->namespaces[site] = open(path, O_RDONLY | O_CLOEXEC);
    if (w->namespaces[site] < 0) {
        snprintf(message, message_size, "%s: %s", path, strerror(errno));
        return -1;
    }
    network_enter(w, site);
    int tun = tune(plan->rate_max, message, message_size)
                  ? -1
                  : make_tun(!plan->loss, message, message_size);
    w->netlink[site] = shape_open();
    network_leave();
    if (tun >= 0 && configure(name, site, message, message_size)) {
        close(tun);
        tun = -1;
    }
    network_enter(w, site);
    w->wan[site] = if_nametoindex("wan");
    network_leave();
    if (tun >= 0 && !w->netlink[site]) {
        snprintf(message, message_size, "netlink: %s", strerror(errno));
        close(tun);
        tun = -1;
    }
    return tun;
}

static int name_sites(const struct network *w, char *message, size_t message_size)
{
    static char text[RELAY_SITES_MAX * (PATH_SIZE + 16)];
    size_t used = 0;
    for (unsigned i = 0; i < w->sites; i++) {
        char name[PATH_SIZE];
        name_of(w->name, i, name);
        used += (size_t)snprintf(text + used, sizeof text - used, "netns add %s\n", name);
    }
    const char *const ip[] = {"ip", "-batch", "-", NULL};
    return process_run(ip, text, message, message_size);
}

/* What else is open here is not the relay's: it would outlive its owner by a moment. */
static void close_others(const int kept[], unsigned count)
{
    for (int file = STDERR_FILENO + 1; file < FILES_MAX; file++) {
        unsigned k = 0;
        while (k < count && kept[k] != file)
            k++;
        if (k == count)
            close(file);
    }
}

/* In a process of its own, which keeps the TUNs; ours forgets them. */
static int start_relay(struct network *w, int tuns[], char *message, size_t message_size)
{
    w->relay = process_fork();
    if (w->relay == 0) {
        signal(SIGINT, SIG_IGN); /* From the terminal: the owner ends it. */
        signal(SIGTERM, SIG_DFL);
        close_others(tuns, w->sites);
        const int null =
            open("/dev/null", O_RDWR); /* It says nothing, and keeps nobody's pipe open. */
        for (int file = 0; null >= 0 && file <= STDERR_FILENO; file++)
            dup2(null, file);
        relay_run(w->paths, tuns, w->sites);
    }
    if (w->relay < 0)
        snprintf(message, message_size, "no process: %s", strerror(errno));
    return w->relay < 0 ? -1 : 0;
}

int network_make(struct network *w, const struct network_plan *plan, char *message,
                 size_t message_size)
{
    *w = (struct network){.sites = plan->sites};
    snprintf(w->name, sizeof w->name, "%s", plan->name);
    for (unsigned i = 0; i < RELAY_SITES_MAX; i++)
        w->namespaces[i] = -1;
    if (home < 0)
        home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    w->paths = relay_paths_make();
    if (home < 0 || !w->paths) {
        snprintf(message, message_size, "no namespace or memory: %s", strerror(errno));
        return -1;
    }
    int tuns[RELAY_SITES_MAX];
    unsigned made = 0;
    int error = network_remove(w->name, message, message_size) < 0 ? -1 : 0;
    if (!error)
        error = name_sites(w, message, message_size);
    for (; !error && made < w->sites; made++)
        if ((tuns[made] = make_site(w, plan, made, message, message_size)) < 0)
            error = -1;
    if (!error)
        error = start_relay(w, tuns, message, message_size);
    for (unsigned i = 0; i < made; i++)
        if (tuns[i] >= 0)
            close(tuns[i]);
    if (error)
        network_close(w);
    return error;
}

void network_close(struct network *w)
{
    char ignored[NETWORK_MESSAGE_MAX];
    if (w->relay > 0) {
        kill(w->relay, SIGKILL);
        waitpid(w->relay, NULL, 0);
    }
    for (unsigned i = 0; i < w->sites; i++) {
        if (w->netlink[i])
            mnl_socket_close(w->netlink[i]);
        if (w->namespaces[i] >= 0)
            close(w->namespaces[i]);
    }
    if (w->sites > 0)
        network_remove(w->name, ignored, sizeof ignored);
    relay_paths_free(w->paths);
    *w = (struct network){0};
}

int network_rate(struct network *w, unsigned site, uint64_t out, uint64_t in, char *message,
                 size_t message_size)
{
    if (out != w->rate_out[site] && !shape_rate(w->netlink[site], w->wan[site], out)) {
        snprintf(message, message_size, "the link of node %u: %s", site, strerror(errno));
        return -1;
    }
    w->rate_out[site] = out;
    w->paths->rate_in[site] = in;
    w->rate_in[site] = in;
    return 0;
}

int network_traffic(const struct network *w, unsigned site, struct shape_counts *counts)
{
    return shape_counters(w->netlink[site], w->wan[site], counts) ? 0 : -1;
}
