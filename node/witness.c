/* What a node that lost its data says of agreements from before: that they are over, and how.
 *
 * It began with a snapshot, has no outcomes of the epochs through it, and says nothing in them: what
 * it says may differ from what it has said. But a node that was away meanwhile closes an agreement
 * with 2f+1 TERM, and there may be no more than 2f+1 nodes there, this one among them. TERM of f+1
 * others is what was decided, by at least one correct node; had this one said TERM, it was the same.
 * So when it is asked for an epoch of that kind it asks the others, and once f+1 say the same of all
 * agreements of the epoch that is its outcome here too, on disk before it is told. TERM alone: no
 * other vote is ever said of such an epoch, nor a GOT, so that a block that the other begins in one
 * takes N-f nodes without this one.
 *
 * One epoch at a time for each who asks, the least of his window: a liar's keeps nobody else's from
 * its turn. */
#include "node/core.h"

#include <string.h>

static void forget(const struct node *n, struct witness *w)
{
    memset(w->said[0], 0, n->quorum.n * sizeof *w->said[0]);
    memset(w->said[1], 0, n->quorum.n * sizeof *w->said[1]);
}

void witness_want(struct node *n, node_id asker, epoch_id epoch, struct effects *out)
{
    struct witness *w = &n->witnesses[asker];
    const epoch_id first = n->peers[asker].word.first_unsealed;
    if (epoch > n->silent || epoch < first || epoch >= first + n->options.epoch_window)
        return;
    const bool over = w->epoch < first || (w->told && epoch > w->epoch);
    if (!over && (epoch != w->epoch || w->told || n->now_ms < w->asked_ms + n->options.retry_ms))
        return;
    if (over) {
        w->epoch = epoch;
        w->told = false;
        forget(n, w);
    }
    w->asked_ms = n->now_ms;
    struct effect *send = effects_add(out, EFFECT_SEND, epoch, 0);
    send->to = TO_ALL;
    send->message = (struct message){
        .kind = MESSAGE_WANT_VOTES, .epoch = epoch, .want_votes = {nodeset_full(n->quorum.n)}};
}

/* Whether f+1 say the same of each agreement of the epoch, and what. */
static bool is_over(const struct node *n, const struct witness *w, struct nodeset *accepted)
{
    const unsigned some = quorum_some(n->quorum);
    *accepted = (struct nodeset){0};
    for (unsigned j = 0; j < n->quorum.n; j++) {
        if (nodeset_count(&w->said[1][j]) >= some)
            nodeset_add(accepted, j);
        else if (nodeset_count(&w->said[0][j]) < some)
            return false;
    }
    return true;
}

void witness_votes(struct node *n, node_id from, const struct message *m, struct effects *out)
{
    const struct ba_message *v = &m->votes.vote;
    if (m->epoch > n->silent || v->type != BA_TERM || (v->values != BA_ZERO && v->values != BA_ONE))
        return;
    for (unsigned p = 0; p < n->quorum.n; p++) {
        struct witness *w = &n->witnesses[p];
        struct nodeset accepted;
        if (w->epoch != m->epoch || w->told)
            continue;
        for (unsigned j = nodeset_next(&m->votes.proposers, 0); j < n->quorum.n;
             j = nodeset_next(&m->votes.proposers, j + 1))
            nodeset_add(&w->said[v->values == BA_ONE][j], from);
        if (!is_over(n, w, &accepted))
            continue;
        w->told = true;
        struct effect *record = effects_add(out, EFFECT_RECORD_OUTCOME, w->epoch, 0);
        record->outcome.accepted = accepted;
        record->outcome.first_unsealed = 0;
        struct effect *answer = effects_add(out, EFFECT_ANSWER_VOTES, w->epoch, 0);
        answer->to = (node_id)p;
        answer->answer.proposers = nodeset_full(n->quorum.n);
    }
}
