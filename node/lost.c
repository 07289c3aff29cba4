#include "node/lost.h"

void lost_note(struct word words[], node_id from, const struct word *word)
{
    struct word *w = &words[from];
    if (word->first_unsealed > w->first_unsealed)
        w->first_unsealed = word->first_unsealed;
    if (word->agreed > w->agreed)
        w->agreed = word->agreed;
    if (word->executed > w->executed)
        w->executed = word->executed;
}

unsigned lost_heard(const struct word words[], struct quorum q, node_id self, unsigned *moved)
{
    unsigned count = 0;
    *moved = 0;
    for (unsigned p = 0; p < q.n; p++) {
        const bool said = p != self && words[p].first_unsealed > 0;
        count += said;
        *moved += said && words[p].agreed > 0;
    }
    return count;
}

epoch_id lost_least(const struct word words[], struct quorum q, node_id self, uint64_t window)
{
    unsigned moved;
    const unsigned heard = lost_heard(words, q, self, &moved);
    epoch_id open = 0;
    if (heard < quorum_all(q) || q.f == 0)
        return 0;
    const unsigned rank = q.f + 1 - (q.n - 1 - heard);
    for (unsigned p = 0; p < q.n; p++) { /* The greatest that so many have reached. */
        unsigned reached = 0;
        for (unsigned other = 0; other < q.n; other++)
            reached += other != self && words[other].first_unsealed >= words[p].first_unsealed;
        if (p != self && reached >= rank && words[p].first_unsealed > open)
            open = words[p].first_unsealed;
    }
    return open < UINT64_MAX - 2 * window ? open + 2 * window : UINT64_MAX;
}
