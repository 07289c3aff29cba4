/* The application is killed, and has to go on from its last commit. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "node/cli/conformance.h"

enum { COMMIT_US_MIN = 200 /* To spread kills over. */ };

#define POINT_MAP(X)                                  \
    X(POINT_BEFORE, "before an epoch")                \
    X(POINT_EXECUTED, "in the middle of an epoch")    \
    X(POINT_FINISHED, "after finish")                 \
    X(POINT_COMMITTING, "while commit was under way") \
    X(POINT_COMMITTED, "after commit was answered")

enum point {
#define X(value, text) value,
    POINT_MAP(X)
#undef X
        POINT_COUNT
};

static const char *const point_texts[] = {
#define X(value, text) [value] = text,
    POINT_MAP(X)
#undef X
};

/* Goes so far with the epoch. */
static int go_to(struct conformance *c, struct planned_epoch *e, enum point p)
{
    if (p == POINT_BEFORE)
        return 0;
    if (p == POINT_COMMITTED)
        return run_epoch(c, e);
    if (run_execute(c, e, p == POINT_EXECUTED ? 1 + conformance_below(c, e->count) : e->count))
        return -1;
    if (p == POINT_EXECUTED)
        return 0;
    if (run_finish(c, e))
        return -1;
    if (p == POINT_FINISHED)
        return 0;
    if (send_commit(&c->subject, e->number))
        return -1;
    const uint64_t commit_us = c->commit_us > COMMIT_US_MIN ? c->commit_us : COMMIT_US_MIN;
    if (conformance_below(c, 4) > 0) /* Else at once, since one may be faster than any sleep. */
        usleep((useconds_t)conformance_below(c, commit_us));
    return 0;
}

/* It may have committed, or not: the protocol leaves it open, if the answer did not come. */
static int hello_either(struct conformance *c, const struct planned_epoch *e)
{
    uint64_t epoch;
    struct hash root;
    if (ask_hello(&c->subject, &c->chain, SUBJECT_START_MS, &epoch, &root))
        return -1;
    if (epoch == e->number)
        c->committed++;
    return run_hello(c, SUBJECT_ANSWER_MS); /* Compares it with one of the two. */
}

static int restart(struct conformance *c, const struct planned_epoch *e, enum point p)
{
    subject_kill(&c->subject);
    if (p == POINT_COMMITTING && commit_was_answered(&c->subject)) {
        c->committed++;
        p = POINT_COMMITTED;
    }
    c->killed++;
    snprintf(c->context, sizeof c->context, "kill %" PRIu64 ", %s (epoch %" PRIu64 "): ", c->killed,
             point_texts[p], e->number);
    if (subject_start(&c->subject))
        return -1;
    return p == POINT_COMMITTING ? hello_either(c, e) : run_hello(c, SUBJECT_START_MS);
}

static int kill_at(struct conformance *c, size_t k)
{
    struct planned_epoch *e = &c->epochs[k];
    const enum point p = (enum point)(c->killed % POINT_COUNT);
    if (c->killed == c->kills || conformance_below(c, 4) == 0)
        return 0;
    if (go_to(c, e, p) || restart(c, e, p))
        return -1;
    if (p == POINT_COMMITTING)
        c->half_way[c->committed > k]++;
    return 0;
}

int check_kills(struct conformance *c)
{
    c->parts = true;
    c->before = kill_at;
    while (c->killed < c->kills)
        if (run_all(c))
            return -1;
    snprintf(c->remark, sizeof c->remark,
             ": %" PRIu64 " times; while commit was under way, %" PRIu64
             " times it had committed, and %" PRIu64 " times not",
             c->killed, c->half_way[1], c->half_way[0]);
    return 0;
}
