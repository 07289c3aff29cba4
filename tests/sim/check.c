#include "tests/sim/check.h"

#include <stdio.h>
#include <stdlib.h>

struct check *check_new(struct quorum q, enum node_mode mode)
{
    struct check *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->quorum = q;
    c->rules = mode_rules(mode);
    c->roots = calloc(CHECK_EPOCHS, sizeof *c->roots);
    c->contents = calloc(CHECK_EPOCHS, sizeof *c->contents);
    c->positions = calloc(CHECK_POSITIONS, sizeof *c->positions);
    if (!c->roots || !c->contents || !c->positions)
        abort();
    return c;
}

void check_free(struct check *c)
{
    free(c->roots);
    free(c->contents);
    free(c->positions);
    free(c);
}

static void fail(struct check *c, node_id who, const char *what, epoch_id epoch, node_id proposer)
{
    if (!c->failure[0])
        snprintf(c->failure, sizeof c->failure, "node %u: %s (epoch %llu, proposer %u)", who, what,
                 (unsigned long long)epoch, proposer);
}

static void check_bits(struct check *c, node_id who, epoch_id e, const struct nodeset *decided,
                       const struct nodeset *ones)
{
    for (unsigned j = nodeset_next(decided, 0); j < NODES_MAX; j = nodeset_next(decided, j + 1)) {
        const bool one = nodeset_has(ones, j);
        if (nodeset_add(&c->decided[e], j)) {
            if (one)
                nodeset_add(&c->ones[e], j);
        } else if (nodeset_has(&c->ones[e], j) != one) {
            fail(c, who, "decides another bit", e, (node_id)j);
        }
    }
    if (nodeset_count(&c->decided[e]) == c->quorum.n &&
        nodeset_count(&c->ones[e]) < quorum_all(c->quorum))
        fail(c, who, "fewer than N-f are accepted", e, 0);
}

void check_node(struct check *c, node_id who, const struct node *n)
{
    const struct word word = node_word(n);
    for (epoch_id e = word.first_unsealed; e < word.first_unsealed + EPOCH_WINDOW_MAX; e++) {
        struct nodeset decided, ones;
        if (e >= CHECK_EPOCHS || !node_epoch_decisions(n, e, &decided, &ones))
            break;
        check_bits(c, who, e, &decided, &ones);
        for (unsigned j = 0; j < c->quorum.n; j++) {
            struct hash root;
            if (!node_completed(n, e, (node_id)j, &root))
                continue;
            if (nodeset_add(&c->root_known[e], j))
                c->roots[e][j] = root;
            else if (!hash_equal(&c->roots[e][j], &root))
                fail(c, who, "completes with another root", e, (node_id)j);
        }
    }
}

void check_proposed(struct check *c, node_id who, const struct node *n, epoch_id epoch,
                    uint32_t count, const struct hash *content)
{
    struct node_view view;
    node_view(n, &view);
    if (c->rules.in_step && view.delivering < epoch)
        fail(c, who, "proposes before all before it is here", epoch, who);
    if (c->rules.coupled && count > 0 && view.word.agreed > view.word.executed + COUPLED_LAG)
        fail(c, who, "proposes transactions while it is behind", epoch, who);
    if (epoch >= CHECK_EPOCHS)
        return;
    nodeset_add(&c->proposed[epoch], who);
    c->contents[epoch][who] = *content;
}

void check_delivery(struct check *c, node_id who, const struct delivery *d, bool correct,
                    const struct hash *content)
{
    if (d->position >= CHECK_POSITIONS || d->epoch >= CHECK_EPOCHS) {
        fail(c, who, "goes further than the checker can follow", d->epoch, d->proposer);
        return;
    }
    if (!c->rules.links && d->epoch != d->with_epoch)
        fail(c, who, "links in a mode without", d->epoch, d->proposer);
    if (d->position > c->position_count)
        fail(c, who, "leaves out a position", d->epoch, d->proposer);
    struct check_position *p = &c->positions[d->position];
    if (!p->known) {
        *p = (struct check_position){true,        d->valid,      d->epoch, d->with_epoch,
                                     d->proposer, d->commitment, *content};
        c->position_count = d->position + 1;
        if (!nodeset_add(&c->delivered[d->epoch], d->proposer))
            fail(c, who, "delivers a dispersal twice", d->epoch, d->proposer);
    } else if (p->epoch != d->epoch || p->proposer != d->proposer || p->valid != d->valid ||
               p->with_epoch != d->with_epoch || !hash_equal(&p->commitment, &d->commitment) ||
               !hash_equal(&p->content, content)) {
        fail(c, who, "delivers another block in this place", d->epoch, d->proposer);
    }
    if (correct && (!d->valid || !nodeset_has(&c->proposed[d->epoch], d->proposer) ||
                    !hash_equal(&c->contents[d->epoch][d->proposer], content)))
        fail(c, who, "delivers what a correct node did not propose", d->epoch, d->proposer);
    if (nodeset_has(&c->root_known[d->epoch], d->proposer) &&
        !hash_equal(&c->roots[d->epoch][d->proposer], &d->commitment))
        fail(c, who, "delivers another root than completed", d->epoch, d->proposer);
}
