#include "node/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/clock.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static atomic_int level_most = LOG_LEVEL_INFO;

static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_slot slots[LOG_LIMIT_SLOTS];

void log_set_level(enum log_level level) { atomic_store(&level_most, (int)level); }

static bool enabled(enum log_level level) { return (int)level <= atomic_load(&level_most); }

/* Appends what is printed, as far as it fits. */
__attribute__((format(printf, 3, 0))) static size_t append(char *line, size_t used,
                                                           const char *format, va_list arguments)
{
    int size = vsnprintf(line + used, LOG_LINE_MAX - used, format, arguments);
    return size < 0 ? used : used + (size_t)size;
}

static size_t write_head(char *line, enum log_level level, const char *area)
{
    struct timespec now;
    struct tm date;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &date);
    size_t used = strftime(line, LOG_LINE_MAX, "%Y-%m-%dT%H:%M:%S", &date);
    int size = snprintf(line + used, LOG_LINE_MAX - used, ".%03dZ %s %.32s ",
                        (int)(now.tv_nsec / 1000000), level_names[level], area);
    return used + (size_t)size;
}

static void write_line(enum log_level level, const char *area, uint64_t suppressed,
                       const char *format, va_list arguments)
{
    static const char cut[] = "...";
    enum { ROOM = 32 + sizeof cut }; /* For the count, the cut and the end. */
    char line[LOG_LINE_MAX + 1];
    size_t used = append(line, write_head(line, level, area), format, arguments);

    if (used > LOG_LINE_MAX - ROOM) {
        used = LOG_LINE_MAX - ROOM;
        memcpy(line + used, cut, sizeof cut);
        used += sizeof cut - 1;
    }
    if (suppressed > 0)
        used +=
            (size_t)snprintf(line + used, LOG_LINE_MAX - used, " suppressed=%" PRIu64, suppressed);
    for (size_t i = 0; i < used; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written; /* Where would one say that it cannot be said? */
}

void log_line(enum log_level level, const char *area, const char *format, ...)
{
    va_list arguments;
    if (!enabled(level))
        return;
    va_start(arguments, format);
    write_line(level, area, 0, format, arguments);
    va_end(arguments);
}

bool log_slot_pass(struct log_slot *slot, uint64_t now_ms, uint64_t *suppressed)
{
    if (slot->used && now_ms - slot->logged_ms < LOG_LIMIT_MS) {
        slot->suppressed++;
        return false;
    }
    *suppressed = slot->suppressed;
    *slot = (struct log_slot){.used = true, .logged_ms = now_ms};
    return true;
}

/* FNV-1a: it spreads what is not chosen with care, and no more is needed. */
static unsigned slot_index(const char *area, uint64_t key)
{
    uint32_t hash = 2166136261u;
    for (; *area; area++)
        hash = (hash ^ (uint8_t)*area) * 16777619u;
    for (int i = 0; i < 8; i++)
        hash = (hash ^ (uint8_t)(key >> (8 * i))) * 16777619u;
    return hash % LOG_LIMIT_SLOTS;
}

void log_limited(enum log_level level, const char *area, uint64_t key, const char *format, ...)
{
    uint64_t suppressed = 0;
    va_list arguments;
    if (!enabled(level))
        return;

    pthread_mutex_lock(&slots_lock);
    bool pass = log_slot_pass(&slots[slot_index(area, key)], clock_ms(), &suppressed);
    pthread_mutex_unlock(&slots_lock);
    if (!pass)
        return;
    va_start(arguments, format);
    write_line(level, area, suppressed, format, arguments);
    va_end(arguments);
}
