#include "node/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { FROM = 1, CAPACITY = 300 << 10, SECTIONS = 16 };

/* The last node's path is shorter than others' unless n is a power of two. */
static node_id last(struct quorum q) { return (node_id)(q.n - 1); }

static const struct hash chain = {{'c', 'h', 'a', 'i', 'n'}};
static const struct word word = {7, 8, 5};
static uint8_t buffer[CAPACITY];
static uint8_t bulk[256 << 10];
static uint64_t seed;

static uint64_t below(uint64_t limit) /* splitmix64 */
{
    uint64_t x = seed += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return (x ^ x >> 31) % limit;
}

static void draw(void *target, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)target)[i] = (uint8_t)below(256);
}

static struct nodeset draw_set(struct quorum q)
{
    struct nodeset s = {0};
    nodeset_add(&s, (unsigned)below(q.n));
    for (unsigned i = 0; i < q.n; i++)
        if (below(2))
            nodeset_add(&s, i);
    return s;
}

static struct ba_message draw_vote(void)
{
    struct ba_message m;
    do
        m = (struct ba_message){(uint8_t)(1 + below(5)), (uint8_t)below(BA_ROUNDS_MAX),
                                (uint8_t)below(4)};
    while (m.type == BA_TERM ? (m.round = 0, !ba_message_valid(&m)) : !ba_message_valid(&m));
    return m;
}

static void draw_roots(struct quorum q, struct message *m)
{
    static uint8_t entries[SECTIONS][NODES_MAX * (1 + HASH_SIZE)];
    static unsigned next;
    struct writer w = writer_of(entries[next++ % SECTIONS], sizeof entries[0]);
    const struct nodeset of = draw_set(q);
    m->roots.vote = (enum vid_vote)(VID_GOT + below(3));
    m->roots.count = nodeset_count(&of);
    for (unsigned p = nodeset_next(&of, 0); p < NODES_MAX; p = nodeset_next(&of, p + 1)) {
        struct hash root;
        draw(&root, sizeof root);
        write_u8(&w, (uint8_t)p);
        write_slice(&w, hash_slice(&root));
    }
    m->roots.entries = writer_result(&w);
}

static void draw_runs(struct message *m)
{
    epoch_id at = 1 + below(5);
    m->epoch = 1;
    m->want_roots.count = 1 + (unsigned)below(MESSAGE_RUNS_MAX);
    for (unsigned i = 0; i < m->want_roots.count; i++) {
        m->want_roots.runs[i] = (struct epoch_run){at, at + below(3)};
        at = m->want_roots.runs[i].last + 2 + below(9);
    }
}

/* A chunk of `size` bytes, or the piece of it at `offset`. */
static void draw_chunk(struct quorum q, struct message *m, uint32_t size, uint32_t offset)
{
    m->chunk.header.chunk_size = size;
    draw(&m->chunk.header.tree_root, HASH_SIZE);
    const unsigned index = m->kind == MESSAGE_CHUNK ? last(q) : FROM;
    draw(m->chunk.proof.path, merkle_path_length(q.n, index) * HASH_SIZE);
    uint32_t length = size - offset;
    if (m->kind == MESSAGE_PIECE && length > MESSAGE_PIECE_SIZE)
        length = MESSAGE_PIECE_SIZE;
    m->chunk.offset = offset;
    m->chunk.data = slice_of(bulk + offset, length);
}

