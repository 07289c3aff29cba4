/* Ordering does not outrun everyone: what is agreed and not executed stays bounded in time.
 *
 * While fewer than f+1 nodes have executed to within lag_target of what is agreed here, our blocks
 * carry no transactions. f+1, because any rank up to f is what liars say; a node slower than that
 * is waited for by nobody. Within lag_target: what the (f+1)-th has still to execute is no more than
 * what it has executed in the last lag_target, in bytes. What has completed is ordered, with its
 * epoch or by linking: it counts before its epoch is agreed, and where f+1 have executed that, with
 * the next one. Nothing else does, for what a liar only begins never has to be executed. What it
 * completes has to be, and holds others back as if it were anyone's. Dispersals count as what the
 * chunks that we were sent say of their blocks: a share of all that is the same on both sides. Votes
 * and participation are never withheld.
 *
 * What we do not withhold either: a transaction's room in a block, whenever f+1 have executed the
 * last epoch in which ours carried any. Liars are not held back, and where links are slow for what
 * they send they would else be all that is ordered, for as long as they like.
 *
 * And while f+1 say that they have executed all but the last epoch, their links have little to carry
 * but what is being dispersed: each begins its next dispersal beside the one that is open
 * (propose.c). Liars can have that done, and not prevent it. */
#include "node/core.h"

void ahead_dispersed(struct node *n, epoch_id epoch, uint32_t chunk_size)
{
    uint64_t bytes = (uint64_t)chunk_size * quorum_data(n->quorum);
    if (bytes > n->options.block_bytes_max)
        bytes = n->options.block_bytes_max; /* The share that anyone may have. */
    if (epoch <= n->ahead.rank)             /* It is to be linked: as early as with the next one. */
        epoch = (n->agreed > n->ahead.rank ? n->agreed : n->ahead.rank) + 1;
    struct epoch_bytes *b = &n->ahead.epochs[epoch % AHEAD_EPOCHS];
    if (b->epoch > epoch)
        return;
    if (b->epoch < epoch)
        *b = (struct epoch_bytes){.epoch = epoch};
    b->bytes += bytes;
}

/* What we were sent no chunk of counts as the mean of what we were. */
static uint64_t bytes_of(const struct ahead *a, epoch_id e)
{
    const struct epoch_bytes *b = &a->epochs[e % AHEAD_EPOCHS];
    return b->epoch == e ? b->bytes : a->mean;
}

/* Puts an epoch among those of the first nodes, the latest first. */
static void rank_add(epoch_id sorted[], unsigned count, epoch_id e)
{
    for (; count > 0 && sorted[count - 1] < e; count--)
        sorted[count] = sorted[count - 1];
    sorted[count] = e;
}

/* The last epochs that f+1 nodes say they have executed, and agreed. */
static epoch_id rank_executed(const struct node *n, epoch_id *agreed)
{
    epoch_id executed[NODES_MAX], sorted[NODES_MAX];
    for (unsigned p = 0; p < n->quorum.n; p++) {
        const struct word *w = &n->peers[p].word;
        rank_add(executed, p, p == n->self ? n->delivery.executed : w->executed);
        rank_add(sorted, p, p == n->self ? n->agreed : w->agreed);
    }
    *agreed = sorted[quorum_some(n->quorum) - 1];
    return executed[quorum_some(n->quorum) - 1];
}

static void follow(struct ahead *a, epoch_id rank)
{
    if (a->rank == 0 || rank > a->rank + AHEAD_EPOCHS)
        a->rank = rank; /* From before the start, or beyond what is remembered. */
    for (; a->rank < rank; a->rank++) {
        const uint64_t bytes = bytes_of(a, a->rank + 1);
        a->executed += bytes;
        a->mean = a->mean == 0 ? bytes : (a->mean * (AHEAD_MEAN - 1) + bytes) / AHEAD_MEAN;
    }
}

/* What was executed in the last lag_target. */
static uint64_t executed_lately(struct ahead *a, uint64_t now_ms, uint32_t lag_target_ms)
{
    if (a->sample_count == 0 ||
        now_ms >= a->samples[0].ms + lag_target_ms / AHEAD_SAMPLES) { /* The newest first. */
        for (unsigned k = AHEAD_SAMPLES - 1; k > 0; k--)
            a->samples[k] = a->samples[k - 1];
        a->samples[0].ms = now_ms;
        a->samples[0].executed = a->executed;
        a->sample_count += a->sample_count < AHEAD_SAMPLES;
    }
    return a->executed - a->samples[a->sample_count - 1].executed;
}

void ahead_start(struct node *n)
{
    if (n->agreed > 0) /* What is in flight may be agreed too. */
        n->ahead.start = n->agreed + n->options.epoch_window;
}

void ahead_tick(struct node *n)
{
    struct ahead *a = &n->ahead;
    const uint32_t lag_target_ms = n->options.lag_target_ms;
    if (lag_target_ms == 0)
        return;
    epoch_id agreed;
    const epoch_id rank = rank_executed(n, &agreed);
    follow(a, rank);
    if (agreed > n->agreed + n->options.epoch_window)
        a->start = agreed;
    if (rank < a->start)
        a->known_ms = n->now_ms + lag_target_ms;
    const uint64_t lately = executed_lately(a, n->now_ms, lag_target_ms);
    uint64_t waiting = 0;
    for (epoch_id e = rank + 1; e <= n->agreed && e <= rank + AHEAD_EPOCHS; e++)
        waiting += bytes_of(a, e);
    for (epoch_id e = (n->agreed > rank ? n->agreed : rank) + 1; node_in_flight(n, e); e++)
        waiting += a->epochs[e % AHEAD_EPOCHS].epoch == e ? a->epochs[e % AHEAD_EPOCHS].bytes : 0;
    /* An epoch takes its time, however little there is to do: the epochs in flight may always wait,
     * unless they are so large that they are worth many of others. So it is with all epochs while
     * those are executed that were agreed without us: how much they are nobody here knows. */
    const uint32_t window = n->options.epoch_window;
    const uint64_t always = (uint64_t)window * n->quorum.n * AHEAD_BLOCK;
    const bool many = n->now_ms >= a->known_ms && n->agreed > rank + window;
    a->far = waiting > lately && (many || waiting > always);
}

bool ahead_hungry(const struct node *n)
{
    const epoch_id rank = n->ahead.rank;
    return rank != 0 && n->agreed <= rank + 1 && rank <= n->agreed + 1;
}
