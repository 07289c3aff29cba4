#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "node/accounts.h"
#include "node/cli/inspect.h"

struct compare {
    const struct inspection *a;
    const struct inspection *b;
    char *text;
};

__attribute__((format(printf, 2, 3))) static int differ(const struct compare *c, const char *format,
                                                        ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(c->text, INSPECT_TEXT_MAX, format, values);
    va_end(values);
    return -1;
}

/* What of two entries is not the same, or NULL. */
static const char *difference(const struct executor_entry *a, const struct executor_entry *b)
{
    const struct delivery *x = &a->delivery;
    const struct delivery *y = &b->delivery;
    if (x->epoch != y->epoch)
        return "the epoch";
    if (x->proposer != y->proposer)
        return "the proposer";
    if (!hash_equal(&x->commitment, &y->commitment))
        return "the commitment";
    if (x->valid != y->valid)
        return "whether the block is bad";
    if (a->count != b->count)
        return "the number of transactions";
    if (!hash_equal(&a->root, &b->root))
        return "the root over transactions and outcomes";
    if (x->with_epoch != y->with_epoch)
        return "the epoch that delivered it";
    if (a->bytes != b->bytes || a->confirmed != b->confirmed ||
        a->confirmed_bytes != b->confirmed_bytes)
        return "what is counted of it";
    return NULL;
}

/* From where on both have entries without a gap. */
static uint64_t both_from(const struct compare *c)
{
    const uint64_t a = c->a->snapshot ? c->a->head.checkpoint.height : 0;
    const uint64_t b = c->b->snapshot ? c->b->head.checkpoint.height : 0;
    return a > b ? a : b;
}

static int compare_entries(const struct compare *c, uint64_t height)
{
    for (uint64_t position = both_from(c); position < height; position++) {
        struct executor_entry a, b;
        const struct inspection *without = executor_entry(c->a->view, position, &a)   ? c->a
                                           : executor_entry(c->b->view, position, &b) ? c->b
                                                                                      : NULL;
        if (without)
            return differ(c, "position %" PRIu64 ": %s has no entry", position, without->path);
        const char *what = difference(&a, &b);
        if (what)
            return differ(c, "position %" PRIu64 ": %s differs", position, what);
    }
    return 0;
}

/* Each account of the one ledger against the other. */
struct accounts_compare {
    const struct compare *compare;
    struct store_view *of;
    struct store_view *to;
};

static int compare_account(void *context, struct slice key, struct slice value)
{
    const struct accounts_compare *c = context;
    struct identity_public public;
    struct account a, b;
    char name[2 * IDENTITY_PUBLIC_SIZE + 1];
    (void)value;
    if (key.size != sizeof public)
        return differ(c->compare, "an account's key does not decode");
    memcpy(&public, key.data, sizeof public);
    hex_encode(key, name);
    if (accounts_read(c->of, &public, &a) || accounts_read(c->to, &public, &b))
        return differ(c->compare, "account %s: only one has it", name);
    if (a.balance != b.balance)
        return differ(c->compare, "account %s: balance %" PRIu64 " and %" PRIu64, name, a.balance,
                      b.balance);
    if (a.index != b.index || a.sequence.lowest != b.sequence.lowest ||
        a.sequence.used != b.sequence.used)
        return differ(c->compare, "account %s: the numbers used differ", name);
    return 0;
}

static int compare_accounts(const struct compare *c)
{
    const struct slice all = {0};
    struct accounts_compare there = {c, c->a->view, c->b->view};
    struct accounts_compare back = {c, c->b->view, c->a->view};
    return store_view_scan(c->a->view, LEDGER_ACCOUNTS, all, compare_account, &there) ||
                   store_view_scan(c->b->view, LEDGER_ACCOUNTS, all, compare_account, &back)
               ? -1
               : 0;
}

static int compare_states(const struct compare *c)
{
    const struct executor_state *a = &c->a->meta.state;
    const struct executor_state *b = &c->b->meta.state;
    if (a->epoch != b->epoch)
        return differ(c, "executed to epoch %" PRIu64 " and %" PRIu64, a->epoch, b->epoch);
    if (compare_accounts(c))
        return -1;
    if (!hash_equal(&a->log_root, &b->log_root))
        return differ(c, "the log roots differ");
    if (!hash_equal(&a->state_root, &b->state_root))
        return differ(c, "the state roots differ");
    return 0;
}

enum comparison inspection_compare(const struct inspection *a, const struct inspection *b,
                                   char text[INSPECT_TEXT_MAX])
{
    const struct compare c = {a, b, text};
    const uint64_t x = a->meta.state.height;
    const uint64_t y = b->meta.state.height;
    const uint64_t height = x < y ? x : y;

    snprintf(text, INSPECT_TEXT_MAX, "they cannot be read");
    if (!hash_equal(&a->meta.chain, &b->meta.chain) ||
        strcmp(a->meta.application, b->meta.application) != 0) {
        differ(&c, "they are ledgers of different chains");
        return COMPARISON_DIFFERENT;
    }
    if (both_from(&c) > height) {
        differ(&c, "%s ends at height %" PRIu64 ", before the other one's snapshot",
               x < y ? a->path : b->path, height);
        return COMPARISON_DIFFERENT;
    }
    if (compare_entries(&c, height) || (x == y && compare_states(&c)))
        return COMPARISON_DIFFERENT;
    if (x == y) {
        snprintf(text, INSPECT_TEXT_MAX, "identical");
        return COMPARISON_SAME;
    }
    snprintf(text, INSPECT_TEXT_MAX, "equal up to height %" PRIu64 ", where %s ends", height,
             x < y ? a->path : b->path);
    return COMPARISON_PREFIX;
}
