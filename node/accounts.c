#include "node/accounts.h"

#include "node/application.h"
#include "node/state_tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { ACCOUNT_RECORD_SIZE = 4 * 8, KEY_WORDS = IDENTITY_PUBLIC_SIZE / 4 };

struct slot {
    struct account account; /* First: a found account is its slot. */
    bool occupied;
    bool changed;
};

struct accounts {
    struct store *store;
    uint64_t count; /* Accounts that there are, those not written yet included. */
    unsigned limit; /* Accounts in memory. */
    unsigned held;
    unsigned shift; /* A hash's top bits are its place. */
    unsigned changed_count;
    struct slot *slots;        /* 2^(64 - shift), more than twice the limit. */
    struct slot **changed;     /* limit */
    struct state_leaf *leaves; /* limit */
    uint64_t seed[KEY_WORDS];  /* Random: nobody can choose keys that meet in one place. */
};

static const char count_key[] = "accounts";

enum sequence_place sequence_place(const struct sequence *s, uint64_t number)
{
    if (number < s->lowest)
        return SEQUENCE_USED;
    if (number - s->lowest >= SEQUENCE_WINDOW)
        return SEQUENCE_ABOVE;
    return s->used >> (number - s->lowest) & 1 ? SEQUENCE_USED : SEQUENCE_INSIDE;
}

void sequence_use(struct sequence *s, uint64_t number)
{
    assert(sequence_place(s, number) == SEQUENCE_INSIDE);
    s->used |= 1ull << (number - s->lowest);
    for (; s->used & 1; s->used >>= 1)
        s->lowest++;
}

struct hash account_leaf(const struct account *a)
{
    uint8_t bytes[IDENTITY_PUBLIC_SIZE + 3 * 8];
    struct writer w = writer_of(bytes, sizeof bytes);

    write_bytes(&w, &a->key, sizeof a->key);
    write_u64(&w, a->balance);
    write_u64(&w, a->sequence.lowest);
    write_u64(&w, a->sequence.used);
    return hash_leaf(writer_result(&w));
}

static struct slice key_slice(const struct identity_public *key)
{
    return slice_of(key->bytes, sizeof key->bytes);
}

static int account_decode(struct slice value, const struct identity_public *key, struct account *a)
{
    struct reader r = reader_of(value);
    a->key = *key;
    a->index = read_u64(&r);
    a->balance = read_u64(&r);
    a->sequence.lowest = read_u64(&r);
    a->sequence.used = read_u64(&r);
    return reader_finished(&r) ? 0 : STORE_CORRUPT;
}

static int account_put(struct store *s, const struct account *a)
{
    uint8_t bytes[ACCOUNT_RECORD_SIZE];
    struct writer w = writer_of(bytes, sizeof bytes);

    write_u64(&w, a->index);
    write_u64(&w, a->balance);
    write_u64(&w, a->sequence.lowest);
    write_u64(&w, a->sequence.used);
    struct slice value = writer_result(&w);
    return store_put(s, LEDGER_ACCOUNTS, key_slice(&a->key), &value, 1);
}

int accounts_count(struct store_view *v, uint64_t *count)
{
    struct slice value;
    int error = store_view_get(v, LEDGER_META, slice_of(count_key, sizeof count_key - 1), &value);
    if (error)
        return error;
    struct reader r = reader_of(value);
    *count = read_u64(&r);
    return reader_finished(&r) ? 0 : STORE_CORRUPT;
}

static int count_put(struct store *s, uint64_t count)
{
    uint8_t bytes[8];
    struct writer w = writer_of(bytes, sizeof bytes);
    write_u64(&w, count);
    struct slice value = writer_result(&w);
    return store_put(s, LEDGER_META, slice_of(count_key, sizeof count_key - 1), &value, 1);
}

static bool count_open(struct accounts *a)
{
    struct store_view *view;
    if (store_view_open(a->store, &view))
        return false;
    int error = accounts_count(view, &a->count);
    store_view_close(view);
    return !error || error == STORE_MISSING; /* Missing: before the first commit. */
}

struct accounts *accounts_open(struct store *s, unsigned cached)
{
    unsigned limit = cached ? cached : ACCOUNTS_CACHED;
    unsigned shift = 63;
    struct accounts *a = calloc(1, sizeof *a);

    assert(limit >= 2);
    if (!a)
        return NULL;
    while (1ull << (64 - shift) <= 2ull * limit)
        shift--;
    a->store = s;
    a->limit = limit;
    a->shift = shift;
    a->slots = calloc(1ull << (64 - shift), sizeof *a->slots);
    a->changed = calloc(limit, sizeof(struct slot *));
    a->leaves = calloc(limit, sizeof *a->leaves);
    if (a->slots && a->changed && a->leaves && count_open(a) &&
        getrandom(a->seed, sizeof a->seed, 0) == (ssize_t)sizeof a->seed)
        return a;
    accounts_close(a);
    return NULL;
}

void accounts_close(struct accounts *a)
{
    if (!a)
        return;
    free(a->slots);
    free(a->changed);
    free(a->leaves);
    free(a);
}

