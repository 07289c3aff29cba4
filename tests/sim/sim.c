/* One run. */
#include "tests/sim/sim.h"

#include "tests/sim/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TICK_US = 20000,
    WEATHER_US = 50000,
    HEALED_US = 90000000, /* After the fire all must be done within this. */
};

/* A liar that runs twice, perhaps. */
static void draw_twin(struct sim *s, struct prng *p)
{
    for (unsigned k = 0; k < s->quorum.n && !s->twins; k++)
        if (s->nodes[k].liar && prng_chance(p, 1, 4)) {
            s->twins = true;
            s->twin_of = (node_id)k;
        }
    if (!s->twins)
        return;
    struct sim_node *twin = &s->nodes[s->quorum.n];
    *twin = (struct sim_node){.sim = s, .id = s->twin_of, .place = s->quorum.n, .liar = true};
    snprintf(twin->path, sizeof twin->path, "sim/twin");
    store_memory_forget(twin->path);
    liar_init(&twin->lying, p, s->quorum, twin->id, &s->chain, &s->code, &s->identities[twin->id]);
    s->tally->twins++;
}

/* Checkpoints for every fourth seed; that draws nothing, so that the others stay what they were. */
static void make_identities(struct sim *s)
{
    static const unsigned every[] = {1, 2, 5, 16};
    const uint64_t seed = s->options.seed;
    s->checkpoint_epochs = seed % 4 == 3 ? every[seed / 4 % 4] : 0;
    s->identities = calloc(s->quorum.n, sizeof *s->identities);
    s->keys = calloc(s->quorum.n, sizeof *s->keys);
    if (!s->identities || !s->keys)
        abort();
    for (unsigned k = 0; k < s->quorum.n; k++) {
        struct identity_public public;
        s->identities[k].bytes[0] = (uint8_t)(1 + k);
        if (!identity_derive(&s->identities[k], &public) || !identity_parse(&public, &s->keys[k]))
            abort();
    }
}

static struct sim *sim_new(const struct sim_options *o, struct sim_tally *tally)
{
    struct sim *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->options = *o;
    s->tally = tally;
    prng_init(&s->prng, o->seed);
    const unsigned drawn = sim_draw_size(s);
    s->quorum = quorum_of(o->nodes ? o->nodes : drawn);
    code_init(&s->code, s->quorum);
    s->chain = hash_bytes(slice_of(&o->seed, sizeof o->seed));
    s->secrets = calloc(s->quorum.n, sizeof *s->secrets);
    if (!s->secrets || !coin_deal(s->quorum, &s->chain, &s->coin, s->secrets))
        abort();
    make_identities(s);
    sim_draw_weather(s);
    sim_draw_mode(s);
    s->check = check_new(s->quorum, s->options.mode);
    unsigned liars = (unsigned)prng_below(&s->prng, s->quorum.f + 1u);
    for (unsigned k = 0; k < s->quorum.n; k++) {
        struct sim_node *n = &s->nodes[k];
        n->sim = s;
        n->id = n->place = (node_id)k;
        snprintf(n->path, sizeof n->path, "sim/%u", k);
        store_memory_forget(n->path);
        if (liars > 0 && prng_chance(&s->prng, liars, s->quorum.n - k)) {
            n->liar = true;
            liar_init(&n->lying, &s->prng, s->quorum, n->id, &s->chain, &s->code,
                      &s->identities[k]);
            if (s->many_epochs && prng_chance(&s->prng, 1, 2))
                n->lying.lies[LIE_gaps] = n->lying.lies[LIE_many_votes] = true;
            n->lying.lies[LIE_bad_signature] = s->options.seed % 3 == 0;
            n->lying.lies[LIE_other_ledger] = s->options.seed % 3 == 1;
            liars--;
        }
    }
    draw_twin(s, &s->prng);
    return s;
}

static void sim_free(struct sim *s)
{
    for (unsigned k = 0; k < sim_places(s); k++) {
        struct sim_node *n = &s->nodes[k];
        if (n->up)
            sim_node_crash(n);
        if (n->liar) {
            for (unsigned lie = 0; lie < LIES; lie++)
                s->tally->told[lie] += n->lying.told[lie];
            liar_free(&n->lying);
        }
        store_memory_forget(n->path);
        free(n->pool);
        free(n->entries);
        free(n->ids);
    }
    network_free(&s->network);
    check_free(s->check);
    said_free(&s->said);
    free(s->secrets);
    free(s->identities);
    free(s->keys);
    free(s);
}

void sim_crash(struct sim *s, struct sim_node *n)
{
    s->tally->failed_calls += s->options.fail_call > 0 && n->place == 0 && n->life == 0;
    sim_node_crash(n);
    s->tally->crashes++;
    const uint64_t away = prng_chance(&s->prng, 1, 4) ? 5000000 : 200000;
    network_schedule(&s->network,
                     (struct happening){.at_us = s->network.now_us + prng_below(&s->prng, away),
                                        .type = HAPPEN_RESTART,
                                        .node = n->place,
                                        .life = n->life});
}

