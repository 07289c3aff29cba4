/* A stranger who speaks ZMTP 3.0 (rfc.zeromq.org/spec/23) by hand, since libzmq itself sends no
 * message before its last part is there. */
#include "net/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME = 64 << 10, FRAMES = 4, MOST = (8 << 20) + (FRAMES + 1) * FRAME, CONNECTIONS = 3 };

static void *context, *pull;
static struct intake intake;
static uint16_t port;

static int setup(void **state)
{
    (void)state;
    char endpoint[64];
    size_t size = sizeof endpoint;
    const int high_water = FRAMES;
    memset(&intake, 0, sizeof intake);
    context = zmq_ctx_new();
    pull = zmq_socket(context, ZMQ_PULL);
    zmq_setsockopt(pull, ZMQ_RCVHWM, &high_water, sizeof high_water);
    if (zmq_bind(pull, "tcp://127.0.0.1:*") ||
        zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, endpoint, &size))
        return -1;
    port = (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
    intake_add(&intake, pull, FRAMES, FRAME, CONNECTIONS);
    return intake.port_count == 1 && intake.ports[0].port == port ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    zmq_close(pull);
    zmq_ctx_term(context);
    return 0;
}

static unsigned receive_all(void)
{
    zmq_msg_t m;
    unsigned count = 0;
    zmq_msg_init(&m);
    while (zmq_msg_recv(&m, pull, ZMQ_DONTWAIT) >= 0) {
        intake_given(&intake, &m);
        count++;
    }
    zmq_msg_close(&m);
    return count;
}

static unsigned received; /* While something was said. */

/* False when the connection is gone, or nothing moves for long. */
static bool say(int file, const void *bytes, size_t size)
{
    unsigned idle = 0;
    for (size_t sent = 0; sent < size && idle < 200;) {
        struct pollfd polled = {.fd = file, .events = POLLOUT};
        const ssize_t now =
            send(file, (const uint8_t *)bytes + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        idle = now > 0 ? 0 : idle + 1;
        if (now > 0)
            sent += (size_t)now;
        else if (errno != EAGAIN)
            return false;
        else
            poll(&polled, 1, 5);
        received += receive_all();
    }
    return idle < 200;
}

static int dial(void)
{
    static const uint8_t ready[] = "\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH";
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3}, answer[64 + 64];
    const int file = socket(AF_INET, SOCK_STREAM, 0);
    memcpy(greeting + 12, "NULL", 4);
    assert_int_equal(connect(file, (const struct sockaddr *)&address, sizeof address), 0);
    assert_true(say(file, greeting, sizeof greeting));
    assert_int_equal(recv(file, answer, 64, MSG_WAITALL), 64);
    assert_true(say(file, ready, sizeof ready - 1));
    assert_true(recv(file, answer, sizeof answer, 0) > 0);
    return file;
}

/* One part of a message, of FRAME bytes. */
static bool say_part(int file, bool more)
{
    static uint8_t part[9 + FRAME];
    part[0] = (uint8_t)(2 | more);
    memset(part + 1, 0, 8);
    part[6] = FRAME >> 16;
    part[7] = FRAME >> 8 & 0xff;
    return say(file, part, sizeof part);
}

static void a_message_without_end_is_cut(void **state)
{
    (void)state;
    const int file = dial();
    size_t said = 0;
    while (said < 4 * (size_t)MOST && say_part(file, true)) {
        said += FRAME;
        intake_look(&intake);
    }
    assert_in_range(said, MOST, MOST + (8 << 20)); /* And what the kernel has not sent on yet. */
    assert_int_equal(intake.cut, 1);
    close(file);
}

static void messages_that_end_may_be_as_many_as_they_like(void **state)
{
    (void)state;
    const int file = dial();
    received = 0;
    for (size_t said = 0; said < 4 * (size_t)MOST; said += FRAME) {
        assert_true(say_part(file, said / FRAME % 2 == 0)); /* Of two parts each. */
        intake_look(&intake);
    }
    for (unsigned left = 500; left > 0 && received < 4 * (size_t)MOST / FRAME; left--) {
        poll(NULL, 0, 10);
        received += receive_all();
    }
    assert_in_range(received, 4 * (size_t)MOST / FRAME - 1, 4 * (size_t)MOST / FRAME + 1);
    assert_int_equal(intake.cut, 0);
    close(file);
}

/* Who reads late is not who is lied to: what waits is bounded by itself. */
static void what_waits_to_be_read_is_not_cut(void **state)
{
    (void)state;
    const int file = dial();
    static const uint8_t part[9 + 1024] = {2, [7] = 4}; /* Small: nothing waits for room. */
    for (unsigned k = 0; k < 4; k++)
        assert_int_equal(send(file, part, sizeof part, MSG_NOSIGNAL), sizeof part);
    for (unsigned k = 0; k < 20; k++) {
        poll(NULL, 0, 5);
        intake_look(&intake);
    }
    assert_int_equal(intake.cut, 0);
    assert_int_equal(receive_all(), 4);
    close(file);
}

static bool is_open(int file)
{
    char byte;
    poll(NULL, 0, 20);
    const ssize_t got = recv(file, &byte, 1, MSG_DONTWAIT);
    return got > 0 || (got < 0 && errno == EAGAIN);
}

static void of_too_many_connections_the_idle_ones_go(void **state)
{
    (void)state;
    enum { MANY = 2 * CONNECTIONS };
    int files[MANY];
    unsigned open = 0;
    for (unsigned k = 0; k < MANY; k++)
        files[k] = dial();
    received = 0;
    assert_true(say_part(files[MANY - 1], false));
    for (unsigned left = 200; left > 0 && received == 0; left--) {
        poll(NULL, 0, 5);
        received += receive_all();
    }
    intake_look(&intake);
    for (unsigned k = 0; k < MANY; k++)
        open += is_open(files[k]);
    assert_in_range(open, CONNECTIONS, CONNECTIONS + 1);
    assert_true(is_open(files[MANY - 1])); /* The one that said something. */
    assert_int_equal(intake.cut, MANY - open);
    intake_look(&intake);
    for (unsigned k = 0; k < MANY; k++)
        close(files[k]);
}

/* The next connection may get the descriptor of one that had received more. */
static void a_descriptor_that_is_used_again_begins_anew(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 3; k++) {
        const int file = dial();
        intake_look(&intake); /* Less has come than by the one before. */
        for (size_t said = 0; said < MOST / 2; said += FRAME) {
            assert_true(say_part(file, false));
            intake_look(&intake);
        }
        for (unsigned left = 20; left > 0; left--) {
            poll(NULL, 0, 5);
            receive_all();
        }
        intake_look(&intake);
        close(file);
        poll(NULL, 0, 100);
    }
    assert_int_equal(intake.cut, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_without_end_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_that_end_may_be_as_many_as_they_like, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_waits_to_be_read_is_not_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(of_too_many_connections_the_idle_ones_go, setup, teardown),
        cmocka_unit_test_setup_teardown(a_descriptor_that_is_used_again_begins_anew, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
