#include "node/cli/status_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* What is told of a node 2 that says this. */
static char *told(const char *json)
{
    static char text[4096];
    json_error_t error;
    json_t *status = json_loads(json, 0, &error);
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    text[0] = '\0';
    status_tell(out, 2, status);
    fclose(out);
    json_decref(status);
    return text;
}

static void each_state_has_its_words(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"{'state':'current','faults':{},'missing':[3]}", ""},
        {"{'state':'catching_up','behind_epochs':812,'executed_per_s':61.25,'agreed_per_s':10.0,"
         "'current_in_s':15.8}",
         "node 2 is 812 epochs behind: it executes 61.2 a second while 10.0 are agreed, and is "
         "current in about 16 s\n"},
        {"{'state':'catching_up','behind_epochs':812,'executed_per_s':4,'agreed_per_s':10,"
         "'current_in_s':null}",
         "node 2 is 812 epochs behind: it executes 4.0 a second while 10.0 are agreed, and comes "
         "no nearer\n"},
        {"{'state':'catching_up','behind_epochs':9,'executed_per_s':null,'agreed_per_s':null}",
         "node 2 is 9 epochs behind\n"},
        {"{'state':'catching_up','behind_epochs':9,'executed_per_s':2,'agreed_per_s':1,"
         "'current_in_s':9000}",
         "node 2 is 9 epochs behind: it executes 2.0 a second while 1.0 are agreed, and is current "
         "in about 2.5 h\n"},
        {"{'state':'catching_up','behind_epochs':900,'snapshot_here':12,'snapshot_pieces':40,"
         "'snapshot_in_s':240.0,'snapshot_wanted':7}",
         "node 2 gathers a snapshot: 12 of 40 pieces are here, all of them in about 4 min\n"},
        {"{'state':'catching_up','snapshot_here':0,'snapshot_pieces':40,'snapshot_in_s':null}",
         "node 2 gathers a snapshot: 0 of 40 pieces are here\n"},
        {"{'state':'catching_up','snapshot_wanted':258,'snapshot_pieces':0}",
         "node 2 has lost its data and votes for nothing: it waits for a snapshot of epoch 258 or "
         "later\n"},
        {"{'state':'catching_up','snapshot_wanted':0}",
         "node 2 has lost its data and votes for nothing: it waits for the others to say where "
         "they are\n"},
        {"{'state':'waiting','n':7,'f':2,'peers':3,'missing':[0,4,5]}",
         "node 2 waits: nothing is agreed before 1 more of nodes 0, 4, 5 can be reached\n"},
        {"{'state':'waiting','n':4,'f':1,'peers':0,'missing':[1]}",
         "node 2 waits: nothing is agreed before 2 more of node 1 can be reached\n"},
        {"{'state':'current','faults':{'equivocation':{'5':3,'0':1},'malformed':{'5':12}}}",
         "node 2 caught node 0: equivocation 1\nnode 2 caught node 5: malformed 12, "
         "equivocation 3\n"},
        /* What a node makes up is not printed. */
        {"{'state':'\\u001b[2J','faults':{'\\u001b[2J':{'\\u001b':1}}}", ""},
        {"{'state':7,'faults':[1]}", ""},
        {"{}", ""},
        {"[]", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[400];
        snprintf(json, sizeof json, "%s", rows[i].json);
        for (char *c = json; *c; c++)
            *c = *c == '\'' ? '"' : *c;
        assert_string_equal(told(json), rows[i].text);
    }
}

static void nothing_is_told_of_who_did_not_answer(void **state)
{
    (void)state;
    assert_string_equal(told("no JSON"), "");
}

/* A liar could write over what the others say. */
static void a_terminal_gets_nothing_else(void **state)
{
    (void)state;
    static const char lie[] = "{\"state\":\"\\u001b[2J\",\"log_root\":\"0a\\u001b]0;x\"}";
    static const char truth[] = "{\"state\":\"current\",\"log_root\":\"0af9\"}";
    json_t *lies = json_loads(lie, 0, NULL), *is = json_loads(truth, 0, NULL);
    assert_string_equal(status_state(lies), "?");
    assert_string_equal(status_hex(lies, "log_root"), "?");
    assert_string_equal(status_state(is), "current");
    assert_string_equal(status_hex(is, "log_root"), "0af9");
    assert_string_equal(status_hex(is, "state_root"), "?");
    json_decref(lies);
    json_decref(is);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_has_its_words),
        cmocka_unit_test(nothing_is_told_of_who_did_not_answer),
        cmocka_unit_test(a_terminal_gets_nothing_else),
    };
    return cmocka_run_group_tests_name("status words", tests, NULL, NULL);
}
