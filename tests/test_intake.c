/* A stranger who speaks ZMTP 3.0 (rfc.zeromq.org/spec/23) by hand, since libzmq itself sends no
 * message before its last part is there. */
#include "net/intake.h"

#include "net/socket.h"

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

enum { FRAME = 64 << 10, MOST = 8 << 20, CONNECTIONS = 3, KERNEL = 8 << 20 };

static void *context, *pull;
static struct intake intake;
static uint16_t port;

static int setup(void **state)
{
    (void)state;
    char endpoint[64];
    size_t size = sizeof endpoint;
    const int high_water = 0;
    const struct intake_limit limit = {MOST, 3 * MOST / 2, CONNECTIONS};
    memset(&intake, 0, sizeof intake);
    context = zmq_ctx_new();
    pull = zmq_socket(context, ZMQ_PULL);
    zmq_setsockopt(pull, ZMQ_RCVHWM, &high_water, sizeof high_water);
    if (zmq_bind(pull, "tcp://127.0.0.1:*") ||
        zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, endpoint, &size))
        return -1;
    port = (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
    intake_add(&intake, pull, &limit);
    return intake.port_count == 1 && intake.ports[0].number == port ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    zmq_close(pull);
    zmq_ctx_term(context);
    return 0;
}

/* At most so many messages; fewer when no more are there. */
static unsigned receive_some(unsigned most)
{
    zmq_msg_t m;
    struct socket_rest rest;
    for (unsigned count = 0; count < most; count++) {
        if (!socket_receive(pull, false, &m, &rest)) {
            intake_empty(&intake, 0);
            return count;
        }
        intake_given(&intake, 0, &m, rest.wire_bytes);
        zmq_msg_close(&m);
    }
    return most;
}

static unsigned receive_all(void) { return receive_some(UINT32_MAX); }

static void see(void *i, const struct connection *c) { intake_see(i, c); }

static void look(void)
{
    intake_begin(&intake, 1);
    intake_end(&intake, connections_each(see, &intake));
}

static unsigned received; /* While something was said, ... */
static bool reads = true; /* ... if so. */

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
        if (reads)
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
        look();
    }
    assert_in_range(said, MOST, MOST + KERNEL); /* And what the kernel has not sent on yet. */
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
        look();
    }
    for (unsigned left = 500; left > 0 && received < 2 * (size_t)MOST / FRAME; left--) {
        poll(NULL, 0, 10);
        received += receive_all();
    }
    assert_int_equal(received, 2 * (size_t)MOST / FRAME);
    assert_int_equal(intake.cut, 0);
    close(file);
}

/* Says messages that end; returns how many bytes, until the connection was cut. */
static size_t say_much(int file, size_t most, unsigned read_at_a_time)
{
    zmq_pollitem_t item = {.socket = pull, .events = ZMQ_POLLIN};
    size_t said = 0;
    reads = false;
    for (; said < most && say_part(file, false); said += FRAME) {
        for (unsigned k = 0; k < read_at_a_time; k++) {
            zmq_poll(&item, 1, 5000);
            received += receive_some(1);
        }
        look();
    }
    reads = true;
    return said;
}

static void what_waits_to_be_read_is_cut_when_it_is_too_much(void **state)
{
    (void)state;
    const int file = dial();
    assert_in_range(say_much(file, 4 * (size_t)MOST, 0), MOST, MOST + KERNEL);
    assert_int_equal(intake.cut, 1);
    close(file);
}

/* Half is read of what comes, then all of it: there is always more, and never too much. */
static void who_is_read_late_may_say_much(void **state)
{
    (void)state;
    const int file = dial();
    received = 0;
    say_much(file, MOST / 2, 0);
    assert_int_equal(say_much(file, 4 * (size_t)MOST, 1), 4 * (size_t)MOST);
    assert_false(intake.ports[0].empty);
    assert_int_equal(intake.cut, 0);
    for (unsigned left = 500; left > 0 && received < 9 * (MOST / 2) / FRAME; left--) {
        poll(NULL, 0, 10);
        received += receive_all();
    }
    assert_int_equal(received, 9 * (MOST / 2) / FRAME);
    close(file);
}

/* PINGs are never given out: while nothing waits they do not add up. */
static void pings_are_not_what_waits(void **state)
{
    (void)state;
    static uint8_t ping[9 + FRAME] = {6, [6] = FRAME >> 16, [7] = FRAME >> 8 & 0xff, [9] = 4, 'P'};
    static const uint8_t one[] = "\x00\x01.";
    const int file = dial();
    memcpy(ping + 10, "PING", 4);
    for (size_t said = 0; said < 2 * MOST; said += FRAME) {
        uint8_t pongs[4096];
        assert_true(say(file, ping, sizeof ping));
        assert_true(say(file, one, sizeof one - 1));
        while (recv(file, pongs, sizeof pongs, MSG_DONTWAIT) > 0)
            ;
        poll(NULL, 0, 1);
        receive_all();
        look();
    }
    assert_int_equal(intake.cut, 0);
    close(file);
}