int accounts_reserve(struct accounts *a, unsigned count)
{
    assert(count <= a->limit);
    if (a->held + count <= a->limit)
        return 0;
    int error = accounts_flush(a);
    if (error)
        return error;
    memset(a->slots, 0, sizeof *a->slots << (64 - a->shift));
    a->held = 0;
    return 0;
}

/* The slot of a key, or the one where it belongs. Multilinear hashing with a secret seed. */
static struct slot *slot_of(const struct accounts *a, const struct identity_public *key)
{
    struct reader r = reader_of(key_slice(key));
    uint64_t hash = 0;

    for (unsigned i = 0; i < KEY_WORDS; i++)
        hash += a->seed[i] * read_u32(&r);
    uint64_t mask = (1ull << (64 - a->shift)) - 1;
    for (uint64_t place = hash >> a->shift;; place = (place + 1) & mask) {
        struct slot *slot = &a->slots[place];
        if (!slot->occupied || memcmp(&slot->account.key, key, sizeof *key) == 0)
            return slot;
    }
}

int accounts_find(struct accounts *a, const struct identity_public *key, struct account **found)
{
    struct slot *slot = slot_of(a, key);
    struct slice value;

    *found = &slot->account;
    if (slot->occupied)
        return 0;
    assert(a->held < a->limit);
    slot->account = (struct account){.key = *key, .index = ACCOUNT_NEW};
    int error = store_get(a->store, LEDGER_ACCOUNTS, key_slice(key), &value);
    if (!error)
        error = account_decode(value, key, &slot->account);
    if (error && error != STORE_MISSING)
        return error;
    slot->occupied = true;
    a->held++;
    return 0;
}

void accounts_changed(struct accounts *a, struct account *account)
{
    struct slot *slot = (struct slot *)account;
    if (account->index == ACCOUNT_NEW)
        account->index = a->count++;
    if (slot->changed)
        return;
    slot->changed = true;
    a->changed[a->changed_count++] = slot;
}

static int order_by_key(const void *left, const void *right)
{
    const struct slot *const *l = left, *const *r = right;
    return memcmp(&(*l)->account.key, &(*r)->account.key, sizeof(struct identity_public));
}

static int order_by_index(const void *left, const void *right)
{
    const struct state_leaf *l = left, *r = right;
    return (l->index > r->index) - (l->index < r->index);
}

/* In the order of each table, which its pages like best. */
int accounts_flush(struct accounts *a)
{
    unsigned changed = a->changed_count;
    if (!changed)
        return 0;
    qsort(a->changed, changed, sizeof(struct slot *), order_by_key);
    for (unsigned i = 0; i < changed; i++) {
        const struct account *account = &a->changed[i]->account;
        int error = account_put(a->store, account);
        if (error)
            return error;
        a->leaves[i] = (struct state_leaf){account->index, account_leaf(account)};
        a->changed[i]->changed = false;
    }
    a->changed_count = 0;
    qsort(a->leaves, changed, sizeof *a->leaves, order_by_index);
    int error = state_tree_update(a->store, LEDGER_STATE_TREE, a->count, a->leaves, changed);
    return error ? error : count_put(a->store, a->count);
}

int accounts_root(struct accounts *a, struct hash *root)
{
    assert(!a->changed_count);
    return state_tree_root(a->store, LEDGER_STATE_TREE, a->count, root);
}

int accounts_read(struct store_view *v, const struct identity_public *key, struct account *a)
{
    struct slice value;
    int error = store_view_get(v, LEDGER_ACCOUNTS, key_slice(key), &value);
    return error ? error : account_decode(value, key, a);
}

struct each {
    accounts_visit visit;
    void *context;
};

static int visit_record(void *context, struct slice key, struct slice value)
{
    const struct each *each = context;
    struct identity_public public;
    struct account a;
    struct reader r = reader_of(key);
    read_into(&r, public.bytes, sizeof public.bytes);
    if (!reader_finished(&r) || account_decode(value, &public, &a) != 0)
        return STORE_CORRUPT;
    return each->visit(each->context, &a);
}

int accounts_each(struct store_view *v, accounts_visit visit, void *context)
{
    struct each each = {visit, context};
    return store_view_scan(v, LEDGER_ACCOUNTS, (struct slice){0}, visit_record, &each);
}

int accounts_install(struct store *s, const struct account accounts[], unsigned number,
                     uint64_t first, uint64_t count)
{
    struct state_leaf *leaves = calloc(number + 1, sizeof *leaves);
    int error = 0;
    if (!leaves)
        abort();
    for (unsigned i = 0; i < number && !error; i++) {
        leaves[i] = (struct state_leaf){first + i, account_leaf(&accounts[i])};
        error = account_put(s, &accounts[i]);
    }
    if (!error)
        error = state_tree_update(s, LEDGER_STATE_TREE, count, leaves, number);
    free(leaves);
    return error ? error : count_put(s, count);
}

int accounts_prove(struct store_view *v, const struct identity_public *key, struct account *a,
                   uint64_t *count, struct hash path[MERKLE_LOG_DEPTH_MAX], unsigned *length)
{
    int error = accounts_read(v, key, a);
    if (error)
        return error;
    if ((error = accounts_count(v, count)))
        return error;
    if (a->index >= *count)
        return STORE_CORRUPT;
    return state_tree_path(v, LEDGER_STATE_TREE, *count, a->index, path, length);
}
