/* A link so slow that a frame takes longer than a connection that moves nothing is waited for. */
#include "tests/tcp.h"
#include "tests/transport_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum {
    REDIAL_MS = 1200,
    STEP_MS = 70, /* 30 kB/s: a frame takes 2.2 s. */
    STEP_BYTES = 2048,
    FRAMES = 3,
};

/* Passes on what a caller says slowly, and what it is told at once, until one of them ends. */
static void relay(int caller, int receiver)
{
    uint8_t bytes[STEP_BYTES];
    for (;;) {
        struct pollfd polled[2] = {{caller, POLLIN, 0}, {receiver, POLLIN, 0}};
        ssize_t got;
        poll(polled, 2, -1);
        if (polled[1].revents) {
            if ((got = recv(receiver, bytes, sizeof bytes, 0)) <= 0)
                return;
            send(caller, bytes, (size_t)got, MSG_NOSIGNAL);
        }
        if (polled[0].revents) {
            if ((got = recv(caller, bytes, sizeof bytes, 0)) <= 0)
                return;
            send(receiver, bytes, (size_t)got, MSG_NOSIGNAL);
            poll(NULL, 0, STEP_MS);
        }
    }
}

static void relay_all(int listener, uint16_t to)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        const int caller = accept(listener, NULL, NULL);
        const int receiver = tcp_file(to, false, STEP_BYTES);
        relay(caller, receiver);
        close(caller);
        close(receiver);
    }
}

static void frames_that_move_are_waited_for(void **state)
{
    (void)state;
    struct node b = open_node(0);
    char *endpoint = peers[0].endpoints[LANE_DISPERSAL];
    const uint16_t to = (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
    const int listener = tcp_file(0, true, STEP_BYTES);
    snprintf(endpoint, sizeof peers[0].endpoints[0], "tcp://127.0.0.1:%u", tcp_port_of(listener));
    const pid_t child = fork();
    if (child == 0)
        relay_all(listener, to);
    assert_true(child > 0);
    close(listener);
    struct transport_options o = options_of(1);
    o.redial_ms = REDIAL_MS;
    struct node a = open_with(o);
    for (uint32_t k = 0; k < FRAMES; k++)
        assert_true(send_frame(&a, 0, LANE_DISPERSAL, 0, 0, k, FRAME_MAX));
    for (uint32_t k = 0; k < FRAMES; k++) {
        struct transport_frame f = {0};
        assert_true(arrives(&a, &b, &f, 6 * PATIENCE_MS));
        assert_int_equal(number_of(&f), k);
    }
    close_node(&a);
    close_node(&b);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(frames_that_move_are_waited_for, fresh),
    };
    return cmocka_run_group_tests_name("transport slow", tests, NULL, NULL);
}
