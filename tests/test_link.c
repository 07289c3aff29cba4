/* Linking against naive versions: a counter for each epoch, and a list of all runs. */
#include "node/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4, EPOCHS = 200, LISTS_MAX = 9, SCALE = 997, SPAN = 320, RUNS_ALL = SPAN };

static const struct quorum quorum = {N, 1};
static uint64_t seed;

static uint64_t below(uint64_t limit) /* splitmix64 */
{
    uint64_t x = seed += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return (x ^ x >> 31) % limit;
}

/* ---- What enough lists cover ---- */

static struct epoch_run lists[LISTS_MAX][LINK_RUNS_MAX];
static uint8_t counts[LISTS_MAX];

/* A legal list; dense ones, for many edges, and ones with long gaps. */
static void draw_list(unsigned b)
{
    const uint64_t step = 1 + below(12);
    epoch_id at = 1 + below(step);
    counts[b] = 0;
    for (uint64_t wish = below(LINK_RUNS_MAX + 1); wish > 0 && at < EPOCHS; wish--) {
        const epoch_id last = at + below(step);
        lists[b][counts[b]++] = (struct epoch_run){at, last};
        at = last + 2 + below(step);
    }
}

static bool holds(unsigned b, epoch_id e)
{
    for (unsigned r = 0; r < counts[b]; r++)
        if (lists[b][r].first <= e && e <= lists[b][r].last)
            return true;
    return false;
}

static unsigned cover_naively(unsigned list_count, unsigned needed, epoch_id low, epoch_id high,
                              struct epoch_run covered[])
{
    unsigned count = 0;
    bool before = false;
    for (epoch_id e = low; e <= high; e++) {
        unsigned holding = 0;
        for (unsigned b = 0; b < list_count; b++)
            holding += holds(b, e);
        if (holding >= needed && !before)
            covered[count++].first = e;
        before = holding >= needed;
        if (before)
            covered[count - 1].last = e;
    }
    return count;
}

/* The same with each epoch made SCALE of them: far apart epochs differ in more bytes. */
static struct epoch_run scaled(struct epoch_run run)
{
    return (struct epoch_run){run.first * SCALE, run.last * SCALE + SCALE - 1};
}

static void check_scaled(unsigned list_count, unsigned needed, struct epoch_run range,
                         const struct epoch_run covered[], unsigned count)
{
    static struct epoch_run far[LISTS_MAX][LINK_RUNS_MAX], found[LISTS_MAX * LINK_RUNS_MAX + 1];
    const struct epoch_run *pointers[LISTS_MAX];
    for (unsigned b = 0; b < list_count; b++) {
        pointers[b] = far[b];
        for (unsigned r = 0; r < counts[b]; r++)
            far[b][r] = scaled(lists[b][r]);
    }
    range = scaled(range);
    assert_int_equal(
        link_cover(pointers, counts, list_count, needed, range.first, range.last, found), count);
    for (unsigned r = 0; r < count; r++) {
        const struct epoch_run expected = scaled(covered[r]);
        assert_memory_equal(&found[r], &expected, sizeof expected);
    }
}

static void covered_is_what_a_counter_for_each_epoch_says(void **state)
{
    (void)state;
    seed = 1;
    unsigned found = 0;
    for (unsigned i = 0; i < 4000; i++) {
        const unsigned list_count = (unsigned)below(LISTS_MAX + 1);
        const struct epoch_run *pointers[LISTS_MAX];
        for (unsigned b = 0; b < list_count; b++) {
            pointers[b] = lists[b];
            draw_list(b);
        }
        const epoch_id low = 1 + below(i % 3 ? 20 : EPOCHS), high = below(EPOCHS + 40);
        for (unsigned needed = 1; needed <= list_count + 1; needed++) {
            struct epoch_run covered[LISTS_MAX * LINK_RUNS_MAX + 1], naive[EPOCHS];
            const unsigned count =
                link_cover(pointers, counts, list_count, needed, low, high, covered);
            assert_int_equal(count, cover_naively(list_count, needed, low, high, naive));
            assert_memory_equal(covered, naive, count * sizeof *covered);
            if (low <= high)
                check_scaled(list_count, needed, (struct epoch_run){low, high}, covered, count);
            found += count;
        }
    }
    assert_true(found > 10000);
}

/* ---- What a block says it has seen ---- */

static struct history completed, delivered;
static uint64_t words[2][N * SPAN / 64];
static uint8_t bytes[N * (1 + LINK_RUNS_MAX * 16) + 1];
static struct epoch_run runs[N][LINK_RUNS_MAX];

