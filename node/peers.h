/* Which peers are connected: can be sent to, and are heard of. For people, in the log and in
 * status; nothing in the protocol depends on it. */
#ifndef NODE_PEERS_H
#define NODE_PEERS_H

#include "crypto/quorum.h"

struct peer_watch {
    bool connected;
    bool told_absent;    /* It was never connected, and that was said. */
    uint64_t heard_ms;   /* A frame of it; 0: never. */
    uint64_t reached_ms; /* Its connection took something, or would have; 0: never. */
};

struct peers {
    uint64_t start_ms;
    uint32_t retry_ms; /* The node's. */
    struct peer_watch of[NODES_MAX];
};

enum peer_change {
    PEER_SAME,
    PEER_CAME,
    PEER_WENT,
    PEER_ABSENT /* Not reached since the start. */
};

/* What has become of a peer at `now_ms`; `reached`: its connection takes something now. */
enum peer_change peers_look(struct peers *p, node_id peer, bool reached, uint64_t now_ms);
unsigned peers_connected(const struct peers *p);

#endif
