#include "node/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "node/known.h"

/* Ids of every 16384th number are in one chain of the index. */
static struct hash id_of(uint32_t number)
{
    struct hash id = {{0}};
    uint32_t chain = number % 16384;
    memcpy(id.bytes, &chain, sizeof(chain));
    memcpy(id.bytes + 8, &number, sizeof(number));
    return id;
}

static void add(struct recent *r, uint32_t number, uint64_t height, enum outcome outcome)
{
    const struct recent_end end = {id_of(number), height, number, outcome};
    recent_add(r, &end);
}

static const struct recent_end *find(const struct recent *r, uint32_t number)
{
    const struct hash id = id_of(number);
    return recent_find(r, &id);
}

static void the_newest_are_remembered_and_older_ones_are_not(void **state)
{
    (void)state;
    struct recent *r = recent_new(0x9e3779b97f4a7c15);
    assert_non_null(r);
    assert_null(find(r, 0));
    enum { OLD = RECENT_COUNT + 100 };
    for (uint32_t i = 0; i < OLD + RECENT_COUNT; i++)
        add(r, i, i, i % 2 ? OUTCOME_FAILED_FUNDS : OUTCOME_EXECUTED);
    for (uint32_t i = 0; i < OLD; i++)
        assert_null(find(r, i));
    for (uint32_t i = OLD; i < OLD + RECENT_COUNT; i++) {
        const struct recent_end *end = find(r, i);
        assert_non_null(end);
        assert_int_equal(end->height, i);
        assert_int_equal(end->outcome == OUTCOME_FAILED_FUNDS, i % 2);
    }
    recent_free(r);
}

static void the_last_word_on_an_id_counts(void **state)
{
    (void)state;
    struct recent *r = recent_new(0x9e3779b97f4a7c15);
    add(r, 5, 1, OUTCOME_SEQUENCE_USED);
    add(r, 6, 2, OUTCOME_EXECUTED);
    add(r, 5, 3, OUTCOME_EXECUTED);
    assert_int_equal(find(r, 5)->height, 3);
    for (uint32_t i = 0; i < RECENT_COUNT - 1; i++) /* The first word on 5, and 6, go. */
        add(r, 1000 + i, 0, OUTCOME_EXECUTED);
    assert_int_equal(find(r, 5)->height, 3);
    assert_null(find(r, 6));
    add(r, 999, 0, OUTCOME_EXECUTED);
    assert_null(find(r, 5));
    recent_free(r);
}

/* Ids that are chosen so that they would meet: who asks for one costs no more than for any other. */
static void chosen_ids_do_not_meet(void **state)
{
    (void)state;
    enum { CHOSEN = 100000, ASKED = 4096, WORDS = 4 };
    struct recent *r = recent_new(0x9e3779b97f4a7c15);
    struct recent_end end = {.height = 1};
    for (uint32_t i = 0; i < CHOSEN; i++) {
        memcpy(end.id.bytes + WORDS, &i, sizeof(i)); /* After what is the same in all. */
        recent_add(r, &end);
    }
    memset(end.id.bytes, 0, WORDS);
    end.id.bytes[31] = 1;
    const clock_t begun = clock();
    for (unsigned i = 0; i < ASKED; i++)
        assert_null(recent_find(r, &end.id));
    assert_in_range(clock() - begun, 0, CLOCKS_PER_SEC / 10);
    recent_free(r);
}

static void known_are_the_very_bytes(void **state)
{
    (void)state;
    assert_true(hash_init());
    struct known *k = known_new();
    assert_non_null(k);
    char bytes[] = "a transaction and its signature";
    assert_false(known_has(k, slice_of(bytes, sizeof(bytes))));
    known_add(k, slice_of(bytes, sizeof(bytes)));
    assert_true(known_has(k, slice_of(bytes, sizeof(bytes))));
    bytes[sizeof(bytes) - 2] ^= 1;
    assert_false(known_has(k, slice_of(bytes, sizeof(bytes))));
    known_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_are_remembered_and_older_ones_are_not),
        cmocka_unit_test(the_last_word_on_an_id_counts),
        cmocka_unit_test(chosen_ids_do_not_meet),
        cmocka_unit_test(known_are_the_very_bytes),
    };
    return cmocka_run_group_tests_name("recent", tests, NULL, NULL);
}