static void begin(void)
{
    memset(words, 0, sizeof words);
    history_init(&completed, N, true, SPAN, words[0]);
    history_init(&delivered, N, true, SPAN, words[1]);
}

static struct slice encode_seen(epoch_id epoch)
{
    struct writer w = writer_of(bytes, link_seen_size_max(quorum));
    link_seen_encode(&completed, &delivered, quorum, epoch, &w);
    assert_true(w.ok);
    return writer_result(&w);
}

/* From memory of exactly this size, so that a sanitizer sees every read past it. */
static bool decodes(struct slice seen, epoch_id epoch)
{
    uint8_t *copy = malloc(seen.size ? seen.size : 1);
    assert_non_null(copy);
    memcpy(copy, seen.data, seen.size);
    struct reader r = reader_of(slice_of(copy, seen.size));
    bool ok = true;
    for (unsigned p = 0; p < N && ok; p++)
        ok = block_seen_next(&r, epoch, runs[p], &counts[p]);
    ok = ok && reader_finished(&r);
    free(copy);
    return ok;
}

/* Some bits of `h`, with gaps as long as `gap`, up to `high`. */
static void draw_history(struct history *h, uint64_t gap, epoch_id high)
{
    for (unsigned p = 0; p < N; p++)
        for (epoch_id e = history_base(h); e <= high; e += 1 + below(gap))
            history_set(h, e ? e : 1, (node_id)p);
}

/* The 16 newest runs, and of those before them the 16 oldest with one undelivered. */
static unsigned name_naively(node_id p, epoch_id epoch, struct epoch_run named[])
{
    struct epoch_run all[RUNS_ALL];
    bool open[RUNS_ALL];
    unsigned count = 0, named_count = 0;
    for (epoch_id e = history_base(&completed) ? history_base(&completed) : 1; e < epoch; e++) {
        if (!history_has(&completed, e, p))
            continue;
        if (count == 0 || all[count - 1].last != e - 1) {
            open[count] = false;
            all[count++].first = e;
        }
        all[count - 1].last = e;
        open[count - 1] = open[count - 1] || !history_has(&delivered, e, p);
    }
    const unsigned newest = count > 16 ? count - 16 : 0;
    for (unsigned r = 0; r < newest && named_count < 16; r++)
        if (open[r])
            named[named_count++] = all[r];
    for (unsigned r = newest; r < count; r++)
        named[named_count++] = all[r];
    return named_count;
}

static void check_seen(epoch_id epoch)
{
    const struct slice seen = encode_seen(epoch);
    assert_true(decodes(seen, epoch));
    for (unsigned p = 0; p < N; p++) {
        struct epoch_run named[LINK_RUNS_MAX];
        assert_int_equal(counts[p], name_naively((node_id)p, epoch, named));
        assert_memory_equal(runs[p], named, counts[p] * sizeof *named);
        /* Fewer than all runs there may be: then none that is undelivered was left out. */
        for (epoch_id e = 1; counts[p] < LINK_RUNS_MAX && e < epoch; e++)
            if (e >= history_base(&completed) && history_has(&completed, e, (node_id)p) &&
                !history_has(&delivered, e, (node_id)p)) {
                unsigned r = 0;
                while (r < counts[p] && runs[p][r].last < e)
                    r++;
                assert_true(r < counts[p] && runs[p][r].first <= e);
            }
    }
}

static void the_newest_and_the_oldest_undelivered_runs_are_named(void **state)
{
    (void)state;
    seed = 2;
    unsigned full = 0, few = 0;
    for (unsigned i = 0; i < 2000; i++) {
        begin();
        const epoch_id high = 1 + below(900);
        history_advance(&completed, high);
        history_advance(&delivered, high > 100 ? high - below(100) : high);
        draw_history(&completed, 1 + below(12), completed.top);
        draw_history(&delivered, 1 + below(4), below(2) ? delivered.top : delivered.top / 2);
        check_seen(1 + below(high + 1));
        for (unsigned p = 0; p < N; p++) {
            full += counts[p] == LINK_RUNS_MAX;
            few += counts[p] > 0 && counts[p] < LINK_RUNS_MAX;
        }
    }
    assert_true(full > 100 && few > 1000);
}

static void nothing_is_seen_before_epoch_2_and_one_run_in_the_normal_case(void **state)
{
    (void)state;
    begin();
    for (epoch_id e = 1; e <= 100; e++)
        for (unsigned p = 0; p < N; p++)
            history_set(&completed, e, (node_id)p);
    assert_int_equal(encode_seen(1).size, N);
    const struct slice seen = encode_seen(51);
    assert_int_equal(seen.size, N * (1 + 16));
    assert_true(decodes(seen, 51));
    for (unsigned p = 0; p < N; p++) {
        assert_int_equal(counts[p], 1);
        assert_int_equal(runs[p][0].first, 1);
        assert_int_equal(runs[p][0].last, 50);
    }
}