/* Each may have MOST, but all together half as much again. */
static void of_several_each_may_have_its_share(void **state)
{
    (void)state;
    int files[CONNECTIONS];
    for (unsigned k = 0; k < CONNECTIONS; k++)
        files[k] = dial();
    for (unsigned k = 0; k < CONNECTIONS - 1; k++)
        say_much(files[k], 3 * MOST / 4 - FRAME, 0);
    assert_int_equal(intake.cut, 0);
    /* The last says little: what the others had may be there until their connections are gone. */
    assert_int_equal(say_much(files[CONNECTIONS - 1], MOST / 4, 0), MOST / 4);
    for (unsigned left = 500; left > 0 && intake.cut < 2; left--) {
        poll(NULL, 0, 10);
        look();
    }
    for (unsigned k = 0; k < 10; k++, poll(NULL, 0, 5))
        look();
    assert_int_equal(intake.cut, 2);
    for (unsigned k = 0; k < CONNECTIONS; k++)
        close(files[k]);
}

/* Looks are far apart while nothing waits. */
static void looks_are_often_while_something_waits(void **state)
{
    (void)state;
    const int file = dial();
    assert_true(intake_due(&intake, 1));
    look();
    assert_false(intake_due(&intake, 400));
    intake_end(&intake, 100000); /* Nobody makes them rarer than that. */
    assert_false(intake_due(&intake, 1000));
    assert_true(intake_due(&intake, 3000));
    look();
    assert_false(intake_due(&intake, 400));
    received = 0;
    for (unsigned k = 0; k < 2; k++)
        assert_true(say_part(file, false));
    for (unsigned left = 500; left > 0 && received < 2; left--) {
        poll(NULL, 0, 10);
        received += receive_all();
    }
    assert_int_equal(received, 2);
    assert_false(intake_due(&intake, 400));
    reads = false;
    for (unsigned k = 0; k < 2; k++)
        assert_true(say_part(file, false));
    reads = true;
    zmq_pollitem_t item = {.socket = pull, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, 5000), 1);
    receive_some(1);
    assert_true(intake_due(&intake, 400));
    close(file);
}

/* Who is called has no more to say than a handshake. */
static void who_is_called_is_cut_when_it_speaks(void **state)
{
    (void)state;
    struct connection c = {.file = socket(AF_INET, SOCK_STREAM, 0), .inode = 1};
    c.received = INTAKE_CALLED_BYTES;
    intake_see_called(&intake, &c);
    assert_int_equal(intake.cut, 0);
    c.received++;
    intake_see_called(&intake, &c);
    assert_int_equal(intake.cut, 1);
    close(c.file);
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
    look();
    for (unsigned k = 0; k < MANY; k++)
        open += is_open(files[k]);
    assert_in_range(open, CONNECTIONS, CONNECTIONS + 1);
    assert_true(is_open(files[MANY - 1])); /* The one that said something. */
    assert_int_equal(intake.cut, MANY - open);
    look();
    for (unsigned k = 0; k < MANY; k++)
        close(files[k]);
}

static void see_of(const int files[], unsigned count, uint64_t received_bytes)
{
    intake_begin(&intake, 1);
    for (unsigned k = 0; k < count; k++) {
        const struct connection c = {
            .file = files[k], .inode = 100 + k, .own_port = port, .received = received_bytes};
        intake_see(&intake, &c);
    }
    intake_end(&intake, count);
}

/* One that has many connections of its own has a few, and takes none of others. */
static void an_owner_has_a_few_connections_and_those_of_no_other(void **state)
{
    (void)state;
    enum { MANY = INTAKE_OWNER_CONNECTIONS + 2, OTHERS = CONNECTIONS + 2 };
    int files[MANY + OTHERS];
    for (unsigned k = 0; k < MANY + OTHERS; k++)
        files[k] = socket(AF_INET, SOCK_STREAM, 0);
    for (unsigned k = 0; k < MANY + OTHERS; k++) {
        intake.files[files[k]].inode = 100 + k;
        intake_owned(&intake, files[k], k < MANY ? 7 : k - MANY);
    }
    see_of(files, MANY + OTHERS, MOST); /* More than all without an owner may have. */
    assert_int_equal(intake.cut, 2);
    for (unsigned k = 0; k < MANY + OTHERS; k++)
        assert_int_equal(intake.files[files[k]].cut_inode != 0,
                         k >= INTAKE_OWNER_CONNECTIONS && k < MANY);
    see_of(files, MANY + OTHERS, MOST + 1);
    assert_int_equal(intake.cut, MANY + OTHERS);
    for (unsigned k = 0; k < MANY + OTHERS; k++)
        close(files[k]);
}

/* The next connection may get the descriptor of one that had received more. */
static void a_descriptor_that_is_used_again_begins_anew(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 3; k++) {
        const int file = dial();
        look(); /* Less has come than by the one before. */
        for (size_t said = 0; said < MOST / 2; said += FRAME) {
            assert_true(say_part(file, false));
            look();
        }
        for (unsigned left = 20; left > 0; left--) {
            poll(NULL, 0, 5);
            receive_all();
        }
        look();
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
        cmocka_unit_test_setup_teardown(what_waits_to_be_read_is_cut_when_it_is_too_much, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_is_read_late_may_say_much, setup, teardown),
        cmocka_unit_test_setup_teardown(pings_are_not_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(of_several_each_may_have_its_share, setup, teardown),
        cmocka_unit_test_setup_teardown(looks_are_often_while_something_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_called_is_cut_when_it_speaks, setup, teardown),
        cmocka_unit_test_setup_teardown(of_too_many_connections_the_idle_ones_go, setup, teardown),
        cmocka_unit_test_setup_teardown(an_owner_has_a_few_connections_and_those_of_no_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_descriptor_that_is_used_again_begins_anew, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
