#include "tests/mempool_fixture.h"

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The plainest model there is: a state for each number. */
enum { NUMBERS = 300, ABSENT = 0, WAITING = 1 }; /* Else 1 + the epoch. */
static uint64_t model[NUMBERS];
static epoch_id epoch;
static uint64_t seed = 7;

static void take_some(void)
{
    struct writer w = writer_of(block, random_next(&seed) % 400);
    uint32_t taken = mempool_take(pool, ++epoch, UINT64_MAX, &w);
    for (struct reader r = reader_of(writer_result(&w)); taken > 0; taken--) {
        uint32_t number;
        memcpy(&number, read_slice(&r, read_u32(&r)).data, sizeof(number));
        assert_int_equal(model[number], WAITING);
        model[number] = 1 + epoch;
    }
}

static void release_one(void)
{
    epoch_id out = epoch > 4 ? epoch - random_next(&seed) % 4 : 0;
    mempool_release(pool, out);
    for (uint32_t i = 0; i < NUMBERS; i++)
        model[i] = out && model[i] == 1 + out ? WAITING : model[i];
}

static void expect_books(void)
{
    uint64_t count = 0;
    uint64_t marked = 0;
    for (uint32_t i = 0; i < NUMBERS; i++) {
        count += model[i] != ABSENT;
        marked += model[i] > WAITING;
    }
    assert_int_equal(view().count, count);
    assert_int_equal(view().marked, marked);
    assert_int_equal(mempool_waiting(pool), (count - marked) * 6);
}

static void many_random_calls_keep_the_books(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 20000; step++) {
        uint32_t n = (uint32_t)(random_next(&seed) % NUMBERS);
        struct hash id = id_of(n);
        switch (random_next(&seed) % 8) {
        case 0:
        case 1:
        case 2:
            assert_int_equal(add_sized(n, 6), model[n] ? MEMPOOL_PENDING : MEMPOOL_ADDED);
            model[n] = model[n] ? model[n] : WAITING;
            break;
        case 3:
        case 4:
            assert_int_equal(mempool_remove(pool, &id), model[n] != ABSENT);
            model[n] = ABSENT;
            break;
        case 5: take_some(); break;
        case 6: release_one(); break;
        default:
            if (step % 64 == 0)
                commit();
        }
        expect_books();
    }
    commit();
    restart();
    for (uint32_t i = 0; i < NUMBERS; i++) {
        struct hash id = id_of(i);
        assert_int_equal(mempool_has(pool, &id), model[i] != ABSENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(many_random_calls_keep_the_books)};
    return cmocka_run_group_tests_name("mempool, random calls", tests, NULL, NULL);
}
