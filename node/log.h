/* The log: one line per event, on stderr.
 *
 *   2026-11-21T06:30:28.123Z level area text key=value…
 *
 * A line is written with one call, so that lines of several threads never mix, and has no
 * control characters whatever is given: no peer's bytes can make a line of their own. Times are
 * UTC. Any thread. */
#ifndef NODE_LOG_H
#define NODE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum {
    LOG_LINE_MAX = 1024,   /* Bytes, the end included; what is longer ends in "...". */
    LOG_LIMIT_MS = 10000,  /* A limited event is logged once in so long, */
    LOG_LIMIT_SLOTS = 256, /* of this many kinds. */
};

/* Writes nothing less important than `level`; at first, LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

__attribute__((format(printf, 3, 4))) void log_line(enum log_level level, const char *area,
                                                    const char *format, ...);

/* As log_line, for what a peer can cause as often as it likes: an area and key get a line at
 * once, then one each LOG_LIMIT_MS that ends in the number of those left out. Two keys may meet in
 * a slot and share what it allows; so the rate of all lines is bounded. */
__attribute__((format(printf, 4, 5))) void log_limited(enum log_level level, const char *area,
                                                       uint64_t key, const char *format, ...);

/* The rule of log_limited, without its clock. */
struct log_slot {
    bool used;
    uint64_t logged_ms;  /* When the last line was written. */
    uint64_t suppressed; /* Since then. */
};
/* Whether an event may be logged now; if so, *suppressed is how many were left out. */
bool log_slot_pass(struct log_slot *slot, uint64_t now_ms, uint64_t *suppressed);

#endif
