#include "testnet/recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "testnet/page.h"

static char directory[] = "/tmp/test_recording.XXXXXX";
static struct recording recording;
static char message[512];

static int setup(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"series.csv", "events.csv", "summary.json", "versions.txt",
                                        "cluster.json"};
    char path[128];
    for (unsigned k = 0; k < 5; k++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[k]);
        unlink(path);
    }
    return rmdir(directory);
}

static json_t *model_of(const struct recording *r, bool live, double after)
{
    size_t size;
    char *text = recording_json(&r, 1, live, after, &size);
    assert_int_equal(strlen(text), size);
    json_t *model = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(model);
    free(text);
    return model;
}

static json_t *run_of(const json_t *model)
{
    return json_array_get(json_object_get(model, "runs"), 0);
}

static const json_t *column(const json_t *model, const char *field, size_t node)
{
    return json_array_get(json_object_get(json_object_get(run_of(model), "fields"), field), node);
}

static double number(const json_t *column, size_t k)
{
    const json_t *value = json_array_get(column, k);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void an_aborted_run_is_read_as_far_as_it_came(void **state)
{
    (void)state;
    write_file("series.csv", "t_s,node,epoch_agreed,what_comes_later,confirmed_bytes,rate_in\n"
                             "0.5,0,1,x,100,1000\n0.5,2,1,x,50,0\n"
                             "1.5,0,2,x,200,1000\n1.5,2,2,x,,0\n"
                             "2.5,2,3,x,70,0\n2.5,0,3,x,7000,10");
    write_file("events.csv", "t_s,kind,nodes,detail\n1.0,kill,1,\"1\"\n2.0,partition,,\"0,1|2\"\n");
    assert_int_equal(recording_load(&recording, directory, message, sizeof message), 0);
    assert_int_equal(recording.n, 3);
    assert_int_equal(recording.count, 3);
    assert_false(recording.complete);
    assert_true(recording_at(&recording, 1, 0)[FIELD_CONFIRMED_BYTES] == 200);
    assert_true(isnan(recording_at(&recording, 1, 2)[FIELD_CONFIRMED_BYTES]));
    assert_true(isnan(recording_at(&recording, 1, 1)[FIELD_EPOCH_AGREED]));
    assert_true(isnan(recording_at(&recording, 0, 2)[FIELD_RATE_IN]));  /* Without limit. */
    assert_true(recording_at(&recording, 2, 0)[FIELD_RATE_IN] == 1000); /* It was not asked. */
    json_t *model = model_of(&recording, false, -INFINITY);
    const json_t *run = run_of(model);
    assert_int_equal(json_array_size(json_object_get(run, "nodes")), 3);
    assert_true(json_is_false(json_object_get(run, "complete")));
    assert_true(number(column(model, "epoch_agreed", 2), 2) == 3);
    assert_true(isnan(number(column(model, "epoch_agreed", 0), 2)));
    assert_null(column(model, "height", 0)); /* Nothing is known of it. */
    const json_t *cut = json_array_get(json_object_get(run, "events"), 1);
    assert_string_equal(json_string_value(json_object_get(cut, "detail")), "0,1|2");
    json_decref(model);
    recording_free(&recording);
}

static void what_was_watched_has_no_end(void **state)
{
    (void)state;
    write_file("series.csv", "t_s,node,height\n1,0,2\n1,1,2\n");
    write_file("cluster.json", "{\"about\":{\"mode\":\"dl\"},\"nodes\":[{\"id\":0},{\"id\":1}]}");
    assert_int_equal(recording_load(&recording, directory, message, sizeof message), 0);
    assert_true(recording.complete);
    assert_string_equal(json_string_value(json_object_get(recording.about, "mode")), "dl");
    assert_int_equal(json_array_size(recording.nodes), 2);
    recording_free(&recording);
    write_file("cluster.json", "{\"about\":{},\"nodes\":[]}"); /* Not of these nodes. */
    assert_int_equal(recording_load(&recording, directory, message, sizeof message), 0);
    assert_false(recording.complete);
    assert_int_equal(json_array_size(recording.nodes), 2);
    recording_free(&recording);
    write_file("cluster.json", "");
}

static void what_is_no_run_is_refused(void **state)
{
    (void)state;
    write_file("series.csv", "time,site\n1,2\n");
    assert_int_equal(recording_load(&recording, directory, message, sizeof message), -1);
    assert_non_null(strstr(message, "series.csv:1: this is no series of a run"));
    write_file("series.csv", "t_s,node,height\n1,999,2\n");
    assert_int_equal(recording_load(&recording, directory, message, sizeof message), -1);
    assert_non_null(strstr(message, "node 999"));
    assert_int_equal(recording_load(&recording, "/no/such/run", message, sizeof message), -1);
    write_file("series.csv", ""); /* It was stopped before the first line, */
    assert_int_equal(recording_load(&recording, directory, message, sizeof message), -1);
    write_file("series.csv", "t_s,node,height\n"); /* or just after it. */
    assert_int_equal(recording_load(&recording, directory, message, sizeof message), -1);
    assert_non_null(strstr(message, "there is no sample in it yet"));
}

static void a_summary_gives_figures(void **state)
{
    (void)state;
    write_file("series.csv", "t_s,node,height\n1,0,2\n1,1,2\n");
    write_file("summary.json",
               "{\"scenario\":\"x<y\",\"n\":2,\"f\":0,\"measured_s\":10,\"shaped\":true,\"nodes\":["
               "{\"confirmed_bytes\":100,\"confirmed_over_rate\":0.5,\"latency_ms\":{\"local\":"
               "{\"p50\":10,\"p95\":20}}},"
               "{\"confirmed_bytes\":300,\"confirmed_over_rate\":0.7,\"latency_ms\":{\"local\":"
               "{\"p50\":null}}}]}");
    write_file("versions.txt", "ledger-node 0.1\nmachine: 2 cores\n");
    assert_int_equal(recording_load(&recording, directory, message, sizeof message), 0);
    assert_true(recording.complete);
    json_t *model = model_of(&recording, false, -INFINITY);
    const json_t *run = run_of(model);
    const json_t *figures = json_object_get(run, "figures");
    static const double values[] = {20, 0.6, 0.5, 10, 20};
    static const char *const units[] = {"B/s", "ratio", "ratio", "ms", "ms"};
    assert_int_equal(json_array_size(figures), 5); /* The others are not in this summary. */
    for (size_t k = 0; k < 5; k++) {
        const json_t *figure = json_array_get(figures, k);
        assert_true(fabs(json_number_value(json_object_get(figure, "value")) - values[k]) < 1e-9);
        assert_string_equal(json_string_value(json_object_get(figure, "unit")), units[k]);
    }
    const json_t *nodes = json_object_get(run, "nodes");
    assert_true(json_is_null(json_object_get(json_array_get(nodes, 1), "latency_ms")));
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(run, "about"), "machine")), "2 cores");
    json_decref(model);
    recording_free(&recording);
}

