/* Sockets of TCP on loopback, for a test's own ends of connections. */
#ifndef TESTS_TCP_H
#define TESTS_TCP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Listens at the port (0: any), or connects to it. `receive_bytes`: what the kernel takes in before
 * it is read, about; 0: as usual. */
static inline int tcp_file(uint16_t port, bool listening, int receive_bytes)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int file = socket(AF_INET, SOCK_STREAM, 0);
    if (receive_bytes > 0)
        setsockopt(file, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    const int result = listening ? bind(file, (const struct sockaddr *)&address, sizeof address)
                                 : connect(file, (const struct sockaddr *)&address, sizeof address);
    assert_int_equal(result, 0);
    if (listening)
        assert_int_equal(listen(file, 8), 0);
    return file;
}

static inline uint16_t tcp_port_of(int file)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(file, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

#endif
