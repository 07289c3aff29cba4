#include "testnet/shape.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

enum {
    MESSAGE_MAX = 16384, /* A link and its statistics need less. */
    BURST_MIN = 20480,   /* A batch of packets with the headers that it will have ... */
    BURST_US = 2000,     /* ... or what passes until a timer can be trusted to have fired. */
};

struct mnl_socket *shape_open(void)
{
    struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (s && mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) != 0) {
        mnl_socket_close(s);
        s = NULL;
    }
    return s;
}

/* Sends, and gives the answer to `take`. */
static bool ask(struct mnl_socket *s, struct nlmsghdr *request, mnl_cb_t take, void *data)
{
    static unsigned sequence;
    char answer[MESSAGE_MAX];
    request->nlmsg_seq = ++sequence;
    if (mnl_socket_sendto(s, request, request->nlmsg_len) < 0)
        return false;
    const ssize_t size = mnl_socket_recvfrom(s, answer, sizeof answer);
    return size >= 0 &&
           mnl_cb_run(answer, (size_t)size, sequence, mnl_socket_get_portid(s), take, data) >= 0;
}

static struct nlmsghdr *begin(char *buffer, uint16_t type, uint16_t flags, unsigned interface)
{
    struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
    m->nlmsg_type = type;
    m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    struct tcmsg *tc = mnl_nlmsg_put_extra_header(m, sizeof *tc);
    tc->tcm_ifindex = (int)interface;
    tc->tcm_parent = TC_H_ROOT;
    return m;
}

bool shape_rate(struct mnl_socket *s, unsigned interface, uint64_t rate)
{
    char buffer[MESSAGE_MAX];
    if (rate == 0) {
        struct nlmsghdr *m = begin(buffer, RTM_DELQDISC, 0, interface);
        return ask(s, m, NULL, NULL) || errno == ENOENT || errno == EINVAL;
    }
    if (rate > UINT32_MAX) {
        errno = ERANGE;
        return false;
    }
    uint32_t burst = (uint32_t)(rate * BURST_US / 1000000);
    if (burst < BURST_MIN)
        burst = BURST_MIN;
    struct nlmsghdr *m = begin(buffer, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, interface);
    const struct tc_tbf_qopt parameters = {
        .rate = {.rate = (uint32_t)rate, .linklayer = TC_LINKLAYER_ETHERNET},
        .limit = (uint32_t)(rate * SHAPE_FIFO_MS / 1000) + burst};
    mnl_attr_put_strz(m, TCA_KIND, "tbf");
    struct nlattr *options = mnl_attr_nest_start(m, TCA_OPTIONS);
    mnl_attr_put(m, TCA_TBF_PARMS, sizeof parameters, &parameters);
    mnl_attr_put_u32(m, TCA_TBF_BURST, burst);
    mnl_attr_nest_end(m, options);
    return ask(s, m, NULL, NULL);
}

static int take_counters(const struct nlattr *attribute, void *data)
{
    struct shape_counts *c = data;
    struct rtnl_link_stats64 stats;
    if (mnl_attr_get_type(attribute) == IFLA_STATS64 &&
        mnl_attr_get_payload_len(attribute) >= sizeof stats) {
        memcpy(&stats, mnl_attr_get_payload(attribute), sizeof stats);
        *c = (struct shape_counts){stats.rx_bytes, stats.tx_bytes, stats.rx_packets};
    }
    return MNL_CB_OK;
}

static int take_link(const struct nlmsghdr *m, void *data)
{
    return mnl_attr_parse(m, sizeof(struct ifinfomsg), take_counters, data);
}

bool shape_counters(struct mnl_socket *s, unsigned interface, struct shape_counts *counts)
{
    char buffer[MESSAGE_MAX];
    struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
    m->nlmsg_type = RTM_GETLINK;
    m->nlmsg_flags = NLM_F_REQUEST;
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(m, sizeof *link);
    link->ifi_index = (int)interface;
    return ask(s, m, take_link, counts);
}
