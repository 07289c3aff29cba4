/* The application under test, as a process: started, killed, and cleaned up after. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "node/cli/conformance.h"

enum { RECONNECT_MS = 10, FILES_OPEN_MAX = 16, EXIT_NOT_RUN = 127 };

int subject_why(struct subject *s, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(s->why, sizeof s->why, format, values);
    va_end(values);
    return -1;
}

int subject_open(struct subject *s, char *const command[], int count)
{
    const char *parent = getenv("TMPDIR");
    int size = snprintf(s->home, sizeof s->home, "%s/conformance.XXXXXX",
                        parent && *parent ? parent : "/tmp");
    if (size >= (int)sizeof s->home - (int)sizeof "/socket")
        return subject_why(s, "%s: no socket has a path as long: set TMPDIR to a shorter one",
                           parent);
    if (!mkdtemp(s->home))
        return subject_why(s, "%s: no directory can be made: %s", s->home, strerror(errno));
    snprintf(s->socket, sizeof s->socket, "%s/socket", s->home);
    snprintf(s->directory, sizeof s->directory, "%s/data", s->home);
    snprintf(s->output, sizeof s->output, "%s/output", s->home);
    s->zmq = zmq_ctx_new();
    s->command = calloc((size_t)count + 3, sizeof *s->command);
    if (!s->zmq || !s->command)
        return subject_why(s, "there is no memory");
    for (int i = 0; i < count; i++)
        s->command[i] = command[i];
    s->command[count] = s->socket;
    s->command[count + 1] = s->directory;
    return 0;
}

void subject_kill(struct subject *s)
{
    if (s->process > 0) {
        kill(-s->process, SIGKILL);
        while (waitpid(s->process, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    s->process = 0;
}

static void hang_up(struct subject *s)
{
    if (s->requests)
        zmq_close(s->requests);
    if (s->asides)
        zmq_close(s->asides);
    s->requests = s->asides = NULL;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static int remove_all(struct subject *s, const char *path)
{
    if (nftw(path, remove_one, FILES_OPEN_MAX, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return 0;
    return subject_why(s, "%s: it cannot be removed: %s", path, strerror(errno));
}

int subject_empty(struct subject *s)
{
    subject_kill(s);
    if (remove_all(s, s->directory))
        return -1;
    return mkdir(s->directory, 0700) == 0 ? 0
                                          : subject_why(s, "%s: %s", s->directory, strerror(errno));
}

void subject_close(struct subject *s, bool keep)
{
    subject_kill(s);
    hang_up(s);
    if (s->zmq)
        zmq_ctx_term(s->zmq);
    if (s->home[0] && !keep && remove_all(s, s->home))
        fprintf(stderr, "%s\n", s->why);
    free(s->command);
}

static _Noreturn void become(const struct subject *s, pid_t parent)
{
    const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int out = open(s->output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    /* It does not outlive this process, and what it starts is killed with it. */
    if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(out, STDERR_FILENO) < 0 || setpgid(0, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(EXIT_NOT_RUN);
    execvp(s->command[0], s->command);
    dprintf(STDERR_FILENO, "%s: it cannot be run: %s\n", s->command[0], strerror(errno));
    _exit(EXIT_NOT_RUN);
}

static void *dial(struct subject *s)
{
    const int none = 0, soon = RECONNECT_MS;
    char endpoint[sizeof s->socket + sizeof "ipc://"];
    void *socket = zmq_socket(s->zmq, ZMQ_REQ);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", s->socket);
    if (!socket || (zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none) == 0 &&
                    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &soon, sizeof soon) == 0 &&
                    zmq_connect(socket, endpoint) == 0))
        return socket;
    zmq_close(socket);
    return NULL;
}

int subject_start(struct subject *s)
{
    const pid_t parent = getpid();
    hang_up(s);
    s->requests = dial(s);
    s->asides = dial(s);
    if (!s->requests || !s->asides)
        return subject_why(s, "%s: there is no connection: %s", s->socket,
                           zmq_strerror(zmq_errno()));
    fflush(stdout); /* Or the child would have it, too. */
    const pid_t child = fork();
    if (child == 0)
        become(s, parent);
    if (child < 0)
        return subject_why(s, "%s: no process: %s", s->command[0], strerror(errno));
    setpgid(child, child); /* Whoever of the two comes first. */
    s->process = child;
    return 0;
}

/* The last line of what it said. */
static void last_words(const struct subject *s, char *line, size_t size)
{
    FILE *output = fopen(s->output, "r");
    char read[256];
    line[0] = '\0';
    while (output && fgets(read, sizeof read, output)) {
        read[strcspn(read, "\n")] = '\0';
        if (read[0])
            snprintf(line, size, "%s", read);
    }
    if (output)
        fclose(output);
}

bool subject_ended(struct subject *s, const char *asked)
{
    int status;
    char line[256];
    if (s->process == 0 || waitpid(s->process, &status, WNOHANG) != s->process)
        return s->process == 0;
    kill(-s->process, SIGKILL); /* What it has started. */
    s->process = 0;
    last_words(s, line, sizeof line);
    subject_why(s, "it ended by itself at %s (%s %d)%s%s", asked,
                WIFSIGNALED(status) ? "signal" : "exit status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                line[0] ? "; it said last: " : "", line);
    return true;
}