static void note_catch_up(struct sim *s, struct sim_node *n)
{
    struct word far = {0};
    for (unsigned k = 0; k < s->quorum.n; k++)
        if (s->nodes[k].up && sim_correct(s, k) && k != n->id) {
            const struct word w = node_word(driver_node(s->nodes[k].driver));
            if (w.first_unsealed > far.first_unsealed)
                far = w;
        }
    if (node_word(driver_node(n->driver)).first_unsealed + 8 < far.first_unsealed)
        s->tally->catch_ups++;
}

static void happen_frame(struct sim_node *n, const struct happening *h)
{
    if (n->inbox_count == INBOX_MAX) {
        free(h->bytes);
        return;
    }
    n->inbox[n->inbox_count].from = h->from;
    n->inbox[n->inbox_count].bytes = h->bytes;
    n->inbox[n->inbox_count++].size = h->size;
    sim_wake(n);
}

static void happen_tick(struct sim *s, struct sim_node *n)
{
    sim_wake(n);
    network_schedule(&s->network, (struct happening){.at_us = s->network.now_us + TICK_US,
                                                     .type = HAPPEN_TICK,
                                                     .node = n->place,
                                                     .life = n->life});
}

static void happen_flush(struct sim *s, struct sim_node *n)
{
    n->flush_due = false;
    const int error = sim_node_flush(n);
    if (!error)
        return;
    if (error == DRIVER_OTHER_STATE && !n->liar)
        snprintf(s->failure, sizeof s->failure, "node %u has another ledger than was signed",
                 n->id);
    s->tally->disk_full += error == STORE_FULL;
    s->tally->disk_errors += error == STORE_IO;
    s->tally->unsure_commits += store_memory_was_unsure(n->store);
    sim_crash(s, n);
}

static uint32_t draw_transaction(struct sim *s)
{
    const uint32_t words = LARGE_SIZE / sizeof(uint64_t);
    return s->large ? sizeof(uint64_t) * (2 + (uint32_t)prng_below(&s->prng, words - 2))
                    : TRANSACTION_SIZE;
}

static void happen_submit(struct sim *s)
{
    struct sim_node *n = &s->nodes[prng_below(&s->prng, sim_places(s))];
    if (n->up && s->submitted < s->submissions) {
        const unsigned burst = 1 + (unsigned)prng_below(&s->prng, 8);
        for (unsigned k = 0; k < burst; k++)
            sim_node_submit(n, (uint64_t)n->place << 32 | n->pool_count, draw_transaction(s));
        s->submitted++;
    }
    if (s->submitted < s->submissions && !s->healed)
        network_schedule(&s->network, (struct happening){.at_us = s->network.now_us +
                                                                  prng_below(&s->prng, 300000),
                                                         .type = HAPPEN_SUBMIT});
}

static void happen_restart(struct sim *s, struct sim_node *n)
{
    sim_node_open(n);
    if (!s->failure[0] && sim_correct(s, n->id))
        note_catch_up(s, n);
}

static void happen(struct sim *s, struct happening *h)
{
    struct sim_node *n = &s->nodes[h->node];
    const bool global = h->type == HAPPEN_SUBMIT || h->type == HAPPEN_WEATHER;
    const bool stale = !global && h->type != HAPPEN_RESTART && (h->life != n->life || !n->up);
    if (stale) {
        free(h->bytes);
        job_free(h->job);
        return;
    }
    switch (h->type) {
    case HAPPEN_FRAME: happen_frame(n, h); break;
    case HAPPEN_FLUSH: happen_flush(s, n); break;
    case HAPPEN_TICK: happen_tick(s, n); break;
    case HAPPEN_WORK:
        job_run(h->job);
        driver_worked(n->driver, h->job);
        sim_wake(n);
        break;
    case HAPPEN_EXECUTED: sim_node_executed(n, h->number); break;
    case HAPPEN_SUBMIT: happen_submit(s); break;
    case HAPPEN_WEATHER:
        if (s->healed)
            break;
        sim_weather(s);
        network_schedule(&s->network, (struct happening){.at_us = s->network.now_us + WEATHER_US,
                                                         .type = HAPPEN_WEATHER});
        break;
    case HAPPEN_CRASH: sim_crash(s, n); break;
    case HAPPEN_RESTART: happen_restart(s, n); break;
    }
}

