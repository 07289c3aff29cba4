#include "testnet/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static void take(struct follower *f, const char *json)
{
    json_t *stats = json_loads(json, 0, NULL);
    assert_non_null(stats);
    follower_take(f, stats);
    json_decref(stats);
}

static void fields_are_found_by_name(void **state)
{
    (void)state;
    for (enum field k = 0; k < FIELDS; k++)
        assert_int_equal(field_find(field_name(k)), k);
    assert_int_equal(field_find("t_s"), -1);
}

static void counters_go_on_over_a_restart(void **state)
{
    (void)state;
    struct follower f;
    follower_init(&f);
    assert_true(isnan(f.value[FIELD_CONFIRMED_BYTES]));
    take(&f, "{\"confirmed_bytes\":1000,\"rx_bytes\":{\"votes\":70},\"epoch_agreed\":9}");
    take(&f, "{\"confirmed_bytes\":1500,\"rx_bytes\":{\"votes\":90},\"epoch_agreed\":12}");
    assert_true(f.value[FIELD_CONFIRMED_BYTES] == 1500);
    follower_missed(&f);
    assert_true(isnan(f.value[FIELD_CONFIRMED_BYTES]));
    take(&f, "{\"confirmed_bytes\":200,\"rx_bytes\":{\"votes\":5},\"epoch_agreed\":12}");
    assert_true(f.value[FIELD_CONFIRMED_BYTES] == 1700);
    assert_true(f.value[FIELD_RX_VOTES] == 95);
    assert_true(f.value[FIELD_EPOCH_AGREED] == 12); /* No counter: as it is. */
    assert_true(isnan(f.value[FIELD_TX_VOTES]));    /* Not said. */
}

static void latencies_are_of_what_ended_since(void **state)
{
    (void)state;
    struct follower f;
    follower_init(&f);
    take(&f, "{\"transaction_us\":{\"10000\":100}}");
    assert_in_range((int)f.value[FIELD_LATENCY_P50_MS], 5, 10);
    take(&f, "{\"transaction_us\":{\"10000\":100,\"2000000\":60,\"3000000\":40}}");
    assert_in_range((int)f.value[FIELD_LATENCY_P50_MS], 1500, 2000);
    assert_in_range((int)f.value[FIELD_LATENCY_P95_MS], 2000, 3000);
    take(&f, "{\"transaction_us\":{\"10000\":100,\"2000000\":60,\"3000000\":40}}");
    assert_true(isnan(f.value[FIELD_LATENCY_P50_MS])); /* Nothing ended. */
    take(&f, "{\"transaction_us\":{\"20000\":4}}");    /* It was started again. */
    assert_in_range((int)f.value[FIELD_LATENCY_P50_MS], 10, 20);
    take(&f, "{\"transaction_us\":{\"20000\":4,\"more\":1}}");
    assert_true(f.value[FIELD_LATENCY_P50_MS] >= 300000);
}

static void a_node_is_accused_by_others_once_each(void **state)
{
    (void)state;
    struct follower f[4];
    for (unsigned i = 0; i < 4; i++)
        follower_init(&f[i]);
    take(&f[0], "{\"faults\":{\"bad_proof\":{\"3\":7},\"bad_share\":{\"3\":1,\"1\":2}}}");
    take(&f[1], "{\"faults\":{\"equivocation\":{\"3\":1,\"1000\":1}}}");
    take(&f[3], "{\"faults\":{\"bad_proof\":{\"3\":1}}}"); /* Of itself: does not count. */
    take(&f[2], "{\"faults\":{\"malformed\":{\"0\":9},\"other_chain\":{\"0\":9}}}"); /* No lies. */
    followers_accusers(f, 4);
    assert_true(f[3].value[FIELD_ACCUSERS] == 2);
    assert_true(f[1].value[FIELD_ACCUSERS] == 1);
    assert_true(f[0].value[FIELD_ACCUSERS] == 0);
    follower_missed(&f[3]);
    assert_true(f[3].value[FIELD_ACCUSERS] == 2); /* That is what others say. */
}

static void a_node_may_say_anything(void **state)
{
    (void)state;
    struct follower f;
    follower_init(&f);
    take(
        &f,
        "{\"confirmed_bytes\":1e308,\"epoch_agreed\":-1,\"height\":[],\"cpu_s\":\"x\",\"faults\":7,"
        "\"rx_bytes\":3,\"transaction_us\":{\"100\":-5,\"200\":{}},\"state\":9}");
    for (enum field k = 0; k < FIELDS; k++)
        assert_true(isnan(f.value[k]) || (f.value[k] >= 0 && f.value[k] < 1e16));
    assert_true(isnan(f.value[FIELD_CONFIRMED_BYTES]) && isnan(f.value[FIELD_EPOCH_AGREED]));
}

static void states_are_known_by_name(void **state)
{
    (void)state;
    struct follower f;
    follower_init(&f);
    take(&f, "{\"state\":\"catching_up\"}");
    assert_true(f.value[FIELD_STATE] == 1);
    take(&f, "{\"state\":\"on fire\"}");
    assert_true(isnan(f.value[FIELD_STATE]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_by_name),
        cmocka_unit_test(counters_go_on_over_a_restart),
        cmocka_unit_test(latencies_are_of_what_ended_since),
        cmocka_unit_test(a_node_is_accused_by_others_once_each),
        cmocka_unit_test(a_node_may_say_anything),
        cmocka_unit_test(states_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
