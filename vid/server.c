#include "vid/server.h"

#include <string.h>

void vid_pool_init(struct vid_pool *p, struct vid_tally *tallies, uint32_t capacity)
{
    *p = (struct vid_pool){.tallies = tallies, .capacity = capacity};
}

static struct vid_tally *tally_at(const struct vid_pool *p, uint32_t position)
{
    assert(position <= p->capacity);
    return position ? &p->tallies[position - 1] : NULL;
}

/* The tally of `root`; NULL when nobody voted for it. */
static struct vid_tally *tally_find(const struct vid_server *s, const struct vid_pool *p,
                                    const struct hash *root)
{
    struct vid_tally *t = tally_at(p, s->tallies);
    while (t && !hash_equal(&t->root, root))
        t = tally_at(p, t->next);
    return t;
}

static struct vid_tally *tally_take(struct vid_server *s, struct vid_pool *p,
                                    const struct hash *root)
{
    assert(p->used < p->capacity);
    const uint32_t position = p->free ? p->free : ++p->touched;
    struct vid_tally *t = tally_at(p, position);
    if (p->free)
        p->free = t->next;
    p->used++;
    *t = (struct vid_tally){.root = *root, .next = s->tallies};
    s->tallies = position;
    return t;
}

/* Gives back the tally that `link` points at, and lets `link` point at the next one. */
static void tally_give(struct vid_pool *p, uint32_t *link)
{
    assert(p->used > 0);
    uint32_t position = *link;
    struct vid_tally *t = tally_at(p, position);
    *link = t->next;
    t->next = p->free;
    p->free = position;
    p->used--;
}

static bool has_voted(const struct vid_server *s, node_id from, enum vid_vote vote)
{
    return nodeset_has(&s->voted[vote - 1], from);
}

static bool tally_has(const struct vid_tally *t, node_id from, enum vid_vote vote)
{
    return t && nodeset_has(&t->votes[vote - 1], from);
}

static unsigned tally_count(const struct vid_tally *t, enum vid_vote vote)
{
    return nodeset_count(&t->votes[vote - 1]);
}

/* Counts a vote for the first time; COMPLETE as READY too, which may be counted already. */
static struct vid_tally *tally_add(struct vid_server *s, struct vid_pool *p, node_id from,
                                   enum vid_vote vote, const struct hash *root)
{
    struct vid_tally *t = tally_find(s, p, root);
    if (!t)
        t = tally_take(s, p, root);
    for (unsigned v = vote == VID_COMPLETE ? VID_READY : vote; v <= vote; v++) {
        nodeset_add(&s->voted[v - 1], from);
        nodeset_add(&t->votes[v - 1], from);
    }
    return t;
}

static void complete(struct vid_server *s, struct vid_pool *p, const struct hash *root)
{
    s->complete = true;
    s->root = *root;
    vid_server_release(s, p);
}

/* What the votes for one root, of which there is one more, call for. */
static void apply_rules(struct vid_server *s, struct vid_pool *p, struct quorum q, node_id self,
                        struct vid_tally *t, struct vid_server_effects *out)
{
    struct hash root = t->root; /* The tally goes back to the pool before the end. */

    /* N-f say they hold chunks: N-2f correct ones do. Or f+1 are ready: a correct one is. */
    if (!s->sent_ready && !s->silent &&
        (tally_count(t, VID_GOT) >= quorum_all(q) || tally_count(t, VID_READY) >= quorum_some(q))) {
        s->sent_ready = true;
        s->ready_root = root;
        tally_add(s, p, self, VID_READY, &root);
        out->send_ready = true;
    }
    /* 2f+1 are ready: f+1 correct ones are, and make every correct node ready. Or f+1 are
     * complete: a correct one is. */
    if (tally_count(t, VID_READY) >= quorum_most(q) ||
        tally_count(t, VID_COMPLETE) >= quorum_some(q)) {
        complete(s, p, &root);
        out->completed = true;
    }
}

void vid_server_init(struct vid_server *s) { memset(s, 0, sizeof *s); }

void vid_server_got(struct vid_server *s, struct vid_pool *p, struct quorum q, node_id self,
                    const struct hash *root, struct vid_server_effects *out)
{
    assert(!s->sent_got && !s->silent);
    *out = (struct vid_server_effects){.fault = FAULT_NONE};
    s->sent_got = true;
    s->got_root = *root;
    if (!s->complete)
        apply_rules(s, p, q, self, tally_add(s, p, self, VID_GOT, root), out);
}

void vid_server_receive(struct vid_server *s, struct vid_pool *p, struct quorum q, node_id self,
                        node_id from, enum vid_vote vote, const struct hash *root,
                        struct vid_server_effects *out)
{
    assert(vote >= VID_GOT && vote <= VID_COMPLETE);
    assert(from < q.n);
    assert(from != self);
    *out = (struct vid_server_effects){.fault = FAULT_NONE};
    if (s->complete)
        return;

    const struct vid_tally *t = tally_find(s, p, root);
    if (tally_has(t, from, vote))
        return;
    /* Correct nodes are ready for one root and complete with the same. */
    if (has_voted(s, from, vote) ||
        (vote == VID_COMPLETE && has_voted(s, from, VID_READY) && !tally_has(t, from, VID_READY))) {
        out->fault = FAULT_EQUIVOCATION;
        return;
    }
    apply_rules(s, p, q, self, tally_add(s, p, from, vote, root), out);
}

void vid_server_recall(struct vid_server *s, struct vid_pool *p, node_id self, enum vid_vote vote,
                       const struct hash *root)
{
    switch (vote) {
    case VID_GOT:
        assert(!s->sent_got);
        s->sent_got = true;
        s->got_root = *root;
        break;
    case VID_READY:
        assert(!s->sent_ready);
        s->sent_ready = true;
        s->ready_root = *root;
        break;
    case VID_COMPLETE:
        assert(!s->complete);
        complete(s, p, root);
        break;
    }
    if (!s->complete)
        tally_add(s, p, self, vote, root);
}

bool vid_server_said(const struct vid_server *s, const struct vid_pool *p, node_id from,
                     enum vid_vote vote, struct hash *root)
{
    const struct vid_tally *t = tally_at(p, s->tallies);
    while (t && !tally_has(t, from, vote))
        t = tally_at(p, t->next);
    if (t)
        *root = t->root;
    return t;
}

void vid_server_forget(struct vid_server *s, struct vid_pool *p, node_id from)
{
    for (unsigned v = 0; v < 3; v++)
        nodeset_remove(&s->voted[v], from);
    for (uint32_t *link = &s->tallies; *link;) {
        struct vid_tally *t = tally_at(p, *link);
        bool empty = true;
        for (unsigned v = 0; v < 3; v++) {
            nodeset_remove(&t->votes[v], from);
            empty = empty && nodeset_empty(&t->votes[v]);
        }
        if (empty)
            tally_give(p, link);
        else
            link = &t->next;
    }
}

void vid_server_release(struct vid_server *s, struct vid_pool *p)
{
    while (s->tallies)
        tally_give(p, &s->tallies);
    memset(s->voted, 0, sizeof s->voted);
}
