#include "node/cli/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static struct watched node;
static char line[WATCH_LINE_MAX];

static int setup(void **state)
{
    (void)state;
    node = (struct watched){0};
    return 0;
}

static void answer(double at_s, unsigned confirmed, unsigned votes)
{
    json_t *stats =
        json_pack("{s:s, s:i, s:i, s:i, s:i, s:{s:i, s:i, s:i}}", "state", "catching_up",
                  "epoch_agreed", 120, "epoch_executed", 100, "peers", 3, "confirmed_bytes",
                  (int)confirmed, "rx_bytes", "votes", (int)votes, "dispersal", 0, "retrieval", 0);
    watch_take(&node, at_s, stats);
    json_decref(stats);
}

/* In a terminal each character takes a column. */
static unsigned columns(const char *text)
{
    unsigned count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void a_line_says_how_a_node_is(void **state)
{
    (void)state;
    answer(10, 1000, 0);
    watch_line(&node, 7, 4000, 100, line);
    assert_int_equal(strncmp(line, "   7 catching_up      120      20      3          -", 50), 0);
    answer(12, 9000, 50000000);
    watch_line(&node, 7, 4000, 100, line);
    assert_non_null(strstr(line, " 4.00 kB/s   25 MB/s    0 B/s "));
    assert_int_equal(strcmp(line + strlen(line) - strlen("█"), "█"), 0);
    answer(13, 10000, 50000000);
    watch_line(&node, 7, 4000, 100, line);
    answer(14, 10001, 50000000); /* However little: it is there. */
    watch_line(&node, 7, 4000, 100, line);
    assert_int_equal(strcmp(line + strlen(line) - strlen("█▂▁"), "█▂▁"), 0);
}

static void what_a_node_says_of_another_life_is_no_rate(void **state)
{
    (void)state;
    const struct watched fresh = {0};
    watch_line(&fresh, 3, 1, 100, line);
    assert_string_equal(line, "   3 asked");
    answer(10, 1000, 100);
    watch_take(&node, 11, NULL);
    watch_line(&node, 3, 1, 100, line);
    assert_string_equal(line, "   3 down");
    answer(12, 20, 10); /* It was started again. */
    watch_line(&node, 3, 1, 100, line);
    assert_non_null(strstr(line, "     3          -"));
    answer(13, 520, 10);
    watch_line(&node, 3, 1, 100, line);
    assert_non_null(strstr(line, "  500 B/s "));
}

static void a_line_fits_any_terminal(void **state)
{
    (void)state;
    answer(1, 1, 1);
    for (unsigned k = 0; k < 2 * WATCH_HISTORY; k++)
        answer(k + 2, 1 + 1000 * k, 1);
    for (unsigned width = 1; width < 2000; width++) {
        watch_line(&node, 0, 1, width, line);
        assert_true(columns(line) <= width);
        assert_true(strlen(line) < sizeof line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_says_how_a_node_is, setup),
        cmocka_unit_test_setup(what_a_node_says_of_another_life_is_no_rate, setup),
        cmocka_unit_test_setup(a_line_fits_any_terminal, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
