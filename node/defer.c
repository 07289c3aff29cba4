/* Whose chunk can wait.
 *
 * A node that is behind in execution by more epochs than are in flight has no use yet for chunks
 * of the newest: they come down the link on which it fetches the oldest, and at a third of the
 * others' rate they are half of it. But others fetch of it what it has, and without chunks half of
 * its uplink is idle while theirs are full. So it is sent those of such a share of our blocks as it
 * executes of what is ordered: they are then the same part of what it receives as with the others.
 * The rest is sent only if a dispersal does not complete without, and else withdrawn before it
 * leaves (4.2): it fetches k chunks when its turn comes.
 * These are the f farthest behind at most, of those heard lately, and only while N-f others are.
 * If that was not enough, because some of those say nothing, nobody's can wait for some
 * dispersals, for twice as many each time, and only by and by for fewer when it was enough: what
 * liars gain is one slow dispersal of about PAUSE_MAX, also when they are of use now and then. */
#include "node/core.h"

enum {
    PAUSE_MIN = 4, /* Dispersals. */
    PAUSE_MAX = 64,
    FORGIVEN = 8,   /* One that was enough makes the next pause shorter by one part of so many. */
    HEARD = 4,      /* Times retry_ms: lately. */
    PACE = 16,      /* Epochs agreed from one look at how fast peers execute to the next. */
    PACE_LEAST = 2, /* Of these: on slower links, chunks of what is executed far later only cost. */
};

bool defer_behind(const struct node *n, unsigned peer)
{
    return n->peers[peer].word.executed + n->options.epoch_window < n->agreed;
}

static void look_at_paces(struct node *n)
{
    const epoch_id ordered = n->agreed - n->proposing.paced;
    if (ordered < PACE)
        return;
    for (unsigned p = 0; p < n->quorum.n; p++) {
        struct peer *peer = &n->peers[p];
        const epoch_id executed = peer->word.executed - peer->paced;
        if (peer->paced == 0)
            peer->pace = 0; /* Nothing before it is known: who is behind then is far. */
        else if (executed >= ordered)
            peer->pace = PACE;
        else
            peer->pace = (uint8_t)(executed * PACE / ordered);
        if (peer->pace < PACE_LEAST)
            peer->pace = 0;
        peer->paced = peer->word.executed;
    }
    n->proposing.paced = n->agreed;
}

/* Whether a chunk of this block falls into the peer's share. */
static bool has_credit(struct peer *peer)
{
    peer->credit += peer->pace;
    if (peer->credit < PACE)
        return false;
    peer->credit -= PACE;
    return true;
}

struct nodeset defer_choose(struct node *n)
{
    struct nodeset chosen = {0}, heard = {0};
    look_at_paces(n);
    if (n->proposing.defer_pause > 0) {
        n->proposing.defer_pause--;
        return chosen;
    }
    for (unsigned p = 0; p < n->quorum.n; p++)
        if (p != n->self &&
            n->now_ms < n->peers[p].heard_ms + (uint64_t)HEARD * n->options.retry_ms)
            nodeset_add(&heard, p);
    for (unsigned left = n->quorum.f; left > 0 && nodeset_count(&heard) >= quorum_all(n->quorum);
         left--) {
        unsigned last = NODES_MAX;
        for (unsigned p = nodeset_next(&heard, 0); p < NODES_MAX; p = nodeset_next(&heard, p + 1))
            if (defer_behind(n, p) &&
                (last == NODES_MAX || n->peers[p].word.executed < n->peers[last].word.executed))
                last = p;
        if (last == NODES_MAX)
            break;
        if (!has_credit(&n->peers[last]))
            nodeset_add(&chosen, last);
        nodeset_remove(&heard, last);
    }
    return chosen;
}

void defer_needed(struct node *n)
{
    struct proposing *p = &n->proposing;
    if (p->defer_pause > 0)
        return; /* It is one of several that were begun before that was known. */
    p->defer_pause = p->defer_next > PAUSE_MIN ? p->defer_next : PAUSE_MIN;
    p->defer_next = 2 * p->defer_pause < PAUSE_MAX ? 2 * p->defer_pause : PAUSE_MAX;
}

void defer_enough(struct node *n)
{
    unsigned *next = &n->proposing.defer_next;
    *next -= (*next + FORGIVEN - 1) / FORGIVEN;
}
