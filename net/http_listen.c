#include "net/http_listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 32 };

int http_cannot_listen(const char *host, uint16_t port, const char *why, const char *what_to_do,
                       char *message, size_t message_size)
{
    snprintf(message, message_size, "cannot listen on http://%s:%u: %s%s", host, (unsigned)port,
             why, what_to_do);
    return -1;
}

/* A socket that listens, or -1 with errno set. */
static int listen_at(const struct addrinfo *address)
{
    const int yes = 1;
    const int file = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (file < 0)
        return -1;
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(file, address->ai_addr, address->ai_addrlen) == 0 && listen(file, BACKLOG) == 0)
        return file;
    const int reason = errno;
    close(file);
    errno = reason;
    return -1;
}

int http_listen(const char *host, uint16_t port, uint16_t *bound, char *message,
                size_t message_size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    const int error = getaddrinfo(host, service, &hints, &found);
    if (error)
        return http_cannot_listen(host, port, gai_strerror(error), "", message, message_size);
    const int file = listen_at(found);
    freeaddrinfo(found);
    if (file < 0)
        return http_cannot_listen(host, port, strerror(errno),
                                  errno == EADDRINUSE ? "; stop the program that has the port" : "",
                                  message, message_size);
    struct sockaddr_in6 own; /* Room for either; the port is at the same place. */
    socklen_t size = sizeof own;
    if (getsockname(file, (struct sockaddr *)&own, &size) == 0)
        *bound = ntohs(own.sin6_port);
    return file;
}
