/* What a scenario says of links: rates that change, traces, delays. */
#include <math.h>

#include "tests/scenario_fixture.h"

#define SQUARE "[rates square]\nhigh = 18 MB/s\nlow = 2 MB/s\nperiod = 20 s\nstep = 0.5 s\n" LOAD

static void square_waves_have_period_and_duty(void **state)
{
    (void)state;
    struct scenario s;
    must_load("[scenario]\nnodes = 8\nduration = 200 s\nwarmup = 0 s\nscale = 0.5\n" SQUARE, &s);
    assert_int_equal(s.rate_count, 400);
    unsigned alike = 0;
    for (unsigned node = 0; node < 8; node++) {
        unsigned high = 0, changes = 0;
        for (unsigned i = 0; i < 400; i++) {
            const uint64_t rate = scenario_rate(&s, node, i * 0.5);
            assert_true(rate == 9000000 || rate == 1000000);
            high += rate == 9000000;
            changes += i > 0 && rate != scenario_rate(&s, node, i * 0.5 - 0.5);
            if (i >= 40)
                assert_int_equal(rate, scenario_rate(&s, node, i * 0.5 - 20));
        }
        assert_int_equal(high, 200);
        assert_in_range(changes, 19, 20);
        assert_true(scenario_bytes(&s, node, 0, 200) == 200 * 5e6);
        assert_true(scenario_bytes(&s, node, 1, 1.25) == 0.25 * (double)scenario_rate(&s, node, 1));
        alike += memcmp(s.rates, s.rates + node * 400, 400 * sizeof *s.rates) == 0;
    }
    assert_in_range(alike, 1, 3); /* Of 40 phases. */
    scenario_free(&s);
}

#define GAUSS                                                                   \
    "duration = 10000 s\nwarmup = 0 s\n[rates gauss-markov]\nmean = 100 MB/s\n" \
    "deviation = 5 MB/s\n"

/* Over 10,000 s, at correlation 0.9 a second, whatever the step. */
static void gauss_markov_is_as_said(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned second; /* Steps in one. */
    } rows[] = {
        {"[scenario]\nnodes = 3\n" GAUSS "correlation = 0.9\n" LOAD, 1},
        {"[scenario]\nnodes = 3\n" GAUSS "correlation = 0.9\nstep = 0.5 s\n" LOAD, 2},
    };
    for (size_t row = 0; row < 2; row++) {
        struct scenario s;
        must_load(rows[row].text, &s);
        assert_int_equal(s.rate_count, 10000 * rows[row].second);
        for (unsigned node = 0; node < 3; node++) {
            const uint64_t *rates = s.rates + node * s.rate_count;
            const unsigned second = rows[row].second;
            double sum = 0, square = 0, product = 0;
            for (size_t i = 0; i < s.rate_count; i++) {
                const double x = (double)rates[i] / 1e6 - 100;
                sum += x;
                square += x * x;
                if (i >= second)
                    product += x * ((double)rates[i - second] / 1e6 - 100);
            }
            const double count = (double)s.rate_count;
            assert_true(fabs(sum / count) < 1);
            assert_true(fabs(sqrt(square / count) - 5) < 0.4);
            assert_true(fabs(product / square - 0.9) < 0.015);
            assert_true(fabs(scenario_bytes(&s, node, 0, 1e9) / (double)s.duration_s / 1e6 - 100 -
                             sum / count) < 1e-6);
        }
        scenario_free(&s);
    }
}

static void negative_rates_are_the_least(void **state)
{
    (void)state;
    struct scenario s;
    must_load("[scenario]\nnodes = 2\nduration = 10000 s\n[rates gauss-markov]\nmean = 10 MB/s\n"
              "deviation = 10 MB/s\ncorrelation = 0.5\n" LOAD,
              &s);
    size_t least = 0;
    for (size_t i = 0; i < s.nodes * s.rate_count; i++) {
        assert_true(s.rates[i] >= RATE_LEAST);
        least += s.rates[i] == RATE_LEAST;
    }
    /* One deviation below the mean: 15.9 % of the time. */
    assert_true(fabs((double)least / (double)(s.nodes * s.rate_count) - 0.159) < 0.015);
    scenario_free(&s);
}

static void traces_follow_from_the_seed(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        SQUARE,
        "[rates gauss-markov]\nmean = 10 MB/s\ndeviation = 5 MB/s\ncorrelation = 0.98\n" LOAD};
    for (size_t i = 0; i < 2; i++) {
        struct scenario s[3];
        for (unsigned run = 0; run < 3; run++) {
            char text[512];
            snprintf(text, sizeof text, "[scenario]\nnodes = 4\nduration = 60 s\nseed = %u\n%s",
                     run / 2 + 1, bodies[i]);
            must_load(text, &s[run]);
        }
        const size_t size = 4 * s[0].rate_count * sizeof(uint64_t);
        assert_memory_equal(s[0].rates, s[1].rates, size);
        assert_memory_not_equal(s[0].rates, s[2].rates, size);
        for (unsigned run = 0; run < 3; run++)
            scenario_free(&s[run]);
    }
}

/* The mean is of the measured part alone, and steps may be cut by its ends. */
static void takes_the_mean_of_the_measured_part(void **state)
{
    (void)state;
    struct scenario s;
    write_text("t.csv", "0,0,8\n2,0,2\n4,0,6\n");
    must_load("[scenario]\nnodes = 1\nwarmup = 3 s\nduration = 2 s\n[rates file]\nfile = t.csv\n"
              "step = 2 s\n" LOAD,
              &s);
    assert_int_equal(s.rate_count, 3);
    assert_true(scenario_bytes(&s, 0, 3, 5) == 2 * 4e6);
    assert_int_equal(scenario_rate(&s, 0, -1), 8000000);
    assert_int_equal(scenario_rate(&s, 0, 1.9), 8000000);
    assert_int_equal(scenario_rate(&s, 0, 2), 2000000);
    assert_int_equal(scenario_rate(&s, 0, 60), 6000000);
    assert_int_equal(scenario_rate_max(&s), 8000000);
    scenario_free(&s);
}

