/* How long an epoch takes here, stage by stage. Dispersal: of our own block, from when it was coded
 * until all know of it. Agreement: from then (or, where our dispersal is not complete, from when it
 * began) until all is decided. Retrieval: from then until all that the epoch delivers is delivered.
 * Execution: from then until that is durable. Nothing is done by these figures: they are for who
 * looks on. */
#include "node/core.h"

/* Those of an epoch, which take the place of what was STAGE_EPOCHS before. */
static struct stage_marks *marks_of(struct node *n, epoch_id epoch)
{
    struct stage_marks *m = &n->stages[epoch % STAGE_EPOCHS];
    if (m->epoch < epoch)
        *m = (struct stage_marks){.epoch = epoch};
    return m->epoch == epoch ? m : NULL;
}

static void took(struct node *n, enum stage stage, uint64_t since_ms)
{
    if (since_ms != 0) /* Else that was before the start. */
        times_add(&n->view.stages[stage], (n->now_ms - since_ms) * 1000);
}

void stages_begun(struct node *n, epoch_id epoch)
{
    struct stage_marks *m = marks_of(n, epoch);
    if (m)
        m->begun_ms = n->now_ms;
}

void stages_complete(struct node *n, epoch_id epoch)
{
    struct stage_marks *m = marks_of(n, epoch);
    if (!m)
        return;
    took(n, STAGE_DISPERSAL, m->begun_ms);
    m->complete_ms = n->now_ms;
}

void stages_agreed(struct node *n, epoch_id epoch)
{
    struct stage_marks *m = marks_of(n, epoch);
    if (!m)
        return;
    took(n, STAGE_AGREEMENT, m->complete_ms ? m->complete_ms : m->begun_ms);
    m->agreed_ms = n->now_ms;
}

void stages_delivered(struct node *n, epoch_id epoch)
{
    struct stage_marks *m = marks_of(n, epoch);
    if (!m)
        return;
    took(n, STAGE_RETRIEVAL, m->agreed_ms);
    m->delivered_ms = n->now_ms;
}

void stages_executed(struct node *n, epoch_id epoch)
{
    const struct stage_marks *m = marks_of(n, epoch);
    if (m)
        took(n, STAGE_EXECUTION, m->delivered_ms);
}
