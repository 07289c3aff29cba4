#include "net/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { BYTES_MAX = 10000 };

/* A frame of this size that says which it is. */
static struct frame *numbered(size_t size, uint32_t number)
{
    struct frame *f = frame_new(size);
    memset(f->bytes, 0, size);
    memcpy(f->bytes, &number, sizeof number);
    return f;
}

static uint32_t number_of(const struct frame *f)
{
    uint32_t number;
    assert_non_null(f);
    memcpy(&number, f->bytes, sizeof number);
    return number;
}

static bool push(struct queue *q, uint64_t order, uint64_t tag, size_t size, uint32_t number)
{
    struct frame *f = numbered(size, number);
    bool queued = queue_push(q, order, tag, f);
    frame_release(f);
    return queued;
}

static void expect_next(struct queue *q, uint32_t number)
{
    assert_int_equal(number_of(queue_first(q)), number);
    queue_pop(q);
}

static void lower_orders_leave_first_equal_ones_as_they_came(void **state)
{
    (void)state;
    struct queue q;
    queue_init(&q, BYTES_MAX);
    assert_null(queue_first(&q));
    static const uint64_t orders[] = {5, 3, 5, UINT64_MAX, 3, 0, 5};
    for (uint32_t i = 0; i < 7; i++)
        assert_true(push(&q, orders[i], 0, 100, i));
    static const uint32_t expected[] = {5, 1, 4, 0, 2, 6, 3};
    for (unsigned i = 0; i < 7; i++)
        expect_next(&q, expected[i]);
    assert_null(queue_first(&q));
    assert_int_equal(q.bytes, 0);
    queue_free(&q);
}

static void takes_what_fits_and_not_a_byte_more(void **state)
{
    (void)state;
    struct queue q;
    queue_init(&q, 300);
    assert_true(push(&q, 1, 0, 100, 1));
    assert_false(push(&q, 0, 0, 201, 2));
    assert_true(push(&q, 2, 0, 200, 3));
    assert_int_equal(q.bytes, 300);
    assert_false(push(&q, 0, 0, 4, 4));
    expect_next(&q, 1);
    assert_int_equal(q.bytes, 200);
    assert_true(push(&q, 0, 0, 100, 5));
    expect_next(&q, 5);
    expect_next(&q, 3);
    queue_free(&q);
}

static void tiny_frames_are_bounded_too(void **state)
{
    (void)state;
    struct queue q;
    struct frame *empty = frame_new(0);
    queue_init(&q, 10 * QUEUE_CHARGE_MIN);
    for (unsigned i = 0; i < 10; i++)
        assert_true(queue_push(&q, 0, 0, empty));
    assert_false(queue_push(&q, 0, 0, empty));
    assert_int_equal(q.bytes, 0);
    queue_pop(&q);
    assert_true(queue_push(&q, 0, 0, empty));
    queue_free(&q);
    frame_release(empty);
}

static void a_tag_is_in_once_and_can_be_taken_back(void **state)
{
    (void)state;
    struct queue q;
    queue_init(&q, 300);
    assert_false(queue_drop(&q, 7));
    assert_true(push(&q, 2, 7, 100, 1));
    assert_true(push(&q, 1, 8, 100, 2));
    assert_true(push(&q, 0, 7, 100, 3)); /* There already: not queued, and no lie. */
    assert_int_equal(q.bytes, 200);
    assert_true(push(&q, 0, 0, 100, 4));
    assert_true(
        push(&q, 0, 8, 100, 5)); /* There already, and it does not matter that it is full. */
    assert_true(queue_drop(&q, 8));
    assert_false(queue_drop(&q, 8));
    assert_int_equal(q.bytes, 200);
    expect_next(&q, 4);
    expect_next(&q, 1);
    assert_false(queue_drop(&q, 7));
    assert_true(push(&q, 0, 7, 100, 6)); /* It has left: the tag is free again. */
    expect_next(&q, 6);
    queue_free(&q);
}

static void says_beforehand_what_it_takes(void **state)
{
    (void)state;
    struct queue q;
    struct frame *frame = frame_new(100);
    queue_init(&q, 264);
    assert_true(queue_takes(&q, 7, 264));
    assert_false(queue_takes(&q, 7, 265));
    assert_true(queue_push(&q, 0, 7, frame));
    assert_false(queue_takes(&q, 7, 1)); /* It is there. */
    assert_true(queue_takes(&q, 8, 164));
    assert_false(queue_takes(&q, 8, 165));
    assert_true(queue_push(&q, 0, 0, frame));
    assert_true(queue_takes(&q, 0, 1)); /* It counts as 64. */
    assert_false(queue_takes(&q, 0, 65));
    queue_free(&q);
    frame_release(frame);
}

