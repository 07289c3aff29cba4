#include "node/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SCRAPES = 21 };

static uint64_t faults[FAULT_COUNT][NODES_MAX];
static struct times commits;
static struct report report;

static void busy(struct times *t)
{
    for (unsigned k = 0; k < 1000; k++)
        times_add(t, (uint64_t)k * k * 300);
}

/* Every counter of a node that has run for long, as large as it may get. */
static void fill(unsigned n)
{
    report = (struct report){.application = "ledger",
                             .mode = "dl",
                             .quorum = quorum_of(n),
                             .self = 1,
                             .state = STATE_CATCHING_UP,
                             .height = UINT64_C(1) << 40,
                             .commits = &commits,
                             .faults = (const uint64_t(*)[NODES_MAX])faults,
                             .cpu_s = 1234.5};
    memset(&report.retrieval, 0x11, sizeof report.retrieval);
    memset(&report.lanes.queued_bytes, 0x11, sizeof report.lanes.queued_bytes);
    commits = (struct times){0};
    busy(&commits);
    busy(&report.pool.stays);
    for (unsigned k = 0; k < STAGES; k++)
        busy(&report.view.stages[k]);
    for (unsigned i = 0; i < n; i++) {
        memset(&report.peers[i], 0x11, sizeof report.peers[i]);
        report.peers[i].connected = true;
        for (unsigned kind = 0; kind < FAULT_COUNT; kind++)
            faults[kind][i] = 1000 * i + kind;
    }
}

struct family {
    char name[80];
    char type[12];
};

static bool ends(const char *text, size_t size, const char *end)
{
    const size_t length = strlen(end);
    return size >= length && memcmp(text + size - length, end, length) == 0;
}

/* A line `name value` or `name{labels} value` belongs to the family that was opened last. */
static void check_sample(const struct family *f, const char *line)
{
    const size_t size = strcspn(line, "{ ");
    const size_t base = strlen(f->name);
    const bool parts = strcmp(f->type, "histogram") == 0;
    assert_true(size >= base && memcmp(line, f->name, base) == 0);
    if (parts)
        assert_true(ends(line, size, "_bucket") || ends(line, size, "_sum") ||
                    ends(line, size, "_count"));
    else
        assert_int_equal(size, base);
    assert_int_equal(strcmp(f->type, "counter") == 0, ends(line, size, "_total"));
    if (line[size] == '{') {
        for (const char *quote = strchr(line, '"'); quote; quote = strchr(quote + 1, '"'))
            assert_true(quote[1] == ',' || quote[1] == '}' || quote[-1] == '=');
    }
    char *end;
    strtod(strrchr(line, ' ') + 1, &end);
    assert_int_equal(*end, '\0');
}

/* Each family is there once, with a HELP and a TYPE before its samples. Returns how many samples. */
static unsigned check(char *text)
{
    static struct family families[200];
    unsigned count = 0, samples = 0;
    bool helped = false;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        struct family next;
        if (strncmp(line, "# HELP ", 7) == 0) {
            assert_false(helped);
            helped = true;
            assert_non_null(strchr(line + 7, ' '));
        } else if (sscanf(line, "# TYPE %79s %11s", next.name, next.type) == 2) {
            assert_true(helped);
            helped = false;
            assert_int_equal(strncmp(next.name, "ledger_", 7), 0);
            for (unsigned k = 0; k < count; k++)
                assert_string_not_equal(families[k].name, next.name);
            families[count++] = next;
        } else {
            assert_true(count > 0 && !helped);
            check_sample(&families[count - 1], line);
            samples++;
        }
    }
    return samples;
}

static void the_format_is_prometheus(void **state)
{
    (void)state;
    size_t size;
    for (unsigned n = 1; n <= 64; n += 21) {
        fill(n);
        char *text = metrics_text(&report, &size);
        assert_int_equal(strlen(text), size);
        assert_true(check(text) > 100);
        free(text);
    }
}

static void expect(const char *text, const char *line)
{
    const char *at = strstr(text, line);
    if (!at || at == text || at[-1] != '\n' || at[strlen(line)] != '\n')
        fail_msg("no line %s", line);
}

static void values_are_where_they_belong(void **state)
{
    (void)state;
    size_t size;
    fill(4);
    memset(faults, 0, sizeof faults);
    faults[FAULT_BAD_SHARE][3] = 7;
    report.peers[2].traffic.tx_bytes[LANE_RETRIEVAL] = 12;
    report.clients.rx_bytes = 13;
    report.view.word = (struct word){12, 10, 4};
    report.view.checkpoint = 3;
    report.lanes.cut_connections = 5;
    report.clients.cut_connections = 6;
    report.view.checkpoint_signers = 2;
    report.snapshot_epoch = 1;
    report.snapshot_here = 14;
    report.snapshot_pieces = 15;
    commits = (struct times){.counts = {2, 1, [TIMES_BOUNDS] = 4}, .sum_us = 1500000};
    char *text = metrics_text(&report, &size);
    expect(text, "ledger_info{version=\"0.1\",node=\"1\",app=\"ledger\",mode=\"dl\"} 1");
    expect(text, "ledger_state{state=\"current\"} 0");
    expect(text, "ledger_state{state=\"catching_up\"} 1");
    expect(text, "ledger_lag_epochs 6");
    expect(text, "ledger_checkpoint_epoch 3");
    expect(text, "ledger_cut_connections_total 11");
    expect(text, "ledger_checkpoint_signers 2");
    expect(text, "ledger_snapshot_epoch 1");
    expect(text, "ledger_snapshot_pieces_here 14");
    expect(text, "ledger_snapshot_pieces 15");
    expect(text, "ledger_faults_total{kind=\"bad_share\",peer=\"3\"} 7");
    expect(text, "ledger_sent_bytes_total{purpose=\"retrieval\",peer=\"2\"} 12");
    expect(text, "ledger_received_bytes_total{purpose=\"clients\"} 13");
    expect(text, "ledger_commit_seconds_bucket{le=\"0.0001\"} 2");
    expect(text, "ledger_commit_seconds_bucket{le=\"300\"} 3");
    expect(text, "ledger_commit_seconds_bucket{le=\"+Inf\"} 7");
    expect(text, "ledger_commit_seconds_sum 1.500000");
    expect(text, "ledger_commit_seconds_count 7");
    expect(text, "ledger_stage_seconds_count{stage=\"dispersal\"} 1000");
    assert_null(strstr(text, "peer=\"1\"")); /* Nothing of itself. */
    free(text);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void a_scrape_of_64_nodes_is_quick(void **state)
{
    (void)state;
    double took_ms[SCRAPES];
    size_t size = 0;
    fill(64);
    for (unsigned k = 0; k < SCRAPES; k++) {
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        free(metrics_text(&report, &size));
        clock_gettime(CLOCK_MONOTONIC, &to);
        took_ms[k] =
            (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
    }
    qsort(took_ms, SCRAPES, sizeof *took_ms, ascending);
    print_message("%zu bytes in %.2f ms, the median of %d\n", size, took_ms[SCRAPES / 2], SCRAPES);
    assert_true(took_ms[SCRAPES / 2] < 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_format_is_prometheus),
        cmocka_unit_test(values_are_where_they_belong),
        cmocka_unit_test(a_scrape_of_64_nodes_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
