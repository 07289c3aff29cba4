#include "testnet/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_NOT_RUN = 127 };

pid_t process_fork(void)
{
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child != 0)
        return child;
    /* It may have died before this was asked for. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(EXIT_NOT_RUN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return 0;
}

/* The end of a child that could not become the command. */
static _Noreturn void give_up(const char *doing)
{
    dprintf(STDERR_FILENO, "%s: %s", doing, strerror(errno));
    _exit(EXIT_NOT_RUN);
}

static _Noreturn void become(const char *const argv[])
{
    execvp(argv[0], (char *const *)argv);
    give_up(argv[0]);
}

static int make_file(const char *content)
{
    const int file = memfd_create("ledger-testnet", MFD_CLOEXEC);
    if (file < 0)
        return -1;
    const size_t size = strlen(content);
    if (write(file, content, size) != (ssize_t)size || lseek(file, 0, SEEK_SET) != 0) {
        close(file);
        return -1;
    }
    return file;
}

/* What was written to the file, without the ends of lines at its end. */
static void read_back(int file, char *text, size_t size)
{
    const ssize_t count = pread(file, text, size - 1, 0);
    text[count > 0 ? count : 0] = '\0';
    for (size_t end = strlen(text); end > 0 && text[end - 1] == '\n'; end--)
        text[end - 1] = '\0';
}

static int wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(const char *const argv[], int in, int out, char *message, size_t message_size)
{
    const int err = make_file("");
    if (in < 0 || out < 0 || err < 0) {
        snprintf(message, message_size, "%s: no temporary file: %s", argv[0], strerror(errno));
        if (err >= 0)
            close(err);
        return -1;
    }
    const pid_t child = process_fork();
    if (child == 0) {
        signal(SIGINT, SIG_IGN); /* Those are for its starter, who waits for it to clean up. */
        signal(SIGHUP, SIG_IGN);
        if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
            dup2(err, STDERR_FILENO) < 0)
            _exit(EXIT_NOT_RUN);
        become(argv);
    }
    const int status = child < 0 ? -1 : wait_for(child);
    if (status != 0) {
        char said[512];
        read_back(err, said, sizeof said);
        snprintf(message, message_size, "%s: %s", argv[0], said[0] ? said : "it failed");
    }
    close(err);
    return status == 0 ? 0 : -1;
}

int process_run(const char *const argv[], const char *input, char *message, size_t message_size)
{
    const int in = make_file(input);
    const int out = make_file("");
    const int error = run(argv, in, out, message, message_size);
    close(in);
    close(out);
    return error;
}

int process_read(const char *const argv[], char *output, size_t output_size, char *message,
                 size_t message_size)
{
    const int in = make_file("");
    const int out = make_file("");
    const int error = run(argv, in, out, message, message_size);
    read_back(out, output, output_size); /* Who fails may have said why there. */
    close(in);
    close(out);
    return error;
}

pid_t process_start(const char *const argv[], int namespace, const char *out, const char *err,
                    char *message, size_t message_size)
{
    const pid_t child = process_fork();
    if (child < 0)
        snprintf(message, message_size, "%s: no process: %s", argv[0], strerror(errno));
    if (child != 0)
        return child;
    setpgid(0, 0); /* An interrupt from the terminal is its starter's. */
    const int in_file = open("/dev/null", O_RDONLY);
    const int out_file = open(out, O_WRONLY | O_CREAT | O_APPEND, 0644);
    const int err_file = open(err, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (in_file < 0 || out_file < 0 || err_file < 0 || dup2(in_file, STDIN_FILENO) < 0 ||
        dup2(out_file, STDOUT_FILENO) < 0 || dup2(err_file, STDERR_FILENO) < 0)
        _exit(EXIT_NOT_RUN);
    if (namespace >= 0 && setns(namespace, CLONE_NEWNET) != 0)
        give_up("setns");
    become(argv);
}
