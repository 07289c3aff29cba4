/* The state is taken out record by record, and put into an application that has another, or none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/conformance.h"

enum { RECORDS_A_REQUEST = 16 };

/* What was dumped, record after record. */
struct records {
    uint8_t *bytes;
    size_t size, count;
    size_t *ends;
};

static void add(struct records *r, struct slice record)
{
    r->bytes = realloc(r->bytes, r->size + record.size);
    r->ends = realloc(r->ends, (r->count + 1) * sizeof *r->ends);
    if (!r->bytes || !r->ends)
        abort();
    memcpy(r->bytes + r->size, record.data, record.size);
    r->size += record.size;
    r->ends[r->count++] = r->size;
}

static struct slice record_of(const struct records *r, size_t k)
{
    const size_t from = k > 0 ? r->ends[k - 1] : 0;
    return slice_of(r->bytes + from, r->ends[k] - from);
}

static void forget(struct records *r)
{
    free(r->bytes);
    free(r->ends);
    *r = (struct records){0};
}

static int dump(struct conformance *c, struct records *r)
{
    struct slice record;
    for (;;) {
        if (ask_dump(&c->subject, r->count, &record))
            return -1;
        if (record.size == 0)
            return 0;
        add(r, record);
        if (r->size > SUBJECT_DUMP_MAX)
            return subject_why(&c->subject,
                               "its records are more than %d bytes: give fewer "
                               "transactions",
                               SUBJECT_DUMP_MAX);
    }
}

static bool same(const struct records *a, const struct records *b)
{
    if (a->count != b->count || a->size != b->size)
        return false;
    return a->count == 0 || (memcmp(a->ends, b->ends, a->count * sizeof *a->ends) == 0 &&
                             memcmp(a->bytes, b->bytes, a->size) == 0);
}

static int dump_alike(struct conformance *c, const struct records *expected, const char *when)
{
    struct records r = {0};
    const int result = dump(c, &r);
    const bool alike = same(&r, expected);
    const size_t count = r.count;
    forget(&r);
    if (result || alike)
        return result;
    return subject_why(&c->subject, "its records %s are others than before: %zu, then %zu", when,
                       expected->count, count);
}

static int load(struct conformance *c, const struct records *r, const struct planned_epoch *e)
{
    if (ask_restore(&c->subject, e->number, &e->root))
        return -1;
    for (size_t k = 0; k < r->count;) {
        struct slice some[RECORDS_A_REQUEST];
        size_t count = 0;
        while (k < r->count && count < RECORDS_A_REQUEST)
            some[count++] = record_of(r, k++);
        if (ask_load(&c->subject, some, count))
            return -1;
    }
    return 0;
}

static int restore(struct conformance *c, const struct records *r, size_t epochs)
{
    const struct planned_epoch *e = &c->epochs[epochs - 1];
    if (load(c, r, e) || ask_commit(&c->subject, e->number))
        return -1;
    c->committed = epochs;
    return run_hello(c, SUBJECT_ANSWER_MS) ? -1 : dump_alike(c, r, "after it was restored");
}

static int run_rest(struct conformance *c)
{
    while (c->committed < c->epoch_count)
        if (run_epoch(c, &c->epochs[c->committed]))
            return -1;
    return 0;
}

/* The node dies before commit, then the application: it is as it was. */
static int restore_and_kill(struct conformance *c, const struct records *r, size_t epochs)
{
    snprintf(c->context, sizeof c->context, "hello while it was restored: ");
    if (load(c, r, &c->epochs[epochs - 1]) || run_hello(c, SUBJECT_ANSWER_MS) ||
        load(c, r, &c->epochs[epochs - 1]))
        return -1;
    subject_kill(&c->subject);
    snprintf(c->context, sizeof c->context, "killed while it was restored: ");
    if (subject_start(&c->subject) || run_hello(c, SUBJECT_START_MS))
        return -1;
    c->context[0] = '\0';
    return 0;
}

static int dump_and_restore(struct conformance *c, struct records *r, size_t half)
{
    if (dump(c, r) || dump_alike(c, r, "another time") || run_rest(c) || restore(c, r, half) ||
        run_rest(c))
        return -1;
    return run_begin(c) || restore_and_kill(c, r, half) || restore(c, r, half) || run_rest(c) ? -1
                                                                                              : 0;
}

int check_snapshot(struct conformance *c)
{
    struct records r = {0};
    char text[2 * HASH_SIZE + 1];
    const size_t half = (c->epoch_count + 1) / 2;
    bool has;
    if (run_begin(c) || run_epoch(c, &c->epochs[0]) || ask_whether_dump(&c->subject, &has))
        return -1; /* It was asked for one record, and will not be for the next. */
    if (!has) {
        snprintf(c->remark, sizeof c->remark,
                 ": it gives none; a node keeps all that was ever ordered for it");
        return 0;
    }
    while (c->committed < half)
        if (run_epoch(c, &c->epochs[c->committed]))
            return -1;
    const int result = dump_and_restore(c, &r, half);
    const struct hash hash = hash_bytes(slice_of(r.bytes, r.size));
    hex_encode(hash_slice(&hash), text);
    snprintf(c->remark, sizeof c->remark, ": %zu records, %zu bytes, SHA-256 %s", r.count, r.size,
             text);
    forget(&r);
    return result;
}
