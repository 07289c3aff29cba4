#include "ba/toss.h"

#include <string.h>

enum { NEEDED_MAX = (NODES_MAX - 1) / 3 + 1 }; /* f+1 */

/* Tossed rounds are 3 apart: those in a window have places of their own. */
static_assert(TOSS_ROUNDS * 3 > BA_ROUND_AHEAD, "two rounds of a window never meet");

static struct toss_round *place_of(struct toss *t, unsigned round)
{
    return &t->rounds[round / 3 % TOSS_ROUNDS];
}

static const struct toss_round *find(const struct toss *t, unsigned round)
{
    const struct toss_round *r = &t->rounds[round / 3 % TOSS_ROUNDS];
    return r->used && r->round == round ? r : NULL;
}

static void clear(struct toss_round *r) { *r = (struct toss_round){.shares = r->shares}; }

/* The round, begun if need be; NULL when a later one has its place. */
static struct toss_round *open_round(struct toss *t, unsigned round)
{
    struct toss_round *r = place_of(t, round);
    if (r->used && r->round > round)
        return NULL;
    if (!r->used || r->round < round) {
        clear(r);
        r->used = true;
        r->round = (uint8_t)round;
    }
    return r;
}

static void add_all(struct nodeset *target, const struct nodeset *more)
{
    for (unsigned i = 0; i < NODES_MAX / 64; i++)
        target->words[i] |= more->words[i];
}

/* One job at a time, and only when it could succeed: f+1 shares that are not known to be bad,
 * one of which is a correct node's. Not before our own is released, since the value must not be
 * known to us before. */
static void count_if_enough(const struct toss *t, struct toss_round *r, struct toss_effects *out)
{
    unsigned usable = nodeset_count(&r->have) - nodeset_count(&r->bad);
    if (r->released && !r->running && !r->known && usable >= quorum_some(t->quorum)) {
        r->running = true;
        out->count = true;
    }
}

void toss_init(struct toss *t, struct quorum q, node_id self, struct coin_share *shares)
{
    assert(self < q.n);
    *t = (struct toss){.quorum = q, .self = self};
    for (unsigned i = 0; i < TOSS_ROUNDS; i++)
        t->rounds[i].shares = &shares[i * q.n];
}

void toss_advance(struct toss *t, unsigned round)
{
    for (unsigned i = 0; i < TOSS_ROUNDS; i++)
        if (t->rounds[i].used && t->rounds[i].round < round)
            clear(&t->rounds[i]);
}

void toss_release(struct toss *t, unsigned round, struct toss_effects *out)
{
    assert(round < BA_ROUNDS_MAX && ba_round_tossed(round));
    *out = (struct toss_effects){.fault = FAULT_NONE};
    struct toss_round *r = open_round(t, round);
    if (!r || r->released)
        return;
    r->released = true;
    out->make = true;
    count_if_enough(t, r, out);
}

void toss_made(struct toss *t, unsigned round, const struct coin_share *share,
               struct toss_effects *out)
{
    *out = (struct toss_effects){.fault = FAULT_NONE};
    if (!find(t, round))
        return;
    struct toss_round *r = place_of(t, round);
    assert(r->released);
    r->own = true;
    r->shares[t->self] = *share;
    nodeset_add(&r->have, t->self);
    nodeset_add(&r->valid, t->self);
    count_if_enough(t, r, out);
}

void toss_receive(struct toss *t, unsigned own_round, node_id from, unsigned round,
                  const struct coin_share *share, struct toss_effects *out)
{
    assert(from < t->quorum.n);
    assert(from != t->self);
    *out = (struct toss_effects){.fault = FAULT_NONE};
    if (round >= BA_ROUNDS_MAX || !ba_round_tossed(round)) {
        out->fault = FAULT_NOT_ALLOWED;
        return;
    }
    if (round < own_round || round > own_round + BA_ROUND_AHEAD)
        return;
    struct toss_round *r = open_round(t, round);
    if (!r)
        return;
    if (!nodeset_add(&r->have, from)) {
        if (memcmp(&r->shares[from], share, sizeof *share) != 0)
            out->fault = FAULT_EQUIVOCATION;
        return;
    }
    r->shares[from] = *share;
    count_if_enough(t, r, out);
}

void toss_job_fill(const struct toss *t, unsigned round, struct toss_job *job)
{
    const struct toss_round *r = find(t, round);
    assert(r && r->running);
    job->count = 0;
    job->needed = quorum_some(t->quorum);
    job->valid = r->valid;
    for (unsigned pass = 0; pass < 2; pass++) /* Those known to be valid first. */
        for (node_id i = 0; i < t->quorum.n; i++)
            if (nodeset_has(&r->have, i) && !nodeset_has(&r->bad, i) &&
                nodeset_has(&r->valid, i) == (pass == 0)) {
                job->from[job->count] = i;
                job->shares[job->count++] = r->shares[i];
            }
}

void toss_job_run(const struct toss_job *job, const struct coin_public *keys,
                  const struct coin_name *name, struct toss_outcome *outcome)
{
    node_id from[NEEDED_MAX];
    struct coin_share shares[NEEDED_MAX];
    unsigned count = 0;
    assert(job->needed <= NEEDED_MAX);
    *outcome = (struct toss_outcome){.valid = job->valid};
    for (unsigned i = 0; i < job->count && count < job->needed; i++) {
        node_id id = job->from[i];
        if (!nodeset_has(&job->valid, id) && !coin_share_verify(keys, name, id, &job->shares[i])) {
            nodeset_add(&outcome->bad, id);
            continue;
        }
        nodeset_add(&outcome->valid, id);
        from[count] = id;
        shares[count++] = job->shares[i];
    }
    if (count == job->needed) {
        outcome->known = true;
        outcome->value = coin_combine(keys, name, from, shares, count);
    }
}

void toss_counted(struct toss *t, unsigned round, const struct toss_outcome *outcome,
                  struct toss_effects *out)
{
    *out = (struct toss_effects){.fault = FAULT_NONE};
    if (!find(t, round))
        return;
    struct toss_round *r = place_of(t, round);
    assert(r->running);
    r->running = false;
    add_all(&r->valid, &outcome->valid);
    add_all(&r->bad, &outcome->bad);
    if (outcome->known) {
        out->known = r->known = true;
        out->value = r->value = outcome->value;
    }
    count_if_enough(t, r, out);
}

const struct coin_share *toss_own(const struct toss *t, unsigned round)
{
    const struct toss_round *r = find(t, round);
    return r && r->own ? &r->shares[t->self] : NULL;
}
