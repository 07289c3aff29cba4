#include "node/progress.h"

#include <string.h>

void progress_note(struct progress *p, uint64_t at_ms, uint64_t done, uint64_t goal)
{
    if (p->count > 0) {
        const unsigned last = p->count - 1;
        if (done < p->samples[last].done || goal < p->samples[last].goal)
            p->count = 0;
        else if (at_ms < p->samples[last].at_ms + PROGRESS_STEP_MS)
            return;
    }
    if (p->count == PROGRESS_SAMPLES)
        memmove(p->samples, p->samples + 1, --p->count * sizeof *p->samples);
    p->samples[p->count].at_ms = at_ms;
    p->samples[p->count].done = done;
    p->samples[p->count++].goal = goal;
}

bool progress_rates(const struct progress *p, struct progress_rates *rates)
{
    if (p->count < 3)
        return false;
    const unsigned last = p->count - 1;
    const double span_s = (double)(p->samples[last].at_ms - p->samples[0].at_ms) / 1000;
    const double left = (double)p->samples[last].goal - (double)p->samples[last].done;
    rates->done_s = (double)(p->samples[last].done - p->samples[0].done) / span_s;
    rates->goal_s = (double)(p->samples[last].goal - p->samples[0].goal) / span_s;
    rates->gains = rates->done_s > rates->goal_s;
    rates->left_s = rates->gains && left > 0 ? left / (rates->done_s - rates->goal_s) : 0;
    return true;
}
