/* Fetching completed dispersals: k chunks of each, our own for free, the oldest epoch first. */
#include "node/core.h"

static struct instance *take_first(struct node *n)
{
    struct instance *items = n->instances.items;
    struct retrieval *r = &n->retrieval;
    struct instance *i = &items[r->pending_head];
    r->pending_head = i->fetch_next;
    if (i->fetch_next != NONE)
        items[i->fetch_next].fetch_prev = NONE;
    else
        r->pending_tail = NONE;
    i->pending = false;
    r->pending_count--;
    return i;
}

void retrieval_want(struct node *n, struct instance *i)
{
    if (i->pending || i->fetching || i->block != BLOCK_NONE || !i->server.complete)
        return;
    struct instance *items = n->instances.items;
    struct retrieval *r = &n->retrieval;
    const uint32_t at = (uint32_t)(i - items);
    uint32_t before = r->pending_tail; /* Dispersals complete about in order. */
    while (before != NONE && items[before].epoch > i->epoch)
        before = items[before].fetch_prev;
    i->fetch_prev = before;
    i->fetch_next = before == NONE ? r->pending_head : items[before].fetch_next;
    if (i->fetch_next != NONE)
        items[i->fetch_next].fetch_prev = at;
    else
        r->pending_tail = at;
    if (before != NONE)
        items[before].fetch_next = at;
    else
        r->pending_head = at;
    i->pending = true;
    r->pending_count++;
}

static void close_slot(struct node *n, struct fetch *f, struct effects *out)
{
    struct effect *e = effects_add(out, EFFECT_UNFETCH, f->epoch, f->proposer);
    e->fetch.slot = (unsigned)(f - n->retrieval.slots);
    e->fetch.generation = f->generation;
    for (unsigned p = nodeset_next(&f->asked, 0); p < NODES_MAX; p = nodeset_next(&f->asked, p + 1))
        n->retrieval.outstanding[p]--;
    f->epoch = 0;
    n->retrieval.active--;
}

static void decode_if_enough(struct node *n, struct fetch *f, struct effects *out)
{
    if (f->decoding || nodeset_count(&f->have) < quorum_data(n->quorum))
        return;
    f->decoding = true;
    struct effect *e = effects_add(out, EFFECT_WORK, f->epoch, f->proposer);
    e->work.kind = WORK_DECODE;
    e->work.slot = (unsigned)(f - n->retrieval.slots);
    e->work.generation = f->generation;
    e->work.root = f->root;
    e->work.header = f->header;
    e->work.present = f->have;
}

static void fetch_effect(const struct node *n, const struct fetch *f, struct effects *out)
{
    struct effect *e = effects_add(out, EFFECT_FETCH, f->epoch, f->proposer);
    e->fetch.slot = (unsigned)(f - n->retrieval.slots);
    e->fetch.generation = f->generation;
    e->fetch.root = f->root;
    e->fetch.own = f->own;
}

static void start(struct node *n, struct fetch *f, struct effects *out)
{
    struct instance *i = take_first(n);
    uint32_t *received = f->received;
    uint64_t *heard = f->heard_ms, *asked = f->asked_ms;
    *f = (struct fetch){.epoch = i->epoch,
                        .proposer = i->proposer,
                        .root = i->server.root,
                        .generation = ++n->retrieval.generation,
                        .own = i->has_chunk && hash_equal(&i->chunk_root, &i->server.root),
                        .received = received,
                        .heard_ms = heard,
                        .asked_ms = asked};
    for (unsigned p = 0; p < n->quorum.n; p++)
        received[p] = 0;
    i->fetching = true;
    n->retrieval.active++;
    fetch_effect(n, f, out);
    if (f->own)
        nodeset_add(&f->have, n->self);
    fetch_ask(n, f, out);
    fetch_probe(n, f, out);
    decode_if_enough(n, f, out);
}

/* Our own chunk came while others were asked for. */
void retrieval_own_chunk(struct node *n, const struct instance *i, struct effects *out)
{
    for (unsigned s = 0; i->fetching && s < FETCH_SLOTS; s++) {
        struct fetch *f = &n->retrieval.slots[s];
        if (f->epoch != i->epoch || f->proposer != i->proposer || f->own || f->decoding)
            continue;
        f->own = true;
        nodeset_add(&f->have, n->self);
        fetch_effect(n, f, out);
        decode_if_enough(n, f, out);
    }
}