static void a_frame_is_freed_when_the_last_queue_lets_go(void **state)
{
    (void)state;
    struct queue a, b;
    queue_init(&a, BYTES_MAX);
    queue_init(&b, BYTES_MAX);
    struct frame *f = numbered(100, 1);
    assert_true(queue_push(&a, 0, 0, f));
    assert_true(queue_push(&b, 0, 9, f));
    assert_int_equal(f->references, 3);
    queue_pop(&a);
    assert_int_equal(f->references, 2);
    assert_true(queue_drop(&b, 9));
    assert_int_equal(f->references, 1);
    assert_true(queue_push(&a, 0, 0, f));
    queue_free(&a);
    assert_int_equal(f->references, 1);
    frame_release(f);
    queue_free(&b);
}

/* The same operations on a list that is searched from end to end. */
struct naive {
    struct naive_item {
        uint64_t order;
        uint64_t tag;
        size_t size;
        uint32_t number;
    } items[1000];
    unsigned count; /* In the order of arrival. */
    size_t bytes;
};

static unsigned naive_tagged(const struct naive *n, uint64_t tag)
{
    unsigned i = 0;
    while (i < n->count && n->items[i].tag != tag)
        i++;
    return i;
}

static bool naive_push(struct naive *n, struct naive_item item)
{
    if (item.tag && naive_tagged(n, item.tag) < n->count)
        return true;
    if (n->bytes + item.size > BYTES_MAX)
        return false;
    n->items[n->count++] = item;
    n->bytes += item.size;
    return true;
}

static unsigned naive_first(const struct naive *n)
{
    unsigned first = 0;
    for (unsigned i = 1; i < n->count; i++)
        first = n->items[i].order < n->items[first].order ? i : first;
    return first;
}

static void naive_remove(struct naive *n, unsigned place)
{
    n->bytes -= n->items[place].size;
    n->count--;
    memmove(&n->items[place], &n->items[place + 1], (n->count - place) * sizeof n->items[0]);
}

/* Tags in different bits of the word, so that a table that looks at some only is found out. */
static uint64_t random_tag(void)
{
    uint64_t tag = (uint64_t)(rand() % 120);
    return rand() % 2 ? tag : tag << 52;
}

static void does_what_a_naive_one_does(void **state)
{
    (void)state;
    static struct naive n;
    struct queue q;
    queue_init(&q, BYTES_MAX);
    srand(1);
    for (uint32_t i = 0; i < 60000; i++) {
        /* Phases that fill it and phases that empty it. */
        int action = rand() % 10 + (i / 3000 % 2 ? 2 : -2);
        if (action < 5) {
            struct naive_item item = {(uint64_t)(rand() % 20), random_tag(),
                                      QUEUE_CHARGE_MIN + (size_t)(rand() % 30), i};
            assert_int_equal(push(&q, item.order, item.tag, item.size, i), naive_push(&n, item));
        } else if (action < 8) {
            uint64_t tag = random_tag();
            if (!tag)
                continue;
            unsigned place = naive_tagged(&n, tag);
            assert_int_equal(queue_drop(&q, tag), place < n.count);
            if (place < n.count)
                naive_remove(&n, place);
        } else if (n.count > 0) {
            unsigned first = naive_first(&n);
            expect_next(&q, n.items[first].number);
            naive_remove(&n, first);
        }
        assert_int_equal(q.count, n.count);
        assert_int_equal(q.bytes, n.bytes);
    }
    while (n.count > 0) {
        unsigned first = naive_first(&n);
        expect_next(&q, n.items[first].number);
        naive_remove(&n, first);
    }
    assert_null(queue_first(&q));
    queue_free(&q);
}

/* A hundred thousand frames: seconds if a tag were searched for, or if tags of one kind shared a
 * bucket. cmocka has no limit of time, the alarm has. */
static void a_long_queue_is_as_quick(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct queue q;
    struct frame *f = frame_new(QUEUE_CHARGE_MIN);
    queue_init(&q, (size_t)COUNT * QUEUE_CHARGE_MIN);
    alarm(2);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_true(queue_push(&q, COUNT - i, 1ull << 63 | i << 40, f));
    for (uint64_t i = 0; i < COUNT; i += 2)
        assert_true(queue_drop(&q, 1ull << 63 | i << 40));
    assert_int_equal(q.count, COUNT / 2);
    alarm(0);
    queue_free(&q);
    assert_int_equal(f->references, 1);
    frame_release(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lower_orders_leave_first_equal_ones_as_they_came),
        cmocka_unit_test(takes_what_fits_and_not_a_byte_more),
        cmocka_unit_test(tiny_frames_are_bounded_too),
        cmocka_unit_test(a_tag_is_in_once_and_can_be_taken_back),
        cmocka_unit_test(says_beforehand_what_it_takes),
        cmocka_unit_test(a_frame_is_freed_when_the_last_queue_lets_go),
        cmocka_unit_test(does_what_a_naive_one_does),
        cmocka_unit_test(a_long_queue_is_as_quick),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
