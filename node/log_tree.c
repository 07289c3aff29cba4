#include "node/log_tree.h"

#include <string.h>

#include "node/executor_record.h"
#include "node/executor_snapshot.h"

enum { KEY_SIZE = 1 + 8 };

static struct slice node_key(uint8_t key[KEY_SIZE], unsigned level, uint64_t index)
{
    struct writer w = writer_of(key, KEY_SIZE);
    write_u8(&w, (uint8_t)level);
    write_u64(&w, index);
    return writer_result(&w);
}

int log_tree_completed(const struct merkle_frontier *log, const struct hash *leaf,
                       log_tree_visit visit, void *context)
{
    const uint64_t count = log->count + 1;
    unsigned last = (unsigned)__builtin_popcountll(log->count);
    struct hash node = *leaf;
    int result = 0;
    /* As merkle_frontier_append. */
    for (unsigned level = 1; level < 64 && count % (UINT64_C(1) << level) == 0 && !result;
         level++) {
        uint8_t key[KEY_SIZE];
        node = hash_inner(&log->peaks[--last], &node);
        if (level % LOG_TREE_STEP == 0)
            result = visit(context, node_key(key, level, (count >> level) - 1), &node);
    }
    return result;
}

static int put_node(void *ledger, struct slice key, const struct hash *node)
{
    const struct slice value = hash_slice(node);
    return store_put(ledger, LEDGER_LOG, key, &value, 1);
}

int log_tree_put(struct store *ledger, const struct merkle_frontier *log, const struct hash *leaf)
{
    return log_tree_completed(log, leaf, put_node, ledger);
}

/* What paths are made of. */
struct log_tree {
    struct store_view *view;
    struct merkle_frontier base; /* The log as it was where this ledger went on from a snapshot. */
};

static int open_tree(struct store_view *v, struct log_tree *t)
{
    struct snapshot_head head;
    const int error = executor_installed(v, quorum_of(NODES_MAX), &head);
    *t = (struct log_tree){.view = v};
    if (!error)
        t->base = head.log;
    return error == STORE_MISSING ? 0 : error;
}

/* A peak of the log as it was there. */
static int find_peak(const struct log_tree *t, unsigned level, uint64_t index, struct hash *root)
{
    uint64_t begin = 0;
    unsigned k = 0;
    for (unsigned bit = 64; bit-- > 0;) {
        const uint64_t size = UINT64_C(1) << bit;
        if (!(t->base.count & size))
            continue;
        if (bit == level && begin >> level == index) {
            *root = t->base.peaks[k];
            return 0;
        }
        begin += size;
        k++;
    }
    return STORE_MISSING;
}

static int read_leaf(const struct log_tree *t, uint64_t position, struct hash *leaf)
{
    struct executor_entry entry;
    const int error = executor_entry(t->view, position, &entry);
    if (!error)
        *leaf = executor_leaf(&entry);
    return error;
}

static int read_node(const struct log_tree *t, unsigned level, uint64_t index, struct hash *root)
{
    uint8_t key[KEY_SIZE];
    struct slice value;
    const int error = store_view_get(t->view, LEDGER_LOG, node_key(key, level, index), &value);
    if (error)
        return error;
    if (value.size != HASH_SIZE)
        return STORE_CORRUPT;
    memcpy(root->bytes, value.data, HASH_SIZE);
    return 0;
}

/* Of the leaves [index, index + 1) * 2^level. */
static int full(const struct log_tree *t, unsigned level, uint64_t index, struct hash *root)
{
    struct hash left, right;
    if ((index + 1) << level <= t->base.count && find_peak(t, level, index, root) == 0)
        return 0;
    if (level == 0)
        return read_leaf(t, index, root);
    if (level % LOG_TREE_STEP == 0)
        return read_node(t, level, index, root);
    int error = full(t, level - 1, 2 * index, &left);
    if (!error)
        error = full(t, level - 1, 2 * index + 1, &right);
    if (!error)
        *root = hash_inner(&left, &right);
    return error;
}

/* The largest power of two below a count of two or more: where RFC 9162 splits. */
static unsigned split_level(uint64_t count) { return 63u - (unsigned)__builtin_clzll(count - 1); }

/* Of the leaves [begin, begin + count), which stand as they do in the tree. */
static int subtree(const struct log_tree *t, uint64_t begin, uint64_t count, struct hash *root)
{
    struct hash left, right;
    if ((count & (count - 1)) == 0) {
        const unsigned level = (unsigned)__builtin_ctzll(count);
        return full(t, level, begin >> level, root);
    }
    const unsigned level = split_level(count);
    const uint64_t size = UINT64_C(1) << level;
    int error = full(t, level, begin >> level, &left);
    if (!error)
        error = subtree(t, begin + size, count - size, &right);
    if (!error)
        *root = hash_inner(&left, &right);
    return error;
}

int log_tree_path(struct store_view *v, uint64_t height, uint64_t position,
                  struct hash path[MERKLE_LOG_DEPTH_MAX], unsigned *length)
{
    struct log_tree t;
    uint64_t begin = 0, count = height;
    int error = open_tree(v, &t);
    assert(position < height);
    *length = merkle_path_length(height, position);
    for (unsigned k = *length; count > 1 && !error;) { /* From the root down. */
        const uint64_t size = UINT64_C(1) << split_level(count);
        if (position < begin + size) {
            error = subtree(&t, begin + size, count - size, &path[--k]);
            count = size;
        } else {
            error = subtree(&t, begin, size, &path[--k]);
            begin += size;
            count -= size;
        }
    }
    return error;
}

/* SUBPROOF of 2.1.4.1. `whole`: the verifier has the root of these `first` leaves. */
static int subproof(const struct log_tree *t, uint64_t begin, uint64_t first, uint64_t count,
                    bool whole, struct hash proof[], unsigned *length)
{
    if (first == count)
        return whole ? 0 : subtree(t, begin, count, &proof[(*length)++]);
    const uint64_t size = UINT64_C(1) << split_level(count);
    if (first <= size) {
        const int error = subproof(t, begin, first, size, whole, proof, length);
        return error ? error : subtree(t, begin + size, count - size, &proof[(*length)++]);
    }
    const int error = subproof(t, begin + size, first - size, count - size, false, proof, length);
    return error ? error : subtree(t, begin, size, &proof[(*length)++]);
}

int log_tree_consistency(struct store_view *v, uint64_t first, uint64_t second,
                         struct hash proof[MERKLE_LOG_DEPTH_MAX + 1], unsigned *length)
{
    struct log_tree t;
    const int error = open_tree(v, &t);
    assert(first <= second);
    *length = 0;
    return error || first == 0 ? error : subproof(&t, 0, first, second, true, proof, length);
}