void retrieval_advance(struct node *n, struct effects *out)
{
    struct retrieval *r = &n->retrieval;
    if (r->pending_head == NONE || r->active == FETCH_SLOTS || !n->started)
        return;
    uint64_t bytes = 0;
    const uint64_t block_max = n->options.block_bytes_max;
    for (unsigned s = 0; s < FETCH_SLOTS; s++)
        if (r->slots[s].epoch != 0)
            bytes += r->slots[s].known
                         ? (uint64_t)r->slots[s].header.chunk_size * quorum_data(n->quorum)
                         : block_max;
    for (unsigned s = 0; s < FETCH_SLOTS && r->pending_head != NONE; s++) {
        if (r->slots[s].epoch != 0)
            continue;
        if ((r->active > 0 && bytes + block_max > FETCH_BYTES) || !window_open(n))
            return;
        start(n, &r->slots[s], out);
        bytes += block_max;
    }
}

void retrieval_tick(struct node *n, struct effects *out)
{
    window_tick(n);
    pace_forgive(n);
    if (n->retrieval.active > 0)
        pace_tick(n);
    for (unsigned s = 0; s < FETCH_SLOTS; s++) {
        struct fetch *f = &n->retrieval.slots[s];
        if (f->epoch != 0 && !f->decoding)
            fetch_tick(n, f, out);
    }
}

static struct fetch *fetch_find(struct node *n, epoch_id epoch, node_id proposer)
{
    for (unsigned s = 0; s < FETCH_SLOTS; s++)
        if (n->retrieval.slots[s].epoch == epoch && n->retrieval.slots[s].proposer == proposer)
            return &n->retrieval.slots[s];
    return NULL;
}

/* Whether the header is the one that the root commits to. */
static bool header_fits(struct node *n, struct fetch *f, const struct vid_header *header)
{
    if (f->known)
        return f->header.chunk_size == header->chunk_size &&
               hash_equal(&f->header.tree_root, &header->tree_root);
    const struct hash commitment = vid_commitment(n->quorum, header);
    if (!hash_equal(&commitment, &f->root))
        return false;
    window_chunk(n, header->chunk_size);
    f->known = true;
    f->header = *header;
    return true;
}

void retrieval_piece(struct node *n, node_id from, const struct message *m, struct effects *out)
{
    struct fetch *f = fetch_find(n, m->epoch, m->proposer);
    pace_came(n, from);
    if (!f || f->decoding || !nodeset_has(&f->asked, from)) {
        n->view.wasted_pieces += m->chunk.data.size;
        pace_piece(n, from); /* That it was late counts too. */
        return;              /* Late, cancelled or never asked for. */
    }
    if (!header_fits(n, f, &m->chunk.header)) {
        effects_fault(out, from, FAULT_BAD_PROOF);
        fetch_answered(n, f, from);
        nodeset_add(&f->bad, from);
        fetch_ask(n, f, out);
        return;
    }
    if (m->chunk.offset != f->received[from]) {
        n->view.wasted_pieces += m->chunk.data.size;
        return; /* A part was lost, or comes twice: asked for again when it is late. */
    }
    fetch_brought_on(n, f, from);
    fetch_overtook(n, f, from, out);
    if (f->received[from] == 0)
        pace_first_piece(n, from, f->asked_ms[from]);
    nodeset_remove(&f->late, from);
    nodeset_remove(&f->hedged, from);
    struct effect *e = effects_add(out, EFFECT_GATHER, f->epoch, f->proposer);
    e->fetch.slot = (unsigned)(f - n->retrieval.slots);
    e->fetch.generation = f->generation;
    e->fetch.from = from;
    window_came(n, (uint32_t)m->chunk.data.size);
    f->received[from] += (uint32_t)m->chunk.data.size;
    n->progress++;
    if (f->received[from] < f->header.chunk_size)
        return;
    fetch_answered(n, f, from);
    pace_chunk(n, from);
    nodeset_add(&f->have, from);
    decode_if_enough(n, f, out);
}

