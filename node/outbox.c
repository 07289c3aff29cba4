#include "node/outbox.h"

#include "node/work.h"

#include <stdlib.h>
#include <string.h>

enum {
    FRAME_FULL = 256 << 10,
    FULL = 2 << 20, /* Bytes of sections and roots. */
    ROOT_ENTRY = 1 + HASH_SIZE,
    BUCKETS = 1024,
    CARRIED_HEADER = 300, /* Of a chunk: at most, and about that with 128 nodes. */
};

struct section {
    node_id to;
    uint32_t vote; /* What VOTES or ROOTS of an epoch say, in one number; else 0. */
    size_t next;   /* In its bucket, plus 1; 0: none. */
    bool windowed; /* Only to those whose window holds the epoch. */
    bool carried;  /* Its data begins at `data` of what is carried. */
    size_t data;
    struct message message;
    struct nodeset root_set; /* ROOTS: whose roots there are, ... */
    size_t roots;            /* and the first of them, plus 1. */
};

struct root {
    struct hash hash;
    size_t next; /* In its section, plus 1; 0: none. */
    node_id proposer;
};

struct outbox {
    struct quorum quorum;
    node_id self;
    struct section *sections;
    size_t count, capacity;
    size_t buckets[BUCKETS]; /* Of VOTES and ROOTS: a section, plus 1. */
    struct root *roots;
    size_t root_count, root_capacity;
    uint8_t *data; /* Of chunks and pieces that are carried, and how much a peer gets of it. */
    size_t data_size, data_capacity;
    size_t carried[NODES_MAX];
    struct nodeset word_to, to; /* Who gets something. */
    uint8_t *frame;
};

struct outbox *outbox_new(struct quorum q, node_id self)
{
    struct outbox *o = calloc(1, sizeof *o);
    if (!o)
        abort();
    o->quorum = q;
    o->self = self;
    o->frame = malloc(2 * FRAME_FULL);
    if (!o->frame)
        abort();
    return o;
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    free(o->sections);
    free(o->roots);
    free(o->data);
    free(o->frame);
    free(o);
}

static void add_to(const struct outbox *o, struct nodeset *set, node_id to)
{
    if (to == TO_ALL)
        *set = nodeset_full(o->quorum.n);
    else
        nodeset_add(set, to);
}

static struct section *add(struct outbox *o, node_id to, enum message_kind kind, epoch_id epoch)
{
    o->sections = array_grow(o->sections, &o->capacity, o->count + 1, sizeof *o->sections);
    struct section *s = &o->sections[o->count++];
    *s = (struct section){.to = to, .message = {.kind = kind, .epoch = epoch}};
    add_to(o, &o->to, to);
    return s;
}

/* The section that says one thing of an epoch to one peer, or to all; a new one if there is none
 * yet. */
static struct section *section_of(struct outbox *o, node_id to, enum message_kind kind,
                                  epoch_id epoch, uint32_t vote)
{
    const uint64_t mixed = ((epoch << 8 | to) * 31 + vote) * 0x9e3779b97f4a7c15ull;
    size_t *bucket = &o->buckets[(mixed >> 32) % BUCKETS];
    for (size_t at = *bucket; at != 0; at = o->sections[at - 1].next) {
        struct section *s = &o->sections[at - 1];
        if (s->message.kind == kind && s->to == to && s->message.epoch == epoch && s->vote == vote)
            return s;
    }
    struct section *s = add(o, to, kind, epoch);
    s->windowed = true;
    s->vote = vote;
    s->next = *bucket;
    *bucket = o->count;
    return s;
}

void outbox_vote(struct outbox *o, node_id to, epoch_id epoch, node_id proposer,
                 const struct ba_message *vote)
{
    const uint32_t what = (uint32_t)vote->type << 16 | (uint32_t)vote->round << 8 | vote->values;
    struct section *s = section_of(o, to, MESSAGE_VOTES, epoch, what);
    s->message.votes.vote = *vote;
    nodeset_add(&s->message.votes.proposers, proposer);
}

static struct root *root_of(const struct outbox *o, const struct section *s, node_id proposer)
{
    size_t at = s->roots;
    while (o->roots[at - 1].proposer != proposer)
        at = o->roots[at - 1].next;
    return &o->roots[at - 1];
}

void outbox_root(struct outbox *o, node_id to, epoch_id epoch, node_id proposer, enum vid_vote vote,
                 const struct hash *root)
{
    struct section *s = section_of(o, to, MESSAGE_ROOTS, epoch, vote);
    s->message.roots.vote = vote;
    if (nodeset_has(&s->root_set, proposer)) {
        root_of(o, s, proposer)->hash = *root;
        return;
    }
    nodeset_add(&s->root_set, proposer);
    o->roots = array_grow(o->roots, &o->root_capacity, o->root_count + 1, sizeof *o->roots);
    o->roots[o->root_count++] = (struct root){*root, s->roots, proposer};
    s->roots = o->root_count;
}

