#include "crypto/merkle.h"

#include <string.h>

/* A tree over `count` leaves splits at the largest power of two below `count`: the left
 * subtree is full. Equally, level by level from the leaves: nodes are joined in pairs, and the
 * last of an odd number moves up as it is. */

static struct hash root_of_none(void) { return hash_bytes(slice_of(NULL, 0)); }

static unsigned bit_length(uint64_t value)
{
    return value ? 64u - (unsigned)__builtin_clzll(value) : 0;
}

/* Leaves of the left subtree of a tree over count >= 2 leaves. */
static size_t split_of(size_t count)
{
    assert(count >= 2);
    return (size_t)1 << (bit_length(count - 1) - 1);
}

struct hash merkle_root(const struct hash leaves[], size_t count)
{
    if (count == 0)
        return root_of_none();
    if (count == 1)
        return leaves[0];
    size_t split = split_of(count);
    struct hash left = merkle_root(leaves, split);
    struct hash right = merkle_root(leaves + split, count - split);
    return hash_inner(&left, &right);
}

unsigned merkle_path(const struct hash leaves[], size_t count, size_t index, struct hash path[])
{
    assert(index < count);
    unsigned length = merkle_path_length(count, index);
    for (unsigned at = length; at > 0; at--) { /* From the root down. */
        size_t split = split_of(count);
        if (index < split) {
            path[at - 1] = merkle_root(leaves + split, count - split);
            count = split;
        } else {
            path[at - 1] = merkle_root(leaves, split);
            leaves += split;
            index -= split;
            count -= split;
        }
    }
    return length;
}

/* How far above the leaves the way up from `index` meets the tree's right edge. Below that
 * level the node has a sibling on either side, as the bits of `index` say. */
static unsigned levels_inside(uint64_t count, uint64_t index)
{
    return bit_length(index ^ (count - 1));
}

unsigned merkle_path_length(uint64_t count, uint64_t index)
{
    if (index >= count)
        return 0; /* No such leaf; merkle_verify accepts no path for it. */
    unsigned inside = levels_inside(count, index);
    /* On the edge there is a sibling, a left one, wherever `index` has a one. */
    uint64_t edge = inside < 64 ? index >> inside : 0;
    return inside + (unsigned)__builtin_popcountll(edge);
}

bool merkle_verify(const struct hash *root, uint64_t count, uint64_t index, const struct hash *leaf,
                   const struct hash path[], unsigned path_length)
{
    if (index >= count || path_length != merkle_path_length(count, index))
        return false;
    unsigned inside = levels_inside(count, index);
    struct hash node = *leaf;
    for (unsigned i = 0; i < path_length; i++) {
        bool sibling_is_left = i >= inside || (index >> i & 1);
        node = sibling_is_left ? hash_inner(&path[i], &node) : hash_inner(&node, &path[i]);
    }
    return hash_equal(&node, root);
}

/* 2.1.4.2: the proof's nodes, from the last leaf of the first tree up, make both roots. */
bool merkle_consistent(uint64_t first, const struct hash *first_root, uint64_t second,
                       const struct hash *second_root, const struct hash proof[], unsigned length)
{
    if (first == 0 || first >= second)
        return first > 0 && first == second && length == 0 && hash_equal(first_root, second_root);
    uint64_t at = first - 1, last = second - 1;
    for (; at & 1; at >>= 1)
        last >>= 1;
    unsigned k = at == 0 ? 0 : 1; /* A full tree is its own first node. */
    if (length < k)
        return false;
    struct hash one = at == 0 ? *first_root : proof[0], two = one;
    for (; k < length; k++, at >>= 1, last >>= 1) {
        if (last == 0)
            return false;
        if (!(at & 1) && at != last) {
            two = hash_inner(&two, &proof[k]);
            continue;
        }
        one = hash_inner(&proof[k], &one);
        two = hash_inner(&proof[k], &two);
        for (; !(at & 1) && at != 0; at >>= 1)
            last >>= 1;
    }
    return last == 0 && hash_equal(&one, first_root) && hash_equal(&two, second_root);
}

void merkle_tree_build(struct merkle_tree *t, const struct hash leaves[], unsigned leaf_count)
{
    assert(leaf_count >= 1);
    assert(leaf_count <= NODES_MAX);
    t->leaf_count = leaf_count;
    memcpy(t->nodes, leaves, leaf_count * sizeof *leaves);
    struct hash *level = t->nodes;
    for (unsigned size = leaf_count; size > 1; size = (size + 1) / 2) {
        struct hash *above = level + size;
        for (size_t i = 0; i < size / 2; i++)
            above[i] = hash_inner(&level[2 * i], &level[2 * i + 1]);
        if (size % 2)
            above[size / 2] = level[size - 1];
        level = above;
    }
}

struct hash merkle_tree_root(const struct merkle_tree *t)
{
    const struct hash *level = t->nodes;
    for (unsigned size = t->leaf_count; size > 1; size = (size + 1) / 2)
        level += size;
    return *level;
}

unsigned merkle_tree_path(const struct merkle_tree *t, unsigned index, struct hash path[])
{
    assert(index < t->leaf_count);
    unsigned length = 0;
    const struct hash *level = t->nodes;
    for (unsigned size = t->leaf_count; size > 1; size = (size + 1) / 2) {
        unsigned sibling = index ^ 1;
        if (sibling < size)
            path[length++] = level[sibling];
        level += size;
        index /= 2;
    }
    return length;
}

/* A full subtree for each one in the binary form of the count. */
static unsigned peak_count(const struct merkle_frontier *m)
{
    return (unsigned)__builtin_popcountll(m->count);
}

void merkle_frontier_append(struct merkle_frontier *m, const struct hash *leaf)
{
    assert(m->count < UINT64_MAX);
    unsigned last = peak_count(m);
    struct hash node = *leaf;
    /* As in adding one to a binary number: each trailing one is a peak as large as the node. */
    for (uint64_t carry = m->count; carry & 1; carry >>= 1)
        node = hash_inner(&m->peaks[--last], &node);
    m->peaks[last] = node;
    m->count++;
}

struct hash merkle_frontier_root(const struct merkle_frontier *m)
{
    if (m->count == 0)
        return root_of_none();
    unsigned last = peak_count(m) - 1;
    struct hash node = m->peaks[last];
    while (last > 0)
        node = hash_inner(&m->peaks[--last], &node);
    return node;
}

void merkle_frontier_encode(const struct merkle_frontier *m, struct writer *w)
{
    write_u64(w, m->count);
    write_bytes(w, m->peaks, peak_count(m) * sizeof *m->peaks);
}

bool merkle_frontier_decode(struct reader *r, struct merkle_frontier *m)
{
    *m = (struct merkle_frontier){.count = read_u64(r)};
    read_into(r, m->peaks, peak_count(m) * sizeof *m->peaks);
    return r->ok;
}
