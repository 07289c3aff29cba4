/* Commands to a run: taken, answered, and a name that is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "testnet/control.h"

static char message[256];
static char name[64];
static char answer[CONTROL_TEXT_MAX];

static int perform(void *context, const char *text, char *said, size_t size)
{
    unsigned *count = context;
    (*count)++;
    snprintf(said, size, "%s, %s", text, strcmp(text, "well") == 0 ? "done" : "refused");
    return strcmp(text, "well") == 0 ? 0 : -1;
}

/* Serves two commands. */
static pid_t serve(int listener)
{
    const pid_t child = fork();
    if (child == 0) {
        unsigned count = 0;
        for (unsigned k = 0; k < 5000 && count < 2; k++) {
            control_serve(listener, perform, &count);
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
        _exit(count == 2 ? 0 : 1);
    }
    return child;
}

static void commands_are_answered(void **state)
{
    (void)state;
    int status;
    const int listener = control_listen(name, message, sizeof message);
    assert_true(listener >= 0);
    const pid_t child = serve(listener);
    assert_int_equal(control_send(name, "well", answer), 0);
    assert_string_equal(answer, "well, done");
    assert_int_equal(control_send(name, "ill", answer), -1);
    assert_string_equal(answer, "ill, refused");
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(listener);
}

static void names_are_taken_by_the_living(void **state)
{
    (void)state;
    const int listener = control_listen(name, message, sizeof message);
    assert_true(listener >= 0);
    assert_int_equal(control_listen(name, message, sizeof message), -1);
    assert_non_null(strstr(message, "is alive"));
    close(listener);
    assert_int_equal(control_send(name, "well", answer), 1);
    const int again = control_listen(name, message, sizeof message);
    assert_true(again >= 0);
    close(again);
}

int main(void)
{
    snprintf(name, sizeof name, "test_control.%d", (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_answered),
        cmocka_unit_test(names_are_taken_by_the_living),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