void outbox_ready(struct outbox *o, node_id to, epoch_id epoch, node_id proposer)
{
    struct section *s = section_of(o, to, MESSAGE_READY, epoch, 0);
    nodeset_add(&s->message.ready.proposers, proposer);
}

void outbox_message(struct outbox *o, node_id to, const struct message *m)
{
    struct section *s = add(o, to, m->kind, m->epoch);
    s->message = *m;
    s->windowed = m->kind == MESSAGE_SHARE;
}

bool outbox_carry(struct outbox *o, node_id to, const struct message *m, size_t bytes_max)
{
    const struct slice data = m->chunk.data;
    const size_t size = CARRIED_HEADER + data.size;
    if (o->carried[to] + size > bytes_max)
        return false;
    struct section *s = add(o, to, m->kind, m->epoch);
    s->message = *m;
    s->carried = true;
    s->data = o->data_size;
    o->data = array_grow(o->data, &o->data_capacity, o->data_size + data.size, 1);
    memcpy(o->data + o->data_size, data.data, data.size);
    o->data_size += data.size;
    o->carried[to] += size;
    return true;
}

void outbox_word(struct outbox *o, node_id to)
{
    add_to(o, &o->word_to, to);
    add_to(o, &o->to, to);
}

static void encode(struct outbox *o, const struct section *s, node_id to, struct writer *w)
{
    struct message m = s->message;
    if (s->carried)
        m.chunk.data.data = o->data + s->data;
    if (m.kind != MESSAGE_ROOTS) {
        message_encode(w, o->quorum, o->self, to, &m);
        return;
    }
    uint8_t entries[NODES_MAX * ROOT_ENTRY];
    const struct hash *of[NODES_MAX];
    for (size_t at = s->roots; at != 0; at = o->roots[at - 1].next)
        of[o->roots[at - 1].proposer] = &o->roots[at - 1].hash;
    for (unsigned p = nodeset_next(&s->root_set, 0); p < NODES_MAX;
         p = nodeset_next(&s->root_set, p + 1)) {
        uint8_t *entry = entries + m.roots.count++ * ROOT_ENTRY;
        entry[0] = (uint8_t)p;
        memcpy(entry + 1, of[p]->bytes, HASH_SIZE);
    }
    m.roots.entries = slice_of(entries, m.roots.count * (size_t)ROOT_ENTRY);
    message_encode(w, o->quorum, o->self, to, &m);
}

/* A READY stands for a GOT before it: which may be in a section that was begun later. */
static const struct section *section_at(const struct outbox *o, size_t turn)
{
    assert(o->count > 0);
    const struct section *s = &o->sections[turn % o->count];
    return (s->message.kind == MESSAGE_READY) == (turn >= o->count) ? s : NULL;
}

/* What the sender says again by itself while it needs the answer, or is asked for. */
static bool is_said_again(enum message_kind kind)
{
    switch ((int)kind) {
    case MESSAGE_WANT_VOTES:
    case MESSAGE_WANT_ROOTS:
    case MESSAGE_WANT_CHECKPOINT:
    case MESSAGE_PING:
    case MESSAGE_REQUEST:
    case MESSAGE_CHECKPOINT: return true;
    default: return false;
    }
}

static void flush_to(struct outbox *o, node_id to, const struct hash *chain,
                     const struct word *word, const struct outbox_port *port)
{
    struct writer w = writer_of(o->frame, 2 * FRAME_FULL);
    message_header_encode(&w, chain, word);
    bool some = nodeset_has(&o->word_to, to), again = true;
    for (size_t turn = 0; turn < 2 * o->count; turn++) {
        const struct section *s = section_at(o, turn);
        if (!s || (s->to != to && s->to != TO_ALL))
            continue;
        if (s->windowed && !port->takes(port->context, to, s->message.epoch))
            continue;
        encode(o, s, to, &w);
        some = true;
        again = again && is_said_again(s->message.kind);
        if ((size_t)(w.at - w.start) < FRAME_FULL)
            continue;
        port->send(port->context, to, again, writer_result(&w));
        w = writer_of(o->frame, 2 * FRAME_FULL);
        message_header_encode(&w, chain, word);
        some = false;
        again = true;
    }
    assert(w.ok);
    if (some)
        port->send(port->context, to, again, writer_result(&w));
}

bool outbox_full(const struct outbox *o)
{
    return o->count * sizeof *o->sections + o->root_count * sizeof *o->roots >= FULL;
}

bool outbox_flush(struct outbox *o, const struct hash *chain, const struct word *word,
                  const struct outbox_port *port)
{
    if (nodeset_empty(&o->to))
        return false;
    for (unsigned to = nodeset_next(&o->to, 0); to < NODES_MAX; to = nodeset_next(&o->to, to + 1))
        if (to != o->self)
            flush_to(o, (node_id)to, chain, word, port);
    o->count = 0;
    o->root_count = 0;
    o->data_size = 0;
    memset(o->carried, 0, sizeof o->carried);
    memset(o->buckets, 0, sizeof o->buckets);
    o->word_to = o->to = (struct nodeset){0};
    return true;
}
