/* What can be done to a running network: the events of a scenario and the commands of a terminal
 * are the same words.
 *
 *   kill 3      restart 3      replace 3      pause 3      resume 3      rate 3 5mbit
 *   partition 0,1|2-4          heal           down         status */
#ifndef TESTNET_COMMAND_H
#define TESTNET_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "testnet/relay.h"

enum { COMMAND_TEXT_MAX = 511 };

enum command_kind {
    COMMAND_KILL, /* With SIGKILL. */
    COMMAND_RESTART,
    COMMAND_REPLACE, /* As on another machine: without its data, with --lost-data. */
    COMMAND_PAUSE,   /* With SIGSTOP. */
    COMMAND_RESUME,
    COMMAND_RATE,      /* Of a link, both ways, from now on. */
    COMMAND_PARTITION, /* Nothing passes between groups; who is not named is alone. */
    COMMAND_HEAL,
    COMMAND_DOWN,
    COMMAND_STATUS,
    COMMAND_KINDS,
};
extern const char *const command_names[COMMAND_KINDS];

struct command {
    enum command_kind kind;
    unsigned node;                  /* Of those that name one. */
    uint64_t rate;                  /* RATE: bytes/s; 0: without limit. */
    uint8_t group[RELAY_SITES_MAX]; /* PARTITION: of each node. */
};

/* Any text may be given. 0, or -1 with what is wrong, and what to write, in `message`. */
int command_parse(const char *text, unsigned nodes, struct command *c, char *message,
                  size_t message_size);

/* 5mbit, 625KB/s, 1.5 MB/s, 200kbit: bytes/s, from 1 kB/s to 4 GB/s; "unlimited": 0. A bit rate
 * is decimal and of bits; a byte rate decimal and of bytes. False when it is anything else. */
bool rate_parse(const char *text, uint64_t *rate);
#define RATE_FORM "a rate from 1kB/s to 4GB/s, as 10 MB/s or 80mbit, or unlimited"

enum { RATE_LEAST = 1000 }; /* Bytes/s. */

#endif
