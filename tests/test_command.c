#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "testnet/command.h"

static char message[256];

static int parse(const char *text, struct command *c)
{
    message[0] = '\0';
    return command_parse(text, 5, c, message, sizeof message);
}

static void reads_rates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t rate;
    } rows[] = {
        {"5mbit", 625000},  {"625KB/s", 625000},   {"1.5MB/s", 1500000}, {"1.5 MB/s", 1500000},
        {"200kbit", 25000}, {"8000bit", 1000},     {"1kB/s", 1000},      {"1gbit", 125000000},
        {"1000B/s", 1000},  {"2GB/s", 2000000000}, {"unlimited", 0},     {"80 mbit", 10000000},
        {".5MB/s", 500000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t rate = 1;
        assert_true(rate_parse(rows[i].text, &rate));
        assert_int_equal(rate, rows[i].rate);
    }
    static const char *const bad[] = {
        "",         "5",          "mbit",
        "5 mbit x", "-5mbit",     "+5mbit",
        "5e3kbit",  "0x5mbit",    "5Mbit",
        "inf",      "nanmbit",    "1.2.3MB/s",
        ".MB/s",    "0MB/s",      "0.9kB/s",
        "1001GB/s", " 5mbit",     "5mbit ",
        "5,5mbit",  "unlimited ", "99999999999999999999999999999999999999999999999999GB/s",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t rate;
        if (rate_parse(bad[i], &rate))
            fail_msg("%s", bad[i]);
    }
}

static void reads_commands(void **state)
{
    (void)state;
    struct command c;
    assert_int_equal(parse("kill 3", &c), 0);
    assert_int_equal(c.kind, COMMAND_KILL);
    assert_int_equal(c.node, 3);
    assert_int_equal(parse("  restart \t 0 ", &c), 0);
    assert_int_equal(c.kind, COMMAND_RESTART);
    assert_int_equal(c.node, 0);
    assert_int_equal(parse("replace 1", &c), 0);
    assert_int_equal(c.kind, COMMAND_REPLACE);
    assert_int_equal(c.node, 1);
    assert_int_equal(parse("pause 2", &c), 0);
    assert_int_equal(c.kind, COMMAND_PAUSE);
    assert_int_equal(c.node, 2);
    assert_int_equal(parse("resume 2", &c), 0);
    assert_int_equal(c.kind, COMMAND_RESUME);
    assert_int_equal(c.node, 2);
    assert_int_equal(parse("rate 4 1.5 MB/s", &c), 0);
    assert_int_equal(c.kind, COMMAND_RATE);
    assert_int_equal(c.node, 4);
    assert_int_equal(c.rate, 1500000);
    assert_int_equal(parse("rate 4 unlimited", &c), 0);
    assert_int_equal(c.rate, 0);
    assert_int_equal(parse("heal", &c), 0);
    assert_int_equal(c.kind, COMMAND_HEAL);
    assert_int_equal(parse("down ", &c), 0);
    assert_int_equal(c.kind, COMMAND_DOWN);
    assert_int_equal(parse("status", &c), 0);
    assert_int_equal(c.kind, COMMAND_STATUS);
    for (unsigned i = 0; i < COMMAND_KINDS; i++)
        assert_non_null(command_names[i]);
}

static void reads_partitions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t group[5];
    } rows[] = {
        {"partition 0,1|2,3,4", {0, 0, 1, 1, 1}}, {"partition 3-4|0-2", {1, 1, 1, 0, 0}},
        {"partition 0,2-2,4", {0, 1, 0, 2, 0}},   {"partition 4", {1, 2, 3, 4, 0}},
        {"partition 0|1|2|3|4", {0, 1, 2, 3, 4}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct command c;
        assert_int_equal(parse(rows[i].text, &c), 0);
        assert_int_equal(c.kind, COMMAND_PARTITION);
        assert_memory_equal(c.group, rows[i].group, 5);
    }
    struct command c; /* 128 nodes, each alone but one. */
    assert_int_equal(command_parse("partition 127", RELAY_SITES_MAX, &c, message, sizeof message),
                     0);
    assert_int_equal(c.group[127], 0);
    assert_int_equal(c.group[126], 127);
}

#define GROUPS "; give groups of nodes from 0 to 4, none twice, as 0,1|2-4"
#define KNOWN  "; give kill, restart, replace, pause, resume, rate, partition, heal, down or status"

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "unknown command " KNOWN},
        {"kil 3", "unknown command kil 3" KNOWN},
        {"killed 3", "unknown command killed 3" KNOWN},
        {"kill", "kill ; give kill and a node from 0 to 4"},
        {"kill 5", "kill 5; give kill and a node from 0 to 4"},
        {"kill x", "kill x; give kill and a node from 0 to 4"},
        {"kill -1", "kill -1; give kill and a node from 0 to 4"},
        {"kill 1 2", "kill 1 2; give kill and a node from 0 to 4"},
        {"kill 4294967296", "kill 4294967296; give kill and a node from 0 to 4"},
        {"restart 1x", "restart 1x; give restart and a node from 0 to 4"},
        {"pause", "pause ; give pause and a node from 0 to 4"},
        {"resume 1 2", "resume 1 2; give resume and a node from 0 to 4"},
        {"rate", "rate ; give rate and a node from 0 to 4, then a rate"},
        {"rate 5mbit", "rate 5mbit; give rate and a node from 0 to 4, then a rate"},
        {"rate 3", "rate 3 ; give " RATE_FORM},
        {"rate 3 fast", "rate 3 fast; give " RATE_FORM},
        {"partition", "partition " GROUPS},
        {"partition 0,5", "partition 0,5" GROUPS},
        {"partition 0,1|1", "partition 0,1|1" GROUPS},
        {"partition 0,,1", "partition 0,,1" GROUPS},
        {"partition 0|", "partition 0|" GROUPS},
        {"partition 2-1", "partition 2-1" GROUPS},
        {"partition 0-", "partition 0-" GROUPS},
        {"partition 0 1", "partition 0 1" GROUPS},
        {"heal 3", "heal 3; give heal alone"},
        {"status 3", "status 3; give status alone"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct command c;
        assert_int_equal(parse(rows[i].text, &c), -1);
        assert_string_equal(message, rows[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_rates),
        cmocka_unit_test(reads_commands),
        cmocka_unit_test(reads_partitions),
        cmocka_unit_test(says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
