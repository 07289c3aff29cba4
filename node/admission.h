/* How much of what clients submit is taken: so much that it is executed soon, and each client its
 * share. The rest is refused at once, before it costs anything.
 *
 * *In hand* is what was taken, looked at already or not, and is not executed by the cluster. A pool
 * that is merely large makes everybody wait for all that came before; one that is too small leaves
 * blocks empty. So what is in hand is limited to about what leaves in the *target*, at the greatest
 * rate of late: `delay_ms`, and PATIENCE times the delay with little in hand. That delay is measured
 * by Little's law, from bytes alone: what was in hand on average, by the rate at which it left. Where
 * little is in hand, what is believed follows it; else it only falls, since it would follow its own
 * tail. If it was wrong, less and less is admitted, until that is little. How much a cluster can do
 * shows only when it is given as much: where some is refused and more would fit, the limit goes there
 * at once.
 *
 * A client may have in hand SHARE times what is free (Choudhury and Hahne, 1998): n clients that
 * want all they can get have equal parts, and what they leave free is there for whoever comes with
 * less. What a client has in hand is not followed transaction by transaction: it fades.
 *
 * No clock, no thread, no memory but its own. */
#ifndef NODE_ADMISSION_H
#define NODE_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    ADMISSION_PATIENCE = 3,
    ADMISSION_LITTLE = 4,        /* That part of the limit is little. */
    ADMISSION_LEAST = 8 << 10,   /* Bytes that may be in hand whatever is measured. */
    ADMISSION_FIRST = 256 << 10, /* The limit before anything was measured. */
    ADMISSION_WINDOW_MS = 500,   /* What is measured is measured over so long, at the least. */
    ADMISSION_WINDOWS = 6,       /* The greatest rate is that of so many. */
    ADMISSION_SHARE = 4,
    ADMISSION_CLIENTS = 512, /* Remembered; who has least in hand is forgotten first. */
    ADMISSION_RETRY_MS_MIN = 20,
    ADMISSION_RETRY_MS_MAX = 2000,
};

struct admission {
    uint32_t delay_ms; /* 0: no limit. */
    uint64_t now_ms;
    uint64_t in_hand; /* As last seen, and what was admitted since. */
    uint64_t limit;
    uint64_t base_us; /* The delay with little in hand; 0: not known. */
    struct {
        uint64_t since_ms;
        uint64_t area;             /* Bytes in hand times ms. */
        uint64_t left;             /* Bytes. */
        uint64_t begun_with, came; /* Bytes: in hand, and since then. */
        bool refused;
    } window;
    uint64_t seen;                     /* In hand, when last seen. */
    uint64_t rates[ADMISSION_WINDOWS]; /* Bytes a second, in a circle. */
    unsigned windows;
    struct admission_client {
        uint64_t key;
        uint64_t bytes; /* In hand, at ... */
        uint64_t at_ms;
    } clients[ADMISSION_CLIENTS];
};

void admission_init(struct admission *a, uint32_t delay_ms);
/* In each round. Bytes in hand: in the pool and not executed by the cluster, or being looked at before
 * they may go there. */
void admission_look(struct admission *a, uint64_t now_ms, uint64_t in_hand);
/* The client of this key. Lent until the next call. */
struct admission_client *admission_client(struct admission *a, uint64_t key);
/* Whether a transaction of so many bytes is admitted; then it is in hand. */
bool admission_admit(struct admission *a, struct admission_client *c, uint64_t bytes);
/* When who was refused may come again. */
uint32_t admission_retry_ms(const struct admission *a);

#endif
