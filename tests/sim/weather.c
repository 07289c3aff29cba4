/* What a seed draws: the weather, and what becomes of it. */
#include "storage/store_memory.h"
#include "tests/sim/cluster.h"

enum { FIRE_US = 20000000 };

unsigned sim_draw_size(struct sim *s)
{
    static const unsigned sizes[] = {4, 5, 6, 7, 8, 10, 16};
    const unsigned size = sizes[prng_below(&s->prng, 7)];
    struct prng p; /* Another, so that other seeds stay what they are. */
    prng_init(&p, s->options.seed + 1);
    return prng_chance(&p, 1, 20) ? 1 + (unsigned)prng_below(&p, 3)
                                  : size; /* f = 0 is a size, too. */
}

void sim_draw_weather(struct sim *s)
{
    static const uint32_t delays[] = {300, 2000, 20000, 100000};
    static const uint32_t works[] = {0, 500, 5000, 40000};
    struct prng *p = &s->prng;
    s->delay_us = delays[prng_below(p, 4)];
    s->work_us = works[prng_below(p, 4)];
    s->execute_us = works[prng_below(p, 4)];
    s->loss_per_mille = prng_chance(p, 1, 2) ? (uint32_t)prng_below(p, 100) : 0;
    s->repeat_per_mille = prng_chance(p, 1, 2) ? (uint32_t)prng_below(p, 100) : 0;
    s->crash_per_mille = prng_chance(p, 1, 2) ? (uint32_t)prng_below(p, 60) : 0;
    s->partition_per_mille = prng_chance(p, 1, 2) ? (uint32_t)prng_below(p, 60) : 0;
    for (unsigned k = 0; k < s->quorum.n; k++)
        s->bytes_per_s[k] = prng_chance(p, 1, 3) ? 50000 + prng_below(p, 1000000) : 0;
    s->submissions = 20 + prng_below(p, 60);
    s->fire_us = FIRE_US;
}

/* Chunks of several pieces. */
static void draw_large(struct sim *s)
{
    s->large = true;
    s->tally->large++;
    for (unsigned k = 0; k < s->quorum.n; k++)
        s->bytes_per_s[k] *= 20;
}

/* Many epochs: histories move on, runs of what completed become many. */
static void draw_long(struct sim *s, struct prng *p)
{
    s->tally->many_epochs++;
    s->fire_us = 3 * FIRE_US;
    s->submissions *= 10;
    s->delay_us = s->delay_us > 2000 ? 2000 : s->delay_us;
    s->work_us = s->work_us > 500 ? 500 : s->work_us;
    s->link_horizon = prng_chance(p, 1, 2) ? 16 : 2000;
    s->many_epochs = true;
}

/* From numbers of its own: a seed is the same weather in every mode. */
void sim_draw_mode(struct sim *s)
{
    struct prng p;
    prng_init(&p, ~s->options.seed);
    const enum node_mode drawn =
        prng_chance(&p, 1, 2) ? MODE_DL : (enum node_mode)prng_below(&p, MODES);
    if (s->options.mode == MODES)
        s->options.mode = drawn;
    s->fetch_all = prng_chance(&p, 1, 4);
    s->link_horizon = prng_chance(&p, 1, 8) ? 16 : 2000; /* Few see 2000 epochs. */
    s->lag_target_ms = prng_chance(&p, 1, 2) ? 1000 : 30000;
    static const uint32_t commits[] = {0, 0, 1000, 20000};
    s->commit_us = commits[prng_below(&p, 4)];
    s->tally->slow_disks += s->commit_us > 0;
    static const unsigned windows[] = {2, 4, 8, 8};
    s->epoch_window = windows[prng_below(&p, 4)];
    const bool large = prng_chance(&p, 1, 10), many = prng_chance(&p, 1, 8);
    if (large && s->quorum.n <= 8)
        draw_large(s);
    else if (many && s->quorum.n <= 5)
        draw_long(s, &p);
    s->tally->runs[s->options.mode]++;
    s->tally->fetch_all += s->fetch_all;
}

/* In the middle of a batch: at one of the store's next calls. It is full, or it fails; and when
 * that is the commit, the disk may have it all the same. */
static void break_disk(struct sim *s, struct sim_node *n)
{
    struct prng *p = &s->prng;
    const bool full = prng_chance(p, 1, 4);
    store_memory_fail(n->store, 1 + (unsigned)prng_below(p, 40), full ? STORE_FULL : STORE_IO);
    if (!full && prng_chance(p, 1, 2))
        store_memory_unsure(n->store);
}

void sim_weather(struct sim *s)
{
    struct prng *p = &s->prng;
    if (prng_chance(p, s->crash_per_mille, 1000)) {
        /* Any number may crash, all of them too: the ledger goes on when they are back. */
        const bool all = prng_chance(p, 1, 8);
        const unsigned one = (unsigned)prng_below(p, sim_places(s));
        for (unsigned k = 0; k < sim_places(s); k++) {
            struct sim_node *n = &s->nodes[k];
            if (!n->up || (!all && k != one))
                continue;
            if (prng_chance(p, 1, 2))
                sim_crash(s, n);
            else
                break_disk(s, n);
        }
    }
    if (s->twins && prng_chance(p, 1, 10))
        for (unsigned k = 0; k < s->quorum.n; k++)
            if (prng_chance(p, 1, 2) && !nodeset_add(&s->twin_side, k))
                nodeset_remove(&s->twin_side, k);
    if (!nodeset_empty(&s->side)) {
        if (prng_chance(p, 1, 20))
            s->side = (struct nodeset){0};
    } else if (prng_chance(p, s->partition_per_mille, 1000)) {
        for (unsigned k = 0; k < s->quorum.n; k++)
            if (prng_chance(p, 1, 3))
                nodeset_add(&s->side, k);
        s->tally->partitions += !nodeset_empty(&s->side);
    }
}

void sim_heal(struct sim *s)
{
    s->healed = true;
    s->side = (struct nodeset){0};
    for (unsigned k = 0; k < s->quorum.n; k++)
        s->bytes_per_s[k] = 0;
    for (unsigned k = 0; k < sim_places(s) && s->options.fail_call == 0; k++)
        if (s->nodes[k].up)
            store_memory_fail(s->nodes[k].store, 0, 0);
}
