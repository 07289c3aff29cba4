#include "testnet/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENER_PATIENCE_MS = 200, SENDER_PATIENCE_S = 120 };

static socklen_t address_of(const char *run, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    const int size =
        snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "ledger-testnet/%s", run);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
}

int control_listen(const char *run, char *message, size_t message_size)
{
    struct sockaddr_un address;
    const socklen_t size = address_of(run, &address);
    const int file = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file >= 0 && bind(file, (struct sockaddr *)&address, size) == 0 && listen(file, 8) == 0)
        return file;
    if (errno == EADDRINUSE)
        snprintf(message, message_size,
                 "a run named %s is alive: end it (ledger-testnet down --name %s), or give this "
                 "one another --name",
                 run, run);
    else
        snprintf(message, message_size, "no socket for commands: %s", strerror(errno));
    if (file >= 0)
        close(file);
    return -1;
}

static void set_patience(int file, struct timeval patience)
{
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

void control_serve(int listener,
                   int (*perform)(void *context, const char *text, char *answer,
                                  size_t answer_size),
                   void *context)
{
    static char answer[CONTROL_TEXT_MAX];
    char text[1024];
    const int file = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (file < 0)
        return;
    set_patience(file, (struct timeval){.tv_usec = LISTENER_PATIENCE_MS * 1000});
    const ssize_t size = recv(file, text, sizeof text - 1, 0);
    if (size > 0) {
        text[size] = '\0';
        answer[1] = '\0';
        const int error = perform(context, text, answer + 1, sizeof answer - 1);
        answer[0] = error ? '1' : '0';
        send(file, answer, strlen(answer), MSG_NOSIGNAL);
    }
    close(file);
}

int control_send(const char *run, const char *text, char answer[CONTROL_TEXT_MAX])
{
    struct sockaddr_un address;
    const socklen_t size = address_of(run, &address);
    const int file = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (file < 0 || connect(file, (struct sockaddr *)&address, size) != 0) {
        if (file >= 0)
            close(file);
        snprintf(answer, CONTROL_TEXT_MAX, "no run named %s is alive", run);
        return 1;
    }
    set_patience(file, (struct timeval){.tv_sec = SENDER_PATIENCE_S});
    ssize_t received = -1;
    if (send(file, text, strlen(text), MSG_NOSIGNAL) > 0)
        received = recv(file, answer, CONTROL_TEXT_MAX - 1, 0);
    close(file);
    if (received < 1) {
        snprintf(answer, CONTROL_TEXT_MAX, "the run named %s does not answer", run);
        return -1;
    }
    answer[received] = '\0';
    const int error = answer[0] == '0' ? 0 : -1;
    memmove(answer, answer + 1, (size_t)received);
    return error;
}
