/* Bodies, answers that come later, and those that have no end. */
#include "tests/http_fixture.h"

enum { BODY_MAX = 50000 };

static void post(size_t size, const char *text)
{
    static char request[BODY_MAX + 300];
    const int head = snprintf(request, sizeof request,
                              "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", size);
    memset(request + head, 'b', size);
    request[(size_t)head + size] = '\0';
    ask(request, text);
}

static void a_body_is_taken_up_to_a_size(void **state)
{
    (void)state;
    open_server(0, BODY_MAX);
    post(0, "0 bytes, short");
    post(7, "7 bytes, bbbbb");
    post(BODY_MAX, "50000 bytes, bbbbb");
    post(BODY_MAX + 1, "At most 50000 bytes");
    assert_non_null(strstr(answer, "HTTP/1.1 413 "));
    ask("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "GET, HEAD and POST");
    ask("GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "/a -");
    close_server();
}

/* Until the handler has deferred, or there is something to say. */
static void serve_some(void)
{
    for (unsigned k = 0; k < 20; k++) {
        while (http_serve(server))
            ;
        poll(NULL, 0, 1);
    }
}

static int begin(const char *request)
{
    const int file = dial();
    assert_int_equal(write(file, request, strlen(request)), strlen(request));
    serve_some();
    return file;
}

static const char later[] = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n";

/* However many ask at once: whoever serves has other things to do. */
static void a_few_are_answered_at_a_time_and_each_in_its_turn(void **state)
{
    (void)state;
    enum { MANY = 24, FEW = 4 };
    static const char request[] = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
    int files[MANY];
    open_server(0, 0);
    for (unsigned k = 0; k < MANY; k++) {
        files[k] = dial();
        assert_int_equal(write(files[k], request, sizeof request - 1), sizeof request - 1);
    }
    poll(NULL, 0, 20);
    handled = 0;
    http_serve(server);
    http_serve(server);
    assert_in_range(handled, 1, 2 * FEW);
    const int last = dial(); /* Comes last, and waits for the others. */
    assert_int_equal(write(last, later, strlen(later)), strlen(later));
    poll(NULL, 0, 20);
    for (unsigned served = 0; handled < MANY; served++) {
        assert_null(deferred);
        const unsigned before = handled;
        const bool more = http_serve(server);
        assert_true(more || handled == MANY || served < 2);
        assert_in_range(handled - before, 0, FEW);
        assert_true(served < 2 * MANY / FEW);
    }
    close(files[0]);
    serve_some();
    assert_non_null(deferred);
    close(last);
    for (unsigned k = 1; k < MANY; k++) {
        char text[512];
        while (http_serve(server))
            ;
        assert_true(read(files[k], text, sizeof text) > 0);
        close(files[k]);
    }
    close_server();
}

/* Nor does it hold them up that others have come and gone. */
static void who_is_held_may_go_and_the_server_may_stop(void **state)
{
    (void)state;
    enum { MANY = 24 };
    static const char request[] = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
    int files[MANY];
    for (unsigned stop = 0; stop < 2; stop++) {
        open_server(0, 0);
        for (unsigned k = 0; k < MANY; k++) {
            files[k] = dial();
            assert_int_equal(write(files[k], request, sizeof request - 1), sizeof request - 1);
        }
        poll(NULL, 0, 20);
        http_serve(server);
        for (unsigned k = 0; k < MANY; k++)
            close(files[k]);
        if (!stop)
            ask("GET /b HTTP/1.1\r\nHost: x\r\n\r\n", "/b -");
        close_server();
    }
}

static void what_is_deferred_is_answered_later(void **state)
{
    (void)state;
    struct http_answer out;
    open_server(100, 0);
    ask("GET /now HTTP/1.1\r\nHost: x\r\n\r\n", "at once");
    const int file = begin(later);
    assert_non_null(deferred);
    ask("GET /b HTTP/1.1\r\nHost: x\r\n\r\n", "/b -"); /* Others do not wait for it. */
    poll(NULL, 0, 150);
    serve_some(); /* Nor is it hung up on: it waits for us. */
    http_say(&out, 200, "it was worth it");
    http_answer_call(deferred, &out);
    serve_until(file, "it was worth it");
    assert_non_null(strstr(answer, "it was worth it"));
    assert_int_equal(write(file, "GET /c HTTP/1.1\r\nHost: x\r\n\r\n", 28), 28);
    serve_until(file, "/c -"); /* And the connection goes on. */
    close(file);
    assert_int_equal(forgotten, 0);
    close_server();
}

static void who_has_gone_is_answered_in_vain(void **state)
{
    (void)state;
    struct http_answer out;
    open_server(0, 0);
    close(begin(later));
    serve_some();
    http_say(&out, 200, "too late");
    http_answer_call(deferred, &out);
    serve_some();
    ask("GET /b HTTP/1.1\r\nHost: x\r\n\r\n", "/b -");
    close_server();
    assert_int_equal(forgotten, 0);
}

/* It is noticed while nobody has an answer for them. */
static void who_has_gone_is_forgotten(void **state)
{
    (void)state;
    open_server(0, 0);
    close(begin(later));
    for (unsigned k = 0; k < 12 && forgotten == 0; k++) {
        poll(NULL, 0, 100);
        serve_some();
    }
    assert_int_equal(forgotten, 1);
    close(begin("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"));
    for (unsigned k = 0; k < 12 && tap.ended == 0; k++) {
        poll(NULL, 0, 100);
        serve_some();
    }
    assert_int_equal(tap.ended, 1);
    close_server();
    assert_int_equal(forgotten, 1);
}

/* What has been answered is sent, although the server closes. */
static void what_is_answered_last_is_sent(void **state)
{
    (void)state;
    struct http_answer out;
    open_server(0, 0);
    const int file = begin(later);
    const int other = begin(later); /* Which has no answer. */
    struct http_call *unanswered = deferred;
    assert_non_null(unanswered);
    http_say(&out, 200, "the last word");
    http_answer_call(deferred, &out);
    close_server();
    assert_int_equal(forgotten, 1);
    char text[2][500] = {""};
    assert_true(recv(file, text[0], sizeof text[0] - 1, 0) > 0);
    assert_true(recv(other, text[1], sizeof text[1] - 1, 0) > 0);
    assert_non_null(strstr(text[1], "the last word"));
    assert_non_null(strstr(text[0], "HTTP/1.1 503 "));
    close(file);
    close(other);
}

static void what_is_never_answered_is_forgotten(void **state)
{
    (void)state;
    open_server(0, 0);
    const int file = begin(later);
    close_server();
    assert_int_equal(forgotten, 1);
    close(file);
}

static const char stream[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";

static void a_stream_comes_as_it_is_there(void **state)
{
    (void)state;
    open_server(100, 0);
    const int file = begin(stream);
    serve_until(file, "\r\n\r\n");
    assert_int_equal(tap.reads, 1); /* Asked once, and then not before it is woken. */
    for (unsigned k = 0; k < 3; k++) {
        poll(NULL, 0, 50); /* More than a request may take, in all. */
        serve_some();
        tap.parts = 1;
        http_wake(deferred);
        serve_until(file, "<xxx");
        assert_non_null(strstr(answer, "<xxx"));
    }
    assert_int_equal(tap.ended, 0);
    tap.over = true;
    http_wake(deferred);
    serve_until(file, "\r\n0\r\n\r\n"); /* The last chunk. */
    serve_some();
    assert_int_equal(tap.ended, 1);
    close(file);
    close_server();
}

/* Who does not read is asked for no more than fits between us, and is not cut. */
static void a_reader_who_rests_is_waited_for(void **state)
{
    (void)state;
    enum { PARTS = 20000 };
    open_server(100, 0);
    const int file = begin(stream);
    tap.parts = PARTS;
    http_wake(deferred);
    for (unsigned k = 0; k < 30; k++) { /* More than who does nothing has, and a request. */
        serve_some();
        poll(NULL, 0, 80);
    }
    const unsigned left = tap.parts;
    assert_in_range(left, PARTS / 2, PARTS - 1);
    assert_int_equal(tap.ended, 0);
    tap.over = true;
    size_t got = 0;
    for (ssize_t count = 1; count > 0;) {
        http_serve(server);
        count = recv(file, answer, sizeof answer, MSG_DONTWAIT);
        got += count > 0 ? (size_t)count : 0;
        if (count < 0 && errno == EAGAIN)
            count = 1;
    }
    assert_true(got > (size_t)PARTS * PART);
    assert_int_equal(tap.parts, 0);
    serve_some();
    assert_int_equal(tap.ended, 1);
    close(file);
    close_server();
}

static void a_stream_ends_with_its_reader_or_its_server(void **state)
{
    (void)state;
    open_server(0, 0);
    close(begin(stream));
    tap.parts = 100; /* It is noticed by what cannot be sent. */
    http_wake(deferred);
    serve_some();
    assert_int_equal(tap.ended, 1);
    const int file = begin(stream);
    const int other = begin("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    serve_some();
    assert_int_equal(tap.ended, 2); /* Who wants the head alone has had it. */
    close_server();
    assert_int_equal(tap.ended, 3);
    close(file);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_taken_up_to_a_size),
        cmocka_unit_test(a_few_are_answered_at_a_time_and_each_in_its_turn),
        cmocka_unit_test(who_is_held_may_go_and_the_server_may_stop),
        cmocka_unit_test(what_is_deferred_is_answered_later),
        cmocka_unit_test(who_has_gone_is_answered_in_vain),
        cmocka_unit_test(who_has_gone_is_forgotten),
        cmocka_unit_test(what_is_answered_last_is_sent),
        cmocka_unit_test(what_is_never_answered_is_forgotten),
        cmocka_unit_test(a_stream_comes_as_it_is_there),
        cmocka_unit_test(a_reader_who_rests_is_waited_for),
        cmocka_unit_test(a_stream_ends_with_its_reader_or_its_server),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