static const struct {
    const char *what;
    unsigned count, stated;
    uint64_t runs[3][2];
    epoch_id epoch;
    bool good;
} forms[] = {
    {"nothing", 0, 0, {{0}}, 1, true},
    {"all before it", 1, 1, {{1, 9}}, 10, true},
    {"apart by one", 2, 2, {{1, 3}, {5, 9}}, 10, true},
    {"epoch 0", 1, 1, {{0, 3}}, 10, false},
    {"its own epoch", 1, 1, {{10, 10}}, 10, false},
    {"up to its own epoch", 1, 1, {{3, 10}}, 10, false},
    {"a later epoch", 1, 1, {{11, 12}}, 10, false},
    {"backwards", 1, 1, {{5, 4}}, 10, false},
    {"touching", 2, 2, {{1, 3}, {4, 5}}, 10, false},
    {"overlapping", 2, 2, {{1, 3}, {3, 5}}, 10, false},
    {"twice", 2, 2, {{1, 3}, {1, 3}}, 10, false},
    {"descending", 2, 2, {{5, 6}, {1, 3}}, 10, false},
    {"the last one touches", 3, 3, {{1, 1}, {3, 3}, {4, 4}}, 10, false},
    {"fewer than stated", 1, 2, {{1, 3}}, 10, false},
    {"more than stated", 2, 1, {{1, 3}, {5, 6}}, 10, false},
};

static void malformed_runs_are_rejected(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (unsigned node = 0; node < N; node++) {
            uint8_t seen[N + 3 * 16];
            struct writer w = writer_of(seen, sizeof seen);
            for (unsigned p = 0; p < N; p++) {
                write_u8(&w, (uint8_t)(p == node ? forms[i].stated : 0));
                for (unsigned r = 0; p == node && r < forms[i].count; r++) {
                    write_u64(&w, forms[i].runs[r][0]);
                    write_u64(&w, forms[i].runs[r][1]);
                }
            }
            if (decodes(writer_result(&w), forms[i].epoch) != forms[i].good)
                fail_msg("%s, of node %u", forms[i].what, node);
        }
}

static void a_node_has_at_most_32_runs(void **state)
{
    (void)state;
    for (unsigned count = 30; count < 256; count++) {
        uint8_t seen[N + 255 * 16];
        struct writer w = writer_of(seen, sizeof seen);
        write_bytes(&w, (const uint8_t[N - 1]){0}, N - 1);
        write_u8(&w, (uint8_t)count);
        for (unsigned r = 0; r < count; r++) {
            write_u64(&w, 2 * r + 1);
            write_u64(&w, 2 * r + 1);
        }
        assert_int_equal(decodes(writer_result(&w), 1000), count <= 32);
    }
}

static void what_is_cut_short_or_goes_on_is_rejected(void **state)
{
    (void)state;
    seed = 3;
    begin();
    draw_history(&completed, 5, 200);
    const struct slice seen = encode_seen(200);
    assert_true(decodes(seen, 200));
    for (size_t size = 0; size < seen.size; size++)
        assert_false(decodes(slice_of(seen.data, size), 200));
    assert_int_equal(seen.size, link_seen_size_max(quorum));
    bytes[seen.size] = 0;
    assert_false(decodes(slice_of(bytes, seen.size + 1), 200));
}

static void runs_at_the_end_of_numbers_do_not_wrap(void **state)
{
    (void)state;
    uint8_t seen[N + 2 * 16];
    struct writer w = writer_of(seen, sizeof seen);
    write_u8(&w, 2);
    const uint64_t wrapping[] = {1, UINT64_MAX - 1, 1, 1};
    for (unsigned i = 0; i < 4; i++)
        write_u64(&w, wrapping[i]);
    write_bytes(&w, (const uint8_t[N - 1]){0}, N - 1);
    assert_false(decodes(writer_result(&w), UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(covered_is_what_a_counter_for_each_epoch_says),
        cmocka_unit_test(the_newest_and_the_oldest_undelivered_runs_are_named),
        cmocka_unit_test(nothing_is_seen_before_epoch_2_and_one_run_in_the_normal_case),
        cmocka_unit_test(malformed_runs_are_rejected),
        cmocka_unit_test(a_node_has_at_most_32_runs),
        cmocka_unit_test(what_is_cut_short_or_goes_on_is_rejected),
        cmocka_unit_test(runs_at_the_end_of_numbers_do_not_wrap),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
