#include "tests/http_fixture.h"

enum { CONNECTIONS = 80, FLOOD = 200 };

static void what_is_asked_for_is_answered(void **state)
{
    (void)state;
    ask("GET /a?after=12.5 HTTP/1.1\r\nHost: x\r\n\r\n", "/a 12.5");
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
    ask("GET /missing HTTP/1.1\r\nHost: x\r\n\r\n", "/missing -");
    assert_non_null(strstr(answer, "HTTP/1.1 404 Not Found\r\n"));
}

static void head_is_answered_without_the_text(void **state)
{
    (void)state;
    ask("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n");
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(answer, "\r\nContent-Length: 4\r\n"));
    assert_null(strstr(answer, "/a -"));
}

static void what_would_write_is_refused(void **state)
{
    (void)state;
    ask("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "Only GET and HEAD");
    assert_non_null(strstr(answer, "HTTP/1.1 405 "));
    assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
    ask("DELETE /a HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ");
}

static void one_connection_may_ask_again(void **state)
{
    (void)state;
    static const char request[] =
        "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n";
    ask(request, "/b -");
    assert_non_null(strstr(answer, "/a -"));
}

static void noise_does_no_harm(void **state)
{
    (void)state;
    static const char noise[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n";
    char line[40000];
    int file = dial();
    assert_int_equal(write(file, noise, sizeof noise), sizeof noise);
    serve_until(file, "HTTP/1.1 400");
    close(file);
    memset(line, 'a', sizeof line);
    memcpy(line, "GET /", 5);
    file = dial();
    assert_true(send(file, line, sizeof line, MSG_NOSIGNAL) > 0);
    serve_until(file, "HTTP/1.1 4"); /* Longer than it has room for: refused, or cut off. */
    assert_null(strstr(answer, "200 OK"));
    close(file);
    ask("GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "/a -");
}

static unsigned open_files(void)
{
    unsigned count = 0;
    for (int file = 0; file < 1024; file++)
        count += fcntl(file, F_GETFD) >= 0;
    return count;
}

static void connections_are_bounded(void **state)
{
    (void)state;
    int files[CONNECTIONS];
    const unsigned before = open_files();
    for (unsigned k = 0; k < CONNECTIONS; k++) {
        files[k] = dial();
        http_serve(server);
    }
    assert_in_range(open_files() - before - CONNECTIONS, 1, HTTP_CONNECTIONS_ADDRESS_MAX);
    for (unsigned k = 0; k < CONNECTIONS; k++)
        close(files[k]);
    for (unsigned k = 0; k < CONNECTIONS; k++)
        http_serve(server);
    ask("GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "/a -");
}

/* A byte now and then is not idle, and is no request either. */
static void half_a_request_is_not_waited_for(void **state)
{
    (void)state;
    char byte;
    open_server(200, 0);
    const int file = dial();
    unsigned sent = 0;
    for (; sent < 200; sent++) {
        if (send(file, sent == 0 ? "G" : "E", 1, MSG_NOSIGNAL) < 0 ||
            recv(file, &byte, 1, MSG_DONTWAIT) == 0)
            break;
        http_serve(server);
        poll(NULL, 0, 10);
    }
    assert_in_range(sent, 10, 100);
    close(file);
    ask("GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "/a -"); /* And others are served. */
    close_server();
}

static void each_request_has_its_own_time(void **state)
{
    (void)state;
    static const char request[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    open_server(200, 0);
    const int file = dial();
    for (unsigned k = 0; k < 8; k++) {
        assert_int_equal(send(file, request, strlen(request), MSG_NOSIGNAL), strlen(request));
        serve_until(file, "/a -");
        assert_non_null(strstr(answer, "/a -"));
        poll(NULL, 0, 50);
    }
    close(file);
    close_server();
}

/* Whoever asks for more than his turn waits for the next. */
static void a_flood_is_answered_in_turns(void **state)
{
    (void)state;
    static const char request[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    int files[4];
    for (unsigned k = 0; k < 4; k++) {
        files[k] = dial();
        for (unsigned i = 0; i < FLOOD; i++)
            assert_int_equal(write(files[k], request, strlen(request)), strlen(request));
    }
    unsigned turns = 0;
    handled = 0;
    for (unsigned idle = 0; idle < 100; idle++) {
        const unsigned before = handled;
        http_serve(server);
        assert_in_range(handled - before, 0, 12); /* Each connection may have two in one round. */
        turns += handled > before;
        idle = handled > before ? 0 : idle;
    }
    assert_true(handled >= FLOOD && turns >= handled / 12);
    for (unsigned k = 0; k < 4; k++)
        close(files[k]);
}

static void a_port_in_use_is_named(void **state)
{
    (void)state;
    char message[256];
    struct http *second;
    const struct http_options options = {
        .host = "127.0.0.1", .port = http_port(server), .handle = handle};
    assert_int_equal(http_open(&options, &second, message, sizeof message), -1);
    assert_non_null(strstr(message, "Address already in use"));
    assert_non_null(strstr(message, "http://127.0.0.1:"));
    const struct http_options nowhere = {.host = "no.such.host.invalid", .handle = handle};
    assert_int_equal(http_open(&nowhere, &second, message, sizeof message), -1);
    assert_non_null(strstr(message, "no.such.host.invalid"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_is_answered),
        cmocka_unit_test(head_is_answered_without_the_text),
        cmocka_unit_test(what_would_write_is_refused),
        cmocka_unit_test(one_connection_may_ask_again),
        cmocka_unit_test(noise_does_no_harm),
        cmocka_unit_test(connections_are_bounded),
        cmocka_unit_test(half_a_request_is_not_waited_for),
        cmocka_unit_test(each_request_has_its_own_time),
        cmocka_unit_test(a_flood_is_answered_in_turns),
        cmocka_unit_test(a_port_in_use_is_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
