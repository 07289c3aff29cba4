#include "storage/treap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct record {
    size_t references;
    size_t key_size;
    size_t value_size;
    uint8_t bytes[]; /* The key, then the value. */
};

struct treap {
    size_t references;
    struct treap *left;
    struct treap *right;
    struct record *record;
    uint32_t priority;
};

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    assert(memory != NULL); /* A simulator without memory has nothing to tell. */
    return memory;
}

struct treap *treap_retain(struct treap *n)
{
    if (n != NULL)
        n->references++;
    return n;
}

static void record_release(struct record *r)
{
    if (--r->references == 0)
        free(r);
}

void treap_release(struct treap *n)
{
    if (n == NULL || --n->references > 0)
        return;
    treap_release(n->left);
    treap_release(n->right);
    record_release(n->record);
    free(n);
}

/* The same node for the caller alone. One reference means one owner only if all nodes above have
 * one owner, so a change owns every node on its way down. */
static struct treap *own(struct treap *n)
{
    if (n->references == 1)
        return n;
    struct treap *copy = allocate(sizeof *copy);
    *copy = *n;
    copy->references = 1;
    copy->record->references++;
    treap_retain(copy->left);
    treap_retain(copy->right);
    treap_release(n);
    return copy;
}

static struct slice record_key(const struct record *r) { return slice_of(r->bytes, r->key_size); }

static struct slice record_value(const struct record *r)
{
    return slice_of(r->bytes + r->key_size, r->value_size);
}

static int compare(struct slice a, struct slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* FNV-1a, stirred at the end since neighbours in a sequence must fall far apart. */
static uint32_t priority_of(struct slice key)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < key.size; i++)
        hash = (hash ^ key.data[i]) * 16777619u;
    hash = (hash ^ hash >> 16) * 0x85ebca6bu;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
    return hash ^ hash >> 16;
}

static struct treap *insert(struct treap *n, struct record *r)
{
    if (n == NULL) {
        n = allocate(sizeof *n);
        *n = (struct treap){.references = 1, .record = r, .priority = priority_of(record_key(r))};
        return n;
    }
    n = own(n);
    int order = compare(record_key(r), record_key(n->record));
    if (order == 0) {
        record_release(n->record);
        n->record = r;
        return n;
    }
    struct treap **side = order < 0 ? &n->left : &n->right;
    struct treap *child = insert(*side, r);
    if (child->priority <= n->priority) {
        *side = child;
        return n;
    }
    struct treap **inner = order < 0 ? &child->right : &child->left;
    *side = *inner;
    *inner = n;
    return child;
}

struct treap *treap_put(struct treap *n, struct slice key, const struct slice parts[],
                        unsigned count)
{
    size_t size = 0;
    for (unsigned i = 0; i < count; i++)
        size += parts[i].size;
    struct record *r = allocate(sizeof *r + key.size + size);
    *r = (struct record){.references = 1, .key_size = key.size, .value_size = size};
    uint8_t *at = r->bytes;
    memcpy(at, key.data, key.size);
    at += key.size;
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].size > 0)
            memcpy(at, parts[i].data, parts[i].size);
        at += parts[i].size;
    }
    return insert(n, r);
}

/* Every key of `a` is less than any of `b`. */
static struct treap *merge(struct treap *a, struct treap *b)
{
    if (a == NULL || b == NULL)
        return a == NULL ? b : a;
    if (a->priority > b->priority) {
        a = own(a);
        a->right = merge(a->right, b);
        return a;
    }
    b = own(b);
    b->left = merge(a, b->left);
    return b;
}

struct treap *treap_delete(struct treap *n, struct slice key)
{
    assert(n != NULL);
    int order = compare(key, record_key(n->record));
    if (order == 0) {
        struct treap *left = treap_retain(n->left), *right = treap_retain(n->right);
        treap_release(n);
        return merge(left, right); /* NOLINT: both were retained. */
    }
    n = own(n);
    struct treap **side = order < 0 ? &n->left : &n->right;
    *side = treap_delete(*side, key);
    return n;
}

bool treap_get(const struct treap *n, struct slice key, struct slice *value)
{
    while (n != NULL) {
        int order = compare(key, record_key(n->record));
        if (order == 0) {
            *value = record_value(n->record);
            return true;
        }
        n = order < 0 ? n->left : n->right;
    }
    return false;
}

int treap_scan(const struct treap *n, struct slice from, store_visit visit, void *context)
{
    while (n != NULL) {
        if (compare(record_key(n->record), from) >= 0) {
            int stop = treap_scan(n->left, from, visit, context);
            if (stop == 0)
                stop = visit(context, record_key(n->record), record_value(n->record));
            if (stop != 0)
                return stop;
        }
        n = n->right;
    }
    return 0;
}

bool treap_last(const struct treap *n, struct slice *key, struct slice *value)
{
    if (n == NULL)
        return false;
    while (n->right != NULL)
        n = n->right;
    *key = record_key(n->record);
    *value = record_value(n->record);
    return true;
}
