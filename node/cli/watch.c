#include "node/cli/watch.h"

#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <zmq.h>

#include "node/cli/round.h"
#include "node/cli/status_words.h"

enum { ASK_US = 1000000, PATIENCE_US = 800000, WIDTH = 80, HEIGHT = 24, HEAD_LINES = 2 };

static const char title[] = "node state         agreed  behind  peers  confirmed   votes    "
                            "dispersal retrieval  ";

struct watch {
    unsigned count;
    struct round round;
    struct watched nodes[NODES_MAX];
    struct termios before; /* Of the terminal. */
};

static volatile sig_atomic_t ended, suspended;
static void end(int number)
{
    (void)number;
    ended = 1;
}
static void suspend(int number)
{
    (void)number;
    suspended = 1;
}
static void wake(int number) { (void)number; } /* The size has changed: it is drawn anew. */

static uint64_t count_of(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static double growth(uint64_t before, uint64_t now, double span_s)
{
    return now >= before && span_s > 0 ? (double)(now - before) / span_s : NAN;
}

void watch_take(struct watched *w, double at_s, const struct json_t *stats)
{
    memmove(w->history, w->history + 1, sizeof w->history - sizeof *w->history);
    w->history[WATCH_HISTORY - 1] = 0;
    w->asked = true;
    w->answered = stats != NULL;
    w->confirmed_s = NAN;
    for (unsigned k = 0; k < LANES; k++)
        w->received_s[k] = NAN;
    if (!stats)
        return;
    const json_t *received = json_object_get(stats, "rx_bytes");
    w->state = status_state(stats);
    w->agreed = count_of(stats, "epoch_agreed");
    w->executed = count_of(stats, "epoch_executed");
    w->peers = count_of(stats, "peers");
    const uint64_t confirmed = count_of(stats, "confirmed_bytes");
    if (w->known)
        w->confirmed_s = growth(w->confirmed, confirmed, at_s - w->at_s);
    w->confirmed = confirmed;
    for (unsigned k = 0; k < LANES; k++) {
        const uint64_t bytes = count_of(received, lane_names[k]);
        if (w->known)
            w->received_s[k] = growth(w->received[k], bytes, at_s - w->at_s);
        w->received[k] = bytes;
    }
    if (!isnan(w->confirmed_s))
        w->history[WATCH_HISTORY - 1] = (float)w->confirmed_s;
    w->known = true;
    w->at_s = at_s;
}

/* In nine columns. */
static int put_rate(char *text, size_t size, double bytes_s)
{
    static const char *const units[] = {"B/s", "kB/s", "MB/s", "GB/s"};
    unsigned unit = 0;
    if (isnan(bytes_s))
        return snprintf(text, size, "%9s", "-");
    for (; bytes_s >= 999.5 && unit < 3; unit++)
        bytes_s /= 1000;
    return snprintf(text, size, unit > 0 && bytes_s < 9.995 ? "%4.2f %-4s" : "%4.0f %-4s", bytes_s,
                    units[unit]);
}

static void put_bars(const struct watched *w, double most, unsigned width, char *text, size_t size)
{
    static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const unsigned shown = width < WATCH_HISTORY ? width : WATCH_HISTORY;
    for (unsigned k = WATCH_HISTORY - shown; k < WATCH_HISTORY; k++) {
        const double share = most > 0 ? (double)w->history[k] / most : 0;
        const int used = snprintf(text, size, "%s", bars[(unsigned)ceil(8 * fmin(share, 1))]);
        text += used;
        size -= (size_t)used;
    }
}

void watch_line(const struct watched *w, unsigned node, double most, unsigned width,
                char line[WATCH_LINE_MAX])
{
    char text[256];
    const unsigned columns = sizeof title - 1;
    int used;
    width = width < WATCH_LINE_MAX / 4 ? width : WATCH_LINE_MAX / 4 - 1;
    if (!w->answered) {
        snprintf(line, width + 1, "%4u %s", node, w->asked ? "down" : "asked");
        return;
    }
    used = snprintf(text, sizeof text, "%4u %-11s %8llu %7llu %6llu  ", node, w->state,
                    (unsigned long long)w->agreed,
                    (unsigned long long)(w->agreed > w->executed ? w->agreed - w->executed : 0),
                    (unsigned long long)w->peers);
    used += put_rate(text + used, sizeof text - (size_t)used, w->confirmed_s);
    for (unsigned k = 0; k < LANES; k++) {
        text[used++] = ' ';
        used += put_rate(text + used, sizeof text - (size_t)used, w->received_s[k]);
    }
    snprintf(line, width + 1, "%-*s", (int)columns, text);
    if (width > columns)
        put_bars(w, most, width - columns, line + columns, WATCH_LINE_MAX - columns);
}

static void draw(const struct watch *w)
{
    struct winsize size = {.ws_row = HEIGHT, .ws_col = WIDTH};
    char line[WATCH_LINE_MAX];
    double most = 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        size = (struct winsize){.ws_row = HEIGHT, .ws_col = WIDTH};
    const unsigned rows = size.ws_row > HEAD_LINES ? size.ws_row - HEAD_LINES : 1;
    const unsigned shown = w->count < rows ? w->count : rows;
    for (unsigned i = 0; i < w->count; i++)
        for (unsigned k = 0; k < WATCH_HISTORY; k++)
            most = fmax(most, (double)w->nodes[i].history[k]);
    printf("\033[H%.*s\033[K", (int)size.ws_col, title);
    for (unsigned i = 0; i < shown; i++) {
        watch_line(&w->nodes[i], i, most, size.ws_col, line);
        printf("\r\n%s\033[K", line);
    }
    char full[16];
    unsigned up = 0;
    for (unsigned i = 0; i < w->count; i++)
        up += w->nodes[i].answered;
    put_rate(full, sizeof full, most);
    full[strcspn(full, "/") + 2] = '\0'; /* Without the blanks around it. */
    int used = snprintf(line, sizeof line, "%u of %u nodes up", up, w->count);
    if (shown < w->count)
        used += snprintf(line + used, sizeof line - (size_t)used, ", %u shown", shown);
    snprintf(line + used, sizeof line - (size_t)used, "; a full bar: %s; q quits",
             full + strspn(full, " "));
    printf("\r\n%.*s\033[J", (int)size.ws_col, line);
    fflush(stdout);
}

static void ask_all(struct watch *w, uint64_t now_us)
{
    round_begin(&w->round, now_us);
    for (unsigned i = 0; i < w->count; i++)
        round_ask(&w->round, i, w->nodes[i].connection);
}

/* True when a line can be drawn of each. */
static bool take_all(struct watch *w, uint64_t now_us)
{
    for (unsigned i = 0; i < w->count; i++) {
        struct watched *node = &w->nodes[i];
        json_t *stats;
        while ((stats = round_receive(&w->round, i, node->connection))) {
            watch_take(node, (double)w->round.asked_us / 1e6, stats);
            json_decref(stats);
        }
    }
    if (!round_ends(&w->round, now_us, PATIENCE_US))
        return false;
    for (unsigned i = 0; i < w->count; i++)
        if (!w->round.answered[i])
            watch_take(&w->nodes[i], 0, NULL);
    return true;
}

/* Keys, and answers. */
static void wait_for_more(struct watch *w)
{
    zmq_pollitem_t items[NODES_MAX + 1];
    for (unsigned i = 0; i < w->count; i++)
        items[i] = (zmq_pollitem_t){.socket = connection_socket(w->nodes[i].connection),
                                    .events = ZMQ_POLLIN};
    items[w->count] = (zmq_pollitem_t){.fd = STDIN_FILENO, .events = ZMQ_POLLIN};
    if (zmq_poll(items, (int)w->count + 1, 100) < 0) {
        if (!ended)
            draw(w);
        return;
    }
    char key;
    if (items[w->count].revents && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q'))
        ended = 1;
}

/* Another screen, which goes as it came: what was on the terminal is there afterwards. */
static void take_terminal(struct watch *w)
{
    struct termios raw = w->before;
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = suspend;
    sigaction(SIGTSTP, &action, NULL);
    action.sa_handler = wake;
    sigaction(SIGWINCH, &action, NULL);
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    fputs("\033[?1049h\033[?25l\033[?7l", stdout);
}

static void give_terminal_back(const struct watch *w)
{
    fputs("\033[?7h\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &w->before);
}

/* Ctrl-Z: the shell gets its screen, until it says fg. */
static void sleep_until_continued(struct watch *w)
{
    suspended = 0;
    give_terminal_back(w);
    signal(SIGTSTP, SIG_DFL);
    raise(SIGTSTP);
    take_terminal(w);
}

static void follow(struct watch *w)
{
    uint64_t next_us = 0;
    while (!ended) {
        const uint64_t now_us = clock_us();
        if (now_us >= next_us) {
            ask_all(w, now_us);
            next_us = now_us + ASK_US;
        }
        if (take_all(w, now_us))
            draw(w);
        wait_for_more(w);
        if (suspended) {
            sleep_until_continued(w);
            next_us = 0;
        }
    }
}

int watch_cluster(struct target *t)
{
    static struct watch w;
    char message[CONFIG_MESSAGE_MAX];
    int status = EXIT_DONE;
    w = (struct watch){0};
    const char *terminal = getenv("TERM");
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &w.before) != 0)
        return say_usage(t->command, "--watch needs a terminal");
    if (terminal && strcmp(terminal, "dumb") == 0)
        return say_usage(t->command, "--watch needs a terminal that can move its cursor (TERM)");
    for (; w.count < t->cluster.node_count && status == EXIT_DONE; w.count++) {
        struct watched *node = &w.nodes[w.count];
        node->connection = connection_open(t->zmq, &t->cluster, w.count, message, sizeof message);
        if (!node->connection)
            status = say_failed(t->command, "%s", message);
    }
    if (status == EXIT_DONE) {
        take_terminal(&w);
        follow(&w);
        give_terminal_back(&w);
    }
    for (unsigned i = 0; i < w.count; i++)
        connection_close(w.nodes[i].connection);
    return status;
}
