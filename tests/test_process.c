/* Children: what they say comes back, and none outlives its parent. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "testnet/process.h"

static char message[256];

static void input_and_output(void **state)
{
    (void)state;
    char output[64];
    const char *const cat[] = {"cat", NULL};
    const char *const echo[] = {"echo", "some", "words", NULL};
    const char *const check[] = {"grep", "-qx", "a line", NULL};
    assert_int_equal(process_run(cat, "", message, sizeof message), 0);
    assert_int_equal(process_run(check, "one\na line\n", message, sizeof message), 0);
    assert_int_equal(process_run(check, "another line\n", message, sizeof message), -1);
    assert_int_equal(process_read(echo, output, sizeof output, message, sizeof message), 0);
    assert_string_equal(output, "some words");
    assert_int_equal(process_read(echo, output, 5, message, sizeof message), 0);
    assert_string_equal(output, "some");
}

static void failures_are_told(void **state)
{
    (void)state;
    const char *const none[] = {"/nonexistent/program", NULL};
    const char *const words[] = {"sh", "-c", "echo what went wrong >&2; exit 3", NULL};
    const char *const silent[] = {"false", NULL};
    assert_int_equal(process_run(none, "", message, sizeof message), -1);
    assert_non_null(strstr(message, "No such file"));
    assert_int_equal(process_run(words, "", message, sizeof message), -1);
    assert_string_equal(message, "sh: what went wrong");
    assert_int_equal(process_run(silent, "", message, sizeof message), -1);
    assert_string_equal(message, "false: it failed");
}

/* As ledger-cli inspect does, when ledgers differ. */
static void who_fails_may_have_said_why(void **state)
{
    (void)state;
    char output[64];
    const char *const both[] = {"sh", "-c", "echo said; exit 3", NULL};
    const char *const none[] = {"/nonexistent/program", NULL};
    assert_int_equal(process_read(both, output, sizeof output, message, sizeof message), -1);
    assert_string_equal(output, "said");
    assert_int_equal(process_read(none, output, sizeof output, message, sizeof message), -1);
    assert_string_equal(output, "");
}

/* Else a second Ctrl-C would stop what cleans up. */
static void an_interrupt_of_all_is_not_theirs(void **state)
{
    (void)state;
    char output[64];
    const char *const sh[] = {"sh", "-c", "kill -INT $$; kill -HUP $$; echo goes on", NULL};
    assert_int_equal(process_read(sh, output, sizeof output, message, sizeof message), 0);
    assert_string_equal(output, "goes on");
}

static void started_ones_append(void **state)
{
    (void)state;
    char path[] = "/tmp/test_process.XXXXXX";
    char text[64] = "";
    const int file = mkstemp(path);
    const char *const echo[] = {"echo", "line", NULL};
    assert_true(file >= 0);
    for (unsigned k = 0; k < 2; k++) {
        const pid_t pid = process_start(echo, -1, path, path, message, sizeof message);
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
    assert_int_equal(pread(file, text, sizeof text - 1, 0), 10);
    assert_string_equal(text, "line\nline\n");
    close(file);
    unlink(path);
}

/* A parent with a child, killed: the pipe that the child holds open closes. */
static void none_outlives_its_parent(void **state)
{
    (void)state;
    int held[2];
    char byte;
    assert_int_equal(pipe(held), 0);
    const pid_t parent = fork();
    if (parent == 0) {
        const char *const sleeper[] = {"sleep", "60", NULL};
        process_start(sleeper, -1, "/dev/null", "/dev/null", message, sizeof message);
        if (write(held[1], "r", 1) != 1)
            _exit(1);
        pause();
    }
    close(held[1]);
    assert_int_equal(read(held[0], &byte, 1), 1);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    fcntl(held[0], F_SETFL, O_NONBLOCK);
    ssize_t size = -1;
    for (unsigned k = 0; k < 500 && size != 0; k++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        size = read(held[0], &byte, 1);
    }
    assert_int_equal(size, 0);
    close(held[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_and_output),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(who_fails_may_have_said_why),
        cmocka_unit_test(an_interrupt_of_all_is_not_theirs),
        cmocka_unit_test(started_ones_append),
        cmocka_unit_test(none_outlives_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
