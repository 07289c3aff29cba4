/* The source itself, for its buckets. */
#include "node/cli/histogram.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <stdlib.h>

static struct histogram h;

static int empty(void **state)
{
    (void)state;
    memset(&h, 0, sizeof h);
    return 0;
}

static uint64_t random_next(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void an_empty_one_says_zero(void **state)
{
    (void)state;
    assert_int_equal(histogram_quantile(&h, 0), 0);
    assert_int_equal(histogram_quantile(&h, 0.5), 0);
    assert_int_equal(histogram_quantile(&h, 1), 0);
}

static void buckets_follow_one_another(void **state)
{
    (void)state;
    assert_int_equal(bucket_of(0), 0);
    assert_int_equal(bucket_of(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    assert_int_equal(bucket_last(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
    for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        assert_int_equal(bucket_of(bucket_last(i)), i);
        assert_int_equal(bucket_of(bucket_last(i) + 1), i + 1);
    }
}

static void a_bucket_is_narrow(void **state)
{
    (void)state;
    for (unsigned i = 1; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t first = bucket_last(i - 1) + 1;
        assert_true(bucket_last(i) - first <= first / HISTOGRAM_LINEAR);
    }
}

static void one_value_is_every_quantile(void **state)
{
    (void)state;
    histogram_add(&h, 123456789);
    assert_int_equal(histogram_quantile(&h, 0), 123456789);
    assert_int_equal(histogram_quantile(&h, 0.5), 123456789);
    assert_int_equal(histogram_quantile(&h, 1), 123456789);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t value = 1; value <= 200; value++)
        histogram_add(&h, value);
    assert_int_equal(histogram_quantile(&h, 0), 1);
    assert_int_equal(histogram_quantile(&h, 0.05), 10);
    assert_int_equal(histogram_quantile(&h, 0.5), 100);
    assert_int_equal(histogram_quantile(&h, 0.95), 190);
    assert_int_equal(histogram_quantile(&h, 0.99), 198);
    assert_int_equal(histogram_quantile(&h, 1), 200);
}

static int compare(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;
    return (*a > *b) - (*a < *b);
}

/* Against a sorted array, with values of all magnitudes. */
static void quantiles_are_close_and_never_below(void **state)
{
    static const double quantiles[] = {0, 0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1};
    enum { COUNT = 10000 };
    static uint64_t values[COUNT];
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t random = seed;
        memset(&h, 0, sizeof h);
        for (unsigned i = 0; i < COUNT; i++) {
            values[i] = random_next(&random) >> random_next(&random) % 64;
            histogram_add(&h, values[i]);
        }
        qsort(values, COUNT, sizeof values[0], compare);
        for (unsigned k = 0; k < sizeof quantiles / sizeof quantiles[0]; k++) {
            size_t rank = (size_t)ceil(quantiles[k] * COUNT);
            uint64_t exact = values[rank ? rank - 1 : 0];
            uint64_t found = histogram_quantile(&h, quantiles[k]);
            assert_true(found >= exact);
            assert_true(found - exact <= exact / HISTOGRAM_LINEAR);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_one_says_zero, empty),
        cmocka_unit_test_setup(buckets_follow_one_another, empty),
        cmocka_unit_test_setup(a_bucket_is_narrow, empty),
        cmocka_unit_test_setup(one_value_is_every_quantile, empty),
        cmocka_unit_test_setup(small_values_are_exact, empty),
        cmocka_unit_test_setup(quantiles_are_close_and_never_below, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
