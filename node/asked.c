#include "node/asked.h"

bool asked_hear(struct asked *a, node_id from, epoch_id epoch)
{
    if (a->alike && epoch % (ASKED_GRID * a->every) != 0)
        return false;
    a->of[from] = epoch;
    return true;
}

void asked_made(struct asked *a, epoch_id made, uint64_t now_ms)
{
    for (unsigned p = 0; p < NODES_MAX; p++)
        if (a->of[p] > 0 && a->of[p] <= made) {
            a->of[p] = 0;
            a->made_ms[p] = now_ms;
        }
}

epoch_id asked_after(const struct asked *a, epoch_id epoch, uint64_t took_ms, uint64_t now_ms)
{
    const uint64_t times = ASKED_REST_TIMES * took_ms;
    const uint64_t rest_ms = times > ASKED_REST_MS ? times : ASKED_REST_MS;
    epoch_id least = 0;
    for (unsigned p = 0; p < NODES_MAX; p++) {
        const bool rests = p != a->self && a->made_ms[p] != 0 && now_ms < a->made_ms[p] + rest_ms;
        if (a->of[p] > epoch && (least == 0 || a->of[p] < least) && !rests)
            least = a->of[p];
    }
    return least;
}

epoch_id asked_choose(const struct asked *a, epoch_id chosen, epoch_id passed, epoch_id now,
                      epoch_id least)
{
    if (chosen > passed && chosen >= least)
        return chosen;
    const uint64_t grid = ASKED_GRID * a->every, ahead = ASKED_AHEAD * a->every;
    const epoch_id from = now + (ahead > ASKED_AHEAD_EPOCHS ? ahead : ASKED_AHEAD_EPOCHS);
    return ((from > least ? from : least) + grid - 1) / grid * grid;
}
