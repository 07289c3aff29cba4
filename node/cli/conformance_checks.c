/* The checks, each in a run of its own. */
#include <stdio.h>

#include "node/cli/conformance.h"

int check_first_hello(struct conformance *c)
{
    struct subject *s = &c->subject;
    uint64_t epoch;
    if (subject_start(s) || ask_hello(s, &c->chain, SUBJECT_START_MS, &epoch, &c->beginning))
        return -1;
    return run_hello(c, SUBJECT_ANSWER_MS);
}

int check_reference(struct conformance *c)
{
    size_t of[4] = {0};
    char root[2 * HASH_SIZE + 1];
    c->reference = true;
    const int result = run_all(c);
    c->reference = false;
    if (result)
        return -1;
    for (size_t k = 0; k < c->count; k++)
        of[c->outcomes[k]]++;
    if (of[1] == 0)
        return subject_why(&c->subject, "none of the transactions is executed: give some that are");
    hex_encode(hash_slice(&c->epochs[c->epoch_count - 1].root), root);
    snprintf(c->remark, sizeof c->remark,
             ": %zu epochs, %zu transactions executed, %zu failed, %zu refused; root %s",
             c->epoch_count, of[1], of[2], of[3], root);
    return 0;
}

int check_parts(struct conformance *c)
{
    c->parts = true;
    return run_all(c);
}

/* From some byte of it to the next blank: what an application keeps may be named by such a word. */
static struct slice word_of(struct conformance *c, struct slice t)
{
    size_t from = conformance_below(c, t.size), end;
    while (t.data[from] == ' ' && from + 1 < t.size)
        from++;
    while (from > 0 && t.data[from - 1] != ' ' && conformance_below(c, 8) > 0)
        from--;
    for (end = from; end < t.size && t.data[end] != ' ';)
        end++;
    return slice_of(t.data + from, end - from);
}

static int ask_aside(struct conformance *c)
{
    const struct slice t = c->transactions[conformance_below(c, c->count)];
    const bool check = conformance_below(c, 2) == 0, whole = check && conformance_below(c, 4) > 0;
    const char *const word = check ? "check" : "query";
    if (send_aside(&c->subject, word, whole ? t : word_of(c, t)))
        return -1;
    if (conformance_below(c, 2) == 0)
        return receive_aside(&c->subject, word);
    c->aside = word; /* Its answer is awaited after that of the request. */
    return 0;
}

int check_asides(struct conformance *c)
{
    c->parts = true;
    c->between = ask_aside;
    return run_all(c);
}

static int hello_executed(struct conformance *c, size_t k)
{
    const struct planned_epoch *e = &c->epochs[k];
    return run_execute(c, e, 1 + conformance_below(c, e->count)) ? -1
                                                                 : run_hello(c, SUBJECT_ANSWER_MS);
}

int check_hello_executed(struct conformance *c)
{
    c->parts = true;
    c->before = hello_executed;
    return run_all(c);
}

static int hello_finished(struct conformance *c, size_t k)
{
    struct planned_epoch *e = &c->epochs[k];
    return run_execute(c, e, e->count) || run_finish(c, e) ? -1 : run_hello(c, SUBJECT_ANSWER_MS);
}

int check_hello_finished(struct conformance *c)
{
    c->before = hello_finished;
    return run_all(c);
}

static int unknown(struct conformance *c) { return ask_unknown(&c->subject); }

int check_greeting(struct conformance *c)
{
    struct subject *s = &c->subject;
    return subject_empty(s) || subject_start(s) || ask_ungreeted(s, c->transactions[0]) ||
                   subject_empty(s)
               ? -1
               : 0;
}

int check_unknown(struct conformance *c)
{
    c->parts = true;
    c->between = unknown;
    return run_all(c);
}

/* As the reference run, in the directory that is emptied after kills. */
int check_anew(struct conformance *c) { return run_all(c); }