static void reads_a_trace_of_ones_own(void **state)
{
    (void)state;
    struct scenario s;
    write_text("t.csv", "# Mine.\nt_s,node,MB_s\n0,1,4\n0, 0, 2\r\n\n1.4,0,0\n3,0,1\n9,1,7\n");
    must_load(TRACED LOAD, &s);
    static const uint64_t expected[] = {1000000, RATE_LEAST, RATE_LEAST, 500000,  500000,
                                        2000000, 2000000,    2000000,    2000000, 2000000};
    assert_int_equal(s.rate_count, 5);
    assert_memory_equal(s.rates, expected, sizeof expected);
    scenario_free(&s);
    must_load(TRACED LOAD "[node 1]\nrate = 3 MB/s\n", &s);
    assert_int_equal(scenario_rate(&s, 1, 4), 1500000);
    assert_int_equal(scenario_rate(&s, 0, 4), 500000);
    scenario_free(&s);
}

static void says_what_is_wrong_with_a_trace(void **state)
{
    (void)state;
#define ROW "give t_s,node,MB_s, as 12,0,9.5 with a rate up to 1000000"
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "0: node 0 is missing; add a line 0,0,RATE"},
        {"0,0,1\n", "1: node 1 is missing; add a line 0,1,RATE"},
        {"0,0\n", "1: " ROW},
        {"0,0,1,2\n", "1: " ROW},
        {"-1,0,1\n", "1: " ROW},
        {"x,0,1\n", "1: " ROW},
        {"0,x,1\n", "1: " ROW},
        {"0,0,-1\n", "1: " ROW},
        {"0,0,1000001\n", "1: " ROW},
        {"0,0,1\nt_s,node,MB_s\n", "2: " ROW},
        {"0,2,1\n", "1: node 2; the scenario has nodes from 0 to 1"},
        {"1,0,1\n", "1: node 0 has no rate before; begin with 0,0,RATE"},
        {"0,0,1\n3,0,1\n2,0,1\n", "3: node 0 has a later line before; sort them by time"},
        {"0,0,1\n0,\x01,1\n", "2: control character 0x01; the file is text, remove it"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char expected[512];
        struct scenario s;
        write_text("t.csv", rows[i].text);
        assert_int_equal(load(TRACED LOAD, &s), -1);
        snprintf(expected, sizeof expected, "%s:%s", path_of("t.csv"), rows[i].message);
        assert_string_equal(message, expected);
        assert_null(s.rates);
    }
    char line[4200];
    for (unsigned longer = 0; longer <= 1; longer++) {
        struct scenario s;
        memset(line, 'x', sizeof line);
        line[4095 + longer] = '\0';
        write_text("t.csv", line);
        assert_int_equal(load(TRACED LOAD, &s), -1);
        assert_non_null(strstr(message, longer ? "at most 4095 characters" : ROW));
        memset(line, ',', 160);
        line[159 + longer] = '\0';
        write_text("t.csv", line);
        assert_int_equal(load(TRACED LOAD, &s), -1);
        assert_non_null(strstr(message, longer ? "at most 160 fields" : ROW));
    }
    struct scenario s;
    assert_int_equal(
        load("[scenario]\nnodes = 2\nduration = 5 s\n[rates file]\nfile = /no\n" LOAD, &s), -1);
    assert_string_equal(message, "/no: cannot be opened: No such file or directory");
}

static void reads_delays(void **state)
{
    (void)state;
    struct scenario s;
    write_text("t.csv", "# Far.\nsite,a,b,c\na,0,35.25,1\nb,40,7,1\nc,1,1,0\n");
    must_load(PLACED, &s);
    assert_int_equal(s.delay_us[0][1], 35250);
    assert_int_equal(s.delay_us[1][0], 40000);
    assert_int_equal(s.delay_us[1][1], 0);
    scenario_free(&s);
}

static void says_what_is_wrong_with_delays(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "0: no head; begin with site, then the names of all sites"},
        {"a,0,1\n", "1: no head; begin with site, then the names of all sites"},
        {"site,a\n", "1: 1 sites; the scenario has 2 nodes"},
        {"site,a,b\nb,0,1\n", "2: no row of a; sites have rows in the order of the head"},
        {"site,a,b\na,0,1\n", "2: no row of b; sites have rows in the order of the head"},
        {"site,a,b\na,0\n", "2: 1 delays; give one to each site of the head"},
        {"site,a,b\na,0,x\n", "2: x is no delay; give ms from 0 to 10000"},
        {"site,a,b\na,0,10001\n", "2: 10001 is no delay; give ms from 0 to 10000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char expected[512];
        struct scenario s;
        write_text("t.csv", rows[i].text);
        assert_int_equal(load(PLACED, &s), -1);
        snprintf(expected, sizeof expected, "%s:%s", path_of("t.csv"), rows[i].message);
        assert_string_equal(message, expected);
        assert_null(s.rates);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(square_waves_have_period_and_duty),
        cmocka_unit_test(gauss_markov_is_as_said),
        cmocka_unit_test(negative_rates_are_the_least),
        cmocka_unit_test(traces_follow_from_the_seed),
        cmocka_unit_test(takes_the_mean_of_the_measured_part),
        cmocka_unit_test(reads_a_trace_of_ones_own),
        cmocka_unit_test(says_what_is_wrong_with_a_trace),
        cmocka_unit_test(reads_delays),
        cmocka_unit_test(says_what_is_wrong_with_delays),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
