/* The table of instances: dispersals that are of interest. */
#include "node/core.h"

size_t instances_reserved(const struct node_options *o)
{
    const size_t n = o->quorum.n;
    return n * DELIVERY_WINDOW + LINKED_AHEAD + n * o->open_dispersals + LATE_PENDING_MAX + n;
}

size_t instances_count(const struct node_options *o)
{
    const size_t n = o->quorum.n;
    return n * n * VOTES_PER_OPEN * o->open_dispersals + instances_reserved(o);
}

static uint32_t *bucket_of(const struct instances *t, epoch_id epoch, node_id proposer)
{
    const uint64_t mixed = (epoch * NODES_MAX + proposer) * 0x9e3779b97f4a7c15ull;
    return &t->buckets[mixed >> 32 & (t->bucket_count - 1)];
}

struct instance *instance_find(const struct node *n, epoch_id epoch, node_id proposer)
{
    const struct instances *t = &n->instances;
    for (uint32_t at = *bucket_of(t, epoch, proposer); at != NONE; at = t->items[at].bucket_next)
        if (t->items[at].epoch == epoch && t->items[at].proposer == proposer)
            return &t->items[at];
    return NULL;
}

void instance_listen(const struct node *n, struct instance *i)
{
    vid_server_init(&i->server);
    i->server.silent = i->epoch <= n->silent;
}

struct instance *instance_make(struct node *n, epoch_id epoch, node_id proposer)
{
    struct instance *i = instance_find(n, epoch, proposer);
    if (i)
        return i;
    struct instances *t = &n->instances;
    uint32_t at = t->free;
    if (at != NONE)
        t->free = t->items[at].bucket_next;
    else if (t->used < t->capacity)
        at = t->used++;
    else
        return NULL;
    i = &t->items[at];
    uint32_t *bucket = bucket_of(t, epoch, proposer);
    uint32_t *siblings = &t->siblings[proposer];
    *i = (struct instance){.epoch = epoch,
                           .proposer = proposer,
                           .bucket_next = *bucket,
                           .sibling_next = *siblings,
                           .sibling_prev = NONE,
                           .fetch_next = NONE,
                           .fetch_prev = NONE};
    instance_listen(n, i);
    t->count++;
    t->open++;
    if (*siblings != NONE)
        t->items[*siblings].sibling_prev = at;
    *bucket = *siblings = at;
    return i;
}

static bool has_vote(const struct instance *i)
{
    const struct vid_server *s = &i->server;
    return s->sent_got || s->sent_ready || !nodeset_empty(&s->voted[0]) ||
           !nodeset_empty(&s->voted[1]) || !nodeset_empty(&s->voted[2]);
}

static bool needed(const struct node *n, const struct instance *i)
{
    if (i->checking || i->wanted || i->pending || i->fetching)
        return true;
    if (history_has(&n->delivered, i->epoch, i->proposer))
        return false;
    if (!i->server.complete)
        return has_vote(i);
    return delivery_holds(n, i->epoch);
}

void instance_retire(struct node *n, struct instance *i)
{
    if (needed(n, i))
        return;
    struct instances *t = &n->instances;
    const uint32_t at = (uint32_t)(i - t->items);
    vid_server_release(&i->server, &t->pool);
    uint32_t *link = bucket_of(t, i->epoch, i->proposer);
    while (*link != at)
        link = &t->items[*link].bucket_next;
    *link = i->bucket_next;
    if (i->sibling_prev != NONE)
        t->items[i->sibling_prev].sibling_next = i->sibling_next;
    else
        t->siblings[i->proposer] = i->sibling_next;
    if (i->sibling_next != NONE)
        t->items[i->sibling_next].sibling_prev = i->sibling_prev;
    i->epoch = 0;
    i->bucket_next = t->free;
    t->free = at;
    t->count--;
    t->open -= !i->server.complete;
}

void instance_record(const struct node *n, const struct instance *i, struct instance_record *r)
{
    (void)n;
    *r = (struct instance_record){.got = i->server.sent_got,
                                  .ready = i->server.sent_ready,
                                  .complete = i->server.complete,
                                  .chunk = i->has_chunk,
                                  .block = i->block,
                                  .got_root = i->server.got_root,
                                  .ready_root = i->server.ready_root,
                                  .root = i->server.root,
                                  .chunk_root = i->chunk_root,
                                  .count = i->count};
}

void instance_save(struct node *n, const struct instance *i, struct effects *out)
{
    struct effect *e = effects_add(out, EFFECT_RECORD_INSTANCE, i->epoch, i->proposer);
    instance_record(n, i, &e->instance);
    n->progress++;
}

struct instance *instance_restore(struct node *n, epoch_id epoch, node_id proposer,
                                  const struct instance_record *r)
{
    struct instance *i = instance_make(n, epoch, proposer);
    if (!i)
        return NULL;
    struct vid_pool *pool = &n->instances.pool;
    if (r->got && !i->server.sent_got)
        vid_server_recall(&i->server, pool, n->self, VID_GOT, &r->got_root);
    if (r->ready && !i->server.sent_ready)
        vid_server_recall(&i->server, pool, n->self, VID_READY, &r->ready_root);
    if (r->complete && !i->server.complete) {
        vid_server_recall(&i->server, pool, n->self, VID_COMPLETE, &r->root);
        n->instances.open--;
    }
    i->has_chunk = r->chunk;
    i->chunk_root = r->chunk_root;
    i->block = r->block;
    i->count = r->count;
    return i;
}