static void a_live_recording_keeps_the_newest_and_tells_what_is_new(void **state)
{
    (void)state;
    recording_init(&recording, "live", 2, 5);
    for (unsigned k = 0; k < 12; k++)
        recording_add(&recording, k + 0.0004)[FIELDS + FIELD_HEIGHT] = k;
    recording_event(&recording, 3, "kill", "1", "");
    recording_event(&recording, 11, "heal", "", "");
    assert_int_equal(recording.count, 5);
    json_t *model = model_of(&recording, true, -INFINITY);
    assert_int_equal(json_array_size(json_object_get(run_of(model), "t")), 5);
    assert_true(number(column(model, "height", 1), 0) == 7);
    assert_int_equal(json_object_size(json_object_get(run_of(model), "fields")), FIELDS);
    json_decref(model);
    model = model_of(&recording, true, 10.000); /* As it was told: in three digits. */
    assert_int_equal(json_array_size(json_object_get(run_of(model), "t")), 1);
    assert_true(number(column(model, "height", 1), 0) == 11);
    assert_int_equal(json_array_size(json_object_get(run_of(model), "events")), 1);
    json_decref(model);
    recording_free(&recording);
}

static void a_large_live_recording_is_told_in_parts(void **state)
{
    (void)state;
    recording_init(&recording, "ä,<b>/..", 64, 600);
    assert_string_equal(recording.name, "____b__..");
    for (unsigned k = 0; k < 600; k++)
        recording_add(&recording, k)[FIELD_HEIGHT] = k;
    json_t *model = model_of(&recording, true, -INFINITY);
    const json_t *t = json_object_get(run_of(model), "t");
    assert_in_range(json_array_size(t), 60, 120);
    assert_true(number(t, json_array_size(t) - 1) == 599);
    json_decref(model);
    model = model_of(&recording, true, 580);
    assert_int_equal(json_array_size(json_object_get(run_of(model), "t")), 19); /* Each. */
    json_decref(model);
    recording_free(&recording);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void an_hour_of_64_nodes_is_below_10_mb(void **state)
{
    (void)state;
    recording_init(&recording, "hour", 64, 0);
    for (unsigned k = 0; k < 3600; k++) {
        double *values = recording_add(&recording, k);
        for (unsigned i = 0; i < 64 * FIELDS; i++)
            values[i] = 1e10 + 1e6 * k + i;
    }
    const double from = seconds();
    const struct recording *r = &recording;
    size_t size, page_size;
    char *data = recording_json(&r, 1, false, -INFINITY, &size);
    char *page = page_html(data, &page_size);
    print_message("%zu bytes of data, %zu of page, in %.2f s\n", size, page_size, seconds() - from);
    assert_in_range(page_size, 2 << 20, 10000000);
    json_t *model = json_loads(data, 0, NULL);
    const json_t *t = json_object_get(run_of(model), "t");
    assert_in_range(json_array_size(t), 200, 600);
    assert_true(number(t, json_array_size(t) - 1) == 3599); /* The end is there. */
    json_decref(model);
    free(page);
    free(data);
    recording_free(&recording);
}

static void no_data_ends_its_element(void **state)
{
    (void)state;
    static const char data[] = "{\"name\":\"</script><script>alert(1)</script>\"}";
    size_t size;
    char *page = page_html(data, &size);
    assert_int_equal(strlen(page), size);
    assert_null(strstr(page, "alert(1)</script>"));
    assert_non_null(strstr(page, "\\u003c/script>\\u003cscript>alert(1)\\u003c/script>"));
    assert_null(strstr(page, "<!-- "));
    free(page);
    page = page_html(NULL, &size);
    assert_null(strstr(page, "id=\"data\"")); /* Live. */
    assert_non_null(strstr(page, "Content-Security-Policy\" content=\"default-src 'none'"));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_aborted_run_is_read_as_far_as_it_came),
        cmocka_unit_test(what_was_watched_has_no_end),
        cmocka_unit_test(what_is_no_run_is_refused),
        cmocka_unit_test(a_summary_gives_figures),
        cmocka_unit_test(a_live_recording_keeps_the_newest_and_tells_what_is_new),
        cmocka_unit_test(a_large_live_recording_is_told_in_parts),
        cmocka_unit_test(an_hour_of_64_nodes_is_below_10_mb),
        cmocka_unit_test(no_data_ends_its_element),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
