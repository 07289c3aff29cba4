#include "node/peers.h"

/* Times retry_ms. A node says where it is at least every 20, though nothing happens; a connection
 * may be full for a moment. */
enum { UNHEARD = 25, UNREACHED = 4, ABSENT = 10 };

enum peer_change peers_look(struct peers *p, node_id peer, bool reached, uint64_t now_ms)
{
    struct peer_watch *w = &p->of[peer];
    const uint64_t retry_ms = p->retry_ms;
    if (reached)
        w->reached_ms = now_ms;
    const bool before = w->connected;
    w->connected = w->heard_ms && now_ms - w->heard_ms <= UNHEARD * retry_ms && w->reached_ms &&
                   now_ms - w->reached_ms <= UNREACHED * retry_ms;
    if (w->connected != before) {
        w->told_absent = true;
        return before ? PEER_WENT : PEER_CAME;
    }
    if (w->told_absent || now_ms - p->start_ms < ABSENT * retry_ms)
        return PEER_SAME;
    w->told_absent = true;
    return PEER_ABSENT;
}

unsigned peers_connected(const struct peers *p)
{
    unsigned count = 0;
    for (unsigned i = 0; i < NODES_MAX; i++)
        count += p->of[i].connected;
    return count;
}