static int compare_ids(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* One of the last that it has executed was signed by f+1. */
static bool has_checkpoint(const struct sim *s, const struct sim_node *n)
{
    enum { LAST = 4 };
    struct node_view v;
    node_view(driver_node(n->driver), &v);
    return s->checkpoint_epochs == 0 || v.word.executed < LAST * s->checkpoint_epochs ||
           v.checkpoint + LAST * s->checkpoint_epochs > v.word.executed;
}

/* Every correct node has executed all that correct nodes took. (A liar may go on proposing for
 * ever, so that heights need not meet.) */
static bool finished(const struct sim *s)
{
    uint64_t taken = 0;
    for (unsigned k = 0; k < s->quorum.n; k++)
        taken += sim_correct(s, k) ? s->nodes[k].pool_count : 0;
    for (unsigned k = 0; k < s->quorum.n; k++) {
        const struct sim_node *n = &s->nodes[k];
        if (sim_correct(s, k) && (!n->up || n->pool_first < n->pool_count ||
                                  n->executed_taken != taken || !has_checkpoint(s, n)))
            return false;
    }
    return true;
}

static const char *check_executed(const struct sim *s)
{
    for (unsigned k = 0; k < s->quorum.n; k++) {
        const struct sim_node *n = &s->nodes[k];
        if (n->liar)
            continue;
        qsort(n->ids, n->id_count, sizeof *n->ids, compare_ids);
        for (size_t i = 1; i < n->id_count; i++)
            if (n->ids[i] == n->ids[i - 1])
                return "a transaction is executed twice";
        for (unsigned j = 0; j < s->quorum.n; j++)
            for (size_t i = 0; sim_correct(s, j) && i < s->nodes[j].pool_count; i++)
                if (!bsearch(&s->nodes[j].pool[i].id, n->ids, n->id_count, sizeof *n->ids,
                             compare_ids))
                    return "a transaction that was taken is not executed";
    }
    return NULL;
}

static void count(struct sim *s)
{
    struct sim_tally *t = s->tally;
    for (unsigned k = 0; k < s->quorum.n; k++) {
        if (!sim_correct(s, k) || !s->nodes[k].up)
            continue;
        struct node_view v;
        node_view(driver_node(s->nodes[k].driver), &v);
        t->rounds_over_2 += v.rounds_max > 2;
        t->late_closed += v.late_closed;
        t->linked += v.linked;
        t->given_up += v.given_up;
        t->held_back += v.held_back;
        t->checkpoints += v.checkpoint > 0;
        t->fetch_retries += v.fetch_retries;
        t->transactions += s->nodes[k].id_count;
        t->blocks += s->nodes[k].executed_entries;
        if (v.word.executed > t->epochs)
            t->epochs = v.word.executed;
    }
}

static enum sim_verdict verdict_of(struct sim *s, char *report, size_t size)
{
    const char *failure = s->failure[0] ? s->failure : s->check->failure;
    if (!failure[0] && finished(s)) {
        const char *wrong = check_executed(s);
        if (!wrong)
            return SIM_PASSED;
        failure = wrong;
    }
    if (failure[0]) {
        snprintf(report, size, "UNSAFE %s n=%u at %.3f s: %s", mode_names[s->options.mode],
                 s->quorum.n, (double)s->network.now_us / 1e6, failure);
        return SIM_UNSAFE;
    }
    int at = snprintf(report, size, "STUCK %s n=%u:", mode_names[s->options.mode], s->quorum.n);
    for (unsigned k = 0; k < s->quorum.n && at > 0 && (size_t)at < size; k++) {
        const struct sim_node *n = &s->nodes[k];
        struct word w = {0};
        if (n->up)
            w = node_word(driver_node(n->driver));
        at += snprintf(report + at, size - (size_t)at, " %u%s(%llu,%llu,%llu pool %zu)", k,
                       n->liar ? "!" : "", (unsigned long long)w.first_unsealed,
                       (unsigned long long)w.agreed, (unsigned long long)w.executed,
                       n->pool_count - n->pool_first);
    }
    return SIM_STUCK;
}

enum sim_verdict sim_run(const struct sim_options *o, struct sim_tally *tally, char *report,
                         size_t report_size)
{
    struct sim *s = sim_new(o, tally);
    for (unsigned k = 0; k < sim_places(s); k++)
        sim_node_open(&s->nodes[k]);
    if (o->fail_call > 0) {
        s->crash_per_mille = 0;
        store_memory_fail(s->nodes[0].store, (unsigned)o->fail_call, o->fail_error);
        if (o->fail_unsure)
            store_memory_unsure(s->nodes[0].store);
    }
    network_schedule(&s->network, (struct happening){.type = HAPPEN_SUBMIT});
    network_schedule(&s->network, (struct happening){.type = HAPPEN_WEATHER});
    uint64_t deadline = s->fire_us;
    struct happening h;
    while (!s->failure[0] && !s->check->failure[0] && network_next(&s->network, &h)) {
        happen(s, &h);
        if (!s->healed && (s->submitted == s->submissions || h.at_us > deadline)) {
            sim_heal(s);
            deadline = h.at_us + HEALED_US;
        }
        if (s->healed && (h.at_us > deadline || (h.type == HAPPEN_EXECUTED && finished(s))))
            break;
    }
    count(s);
    const enum sim_verdict verdict = verdict_of(s, report, report_size);
    sim_free(s);
    return verdict;
}
