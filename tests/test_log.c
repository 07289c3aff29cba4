#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <regex.h>
#include <unistd.h>

#include "node/log.h"

static int saved;
static int ends[2]; /* Of a pipe in stderr's place. */

static void capture(void)
{
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
}

/* What was logged since capture(). */
static const char *captured(void)
{
    static char text[1 << 16];
    dup2(saved, STDERR_FILENO);
    ssize_t size = read(ends[0], text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    close(saved);
    close(ends[0]);
    close(ends[1]);
    return text;
}

static void assert_matches(const char *text, const char *pattern)
{
    regex_t compiled;
    assert_int_equal(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int different = regexec(&compiled, text, 0, NULL, 0);
    regfree(&compiled);
    if (different)
        fail_msg("\"%s\" does not match %s", text, pattern);
}

static unsigned lines_of(const char *text)
{
    unsigned count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static void a_line_has_time_level_area_and_text(void **state)
{
    (void)state;
    capture();
    log_line(LOG_LEVEL_WARN, "net", "gone peer=%d", 3);
    assert_matches(captured(), "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]"
                               "\\.[0-9]{3}Z warn net gone peer=3\n$");
}

static void what_matters_less_than_the_level_is_left_out(void **state)
{
    (void)state;
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        capture();
        log_set_level((enum log_level)level);
        for (int line = LOG_LEVEL_ERROR; line <= LOG_LEVEL_DEBUG; line++) {
            log_line((enum log_level)line, "area", "text");
            log_limited((enum log_level)line, "levels", (uint64_t)(10 * level + line), "text");
        }
        log_set_level(LOG_LEVEL_INFO);
        assert_int_equal(lines_of(captured()), 2 * (level + 1));
    }
}

static void no_bytes_make_a_line_of_their_own(void **state)
{
    (void)state;
    capture();
    log_line(LOG_LEVEL_INFO, "a", "said \"%s\"", "x\n2026 error \x1b[31m\x7f");
    const char *text = captured();
    assert_int_equal(lines_of(text), 1);
    assert_non_null(strstr(text, "said \"x?2026 error ?[31m?\"\n"));
}

static void a_long_line_is_cut(void **state)
{
    (void)state;
    char words[2 * LOG_LINE_MAX];
    memset(words, 'x', sizeof words);
    for (unsigned size = LOG_LINE_MAX - 100; size < sizeof words; size += 7) {
        capture();
        log_line(LOG_LEVEL_INFO, "a", "%.*s", (int)size, words);
        const char *text = captured();
        assert_true(strlen(text) <= LOG_LINE_MAX);
        assert_int_equal(lines_of(text), 1);
        if (size >= LOG_LINE_MAX)
            assert_string_equal(text + strlen(text) - 5, "x...\n");
    }
}

static void a_limited_event_passes_once_in_a_while(void **state)
{
    (void)state;
    struct log_slot slot = {.used = false};
    uint64_t suppressed = 9;
    assert_true(log_slot_pass(&slot, 0, &suppressed)); /* At once, even at time 0. */
    assert_int_equal(suppressed, 0);
    for (unsigned i = 0; i < 5; i++)
        assert_false(log_slot_pass(&slot, i * (LOG_LIMIT_MS / 5), &suppressed));
    assert_false(log_slot_pass(&slot, LOG_LIMIT_MS - 1, &suppressed));
    assert_true(log_slot_pass(&slot, LOG_LIMIT_MS, &suppressed));
    assert_int_equal(suppressed, 6);
    assert_false(log_slot_pass(&slot, 2 * LOG_LIMIT_MS - 1, &suppressed));
    assert_true(log_slot_pass(&slot, 2 * LOG_LIMIT_MS, &suppressed));
    assert_int_equal(suppressed, 1);
    assert_true(log_slot_pass(&slot, 9 * LOG_LIMIT_MS, &suppressed));
    assert_int_equal(suppressed, 0);
}

static void the_rate_of_all_limited_lines_is_bounded(void **state)
{
    (void)state;
    capture();
    for (unsigned i = 0; i < 1000; i++)
        log_limited(LOG_LEVEL_WARN, "fault", 1, "bad frame peer=1");
    assert_int_equal(lines_of(captured()), 1);

    unsigned lines = 0;
    for (uint64_t key = 0; key < 10000; key++) {
        capture();
        log_limited(LOG_LEVEL_WARN, "fault", key, "bad frame");
        lines += lines_of(captured());
    }
    assert_in_range(lines, LOG_LIMIT_SLOTS / 2, LOG_LIMIT_SLOTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_area_and_text),
        cmocka_unit_test(what_matters_less_than_the_level_is_left_out),
        cmocka_unit_test(no_bytes_make_a_line_of_their_own),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(a_limited_event_passes_once_in_a_while),
        cmocka_unit_test(the_rate_of_all_limited_lines_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