static struct message draw_message(struct quorum q, enum message_kind kind)
{
    struct message m;
    memset(&m, 0, sizeof m);
    m.kind = kind;
    m.epoch = 1 + below(below(2) ? 100 : UINT64_MAX / 2);
    m.proposer = (node_id)below(q.n);
    switch (kind) {
    case MESSAGE_VOTES:
        m.votes.vote = draw_vote();
        m.votes.proposers = draw_set(q);
        break;
    case MESSAGE_ROOTS: draw_roots(q, &m); break;
    case MESSAGE_SHARE:
        m.share.round = (uint8_t)(3 * below(BA_ROUNDS_MAX / 3) + 2);
        draw(&m.share.share, sizeof m.share.share);
        break;
    case MESSAGE_WANT_VOTES:
    case MESSAGE_READY: m.ready.proposers = draw_set(q); break;
    case MESSAGE_WANT_ROOTS: draw_runs(&m); break;
    case MESSAGE_CHECKPOINT: draw(&m.checkpoint, sizeof m.checkpoint); break;
    case MESSAGE_WANT_CHECKPOINT: break;
    case MESSAGE_OFFER: m.offer.head = slice_of(bulk, 1 + below(SNAPSHOT_HEAD_SIZE_MAX)); break;
    case MESSAGE_WANT_SNAPSHOT: draw(&m.snapshot.index, sizeof m.snapshot.index); break;
    case MESSAGE_SNAPSHOT:
        draw(&m.snapshot.index, sizeof m.snapshot.index);
        m.snapshot.path = slice_of(bulk, below(MERKLE_LOG_DEPTH_MAX + 1) * HASH_SIZE);
        m.snapshot.data =
            slice_of(bulk + 5, 1 + below(below(9) ? 300 : SNAPSHOT_PIECE_SIZE_MAX - 1));
        break;
    case MESSAGE_PING:
    case MESSAGE_PONG:
        m.epoch = 1;
        draw(&m.ping, sizeof m.ping);
        break;
    case MESSAGE_REQUEST: m.request.offset = MESSAGE_PIECE_SIZE * (uint32_t)below(9);
    /* fall through */
    case MESSAGE_CANCEL:
    case MESSAGE_NONE: draw(&m.request.root, HASH_SIZE); break;
    case MESSAGE_CHUNK: draw_chunk(q, &m, 64 * (1 + (uint32_t)below(9)), 0); break;
    case MESSAGE_PIECE:
        if (below(4))
            draw_chunk(q, &m, 64 * (1 + (uint32_t)below(9)), 0);
        else
            draw_chunk(q, &m, 3 * MESSAGE_PIECE_SIZE - 64, MESSAGE_PIECE_SIZE * (uint32_t)below(3));
        break;
    }
    const bool said = kind == MESSAGE_SHARE || kind == MESSAGE_WANT_ROOTS ||
                      kind == MESSAGE_REQUEST || kind == MESSAGE_CANCEL || kind == MESSAGE_NONE ||
                      kind == MESSAGE_PIECE;
    if (!said)
        m.proposer = FROM; /* It is its sender. */
    return m;
}

static struct slice encode(struct quorum q, const struct message *m, struct writer *w)
{
    const uint8_t *start = w->at;
    message_encode(w, q, FROM, last(q), m);
    assert_true(w->ok);
    return slice_of(start, (size_t)(w->at - start));
}

static const unsigned sizes[] = {4, 5, 7, 65, 128};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void each_kind_is_read_as_it_was_written(void **state)
{
    (void)state;
    seed = 1;
    for (unsigned i = 0; i < 400 * SIZES; i++) {
        const struct quorum q = quorum_of(sizes[i % SIZES]);
        for (enum message_kind kind = MESSAGE_VOTES; kind <= MESSAGE_LAST; kind++) {
            const struct message m = draw_message(q, kind);
            struct writer w = writer_of(buffer, sizeof buffer);
            struct reader r = reader_of(encode(q, &m, &w));
            struct message read;
            memset(&read, 0, sizeof read);
            assert_true(message_decode(&r, q, FROM, last(q), &read));
            assert_true(reader_finished(&r));
            if (kind == MESSAGE_ROOTS)
                assert_true(slice_equal(read.roots.entries, m.roots.entries));
            if (kind == MESSAGE_CHUNK || kind == MESSAGE_PIECE)
                assert_true(slice_equal(read.chunk.data, m.chunk.data));
            if (kind == MESSAGE_OFFER)
                assert_true(slice_equal(read.offer.head, m.offer.head));
            if (kind == MESSAGE_SNAPSHOT) {
                assert_true(slice_equal(read.snapshot.path, m.snapshot.path));
                assert_true(slice_equal(read.snapshot.data, m.snapshot.data));
                read.snapshot.path = m.snapshot.path;
                read.snapshot.data = m.snapshot.data;
            }
            if (kind == MESSAGE_OFFER)
                read.offer.head = m.offer.head;
            read.roots.entries = kind == MESSAGE_ROOTS ? m.roots.entries : read.roots.entries;
            if (kind == MESSAGE_CHUNK || kind == MESSAGE_PIECE)
                read.chunk.data = m.chunk.data;
            assert_memory_equal(&read, &m, sizeof m);
            assert_false(message_decode(&r, q, FROM, last(q), &read));
            assert_true(r.ok); /* The end, and a proper one. */
        }
    }
}

