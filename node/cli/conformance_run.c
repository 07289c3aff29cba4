/* Runs of all epochs, and how what comes of them is compared with the reference run. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "node/cli/conformance.h"
#include "node/cli/workload.h"
#include "node/client/connection.h"

enum { SHOWN = 60 /* Characters of a transaction. */ };

uint64_t conformance_below(struct conformance *c, uint64_t bound)
{
    return random_next(&c->random) % bound;
}

int conformance_why(struct conformance *c, const struct planned_epoch *e, const char *what,
                    const char *expected, const char *came)
{
    return subject_why(&c->subject, "epoch %" PRIu64 ": %s: %s was expected, %s came", e->number,
                       what, expected, came);
}

/* What is done before a request, and what is then awaited after it. */
static int between(struct conformance *c) { return c->between ? c->between(c) : 0; }

static int after(struct conformance *c)
{
    const char *word = c->aside;
    c->aside = NULL;
    return word ? receive_aside(&c->subject, word) : 0;
}

static int compare_root(struct conformance *c, const struct planned_epoch *e, const char *what,
                        const struct hash *expected, const struct hash *came)
{
    char texts[2][2 * HASH_SIZE + 1];
    if (hash_equal(expected, came))
        return 0;
    hex_encode(hash_slice(expected), texts[0]);
    hex_encode(hash_slice(came), texts[1]);
    if (e)
        return conformance_why(c, e, what, texts[0], texts[1]);
    return subject_why(&c->subject, "%s: %s was expected, %s came", what, texts[0], texts[1]);
}

static int compare_outcomes(struct conformance *c, const struct planned_epoch *e, size_t first,
                            size_t count)
{
    static const char *const names[] = {"", "1 (executed)", "2 (failed)", "3 (refused)"};
    for (size_t k = first; k < first + count; k++) {
        char what[SHOWN + 64], shown[SHOWN + 1];
        const struct slice t = c->transactions[k];
        if (c->came[k] == c->outcomes[k])
            continue;
        snprintf(shown, sizeof shown, "%.*s", (int)(t.size < SHOWN ? t.size : SHOWN),
                 (const char *)t.data);
        snprintf(what, sizeof what, "the outcome of \"%s\"", shown);
        return conformance_why(c, e, what, names[c->outcomes[k]], names[c->came[k]]);
    }
    return 0;
}

int run_hello(struct conformance *c, int limit_ms)
{
    const struct planned_epoch *last = c->committed > 0 ? &c->epochs[c->committed - 1] : NULL;
    const uint64_t expected = last ? last->number : 0;
    uint64_t epoch;
    struct hash root;
    if (ask_hello(&c->subject, &c->chain, limit_ms, &epoch, &root))
        return -1;
    if (epoch != expected)
        return subject_why(&c->subject,
                           "hello: epoch %" PRIu64 ", its last commit, was expected, %" PRIu64
                           " came",
                           expected, epoch);
    return compare_root(c, last, "the root that hello tells", last ? &last->root : &c->beginning,
                        &root);
}

int run_begin(struct conformance *c)
{
    c->committed = 0;
    c->context[0] = '\0';
    return subject_empty(&c->subject) || subject_start(&c->subject)
               ? -1
               : run_hello(c, SUBJECT_START_MS);
}

int run_execute(struct conformance *c, const struct planned_epoch *e, size_t count)
{
    for (size_t done = 0; done < count;) {
        const size_t left = count - done, first = e->first + done;
        const size_t part = c->parts ? 1 + conformance_below(c, left) : left;
        if (between(c) ||
            ask_execute(&c->subject, e->number, c->transactions + first, part, c->came + first) ||
            after(c))
            return -1;
        if (c->reference)
            memcpy(c->outcomes + first, c->came + first, part);
        else if (compare_outcomes(c, e, first, part))
            return -1;
        done += part;
    }
    return 0;
}

int run_finish(struct conformance *c, struct planned_epoch *e)
{
    struct hash root;
    if (between(c) || ask_finish(&c->subject, e->number, &root) || after(c))
        return -1;
    if (c->reference)
        e->root = root;
    return compare_root(c, e, "the root that finish tells", &e->root, &root);
}

int run_epoch(struct conformance *c, struct planned_epoch *e)
{
    if (run_execute(c, e, e->count) || run_finish(c, e) || between(c))
        return -1;
    const uint64_t begun_us = clock_us();
    if (ask_commit(&c->subject, e->number))
        return -1;
    if (c->reference)
        c->commit_us += (clock_us() - begun_us) / c->epoch_count;
    c->committed++;
    return after(c);
}

int run_all(struct conformance *c)
{
    if (run_begin(c))
        return -1;
    for (size_t k = 0; k < c->epoch_count; k++) {
        if (c->before && c->before(c, k))
            return -1;
        if (c->committed == k && run_epoch(c, &c->epochs[k]))
            return -1;
    }
    return run_hello(c, SUBJECT_ANSWER_MS);
}
