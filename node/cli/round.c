#include "node/cli/round.h"

void round_begin(struct round *r, uint64_t now_us)
{
    *r = (struct round){.open = true, .asked_us = now_us};
}

void round_ask(struct round *r, unsigned node, struct connection *c)
{
    struct client_request request = {.kind = CLIENT_STATS};
    r->asked[node] = connection_send(c, &request);
}

json_t *round_receive(struct round *r, unsigned node, struct connection *c)
{
    struct client_answer answer;
    while (connection_receive(c, &answer)) {
        if (!r->open || r->answered[node] || answer.kind != CLIENT_STATS ||
            answer.result.status != CLIENT_OK)
            continue;
        json_t *stats = json_loadb((const char *)answer.json.data, answer.json.size, 0, NULL);
        if (stats) {
            r->answered[node] = true;
            return stats;
        }
    }
    return NULL;
}

bool round_ends(struct round *r, uint64_t now_us, uint64_t patience_us)
{
    bool all = true;
    for (unsigned i = 0; i < NODES_MAX; i++)
        all = all && (r->answered[i] || !r->asked[i]);
    if (!r->open || (!all && now_us - r->asked_us < patience_us))
        return false;
    r->open = false;
    return true;
}