static void entries_of_roots_come_in_order(void **state)
{
    (void)state;
    seed = 2;
    const struct quorum q = quorum_of(16);
    for (unsigned i = 0; i < 100; i++) {
        const struct message m = draw_message(q, MESSAGE_ROOTS);
        int before = -1;
        for (unsigned k = 0; k < m.roots.count; k++) {
            node_id proposer;
            struct hash root;
            message_root_entry(&m, k, &proposer, &root);
            assert_true(proposer > before);
            assert_memory_equal(&root, m.roots.entries.data + k * (1 + HASH_SIZE) + 1, HASH_SIZE);
            before = proposer;
        }
    }
}

/* Sections of all kinds; ends[i]: where the i-th ends, from ends[0] = 0 on. */
static struct slice draw_frame(struct quorum q, size_t ends[SECTIONS + 1], unsigned *count)
{
    struct writer w = writer_of(buffer, sizeof buffer);
    *count = 1 + (unsigned)below(SECTIONS);
    ends[0] = 0;
    for (unsigned i = 0; i < *count; i++) {
        struct message m = draw_message(q, (enum message_kind)(1 + below(MESSAGE_LAST)));
        if (m.chunk.data.size > 1024 && (m.kind == MESSAGE_PIECE || m.kind == MESSAGE_CHUNK))
            draw_chunk(q, &m, 128, 0); /* Small frames: changes meet what matters. */
        if (m.kind == MESSAGE_SNAPSHOT)
            m.snapshot.data.size = 1 + below(300);
        if (m.kind == MESSAGE_OFFER)
            m.offer.head.size = 1 + below(300);
        encode(q, &m, &w);
        ends[i + 1] = (size_t)(w.at - w.start);
    }
    return writer_result(&w);
}

/* Reads a frame from memory of exactly its size, so that a sanitizer sees every read past it, and
 * writes each accepted section again. Returns how many; *ok: whether the frame ended properly. */
static unsigned reread(struct quorum q, struct slice frame, bool *ok)
{
    static uint8_t again[CAPACITY];
    uint8_t *copy = malloc(frame.size ? frame.size : 1);
    assert_non_null(copy);
    memcpy(copy, frame.data, frame.size);
    struct reader r = reader_of(slice_of(copy, frame.size));
    const uint8_t *start = r.at;
    struct message m;
    unsigned count = 0;
    for (; message_decode(&r, q, FROM, last(q), &m); count++) {
        assert_true(r.ok);
        assert_in_range(m.proposer, 0, q.n - 1);
        assert_in_range(m.epoch, 1, UINT64_MAX / 2);
        struct writer w = writer_of(again, sizeof again);
        assert_true(slice_equal(encode(q, &m, &w), slice_of(start, (size_t)(r.at - start))));
        start = r.at;
    }
    *ok = r.ok;
    free(copy);
    return count;
}

