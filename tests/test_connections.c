#include "net/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Two ends of a connection; the port is that of the accepting one. */
static uint16_t connect_pair(int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(ends[0], (struct sockaddr *)&address, size), 0);
    ends[1] = accept(listener, NULL, NULL);
    assert_true(ends[1] >= 0);
    close(listener);
    return ntohs(address.sin_port);
}

static int unsent_most(int file)
{
    int most = 0;
    socklen_t size = sizeof most;
    assert_int_equal(getsockopt(file, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, &size), 0);
    return most;
}

static void expect_bounds(int file)
{
    int most = 0;
    socklen_t size = sizeof most;
    assert_int_equal(unsent_most(file), CONNECTIONS_UNSENT_MAX);
    if (getsockopt(file, IPPROTO_TCP, CONNECTIONS_RESEND_OPTION, &most, &size) == 0)
        assert_int_equal(most, CONNECTIONS_RESEND_MS_MAX);
    else
        assert_int_equal(errno, ENOPROTOOPT); /* Of a kernel that does not know it. */
}

static uint64_t trips_in(const struct round_trips *t)
{
    uint64_t sum = 0;
    for (unsigned ms = 0; ms < ROUND_TRIP_MS_MAX; ms++)
        sum += t->counts[0][ms] + t->counts[1][ms];
    return sum;
}

static struct round_trips seen;
static uint16_t counted;

static void see(void *state, const struct connection *c)
{
    (void)state;
    if (!c->listening && c->other_port == counted)
        round_trips_count(&seen, c);
}

static void look(uint16_t port, uint64_t now_ms)
{
    counted = port;
    round_trips_time(&seen, now_ms);
    connections_each(see, NULL);
}

static void all_are_bounded_and_those_to_a_port_are_counted(void **state)
{
    (void)state;
    int a[2], b[2];
    const uint16_t port = connect_pair(a);
    connect_pair(b);
    assert_int_not_equal(unsent_most(a[0]), CONNECTIONS_UNSENT_MAX);
    look(port, 1000);
    for (unsigned k = 0; k < 2; k++) {
        expect_bounds(a[k]);
        expect_bounds(b[k]);
    }
    assert_int_equal(trips_in(&seen), 1);
    look(1, 1500);
    assert_int_equal(trips_in(&seen), 1);
    look(port, 100000); /* In a new span; the last one still counts. */
    assert_int_equal(trips_in(&seen), 2);
    look(1, 200000);
    assert_int_equal(trips_in(&seen), 1);
    look(1, 300000);
    assert_int_equal(trips_in(&seen), 0);
    for (unsigned k = 0; k < 2; k++) {
        close(a[k]);
        close(b[k]);
    }
}

static void close_pair(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

/* Those with the next descriptors at once, others after a few looks. */
static void new_ones_are_found_wherever_they_are(void **state)
{
    enum { PAIRS = 200, FAR = 900, LOOKS = 20 };
    (void)state;
    static int pairs[PAIRS][2];
    int first[2];
    const uint16_t port = connect_pair(first);
    for (unsigned k = 0; k < LOOKS; k++)
        look(port, 400000);
    seen = (struct round_trips){0};
    for (unsigned k = 0; k < PAIRS; k++) {
        counted = connect_pair(pairs[k]);
        if (k % (PAIRS / 2) == PAIRS / 2 - 1)
            look(counted, 400000);
    }
    assert_int_equal(trips_in(&seen), 2); /* The last one of each half. */
    assert_int_equal(dup2(pairs[PAIRS - 1][0], FAR), FAR);
    seen = (struct round_trips){0};
    for (unsigned k = 0; k < LOOKS; k++)
        look(counted, 400000);
    assert_in_range(trips_in(&seen), LOOKS + 1, 2 * LOOKS);
    close(FAR);
    close_pair(first);
    for (unsigned k = 0; k < PAIRS; k++)
        close_pair(pairs[k]);
}

static void another_with_the_same_descriptor_is_another(void **state)
{
    (void)state;
    int a[2], b[2];
    const uint16_t before = connect_pair(a);
    look(before, 500000);
    close_pair(a);
    const uint16_t after = connect_pair(b);
    assert_int_equal(a[0], b[0]);
    assert_int_not_equal(after, before);
    seen = (struct round_trips){0};
    look(before, 500000);
    assert_int_equal(trips_in(&seen), 0);
    look(after, 500000);
    assert_int_equal(trips_in(&seen), 1);
    expect_bounds(b[0]);
    close_pair(b);
}

static void quantiles_are_those_of_both_spans(void **state)
{
    (void)state;
    static struct round_trips trips;
    assert_true(round_trips_quantile(&trips, 0.5) == 0);
    trips.counts[0][0] = 1; /* It took less than one. */
    assert_true(round_trips_quantile(&trips, 0.5) == 0.5);
    trips.counts[0][0] = 0;
    for (unsigned ms = 1; ms <= 100; ms++)
        trips.counts[ms % 2][ms] = 1;
    assert_true(round_trips_quantile(&trips, 0.5) == 50.5);
    assert_true(round_trips_quantile(&trips, 0.99) == 99.5);
    assert_true(round_trips_quantile(&trips, 1) == 100.5);
    trips.counts[0][ROUND_TRIP_MS_MAX - 1] = 1000;
    assert_true(round_trips_quantile(&trips, 0.5) == ROUND_TRIP_MS_MAX - 0.5);
}

static void they_are_found_when_no_descriptor_is_left(void **state)
{
    (void)state;
    struct rlimit usual, none;
    int a[2];
    const uint16_t port = connect_pair(a);
    look(port, 1000);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    none = usual;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const int more = dup(a[0]);
    seen = (struct round_trips){0};
    look(port, 2000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    assert_int_equal(more, -1);
    assert_int_equal(trips_in(&seen), 1);
    close(a[0]);
    close(a[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_bounded_and_those_to_a_port_are_counted),
        cmocka_unit_test(they_are_found_when_no_descriptor_is_left),
        cmocka_unit_test(new_ones_are_found_wherever_they_are),
        cmocka_unit_test(another_with_the_same_descriptor_is_another),
        cmocka_unit_test(quantiles_are_those_of_both_spans),
    };
    return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