void retrieval_none(struct node *n, node_id from, const struct message *m, struct effects *out)
{
    struct fetch *f = fetch_find(n, m->epoch, m->proposer);
    pace_came(n, from);
    if (!f || f->decoding || !nodeset_has(&f->asked, from) ||
        !hash_equal(&m->request.root, &f->root))
        return;
    fetch_answered(n, f, from);
    nodeset_add(&f->refused, from);
    fetch_ask(n, f, out);
}

/* Given up, and by now by all: they have dropped it. */
static bool dropped(const struct node *n, epoch_id epoch)
{
    return epoch + n->options.link_horizon <= n->pruned;
}

static void abandon(struct node *n, struct fetch *f, struct effects *out)
{
    struct instance *i = instance_find(n, f->epoch, f->proposer);
    assert(i);
    i->fetching = false;
    fetch_cancel(f, out);
    close_slot(n, f, out);
    instance_retire(n, i);
}

void retrieval_drop(struct node *n, struct effects *out)
{
    struct retrieval *r = &n->retrieval;
    while (r->pending_head != NONE && dropped(n, n->instances.items[r->pending_head].epoch))
        instance_retire(n, take_first(n));
    for (unsigned s = 0; s < FETCH_SLOTS; s++) /* One that is decoding ends by itself. */
        if (r->slots[s].epoch != 0 && !r->slots[s].decoding && dropped(n, r->slots[s].epoch))
            abandon(n, &r->slots[s], out);
}

/* Decoding has overwritten every place but those it was given: all others are asked anew. */
static void drop_liars(struct node *n, struct fetch *f, const struct nodeset *liars,
                       struct effects *out)
{
    for (unsigned p = 0; p < n->quorum.n; p++) {
        if (nodeset_has(liars, p)) {
            nodeset_remove(&f->have, p);
            if (p == n->self) { /* Our own disk is no one's lie; a good one takes its place. */
                f->own = false;
            } else {
                nodeset_add(&f->bad, p);
                effects_fault(out, (node_id)p, FAULT_BAD_PROOF);
            }
        }
        if (nodeset_has(&f->have, p))
            continue;
        f->received[p] = 0;
        if (nodeset_has(&f->asked, p))
            fetch_answered(n, f, (node_id)p);
    }
    f->decoding = false;
    fetch_ask(n, f, out);
}

/* What came of a block that is here now, beyond what it took. */
static void count_waste(struct node *n, const struct fetch *f)
{
    uint64_t came = 0;
    for (unsigned p = 0; p < n->quorum.n; p++)
        came += f->received[p];
    const uint64_t took = (quorum_data(n->quorum) - f->own) * (uint64_t)f->header.chunk_size;
    n->view.wasted_pieces += came > took ? came - took : 0;
}

void retrieval_decoded(struct node *n, const struct work_result *r, struct effects *out)
{
    struct fetch *f = &n->retrieval.slots[r->slot];
    if (f->epoch == 0 || f->generation != r->generation)
        return;
    if (dropped(n, f->epoch)) {
        abandon(n, f, out);
        return;
    }
    if (r->result == VID_BAD_CHUNKS) {
        drop_liars(n, f, &r->liars, out);
        return;
    }
    struct instance *i = instance_find(n, f->epoch, f->proposer);
    assert(i);
    const bool good = r->result == VID_RETRIEVED && r->well_formed;
    if (good)
        effects_add(out, EFFECT_STORE_BLOCK, i->epoch, i->proposer);
    else
        effects_fault(out, i->proposer,
                      r->result == VID_RETRIEVED ? FAULT_BAD_BLOCK : FAULT_BAD_ENCODING);
    /* Who has decoded serves its own chunk, whether the proposer ever sent it or not. */
    if (r->result == VID_RETRIEVED && !f->own) {
        effects_add(out, EFFECT_STORE_CHUNK, i->epoch, i->proposer);
        i->has_chunk = true;
        i->chunk_root = i->server.root;
    }
    i->fetching = false;
    i->block = good ? BLOCK_GOOD : BLOCK_BAD;
    i->count = good ? r->count : 0;
    n->view.fetched++;
    count_waste(n, f);
    instance_save(n, i, out);
    fetch_cancel(f, out);
    close_slot(n, f, out);
    if (i->count > 0)
        delivery_payload(n, i->epoch, i->proposer);
    instance_retire(n, i);
}