static void whatever_decodes_encodes_to_itself(void **state)
{
    (void)state;
    seed = 3;
    unsigned whole = 0, broken = 0;
    for (unsigned frame = 0; frame < 2000; frame++) {
        const struct quorum q = quorum_of(sizes[frame % 3]);
        size_t ends[SECTIONS + 1];
        unsigned count;
        struct slice bytes = draw_frame(q, ends, &count);
        bool ok;
        assert_int_equal(reread(q, bytes, &ok), count);
        assert_true(ok);
        for (unsigned i = 0; i < 50; i++) {
            const size_t at = below(4) ? ends[below(count)] + below(12) : below(bytes.size);
            const uint8_t change = (uint8_t)(below(2) ? 1u << below(8) : below(256));
            if (at >= bytes.size)
                continue;
            buffer[at] ^= change;
            reread(q, bytes, &ok);
            whole += ok;
            broken += !ok;
            if (below(3)) /* Else the changes add up. */
                buffer[at] ^= change;
        }
    }
    assert_true(whole > 10000 && broken > 10000);
}

static void random_bytes_never_mislead(void **state)
{
    (void)state;
    seed = 4;
    for (unsigned i = 0; i < 50000; i++) {
        const size_t size = below(300);
        draw(buffer, size);
        if (size > 9 && below(4)) { /* A kind and an epoch that exist. */
            buffer[0] = (uint8_t)(1 + below(MESSAGE_READY));
            memset(buffer + 1, 0, 6);
        }
        bool ok;
        reread(quorum_of(sizes[i % SIZES]), slice_of(buffer, size), &ok);
    }
}

static void a_frame_cut_short_is_rejected_where_it_was_cut(void **state)
{
    (void)state;
    seed = 5;
    for (unsigned frame = 0; frame < 40; frame++) {
        const struct quorum q = quorum_of(sizes[frame % SIZES]);
        size_t ends[SECTIONS + 1];
        unsigned count, here = 0;
        const struct slice bytes = draw_frame(q, ends, &count);
        for (size_t size = 0; size < bytes.size; size++) {
            here += size == ends[here + 1];
            bool ok;
            assert_int_equal(reread(q, slice_of(bytes.data, size), &ok), here);
            assert_int_equal(ok, size == ends[here]);
        }
    }
}

/* ---- The header ---- */

static void the_header_is_the_word_of_its_sender(void **state)
{
    (void)state;
    struct writer w = writer_of(buffer, sizeof buffer);
    message_header_encode(&w, &chain, &word);
    assert_int_equal(writer_result(&w).size, MESSAGE_HEADER_SIZE);
    struct reader r = reader_of(writer_result(&w));
    struct word read;
    assert_true(message_header_decode(&r, &chain, &read));
    assert_memory_equal(&read, &word, sizeof word);
    assert_true(reader_finished(&r));
}

static void a_header_of_another_chain_or_version_or_cut_short_is_rejected(void **state)
{
    (void)state;
    for (unsigned at = 0; at < MESSAGE_HEADER_SIZE; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            struct writer w = writer_of(buffer, sizeof buffer);
            message_header_encode(&w, &chain, &word);
            struct reader r = reader_of(writer_result(&w));
            struct word read;
            buffer[at] ^= (uint8_t)(1u << bit);
            assert_int_equal(message_header_decode(&r, &chain, &read), at >= 9);
            buffer[at] ^= (uint8_t)(1u << bit);
            struct reader cut = reader_of(slice_of(buffer, at));
            assert_false(message_header_decode(&cut, &chain, &read));
        }
}

int main(void)
{
    seed = 99;
    draw(bulk, sizeof bulk);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_read_as_it_was_written),
        cmocka_unit_test(entries_of_roots_come_in_order),
        cmocka_unit_test(whatever_decodes_encodes_to_itself),
        cmocka_unit_test(random_bytes_never_mislead),
        cmocka_unit_test(a_frame_cut_short_is_rejected_where_it_was_cut),
        cmocka_unit_test(the_header_is_the_word_of_its_sender),
        cmocka_unit_test(a_header_of_another_chain_or_version_or_cut_short_is_rejected),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
